"""needs.py - programs that only some scenarios need, and where they come from.

What every scenario needs is in make_captures. These are wanted for making captures anew, never for
testing with those that are there, so `bootstrap` does not install them.
"""

import os
import shutil
import subprocess
from pathlib import Path

NODE_VERSION = 24  # the first with OpenSSL 3.5
NODE_SECONDS = 20
# name: (programs, Debian package or whence)
PROGRAMS = {
    "smtp": (["/usr/lib/postfix/sbin/master"], "postfix"),
    "imap": (["/usr/sbin/dovecot"], "dovecot-imapd"),
    "pop3": (["/usr/sbin/dovecot"], "dovecot-pop3d"),
    "ftp": (["/usr/sbin/vsftpd"], "vsftpd"),
    "ldap": (["/usr/sbin/slapd", "ldapsearch"], "slapd and ldap-utils"),
    "postgresql": (["psql", "runuser"], "postgresql"),
    "nss": (["tstclnt", "selfserv"], "libnss3-tools"),
    "java": (["java", "keytool"], "openjdk-17-jdk-headless"),
    "chromium": (["chromium"], "chromium"),
    "sslscan": (["sslscan"], "sslscan"),
    "nmap": (["nmap"], "nmap"),
    "testssl": (["testssl"], "testssl.sh"),
    "quic": (["gtlsclient", "gtlsserver"], "ngtcp2-client and ngtcp2-server"),
    "node": ([], "npm install node@24; DGLAB_NODE=.../node_modules/node/bin/node"),
}


def node_program():
    return os.environ.get("DGLAB_NODE", "node")


def _has_node():
    if not shutil.which(node_program()):
        return False
    command = [node_program(), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=NODE_SECONDS)
    return int(done.stdout.strip().lstrip("v").partition(".")[0] or 0) >= NODE_VERSION


def lacking(names):
    """{name: where it comes from} of those that are not there."""
    missing = {}
    for name in sorted(set(names)):
        programs, source = PROGRAMS[name]
        is_there = all(shutil.which(program) for program in programs)
        if name == "node":
            is_there = _has_node()
        if name == "postgresql":
            is_there = is_there and bool(list(Path("/usr/lib/postgresql").glob("*/bin/postgres")))
        if not is_there:
            missing[name] = source
    return missing
