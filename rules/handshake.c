/*
 * handshake.c - the facts that follow from a record (handshake.h says which).
 *
 * Everything here is computed on demand from both hellos: nothing is stored, so nothing can
 * disagree with the bytes.
 */
#include "handshake.h"

enum { ALERT_LEVEL_FATAL = 2, SUITE_AES_128_CCM_8_SHA256 = 0x1305 };

/* An alert sealed by TLS 1.3 without padding: two bytes, the content type, and the tag. The other
 * first records of a client are larger (Finished, 53 and more) or of other sizes (an empty
 * Certificate, 25; EndOfEarlyData, 21). */
enum { SEALED_ALERT_SIZE = 19, SEALED_ALERT_SIZE_CCM_8 = 11 };

bool handshake_has_hello(const struct handshake *handshake) {
    return (handshake->has & (HANDSHAKE_HAS_OFFER | HANDSHAKE_HAS_CHOICE | HANDSHAKE_HAS_RETRY |
                              HANDSHAKE_HAS_SSLV2_CHOICE)) != 0;
}

enum tls_rank handshake_highest_offered(const struct handshake *handshake) {
    return tls_version_rank(handshake_highest_offered_version(handshake));
}

/* supported_versions is there but damaged: what it offers is not known. */
static bool has_unreadable_versions(const struct client_hello *offer) {
    return span_is_absent(offer->supported_versions) && offer->has_malformed_extension &&
           offer->malformed_extension == TLS_EXT_SUPPORTED_VERSIONS;
}

uint16_t handshake_highest_offered_version(const struct handshake *handshake) {
    if (!(handshake->has & HANDSHAKE_HAS_OFFER))
        return 0;
    const struct client_hello *offer = &handshake->offer;
    if (has_unreadable_versions(offer))
        return 0;
    struct span list = offer->supported_versions;
    if (span_is_absent(list))
        return offer->legacy_version;
    uint16_t best = 0;
    uint16_t version = 0;
    while (span_next_u16(&list, &version)) {
        /* The final version wins over the drafts of its rank. */
        if (tls_version_rank(version) > tls_version_rank(best) || version == TLS_VERSION_1_3)
            best = version;
    }
    return best;
}

bool handshake_offers_version(const struct handshake *handshake, uint16_t version) {
    const struct client_hello *offer = &handshake->offer;
    if (!(handshake->has & HANDSHAKE_HAS_OFFER) || has_unreadable_versions(offer))
        return false;
    if (!span_is_absent(offer->supported_versions))
        return span_has_u16(offer->supported_versions, version);
    if (version == TLS_VERSION_SSLV2)
        return offer->is_sslv2; /* an SSLv2 server does not understand any other framing */
    enum tls_rank rank = tls_version_rank(version);
    return rank != TLS_RANK_UNKNOWN && rank <= tls_version_rank(offer->legacy_version);
}

uint16_t handshake_negotiated_version(const struct handshake *handshake) {
    if (handshake->has & HANDSHAKE_HAS_SSLV2_CHOICE)
        return TLS_VERSION_SSLV2;
    if (!(handshake->has & HANDSHAKE_HAS_CHOICE))
        return 0;
    return handshake->choice.has_selected_version ? handshake->choice.selected_version
                                                  : handshake->choice.legacy_version;
}

enum tls_rank handshake_negotiated(const struct handshake *handshake) {
    return tls_version_rank(handshake_negotiated_version(handshake));
}

enum limiter handshake_limiter(const struct handshake *handshake) {
    enum tls_rank offered = handshake_highest_offered(handshake);
    enum tls_rank negotiated = handshake_negotiated(handshake);
    if (negotiated == TLS_RANK_1_3)
        return LIMITER_NONE;
    if (negotiated == TLS_RANK_UNKNOWN || offered == TLS_RANK_UNKNOWN)
        return LIMITER_UNKNOWN;
    if (handshake_sentinel_contradicts_offer(handshake))
        return LIMITER_DOWNGRADED;
    if (offered > negotiated)
        return LIMITER_SERVER;
    return offered == negotiated ? LIMITER_CLIENT : LIMITER_UNKNOWN;
}

enum tls_sentinel handshake_sentinel(const struct handshake *handshake) {
    return handshake->has & HANDSHAKE_HAS_CHOICE ? tls_sentinel_of(handshake->choice.random)
                                                 : TLS_SENTINEL_NONE;
}

