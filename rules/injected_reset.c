/*
 * injected_reset.c - a reset or a close that its alleged sender did not send.
 *
 * A reset is believed with nothing but a fitting sequence number. The signals are those of
 * transport.h; kernels send resets without a socket, so that identification, timestamp and window
 * say nothing about them, and hop limit, place, time and what came afterwards do.
 */
#include "injection.h"
#include "rules_list.h"

/* Within so short a time a capture may show packets in another order than they were sent. */
enum { REORDERED_US = 20000 };

/* A kernel without a socket answers old data with the number that was acknowledged: what had been
 * sent before may come later in a capture that is out of order. */
static uint32_t signals_of(const struct handshake *handshake, const struct suspect *suspect) {
    uint32_t signals = transport_signals(handshake, suspect);
    bool is_bare = suspect->kind == SUSPECT_RESET && !(suspect->mark.tcp_flags & TCP_ACK);
    bool is_soon = suspect->data_after_us < suspect->mark.time_us + REORDERED_US;
    if (is_bare && is_soon && !(signals & SIGNAL_HOP_LIMIT))
        signals &= ~(uint32_t)(SIGNAL_DATA_AFTER | SIGNAL_OUT_OF_PLACE);
    return signals;
}

/* Going on after its own end needs no second signal: what a sender has reset, it cannot continue,
 * and what it sent before has smaller numbers. */
static enum rule_result weigh(const struct handshake *handshake, const struct suspect *suspect,
                              uint32_t signals, enum rule_confidence *confidence) {
    enum rule_result found = injection_weigh(handshake, suspect, signals, confidence);
    if (found == RULE_HIT || !(signals & SIGNAL_DATA_AFTER))
        return found;
    *confidence =
        suspect->kind == SUSPECT_RESET && found == RULE_PASS ? CONFIDENCE_MEDIUM : CONFIDENCE_LOW;
    return RULE_HIT;
}

/* A FIN in the packet of an alert: that is injected-alert's matter. */
static bool is_told_by_alert(const struct handshake *handshake, const struct suspect *suspect) {
    for (size_t i = 0; i < handshake->suspect_count; i++)
        if (handshake->suspects[i].kind == SUSPECT_ALERT &&
            handshake->suspects[i].mark.packet == suspect->mark.packet)
            return true;
    return false;
}

static void add_end(struct finding *finding, const struct handshake *handshake,
                    const struct suspect *suspect) {
    char observed[EVIDENCE_TEXT_SIZE];
    finding_text(observed, "%s in the %s's name; the handshake %s",
                 suspect->kind == SUSPECT_RESET ? "RST" : "FIN",
                 suspect->sender == SIDE_CLIENT ? "client" : "server",
                 handshake->outcome == OUTCOME_COMPLETED ? "went on" : "ended");
    finding_add(finding, "end of the connection", suspect->mark.packet,
                "none, or one of its alleged sender", observed);
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    (void)history;
    (void)settings;
    enum rule_result result = RULE_PASS;
    for (size_t i = 0; i < handshake->suspect_count; i++) {
        const struct suspect *suspect = &handshake->suspects[i];
        enum rule_confidence confidence = CONFIDENCE_LOW;
        if (suspect->kind == SUSPECT_ALERT || is_told_by_alert(handshake, suspect))
            continue;
        uint32_t signals = signals_of(handshake, suspect);
        enum rule_result found = weigh(handshake, suspect, signals, &confidence);
        if (found == RULE_UNKNOWN && result == RULE_PASS)
            result = RULE_UNKNOWN;
        if (found != RULE_HIT)
            continue;
        if (result != RULE_HIT || confidence > finding->confidence)
            finding->confidence = confidence;
        result = RULE_HIT;
        add_end(finding, handshake, suspect);
        injection_add_signals(finding, handshake, suspect, signals);
    }
    return result;
}

const struct rule rule_injected_reset = {
    .kind = "injected-reset",
    .signature_id = 2600008,
    .title = "A reset or close that its alleged sender did not send",
    .rule_class = RULE_ATTACK,
    .severity = RULE_SEVERITY_MEDIUM,
    .on_by_default = true,
    .fires_when =
        "The alleged sender of a RST (or FIN) during the handshake went on sending new bytes "
        "behind it, or acknowledged what came in after its RST; or the packet carries two other "
        "signals: its hop limit does not fit that "
        "direction's packets before and after; it stands at a sequence number that was not due; it "
        "answers the ClientHello faster than the path to the server allows.",
    .stays_silent_when =
        "There is one of the other signals only. Nothing of its sender came after it, so that a "
        "balancer may have ended the connection in its place. A FIN in the packet of an alert is "
        "told by injected-alert. A reset by the kernel for a closed socket, which "
        "carries the number that was acknowledged last, is honest although data may be seen behind "
        "it in a capture whose packets are out of order. IP identification, timestamp and window "
        "of resets are never compared.",
    .confidence = "Low when the signals only tell machines apart, and for a FIN whose sender went "
                  "on. Medium for a RST whose sender went on; high when that and two more stand. "
                  "One step less when bytes of that direction are missing from the capture.",
    .advice = "Somebody on or beside the path ends handshakes: a censor, an intrusion prevention "
              "system, or an attacker who wants the client to try again with less. See whether a "
              "lower try follows (fallback-dance). If the box is your own, list it under "
              "`interception` in the configuration.",
    .references = "RFC 9293 section 3.5.2; RFC 5961 section 3; ATT&CK T1557",
    .is_left_by_interception = true,
    .needs = NEED_SUSPECT,
    .check = check,
};
