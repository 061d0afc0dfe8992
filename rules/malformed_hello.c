/*
 * malformed_hello.c - a message before the encryption that breaks its own format.
 *
 * The parsers go on reading where they can, so that damage costs as little as possible; this rule
 * says that there was some. It is no sign of an attack by itself: test tools, broken stacks and
 * fuzzers write such hellos. But what peers disagree on how to read is where a middlebox can be
 * fooled, and a hello that was rewritten carelessly looks like this.
 */
#include "rules_list.h"

enum { ALERT_ILLEGAL_PARAMETER = 47, ALERT_DECODE_ERROR = 50 };

/* What hides bytes: then a length that does not fit may be the capture's fault. */
static const uint32_t hidden =
    MISSED_CLIENT_BYTES | MISSED_SERVER_BYTES | MISSED_CUT_PACKET | MISSED_MEMORY;

/* The parts of a hello that say what is wrong with it; the same of both kinds. */
struct fault {
    bool is_truncated;
    bool has_malformed_extension;
    bool has_repeated_extension;
    uint16_t malformed_extension;
    uint16_t repeated_extension;
};

static void add_fault(struct finding *finding, const char *what, uint64_t packet,
                      const struct fault *fault) {
    char text[EVIDENCE_TEXT_SIZE];
    char name[TLS_NAME_SIZE];
    if (fault->is_truncated)
        finding_add(finding, what, packet, "extensions that end with the message",
                    "its extensions run past its end");
    if (fault->has_malformed_extension)
        finding_add(finding, what, packet, "extensions that hold what their type says",
                    finding_text(text, "%s (%u) does not",
                                 tls_extension_name(fault->malformed_extension, name),
                                 (unsigned)fault->malformed_extension));
    if (fault->has_repeated_extension)
        finding_add(finding, what, packet, "each extension once",
                    finding_text(text, "%s (%u) twice",
                                 tls_extension_name(fault->repeated_extension, name),
                                 (unsigned)fault->repeated_extension));
}

static void add_client_hello(struct finding *finding, const char *what, uint64_t packet,
                             const struct client_hello *hello) {
    const struct fault fault = {hello->is_truncated, hello->has_malformed_extension,
                                hello->has_repeated_extension, hello->malformed_extension,
                                hello->repeated_extension};
    add_fault(finding, what, packet, &fault);
    if (hello->cipher_suites.size % 2 != 0 && !hello->is_sslv2)
        finding_add(finding, what, packet, "cipher suites of two bytes each",
                    "half a cipher suite at the end of the list");
}

static void add_server_hello(struct finding *finding, const char *what, uint64_t packet,
                             const struct server_hello *hello) {
    const struct fault fault = {hello->is_truncated, hello->has_malformed_extension,
                                hello->has_repeated_extension, hello->malformed_extension,
                                hello->repeated_extension};
    add_fault(finding, what, packet, &fault);
}

static void add_client_hellos(struct finding *finding, const struct handshake *handshake) {
    bool is_first =
        (handshake->has & HANDSHAKE_HAS_OFFER) && client_hello_is_malformed(&handshake->offer);
    if (is_first)
        add_client_hello(finding, "ClientHello", handshake->side[SIDE_CLIENT].hello_packet,
                         &handshake->offer);
    if (handshake->has & HANDSHAKE_HAS_SECOND_OFFER)
        add_client_hello(finding, "second ClientHello", is_first ? 0 : handshake->malformed_packet,
                         &handshake->second_offer);
}

static void add_server_hellos(struct finding *finding, const struct handshake *handshake) {
    if (handshake->has & HANDSHAKE_HAS_RETRY)
        add_server_hello(finding, "HelloRetryRequest", handshake->retry_packet, &handshake->retry);
    if (handshake->has & HANDSHAKE_HAS_CHOICE)
        add_server_hello(finding, "ServerHello", handshake_choice_packet(handshake),
                         &handshake->choice);
}

/* Each kind of message: what shows its fault, and what to say when nothing does, since it could not
 * be read at all. */
