/*
 * inconsistent_client_hello.c - a ClientHello that carries more than it offers.
 *
 * A client builds its hello from one version range. OpenSSL, GnuTLS, NSS, Schannel, JSSE and Go
 * leave out the suites and extensions of TLS 1.3 when they are capped at 1.2, and
 * signature_algorithms and the AEAD and SHA-2 suites when capped at 1.1. A hello that offers the
 * older version and still carries such features was most likely cut on the way: taking 1.3 out of
 * supported_versions, or lowering legacy_version, leaves the rest in place.
 *
 * Three things keep it quiet on honest traffic. Suites alone prove little (some stacks configure
 * them apart from the versions), so they never fire alone. And a handshake up to TLS 1.2 that went
 * through proves the hello genuine: both Finished messages cover it. Only a key exchange weak
 * enough to be broken at once leaves room for doubt. And probing tools are known by what they do.
 */
#include "rules_list.h"

enum { ALERT_BAD_RECORD_MAC = 20, ALERT_ILLEGAL_PARAMETER = 47, ALERT_DECRYPT_ERROR = 51 };
enum { BREAKABLE_DH_BITS = 768, MOST_SUITES = 200 };

/* What the offer carries that its version does not have. */
struct leftovers {
    size_t count; /* independent features */
    struct finding *finding;
    uint64_t packet;
    const char *expected;
};

static void add_leftover(struct leftovers *leftovers, const char *what, const char *observed) {
    leftovers->count++;
    finding_add(leftovers->finding, what, leftovers->packet, leftovers->expected, observed);
}

/* Suites alone never count, so most hellos are done here. */
static bool carries_newer_extension(const struct client_hello *offer, enum tls_rank offered) {
    return !span_is_absent(offer->key_share) || !span_is_absent(offer->psk_key_exchange_modes) ||
           !span_is_absent(offer->pre_shared_key) || !span_is_absent(offer->early_data) ||
           (offered < TLS_RANK_1_2 && !span_is_absent(offer->signature_algorithms)) ||
           client_hello_has_extension(offer, TLS_EXT_POST_HANDSHAKE_AUTH);
}

/* Counts the suites of a list that have one of the traits; names the first. */
static size_t count_suites(const struct client_hello *offer, uint32_t traits, uint16_t *first) {
    size_t count = 0;
    struct span list = offer->cipher_suites;
    uint32_t cipher = 0;
    while (client_hello_next_cipher(offer, &list, &cipher)) {
        if (cipher > UINT16_MAX || !(tls_cipher_suite_traits((uint16_t)cipher) & traits))
            continue;
        if (count == 0)
            *first = (uint16_t)cipher;
        count++;
    }
    return count;
}

static void find_suites(const struct client_hello *offer, uint32_t traits, const char *what,
                        struct leftovers *leftovers) {
    char observed[EVIDENCE_TEXT_SIZE];
    char name[TLS_NAME_SIZE];
    uint16_t first = 0;
    size_t count = count_suites(offer, traits, &first);
    if (count == 0)
        return;
    add_leftover(
        leftovers, what,
        finding_text(observed, "%zu, the first %s", count, tls_cipher_suite_name(first, name)));
}

static void find_tls13(const struct client_hello *offer, struct leftovers *leftovers) {
    find_suites(offer, CIPHER_SUITE_TLS13, "TLS 1.3 cipher suites", leftovers);
    if (!span_is_absent(offer->key_share))
        add_leftover(leftovers, "key_share", "present");
    if (!span_is_absent(offer->psk_key_exchange_modes))
        add_leftover(leftovers, "psk_key_exchange_modes", "present");
    if (!span_is_absent(offer->pre_shared_key))
        add_leftover(leftovers, "pre_shared_key", "present");
    if (!span_is_absent(offer->early_data))
        add_leftover(leftovers, "early_data", "present");
    if (client_hello_has_extension(offer, TLS_EXT_POST_HANDSHAKE_AUTH))
        add_leftover(leftovers, "post_handshake_auth", "present");
}

