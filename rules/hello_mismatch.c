/*
 * hello_mismatch.c - the answer breaks the offer.
 *
 * A server answers out of what it was offered; a client refuses anything else. When the two hellos
 * on the wire contradict each other, at least one of them is not what its sender sent, or its
 * sender is broken. Each comparison below is one MUST of RFC 8446 or RFC 5246.
 *
 * Silent on purpose:
 *   - a server older than TLS 1.3 does not know supported_versions and answers by legacy_version
 *     (RFC 8446 appendix D.2): a TLS 1.0 answer to a client that lists 1.3 and 1.2 is honest;
 *   - drafts of TLS 1.3 (0x7fxx, 0xfbxx, 0x7exx) have their own layouts and rules;
 *   - a chosen suite that nobody ever assigned: that is no TLS server but something that dresses up
 *     as one, and there is nothing to downgrade;
 *   - DTLS hellos that differ although the second should only add a cookie (RFC 6347 4.2.1): which
 *     of the two the server answered is not said;
 *   - records in which the sensor missed bytes of either side, or how the connection began: the
 *     hellos may not belong together.
 */
#include "rules_list.h"

/* What breaks weigh: a strange extension may be a sloppy server, another version or cipher is not.
 */
struct breaks {
    struct finding *finding;
    size_t serious;
    size_t minor;
    bool touches_version; /* version or suite: what a downgrade is about */
};

static uint16_t version_of(const struct server_hello *hello) {
    return hello->has_selected_version ? hello->selected_version : hello->legacy_version;
}

static bool is_draft(uint16_t version) {
    return tls_version_rank(version) == TLS_RANK_1_3 && version != TLS_VERSION_1_3 &&
           version != DTLS_VERSION_1_3;
}

/* A list of versions as text, GREASE left out; cut at the buffer's end. */
static const char *versions_text(struct span list, char buffer[EVIDENCE_TEXT_SIZE]) {
    char next[EVIDENCE_TEXT_SIZE];
    uint16_t version = 0;
    buffer[0] = '\0';
    while (span_next_u16(&list, &version)) {
        char name[TLS_NAME_SIZE];
        if (tls_is_grease(version))
            continue;
        finding_text(next, "%s%s%s", buffer, buffer[0] ? ", " : "one of ",
                     tls_version_name(version, name));
        memcpy(buffer, next, sizeof next);
    }
    return buffer;
}

/* What the client would have taken, as text. */
static const char *acceptable_versions(const struct client_hello *offer, bool by_list,
                                       char buffer[EVIDENCE_TEXT_SIZE]) {
    char name[TLS_NAME_SIZE];
    if (by_list && !span_is_absent(offer->supported_versions))
        return versions_text(offer->supported_versions, buffer);
    return finding_text(buffer, "%s or older", tls_version_name(offer->legacy_version, name));
}

static void check_version(const struct handshake *handshake, const struct server_hello *answer,
                          uint64_t packet, struct breaks *breaks) {
    uint16_t version = version_of(answer);
    enum tls_rank limit = tls_version_rank(handshake->offer.legacy_version);
    bool is_legal = answer->has_selected_version
                        ? handshake_offers_version(handshake, version)
                        : limit == TLS_RANK_UNKNOWN || tls_version_rank(version) <= limit;
    if (is_legal)
        return;
    char expected[EVIDENCE_TEXT_SIZE];
    char observed[EVIDENCE_TEXT_SIZE];
    char name[TLS_NAME_SIZE];
    breaks->serious++;
    breaks->touches_version = true;
    finding_add(breaks->finding, "version chosen", packet,
                acceptable_versions(&handshake->offer, answer->has_selected_version, expected),
                finding_text(observed, "%s, not offered", tls_version_name(version, name)));
}

