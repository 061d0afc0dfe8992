#!/usr/bin/env python3
"""check_confined - a confined downgrd does all that an unconfined one does, and can do nothing else.

usage: check_confined.py DOWNGRD

What a confined process may still try is tested call by call in unit.confine. Here the program
itself is looked at: what the kernel says of it while it runs (/proc/PID/status), and that every
way of reading and writing gives the same bytes, messages and status with and without --no-confine.
Changing to another user needs root and is left out by name without; so is Redis where there is no
redis-server. Python 3 standard library only.
"""
import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SOURCE_DIR = pathlib.Path(__file__).resolve().parents[2]
CAPTURE = "pcaps/sentinel-attack-client-side.pcap"
CAP_DAC_OVERRIDE = 1 << 1
NOBODY = 65534

failures = 0


def check(is_good, text):
    global failures
    if not is_good:
        failures += 1
        print(f"FAILED: {text}")


def own_capabilities():
    return int(status_of("self")["CapEff"], 16)


def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


@contextlib.contextmanager
def reading(program, *options):
    """downgrd in the middle of a capture that it reads from a pipe."""
    data = (SOURCE_DIR / CAPTURE).read_bytes()
    process = subprocess.Popen([program, *options, "-q", "-r", "-"], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=SOURCE_DIR)
    try:
        process.stdin.write(data[:200])
        process.stdin.flush()
        asleep = 0  # it is when it waits for more
        while asleep < 5 and process.poll() is None:
            asleep = asleep + 1 if status_of(process.pid)["State"].startswith("S") else 0
            time.sleep(0.05)
        yield process
        process.stdin.write(data[200:])
        process.stdin.close()
        process.stdin = None
        _, errors = process.communicate(timeout=20)
        check(process.returncode == 1, f"{options}: status {process.returncode}, {errors}")
    finally:
        process.kill()
        process.wait()


def check_status(program):
    with reading(program) as process:
        status = status_of(process.pid)
        kept = own_capabilities() & CAP_DAC_OVERRIDE
        check(status["NoNewPrivs"] == "1", f"NoNewPrivs {status['NoNewPrivs']}")
        check(status["Seccomp"] == "2", f"Seccomp {status['Seccomp']}")
        check(int(status["CapEff"], 16) == kept, f"CapEff {status['CapEff']}")
        check(int(status["CapPrm"], 16) == kept, f"CapPrm {status['CapPrm']}")
        check(int(status["CapAmb"], 16) == 0, f"CapAmb {status['CapAmb']}")
        if os.geteuid() == 0:
            check(int(status["CapBnd"], 16) == 0, f"CapBnd {status['CapBnd']}")
        limits = pathlib.Path(f"/proc/{process.pid}/limits").read_text() if os.geteuid() == 0 else ""
        for line in limits.splitlines():
            if line.startswith("Max core file size"):
                check(line.split()[4:6] == ["0", "0"], line)
    with reading(program, "--no-confine") as process:
        status = status_of(process.pid)
        check(status["Seccomp"] == status_of("self")["Seccomp"], "--no-confine: Seccomp")
        check(int(status["CapEff"], 16) == own_capabilities(), "--no-confine: CapEff")


def check_user(program):
    if os.geteuid() != 0:
        print("left out: --user (this is not root)")
        return
    for name in ("nobody", str(NOBODY)):
        with reading(program, "--user", name) as process:
            status = status_of(process.pid)
            check(status["Uid"].split() == [str(NOBODY)] * 4, f"--user {name}: Uid {status['Uid']}")
            check(status["Gid"].split() == [str(NOBODY)] * 4, f"--user {name}: Gid {status['Gid']}")
            check(int(status["CapEff"], 16) == 0, f"--user {name}: CapEff {status['CapEff']}")
            check(int(status["CapPrm"], 16) == 0, f"--user {name}: CapPrm {status['CapPrm']}")
    done = subprocess.run([program, "--user", "no-such-user", "-r", CAPTURE], cwd=SOURCE_DIR,
                          capture_output=True, text=True)
    check(done.returncode == 2 and "there is no user 'no-such-user'" in done.stderr,
          f"unknown user: {done.returncode} {done.stderr}")