static void find_tls12(const struct client_hello *offer, struct leftovers *leftovers) {
    if (!span_is_absent(offer->signature_algorithms))
        add_leftover(leftovers, "signature_algorithms", "present");
    find_suites(offer, CIPHER_SUITE_AEAD, "AEAD cipher suites", leftovers);
    find_suites(offer, CIPHER_SUITE_SHA2, "SHA-2 cipher suites", leftovers);
}

/* TLS 1.3's suites are AEAD too, and one feature counts once: TLS 1.2 is looked for only in what
 * offers less than that. */
static void find_leftovers(const struct handshake *handshake, enum tls_rank offered,
                           struct leftovers *leftovers) {
    find_tls13(&handshake->offer, leftovers);
    if (offered < TLS_RANK_1_2)
        find_tls12(&handshake->offer, leftovers);
}

/* Up to TLS 1.2 a side goes on encrypted in answer to the other's Finished, which covers this very
 * hello; of the two, one has checked it when both have. */
static bool is_proven_genuine(const struct handshake *handshake) {
    if (handshake->outcome != OUTCOME_COMPLETED || handshake_negotiated(handshake) >= TLS_RANK_1_3)
        return false;
    if (handshake->has & HANDSHAKE_HAS_SECOND_OFFER) /* of two DTLS hellos, it covers the other */
        return false;
    const struct key_exchange *exchange = &handshake->key_exchange;
    if (tls_cipher_suite_traits(handshake->choice.cipher_suite) & CIPHER_SUITE_EXPORT)
        return false;
    return !(handshake->has & HANDSHAKE_HAS_KEY_EXCHANGE) ||
           (exchange->kind != KEY_EXCHANGE_RSA_EXPORT &&
            (exchange->kind != KEY_EXCHANGE_DHE || exchange->size_bits > BREAKABLE_DH_BITS));
}

/* Probing tools mix versions and suites on purpose: they offer suites without encryption beside the
 * newest ones, or whatever there is, and hang up without a word when they have their answer. A
 * client whose hello was cut goes on, or complains. */
static bool is_probe(const struct handshake *handshake) {
    const struct direction *client = &handshake->side[SIDE_CLIENT];
    uint16_t unused = 0;
    bool hung_up = (handshake->has & HANDSHAKE_HAS_CHOICE) && handshake->alert_count == 0 &&
                   !(handshake->has & HANDSHAKE_HAS_CLIENT_KEY_EXCHANGE) &&
                   client->encrypted_packet == 0 &&
                   (client->fin_packet != 0 || client->reset_packet != 0);
    return hung_up || handshake->offer.cipher_suites.size > MOST_SUITES * sizeof(uint16_t) ||
           count_suites(&handshake->offer, CIPHER_SUITE_NULL, &unused) > 0;
}

/* An end says that the other's hello, or the transcript over both, is not what it should be. */
static const struct handshake_alert *find_complaint(const struct handshake *handshake) {
    for (enum handshake_side side = SIDE_CLIENT; side < SIDE_COUNT; side++) {
        const struct handshake_alert *alert = handshake_fatal_alert(handshake, side);
        if (alert != NULL && (alert->description == ALERT_ILLEGAL_PARAMETER ||
                              alert->description == ALERT_DECRYPT_ERROR ||
                              alert->description == ALERT_BAD_RECORD_MAC))
            return alert;
    }
    return NULL;
}

