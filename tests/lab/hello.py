"""hello.py - what an attacker on the path does to a hello: cut it, lower it, forge it.

An edit is a text, `NAME` or `NAME:HEX[,HEX...]`, so that it can stand on a command line:

    cut-versions             ClientHello: take supported_versions out; what belongs to TLS 1.3 stays
    cut-1.3                  ClientHello: take 0x0304 out of supported_versions, leave the others
    lower:0302               ClientHello: cut-versions, and legacy_version becomes 0302
    suites:002f,0035         ClientHello: leave only these cipher suites
    cut-groups:11ec          ClientHello: take these groups and their key shares out
    answer-suite:c02f        ServerHello: the chosen suite becomes c02f
    answer-version:0301      ServerHello: legacy_version becomes 0301
    answer-random            ServerHello: the random's last eight bytes (the sentinel) are hidden

Only a hello that begins a segment and is whole within it is edited: those of this laboratory are.
"""

import struct
from dataclasses import dataclass

RECORD_HANDSHAKE = 22
CLIENT_HELLO = 1
SERVER_HELLO = 2
EXTENSION_SUPPORTED_GROUPS = 10
EXTENSION_SUPPORTED_VERSIONS = 43
EXTENSION_KEY_SHARE = 51
TLS_1_3 = 0x0304


@dataclass
class ClientHello:
    record_version: int
    legacy_version: int
    random: bytes
    session_id: bytes
    suites: list
    compression: bytes
    extensions: list  # of (type, bytes)

    def to_bytes(self):
        suites = b"".join(struct.pack("!H", suite) for suite in self.suites)
        extensions = b"".join(
            struct.pack("!HH", kind, len(data)) + data for kind, data in self.extensions
        )
        body = (
            struct.pack("!H", self.legacy_version)
            + self.random
            + bytes([len(self.session_id)])
            + self.session_id
            + struct.pack("!H", len(suites))
            + suites
            + bytes([len(self.compression)])
            + self.compression
        )
        if self.extensions:
            body += struct.pack("!H", len(extensions)) + extensions
        message = bytes([CLIENT_HELLO]) + len(body).to_bytes(3, "big") + body
        return struct.pack("!BHH", RECORD_HANDSHAKE, self.record_version, len(message)) + message


def is_hello(payload, kind):
    """Does this segment begin with a handshake record that begins with this kind of hello?"""
    return len(payload) >= 9 and payload[0] == RECORD_HANDSHAKE and payload[5] == kind


def parse_client_hello(payload):
    """A ClientHello that is alone and whole in its record and segment; None for anything else."""
    if not is_hello(payload, CLIENT_HELLO):
        return None
    record_version, record_size = struct.unpack_from("!HH", payload, 1)
    if len(payload) != 5 + record_size or int.from_bytes(payload[6:9], "big") != record_size - 4:
        return None
    legacy_version = struct.unpack_from("!H", payload, 9)[0]
    random = payload[11:43]
    session_id, at = _vector(payload, 43, 1)
    suites, at = _vector(payload, at, 2)
    compression, at = _vector(payload, at, 1)
    extensions = []
    if at < len(payload):
        block, at = _vector(payload, at, 2)
        while block:
            kind, size = struct.unpack_from("!HH", block)
            extensions.append((kind, block[4 : 4 + size]))
            block = block[4 + size :]
    suites = list(struct.unpack(f"!{len(suites) // 2}H", suites))
    return ClientHello(
        record_version, legacy_version, random, session_id, suites, compression, extensions
    )


def _vector(data, at, length_size):
    size = int.from_bytes(data[at : at + length_size], "big")
    start = at + length_size
    return data[start : start + size], start + size


def parse_edit(text):
    """(name, [numbers]) of an edit as it stands on the command line; ValueError when it is none."""
    name, _, values = text.partition(":")
    if name not in CLIENT_EDITS and name not in SERVER_EDITS:
        raise ValueError(f"no such edit: {name}")
    return name, [int(value, 16) for value in values.split(",") if value]


def edit_payload(payload, edits, from_client):
    """The segment's payload after all edits that concern it."""
    if from_client:
        hello = parse_client_hello(payload)
        wanted = [edit for edit in edits if edit[0] in CLIENT_EDITS]
        if hello is None or not wanted:
            return payload
        for name, values in wanted:
            CLIENT_EDITS[name](hello, values)
        return hello.to_bytes()
    if not is_hello(payload, SERVER_HELLO):
        return payload
    answer = bytearray(payload)
    for name, values in edits:
        if name in SERVER_EDITS:
            SERVER_EDITS[name](answer, values)
    return bytes(answer)


def _cut_versions(hello, _values):
    hello.extensions = [
        extension for extension in hello.extensions if extension[0] != EXTENSION_SUPPORTED_VERSIONS
    ]


def _cut_tls13(hello, _values):
    def without(data):
        listed = [data[i : i + 2] for i in range(1, len(data), 2)]
        kept = b"".join(version for version in listed if version != struct.pack("!H", TLS_1_3))
        return bytes([len(kept)]) + kept

    hello.extensions = [
        (kind, without(data) if kind == EXTENSION_SUPPORTED_VERSIONS else data)
        for kind, data in hello.extensions
    ]


def _lower(hello, values):
    _cut_versions(hello, values)
    hello.legacy_version = values[0]


def _keep_suites(hello, values):
    hello.suites = [suite for suite in hello.suites if suite in values]


def _cut_groups(hello, values):
    def without(data):
        listed = [data[i : i + 2] for i in range(2, len(data), 2)]
        kept = b"".join(g for g in listed if int.from_bytes(g, "big") not in values)
        return struct.pack("!H", len(kept)) + kept

    def without_shares(data):
        kept, at = b"", 2
        while at < len(data):
            group, size = struct.unpack_from("!HH", data, at)
            if group not in values:
                kept += data[at : at + 4 + size]
            at += 4 + size
        return struct.pack("!H", len(kept)) + kept

    change = {EXTENSION_SUPPORTED_GROUPS: without, EXTENSION_KEY_SHARE: without_shares}
    hello.extensions = [
        (kind, change[kind](data) if kind in change else data) for kind, data in hello.extensions
    ]


def _answer_suite(answer, values):
    at = 44 + answer[43]
    answer[at : at + 2] = struct.pack("!H", values[0])


def _answer_version(answer, values):
    answer[9:11] = struct.pack("!H", values[0])


def _answer_random(answer, _values):
    answer[35:43] = bytes(byte ^ 0xA5 for byte in answer[35:43])


CLIENT_EDITS = {
    "cut-versions": _cut_versions,
    "cut-1.3": _cut_tls13,
    "lower": _lower,
    "suites": _keep_suites,
    "cut-groups": _cut_groups,
}
SERVER_EDITS = {
    "answer-suite": _answer_suite,
    "answer-version": _answer_version,
    "answer-random": _answer_random,
}
