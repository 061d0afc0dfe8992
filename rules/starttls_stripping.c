/*
 * starttls_stripping.c - TLS was taken out of a dialogue that would have come to it.
 *
 * Before STARTTLS everything is clear text: whoever sits on the path can blank the word out of the
 * server's capabilities, or answer the request with a refusal, and most clients then go on without.
 * Three things tell that from a server that has no TLS: a capability whose letters were overwritten
 * (boxes keep the length, so that TCP's numbers need not be rewritten), the same server's dialogues
 * with others, and a server that advertises TLS and refuses it in one breath.
 */
#include "rules_list.h"

#include <stddef.h>

enum { CHANGED_CLIENTS = 3, MIXED_PERCENT = 2 };

/* Nearly all dialogues with this service came with TLS on offer. */
static bool is_known_to_offer(const struct history *history, const struct rule_settings *settings) {
    const struct server_record *service = history->service;
    if (service == NULL || service->starttls_offered < settings->starttls_dialogues)
        return false;
    uint32_t without = service->starttls_seen - service->starttls_offered;
    if (without * 100 > service->starttls_seen * MIXED_PERCENT &&
        history_count_clients(service->stripped_clients | history->client_bit) >= CHANGED_CLIENTS)
        return false;
    return true;
}

static void add_fact(struct finding *finding, const struct dialogue *dialogue,
                     enum dialogue_fact fact, const char *what, const char *expected,
                     const char *observed) {
    if (dialogue_has(dialogue, fact))
        finding_add(finding, what, dialogue->packet[fact], expected, observed);
}

static void add_evidence(struct finding *finding, const struct dialogue *dialogue,
                         const struct history *history, bool is_known) {
    char text[EVIDENCE_TEXT_SIZE];
    const char *protocol = dialogue_protocol_name(dialogue->protocol);
    add_fact(finding, dialogue, DIALOGUE_GARBLED, "server's capabilities", "the word for TLS",
             finding_text(text, "\"%s\" in its place (%s)", dialogue->garbled, protocol));
    add_fact(finding, dialogue, DIALOGUE_NOT_ADVERTISED, "server's capabilities", "TLS",
             finding_text(text, "a whole list without it (%s)", protocol));
    add_fact(finding, dialogue, DIALOGUE_ADVERTISED, "server's capabilities", "", "TLS is offered");
    add_fact(finding, dialogue, DIALOGUE_REFUSED, "answer to the request for TLS", "granted",
             finding_text(text, "refused: %s", dialogue->answer));
    add_fact(finding, dialogue, DIALOGUE_LOGIN, "credentials", "encrypted", "sent in clear");
    if (is_known)
        finding_add(finding, "this server's other dialogues", 0,
                    finding_text(text, "%u of %u came with TLS on offer",
                                 history->service->starttls_offered,
                                 history->service->starttls_seen),
                    "this one did not");
}

/* The weight of what the dialogue shows; false when it shows nothing. */
static bool weigh(const struct dialogue *dialogue, bool is_known,
                  enum rule_confidence *confidence) {
    bool is_garbled = dialogue_has(dialogue, DIALOGUE_GARBLED);
    /* A list without TLS behind one with it is what servers show after a login. */
    bool is_missing = dialogue_has(dialogue, DIALOGUE_NOT_ADVERTISED) &&
                      !dialogue_has(dialogue, DIALOGUE_ADVERTISED);
    bool is_refused = dialogue_has(dialogue, DIALOGUE_REFUSED);
    bool has_contradiction = is_refused && dialogue_has(dialogue, DIALOGUE_ADVERTISED);
    bool has_login = dialogue_has(dialogue, DIALOGUE_LOGIN);
    if (is_garbled)
        *confidence = is_known || has_login ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
    else if (is_known && (is_missing || is_refused))
        *confidence = has_login ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
    else if (has_contradiction && has_login)
        *confidence = CONFIDENCE_LOW;
    else
        return false;
    return true;
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    const struct dialogue *dialogue = &handshake->dialogue;
    if (!(handshake->has & HANDSHAKE_HAS_DIALOGUE))
        return RULE_PASS;
    bool came_to_tls = handshake_has_hello(handshake);
    if (came_to_tls && !dialogue_has(dialogue, DIALOGUE_GARBLED))
        return RULE_PASS;
    /* Which list it was, and what it answered, may be missing; letters that were overwritten are
     * not. */
    bool has_gap = (handshake->missed & (MISSED_START | MISSED_CLIENT_BYTES | MISSED_SERVER_BYTES |
                                         MISSED_CUT_PACKET | MISSED_MEMORY)) != 0;
    if (has_gap && !dialogue_has(dialogue, DIALOGUE_GARBLED))
        return RULE_UNKNOWN;
    bool is_known = is_known_to_offer(history, settings);
    if (!weigh(dialogue, is_known, &finding->confidence))
        return has_gap ? RULE_UNKNOWN : RULE_PASS;
    if (came_to_tls) /* the client asked all the same, and got it */
        finding->confidence = CONFIDENCE_LOW;
    finding->is_downgrade = !came_to_tls;
    add_evidence(finding, dialogue, history, is_known);
    return RULE_HIT;
}

static const struct rule_threshold thresholds[] = {
    {"dialogues", THRESHOLD_COUNT, offsetof(struct rule_settings, starttls_dialogues), 1, 60000,
     "dialogues with TLS on offer that must be known of a server before one without is told"},
};

const struct rule rule_starttls_stripping = {
    .kind = "starttls-stripping",
    .signature_id = 2600013,
    .title = "TLS was taken out of a dialogue (STARTTLS stripping)",
    .rule_class = RULE_ATTACK,
    .severity = RULE_SEVERITY_HIGH,
    .on_by_default = true,
    .fires_when =
        "The word for TLS in the server's capabilities was overwritten by something of its length; "
        "or a server that is known to offer TLS did not advertise it, or refused it; or a server "
        "advertised TLS, refused it when asked, and the client went on with its password in "
        "clear. For SMTP, LMTP, IMAP, POP3, FTP, NNTP, Sieve, XMPP, IRC, LDAP, PostgreSQL, MySQL "
        "and RDP.",
    .stays_silent_when =
        "The server was never seen to offer TLS (a matter of policy), three clients or more got "
        "none (the server has changed), the server offered TLS before a list without it, as after "
        "a "
        "login, or refused once without more, which may be temporary. If bytes of the dialogue "
        "were missed, only overwritten letters count; the rest is unknown.",
    .confidence = "High for an overwritten capability of a server known to offer TLS, or followed "
                  "by credentials in clear, and for a known server without TLS followed by "
                  "credentials. Medium without either. Low when only the dialogue contradicts "
                  "itself, and when TLS came about nevertheless.",
    .advice = "Take the credentials of this session for known and have them changed. Find the box "
              "between client and server that inspects this protocol (Cisco's fixup writes rows of "
              "X); let clients insist on TLS, or use the port that begins with it.",
    .references = "RFC 3207 section 6; RFC 8314 sections 3 and 4; RFC 8461; ATT&CK T1557, T1040",
    .is_left_by_interception = true,
    .thresholds = thresholds,
    .threshold_count = sizeof thresholds / sizeof thresholds[0],
    .needs = NEED_DIALOGUE,
    .check = check,
};
