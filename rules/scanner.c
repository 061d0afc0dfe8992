/*
 * scanner.c - information: a client that tries out versions, or many servers, and fails a lot.
 *
 * What scanners do looks like parts of an attack. This finding is no alarm: it names them, so that
 * the people on call know whom the other figures and alerts come from.
 */
#include "rules_list.h"

enum { MANY_VERSIONS = 4, MANY_SERVERS = 32, FAILING_PERCENT = 50 };

/* Different highest offers of this client to this server, lately. */
static unsigned count_versions(const struct handshake *handshake, const struct history *history,
                               const struct rule_settings *settings) {
    uint32_t seen = 1U << history_offered(history);
    if (history_count_clients(seen | history->attempted_ranks) < MANY_VERSIONS)
        return 1; /* not so many at any time */
    for (size_t i = 0; i < history->attempt_count; i++) {
        const struct attempt *attempt = history_attempt(history, i);
        if (attempt->started_us + settings->fallback_window_us >= handshake->started_us)
            seen |= 1U << attempt->highest_offered;
    }
    seen &= ~(1U << (unsigned)TLS_RANK_UNKNOWN);
    return history_count_clients(seen);
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    char observed[EVIDENCE_TEXT_SIZE];
    if (!(handshake->has & HANDSHAKE_HAS_OFFER))
        return RULE_UNKNOWN;
    unsigned versions = count_versions(handshake, history, settings);
    bool tries_versions = versions >= MANY_VERSIONS;
    bool tries_servers =
        history->client_servers >= MANY_SERVERS &&
        history->client_failures * 100 >= history->client_handshakes * FAILING_PERCENT;
    if (!tries_versions && !tries_servers)
        return RULE_PASS;
    finding->confidence = tries_versions && tries_servers ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
    if (tries_versions)
        finding_add(finding, "highest versions offered to one server",
                    handshake->side[SIDE_CLIENT].hello_packet, "one",
                    finding_text(observed, "%u within the fallback window", versions));
    if (tries_servers)
        finding_add(finding, "servers within ten minutes", 0, "few, and most of them answer",
                    finding_text(observed, "%u or more; %u of %u handshakes failed",
                                 history->client_servers, history->client_failures,
                                 history->client_handshakes));
    return RULE_HIT;
}

const struct rule rule_scanner = {
    .kind = "scanner",
    .signature_id = 2600201,
    .title = "A client tries out versions or servers, as scanners do",
    .rule_class = RULE_INFO,
    .severity = RULE_SEVERITY_LOW,
    .on_by_default = true,
    .fires_when = "One client offers four or more different highest versions to one server within "
                  "the fallback window, or speaks to 32 or more servers within ten minutes with "
                  "at least half of its handshakes failing.",
    .stays_silent_when = "A client falls back one or two steps (that is fallback-dance's matter), "
                         "or speaks to many servers that answer.",
    .confidence = "Medium for one of the two, high for both.",
    .advice = "If it is your own scanner, list its address under `exceptions`. Otherwise it is "
              "reconnaissance: what it found out about your servers' versions is what the table "
              "per domain shows.",
    .references = "ATT&CK T1595.002",
    .needs = NEED_OFFER,
    .check = check,
};