/* The suite must be offered, and must exist in the version. */
static void check_suite(const struct handshake *handshake, const struct server_hello *answer,
                        uint64_t packet, struct breaks *breaks) {
    uint16_t suite = answer->cipher_suite;
    uint32_t traits = tls_cipher_suite_traits(suite);
    enum tls_rank version = tls_version_rank(version_of(answer));
    char observed[EVIDENCE_TEXT_SIZE];
    char name[TLS_NAME_SIZE];
    if (!client_hello_has_cipher(&handshake->offer, suite)) {
        breaks->serious++;
        breaks->touches_version = true;
        finding_add(breaks->finding, "cipher suite chosen", packet, "a suite of the ClientHello",
                    finding_text(observed, "%s, not offered", tls_cipher_suite_name(suite, name)));
    }
    const char *needs = NULL;
    if ((traits & CIPHER_SUITE_TLS13) && version < TLS_RANK_1_3)
        needs = "TLS 1.3";
    else if (!(traits & CIPHER_SUITE_TLS13) && version == TLS_RANK_1_3)
        needs = "TLS 1.2 or older";
    else if ((traits & (CIPHER_SUITE_AEAD | CIPHER_SUITE_SHA2)) && version < TLS_RANK_1_2)
        needs = "TLS 1.2";
    if (needs == NULL)
        return;
    breaks->serious++;
    breaks->touches_version = true;
    char version_name[TLS_NAME_SIZE];
    char expected[EVIDENCE_TEXT_SIZE];
    finding_add(breaks->finding, "suite and version", packet,
                finding_text(expected, "%s with %s", tls_cipher_suite_name(suite, name), needs),
                tls_version_name(version_of(answer), version_name));
}

static void check_compression(const struct handshake *handshake, const struct server_hello *answer,
                              uint64_t packet, struct breaks *breaks) {
    uint8_t method = answer->compression_method;
    if (answer->is_draft_layout || method == 0 ||
        span_has_u8(handshake->offer.compression_methods, method))
        return;
    char observed[EVIDENCE_TEXT_SIZE];
    breaks->serious++;
    finding_add(breaks->finding, "compression chosen", packet, "a method of the ClientHello",
                finding_text(observed, "%u, not offered", (unsigned)method));
}

static bool may_send_extension(const struct handshake *handshake, const struct server_hello *answer,
                               uint16_t type) {
    if (client_hello_has_extension(&handshake->offer, type))
        return true;
    if ((handshake->has & HANDSHAKE_HAS_SECOND_OFFER) &&
        client_hello_has_extension(&handshake->second_offer, type))
        return true;
    if (type == TLS_EXT_COOKIE)
        return answer->is_hello_retry_request;
    return type == TLS_EXT_RENEGOTIATION_INFO &&
           client_hello_has_cipher(&handshake->offer, TLS_SCSV_RENEGOTIATION);
}

static void check_extensions(const struct handshake *handshake, const struct server_hello *answer,
                             uint64_t packet, struct breaks *breaks) {
    struct span list = answer->extensions;
    struct tls_extension extension;
    while (tls_extension_next(&list, &extension)) {
        if (may_send_extension(handshake, answer, extension.type))
            continue;
        char observed[EVIDENCE_TEXT_SIZE];
        char name[TLS_NAME_SIZE];
        breaks->minor++;
        finding_add(
            breaks->finding, "extension in the answer", packet, "an extension of the ClientHello",
            finding_text(observed, "%s, not offered", tls_extension_name(extension.type, name)));
        if (breaks->minor == FINDING_MAX_EVIDENCE)
            return;
    }
}

/* RFC 8446 4.1.3: legacy_session_id_echo; 4.2.8: the server's share. */
static void check_tls13(const struct handshake *handshake, const struct server_hello *answer,
                        uint64_t packet, struct breaks *breaks) {
    char observed[EVIDENCE_TEXT_SIZE];
    char name[TLS_NAME_SIZE];
    if (version_of(answer) != TLS_VERSION_1_3 || answer->is_draft_layout)
        return;
    if (!span_equal(handshake->offer.session_id, answer->session_id)) {
        breaks->serious++;
        finding_add(breaks->finding, "session id echo", packet, "the ClientHello's bytes",
                    finding_text(observed, "%zu other bytes", answer->session_id.size));
    }
    if (!answer->has_key_share_group)
        return;
    const struct client_hello *latest = (handshake->has & HANDSHAKE_HAS_SECOND_OFFER)
                                            ? &handshake->second_offer
                                            : &handshake->offer;
    bool is_offered = answer->is_hello_retry_request
                          ? span_has_u16(handshake->offer.supported_groups, answer->key_share_group)
                          : client_hello_has_key_share(latest, answer->key_share_group);
    if (is_offered)
        return;
    breaks->serious++;
    finding_add(
        breaks->finding, "key share group", packet,
        answer->is_hello_retry_request ? "a group of supported_groups"
                                       : "a group that the client sent a share for",
        finding_text(observed, "%s, not offered", tls_group_name(answer->key_share_group, name)));
}

