/*
 * downgrade_sentinel.c - the server's own mark against the client's offer (RFC 8446 4.1.3).
 *
 * A server that can do TLS 1.3 (or 1.2) and is asked for less writes a fixed value into the last
 * eight bytes of its random. When the client's hello, as the sensor saw it, asked for more, the two
 * ends did not see the same ClientHello.
 *
 * Honest traffic is full of the mark: every client that stops at TLS 1.2 gets it from every TLS 1.3
 * server. So nothing is said unless the client offered exactly what the mark says was not asked
 * for; drafts of TLS 1.3 do not count, since a server of the final version cannot accept them.
 *
 * The third value is BoringSSL's: it keeps TLS 1.3 away from clients that look like JDK 11, whose
 * TLS 1.3 was broken, and marks that. It is odd only towards a client that cannot be JDK 11.
 */
#include "rules_list.h"

enum { ALERT_ILLEGAL_PARAMETER = 47, GROUP_X25519 = 29, SUITE_CHACHA20_POLY1305_SHA256 = 0x1303 };

static const char *sentinel_name(enum tls_sentinel sentinel) {
    switch (sentinel) {
    case TLS_SENTINEL_TLS12:
        return "DOWNGRD 01 (a TLS 1.3 server asked for TLS 1.2)";
    case TLS_SENTINEL_TLS11:
        return "DOWNGRD 00 (a TLS 1.2 or 1.3 server asked for TLS 1.1 or below)";
    case TLS_SENTINEL_JDK11:
        return "JDK 11 value (TLS 1.3 withheld from a client taken for JDK 11)";
    case TLS_SENTINEL_NONE:
        break;
    }
    return "none";
}

/* Adds both sides of the comparison. */
static void add_comparison(const struct handshake *handshake, struct finding *finding,
                           const char *expected_sentinel) {
    char expected[EVIDENCE_TEXT_SIZE];
    char offered[TLS_NAME_SIZE];
    char negotiated[TLS_NAME_SIZE];
    finding_add(
        finding, "version", handshake_choice_packet(handshake),
        finding_text(expected, "%s (offered in packet %llu)",
                     tls_version_name(handshake_highest_offered_version(handshake), offered),
                     (unsigned long long)handshake->side[SIDE_CLIENT].hello_packet),
        tls_version_name(handshake_negotiated_version(handshake), negotiated));
    finding_add(finding, "ServerHello.random, last 8 bytes", handshake_choice_packet(handshake),
                expected_sentinel, sentinel_name(handshake_sentinel(handshake)));
}

static bool client_gave_up(const struct handshake *handshake) {
    const struct direction *client = &handshake->side[SIDE_CLIENT];
    return handshake_fatal_alert(handshake, SIDE_CLIENT) != NULL ||
           (client->encrypted_packet == 0 &&
            (client->reset_packet != 0 || client->fin_packet != 0));
}

/* Signals beside the mark itself. Each is worth one, the client's own verdict two. */
static int count_signals(const struct handshake *handshake, const struct history *history,
                         struct finding *finding) {
    int signals = 0;
    const struct handshake_alert *alert = handshake_fatal_alert(handshake, SIDE_CLIENT);
    if (alert != NULL && alert->description == ALERT_ILLEGAL_PARAMETER) {
        finding_add(finding, "client's reaction", alert->packet, "goes on",
                    "fatal alert illegal_parameter (47): the client saw the mark too");
        signals += 2;
    } else if (client_gave_up(handshake)) {
        finding_add(finding, "client's reaction", alert ? alert->packet : handshake->ended_packet,
                    "goes on", "gave up after the ServerHello");
        signals += 1;
    }
    uint32_t traits = tls_cipher_suite_traits(handshake->choice.cipher_suite);
    if ((handshake->has & HANDSHAKE_HAS_KEY_EXCHANGE) && !(traits & CIPHER_SUITE_ANONYMOUS) &&
        (traits & (CIPHER_SUITE_ECDHE | CIPHER_SUITE_DHE))) {
        finding_add(finding, "ServerHello.random", handshake->key_exchange_packet, "signed",
                    "covered by the signature of the ServerKeyExchange");
        signals += 1;
    }
    const struct server_record *server = history->server;
    if (server != NULL && server->highest_negotiated > handshake_negotiated(handshake)) {
        char text[EVIDENCE_TEXT_SIZE];
        finding_add(finding, "this server earlier", 0,
                    finding_text(text, "%s", tls_rank_name(server->highest_negotiated)),
                    tls_rank_name(handshake_negotiated(handshake)));
        signals += 1;
    }
    if (handshake->outcome == OUTCOME_COMPLETED) {
        finding_add(finding, "handshake", handshake->ended_packet, "fails",
                    "went through: something on the path may hold keys for it (interception box)");
        signals -= 1;
    }
    return signals;
}