static enum rule_result weigh(const struct handshake *handshake, const struct history *history,
                              enum tls_rank offered, const struct leftovers *leftovers) {
    struct finding *finding = leftovers->finding;
    const struct handshake_alert *complaint = find_complaint(handshake);
    size_t weight = leftovers->count;
    char text[EVIDENCE_TEXT_SIZE];
    char name[TLS_NAME_SIZE];
    if (complaint != NULL) {
        weight++;
        finding_add(finding, "reaction", complaint->packet, "the handshake goes on",
                    finding_text(text, "%s sent %s (%u)",
                                 complaint->sender == SIDE_CLIENT ? "client" : "server",
                                 tls_alert_name(complaint->description, name),
                                 (unsigned)complaint->description));
    }
    if (history_server_ability(history, handshake) > offered) {
        weight++;
        finding->is_downgrade = true;
        finding_add(finding, "server", handshake_choice_packet(handshake), tls_rank_name(offered),
                    "known or marked to do more");
    }
    finding->confidence = CONFIDENCE_LOW;
    if (weight >= 2)
        finding->confidence = weight == 2 ? CONFIDENCE_MEDIUM : CONFIDENCE_HIGH;
    return RULE_HIT;
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    (void)settings;
    const struct client_hello *offer = &handshake->offer;
    enum { SPOILED = MISSED_START | MISSED_CLIENT_BYTES | MISSED_CUT_PACKET | MISSED_MEMORY };
    if (!(handshake->has & HANDSHAKE_HAS_OFFER))
        return RULE_UNKNOWN;
    enum tls_rank offered = history_offered(history);
    if (offered == TLS_RANK_1_3)
        return RULE_PASS;
    if (offered == TLS_RANK_UNKNOWN || offer->is_truncated || offer->has_malformed_extension ||
        (handshake->missed & SPOILED))
        return RULE_UNKNOWN;
    if (!carries_newer_extension(offer, offered) || is_proven_genuine(handshake) ||
        is_probe(handshake))
        return RULE_PASS;
    char name[TLS_NAME_SIZE];
    char expected[EVIDENCE_TEXT_SIZE];
    struct leftovers leftovers = {
        .finding = finding,
        .packet = handshake->side[SIDE_CLIENT].hello_packet,
        .expected =
            finding_text(expected, "absent: the hello offers at most %s",
                         tls_version_name(handshake_highest_offered_version(handshake), name)),
    };
    find_leftovers(handshake, offered, &leftovers);
    if (leftovers.count == 1 &&
        (handshake->outcome == OUTCOME_COMPLETED || handshake->outcome == OUTCOME_HALF_SEEN ||
         handshake->outcome == OUTCOME_INCONCLUSIVE))
        return RULE_PASS;
    return weigh(handshake, history, offered, &leftovers);
}

const struct rule rule_inconsistent_client_hello = {
    .kind = "inconsistent-client-hello",
    .signature_id = 2600003,
    .title = "A ClientHello carries features of a higher version than it offers",
    .rule_class = RULE_ATTACK,
    .severity = RULE_SEVERITY_HIGH,
    .on_by_default = true,
    .fires_when =
        "The hello does not offer TLS 1.3 but carries key_share, psk_key_exchange_modes, "
        "pre_shared_key, early_data or post_handshake_auth, with or without TLS 1.3 suites; or it "
        "offers TLS 1.1 or older and carries signature_algorithms, with or without AEAD and SHA-2 "
        "suites. Somebody cut the offered version on the way and left the rest.",
    .stays_silent_when =
        "Only cipher suites look too new (some clients configure them apart from the versions), or "
        "a single feature stands in a handshake that did not fail. The handshake went through "
        "with a sound key exchange: both Finished messages cover the hello, so it is the client's "
        "own. The client is a probing tool: it offers suites without encryption or more than 200 "
        "suites, or hangs up without a word after the server's answer. GREASE is no feature. A "
        "damaged hello gives unknown.",
    .confidence =
        "Each independent feature weighs one; so does an end that complains with illegal_parameter "
        "(47), decrypt_error (51) or bad_record_mac (20), and a server known or marked to do more. "
        "One is low, two medium, three or more high.",
    .advice =
        "Compare with the same client's other connections: a client that sends such hellos "
        "everywhere is merely odd. If only some of its connections look like this, capture nearer "
        "to the client and compare the ClientHello byte by byte; the device between the two "
        "capture points rewrites it.",
    .references = "RFC 8446 sections 4.1.2, 4.2 and 9.2; RFC 5246 sections 7.4.1.4.1 and A.5; "
                  "RFC 5289; ATT&CK T1557, T1562.010",
    .is_left_by_interception = true,
    .needs = NEED_OFFER | NEED_BELOW_TLS_1_3,
    .check = check,
};
