#!/usr/bin/env python3
"""scripted_end.py - one end of a connection that no TLS stack plays any more, over kernel TCP.

    scripted_end.py KIND ADDRESS PORT

    sslv2-client-tls    client: a ClientHello in SSLv2's framing that offers TLS 1.0 (RFC 5246 E.2),
                        as browsers around 2000 sent it; reads the answer and closes
    sslv2-client        client: SSL 2.0 only; reads the answer and closes
    sslv2-server        server: answers one SSL 2.0 ClientHello with a ServerHello, and closes
    closing-server      server: reads what comes on each connection and closes without an answer
"""

import os
import socket
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
    elif kind == "closing-server":
        serve(address, port, b"")
    else:
        sys.exit(f"scripted_end.py: no such kind: {kind}")


if __name__ == "__main__":
    main()