/* The mark says one thing and the version another; or it is a mark for somebody else. */
static enum rule_result check_odd_value(const struct handshake *handshake,
                                        struct finding *finding) {
    enum tls_rank negotiated = handshake_negotiated(handshake);
    const struct client_hello *offer = &handshake->offer;
    finding->confidence = CONFIDENCE_LOW;
    switch (handshake_sentinel(handshake)) {
    case TLS_SENTINEL_TLS11:
        if (negotiated != TLS_RANK_1_2)
            return RULE_PASS;
        add_comparison(handshake, finding, "DOWNGRD 01, or none: DOWNGRD 00 goes with TLS 1.1");
        return RULE_HIT;
    case TLS_SENTINEL_TLS12:
        if (negotiated >= TLS_RANK_1_2 || handshake_highest_offered(handshake) < TLS_RANK_1_2)
            return RULE_PASS;
        add_comparison(handshake, finding, "DOWNGRD 00, or none: DOWNGRD 01 goes with TLS 1.2");
        return RULE_HIT;
    case TLS_SENTINEL_JDK11:
        if (!handshake_offers_version(handshake, TLS_VERSION_1_3) ||
            (!client_hello_has_cipher(offer, SUITE_CHACHA20_POLY1305_SHA256) &&
             !span_has_u16(offer->supported_groups, GROUP_X25519)))
            return RULE_PASS;
        add_comparison(
            handshake, finding,
            "none: JDK 11 offers neither ChaCha20-Poly1305 nor X25519, this client does");
        return RULE_HIT;
    case TLS_SENTINEL_NONE:
        break;
    }
    return RULE_PASS;
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    (void)settings;
    if (!(handshake->has & HANDSHAKE_HAS_CHOICE))
        return RULE_UNKNOWN;
    enum tls_sentinel sentinel = handshake_sentinel(handshake);
    if (sentinel == TLS_SENTINEL_NONE)
        return RULE_PASS;
    enum tls_rank offered = history_offered(history);
    enum tls_rank negotiated = history_negotiated(history);
    if (offered == TLS_RANK_UNKNOWN || negotiated == TLS_RANK_UNKNOWN)
        return RULE_UNKNOWN;
    if (offered <= negotiated)
        return RULE_PASS;
    if (!handshake_sentinel_contradicts_offer(handshake))
        return check_odd_value(handshake, finding);
    add_comparison(handshake, finding, "none: the client asked for more");
    finding->is_downgrade = true;
    finding->confidence =
        count_signals(handshake, history, finding) >= 2 ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
    return RULE_HIT;
}

const struct rule rule_downgrade_sentinel = {
    .kind = "downgrade-sentinel",
    .signature_id = 2600001,
    .title = "The server marked a downgrade that the client did not ask for",
    .rule_class = RULE_ATTACK,
    .severity = RULE_SEVERITY_HIGH,
    .on_by_default = true,
    .fires_when =
        "The client offered a higher version than was negotiated, and ServerHello.random ends in "
        "the DOWNGRD value by which a TLS 1.3 or 1.2 server says that it was asked for less. The "
        "two ends saw different ClientHellos: something between them changed the offer. A value "
        "that does not fit the negotiated version, or BoringSSL's value for JDK 11 towards a "
        "client that cannot be JDK 11, is reported with low confidence.",
    .stays_silent_when =
        "The client really stops at the older version: every TLS 1.3 server marks that, and it is "
        "planning data (client-limited, the server could do more). A client that offers only "
        "drafts of TLS 1.3 counts as one that stops at TLS 1.2. Without both hellos nothing is "
        "said.",
    .confidence =
        "Medium for the mark alone. High with further signals: the client aborts with "
        "illegal_parameter (47), which means that it saw the mark; or two of: the client gave up "
        "otherwise, a ServerKeyExchange was seen whose signature covers the random, the server "
        "negotiated more in earlier connections. A handshake that went through takes one "
        "away: an attacker who only rewrites hellos cannot finish it, an interception box can. Low "
        "for values that do not fit.",
    .advice =
        "Find out what sits between client and server. If a TLS interception box is on the path, "
        "it copied the server's random: update it. Otherwise treat it as an attack: capture on "
        "both sides of the suspected segment and compare the two ClientHellos, look for ARP, DNS "
        "or "
        "route changes at that time, and see whether other clients on the same path are affected.",
    .references = "RFC 8446 section 4.1.3 and appendix D; ATT&CK T1557, T1562.010",
    .is_left_by_interception = true,
    .needs = NEED_CHOICE | NEED_UNREACHED,
    .check = check,
};
