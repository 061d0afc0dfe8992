/*
 * ja3.h - JA3 and JA3S, as Salesforce defined them and Wireshark, Suricata and Zeek compute them.
 *
 * The text is numbers in decimal, lists joined by '-', fields by ',', and its MD5 is the name:
 *   JA3   version,suites,extensions,groups,point formats   of a ClientHello
 *   JA3S  version,suite,extensions                         of a ServerHello
 * version is legacy_version; everything stands in the order in which it was sent; GREASE (RFC 8701)
 * is left out; a list that is absent is empty.
 */
#ifndef DOWNGRD_JA3_H
#define DOWNGRD_JA3_H

#include "digest.h"
#include "tls_handshake.h"

/* A browser's text takes some 200 characters, 350 suites 2,000. */
enum { JA3_HASH_SIZE = 33, JA3_TEXT_SIZE = 4096 };

struct ja3 {
    char hash[JA3_HASH_SIZE];
    size_t text_size; /* 0: the text is longer than this has room for; the hash is of all of it */
    char text[JA3_TEXT_SIZE]; /* not NUL-terminated */
};

/* False when there is none: a hello in SSLv2 framing (its ciphers have other numbers), or a failing
 * libcrypto. */
bool ja3_of_client(struct digest *md5, const struct client_hello *hello, struct ja3 *ja3);
bool ja3_of_server(struct digest *md5, const struct server_hello *hello, struct ja3 *ja3s);

#endif
