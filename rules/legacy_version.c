/*
 * legacy_version.c - policy: a version that the configuration calls legacy was negotiated.
 *
 * Says nothing about an attack. It is for places where legacy TLS must not occur at all; everybody
 * else reads the legacy share of the domain table. A legacy pool that the configuration lists is
 * left in peace as long as it does what is expected of it (expected_range.h).
 */
#include "rules_list.h"

#include <stddef.h>

/* What should have been negotiated, as text. */
static const char *wanted_version(const struct history *history,
                                  const struct rule_settings *settings,
                                  char text[EVIDENCE_TEXT_SIZE]) {
    char range[EXPECTED_RANGE_SIZE];
    if (history->expected != NULL)
        return finding_text(text, "%s, the best that both ends do",
                            expected_range_format(history->expected, range));
    return finding_text(text, "%s or later", tls_rank_name(settings->legacy_below));
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    enum tls_rank negotiated = history_negotiated(history);
    if (negotiated == TLS_RANK_UNKNOWN)
        return RULE_UNKNOWN;
    bool is_legacy = negotiated < settings->legacy_below;
    switch (expected_range_check(history->expected, handshake)) {
    case EXPECTATION_MISSED:
        is_legacy = is_legacy || negotiated < history->expected->min;
        break;
    case EXPECTATION_MET:
        return RULE_PASS;
    case EXPECTATION_UNKNOWN:
        return is_legacy ? RULE_UNKNOWN : RULE_PASS;
    case EXPECTATION_NONE:
        break;
    }
    if (!is_legacy)
        return RULE_PASS;
    finding->confidence = CONFIDENCE_HIGH;
    char expected[EVIDENCE_TEXT_SIZE];
    char name[TLS_NAME_SIZE];
    wanted_version(history, settings, expected);
    finding_add(finding, "negotiated version", handshake_choice_packet(handshake), expected,
                tls_version_name(handshake_negotiated_version(handshake), name));
    if (handshake->has & HANDSHAKE_HAS_OFFER)
        finding_add(finding, "highest version offered", handshake->side[SIDE_CLIENT].hello_packet,
                    expected, tls_version_name(handshake_highest_offered_version(handshake), name));
    return RULE_HIT;
}

static const struct rule_threshold thresholds[] = {
    {"below", THRESHOLD_VERSION, offsetof(struct rule_settings, legacy_below), TLS_RANK_SSLV3,
     TLS_RANK_1_3, "versions under this one are legacy to this rule"},
};

const struct rule rule_legacy_version = {
    .kind = "legacy-version",
    .signature_id = 2600100,
    .title = "A legacy version of TLS was negotiated",
    .rule_class = RULE_POLICY,
    .severity = RULE_SEVERITY_LOW,
    .on_by_default = false,
    .fires_when = "The ServerHello chose a version below the configured minimum (TLS 1.2 unless "
                  "changed). Both hellos may be perfectly honest: this is policy, not evidence of "
                  "an attack.",
    .stays_silent_when =
        "The rule is off, which is the default, or no ServerHello was seen. Where the "
        "configuration expects a range of versions (a legacy pool): the version lies in it and is "
        "the best that the client offered and the pool does.",
    .confidence = "Always high: the version is read from the ServerHello.",
    .advice = "See who sets the limit. If the highest version offered is legacy too, the client "
              "needs an update or a place in the legacy pool; if the client offered more, the "
              "server's configuration is what to change. The table per domain shows how many are "
              "affected.",
    .references = "RFC 8996 (TLS 1.0 and 1.1 are deprecated); RFC 7568 (SSLv3); RFC 6176 (SSLv2)",
    .thresholds = thresholds,
    .threshold_count = sizeof thresholds / sizeof thresholds[0],
    .check = check,
};