static const struct kind {
    uint32_t bit;
    int sender; /* enum handshake_side; SIDE_COUNT: either */
    const char *what;
    const char *expected;
    const char *observed;
    void (*add)(struct finding *finding, const struct handshake *handshake);
} kinds[] = {
    {MALFORMED_CLIENT_HELLO, SIDE_CLIENT, "ClientHello", "fields that fit the message",
     "they do not", add_client_hellos},
    {MALFORMED_SERVER_HELLO, SIDE_SERVER, "ServerHello", "fields that fit the message",
     "they do not", add_server_hellos},
    {MALFORMED_KEY_EXCHANGE, SIDE_SERVER, "ServerKeyExchange", "the layout of the chosen suite",
     "another", NULL},
    {MALFORMED_RECORD, SIDE_COUNT, "record", "a header that can be", "one that cannot", NULL},
    {MALFORMED_FRAGMENT, SIDE_COUNT, "fragments", "the same bytes at the same place",
     "bytes that contradict each other", NULL},
};

static void add_kind(struct finding *finding, const struct handshake *handshake,
                     const struct kind *kind) {
    size_t before = finding->evidence_count;
    if (kind->add != NULL)
        kind->add(finding, handshake);
    /* Where the start was not seen, what cannot be read may be no handshake at all. */
    if (finding->evidence_count == before && !(handshake->missed & MISSED_START))
        finding_add(finding, kind->what, handshake->malformed_packet, kind->expected,
                    kind->observed);
}

/* Does the other end say so, too? */
static bool add_complaint(struct finding *finding, const struct handshake *handshake,
                          const struct kind *kind) {
    for (size_t i = 0; i < handshake->alert_count; i++) {
        const struct handshake_alert *alert = &handshake->alerts[i];
        if (alert->sender == kind->sender || (alert->description != ALERT_DECODE_ERROR &&
                                              alert->description != ALERT_ILLEGAL_PARAMETER))
            continue;
        char name[TLS_NAME_SIZE];
        char text[EVIDENCE_TEXT_SIZE];
        finding_add(finding, "the other end's reaction", alert->packet, "goes on",
                    finding_text(text, "alert %s (%u)", tls_alert_name(alert->description, name),
                                 (unsigned)alert->description));
        return true;
    }
    return false;
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    (void)history;
    (void)settings;
    if (handshake->missed & hidden)
        return RULE_UNKNOWN;
    if (handshake->malformed == 0)
        return handshake_has_hello(handshake) ? RULE_PASS : RULE_UNKNOWN;
    finding->confidence = CONFIDENCE_MEDIUM;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!(handshake->malformed & kinds[i].bit))
            continue;
        size_t before = finding->evidence_count;
        add_kind(finding, handshake, &kinds[i]);
        if (finding->evidence_count != before && finding->confidence != CONFIDENCE_HIGH &&
            add_complaint(finding, handshake, &kinds[i]))
            finding->confidence = CONFIDENCE_HIGH;
    }
    return finding->evidence_count != 0 ? RULE_HIT : RULE_UNKNOWN;
}

const struct rule rule_malformed_hello = {
    .kind = "malformed-hello",
    .signature_id = 2600200,
    .title = "A message of the handshake breaks its own format",
    .rule_class = RULE_INFO,
    .severity = RULE_SEVERITY_LOW,
    .on_by_default = true,
    .fires_when = "A hello, a key exchange, a record or its fragments contradict themselves: a "
                  "length that does not fit, an extension that does not hold what its type says "
                  "or stands there twice, half a cipher suite, fragments that differ where they "
                  "overlap. Every byte of it was seen.",
    .stays_silent_when = "Bytes are missing (a cut packet, a hole; without the start of the "
                         "connection: also what cannot be read at all), or what stands there is "
                         "merely unknown: unassigned numbers and unknown "
                         "extensions are no fault.",
    .confidence = "High when the other end complains with decode_error or illegal_parameter, else "
                  "medium: the capture may have been changed, or this sensor may be wrong.",
    .advice = "Look at the packet in Wireshark. One client or server that always does so has a "
              "broken TLS stack: tell its owner. Many different peers behind one path point to a "
              "middlebox that rewrites hellos badly. Names or versions of such a hello may be "
              "missing from the counts.",
    .references = "RFC 8446 sections 3.4, 4.1 and 4.2 (no extension twice); RFC 9147 section 5.5",
    .needs = NEED_MALFORMED,
    .check = check,
};
