"""playing.py - plays a scenario, develops its recordings, holds them against tshark, keeps them."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import captures
import oracle
import stage

TROUBLE = (stage.LabError, oracle.Error, subprocess.SubprocessError, ValueError)


def suite_names():
    """IANA names of the cipher suites, as tshark knows them."""
    names = {}
    output = subprocess.run(["tshark", "-G", "values"], capture_output=True, text=True, timeout=60)
    for line in output.stdout.splitlines():
        columns = line.split("\t")
        if columns[:2] == ["V", "tls.handshake.ciphersuite"]:
            names[int(columns[2], 0)] = columns[3]
    return names


def record(scenario, products, certificates, folder):
    """Plays a scenario. The recordings by tap; the plays' scratch files are in `folder`."""
    for file in Path(certificates).iterdir():
        shutil.copy(file, folder)
    recordings = {}
    with stage.Stage(folder) as scene:
        for product in products:
            key = (product.tap, product.tap_options)
            if key not in recordings:
                recordings[key] = Path(folder) / f"tap{len(recordings)}.pcap"
                scene.tap(product.tap, recordings[key], *product.tap_options)
        start_middle_by_default(scene)
        scenario.play(scene)
        scene.finish_taps()
    return recordings


def start_middle_by_default(scene):
    """A play that does not start MID itself gets one that only forwards, at its first need."""
    given = scene.middle
    is_started = []

    def middle(*options):
        is_started.append(True)
        given(*options)

    def starting_first(act):
        def wrapper(*arguments, **options):
            if not is_started:
                middle()
            return act(*arguments, **options)

        return wrapper

    scene.middle = middle
    scene.serve = starting_first(scene.serve)


def develop(product, recording, folder):
    """From the tap's recording to the product's file and its expectation."""
    link, records = captures.read(recording)
    if product.transform:
        link, records = product.transform(link, records)
    path = Path(folder) / f"{product.name}.pcap"
    captures.write(path, link, records)
    if product.pcapng:
        stage.run("editcap", "-F", "pcapng", str(path), str(path.with_suffix(".pcapng")))
        path = path.with_suffix(".pcapng")
    expectation = product.expectation()
    ports = oracle.client_ports(path)
    for number, expected in enumerate(expectation.get("handshakes", [])):
        if expected.get("limiter", "") is None:
            del expected["limiter"]
        if number < len(ports):
            expected["client_port"] = ports[number]
    return path, expectation


def keep(path, expectation, into):
    shutil.copyfile(path, into / path.name)
    write_expectation(into, path.stem, expectation)


def write_expectation(into, name, expectation):
    text = json.dumps(expectation, indent=2) + "\n"
    (into / f"{name}.expected.json").write_text(text)


def play(scenario, certificates, names, into, everything=True):
    """Plays, checks and keeps one scenario; the reasons why it could not."""
    products = [p for p in scenario.products if everything or p.is_shown]
    with tempfile.TemporaryDirectory(prefix="dglab-") as folder:
        recordings = record(scenario, products, certificates, folder)
        developed = []
        reasons = []
        for product in products:
            recording = recordings[(product.tap, product.tap_options)]
            path, expectation = develop(product, recording, folder)
            found = oracle.complaints(path, expectation, names)
            reasons += [f"{product.name}: {reason}" for reason in found]
            developed.append((path, expectation))
        if reasons and os.environ.get("DGLAB_KEEP"):
            shutil.copytree(folder, os.environ["DGLAB_KEEP"], dirs_exist_ok=True)
        if not reasons:
            for path, expectation in developed:
                keep(path, expectation, into)
            expectations = {path.stem: expectation for path, expectation in developed}
            for pair in scenario.pairs:
                if everything or pair.is_shown:
                    write_expectation(into, pair.name, pair.expectation(expectations))
        return reasons
