/*
 * server_regression.c - a server that always did better answers lower, for no reason that shows.
 *
 * Where the hellos of one connection agree, an attacker who holds both may have rewritten both; the
 * server's own past then is what is left to compare with. It is weak evidence: servers change, and
 * names are served by pools. So it takes many handshakes with offers of the same height that went
 * nearly all better, and few clients that were answered lower: when several are, the server has
 * changed.
 */
#include "rules_list.h"

#include <stddef.h>

enum { MIXED_PERCENT = 1, CHANGED_CLIENTS = 3, SURE_HANDSHAKES = 100 };

static void add_evidence(struct finding *finding, const struct handshake *handshake, uint32_t all,
                         uint32_t above) {
    char expected[EVIDENCE_TEXT_SIZE];
    char name[TLS_NAME_SIZE];
    finding_text(expected, "better: %u of %u handshakes of clients that offer %s were", above, all,
                 tls_rank_name(handshake_highest_offered(handshake)));
    finding_add(finding, "server's answer", handshake_choice_packet(handshake), expected,
                tls_version_name(handshake_negotiated_version(handshake), name));
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    enum tls_rank offered = history_offered(history);
    enum tls_rank negotiated = history_negotiated(history);
    if (offered == TLS_RANK_UNKNOWN || negotiated == TLS_RANK_UNKNOWN)
        return RULE_UNKNOWN;
    if (negotiated >= offered || history->server == NULL)
        return RULE_PASS;
    /* Of a capture with gaps, the past may hold one kind of answers only: those that went whole. */
    if (handshake->missed &
        (MISSED_CLIENT_BYTES | MISSED_SERVER_BYTES | MISSED_CUT_PACKET | MISSED_MEMORY))
        return RULE_UNKNOWN;
    uint32_t all = 0;
    uint32_t above = 0;
    history_count_answers(history->server, offered, negotiated, &all, &above);
    if (above < settings->regression_handshakes || (all - above) * 100 > all * MIXED_PERCENT)
        return RULE_PASS;
    uint64_t clients = history->server->lowered_clients | history->client_bit;
    if (history_count_clients(clients) >= CHANGED_CLIENTS)
        return RULE_PASS;
    if (expected_range_check(history->expected, handshake) == EXPECTATION_MET)
        return RULE_PASS;
    finding->confidence = above >= SURE_HANDSHAKES ? CONFIDENCE_MEDIUM : CONFIDENCE_LOW;
    finding->is_downgrade = true;
    add_evidence(finding, handshake, all, above);
    return RULE_HIT;
}

static const struct rule_threshold thresholds[] = {
    {"handshakes", THRESHOLD_COUNT, offsetof(struct rule_settings, regression_handshakes), 5, 60000,
     "better answers to equal offers that must be known of a server before a lower one is "
     "told"},
};

const struct rule rule_server_regression = {
    .kind = "server-regression",
    .signature_id = 2600009,
    .title = "A server answers lower than it always did",
    .rule_class = RULE_ATTACK,
    .severity = RULE_SEVERITY_MEDIUM,
    .on_by_default = true,
    .fires_when = "The server (address, port and name) completed many handshakes with clients that "
                  "offered the same highest version, nearly all of them with a higher version than "
                  "it chooses now.",
    .stays_silent_when =
        "More than one in a hundred such handshakes ended as low before (a mixed pool), three "
        "clients or more were answered lower (the server has changed), the configuration expects "
        "the version of this server, or too little is known of it. Unknown if bytes of the "
        "handshake "
        "were missed.",
    .confidence = "Low; medium from a hundred better handshakes on. Never high: servers may change "
                  "at any time.",
    .advice = "Ask the server's operator whether it was reconfigured, or connect to it from "
              "elsewhere: if it answers as always there, look at this client's path. A pool of "
              "legacy servers belongs into the configuration's `expectations`.",
    .references = "RFC 8446 appendix D.5; ATT&CK T1562.010",
    .thresholds = thresholds,
    .threshold_count = sizeof thresholds / sizeof thresholds[0],
    .needs = NEED_UNREACHED | NEED_SERVER,
    .check = check,
};
