"""fixtures.py: what conftest.py of each suite with processes imports."""
# pylint: disable=redefined-outer-name
import socket

import pytest

from emulated import exchange
from harness.certs import Authority
from harness.relay import (EXAMPLE, PASSWORDS, Relay, add_user,
                           write_secret)

# Canaries: long, odd, and nowhere else in this project.
HQ_PASSWORD = "Kanari-hq-7Zq!4vX"
BRANCH_PASSWORD = "Kanari-branch-9wR#2k"
IMS_PASSWORD = "Kanari-ims-5tB$8m"
PASSWORDS.update((HQ_PASSWORD, BRANCH_PASSWORD, IMS_PASSWORD))

HQ_CLIENT, BRANCH_CLIENT = "127.0.10.1", "127.0.11.1"


@pytest.fixture
def free_port():
    """A function that finds ports nobody uses now."""
    def choose(host="127.0.0.1"):
        with socket.create_server((host, 0)) as s:
            return s.getsockname()[1]
    return choose


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def relay(tmp_path):
    """make(policy, ...): a relay with one listener "main", started.

    Its users "people" are alice; secret "service" is for hops.
    """
    made = []

    def make(policy, start=True, **more):
        here = tmp_path / f"relay{len(made)}"
        here.mkdir()
        add_user(here / "users", "alice", IMS_PASSWORD)
        write_secret(here / "service.secret", f"DOM\\service:{HQ_PASSWORD}")
        config = {
            "hostname": "relay.test",
            "postmaster": "postmaster@hq.example",
            "listeners": {"main": {"address": "127.0.0.1:0"}},
            "workers": 4,
            "spool": {"path": "spool"},
            "policy": {"files": ["policy.lua"]},
            "users": {"people": {"file": "users"}},
            "secrets": {"service": {"file": "service.secret"}},
            "log": {"format": "json"},
        }
        for key, value in more.items():
            if isinstance(value, dict) and key in config:
                config[key] = {**config[key], **value}
            else:
                config[key] = value
        r = Relay(here, config, policy)
        made.append(r)
        return r.start() if start else r
    yield make
    for r in made:
        if r.process is not None:
            r.stop()


class Sites:
    """The example deployment: two sites, and the relay between them."""

    def __init__(self, directory, policy=None, hq=None, branch=None,
                 sets=()):
        self.dir = directory
        self.hq = hq or exchange.Ims50Server({"relay": HQ_PASSWORD})
        self.branch = branch or exchange.Ims55Server(
            {"relay": BRANCH_PASSWORD})
        add_user(directory / "users", "ims", IMS_PASSWORD)
        write_secret(directory / "hq", f"HQ\\relay:{HQ_PASSWORD}")
        write_secret(directory / "branch", f"BRANCH\\relay:{BRANCH_PASSWORD}")
        self.relay = Relay(directory, config_file=EXAMPLE / "dragoman.yaml",
                           sets=[
            "listeners.ims.address=127.0.0.1:0",
            f"vars.hq={self.hq.address}",
            f"vars.branch={self.branch.address}",
            "vars.hq_network=127.0.10.0/24",
            "vars.branch_network=127.0.11.0/24",
            f"users.ims.file={directory}/users",
            f"secrets.hq-service.file={directory}/hq",
            f"secrets.branch-service.file={directory}/branch",
            f"spool.path={directory}/spool",
            "workers=4",
            *([f"policy.files=[{directory}/policy.lua]"] if policy else []),
            *sets,
        ])
        if policy:
            self.relay.write_policy(policy)

    def __enter__(self):
        self.relay.start()
        return self

    def __exit__(self, *why):
        self.relay.__exit__(*why)
        self.hq.stop()
        self.branch.stop()

    def client(self, version, password=IMS_PASSWORD, source=None, **options):
        """An IMS of the site that runs this version."""
        if source is None:
            source = HQ_CLIENT if version == "5.0" else BRANCH_CLIENT
        return exchange.ImsClient(version, self.relay.address("ims"), "ims",
                                  password, source, **options)


@pytest.fixture
def sites(tmp_path):
    """make(...): a Sites in a directory of its own, to be used by `with`."""
    made = []

    def make(**options):
        here = tmp_path / f"sites{len(made)}"
        here.mkdir()
        made.append(Sites(here, **options))
        return made[-1]
    return make
