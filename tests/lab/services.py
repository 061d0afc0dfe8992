"""services.py - real servers whose TLS begins with a request: mail, files, directory, database.

Each function writes its configuration into the play's folder and gives the command that serves in
the foreground. `tls` False leaves TLS out of the configuration, as in a server that never had it.
The clients are the ones that people use; all of them go on without TLS when they are not told to
insist, which is what a stripping attacker lives on.
"""

import os
import shutil
import subprocess
from pathlib import Path

from stage import SERVER_IPV4

PORTS = {"smtp": 25, "imap": 143, "pop3": 110, "ftp": 21, "ldap": 389, "postgresql": 5432}
USER, PASSWORD = "user", "not-so-secret"
LDAP_ROOT = "cn=admin,dc=example,dc=test"
SETUP_SECONDS = 60


def serve(stage, protocol, tls=True):
    """Starts the server of this protocol and waits until it listens. Its process."""
    os.chmod(stage.folder, 0o755)  # these servers drop their rights and must still reach it
    command = SERVERS[protocol](Path(stage.folder), tls)
    return stage.serve(command, port=PORTS[protocol])


def client(protocol, address=SERVER_IPV4, tls=True, login=True):
    """The command of a client that takes TLS when it is there (`tls` False: does not ask)."""
    return CLIENTS[protocol](address, tls, login)


# ---- servers -------------------------------------------------------------------------------------

