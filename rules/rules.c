/*
 * rules.c - the list of rules, and the few things that all of them share.
 *
 * A new rule is its own file, its name in rules_list.h, one line in rules_all[], and its test.
 * Positions in the list are bit numbers of one run (verdict.rules_hit); what is stored or published
 * are kinds and signature ids.
 */
#include "rules_list.h"

#include <stdarg.h>
#include <stdio.h>

const struct rule *const rules_all[] = {
    &rule_downgrade_sentinel,
    &rule_hello_mismatch,
    &rule_inconsistent_client_hello,
    &rule_fallback_dance,
    &rule_inappropriate_fallback,
    &rule_injected_alert,
    &rule_injected_hello,
    &rule_injected_reset,
    &rule_server_regression,
    &rule_split_view,
    &rule_pq_downgrade,
    &rule_weak_key_exchange,
    &rule_starttls_stripping,
    &rule_scanner,
    &rule_legacy_version,
    &rule_malformed_hello,
};
const size_t rules_count = sizeof rules_all / sizeof rules_all[0];

enum { FALLBACK_WINDOW_S = 60, US_PER_S = 1000000 };

const struct rule *rules_find(const char *kind) {
    for (size_t i = 0; i < rules_count; i++) {
        if (strcmp(rules_all[i]->kind, kind) == 0)
            return rules_all[i];
    }
    return NULL;
}

void rules_default_settings(struct rule_settings *settings) {
    *settings = (struct rule_settings){
        .fallback_window_us = (uint64_t)FALLBACK_WINDOW_S * US_PER_S,
        .regression_handshakes = 20,
        .hybrid_handshakes = 20,
        .starttls_dialogues = 3,
        .dh_bits = 1024,
        .legacy_below = TLS_RANK_1_2,
    };
}

static uint32_t need(enum rule_need bit, bool is_met) {
    return is_met ? (uint32_t)bit : 0;
}

uint32_t rule_needs_met(const struct handshake *handshake, const struct history *history) {
    const struct attempt *now = history->now;
    uint32_t has = handshake->has;
    return need(NEED_OFFER, has & HANDSHAKE_HAS_OFFER) |
           need(NEED_CHOICE, has & HANDSHAKE_HAS_CHOICE) |
           need(NEED_ANSWER, has & (HANDSHAKE_HAS_CHOICE | HANDSHAKE_HAS_RETRY)) |
           need(NEED_UNREACHED,
                now->negotiated != TLS_RANK_UNKNOWN && now->highest_offered > now->negotiated) |
           need(NEED_BELOW_TLS_1_3, now->highest_offered < TLS_RANK_1_3) |
           need(NEED_FALLBACK, now->has_fallback_scsv || handshake->alert_count != 0) |
           need(NEED_HYBRID, now->shares_hybrid) |
           need(NEED_SUSPECT, handshake->suspect_count != 0) |
           need(NEED_CONFLICT, handshake->conflict_count != 0) |
           need(NEED_DIALOGUE, has & HANDSHAKE_HAS_DIALOGUE) |
           need(NEED_MALFORMED, handshake->malformed != 0) |
           need(NEED_OTHER_OFFER, history->attempted_ranks & ~(1U << now->highest_offered)) |
           need(NEED_SERVER, history->server != NULL) | need(NEED_TWIN, history->twin != NULL);
}

const char *rule_class_name(enum rule_class rule_class) {
    static const char *const names[] = {"attack", "policy", "info"};
    return names[rule_class];
}

const char *rule_confidence_name(enum rule_confidence confidence) {
    static const char *const names[] = {"low", "medium", "high"};
    return names[confidence];
}

/* Copies at most size - 1 bytes, printable ASCII only. */
static void copy_printable(char *target, size_t size, const char *text) {
    size_t i = 0;
    for (; i + 1 < size && text[i] != '\0'; i++)
        target[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    target[i] = '\0';
}

void finding_add(struct finding *finding, const char *what, uint64_t packet, const char *expected,
                 const char *observed) {
    if (finding->evidence_count == FINDING_MAX_EVIDENCE)
        return;
    struct evidence *evidence = &finding->evidence[finding->evidence_count++];
    copy_printable(evidence->what, sizeof evidence->what, what);
    copy_printable(evidence->expected, sizeof evidence->expected, expected);
    copy_printable(evidence->observed, sizeof evidence->observed, observed);
    evidence->packet = packet;
}

const char *finding_text(char buffer[EVIDENCE_TEXT_SIZE], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(buffer, EVIDENCE_TEXT_SIZE, format, arguments);
    va_end(arguments);
    if (length < 0)
        buffer[0] = '\0';
    return buffer;
}
