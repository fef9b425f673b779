"""kdc.py: a Kerberos realm of MIT's on loopback, in a directory of its own.

The KDC is unpacked in build/peers, because it starts when it is installed.
"""
import os
import socket
import subprocess
from pathlib import Path

from .mta import PASSWORD, PEERS, USER, free_port
from .relay import until

REALM = "EXAMPLE.TEST"
KRB5_CONF = """
[libdefaults]
  default_realm = REALM
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
[realms]
  REALM = {
    kdc = 127.0.0.1:PORT
  }
"""
KDC_CONF = """
[dbmodules]
  db_module_dir = MODULES
[kdcdefaults]
  kdc_listen = 127.0.0.1:PORT
  kdc_tcp_listen = 127.0.0.1:PORT
[realms]
  REALM = {
    database_name = DIR/principal
    key_stash_file = DIR/stash
    acl_file = DIR/acl
  }
"""


class Kdc:
    """alice has a ticket (cc); smtp/localhost's key is in smtp.keytab."""

    def __init__(self, directory):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True)
        self.port = free_port()
        (modules,) = PEERS.glob("usr/lib/*/krb5/plugins/kdb")
        for name, text in (("krb5.conf", KRB5_CONF), ("kdc.conf", KDC_CONF)):
            (self.dir / name).write_text(
                text.replace("MODULES", str(modules))
                .replace("REALM", REALM).replace("DIR", str(self.dir))
                .replace("PORT", str(self.port)))
        self.keytab = self.dir / "smtp.keytab"
        self.env = {
            **os.environ, "KRB5_CONFIG": str(self.dir / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self.dir / "kdc.conf"),
            "KRB5CCNAME": f"FILE:{self.dir / 'cc'}",
            "KRB5_KTNAME": str(self.keytab),
            "KRB5RCACHENAME": "none:",
            "PATH": f"{PEERS / 'usr' / 'sbin'}:{os.environ['PATH']}",
        }
        self.process = None

    def call(self, *command, stdin=""):
        done = subprocess.run([str(x) for x in command], input=stdin.encode(),
                              capture_output=True, env=self.env, timeout=60,
                              check=False)
        assert done.returncode == 0, (command, done.stdout + done.stderr)

    def __enter__(self):
        self.call("kdb5_util", "create", "-s", "-r", REALM, "-P", "master")
        self.call("kadmin.local", "-q", f"addprinc -pw {PASSWORD} {USER}")
        self.call("kadmin.local", "-q", "addprinc -randkey smtp/localhost")
        self.call("kadmin.local", "-q",
                  f"ktadd -k {self.keytab} smtp/localhost")
        self.process = subprocess.Popen(
            ["krb5kdc", "-n"], env=self.env, stdin=subprocess.DEVNULL,
            stdout=open(self.dir / "stdout", "wb"), stderr=subprocess.STDOUT)

        def answers():
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                return False
            return True
        until("the KDC to answer", answers)
        self.call("kinit", USER, stdin=PASSWORD + "\n")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)
