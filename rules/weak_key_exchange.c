/*
 * weak_key_exchange.c - a key that can be broken, where the client had offered better.
 *
 * FREAK and Logjam let an attacker make a server use export keys while the client believes in an
 * ordinary suite: the ServerHello (rewritten on its way back) names a strong suite and the
 * ServerKeyExchange brings a 512-bit key. CurveSwap does the same with weak curves. Such a pair
 * does not come from one honest server, except from those whose keys are weak anyway: so the more
 * the key contradicts the suite, the more this is worth.
 */
#include "rules_list.h"

#include <stddef.h>

enum { EXPORT_BITS = 512, ORDINARY_BITS = 1024, FIRST_STRONG_CURVE = 22 };

/* What was found, weakest evidence first. */
enum weakness {
    WEAKNESS_NONE,
    WEAKNESS_SMALL_GROUP, /* DH below the configured size */
    WEAKNESS_CURVE,       /* below 128 bits of strength */
    WEAKNESS_EXPORT,      /* an export suite, although the client offered others */
    WEAKNESS_TINY_GROUP,  /* DH of export size under an ordinary suite: Logjam */
    WEAKNESS_RSA_KEY,     /* a temporary RSA key under a suite that has none: FREAK */
};

/* Binary and prime curves of less than 256 bits (IANA's numbers 1 to 21, without the 283-bit and
 * larger binary ones). */
static bool is_weak_curve(uint16_t group) {
    static const uint16_t strong_binary_first = 9; /* sect283k1 to sect571r1 */
    static const uint16_t strong_binary_last = 14;
    return group > 0 && group < FIRST_STRONG_CURVE &&
           (group < strong_binary_first || group > strong_binary_last);
}

static bool offers_strong_group(const struct client_hello *offer) {
    struct span list = offer->supported_groups;
    uint16_t group = 0;
    while (span_next_u16(&list, &group))
        if (!tls_is_grease(group) && group >= FIRST_STRONG_CURVE)
            return true;
    return false;
}

/* A suite without export, null, anonymous or broken ciphers. */
static bool offers_strong_suite(const struct client_hello *offer) {
    static const uint32_t bad =
        CIPHER_SUITE_EXPORT | CIPHER_SUITE_NULL | CIPHER_SUITE_ANONYMOUS | CIPHER_SUITE_SCSV;
    struct span list = offer->cipher_suites;
    uint32_t cipher = 0;
    while (client_hello_next_cipher(offer, &list, &cipher)) {
        uint32_t traits = cipher <= UINT16_MAX ? tls_cipher_suite_traits((uint16_t)cipher) : 0;
        if (traits != 0 && (traits & bad) == 0)
            return true;
    }
    return false;
}

static enum weakness find_weakness(const struct handshake *handshake,
                                   const struct rule_settings *settings) {
    const struct key_exchange *key = &handshake->key_exchange;
    uint32_t traits = tls_cipher_suite_traits(handshake->choice.cipher_suite);
    bool has_key = (handshake->has & HANDSHAKE_HAS_KEY_EXCHANGE) != 0;
    bool is_export = (traits & CIPHER_SUITE_EXPORT) != 0;
    if (has_key && key->kind == KEY_EXCHANGE_RSA_EXPORT && !is_export)
        return WEAKNESS_RSA_KEY;
    if (has_key && key->kind == KEY_EXCHANGE_DHE && key->size_bits <= EXPORT_BITS && !is_export)
        return WEAKNESS_TINY_GROUP;
    if (is_export && offers_strong_suite(&handshake->offer))
        return WEAKNESS_EXPORT;
    if (has_key && key->kind == KEY_EXCHANGE_ECDHE && is_weak_curve(key->group) &&
        offers_strong_group(&handshake->offer))
        return WEAKNESS_CURVE;
    if (has_key && key->kind == KEY_EXCHANGE_DHE && key->size_bits < settings->dh_bits &&
        !is_export)
        return WEAKNESS_SMALL_GROUP;
    return WEAKNESS_NONE;
}

static const char *key_text(char text[EVIDENCE_TEXT_SIZE], const struct handshake *handshake) {
    char name[TLS_NAME_SIZE];
    const struct key_exchange *key = &handshake->key_exchange;
    switch (key->kind) {
    case KEY_EXCHANGE_DHE:
        return finding_text(text, "Diffie-Hellman group of %u bits", key->size_bits);
    case KEY_EXCHANGE_RSA_EXPORT:
        return finding_text(text, "temporary RSA key of %u bits", key->size_bits);
    case KEY_EXCHANGE_ECDHE:
        return finding_text(text, "curve %s", tls_group_name(key->group, name));
    case KEY_EXCHANGE_PSK:
    case KEY_EXCHANGE_UNKNOWN:
        break;
    }
    return finding_text(text, "none that was read");
}

