"""stage.py - the stage a scenario plays on: client - [tap] - MID - [tap] - server.

Three network namespaces, two veth pairs, nothing else: no route leads out, so nothing that happens
here can be seen or reached from elsewhere.

    client  192.0.2.10     2001:db8:1::10     interface c0 <-> mc in MID
    server  198.51.100.20  2001:db8:1::20     interface s0 <-> ms in MID

MID's interfaces have no addresses; middle.py carries the frames over. The taps are MID's two ends:
the client's (mc) shows what client and MID say to each other, the server's (ms) what MID and server
say. A stage is made for one scenario and taken down after it, so no packet of one gets into the
capture of the next. Everything started here is ended here, by its own process id, and every wait
has an end.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PREFIX = "dglab-"
CLIENT_IPV4, SERVER_IPV4 = "192.0.2.10", "198.51.100.20"
CLIENT_IPV6, SERVER_IPV6 = "2001:db8:1::10", "2001:db8:1::20"
TAP_FILTER = "tcp or udp port 443 or (ip[6:2] & 0x1fff != 0) or (ip6 proto 44)"
START_SECONDS = 10
CLIENT_SECONDS = 20
STOP_SECONDS = 5
HERE = Path(__file__).resolve().parent


class LabError(Exception):
    """Something the laboratory needs did not happen; the text says what."""


def run(*command):
    """A short command that must succeed."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS)
    if result.returncode != 0:
        raise LabError(f"{' '.join(command)}: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout


def remove_leftovers():
    """Takes down namespaces of runs that were killed: their names hold the process id."""
    for line in run("ip", "netns", "list").splitlines():
        match = re.match(rf"({PREFIX}(\d+)-\w)\b", line)
        if match and not Path(f"/proc/{match[2]}").exists():
            run("ip", "netns", "del", match[1])


class Stage:
    """Use as a context: `with Stage(folder) as stage`. `folder` is for the scenario's scratch "
    "files."""

    def __init__(self, folder):
        self.folder = Path(folder)
        roles = ("client", "middle", "server")
        self.namespaces = {role: f"{PREFIX}{os.getpid()}-{role[0]}" for role in roles}
        self.started = []
        self.taps = []

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self._tear_down()
            raise
        return self

    def __exit__(self, *_):
        self._tear_down()

    # ---- what a scenario asks for ---------------------------------------------------------------

    def middle(self, *options):
        """Starts the box on the path; without options it only forwards."""
        command = [sys.executable, "-B", str(HERE / "middle.py"), "mc", "ms", *options]
        process = self._start("middle", command, stdout=subprocess.PIPE)
        if process.stdout.readline().strip() != b"ready":
            raise LabError(f"middle.py did not start: {self._log(process)}")

    def more_clients(self, count):
        """Further addresses of the client's host, for clients that tell theirs."""
        addresses = [f"192.0.2.{number}" for number in range(11, 11 + count)]
        for address in addresses:
            self._ip(self.namespaces["client"], "address", "add", f"{address}/24", "dev", "c0")
        return addresses

    def large_frames(self):
        """Frames of 9000 bytes, as within data centres: a hello with a post-quantum key share is
        one segment."""
        for role, interface in (("client", "c0"), ("server", "s0")):
            self._ip(self.namespaces[role], "link", "set", interface, "mtu", "9000")

    def tap(self, side, path, *options):
        """Records on the `client` or `server` side of MID, or `any` in the server's namespace."""
        where, interface = {
            "client": ("middle", "mc"),
            "server": ("middle", "ms"),
            "any": ("server", "any"),
        }[side]
        command = ["tcpdump", "-i", interface, "-Z", "root", "-U", "-s", "0"]
        command += ["--immediate-mode", "-w", str(path), *options, TAP_FILTER]
        process = self._start(where, command)
        self._wait(lambda: "listening on" in self._log(process), f"tcpdump on {interface}", process)
        self.taps.append((process, Path(path)))

    def serve(self, command, port=443, transport="tcp"):
        """Starts a server and waits until it listens. Its process, for stop()."""
        process = self._start("server", command)
        what = f"{command[0]} on port {port}"
        self._wait(lambda: self._listens(port, transport), what, process)
        return process

    def client(self, command, linger=0.3, seconds=CLIENT_SECONDS):
        """Runs a client to its end. Its standard input is empty and closes after `linger` seconds;
        after `seconds` it is sent SIGTERM. What it printed is returned; its status is its own
        business: what it did is judged from the capture."""
        process = self._start("client", command, stdin=subprocess.PIPE)
        deadline = time.monotonic() + seconds
        self._sleep_while_running(process, min(linger, seconds))
        process.stdin.close()
        self._sleep_while_running(process, deadline - time.monotonic())
        self.stop(process)
        time.sleep(0.05)
        return self._log(process)

    def stop(self, process):
        """Ends a process of this stage, and waits for it."""
        if process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)

    def finish_taps(self):
        """Waits until the wire is quiet and all of it is in the files, then closes them."""
        sizes = None
        for _ in range(40):
            time.sleep(0.25)
            latest = [path.stat().st_size for _, path in self.taps]
            if latest == sizes:
                break
            sizes = latest
        for process, _ in self.taps:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)
        self.taps = []

    # ---- insides --------------------------------------------------------------------------------

    def _build(self):
        for namespace in self.namespaces.values():
            run("ip", "netns", "add", namespace)
            self._ip(namespace, "link", "set", "lo", "up")
        # A connection that its program gave up is not retransmitted for minutes.
        self._sysctl("client", "net.ipv4.tcp_orphan_retries=1")
        self._veth("client", "c0", "mc", "02:00:00:00:00:0a")
        self._veth("server", "s0", "ms", "02:00:00:00:00:14")
        self._address("client", "c0", CLIENT_IPV4, CLIENT_IPV6, "198.51.100.0/24")
        self._address("server", "s0", SERVER_IPV4, SERVER_IPV6, "192.0.2.0/24")

    def _veth(self, role, name, middle_name, address):
        end, middle = self.namespaces[role], self.namespaces["middle"]
        peer = ("peer", "name", middle_name, "netns", middle)
        run("ip", "link", "add", name, "netns", end, "address", address, "type", "veth", *peer)
        for namespace, interface in ((end, name), (middle, middle_name)):
            # Checksums and segments as they would be on a cable, not left to the card.
            features = ["tx", "off", "rx", "off", "tso", "off", "gso", "off", "gro", "off"]
            run("ip", "netns", "exec", namespace, "ethtool", "-K", interface, *features)
        self._sysctl("middle", f"net.ipv6.conf.{middle_name}.disable_ipv6=1")
        # Recorders take the size of their buffers from it: as large as large_frames() may need.
        self._ip(middle, "link", "set", middle_name, "mtu", "9000", "up")
        self._ip(end, "link", "set", name, "up")

    def _address(self, role, interface, ipv4, ipv6, peers):
        namespace = self.namespaces[role]
        self._ip(namespace, "address", "add", f"{ipv4}/24", "dev", interface)
        self._ip(namespace, "address", "add", f"{ipv6}/64", "dev", interface, "nodad")
        self._ip(namespace, "route", "add", peers, "dev", interface)

    @staticmethod
    def _ip(namespace, *arguments):
        run("ip", "-n", namespace, *arguments)

    def _sysctl(self, role, setting):
        run("ip", "netns", "exec", self.namespaces[role], "sysctl", "-qw", setting)

    def _start(self, role, command, **streams):
        """Starts a command in a namespace. Its errors, and its output if nobody asks for it, go to
        a file of its own."""
        log = tempfile.NamedTemporaryFile(dir=self.folder, suffix=".log", delete=False)
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **streams}
        environment = {**os.environ, "OPENSSL_CONF": "/dev/null", "LC_ALL": "C"}
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.namespaces[role], *command],
            env=environment,
            cwd=self.folder,
            **streams,
        )
        process.lab_log = Path(log.name)
        log.close()
        self.started.append(process)
        return process

    @staticmethod
    def _log(process):
        return process.lab_log.read_text(errors="replace")

    def _wait(self, is_true, what, process):
        deadline = time.monotonic() + START_SECONDS
        while not is_true():
            if process.poll() is not None or time.monotonic() > deadline:
                raise LabError(f"{what} did not start: {self._log(process).strip()[-500:]}")
            time.sleep(0.02)

    @staticmethod
    def _sleep_while_running(process, seconds):
        try:
            process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            pass

    def _listens(self, port, transport):
        options = "-Hltn" if transport == "tcp" else "-Hlun"
        listening = run("ip", "netns", "exec", self.namespaces["server"], "ss", options)
        return any(re.search(rf":{port}$", line.split()[3]) for line in listening.splitlines())

    def _tear_down(self):
        for process in reversed(self.started):
            self.stop(process)
            if process.stdout:
                process.stdout.close()
        self.started = []
        for namespace in self.namespaces.values():
            subprocess.run(
                ["ip", "netns", "del", namespace], capture_output=True, timeout=START_SECONDS
            )
