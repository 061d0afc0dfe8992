/*
 * ja4.h - JA4, FoxIO's TLS client fingerprint: "t13d1516h2_8daaf6152771_e5627efa2ab1".
 *
 * Three parts, joined by '_':
 *   a  how the hello travelled ('t' TCP, 'q' QUIC, 'd' DTLS); the highest version offered ("13",
 *      "12", "11", "10", "s3", "s2", "d3", "d2", "d1", else "00"); 'd' with server_name, 'i'
 * without; how many suites and how many extensions (two digits, 99 at most); the first and last
 *      character of the first ALPN name ("00" without; of its hexadecimal form when one of them is
 *      neither letter nor digit)
 *   b  twelve digits of the SHA-256 of the suites in ascending order
 *   c  the same of the extensions in ascending order, server_name and ALPN left out, and of the
 *      signature algorithms as they were sent
 * GREASE (RFC 8701) counts nowhere; an empty list's hash is 000000000000. Highest means the largest
 * number, as all others read it: a draft (0x7f1c) or experiment (0xfb1a) offered beside TLS 1.3
 * makes "00", and DTLS 1.2 (0xfefd) stands above DTLS 1.3 (0xfefc).
 *
 * Written from the specification (FoxIO's JA4 repository, technical_details/JA4.md). This method is
 * under the BSD 3-clause licence; the others of the JA4+ family are not, and not here.
 */
#ifndef DOWNGRD_JA4_H
#define DOWNGRD_JA4_H

#include "digest.h"
#include "tls_handshake.h"

enum { JA4_SIZE = 37, JA4_MAX_NUMBERS = 32768 };

enum ja4_transport { JA4_TCP = 't', JA4_QUIC = 'q', JA4_DTLS = 'd' };

/* `numbers` is room for sorting, for as many as the largest hello can hold. False when there is
 * none: a hello in SSLv2 framing, or a failing libcrypto. */
bool ja4_of_client(struct digest *sha256, uint16_t numbers[JA4_MAX_NUMBERS],
                   enum ja4_transport transport, const struct client_hello *hello,
                   char ja4[JA4_SIZE]);

#endif
