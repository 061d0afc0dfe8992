/*
 * history.c - a handshake boiled down to what the history keeps of it (history.h).
 */
#include "history.h"

/* Spreads neighbouring code points over the filter's 64 bits (Fibonacci hashing). */
static uint64_t suite_bit(uint16_t suite) {
    uint32_t mixed = (uint32_t)suite * 0x9e3779b1U;
    return (uint64_t)1 << (mixed >> 26U);
}

/* Neither GREASE, nor TLS 1.3's, nor a signal; by number, since a look-up of its traits for each
 * suite of each hello would cost more than all rules together. The first line knows most of them:
 * 0x00.. and 0xc0.. below the signals. */
static inline bool is_counted(uint16_t suite) {
    if ((suite & 0x3f00U) == 0 && (suite & 0xffU) < 0xb4U)
        return true;
    return (suite & 0xff00U) != 0x1300U && suite != 0x00c6 && suite != 0x00c7 && suite != 0xc0b4 &&
           suite != 0xc0b5 && suite != TLS_SCSV_RENEGOTIATION && suite != TLS_SCSV_FALLBACK &&
           !tls_is_grease(suite);
}

static bool is_fallback_scsv(uint32_t cipher) {
    return cipher == TLS_SCSV_FALLBACK;
}

static void note_sslv2_ciphers(struct attempt *attempt, const struct client_hello *offer) {
    struct span list = offer->cipher_suites;
    uint32_t cipher = 0;
    while (client_hello_next_cipher(offer, &list, &cipher)) {
        if (cipher <= UINT16_MAX && is_counted((uint16_t)cipher)) /* else an SSLv2 cipher spec */
            attempt->suites |= suite_bit((uint16_t)cipher);
        attempt->has_fallback_scsv |= is_fallback_scsv(cipher);
    }
}

/* Straight over the bytes: lists are what is long in most hellos. */
static void note_suites(struct attempt *attempt, struct span list) {
    const uint8_t *end = list.data + list.size / 2 * 2;
    uint64_t suites = 0;
    bool has_scsv = false;
    for (const uint8_t *at = list.data; at < end; at += 2) {
        uint16_t suite = (uint16_t)(at[0] << 8U | at[1]);
        if (is_counted(suite))
            suites |= suite_bit(suite);
        else
            has_scsv |= is_fallback_scsv(suite);
    }
    attempt->suites = suites;
    attempt->has_fallback_scsv = has_scsv;
}

static enum tls_rank lowest_offered(const struct client_hello *offer) {
    enum tls_rank lowest = TLS_RANK_UNKNOWN;
    struct span list = offer->supported_versions;
    uint16_t version = 0;
    while (span_next_u16(&list, &version)) {
        enum tls_rank rank = tls_version_rank(version);
        if (rank != TLS_RANK_UNKNOWN && (lowest == TLS_RANK_UNKNOWN || rank < lowest))
            lowest = rank;
    }
    return lowest;
}

static bool shares_hybrid(const struct client_hello *offer) {
    struct span shares = offer->key_share;
    struct span key;
    uint16_t group = 0;
    while (client_hello_next_key_share(&shares, &group, &key))
        if (tls_group_is_post_quantum(group))
            return true;
    return false;
}

static enum handshake_side first_to_close(const struct handshake *handshake) {
    enum handshake_side closer = SIDE_COUNT;
    uint64_t first = 0;
    for (enum handshake_side side = SIDE_CLIENT; side < SIDE_COUNT; side++) {
        const struct direction *direction = &handshake->side[side];
        uint64_t packets[] = {direction->fin_packet, direction->reset_packet};
        for (size_t i = 0; i < 2; i++) {
            if (packets[i] != 0 && (first == 0 || packets[i] < first)) {
                first = packets[i];
                closer = side;
            }
        }
    }
    return closer;
}

void history_attempt_of(const struct handshake *handshake, struct attempt *attempt) {
    const struct handshake_alert *fatal = handshake_fatal_alert(handshake, SIDE_COUNT);
    *attempt = (struct attempt){
        .started_us = handshake->started_us,
        .ended_us = handshake->ended_us,
        .packet = handshake->ended_packet,
        .highest_offered = (uint8_t)handshake_highest_offered(handshake),
        .negotiated = (uint8_t)handshake_negotiated(handshake),
        .outcome = (uint8_t)handshake->outcome,
        .fatal_alert = fatal ? fatal->description : 0,
        .fatal_sender = fatal ? fatal->sender : SIDE_COUNT,
        .closed_by = (uint8_t)first_to_close(handshake),
        .missed = handshake->missed,
    };
    if (!(handshake->has & HANDSHAKE_HAS_OFFER))
        return;
    attempt->lowest_offered = (uint8_t)lowest_offered(&handshake->offer);
    attempt->shares_hybrid = shares_hybrid(&handshake->offer);
    if (handshake->offer.is_sslv2)
        note_sslv2_ciphers(attempt, &handshake->offer);
    else if (handshake->offer.cipher_suites.size != 0)
        note_suites(attempt, handshake->offer.cipher_suites);
}

enum tls_rank history_proven_by_sentinel(const struct handshake *handshake) {
    enum tls_rank negotiated = handshake_negotiated(handshake);
    switch (handshake_sentinel(handshake)) {
    case TLS_SENTINEL_TLS12:
        return negotiated == TLS_RANK_1_2 ? TLS_RANK_1_3 : TLS_RANK_UNKNOWN;
    case TLS_SENTINEL_TLS11:
        return negotiated != TLS_RANK_UNKNOWN && negotiated < TLS_RANK_1_2 ? TLS_RANK_1_2
                                                                           : TLS_RANK_UNKNOWN;
    case TLS_SENTINEL_JDK11:
    case TLS_SENTINEL_NONE:
        break;
    }
    return TLS_RANK_UNKNOWN;
}

