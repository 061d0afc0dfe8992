/*
 * handshake_ech.c - the few things that tell one Encrypted ClientHello from another.
 */
#include "handshake_ech.h"

#include "ech.h"

/* The second hello of an offer that was taken, or that nobody meant. */
static enum handshake_ech ech_of_second_offer(const struct handshake *handshake,
                                              const struct ech_extension *first) {
    struct span data = handshake->second_offer.encrypted_client_hello;
    struct ech_extension second;
    if (!(handshake->has & HANDSHAKE_HAS_SECOND_OFFER) || span_is_absent(data) ||
        ech_extension_parse(data, &second) != PARSE_OK || second.type != ECH_TYPE_OUTER)
        return HANDSHAKE_ECH_OFFERED;
    if (second.enc.size == 0 && first->enc.size != 0)
        return HANDSHAKE_ECH_ACCEPTED;
    return span_equal(data, handshake->offer.encrypted_client_hello) ? HANDSHAKE_ECH_GREASE
                                                                     : HANDSHAKE_ECH_OFFERED;
}

static bool is_refused(const struct handshake *handshake) {
    const struct server_hello *retry = &handshake->retry;
    struct tls_extension extension;
    if ((handshake->has & HANDSHAKE_HAS_RETRY) && !retry->is_truncated &&
        !tls_extension_find(retry->extensions, TLS_EXT_ENCRYPTED_CLIENT_HELLO, &extension))
        return true;
    enum tls_rank negotiated = handshake_negotiated(handshake);
    return negotiated != TLS_RANK_UNKNOWN && negotiated < TLS_RANK_1_3;
}

enum handshake_ech handshake_ech(const struct handshake *handshake) {
    const struct client_hello *offer = &handshake->offer;
    struct ech_extension ech;
    if (!(handshake->has & HANDSHAKE_HAS_OFFER))
        return HANDSHAKE_ECH_NONE;
    if (span_is_absent(offer->encrypted_client_hello))
        return span_is_absent(offer->encrypted_server_name) ? HANDSHAKE_ECH_NONE
                                                            : HANDSHAKE_ECH_OFFERED;
    if (ech_extension_parse(offer->encrypted_client_hello, &ech) != PARSE_OK)
        return HANDSHAKE_ECH_NONE; /* named as malformed */
    if (ech.type == ECH_TYPE_INNER)
        return HANDSHAKE_ECH_INNER;
    enum handshake_ech found = ech_of_second_offer(handshake, &ech);
    if (found != HANDSHAKE_ECH_OFFERED)
        return found;
    if (!ech_extension_is_padded(&ech))
        return HANDSHAKE_ECH_GREASE;
    return is_refused(handshake) ? HANDSHAKE_ECH_REFUSED : HANDSHAKE_ECH_OFFERED;
}

const char *handshake_ech_name(enum handshake_ech ech) {
    static const char *const names[] = {"none",    "offered",  "grease",
                                        "refused", "accepted", "inner"};
    return names[ech];
}
