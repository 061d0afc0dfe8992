#!/usr/bin/env python3
"""check_tools.py - real clients and servers through the tap: what they negotiate is what is told, and
within one second.

usage: check_tools.py DOWNGRD

A server's namespace behind a veth pair runs openssl s_server (TLS 1.3 and 1.2; TLS 1.0 alone) and
gnutls-serv; on this side openssl s_client, curl, gnutls-cli and, where it is installed, Chromium ask it.
Chromium's is the hello of today: GREASE, a post-quantum key share that takes two segments, ECH GREASE.
Then early data and a large answer go by. A second sensor with --kernel-filter must find the same, and stop
most of them. Skipped (77) without root or openssl. Python 3 standard library only.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import wire
from check_same_as_replay import differences, findings

OUTER, SERVER = "10.99.0.1", "10.99.0.2"
MODERN, LEGACY, GNUTLS, EARLY, FILES = 443, 8443, 9443, 7443, 6443
CONFIG = "rules: {legacy-version: {enabled: true}}\n"
CLIENT_SECONDS = 15
LARGE_BYTES, EARLY_BYTES = 8_000_000, 400_000
LEAST_STOPPED = LARGE_BYTES // 2


class Server:
    """A namespace with servers in it; they end with the context."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.processes = [subprocess.Popen(["unshare", "-n", "sleep", "infinity"])]
        self.inside = ["nsenter", "-t", str(self.processes[0].pid), "-n"]
        wire.wait_for(self._is_apart, "a namespace for the server")
        wire.ip("link", "add", "tap", "type", "veth", "peer", "name", "far")
        wire.ip("link", "set", "far", "netns", str(self.processes[0].pid))
        wire.ip("addr", "add", f"{OUTER}/24", "dev", "tap")
        wire.ip("link", "set", "tap", "up")
        self._run("ip", "addr", "add", f"{SERVER}/24", "dev", "far")
        self._run("ip", "link", "set", "far", "up")
        self._run("ip", "link", "set", "lo", "up")
        self._certificate()

    def _is_apart(self):
        own = Path("/proc/self/ns/net").readlink()
        return Path(f"/proc/{self.processes[0].pid}/ns/net").readlink() != own

    def _run(self, *command):
        subprocess.run([*self.inside, *command], check=True, capture_output=True, timeout=20)

    def _certificate(self):
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tools.example.test"]
        command += ["-keyout", str(self.folder / "key.pem"), "-out", str(self.folder / "cert.pem")]
        subprocess.run(command, check=True, capture_output=True, timeout=60)

    def start(self, port, command):
        process = subprocess.Popen([*self.inside, *command], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, cwd=self.folder)
        self.processes.append(process)

        def listens():
            shown = subprocess.run([*self.inside, "ss", "-Hltn"], capture_output=True, text=True)
            return f":{port} " in shown.stdout

        wire.wait_for(listens, f"{command[0]} on port {port}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
            process.wait()


def s_server(port, *options):
    return ["openssl", "s_server", "-accept", str(port), "-cert", "cert.pem", "-key", "key.pem", *options]


def s_client(port, name, *options):
    return ["openssl", "s_client", "-connect", f"{SERVER}:{port}", "-servername", name, *options]


def asks():
    """(command, server name, version told, fields of `downgrade`)."""
    yield s_client(MODERN, "one.example.test"), "one.example.test", "TLS 1.3", {"outcome": "completed", "limiter": "none"}
    yield s_client(MODERN, "two.example.test", "-tls1_2"), "two.example.test", "TLS 1.2", {"limiter": "client"}
    yield (
        s_client(LEGACY, "old.example.test", "-cipher", "ALL:@SECLEVEL=0"),
        "old.example.test", "TLSv1", {"limiter": "server", "offered_max": "TLS 1.3"},
    )
    if shutil.which("curl"):
        command = ["curl", "-sk", "--resolve", f"curl.example.test:{MODERN}:{SERVER}", "https://curl.example.test/"]
        yield command, "curl.example.test", "TLS 1.3", {"outcome": "completed"}
    if shutil.which("gnutls-cli") and shutil.which("gnutls-serv"):
        command = ["gnutls-cli", "--insecure", "--sni-hostname=gnu.example.test", "-p", str(GNUTLS), SERVER]
        yield command, "gnu.example.test", "TLS 1.3", {"outcome": "completed"}
    if shutil.which("chromium") and shutil.which("gnutls-serv"):
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors",
                   "--user-data-dir=profile", f"--host-resolver-rules=MAP * {SERVER}", "--disable-background-networking",
                   "--dump-dom", f"https://browser.example.test:{GNUTLS}/"]
        yield command, "browser.example.test", "TLS 1.3", {"offered_max": "TLS 1.3"}


def told(sensor, name):
    return [line for line in sensor.lines("tls") if line["tls"].get("sni") == name]