def files_below(folder):
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def run(program, words, folder, stdin):
    """What a run prints, its status, and the files it leaves; `{}` stands for a fresh folder."""
    state = folder.with_name("state")  # of what is not published: begun anew
    for path in (folder, state):
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
    with open(stdin, "rb") if stdin else contextlib.nullcontext(subprocess.DEVNULL) as source:
        done = subprocess.run([program, *(word.replace("{}", str(folder)) for word in words)],
                              stdin=source, capture_output=True, cwd=SOURCE_DIR, timeout=60)
    return done.returncode, done.stdout, done.stderr, files_below(folder)


def check_same_results(program, scratch):
    folder = scratch / "out"
    state = str(scratch / "state")
    unreadable = scratch / "unreadable.pcap"
    shutil.copy(SOURCE_DIR / CAPTURE, unreadable)
    unreadable.chmod(0)
    config = scratch / "downgrd.yaml"
    config.write_text("capture: {filter: tcp port https}\n")
    all_captures = sorted(map(str, (SOURCE_DIR / "pcaps").glob("*.pcap*")))
    runs = [
        (["-r", CAPTURE], None),
        (["--eve", "{}/eve.json", "--evidence", "{}/evidence", "-r", CAPTURE], None),
        (["--eve", "-", "--evidence", "{}", "-q", "-r", *all_captures], None),
        (["-r", "-"], SOURCE_DIR / CAPTURE),
        (["-r", "/dev/stdin"], SOURCE_DIR / CAPTURE),
        (["--taps", "-r", CAPTURE, CAPTURE], None),
        (["-r", "no-such-file", CAPTURE], None),
        (["-r", "pcaps"], None),
        (["-r", str(unreadable)], None),
        (["-r", CAPTURE, "--", "tcp", "port", "https"], None),
        (["-r", CAPTURE, "--", "host", "localhost"], None),
        (["-r", CAPTURE, "--", "host", "no-such-host.invalid"], None),
        (["--config", str(config), "-r", CAPTURE], None),
        (["--group", "-r", CAPTURE], None),
        (["--state", state, "--redis", "redis://127.0.0.1:1/0", "-r", CAPTURE], None),
        (["--state", state, "--redis", "redis://no-such-host.invalid/0", "-r", CAPTURE], None),
    ]
    for words, stdin in runs:
        free = run(program, ["--no-confine", *words], folder, stdin)
        confined = run(program, words, folder, stdin)
        for what, one, other in zip(("status", "stdout", "stderr", "files"), free, confined):
            check(one == other, f"{' '.join(words)[:200]}: another {what}: "
                                f"{one!r:.300} {other!r:.300}")


@contextlib.contextmanager
def redis_server(scratch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = scratch / "redis.sock"
    process = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1",
                                "--unixsocket", str(path), "--dir", str(scratch), "--save", "",
                                "--appendonly", "no"], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not path.exists():
            time.sleep(0.05)
        yield port, path
    finally:
        process.terminate()
        process.wait()


def check_publishing(program, scratch):
    if shutil.which("redis-server") is None:
        print("left out: publishing (there is no redis-server)")
        return
    with redis_server(scratch) as (port, path):
        for url in (f"redis://localhost:{port}/0", f"redis://127.0.0.1:{port}/1", f"unix://{path}"):
            done = subprocess.run([program, "-q", "--redis", url, "--state", scratch / "published",
                                   "-r", CAPTURE], cwd=SOURCE_DIR, capture_output=True, text=True,
                                  timeout=60)
            check(done.returncode == 1 and not done.stderr, f"{url}: {done.returncode} {done.stderr}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="downgrd-confined.") as name:
        scratch = pathlib.Path(name)
        check_status(program)
        check_user(program)
        check_same_results(program, scratch)
        check_publishing(program, scratch)
    print("failed" if failures else "a confined downgrd does what it should")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
