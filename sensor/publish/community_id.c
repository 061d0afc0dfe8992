/*
 * community_id.c - SHA-1 over the seed, both addresses, the protocol and both ports, the smaller
 * end first, in base64.
 */
#include "community_id.h"

#include "digest.h"

#include <openssl/evp.h>

enum { DIGEST_SIZE = 20, INPUT_SIZE = 2 + 16 + 16 + 2 + 2 + 2 };

static uint8_t *put(uint8_t *at, const void *bytes, size_t size) {
    memcpy(at, bytes, size);
    return at + size;
}

static uint8_t *put_port(uint8_t *at, uint16_t port) {
    *at++ = (uint8_t)(port >> 8U);
    *at++ = (uint8_t)port;
    return at;
}

bool community_id_format(struct digest *sha1, const struct handshake *handshake,
                         char text[COMMUNITY_ID_SIZE]) {
    static const uint8_t seed[2] = {0, 0};
    size_t address_size = handshake->ip_version == 4 ? 4 : 16;
    const struct endpoint *first = &handshake->client;
    const struct endpoint *second = &handshake->server;
    int order = memcmp(first->address.bytes, second->address.bytes, address_size);
    if (order > 0 || (order == 0 && first->port > second->port)) {
        first = &handshake->server;
        second = &handshake->client;
    }
    const uint8_t protocol[2] = {handshake->transport, 0};
    uint8_t input[INPUT_SIZE];
    uint8_t *at = put(input, seed, sizeof seed);
    at = put(at, first->address.bytes, address_size);
    at = put(at, second->address.bytes, address_size);
    at = put(at, protocol, sizeof protocol);
    at = put_port(put_port(at, first->port), second->port);
    uint8_t hash[DIGEST_MAX];
    if (sha1 == NULL || digest_of(sha1, input, (size_t)(at - input), hash) != DIGEST_SIZE)
        return false;
    memcpy(text, "1:", 2);
    EVP_EncodeBlock((unsigned char *)text + 2, hash, DIGEST_SIZE);
    return true;
}
