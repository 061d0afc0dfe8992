/*
 * fingerprint.c - which hello of a record has which fingerprint.
 */
#include "fingerprint.h"

#include "hello_cache.h"

#include <stdlib.h>

struct fingerprinter {
    struct digest *md5;
    struct digest *sha256;
    uint16_t numbers[JA4_MAX_NUMBERS];
    struct hello_cache cache;
};

struct fingerprinter *fingerprinter_new(void) {
    struct fingerprinter *fingerprinter = calloc(1, sizeof(*fingerprinter));
    if (!fingerprinter)
        return NULL;
    fingerprinter->md5 = digest_new("MD5");
    fingerprinter->sha256 = digest_new("SHA256");
    return fingerprinter;
}

void fingerprinter_delete(struct fingerprinter *fingerprinter) {
    if (!fingerprinter)
        return;
    digest_delete(fingerprinter->md5);
    digest_delete(fingerprinter->sha256);
    free(fingerprinter);
}

static enum ja4_transport transport_of(const struct handshake *handshake) {
    switch (handshake->protocol) {
    case HANDSHAKE_QUIC:
        return JA4_QUIC;
    case HANDSHAKE_DTLS:
        return JA4_DTLS;
    case HANDSHAKE_TLS:
    case HANDSHAKE_SSLV2:
        break;
    }
    return JA4_TCP;
}

static void take_ja3(const struct cached_hello *cached, struct ja3 *ja3) {
    memcpy(ja3->hash, cached->ja3_hash, sizeof ja3->hash);
    ja3->text_size = cached->text_size;
    memcpy(ja3->text, cached->text, cached->text_size);
}

static void client_fingerprints(struct fingerprinter *fingerprinter,
                                const struct client_hello *offer, enum ja4_transport transport,
                                struct fingerprints *fingerprints) {
    struct hello_identity identity;
    hello_identity_of_client(offer, transport, &identity);
    const struct cached_hello *cached = hello_cache_find(&fingerprinter->cache, &identity);
    if (cached) {
        fingerprints->has_ja3 = cached->has_ja3;
        if (cached->has_ja3)
            take_ja3(cached, &fingerprints->ja3);
        fingerprints->has_ja4 = cached->has_ja4;
        memcpy(fingerprints->ja4, cached->ja4, sizeof fingerprints->ja4);
        return;
    }
    fingerprints->has_ja3 =
        fingerprinter->md5 && ja3_of_client(fingerprinter->md5, offer, &fingerprints->ja3);
    fingerprints->has_ja4 =
        fingerprinter->sha256 && ja4_of_client(fingerprinter->sha256, fingerprinter->numbers,
                                               transport, offer, fingerprints->ja4);
    hello_cache_put(&fingerprinter->cache, &identity,
                    fingerprints->has_ja3 ? &fingerprints->ja3 : NULL,
                    fingerprints->has_ja4 ? fingerprints->ja4 : NULL);
}

static void server_fingerprints(struct fingerprinter *fingerprinter,
                                const struct server_hello *choice,
                                struct fingerprints *fingerprints) {
    struct hello_identity identity;
    hello_identity_of_server(choice, &identity);
    const struct cached_hello *cached = hello_cache_find(&fingerprinter->cache, &identity);
    fingerprints->has_ja3s =
        cached
            ? cached->has_ja3
            : fingerprinter->md5 && ja3_of_server(fingerprinter->md5, choice, &fingerprints->ja3s);
    if (cached && cached->has_ja3)
        take_ja3(cached, &fingerprints->ja3s);
    if (!cached)
        hello_cache_put(&fingerprinter->cache, &identity,
                        fingerprints->has_ja3s ? &fingerprints->ja3s : NULL, NULL);
}

void fingerprints_of(struct fingerprinter *fingerprinter, const struct handshake *handshake,
                     struct fingerprints *fingerprints) {
    fingerprints->has_ja3 = false;
    fingerprints->has_ja3s = false;
    fingerprints->has_ja4 = false;
    if (handshake->has & HANDSHAKE_HAS_OFFER)
        client_fingerprints(fingerprinter, &handshake->offer, transport_of(handshake),
                            fingerprints);
    if (handshake->has & HANDSHAKE_HAS_CHOICE)
        server_fingerprints(fingerprinter, &handshake->choice, fingerprints);
}
