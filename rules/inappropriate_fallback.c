/*
 * inappropriate_fallback.c - the server saw the downgrade itself (RFC 7507).
 *
 * A client that retries with a lower version says so with TLS_FALLBACK_SCSV. A server that can do
 * more refuses with inappropriate_fallback (86): something broke the first try although both ends
 * can do better. A server that can do more and answers nevertheless does not know the signal; then
 * the sensor says it in its place.
 */
#include "rules_list.h"

enum { ALERT_INAPPROPRIATE_FALLBACK = 86 };

/* What earlier tries of the same client say about the reason for the fallback. A try that failed
 * for another reason than its version got as far as one that worked. */
enum earlier_try { EARLIER_NONE, EARLIER_FAILED, EARLIER_WORKED, EARLIER_UNCLEAR };

/* Answered, and left by the client without a word, as probing tools do. */
static bool was_left_by_client(const struct attempt *attempt) {
    return attempt->negotiated != TLS_RANK_UNKNOWN && attempt->fatal_alert == 0 &&
           attempt->closed_by == SIDE_CLIENT;
}

static enum earlier_try find_higher_try(const struct handshake *handshake,
                                        const struct history *history,
                                        const struct rule_settings *settings, uint64_t *packet) {
    enum tls_rank offered = handshake_highest_offered(handshake);
    enum earlier_try earlier = EARLIER_NONE;
    for (size_t i = 0; i < history->attempt_count; i++) {
        const struct attempt *attempt = history_attempt(history, i);
        if (attempt->started_us > handshake->started_us ||
            attempt->ended_us + settings->fallback_window_us < handshake->started_us)
            continue;
        if (attempt->highest_offered < offered && earlier == EARLIER_NONE)
            earlier = EARLIER_UNCLEAR; /* it goes up: a test of the server, or two clients */
        if (attempt->highest_offered <= offered)
            continue;
        *packet = attempt->packet;
        if (attempt->missed != 0) /* it may have worked */
            return EARLIER_UNCLEAR;
        if (attempt->outcome == OUTCOME_COMPLETED)
            return EARLIER_WORKED;
        if (history_is_other_trouble(attempt) || was_left_by_client(attempt))
            earlier = EARLIER_WORKED;
        else if (attempt->outcome == OUTCOME_FAILED || attempt->outcome == OUTCOME_RESET)
            return EARLIER_FAILED;
    }
    return earlier;
}

static void add_earlier_try(struct finding *finding, enum earlier_try earlier, uint64_t packet) {
    if (earlier == EARLIER_FAILED)
        finding_add(finding, "the client's higher try", packet, "succeeds", "failed just before");
}

static enum rule_result check_refusal(const struct handshake *handshake,
                                      const struct handshake_alert *alert, bool has_scsv,
                                      enum earlier_try earlier, uint64_t earlier_packet,
                                      struct finding *finding) {
    char text[EVIDENCE_TEXT_SIZE];
    char name[TLS_NAME_SIZE];
    finding_text(text, "fallback to %s",
                 tls_version_name(handshake_highest_offered_version(handshake), name));
    finding_add(finding, "ClientHello", handshake->side[SIDE_CLIENT].hello_packet,
                has_scsv ? text : "TLS_FALLBACK_SCSV, since the server answers it",
                has_scsv ? "TLS_FALLBACK_SCSV" : "no TLS_FALLBACK_SCSV");
    finding_add(finding, "server's alert", alert->packet, "none",
                "inappropriate_fallback (86): it supports a higher version");
    add_earlier_try(finding, earlier, earlier_packet);
    finding->confidence = CONFIDENCE_LOW;
    if (!has_scsv)
        return RULE_HIT;
    finding->is_downgrade = true;
    finding->confidence = earlier == EARLIER_FAILED ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
    return RULE_HIT;
}