static bool is_equal_without_grease(struct span a, struct span b) {
    uint16_t left = 0;
    uint16_t right = 0;
    for (;;) {
        bool has_left = span_next_u16(&a, &left);
        while (has_left && tls_is_grease(left))
            has_left = span_next_u16(&a, &left);
        bool has_right = span_next_u16(&b, &right);
        while (has_right && tls_is_grease(right))
            has_right = span_next_u16(&b, &right);
        if (has_left != has_right)
            return false;
        if (!has_left)
            return true;
        if (left != right)
            return false;
    }
}

/* RFC 8446 4.1.2: what the second ClientHello must repeat. */
static void check_second_offer(const struct handshake *handshake, struct breaks *breaks) {
    const struct client_hello *first = &handshake->offer;
    const struct client_hello *second = &handshake->second_offer;
    const struct {
        const char *what;
        bool is_same;
        bool is_version;
    } fields[] = {
        {"legacy_version", first->legacy_version == second->legacy_version, true},
        {"random", span_equal(first->random, second->random), false},
        {"session id", span_equal(first->session_id, second->session_id), false},
        {"cipher suites", is_equal_without_grease(first->cipher_suites, second->cipher_suites),
         true},
        {"compression methods", span_equal(first->compression_methods, second->compression_methods),
         false},
        {"supported_versions",
         is_equal_without_grease(first->supported_versions, second->supported_versions), true},
        {"supported_groups",
         is_equal_without_grease(first->supported_groups, second->supported_groups), false},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i].is_same)
            continue;
        breaks->serious++;
        breaks->touches_version |= fields[i].is_version;
        char what[EVIDENCE_TEXT_SIZE];
        finding_add(breaks->finding, finding_text(what, "second ClientHello: %s", fields[i].what),
                    handshake->retry_packet, "as in the first", "changed");
    }
}

/* RFC 8446 4.1.4: the ServerHello keeps what the HelloRetryRequest said. */
static void check_retry_kept(const struct handshake *handshake, struct breaks *breaks) {
    char first[TLS_NAME_SIZE];
    char second[TLS_NAME_SIZE];
    uint64_t packet = handshake_choice_packet(handshake);
    uint16_t asked = version_of(&handshake->retry);
    uint16_t answered = version_of(&handshake->choice);
    if (asked != answered) {
        breaks->serious++;
        breaks->touches_version = true;
        finding_add(breaks->finding, "version after HelloRetryRequest", packet,
                    tls_version_name(asked, first), tls_version_name(answered, second));
    }
    if (handshake->retry.cipher_suite != handshake->choice.cipher_suite) {
        breaks->serious++;
        breaks->touches_version = true;
        finding_add(breaks->finding, "suite after HelloRetryRequest", packet,
                    tls_cipher_suite_name(handshake->retry.cipher_suite, first),
                    tls_cipher_suite_name(handshake->choice.cipher_suite, second));
    }
    if (handshake->retry.has_key_share_group && handshake->choice.has_key_share_group &&
        handshake->retry.key_share_group != handshake->choice.key_share_group) {
        breaks->serious++;
        finding_add(breaks->finding, "group after HelloRetryRequest", packet,
                    tls_group_name(handshake->retry.key_share_group, first),
                    tls_group_name(handshake->choice.key_share_group, second));
    }
}

static void check_answer(const struct handshake *handshake, const struct server_hello *answer,
                         uint64_t packet, struct breaks *breaks) {
    check_version(handshake, answer, packet, breaks);
    check_suite(handshake, answer, packet, breaks);
    check_compression(handshake, answer, packet, breaks);
    check_extensions(handshake, answer, packet, breaks);
    check_tls13(handshake, answer, packet, breaks);
}

static bool is_readable_offer(const struct client_hello *hello) {
    return !hello->is_truncated && !hello->has_malformed_extension;
}

/* RULE_HIT here means: judge it. */
static enum rule_result can_judge_answer(const struct server_hello *answer) {
    if (answer->is_truncated || answer->has_malformed_extension)
        return RULE_UNKNOWN;
    uint16_t version = version_of(answer);
    if (is_draft(version))
        return RULE_PASS;
    if (tls_version_rank(version) == TLS_RANK_UNKNOWN ||
        !(tls_cipher_suite_traits(answer->cipher_suite) & CIPHER_SUITE_KNOWN))
        return RULE_UNKNOWN;
    return RULE_HIT;
}