enum tls_rank history_server_ability(const struct history *history,
                                     const struct handshake *handshake) {
    enum tls_rank ability = history_proven_by_sentinel(handshake);
    const struct server_record *server = history->server;
    if (server != NULL && server->highest_negotiated > ability)
        ability = (enum tls_rank)server->highest_negotiated;
    if (server != NULL && server->highest_proven > ability)
        ability = (enum tls_rank)server->highest_proven;
    return ability;
}

bool history_is_other_trouble(const struct attempt *attempt) {
    uint8_t alert = attempt->fatal_alert;
    return (alert >= 41 && alert <= 46) || alert == 48 || alert == 49 || alert == 90 ||
           (alert >= 111 && alert <= 116) || alert == 120 || alert == 121;
}

void history_count_answers(const struct server_record *server, enum tls_rank offered,
                           enum tls_rank negotiated, uint32_t *all, uint32_t *above) {
    *all = 0;
    *above = 0;
    for (unsigned rank = 0; rank < TLS_RANK_COUNT; rank++) {
        *all += server->by_offer[offered][rank];
        *above += rank > negotiated ? server->by_offer[offered][rank] : 0;
    }
}

static void halve(struct server_record *server) {
    server->handshakes /= 2;
    server->highest_negotiated = TLS_RANK_UNKNOWN;
    for (unsigned rank = 0; rank < TLS_RANK_COUNT; rank++) {
        server->negotiated[rank] /= 2;
        if (server->negotiated[rank] != 0)
            server->highest_negotiated = (uint8_t)rank;
        for (unsigned offered = 0; offered < TLS_RANK_COUNT; offered++)
            server->by_offer[offered][rank] /= 2;
    }
    server->hybrid_offered /= 2;
    server->hybrid_taken /= 2;
    server->starttls_seen /= 2;
    server->starttls_offered /= 2;
}

void history_fade(struct server_record *server, uint64_t now_us) {
    enum { MOST_HALVINGS = 32 }; /* nothing is left then */
    uint64_t since_us = server->faded_us != 0 ? server->faded_us : server->first_us;
    if (now_us < since_us || now_us - since_us < HISTORY_FADE_US)
        return;
    uint64_t times = (now_us - since_us) / HISTORY_FADE_US;
    for (uint64_t i = 0; i < times && i < MOST_HALVINGS; i++)
        halve(server);
    server->faded_us = since_us + times * HISTORY_FADE_US;
    server->lowered_clients = 0;
    server->stripped_clients = 0;
    server->classical_clients = 0;
    if (now_us > server->proven_us + HISTORY_PROVEN_FADES * HISTORY_FADE_US)
        server->highest_proven = TLS_RANK_UNKNOWN;
}

static uint64_t earlier(uint64_t a, uint64_t b) {
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static uint64_t later(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static uint32_t add(uint32_t a, uint32_t b) {
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

void history_merge(struct server_record *server, const struct server_record *other) {
    server->handshakes = add(server->handshakes, other->handshakes);
    for (unsigned rank = 0; rank < TLS_RANK_COUNT; rank++) {
        server->negotiated[rank] = add(server->negotiated[rank], other->negotiated[rank]);
        for (unsigned offered = 0; offered < TLS_RANK_COUNT; offered++) {
            uint32_t sum =
                (uint32_t)server->by_offer[offered][rank] + other->by_offer[offered][rank];
            server->by_offer[offered][rank] = (uint16_t)(sum < UINT16_MAX ? sum : UINT16_MAX);
        }
    }
    if (other->highest_negotiated > server->highest_negotiated)
        server->highest_negotiated = other->highest_negotiated;
    if (other->highest_proven > server->highest_proven)
        server->highest_proven = other->highest_proven;
    server->proven_us = later(server->proven_us, other->proven_us);
    server->first_us = earlier(server->first_us, other->first_us);
    server->last_us = later(server->last_us, other->last_us);
    server->faded_us = later(server->faded_us, other->faded_us);
    server->hybrid_offered = add(server->hybrid_offered, other->hybrid_offered);
    server->hybrid_taken = add(server->hybrid_taken, other->hybrid_taken);
    server->starttls_seen = add(server->starttls_seen, other->starttls_seen);
    server->starttls_offered = add(server->starttls_offered, other->starttls_offered);
    server->lowered_clients |= other->lowered_clients;
    server->stripped_clients |= other->stripped_clients;
    server->classical_clients |= other->classical_clients;
}

void history_hello_facts(const struct handshake *handshake, struct twin *facts) {
    const struct client_hello *offer = &handshake->offer;
    *facts = (struct twin){
        .time_us = handshake->started_us,
        .packet = handshake->side[SIDE_CLIENT].hello_packet,
        .highest_offered = handshake_highest_offered_version(handshake),
        .negotiated = handshake_negotiated_version(handshake),
        .suites = (uint32_t)(offer->cipher_suites.size / 2),
    };
    struct span rest = offer->extensions;
    struct tls_extension extension;
    while (tls_extension_next(&rest, &extension))
        facts->extensions++;
}

unsigned history_count_clients(uint64_t map) {
    unsigned count = 0;
    for (; map != 0; map &= map - 1)
        count++;
    return count;
}