static enum rule_result check_answer(const struct handshake *handshake,
                                     const struct history *history, enum earlier_try earlier,
                                     uint64_t earlier_packet, struct finding *finding) {
    enum tls_rank known = history_server_ability(history, handshake);
    enum tls_rank offered = handshake_highest_offered(handshake);
    if (known == TLS_RANK_UNKNOWN || known <= offered)
        return RULE_PASS;
    char text[EVIDENCE_TEXT_SIZE];
    char name[TLS_NAME_SIZE];
    finding_add(finding, "ClientHello", handshake->side[SIDE_CLIENT].hello_packet,
                finding_text(text, "fallback to %s", tls_rank_name(offered)), "TLS_FALLBACK_SCSV");
    finding_add(finding, "server's answer", handshake_choice_packet(handshake),
                finding_text(text, "alert inappropriate_fallback (86), since it can do %s",
                             tls_rank_name(known)),
                tls_version_name(handshake_negotiated_version(handshake), name));
    add_earlier_try(finding, earlier, earlier_packet);
    finding->is_downgrade = earlier == EARLIER_FAILED;
    finding->confidence = earlier == EARLIER_FAILED ? CONFIDENCE_MEDIUM : CONFIDENCE_LOW;
    return RULE_HIT;
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    const struct handshake_alert *alert = handshake_fatal_alert(handshake, SIDE_SERVER);
    bool is_refused = alert != NULL && alert->description == ALERT_INAPPROPRIATE_FALLBACK;
    if (!(handshake->has & HANDSHAKE_HAS_OFFER))
        return RULE_UNKNOWN;
    bool has_scsv = history->now->has_fallback_scsv;
    if (!has_scsv && !is_refused)
        return RULE_PASS;
    uint64_t packet = 0;
    enum earlier_try earlier = find_higher_try(handshake, history, settings, &packet);
    if (has_scsv && earlier == EARLIER_WORKED)
        return RULE_PASS; /* nothing to fall back from: a test of the server */
    if (has_scsv && earlier == EARLIER_UNCLEAR)
        return RULE_UNKNOWN;
    if (is_refused)
        return check_refusal(handshake, alert, has_scsv, earlier, packet, finding);
    if (!(handshake->has & HANDSHAKE_HAS_CHOICE))
        return handshake->alert_count > 0 ? RULE_PASS : RULE_UNKNOWN;
    return check_answer(handshake, history, earlier, packet, finding);
}

const struct rule rule_inappropriate_fallback = {
    .kind = "inappropriate-fallback",
    .signature_id = 2600005,
    .title = "The server refused a fallback: both ends can do a higher version",
    .rule_class = RULE_ATTACK,
    .severity = RULE_SEVERITY_HIGH,
    .on_by_default = true,
    .fires_when =
        "The server answered a ClientHello that carries TLS_FALLBACK_SCSV with the fatal alert "
        "inappropriate_fallback (86). Also: it answered such a hello with a ServerHello although "
        "it "
        "is known to do a higher version, by its earlier connections or by the DOWNGRD value in "
        "this one; and alert 86 to a hello without the signal, which means that the hello was "
        "changed or the alert forged.",
    .stays_silent_when = "The client did not signal a fallback and no alert 86 came, or the server "
                         "is not known to do more than the client offered, or the client's last "
                         "higher try within the window succeeded, or failed for another "
                         "reason (certificate, name, application protocol, or the client left "
                         "without a word after the answer): it has nothing to fall back from, "
                         "as test tools have not. Unknown when that try was not "
                         "seen whole, or the client goes up through the versions.",
    .confidence =
        "Refusals: medium; high when a try of the same client with a higher version failed within "
        "the window before; low when the hello carries no signal. Answers below what the server "
        "can do: low, medium with a failed "
        "higher try.",
    .advice = "The downgrade was prevented if the server refused. Find out why the client's first "
              "try failed: look at the connections of the same client to the same server in the "
              "minute before, for resets, forged alerts or packet loss. A server that answers "
              "although it can do more should be updated to honour RFC 7507.",
    .references = "RFC 7507 sections 3 and 4; ATT&CK T1557, T1562.010",
    .needs = NEED_OFFER | NEED_FALLBACK,
    .check = check,
};
