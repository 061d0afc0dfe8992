/*
 * pq_downgrade.c - a post-quantum key share, offered to a server that takes them, was not used.
 *
 * An attacker who records today to decrypt later wants classical key exchange. The group is in the
 * transcript, so a change would be noticed by TLS 1.3 itself, but boxes that terminate TLS, and
 * versions below, are not. Evidence is the server's own past, as in server-regression.
 */
#include "rules_list.h"

#include <stddef.h>

enum { MIXED_PERCENT = 2, CHANGED_CLIENTS = 3, SURE_HANDSHAKES = 100 };

static void add_evidence(struct finding *finding, const struct handshake *handshake,
                         const struct server_record *server) {
    char expected[EVIDENCE_TEXT_SIZE];
    char observed[EVIDENCE_TEXT_SIZE];
    char version[TLS_NAME_SIZE];
    char group[TLS_NAME_SIZE];
    uint16_t used = handshake_group(handshake);
    finding_text(expected, "a post-quantum group: %u of %u handshakes with such a share used it",
                 server->hybrid_taken, server->hybrid_offered);
    finding_text(observed, "%s with %s",
                 tls_version_name(handshake_negotiated_version(handshake), version),
                 used ? tls_group_name(used, group) : "no group that is known");
    finding_add(finding, "key exchange", handshake_choice_packet(handshake), expected, observed);
    if (handshake->has & HANDSHAKE_HAS_RETRY)
        finding_add(finding, "HelloRetryRequest", handshake->retry_packet,
                    "none: the key share is one that this server takes", "asks for another group");
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    if (!(handshake->has & HANDSHAKE_HAS_OFFER) || history_negotiated(history) == TLS_RANK_UNKNOWN)
        return RULE_UNKNOWN;
    const struct server_record *server = history->server;
    if (!history->now->shares_hybrid || server == NULL ||
        tls_group_is_post_quantum(handshake_group(handshake)) || handshake_is_resumed(handshake))
        return RULE_PASS;
    if (handshake->missed &
        (MISSED_CLIENT_BYTES | MISSED_SERVER_BYTES | MISSED_CUT_PACKET | MISSED_MEMORY))
        return RULE_UNKNOWN;
    if (handshake_group(handshake) == 0 && handshake_negotiated(handshake) == TLS_RANK_1_3)
        return RULE_UNKNOWN; /* the ServerHello's extensions were damaged */
    uint32_t classical = server->hybrid_offered - server->hybrid_taken;
    if (server->hybrid_taken < settings->hybrid_handshakes ||
        classical * 100 > server->hybrid_offered * MIXED_PERCENT ||
        history_count_clients(server->classical_clients | history->client_bit) >= CHANGED_CLIENTS)
        return RULE_PASS;
    finding->confidence =
        server->hybrid_taken >= SURE_HANDSHAKES ? CONFIDENCE_MEDIUM : CONFIDENCE_LOW;
    finding->is_downgrade = handshake_negotiated(handshake) < TLS_RANK_1_3;
    add_evidence(finding, handshake, server);
    return RULE_HIT;
}

static const struct rule_threshold thresholds[] = {
    {"handshakes", THRESHOLD_COUNT, offsetof(struct rule_settings, hybrid_handshakes), 5, 60000,
     "post-quantum handshakes that must be known of a server before a classical one is told"},
};

const struct rule rule_pq_downgrade = {
    .kind = "pq-downgrade",
    .signature_id = 2600010,
    .title = "A post-quantum key share was not used by a server that takes them",
    .rule_class = RULE_ATTACK,
    .severity = RULE_SEVERITY_MEDIUM,
    .on_by_default = true,
    .fires_when = "The client sent a key share for a post-quantum or hybrid group, the server is "
                  "known to use such shares nearly always, and this handshake ended with a "
                  "classical key exchange or below TLS 1.3.",
    .stays_silent_when =
        "The server never used one, or left more than two in a hundred unused; "
        "three clients or more were answered so (the server has changed); the "
        "session was resumed; too little is known of the server. Unknown if bytes of "
        "the handshake were missed.",
    .confidence = "Low; medium from a hundred post-quantum handshakes on.",
    .advice = "Compare with a connection to the same server from elsewhere. A box that terminates "
              "TLS between client and server is the usual reason: find out whose it is.",
    .references = "RFC 8446 section 4.2.8; draft-ietf-tls-ecdhe-mlkem; ATT&CK T1562.010",
    .thresholds = thresholds,
    .threshold_count = sizeof thresholds / sizeof thresholds[0],
    .needs = NEED_OFFER | NEED_HYBRID | NEED_SERVER,
    .check = check,
};
