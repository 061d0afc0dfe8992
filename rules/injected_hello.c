/*
 * injected_hello.c - two different hellos for the same bytes of one connection.
 *
 * TCP delivers a byte once; whoever retransmits, retransmits the same. When a direction's hello is
 * there in two versions, two senders wrote it: one of them is not the peer. The version that came
 * first was read by the receiver, and became the record.
 */
#include "injection.h"
#include "rules_list.h"
#include "tls_record.h"

static bool is_hello(const struct conflict_version *version) {
    return version->content_type == TLS_HANDSHAKE && (version->handshake_type == TLS_CLIENT_HELLO ||
                                                      version->handshake_type == TLS_SERVER_HELLO);
}

/* Bytes of a hello against a hello, or against an alert that is the genuine one of both. What else
 * contradicts (noise, other protocols) says nothing about TLS. */
static bool concerns_hello(const struct handshake *handshake, const struct conflict *conflict) {
    if (is_hello(&conflict->first) && is_hello(&conflict->second))
        return true;
    unsigned odd = injection_odd_version(handshake, conflict);
    return (odd == 1 && is_hello(&conflict->first) && conflict->second.content_type == TLS_ALERT) ||
           (odd == 2 && is_hello(&conflict->second) && conflict->first.content_type == TLS_ALERT);
}

static enum rule_confidence weigh(const struct handshake *handshake,
                                  const struct conflict *conflict) {
    bool are_whole = conflict->first.has_hello && conflict->second.has_hello;
    bool are_two_senders = injection_odd_version(handshake, conflict) != 0;
    if (handshake->missed & MISSED_CUT_PACKET)
        return CONFIDENCE_LOW;
    if (are_whole && are_two_senders)
        return CONFIDENCE_HIGH;
    return are_whole || are_two_senders ? CONFIDENCE_MEDIUM : CONFIDENCE_LOW;
}

static void add_hop_limits(struct finding *finding, const struct handshake *handshake,
                           const struct conflict *conflict) {
    char expected[EVIDENCE_TEXT_SIZE];
    char observed[EVIDENCE_TEXT_SIZE];
    unsigned odd = injection_odd_version(handshake, conflict);
    const struct conflict_version *version = odd == 1 ? &conflict->first : &conflict->second;
    if (odd == 0)
        return;
    finding_add(finding, "hop limit", version->mark.packet,
                finding_text(expected, "%u, as from this sender's first packet on",
                             handshake->side[conflict->sender].first.hop_limit),
                finding_text(observed, "%u: the %s version is the odd one", version->mark.hop_limit,
                             odd == 1 ? "first" : "second"));
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    (void)history;
    (void)settings;
    enum rule_result result = RULE_PASS;
    for (size_t i = 0; i < handshake->conflict_count; i++) {
        const struct conflict *conflict = &handshake->conflicts[i];
        if (!concerns_hello(handshake, conflict))
            continue;
        enum rule_confidence confidence = weigh(handshake, conflict);
        if (result != RULE_HIT || confidence > finding->confidence)
            finding->confidence = confidence;
        result = RULE_HIT;
        injection_add_conflict(finding, conflict);
        add_hop_limits(finding, handshake, conflict);
    }
    return result;
}

const struct rule rule_injected_hello = {
    .kind = "injected-hello",
    .signature_id = 2600007,
    .title = "Two different hellos for the same bytes of one connection",
    .rule_class = RULE_ATTACK,
    .severity = RULE_SEVERITY_HIGH,
    .on_by_default = true,
    .fires_when = "The bytes of a ClientHello or ServerHello were sent twice at the same sequence "
                  "numbers with different content, in whatever segments and order; or a hello "
                  "contradicts a genuine alert and does not fit its direction's hop limit.",
    .stays_silent_when = "The same bytes come again in other segment borders, as retransmissions "
                         "do, or the capture holds packets twice. Keep-alives, window probes and "
                         "link padding are not compared.",
    .confidence = "High when both versions are whole hellos and the hop limit tells two senders "
                  "apart. Medium with one of the two. Low with neither, or when the snap length "
                  "cut the packets.",
    .advice = "One of the two was not written by the peer. The evidence holds both: compare "
              "version, suite and bytes, and the hop limits, to see which one fits the rest of the "
              "connection. The first to arrive is the one that the receiver took.",
    .references = "RFC 9293 section 3.10.7.4; ATT&CK T1557",
    .is_left_by_interception = true,
    .needs = NEED_CONFLICT,
    .check = check,
};
