#!/usr/bin/env python3
"""scripted_end.py - one end of a connection that no TLS stack plays any more, over kernel TCP.

    scripted_end.py KIND ADDRESS PORT

    sslv2-client-tls    client: a ClientHello in SSLv2's framing that offers TLS 1.0 (RFC 5246 E.2),
                        as browsers around 2000 sent it; reads the answer and closes
    sslv2-client        client: SSL 2.0 only; reads the answer and closes
    sslv2-server        server: answers one SSL 2.0 ClientHello with a ServerHello, and closes
    weak-client      client: a TLS 1.0 ClientHello with ordinary RSA and DHE suites
    weak-client-both, weak-client-export
                     the same with export suites, too; with export suites only
    weak-server-freak, weak-server-logjam, weak-server-export
                     server: a TLS 1.0 ServerHello of an RSA, DHE or RSA_EXPORT suite, a certificate,
                     and a ServerKeyExchange with a 512-bit RSA key, a 512-bit group, a 512-bit RSA
                     key; signatures are random bytes, and the client goes no further
    closing-server      server: reads what comes on each connection and closes without an answer
"""

import os
import socket
import ssl
import struct
import sys

TIMEOUT_SECONDS = 8
SSLV2_CLIENT_HELLO, SSLV2_SERVER_HELLO = 1, 4
VERSION_SSLV2, VERSION_TLS10 = 0x0002, 0x0301
SPECS_SSLV2 = [0x010080, 0x030080, 0x0700C0]  # RC4-128, RC2-128-CBC, 3DES-CBC, all with MD5
SPECS_TLS = [0x00002F, 0x000035, 0x00000A]  # RSA with AES-128, AES-256, 3DES, all CBC with SHA


def sslv2_record(message):
    return struct.pack("!H", 0x8000 | len(message)) + message


def sslv2_client_hello(version, specs):
    specs = b"".join(spec.to_bytes(3, "big") for spec in specs)
    challenge = os.urandom(16)
    sizes = struct.pack("!HHH", len(specs), 0, len(challenge))
    head = struct.pack("!BH", SSLV2_CLIENT_HELLO, version)
    return sslv2_record(head + sizes + specs + challenge)


def sslv2_server_hello():
    certificate = os.urandom(512)  # nobody reads it
    specs = SPECS_SSLV2[0].to_bytes(3, "big")
    connection_id = os.urandom(16)
    sizes = struct.pack("!HHH", len(certificate), len(specs), len(connection_id))
    head = struct.pack("!BBBH", SSLV2_SERVER_HELLO, 0, 1, VERSION_SSLV2)
    return sslv2_record(head + sizes + certificate + specs + connection_id)


RECORD_HANDSHAKE = 22
ORDINARY = [0x002F, 0x0033, 0x0035]  # RSA and DHE_RSA with AES and SHA
EXPORT = [0x0003, 0x0014]  # RSA_EXPORT with RC4-40, DHE_RSA_EXPORT with DES-40
WEAK_CLIENTS = {
    "weak-client": ORDINARY,
    "weak-client-both": ORDINARY + EXPORT,
    "weak-client-export": EXPORT,
}
WEAK_SERVERS = {
    "weak-server-freak": 0x002F,
    "weak-server-logjam": 0x0033,
    "weak-server-export": 0x0003,
}


def tls10_record(kind, body):
    message = bytes([kind]) + len(body).to_bytes(3, "big") + body
    return struct.pack("!BHH", RECORD_HANDSHAKE, VERSION_TLS10, len(message)) + message


def vector(data, size=2):
    return len(data).to_bytes(size, "big") + data


def weak_client_hello(suites):
    name = b"bank.example.test"
    server_name = vector(vector(b"\0" + vector(name)))
    extensions = b"\0\0" + server_name
    body = struct.pack("!H", VERSION_TLS10) + os.urandom(32) + b"\0"
    body += vector(b"".join(struct.pack("!H", suite) for suite in suites)) + b"\x01\0"
    return tls10_record(1, body + vector(extensions))


def odd_number(size):
    """`size` bytes with the first and the last bit set, as a modulus has."""
    data = bytearray(os.urandom(size))
    data[0] |= 0x80
    data[-1] |= 1
    return bytes(data)


def weak_answer(suite):
    hello = struct.pack("!H", VERSION_TLS10) + os.urandom(32) + b"\0"
    hello += struct.pack("!HB", suite, 0)
    with open("server.pem", encoding="ascii") as file:
        certificate = ssl.PEM_cert_to_DER_cert(file.read())
    key = vector(odd_number(64))
    key += vector(b"\x02") + vector(odd_number(64)) if suite == 0x0033 else vector(b"\x01\0\x01")
    return (
        tls10_record(2, hello)
        + tls10_record(11, vector(vector(certificate, 3), 3))
        + tls10_record(12, key + vector(os.urandom(256)))
        + tls10_record(14, b"")
    )


def read_some(connection, enough):
    """Reads until `enough` bytes are there, the peer closes, or nothing more comes."""
    connection.settimeout(1.0)
    got = b""
    try:
        while len(got) < enough:
            piece = connection.recv(4096)
            if not piece:
                break
            got += piece
    except TimeoutError:
        pass
    return got


def speak(address, port, hello):
    with socket.create_connection((address, port), TIMEOUT_SECONDS) as connection:
        connection.sendall(hello)
        read_some(connection, 65536)


def serve(address, port, answer):
    with socket.create_server((address, port)) as listener:
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(TIMEOUT_SECONDS)
                connection.recv(65536)
                if answer:
                    connection.sendall(answer)
                    read_some(connection, 1)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    kind, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if kind == "sslv2-client-tls":
        speak(address, port, sslv2_client_hello(VERSION_TLS10, SPECS_TLS))
    elif kind == "sslv2-client":
        speak(address, port, sslv2_client_hello(VERSION_SSLV2, SPECS_SSLV2))
    elif kind == "sslv2-server":
        serve(address, port, sslv2_server_hello())
    elif kind in WEAK_CLIENTS:
        speak(address, port, weak_client_hello(WEAK_CLIENTS[kind]))
    elif kind in WEAK_SERVERS:
        serve(address, port, weak_answer(WEAK_SERVERS[kind]))
    elif kind == "closing-server":
        serve(address, port, b"")
    else:
        sys.exit(f"scripted_end.py: no such kind: {kind}")


if __name__ == "__main__":
    main()
