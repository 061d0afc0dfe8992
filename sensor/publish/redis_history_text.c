/*
 * redis_history_text.c - a server's record as words of Redis.
 *
 * Version 1: "1", first_us, last_us, faded_us, proven_us, handshakes, highest_proven,
 * hybrid_offered, hybrid_taken, starttls_seen, starttls_offered, three maps of clients (hex), then
 * OFFERED:NEGOTIATED:COUNT for every pair that was seen. Numbers are decimal; ranks are those of
 * tls_names.h. Whoever can write to Redis can write anything: what is not exactly so is no record.
 */
#include "redis_history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct words {
    const char *at;
    const char *end;
    bool is_bad;
};

const char *shared_server_format(const struct server_record *known, char text[SHARED_SERVER_TEXT]) {
    size_t size =
        (size_t)snprintf(text, SHARED_SERVER_TEXT,
                         "1 %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu32 " %u %" PRIu32
                         " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIx64 " %" PRIx64 " %" PRIx64,
                         known->first_us, known->last_us, known->faded_us, known->proven_us,
                         known->handshakes, (unsigned)known->highest_proven, known->hybrid_offered,
                         known->hybrid_taken, known->starttls_seen, known->starttls_offered,
                         known->lowered_clients, known->stripped_clients, known->classical_clients);
    for (unsigned offered = 0; offered < TLS_RANK_COUNT; offered++)
        for (unsigned rank = 0; rank < TLS_RANK_COUNT; rank++)
            if (known->by_offer[offered][rank] != 0 && size < SHARED_SERVER_TEXT)
                size += (size_t)snprintf(text + size, SHARED_SERVER_TEXT - size, " %u:%u:%u",
                                         offered, rank, (unsigned)known->by_offer[offered][rank]);
    return text;
}

/* The number before the next space (or ':', or the end), at most `most`. */
static uint64_t next_number(struct words *words, unsigned base, uint64_t most) {
    static const char digits[] = "0123456789abcdef";
    uint64_t number = 0;
    const char *start = words->at;
    for (; words->at < words->end && *words->at != ' ' && *words->at != ':'; words->at++) {
        const char *digit = memchr(digits, *words->at, base);
        if (digit == NULL || number > (UINT64_MAX - (uint64_t)(digit - digits)) / base) {
            words->is_bad = true;
            return 0;
        }
        number = number * base + (uint64_t)(digit - digits);
    }
    words->is_bad |= words->at == start || number > most;
    return words->is_bad ? 0 : number;
}

static void skip(struct words *words, char separator) {
    if (words->at < words->end && *words->at == separator)
        words->at++;
    else
        words->is_bad = true;
}

static uint64_t word(struct words *words, unsigned base, uint64_t most) {
    skip(words, ' ');
    return words->is_bad ? 0 : next_number(words, base, most);
}

static void read_pairs(struct words *words, struct server_record *known) {
    while (!words->is_bad && words->at < words->end) {
        uint64_t offered = word(words, 10, TLS_RANK_COUNT - 1);
        skip(words, ':');
        uint64_t rank = next_number(words, 10, TLS_RANK_COUNT - 1);
        skip(words, ':');
        uint64_t count = next_number(words, 10, UINT16_MAX);
        if (words->is_bad)
            return;
        known->by_offer[offered][rank] = (uint16_t)count;
        known->negotiated[rank] += (uint32_t)count;
        if (count != 0 && rank > known->highest_negotiated)
            known->highest_negotiated = (uint8_t)rank;
    }
}

bool shared_server_parse(const char *text, size_t size, struct server_record *known) {
    struct words words = {.at = text, .end = text + size};
    *known = (struct server_record){0};
    if (next_number(&words, 10, 1) != 1)
        return false;
    known->first_us = word(&words, 10, UINT64_MAX);
    known->last_us = word(&words, 10, UINT64_MAX);
    known->faded_us = word(&words, 10, UINT64_MAX);
    known->proven_us = word(&words, 10, UINT64_MAX);
    known->handshakes = (uint32_t)word(&words, 10, UINT32_MAX);
    known->highest_proven = (uint8_t)word(&words, 10, TLS_RANK_COUNT - 1);
    known->hybrid_offered = (uint32_t)word(&words, 10, UINT32_MAX);
    known->hybrid_taken = (uint32_t)word(&words, 10, known->hybrid_offered);
    known->starttls_seen = (uint32_t)word(&words, 10, UINT32_MAX);
    known->starttls_offered = (uint32_t)word(&words, 10, known->starttls_seen);
    known->lowered_clients = word(&words, 16, UINT64_MAX);
    known->stripped_clients = word(&words, 16, UINT64_MAX);
    known->classical_clients = word(&words, 16, UINT64_MAX);
    read_pairs(&words, known);
    return !words.is_bad;
}

const char *shared_facts_format(const struct twin *facts, char text[SHARED_FACTS_TEXT]) {
    (void)snprintf(text, SHARED_FACTS_TEXT, "%" PRIu64 " %" PRIu64 " %u %u %" PRIu32 " %" PRIu32,
                   facts->time_us, facts->packet, (unsigned)facts->highest_offered,
                   (unsigned)facts->negotiated, facts->suites, facts->extensions);
    return text;
}

bool shared_facts_parse(const char *text, size_t size, struct twin *facts) {
    struct words words = {.at = text, .end = text + size};
    *facts = (struct twin){.time_us = next_number(&words, 10, UINT64_MAX)};
    facts->packet = word(&words, 10, UINT64_MAX);
    facts->highest_offered = (uint16_t)word(&words, 10, UINT16_MAX);
    facts->negotiated = (uint16_t)word(&words, 10, UINT16_MAX);
    facts->suites = (uint32_t)word(&words, 10, UINT16_MAX);
    facts->extensions = (uint32_t)word(&words, 10, UINT16_MAX);
    return !words.is_bad && words.at == words.end;
}

const char *shared_hash_format(uint64_t hash, char text[SHARED_HASH_TEXT]) {
    (void)snprintf(text, SHARED_HASH_TEXT, "%016" PRIx64, hash);
    return text;
}

bool shared_hash_parse(const char *text, size_t size, uint64_t *hash) {
    struct words words = {.at = text, .end = text + size};
    *hash = next_number(&words, 16, UINT64_MAX);
    return !words.is_bad && words.at == words.end && size == SHARED_HASH_TEXT - 1;
}