static enum rule_result can_judge(const struct handshake *handshake) {
    enum {
        SPOILED = MISSED_START | MISSED_CLIENT_BYTES | MISSED_SERVER_BYTES | MISSED_CUT_PACKET |
                  MISSED_MEMORY
    };
    bool has_retry = handshake->has & HANDSHAKE_HAS_RETRY;
    bool has_choice = handshake->has & HANDSHAKE_HAS_CHOICE;
    if (!(handshake->has & HANDSHAKE_HAS_OFFER) || (!has_choice && !has_retry) ||
        (handshake->missed & SPOILED) || (handshake->has & HANDSHAKE_HAS_RENEGOTIATION) ||
        !is_readable_offer(&handshake->offer))
        return RULE_UNKNOWN;
    if ((handshake->has & HANDSHAKE_HAS_SECOND_OFFER) &&
        (!has_retry || !is_readable_offer(&handshake->second_offer)))
        return RULE_UNKNOWN;
    enum rule_result retry = has_retry ? can_judge_answer(&handshake->retry) : RULE_HIT;
    enum rule_result choice = has_choice ? can_judge_answer(&handshake->choice) : RULE_HIT;
    return retry != RULE_HIT ? retry : choice;
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    (void)history;
    (void)settings;
    enum rule_result verdict = can_judge(handshake);
    if (verdict != RULE_HIT)
        return verdict;
    struct breaks breaks = {.finding = finding};
    if (handshake->has & HANDSHAKE_HAS_RETRY)
        check_answer(handshake, &handshake->retry, handshake->retry_packet, &breaks);
    if (handshake->has & HANDSHAKE_HAS_CHOICE)
        check_answer(handshake, &handshake->choice, handshake_choice_packet(handshake), &breaks);
    if (handshake->has & HANDSHAKE_HAS_SECOND_OFFER)
        check_second_offer(handshake, &breaks);
    if ((handshake->has & HANDSHAKE_HAS_RETRY) && (handshake->has & HANDSHAKE_HAS_CHOICE))
        check_retry_kept(handshake, &breaks);
    if (breaks.serious + breaks.minor == 0)
        return RULE_PASS;
    finding->confidence = CONFIDENCE_LOW;
    if (breaks.serious > 0)
        finding->confidence =
            breaks.serious + breaks.minor > 1 ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
    finding->is_downgrade =
        breaks.touches_version &&
        handshake_highest_offered(handshake) > handshake_negotiated(handshake) &&
        handshake_negotiated(handshake) != TLS_RANK_UNKNOWN;
    return RULE_HIT;
}

const struct rule rule_hello_mismatch = {
    .kind = "hello-mismatch",
    .signature_id = 2600002,
    .title = "The server's answer contradicts the client's offer",
    .rule_class = RULE_ATTACK,
    .severity = RULE_SEVERITY_HIGH,
    .on_by_default = true,
    .fires_when =
        "The ServerHello or HelloRetryRequest chooses something that the ClientHello does not "
        "contain: a version, a cipher suite, a compression method, an extension or a key share "
        "group; or a suite that does not exist in the chosen version; or a TLS 1.3 session id echo "
        "that is no echo; or the ServerHello does not keep what the HelloRetryRequest said, or the "
        "second ClientHello changes what it must repeat. Either hello was changed on the way.",
    .stays_silent_when =
        "The answer is legal though unusual: a cookie in a HelloRetryRequest, renegotiation_info "
        "in "
        "answer to the signalling suite, a server older than TLS 1.3 that goes by legacy_version. "
        "Drafts of TLS 1.3 are left alone, and so are answers with a suite that was never "
        "assigned (traffic dressed up as TLS). If the sensor missed bytes of either side or the "
        "connection's start, or a "
        "hello is damaged, the result is unknown.",
    .confidence = "Low for unoffered extensions alone, which a sloppy server may send. Medium for "
                  "one break of version, suite, compression, group or echo; high for several "
                  "breaks in one handshake.",
    .advice = "Compare the named packets with a capture taken on the other side of the path: the "
              "hello that differs was rewritten in between. If both sides show the same bytes, the "
              "server (or a load balancer in front of it) breaks the protocol: note its address "
              "and software and report it there.",
    .references = "RFC 8446 sections 4.1.2, 4.1.3, 4.1.4, 4.2 and 4.2.8; RFC 5246 section 7.4.1; "
                  "ATT&CK T1557",
    .is_left_by_interception = true,
    .needs = NEED_OFFER | NEED_ANSWER,
    .check = check,
};