bool handshake_sentinel_contradicts_offer(const struct handshake *handshake) {
    enum tls_rank offered = handshake_highest_offered(handshake);
    enum tls_rank negotiated = handshake_negotiated(handshake);
    if (!(handshake->has & HANDSHAKE_HAS_OFFER) || negotiated == TLS_RANK_UNKNOWN ||
        offered <= negotiated)
        return false;
    switch (handshake_sentinel(handshake)) {
    case TLS_SENTINEL_TLS12:
        return negotiated == TLS_RANK_1_2 &&
               (handshake_offers_version(handshake, TLS_VERSION_1_3) ||
                handshake_offers_version(handshake, DTLS_VERSION_1_3));
    case TLS_SENTINEL_TLS11:
        return negotiated <= TLS_RANK_1_1 && offered >= TLS_RANK_1_2;
    case TLS_SENTINEL_JDK11: /* a choice of the server's own: no contradiction by itself */
    case TLS_SENTINEL_NONE:
        return false;
    }
    return false;
}

bool handshake_failed_encrypted(const struct handshake *handshake) {
    const struct direction *client = &handshake->side[SIDE_CLIENT];
    if (handshake_negotiated(handshake) != TLS_RANK_1_3 || client->encrypted_packet == 0 ||
        handshake->protocol == HANDSHAKE_QUIC) /* whose alerts are frames, among others */
        return false;
    bool has_short_tag = handshake->choice.cipher_suite == SUITE_AES_128_CCM_8_SHA256;
    return client->encrypted_size == (has_short_tag ? SEALED_ALERT_SIZE_CCM_8 : SEALED_ALERT_SIZE);
}

bool handshake_is_resumed(const struct handshake *handshake) {
    if (!(handshake->has & HANDSHAKE_HAS_CHOICE))
        return false;
    if (handshake_negotiated(handshake) == TLS_RANK_1_3)
        return handshake->choice.has_pre_shared_key;
    if (handshake->has & (HANDSHAKE_HAS_CERTIFICATE | HANDSHAKE_HAS_KEY_EXCHANGE |
                          HANDSHAKE_HAS_SERVER_HELLO_DONE | HANDSHAKE_HAS_CLIENT_KEY_EXCHANGE))
        return false;
    if ((handshake->has & HANDSHAKE_HAS_OFFER) && handshake->choice.session_id.size != 0)
        return span_equal(handshake->offer.session_id, handshake->choice.session_id);
    return handshake->side[SIDE_SERVER].encrypted_packet != 0 && handshake->missed == 0;
}

uint16_t handshake_group(const struct handshake *handshake) {
    if ((handshake->has & HANDSHAKE_HAS_CHOICE) && handshake->choice.has_key_share_group)
        return handshake->choice.key_share_group;
    return handshake->has & HANDSHAKE_HAS_KEY_EXCHANGE ? handshake->key_exchange.group : 0;
}

uint64_t handshake_choice_packet(const struct handshake *handshake) {
    return handshake->choice_packet ? handshake->choice_packet
                                    : handshake->side[SIDE_SERVER].hello_packet;
}

const struct handshake_alert *handshake_fatal_alert(const struct handshake *handshake,
                                                    enum handshake_side side) {
    for (size_t i = 0; i < handshake->alert_count; i++) {
        const struct handshake_alert *alert = &handshake->alerts[i];
        if (alert->level == ALERT_LEVEL_FATAL && (side == SIDE_COUNT || alert->sender == side))
            return alert;
    }
    return NULL;
}

const char *handshake_outcome_name(enum handshake_outcome outcome) {
    static const char *const names[] = {"completed", "failed", "reset", "half_seen",
                                        "inconclusive"};
    return names[outcome];
}

const char *handshake_carrier_name(const struct handshake *handshake) {
    static const char *const names[CARRIER_COUNT] = {
        [CARRIER_DIRECT] = "direct",
        [CARRIER_UNKNOWN] = "unknown",
        [CARRIER_STUN] = "stun",
        [CARRIER_OPENVPN] = "openvpn",
    };
    return handshake->carrier == CARRIER_DIALOGUE
               ? dialogue_protocol_name(handshake->dialogue.protocol)
               : names[handshake->carrier];
}

const char *limiter_name(enum limiter limiter) {
    static const char *const names[] = {"none", "client", "server", "downgraded", "unknown"};
    return names[limiter];
}
