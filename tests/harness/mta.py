"""mta.py: Exim and Postfix as hops, unpacked in build/peers, never installed.

The recipes are those that are known to work: everything below one directory,
in the foreground, on a free port of loopback.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import textwrap
from pathlib import Path

from harness.relay import ROOT, until

PEERS = Path(os.environ.get("PEERS", ROOT / "build" / "peers"))
USER, PASSWORD = "alice", "Pa$$w0rd"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def answers(port):
    """A greeting may take seconds where all is slow: each look that gives up
    early leaves the server one more dead connection to serve first."""
    try:
        with socket.create_connection(("127.0.0.1", port), 20) as s:
            return s.recv(3) == b"220"
    except OSError:
        return False


class Mta:
    """A server in the foreground: `log` is what it wrote, `mails` what came."""

    def __init__(self, directory):
        self.dir = Path(directory)
        self.dir.mkdir(parents=True, exist_ok=True)
        for parent in (self.dir, *self.dir.parents):
            if str(parent).startswith("/tmp") and parent != Path("/tmp"):
                parent.chmod(0o755)  # others run as users of their own
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = None

    def run(self, *command, **env):
        self.process = subprocess.Popen(
            [str(x) for x in command], stdin=subprocess.DEVNULL,
            stdout=open(self.dir / "stdout", "wb"), stderr=subprocess.STDOUT,
            env={**os.environ, **env}, start_new_session=True)
        try:
            until(f"{type(self).__name__} to answer",
                  lambda: self.has_died() or answers(self.port))
        except TimeoutError as e:
            raise TimeoutError(f"{e}: {self.said()}{self.log()}") from e
        return self

    def has_died(self):
        return self.process.poll() is not None

    def log(self):
        return ""

    def said(self):
        return (self.dir / "stdout").read_text(errors="replace")[-2000:]

    def __enter__(self):
        """A free port may be somebody's by the time a server binds it, which
        then ends: so it is tried with another one."""
        for _ in range(3):
            self.start()
            if not self.has_died():
                return self
            words = self.said() + self.log()
            shutil.rmtree(self.dir)
            self.dir.mkdir()
            self.dir.chmod(0o755)
            self.port = free_port()
            self.address = f"127.0.0.1:{self.port}"
        raise TimeoutError(f"{type(self).__name__} ends at once: {words}")

    def __exit__(self, *_):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)

    def wait_log(self, text):
        return until(f"{text!r} in the log of {type(self).__name__}: "
                     f"{self.log()[-1500:]}", lambda: text in self.log())

    def wait_mail(self):
        found = until("a mail", lambda: [
            x for x in self.maildir.glob("new/*") if x.stat().st_size])
        return found[0].read_bytes()


EXIM = r"""
primary_hostname = exim.test
spool_directory = DIR/spool
log_file_path = DIR/log/%slog
pid_file_path = DIR/exim.pid
exim_path = DIR/exim-run
deliver_drop_privilege
keep_environment =
host_lookup =
rfc1413_hosts =
tls_advertise_hosts =
daemon_smtp_ports = PORT
local_interfaces = 127.0.0.1
"""
EXIM_SERVER = r"""
auth_advertise_hosts = *
acl_smtp_rcpt = rcpt
acl_smtp_data = data
begin acl
rcpt:
  accept authenticated = *
  deny message = authentication required
data:
  accept
begin routers
r:
  driver = accept
  transport = t
begin transports
t:
  driver = appendfile
  maildir_format
  directory = DIR/out
  create_directory
  return_path_add
  envelope_to_add
begin retry
* * F,1h,1m
begin rewrite
begin authenticators
spa_srv:
  driver = spa
  public_name = NTLM
  server_password = ${if eqi{$auth1}{alice}{\NPa$$w0rd\N}fail}
  server_set_id = $auth1
"""
EXIM_CLIENT = r"""
begin routers
r:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = t
begin transports
t:
  driver = smtp
  port = HOP
  allow_localhost
  hosts_try_fastopen =
  hosts_try_chunking =
  hosts_avoid_tls = *
  hosts_require_auth = *
begin authenticators
a:
  driver = spa
  public_name = NTLM
  client_username = alice
  client_password = \NPa$$w0rd\N
