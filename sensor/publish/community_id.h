/*
 * community_id.h - a flow's name that Zeek, Suricata and Wireshark compute alike
 * (Community ID flow hashing, version 1, seed 0).
 */
#ifndef DOWNGRD_COMMUNITY_ID_H
#define DOWNGRD_COMMUNITY_ID_H

#include "handshake.h"

enum { COMMUNITY_ID_SIZE = 32 }; /* "1:", 28 characters of base64, NUL */

struct digest;

/* `sha1` is digest_new("SHA1"), made once for many. False when it is NULL, since libcrypto refused
 * (SHA-1 may be switched off): then there is no text. */
bool community_id_format(struct digest *sha1, const struct handshake *handshake,
                         char text[COMMUNITY_ID_SIZE]);

#endif
