/*
 * fingerprint.c - which hello of a record has which fingerprint.
 */
#include "fingerprint.h"

#include <stdlib.h>

struct fingerprinter {
    struct digest *md5;
    struct digest *sha256;
    uint16_t numbers[JA4_MAX_NUMBERS];
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

void fingerprints_of(struct fingerprinter *fingerprinter, const struct handshake *handshake,
                     struct fingerprints *fingerprints) {
    struct digest *md5 = fingerprinter->md5;
    struct digest *sha256 = fingerprinter->sha256;
    const struct client_hello *offer = &handshake->offer;
    bool has_offer = (handshake->has & HANDSHAKE_HAS_OFFER) != 0;
    bool has_choice = (handshake->has & HANDSHAKE_HAS_CHOICE) != 0;
    fingerprints->has_ja3 = has_offer && md5 && ja3_of_client(md5, offer, &fingerprints->ja3);
    fingerprints->has_ja3s =
        has_choice && md5 && ja3_of_server(md5, &handshake->choice, &fingerprints->ja3s);
    fingerprints->has_ja4 = has_offer && sha256 &&
                            ja4_of_client(sha256, fingerprinter->numbers, transport_of(handshake),
                                          offer, fingerprints->ja4);
}