"""


class Exim(Mta):
    """SPA as a server, and as a client (`send`)."""

    def set_up(self, more, hop=0):
        for name in ("spool", "log", "out"):
            (self.dir / name).mkdir(exist_ok=True)
            shutil.chown(self.dir / name, "Debian-exim", "Debian-exim")
        (self.dir / "out").chmod(0o777)
        # it runs itself again for each delivery
        run = self.dir / "exim-run"
        run.write_text(f'#!/bin/sh\nexec {PEERS}/usr/sbin/exim4 "$@"\n')
        run.chmod(0o755)
        conf = self.dir / "exim.conf"
        conf.write_text((EXIM + more).replace("DIR", str(self.dir))
                        .replace("PORT", str(self.port))
                        .replace("HOP", str(hop)))
        self.maildir = self.dir / "out"
        return [run, "-C", conf]

    def start(self):
        return self.run(*self.set_up(EXIM_SERVER), "-bdf")

    def send(self, hop_port, sender, to, message):
        command = self.set_up(EXIM_CLIENT, hop_port)
        subprocess.run([str(x) for x in (*command, "-odi", "-f", sender, to)],
                       input=message.replace(b"\r\n", b"\n"), check=False,
                       timeout=60, capture_output=True)

    def log(self):
        path = self.dir / "log" / "mainlog"
        return path.read_text(errors="replace") if path.exists() else ""


POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
command_directory = PEERS/usr/sbin
daemon_directory = PEERS/usr/lib/postfix/sbin
shlib_directory = PEERS/usr/lib/postfix
meta_directory = PEERS/etc/postfix
import_environment = MAIL_CONFIG LANG=C LD_LIBRARY_PATH=PEERS/usr/lib/postfix
maillog_file = DIR/log
maillog_file_prefixes = DIR
myhostname = postfix.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks =
smtpd_peername_lookup = no
smtpd_tls_security_level = none
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = DIR/conf/sasl
smtpd_sasl_security_options = noanonymous
broken_sasl_auth_clients = no
smtpd_relay_restrictions = permit_sasl_authenticated, reject
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:maildir/
virtual_mailbox_base = DIR
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
"""
POSTFIX_MASTER = """
127.0.0.1:PORT inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
"""
SASL = """
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: DIR/data/sasldb2
mech_list: ALL
"""
SASL_MECHANISMS = "NTLM PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256"


class Postfix(Mta):
    """Cyrus SASL as a server.  more: "mech_list", and lines for main.cf."""

    def __init__(self, directory, more=None):
        super().__init__(directory)
        self.more = dict(more or {})

    def start(self):
        conf = self.dir / "conf"
        (conf / "sasl").mkdir(parents=True)
        for name in ("queue", "data"):
            (self.dir / name).mkdir()
        self.dir.chmod(0o777)  # user 65534 makes the maildir
        shutil.chown(self.dir / "data", "postfix")
        main = POSTFIX_MAIN + self.more.get("main", "")
        sasl = re.sub("mech_list: .*", "mech_list: " + self.more.get(
            "mech_list", SASL_MECHANISMS), SASL)
        for path, text in ((conf / "main.cf", main),
                           (conf / "master.cf", POSTFIX_MASTER),
                           (conf / "sasl" / "smtpd.conf", sasl)):
            path.write_text(textwrap.dedent(text).replace(
                "DIR", str(self.dir)).replace("PEERS", str(PEERS)).replace(
                    "PORT", str(self.port)))
        sasldb = self.dir / "data" / "sasldb2"
        subprocess.run(["saslpasswd2", "-p", "-c", "-f", sasldb, "-u",
                        "postfix.test", USER], input=PASSWORD.encode(),
                       check=True, timeout=60)
        shutil.chown(sasldb, "postfix")
        self.maildir = self.dir / "maildir"
        env = {"LD_LIBRARY_PATH": f"{PEERS}/usr/lib/postfix"}
        subprocess.run([PEERS / "usr/sbin/postfix", "-c", conf, "check"],
                       env={**os.environ, **env}, timeout=60, check=False,
                       capture_output=True)
        return self.run(PEERS / "usr/lib/postfix/sbin/master", "-d", "-c",
                        conf, **env)

    def log(self):
        path = self.dir / "log"
        return path.read_text(errors="replace") if path.exists() else ""