static void add_evidence(struct finding *finding, const struct handshake *handshake,
                         enum weakness weakness, const struct rule_settings *settings) {
    char name[TLS_NAME_SIZE];
    char text[EVIDENCE_TEXT_SIZE];
    char expected[EVIDENCE_TEXT_SIZE];
    static const char *const wanted[] = {
        [WEAKNESS_CURVE] = "a curve of 128 bits of strength or more, which the client offered",
        [WEAKNESS_EXPORT] = "an ordinary suite, which the client offered",
        [WEAKNESS_TINY_GROUP] = "a group that fits the suite, which is no export suite",
        [WEAKNESS_RSA_KEY] = "no temporary key: the suite uses the certificate's",
    };
    finding_add(finding, "cipher suite", handshake_choice_packet(handshake),
                weakness == WEAKNESS_EXPORT ? wanted[weakness] : "",
                tls_cipher_suite_name(handshake->choice.cipher_suite, name));
    if (!(handshake->has & HANDSHAKE_HAS_KEY_EXCHANGE))
        return;
    if (weakness == WEAKNESS_SMALL_GROUP)
        finding_text(expected, "%u bits or more", settings->dh_bits);
    else
        finding_text(expected, "%s", wanted[weakness]);
    finding_add(finding, "server's key", handshake->key_exchange_packet, expected,
                key_text(text, handshake));
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    (void)history;
    if (!(handshake->has & HANDSHAKE_HAS_CHOICE) || !(handshake->has & HANDSHAKE_HAS_OFFER))
        return RULE_UNKNOWN;
    enum weakness weakness = find_weakness(handshake, settings);
    switch (weakness) {
    case WEAKNESS_NONE:
        return RULE_PASS;
    case WEAKNESS_SMALL_GROUP:
    case WEAKNESS_CURVE:
        finding->confidence = CONFIDENCE_LOW;
        break;
    case WEAKNESS_EXPORT:
        finding->confidence = CONFIDENCE_MEDIUM;
        break;
    case WEAKNESS_TINY_GROUP:
    case WEAKNESS_RSA_KEY:
        finding->confidence = CONFIDENCE_HIGH;
        break;
    }
    finding->is_downgrade = finding->confidence >= CONFIDENCE_MEDIUM;
    add_evidence(finding, handshake, weakness, settings);
    return RULE_HIT;
}

static const struct rule_threshold thresholds[] = {
    {"dh_bits", THRESHOLD_COUNT, offsetof(struct rule_settings, dh_bits), EXPORT_BITS, 8192,
     "Diffie-Hellman groups of fewer bits are weak"},
};

const struct rule rule_weak_key_exchange = {
    .kind = "weak-key-exchange",
    .signature_id = 2600012,
    .title = "A breakable key where the client offered better",
    .rule_class = RULE_ATTACK,
    .severity = RULE_SEVERITY_HIGH,
    .on_by_default = true,
    .fires_when =
        "The server's key is a temporary RSA key under a suite that has none (FREAK), a "
        "Diffie-Hellman group of 512 bits or less under an ordinary suite (Logjam) or of fewer "
        "bits than the configuration demands, a curve of less than 128 bits of strength although "
        "the client offered stronger ones (CurveSwap), or an export suite was chosen although the "
        "client offered ordinary ones.",
    .stays_silent_when =
        "The client offered nothing better: it is limited itself. TLS 1.3 has no such keys, and a "
        "ServerKeyExchange that was not seen says nothing.",
    .confidence = "High when the key contradicts the suite (FREAK, Logjam). Medium for an export "
                  "suite. Low for groups and curves that are merely weak: servers with old "
                  "parameters do that honestly.",
    .advice = "Connect to the server from elsewhere and compare its key. If it is weak there as "
              "well, the server's parameters are to be renewed; if not, somebody on this client's "
              "path rewrote the handshake, and the session's content must be taken for known.",
    .references = "RFC 7919 section 8; CVE-2015-0204 (FREAK); CVE-2015-4000 (Logjam); L. Valenta "
                  "et al.: In Search of CurveSwap (2018); ATT&CK T1600.001",
    .thresholds = thresholds,
    .threshold_count = sizeof thresholds / sizeof thresholds[0],
    .needs = NEED_OFFER | NEED_CHOICE,
    .check = check,
};
