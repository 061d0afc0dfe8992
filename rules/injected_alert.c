/*
 * injected_alert.c - an alert in clear that its alleged sender did not send.
 *
 * A fatal alert ends a handshake, and before encryption anybody can write one: it is the cheapest
 * way to make a client try again with less. Every cleartext alert that a record kept, also one that
 * lost the race and was never read, is held against the other packets of its direction
 * (transport.h); two independent signals make an alert of ours.
 */
#include "injection.h"
#include "rules_list.h"

enum { ALERT_LEVEL_WARNING = 1, ALERT_CLOSE_NOTIFY = 0 };

/* A warning other than close_notify ends nothing: nobody would forge it, and what follows it is
 * honest. */
static bool can_end(const struct suspect *suspect) {
    return suspect->kind == SUSPECT_ALERT && (suspect->alert_level != ALERT_LEVEL_WARNING ||
                                              suspect->alert_description == ALERT_CLOSE_NOTIFY);
}

/* Of two versions, the alert may be the genuine one. */
static bool is_the_genuine_version(const struct handshake *handshake,
                                   const struct suspect *suspect) {
    const struct conflict *conflict = transport_conflict_of(handshake, suspect);
    if (conflict == NULL)
        return false;
    unsigned odd = injection_odd_version(handshake, conflict);
    bool is_first = conflict->first.mark.packet == suspect->mark.packet;
    return odd != 0 && is_first != (odd == 1);
}

static void add_alert(struct finding *finding, const struct handshake *handshake,
                      const struct suspect *suspect) {
    char name[TLS_NAME_SIZE];
    char observed[EVIDENCE_TEXT_SIZE];
    bool was_believed = suspect->sender == SIDE_SERVER ? handshake->outcome == OUTCOME_FAILED ||
                                                             handshake->outcome == OUTCOME_RESET
                                                       : handshake->outcome != OUTCOME_COMPLETED;
    finding_text(observed, "%s (%u) in the %s's name; the handshake %s",
                 tls_alert_name(suspect->alert_description, name), suspect->alert_description,
                 suspect->sender == SIDE_CLIENT ? "client" : "server",
                 was_believed ? "ended" : "went on");
    finding_add(finding, "alert", suspect->mark.packet, "none, or one of its alleged sender",
                observed);
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    (void)history;
    (void)settings;
    enum rule_result result = RULE_PASS;
    for (size_t i = 0; i < handshake->suspect_count; i++) {
        const struct suspect *suspect = &handshake->suspects[i];
        enum rule_confidence confidence = CONFIDENCE_LOW;
        if (!can_end(suspect) || is_the_genuine_version(handshake, suspect))
            continue;
        uint32_t signals = transport_signals(handshake, suspect);
        enum rule_result found = injection_weigh(handshake, suspect, signals, &confidence);
        if (found == RULE_UNKNOWN && result == RULE_PASS)
            result = RULE_UNKNOWN;
        if (found != RULE_HIT)
            continue;
        if (result != RULE_HIT || confidence > finding->confidence)
            finding->confidence = confidence;
        result = RULE_HIT;
        add_alert(finding, handshake, suspect);
        injection_add_signals(finding, handshake, suspect, signals);
    }
    return result;
}

const struct rule rule_injected_alert = {
    .kind = "injected-alert",
    .signature_id = 2600006,
    .title = "An alert that its alleged sender did not send",
    .rule_class = RULE_ATTACK,
    .severity = RULE_SEVERITY_HIGH,
    .on_by_default = true,
    .fires_when =
        "A cleartext alert that can end the handshake carries two or more independent signals of "
        "another sender: other bytes came at the same sequence numbers; its alleged sender went on "
        "sending behind a fatal alert; hop limit, IP identification, TCP timestamp or window do "
        "not fit that direction's packets before and after; it stands in clear where its sender "
        "had begun to encrypt; it answers faster than the path to the server allows.",
    .stays_silent_when =
        "There is one signal only: a new route, a load balancer or a clock can give any one. The "
        "alert is followed by the end of the connection, all later packets moved along with it, or "
        "the capture holds packets twice. Hop limit, identification, timestamp and window count "
        "only if its sender was heard again, the handshake went on, or other bytes contradict: "
        "else a balancer may have ended it. With one signal and a gap in that direction's bytes "
        "the "
        "result is unknown.",
    .confidence = "Low when two signals only tell machines apart (hop limit, identification, "
                  "timestamp, window, time). Medium with three of those, or with a strong one: "
                  "contradicting bytes, going on afterwards, clear text after encryption. High "
                  "with contradicting bytes and one that tells machines apart, or with a strong "
                  "one and two more of which one tells machines apart. One step less "
                  "when bytes of that direction are missing from the capture.",
    .advice = "Somebody between the sensor and the alert's alleged sender wrote it. Compare with a "
              "capture from that sender's side: the alert is not in it. Look for the connections "
              "that follow: a try with a lower version (fallback-dance) is what such an alert is "
              "for. A hop limit of its own tells how far away the injector stands.",
    .references = "RFC 8446 section 6; RFC 9293; ATT&CK T1557",
    .is_left_by_interception = true,
    .needs = NEED_SUSPECT,
    .check = check,
};
