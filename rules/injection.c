#include "injection.h"

#include <stdio.h>

#include "tls_record.h"

static const uint32_t strong = SIGNAL_CONFLICT | SIGNAL_DATA_AFTER | SIGNAL_ENCRYPTED_EPOCH;

static bool missed_bytes_of(const struct handshake *handshake, unsigned side) {
    uint32_t hole = side == SIDE_CLIENT ? MISSED_CLIENT_BYTES : MISSED_SERVER_BYTES;
    return (handshake->missed & (hole | MISSED_CUT_PACKET | MISSED_MEMORY)) != 0;
}

enum rule_result injection_weigh(const struct handshake *handshake, const struct suspect *suspect,
                                 uint32_t signals, enum rule_confidence *confidence) {
    unsigned count = transport_signal_count(signals);
    unsigned weak = transport_signal_count(signals & ~strong);
    bool has_gap = missed_bytes_of(handshake, suspect->sender);
    if (count < 2)
        return count == 1 && has_gap ? RULE_UNKNOWN : RULE_PASS;
    *confidence = CONFIDENCE_LOW;
    if ((signals & strong) || weak >= 3)
        *confidence = CONFIDENCE_MEDIUM;
    bool is_contradicted_from_elsewhere = (signals & SIGNAL_CONFLICT) && weak >= 1;
    if (is_contradicted_from_elsewhere || ((signals & strong) && weak >= 1 && count >= 3))
        *confidence = CONFIDENCE_HIGH;
    if (has_gap && *confidence > CONFIDENCE_LOW)
        (*confidence)--;
    return RULE_HIT;
}

static const char *side_name(unsigned side) {
    return side == SIDE_CLIENT ? "client" : "server";
}

static void add_number(struct finding *finding, const char *what, const struct suspect *suspect,
                       uint32_t usual, uint32_t odd) {
    char expected[EVIDENCE_TEXT_SIZE];
    char observed[EVIDENCE_TEXT_SIZE];
    finding_add(finding, what, suspect->mark.packet,
                finding_text(expected, "near %u, as in packet %llu of the same sender", usual,
                             (unsigned long long)suspect->before.packet),
                finding_text(observed, "%u", odd));
}

static void add_timestamp(struct finding *finding, const struct suspect *suspect) {
    if (suspect->mark.has & MARK_HAS_TIMESTAMP) {
        add_number(finding, "TCP timestamp", suspect, suspect->before.timestamp,
                   suspect->mark.timestamp);
        return;
    }
    finding_add(finding, "TCP timestamp", suspect->mark.packet,
                "present, as both sides agreed (RFC 7323 section 3.2)", "absent");
}

static void add_data_after(struct finding *finding, const struct suspect *suspect) {
    char observed[EVIDENCE_TEXT_SIZE];
    uint64_t later_us = suspect->data_after_us > suspect->mark.time_us
                            ? suspect->data_after_us - suspect->mark.time_us
                            : 0;
    finding_add(finding, "what its sender did next", suspect->data_after_packet, "nothing more",
                finding_text(observed, "the %s went on sending %llu us later",
                             side_name(suspect->sender), (unsigned long long)later_us));
}

static void add_too_early(struct finding *finding, const struct handshake *handshake,
                          const struct suspect *suspect) {
    char expected[EVIDENCE_TEXT_SIZE];
    char observed[EVIDENCE_TEXT_SIZE];
    uint64_t took_us = suspect->mark.time_us - handshake->side[SIDE_CLIENT].hello_us;
    finding_add(finding, "time since the ClientHello", suspect->mark.packet,
                finding_text(expected, "at least the %u us that the server's path takes",
                             handshake->side[SIDE_SERVER].rtt_us),
                finding_text(observed, "%llu us", (unsigned long long)took_us));
}

void injection_add_signals(struct finding *finding, const struct handshake *handshake,
                           const struct suspect *suspect, uint32_t signals) {
    const struct packet_mark *mark = &suspect->mark;
    const struct packet_mark *before = &suspect->before;
    if (signals & SIGNAL_CONFLICT)
        injection_add_conflict(finding, transport_conflict_of(handshake, suspect));
    if (signals & SIGNAL_DATA_AFTER)
        add_data_after(finding, suspect);
    if (signals & SIGNAL_HOP_LIMIT)
        add_number(finding, "hop limit", suspect, before->hop_limit, mark->hop_limit);
    if (signals & SIGNAL_IP_ID)
        add_number(finding, "IP identification", suspect, before->ip_id, mark->ip_id);
    if (signals & SIGNAL_TIMESTAMP)
        add_timestamp(finding, suspect);
    if (signals & SIGNAL_WINDOW)
        add_number(finding, "TCP window", suspect,
                   before->tcp_flags & TCP_SYN ? suspect->after.window : before->window,
                   mark->window);
    if (signals & SIGNAL_ENCRYPTED_EPOCH)
        finding_add(finding, "protection", mark->packet,
                    "encrypted: this side had sent encrypted records before", "clear text");
    if (signals & SIGNAL_TOO_EARLY)
        add_too_early(finding, handshake, suspect);
    if (signals & SIGNAL_OUT_OF_PLACE)
        finding_add(finding, "sequence number", mark->packet, "the one that was due",
                    "another one: its sender did not know the connection's state");
}

/* What a version of the bytes says, in words. */
static const char *version_text(char text[EVIDENCE_TEXT_SIZE],
                                const struct conflict_version *version) {
    char name[TLS_NAME_SIZE];
    char suite[TLS_NAME_SIZE];
    char hex[2 * 24 + 1];
    size_t shown = version->size < 24 ? version->size : 24;
    for (size_t i = 0; i < shown; i++)
        snprintf(hex + 2 * i, 3, "%02x", version->bytes[i]);
    hex[2 * shown] = '\0';
    if (version->content_type == TLS_ALERT)
        return finding_text(text, "alert %s, bytes %s",
                            tls_alert_name(version->alert_description, name), hex);
    if (version->has_hello && version->handshake_type == TLS_SERVER_HELLO)
        return finding_text(text, "ServerHello %s %s, bytes %s",
                            tls_version_name(version->version, name),
                            tls_cipher_suite_name(version->cipher_suite, suite), hex);
    if (version->has_hello)
        return finding_text(text, "ClientHello, bytes %s", hex);
    return finding_text(text, "bytes %s", hex);
}

void injection_add_conflict(struct finding *finding, const struct conflict *conflict) {
    char first[EVIDENCE_TEXT_SIZE];
    char second[EVIDENCE_TEXT_SIZE];
    char what[EVIDENCE_TEXT_SIZE];
    finding_text(what, "bytes of the %s, also in packet %llu", side_name(conflict->sender),
                 (unsigned long long)conflict->first.mark.packet);
    finding_add(finding, what, conflict->second.mark.packet, version_text(first, &conflict->first),
                version_text(second, &conflict->second));
}

unsigned injection_odd_version(const struct handshake *handshake, const struct conflict *conflict) {
    const struct packet_mark *usual = &handshake->side[conflict->sender].first;
    if (usual->packet == 0 || usual->packet == conflict->first.mark.packet)
        return 0;
    bool is_first_odd = conflict->first.mark.hop_limit != usual->hop_limit;
    bool is_second_odd = conflict->second.mark.hop_limit != usual->hop_limit;
    if (is_first_odd == is_second_odd)
        return 0;
    return is_first_odd ? 1 : 2;
}