POSTFIX_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/postfix-queue
data_directory = {folder}/postfix-data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.example.test
mydestination = example.test
mynetworks = 0.0.0.0/0 [::]/0
inet_interfaces = all
alias_maps =
local_recipient_maps =
local_transport = discard:
smtpd_peername_lookup = no
smtpd_tls_cert_file = {folder}/server.pem
smtpd_tls_key_file = {folder}/server.key
smtpd_tls_security_level = {level}
"""
POSTFIX_MASTER = """
smtp      inet  n - n - -     smtpd
cleanup   unix  n - n - 0     cleanup
qmgr      unix  n - n 300 1   qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - -     trivial-rewrite
bounce    unix  - - n - 0     bounce
defer     unix  - - n - 0     bounce
anvil     unix  - - n - 1     anvil
proxymap  unix  - - n - -     proxymap
discard   unix  - - n - -     discard
"""
POSTFIX_QUEUES = "active bounce corrupt defer deferred flush hold incoming private saved trace"


def _postfix(folder, tls):
    conf = folder / "postfix"
    conf.mkdir()
    level = "may" if tls else "none"
    (conf / "main.cf").write_text(POSTFIX_MAIN.format(folder=folder, level=level))
    (conf / "master.cf").write_text(POSTFIX_MASTER)
    queue, data = folder / "postfix-queue", folder / "postfix-data"
    for path in (queue, data, *(queue / name for name in POSTFIX_QUEUES.split())):
        path.mkdir()
        if path != queue:
            shutil.chown(path, "postfix")
    for name in ("public", "maildrop"):
        (queue / name).mkdir()
        shutil.chown(queue / name, "postfix", "postdrop")
    (queue / "pid").mkdir()
    return ["/usr/lib/postfix/sbin/master", "-c", str(conf), "-d"]


DOVECOT_CONFIG = """
base_dir = {folder}/dovecot
state_dir = {folder}/dovecot
log_path = /dev/stderr
protocols = imap pop3
ssl = {ssl}
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:{folder}/mail
first_valid_uid = 1
default_login_user = nobody
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/mail
}}
"""


def _dovecot(folder, tls):
    mail = folder / "mail"
    mail.mkdir()
    shutil.chown(mail, "mail", "mail")
    config = folder / "dovecot.conf"
    ssl = "yes" if tls else "no"
    config.write_text(DOVECOT_CONFIG.format(folder=folder, ssl=ssl, password=PASSWORD))
    return ["/usr/sbin/dovecot", "-F", "-c", str(config)]


VSFTPD_CONFIG = """
listen=NO
listen_ipv6=YES
background=NO
local_enable=YES
anonymous_enable=NO
pasv_min_port=20000
pasv_max_port=20100
secure_chroot_dir={folder}/empty
seccomp_sandbox=NO
ssl_enable={ssl}
rsa_cert_file={folder}/server.pem
rsa_private_key_file={folder}/server.key
force_local_logins_ssl=NO
force_local_data_ssl=NO
ssl_tlsv1=YES
delay_failed_login=0
"""


def _vsftpd(folder, tls):
    (folder / "empty").mkdir()
    config = folder / "vsftpd.conf"
    config.write_text(VSFTPD_CONFIG.format(folder=folder, ssl="YES" if tls else "NO"))
    return ["/usr/sbin/vsftpd", str(config)]


SLAPD_CONFIG = """
pidfile {folder}/slapd.pid
include /etc/ldap/schema/core.schema
{tls}
database ldif
directory {folder}/ldap
suffix "dc=example,dc=test"
rootdn "{root}"
rootpw {password}
"""
SLAPD_TLS = """
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
"""


def _slapd(folder, tls):
    (folder / "ldap").mkdir()
    config = folder / "slapd.conf"
    block = SLAPD_TLS.format(folder=folder) if tls else ""
    text = SLAPD_CONFIG.format(folder=folder, tls=block, root=LDAP_ROOT, password=PASSWORD)
    config.write_text(text)
    return ["/usr/sbin/slapd", "-f", str(config), "-h", "ldap:///", "-d", "0"]


def _postgresql(folder, tls):
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    data = folder / "postgresql"
    as_postgres = ["runuser", "-u", "postgres", "--"]
    password = folder / "postgresql-password"
    password.write_text(PASSWORD + "\n")
    data.mkdir()
    shutil.chown(data, "postgres")
    shutil.chown(password, "postgres")
    options = ["--auth=password", f"--pwfile={password}", "--no-sync", "--username", USER]
    subprocess.run(
        [*as_postgres, str(programs[-1] / "initdb"), "-D", str(data), *options],
        check=True,
        capture_output=True,
        timeout=SETUP_SECONDS,
    )
    with (data / "pg_hba.conf").open("a") as hba:
        hba.write("host all all 0.0.0.0/0 password\nhost all all ::/0 password\n")
    settings = [f"unix_socket_directories={data}", "listen_addresses=*", "fsync=off"]
    if tls:
        for name in ("server.pem", "server.key"):
            shutil.copy(folder / name, data / name)
            shutil.chown(data / name, "postgres")
            (data / name).chmod(0o600)
        settings += ["ssl=on", "ssl_cert_file=server.pem", "ssl_key_file=server.key"]
    listed = [part for setting in settings for part in ("-c", setting)]
    return [*as_postgres, str(programs[-1] / "postgres"), "-D", str(data), *listed]


SERVERS = {
    "smtp": _postfix,
    "imap": _dovecot,
    "pop3": _dovecot,
    "ftp": _vsftpd,
    "ldap": _slapd,
    "postgresql": _postgresql,
}


# ---- clients -------------------------------------------------------------------------------------


def _curl(scheme, *options):
    def command(address, tls, login):
        host = f"[{address}]" if ":" in address else address
        credentials = ["--user", f"{USER}:{PASSWORD}"] if login and scheme != "smtp" else []
        return [
            *["curl", "--silent", "--show-error", "--max-time", "8", "--insecure"],
            *(["--ssl"] if tls else []),
            *[*credentials, *options, f"{scheme}://{host}/"],
        ]

    return command


def _ldapsearch(address, tls, login):
    host = f"[{address}]" if ":" in address else address
    bind = ["-D", LDAP_ROOT, "-w", PASSWORD] if login else []
    return [
        *["env", "LDAPTLS_REQCERT=never", "ldapsearch", "-x", "-H", f"ldap://{host}"],
        *(["-Z"] if tls else []),
        *[*bind, "-l", "5", "-s", "base", "-b", "dc=example,dc=test"],
    ]


def _psql(address, tls, _login):
    mode = "prefer" if tls else "disable"
    target = f"host={address} user={USER} dbname=postgres sslmode={mode} gssencmode=disable"
    return ["env", f"PGPASSWORD={PASSWORD}", "PGCONNECT_TIMEOUT=8", "psql", target, "-c", "select 1"]


_MAIL = ["--mail-from", "from@example.test", "--mail-rcpt", "to@example.test"]
CLIENTS = {
    "smtp": _curl("smtp", *_MAIL, "--upload-file", "/etc/hostname"),
    "imap": _curl("imap"),
    "pop3": _curl("pop3"),
    "ftp": _curl("ftp"),
    "ldap": _ldapsearch,
    "postgresql": _psql,
}