def run(command, folder):
    """A client to its end, or to the end of patience; none of its processes is left."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          cwd=folder, start_new_session=True) as process:
        try:
            process.wait(CLIENT_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def ask(sensor, folder, command, name, version, fields):
    """What is wrong, as texts."""
    before = len(sensor.lines())
    run(command, folder)
    ended = time.monotonic()
    try:
        wire.wait_for(lambda: told(sensor, name), f"a line about {name}", 3)
    except RuntimeError as error:
        return [str(error)]
    took = time.monotonic() - ended
    line = told(sensor, name)[0]
    problems = []
    if took > 1:
        problems.append(f"told {took:.2f} s after the client's end")
    if line["tls"]["version"] != version:
        problems.append(f"version {line['tls']['version']}, not {version}")
    for key, value in fields.items():
        if line["downgrade"].get(key) != value:
            problems.append(f"{key} {line['downgrade'].get(key)}, not {value}")
    attacks = [other for other in sensor.lines("alert")[0:] if other["downgrade"]["class"] == "attack"]
    problems += [f"alert {alert['downgrade']['kind']}" for alert in attacks]
    print(f"{command[0]} {name}: {line['tls']['version']}, told after {took:.2f} s, {len(sensor.lines()) - before} lines")
    return [f"{command[0]} {name}: {problem}" for problem in problems]


def send_early_data(sensors, folder):
    """What is wrong, as texts. One connection to get a ticket, and one that sends early data with it."""
    name, ticket = "early.example.test", ["-sess_out", "ticket.pem"]
    (Path(folder) / "early").write_bytes(b"early data\n" * (EARLY_BYTES // 11))
    first, again = s_client(EARLY, name, *ticket), s_client(EARLY, name, "-sess_in", "ticket.pem", "-early_data", "early")
    printed = ""
    for command in (first, again):
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              cwd=folder) as process:
            time.sleep(1)  # the ticket comes behind the handshake
            printed = process.communicate(timeout=CLIENT_SECONDS)[0]
    wire.wait_for(lambda: all(len(told(sensor, name)) == 2 for sensor in sensors), f"two lines about {name}", 3)
    outcomes = [line["downgrade"]["outcome"] for sensor in sensors for line in told(sensor, name)]
    print(f"early data: {'accepted' if 'Early data was accepted' in printed else 'refused'}; {outcomes}")
    problems = [] if set(outcomes) == {"completed"} else [f"early data: {outcomes}"]
    return problems if "Early data was accepted" in printed else [*problems, "early data was not accepted"]


def fetch_file(sensors, folder):
    name = "files.example.test"
    (Path(folder) / "large").write_bytes(os.urandom(LARGE_BYTES))
    request = b"GET /large HTTP/1.0\r\n\r\n"
    got = subprocess.run(s_client(FILES, name, "-quiet"), input=request, capture_output=True, cwd=folder, timeout=CLIENT_SECONDS)
    wire.wait_for(lambda: all(told(sensor, name) for sensor in sensors), f"a line about {name}", 3)
    return [] if len(got.stdout) >= LARGE_BYTES else [f"only {len(got.stdout)} bytes of the file came"]


def compare(plain, filtered):
    """Both have ended."""
    if "going on without" in filtered.text():
        print(f"no filter in the kernel: {filtered.text().strip()}")
        return []
    stopped = filtered.lines("stats")[-1]["downgrade"]["bytes_stopped"]
    print(f"with the filter in the kernel, which stopped {stopped} bytes: {len(findings(filtered.lines()))} lines")
    problems = differences(findings(plain.lines()), findings(filtered.lines()))
    return problems if stopped >= LEAST_STOPPED else [*problems, f"only {stopped} bytes were stopped"]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if not shutil.which("openssl"):
        wire.skip("openssl is not installed")
    program = str(Path(sys.argv[1]).resolve())
    wire.enter()
    problems = []
    with tempfile.TemporaryDirectory() as folder, Server(folder) as server:
        server.start(MODERN, s_server(MODERN, "-www"))
        server.start(LEGACY, s_server(LEGACY, "-www", "-tls1", "-cipher", "ALL:@SECLEVEL=0"))
        if shutil.which("gnutls-serv"):
            server.start(GNUTLS, ["gnutls-serv", "--http", "-p", str(GNUTLS), "--x509keyfile=key.pem", "--x509certfile=cert.pem"])
        server.start(EARLY, s_server(EARLY, "-early_data", "-no_anti_replay", "-max_early_data", str(2 * EARLY_BYTES),
                                     "-recv_max_early_data", str(2 * EARLY_BYTES)))
        server.start(FILES, s_server(FILES, "-WWW"))
        with (wire.Sensor(program, ["tap"], folder, "--kernel-filter", config=CONFIG, name="filtered") as filtered,
              wire.Sensor(program, ["tap"], folder, config=CONFIG) as sensor):
            for command, name, version, fields in asks():
                problems += ask(sensor, folder, command, name, version, fields)
            problems += send_early_data([sensor, filtered], folder)
            problems += fetch_file([sensor, filtered], folder)
            policy = [line["downgrade"]["kind"] for line in sensor.lines("alert")]
            if policy != ["legacy-version"]:
                problems.append(f"alerts {policy}, not legacy-version alone")
            sensor.stop()
            filtered.stop()
            problems += compare(sensor, filtered)
    for problem in problems:
        print(f"FAILED: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
