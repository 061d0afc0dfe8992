/*
 * split_view.c - one ClientHello, seen at two places with two contents.
 *
 * The 32 random bytes of a ClientHello are drawn anew for each connection. When the sensor sees
 * them twice (two taps, two files of one time, two sensors) the hellos must be the same hello; if
 * they differ, it was rewritten between the two places. That is as close to proof as passive
 * evidence comes. A client without randomness would look the same, so the connections must fit
 * together: same addresses and ports, or the same moment.
 */
#include "rules_list.h"

enum { SAME_MOMENT_US = 2000000 };

static void add_contents(struct finding *finding, const struct twin *mine,
                         const struct twin *twin) {
    char expected[EVIDENCE_TEXT_SIZE];
    char observed[EVIDENCE_TEXT_SIZE];
    char name[TLS_NAME_SIZE];
    finding_text(expected, "as elsewhere in packet %llu: %s at most, %u suites, %u extensions",
                 (unsigned long long)twin->packet, tls_version_name(twin->highest_offered, name),
                 twin->suites, twin->extensions);
    finding_text(observed, "%s at most, %u suites, %u extensions",
                 tls_version_name(mine->highest_offered, name), mine->suites, mine->extensions);
    finding_add(finding, "ClientHello of the same random", mine->packet, expected, observed);
}

static void add_answers(struct finding *finding, uint64_t packet, const struct twin *mine,
                        const struct twin *twin) {
    char expected[EVIDENCE_TEXT_SIZE];
    char observed[TLS_NAME_SIZE];
    char name[TLS_NAME_SIZE];
    if (!twin->answers_differ || twin->negotiated == 0)
        return;
    finding_text(expected, "as elsewhere: %s", tls_version_name(twin->negotiated, name));
    finding_add(finding, "ServerHello", packet, expected,
                tls_version_name(mine->negotiated, observed));
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    (void)settings;
    const struct twin *twin = history->twin;
    if (!(handshake->has & HANDSHAKE_HAS_OFFER) && history->mine == NULL)
        return RULE_UNKNOWN;
    if (twin == NULL)
        return RULE_PASS;
    if (handshake->missed & (MISSED_CUT_PACKET | MISSED_CLIENT_BYTES | MISSED_MEMORY))
        return RULE_UNKNOWN;
    struct twin mine;
    if (history->mine != NULL)
        mine = *history->mine;
    else
        history_hello_facts(handshake, &mine);
    uint64_t apart_us =
        mine.time_us > twin->time_us ? mine.time_us - twin->time_us : twin->time_us - mine.time_us;
    if (!twin->is_same_connection && apart_us > SAME_MOMENT_US)
        return RULE_PASS;
    finding->confidence = twin->is_same_connection ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
    finding->is_downgrade =
        tls_version_rank(twin->highest_offered) != tls_version_rank(mine.highest_offered);
    add_contents(finding, &mine, twin);
    add_answers(finding, handshake_choice_packet(handshake), &mine, twin);
    return RULE_HIT;
}

const struct rule rule_split_view = {
    .kind = "split-view",
    .signature_id = 2600011,
    .title = "One ClientHello was seen at two places with different contents",
    .rule_class = RULE_ATTACK,
    .severity = RULE_SEVERITY_HIGH,
    .on_by_default = true,
    .fires_when = "Two ClientHellos carry the same random and differ in anything else, on the same "
                  "addresses and ports, or within two seconds of each other. It takes two taps "
                  "(--taps, several -i, or sensors that share a Redis) of one network, one on each "
                  "side of whoever rewrites.",
    .stays_silent_when = "The contents are the same: retransmissions, the same connection at "
                         "another tap, before and behind a NAT. The second ClientHello after a "
                         "HelloRetryRequest keeps the random on purpose. Bytes of the hello were "
                         "missed: unknown.",
    .confidence = "High when addresses and ports agree, medium when only the moment does.",
    .advice = "Between the two taps stands who rewrites: an interception box of your own (list it "
              "under `interception`), or an attacker. The evidence says which of the two hellos "
              "offers less: the tap that saw it is farther from the client.",
    .references = "RFC 8446 sections 4.1.2 and E.1; ATT&CK T1557",
    .is_left_by_interception = true,
    .needs = NEED_TWIN,
    .check = check,
};
