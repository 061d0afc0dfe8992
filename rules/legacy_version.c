/*
 * legacy_version.c - policy: a version that the configuration calls legacy was negotiated.
 *
 * Says nothing about an attack. It is for places where legacy TLS must not occur at all; everybody
 * else reads the legacy share of the domain table.
 */
#include "rules_list.h"

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    (void)history;
    enum tls_rank negotiated = handshake_negotiated(handshake);
    if (negotiated == TLS_RANK_UNKNOWN)
        return RULE_UNKNOWN;
    if (negotiated >= settings->legacy_below)
        return RULE_PASS;
    finding->confidence = CONFIDENCE_HIGH;
    char expected[EVIDENCE_TEXT_SIZE];
    char name[TLS_NAME_SIZE];
    finding_add(finding, "negotiated version", handshake_choice_packet(handshake),
                finding_text(expected, "%s or later", tls_rank_name(settings->legacy_below)),
                tls_version_name(handshake_negotiated_version(handshake), name));
    if (handshake->has & HANDSHAKE_HAS_OFFER)
        finding_add(finding, "highest version offered", handshake->side[SIDE_CLIENT].hello_packet,
                    finding_text(expected, "%s or later", tls_rank_name(settings->legacy_below)),
                    tls_version_name(handshake_highest_offered_version(handshake), name));
    return RULE_HIT;
}

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
    .stays_silent_when = "The rule is off, which is the default, or no ServerHello was seen.",
    .confidence = "Always high: the version is read from the ServerHello.",
    .advice = "See who sets the limit. If the highest version offered is legacy too, the client "
              "needs an update or a place in the legacy pool; if the client offered more, the "
              "server's configuration is what to change. The table per domain shows how many are "
              "affected.",
    .references = "RFC 8996 (TLS 1.0 and 1.1 are deprecated); RFC 7568 (SSLv3); RFC 6176 (SSLv2)",
    .check = check,
};
