/*
 * eve_lines.c - the members of each line, in the order they are printed.
 */
#include "eve_lines.h"

#include "community_id.h"
#include "eve_facts.h"

enum { EVE_GENERATOR_ID = 1, EVE_SIGNATURE_REVISION = 1 };

static void put_text(struct json *json, const char *key, const char *text) {
    json_put_key(json, key);
    json_put_text(json, text);
}

static void put_plain(struct json *json, const char *key, const char *text) {
    json_put_key(json, key);
    json_put_plain(json, text);
}

static void put_number(struct json *json, const char *key, uint64_t number) {
    json_put_key(json, key);
    json_put_number(json, number);
}

static void put_bool(struct json *json, const char *key, bool value) {
    json_put_key(json, key);
    json_put_bool(json, value);
}

static void put_stamp(struct eve_writer *writer, const char *key, uint64_t time_us) {
    char text[UTC_STAMP_SIZE];
    put_plain(&writer->json, key, utc_format_stamp(&writer->date, time_us, text));
}

static void put_address(struct json *json, const char *key, const struct endpoint *endpoint,
                        uint8_t ip_version) {
    char text[IP_ADDRESS_TEXT_SIZE];
    ip_address_format(&endpoint->address, ip_version, text);
    put_plain(json, key, text);
}

/* The packet that settled the version. */
static uint64_t deciding_packet(const struct handshake *handshake, uint64_t *time_us) {
    for (int side = SIDE_SERVER; side >= SIDE_CLIENT; side--) {
        const struct direction *direction = &handshake->side[side];
        if (direction->hello_packet != 0) {
            *time_us = direction->hello_us;
            return direction->hello_packet;
        }
    }
    *time_us = handshake->started_us;
    return handshake->started_packet;
}

static void put_vlans(struct json *json, const struct handshake *handshake) {
    if (handshake->vlan_count == 0)
        return;
    json_put_key(json, "vlan");
    json_open_array(json);
    for (size_t i = 0; i < handshake->vlan_count && i < PACKET_MAX_VLANS; i++)
        json_put_number(json, handshake->vlans[i]);
    json_close_array(json);
}

static void put_source(struct json *json, const struct source *source) {
    put_text(json, source->is_file ? "pcap_filename" : "in_iface", source->name);
}

/* What all lines of a connection begin with. */
static void begin_flow_line(struct eve_writer *writer, const char *event_type,
                            const struct verdict *verdict) {
    struct json *json = &writer->json;
    const struct handshake *handshake = verdict->handshake;
    uint64_t time_us = 0;
    uint64_t packet = deciding_packet(handshake, &time_us);
    json_reset(json);
    json_open_object(json);
    put_stamp(writer, "timestamp", time_us);
    put_number(json, "flow_id", handshake->flow_id);
    if (verdict->source->is_file)
        put_number(json, "pcap_cnt", packet);
    put_plain(json, "event_type", event_type);
    put_vlans(json, handshake);
    put_address(json, "src_ip", &handshake->client, handshake->ip_version);
    put_number(json, "src_port", handshake->client.port);
    put_address(json, "dest_ip", &handshake->server, handshake->ip_version);
    put_number(json, "dest_port", handshake->server.port);
    put_plain(json, "proto", handshake->transport == IP_PROTOCOL_UDP ? "UDP" : "TCP");
    char community_id[COMMUNITY_ID_SIZE];
    if (community_id_format(writer->sha1, handshake, community_id))
        put_plain(json, "community_id", community_id);
    eve_put_tunnel(json, handshake);
    put_source(json, verdict->source);
}

static bool has_server_hello(const struct handshake *handshake) {
    return (handshake->has & (HANDSHAKE_HAS_CHOICE | HANDSHAKE_HAS_SSLV2_CHOICE)) != 0;
}

static void put_tls(struct eve_writer *writer, const struct verdict *verdict) {
    struct json *json = &writer->json;
    const struct handshake *handshake = verdict->handshake;
    char buffer[TLS_NAME_SIZE];
    put_plain(json, "app_proto", handshake->protocol == HANDSHAKE_QUIC ? "quic" : "tls");
    json_put_key(json, "tls");
    json_open_object(json);
    if ((handshake->has & HANDSHAKE_HAS_OFFER) && !span_is_absent(handshake->offer.server_name)) {
        json_put_key(json, "sni");
        json_put_bytes(json, handshake->offer.server_name);
    }
    put_plain(json, "version",
              has_server_hello(handshake)
                  ? tls_version_name(handshake_negotiated_version(handshake), buffer)
                  : "UNDETERMINED");
    if (handshake_is_resumed(handshake))
        put_bool(json, "session_resumed", true);
    eve_put_hellos(json, writer->fingerprinter, handshake);
    json_close_object(json);
    if (verdict->application.name && verdict->application.name[0] != '\0') {
        json_put_key(json, "ndpi");
        json_open_object(json);
        put_text(json, "app", verdict->application.name);
        put_text(json, "category", verdict->application.category);
        json_close_object(json);
    }
}

static void put_version(struct json *json, const char *key, bool is_known, uint16_t version) {
    char buffer[TLS_NAME_SIZE];
    json_put_key(json, key);
    if (is_known)
        json_put_plain(json, tls_version_name(version, buffer));
    else
        json_put_null(json);
}

static void put_supported_versions(struct json *json, struct span versions) {
    if (span_is_absent(versions))
        return;
    char buffer[TLS_NAME_SIZE];
    uint16_t version = 0;
    json_put_key(json, "supported_versions");
    json_open_array(json);
    while (span_next_u16(&versions, &version))
        if (!tls_is_grease(version))
            json_put_plain(json, tls_version_name(version, buffer));
    json_close_array(json);
}

static void put_sentinel(struct json *json, enum tls_sentinel sentinel) {
    static const char *const names[] = {
        [TLS_SENTINEL_NONE] = NULL,
        [TLS_SENTINEL_TLS12] = "TLS 1.2",
        [TLS_SENTINEL_TLS11] = "TLS 1.1",
        [TLS_SENTINEL_JDK11] = "JDK 11",
    };
    json_put_key(json, "sentinel");
    if (names[sentinel])
        json_put_plain(json, names[sentinel]);
    else
        json_put_null(json);
}

static void put_offer(struct json *json, const struct handshake *handshake) {
    bool has_offer = (handshake->has & HANDSHAKE_HAS_OFFER) != 0;
    const struct client_hello *offer = &handshake->offer;
    uint16_t highest = handshake_highest_offered_version(handshake);
    put_version(json, "legacy_version", has_offer, offer->legacy_version);
    if (has_offer)
        put_supported_versions(json, offer->supported_versions);
    put_version(json, "offered_max", has_offer && highest != 0, highest);
}

static void put_choice(struct json *json, const struct handshake *handshake) {
    char buffer[TLS_NAME_SIZE];
    uint16_t group = handshake_group(handshake);
    json_put_key(json, "group");
    if (group != 0)
        json_put_plain(json, tls_group_name(group, buffer));
    else
        json_put_null(json);
    json_put_key(json, "cipher");
    if (handshake->has & HANDSHAKE_HAS_CHOICE)
        json_put_plain(json, tls_cipher_suite_name(handshake->choice.cipher_suite, buffer));
    else
        json_put_null(json);
}

static const char *domain_source_name(enum domain_source source) {
    static const char *const names[] = {
        [DOMAIN_FROM_SNI] = "sni",
        [DOMAIN_FROM_CERTIFICATE] = "certificate",
        [DOMAIN_FROM_IP] = "ip",
        [DOMAIN_FROM_ECH_OUTER] = "ech_outer",
    };
    return names[source];
}

static void put_tls_alerts(struct eve_writer *writer, const struct handshake *handshake) {
    struct json *json = &writer->json;
    char buffer[TLS_NAME_SIZE];
    json_put_key(json, "alerts");
    json_open_array(json);
    for (size_t i = 0; i < handshake->alert_count; i++) {
        const struct handshake_alert *alert = &handshake->alerts[i];
        json_open_object(json);
        put_plain(json, "level", alert->level == 1 ? "warning" : "fatal");
        put_number(json, "code", alert->description);
        put_plain(json, "description", tls_alert_name(alert->description, buffer));
        put_plain(json, "sender", alert->sender == SIDE_CLIENT ? "client" : "server");
        put_stamp(writer, "time", alert->time_us);
        json_close_object(json);
    }
    json_close_array(json);
}

/* The handshake's part of `downgrade`, which stays open. */
static void begin_downgrade(struct eve_writer *writer, const struct verdict *verdict) {
    struct json *json = &writer->json;
    const struct handshake *handshake = verdict->handshake;
    json_put_key(json, "downgrade");
    json_open_object(json);
    put_offer(json, handshake);
    put_version(json, "selected", has_server_hello(handshake),
                handshake_negotiated_version(handshake));
    put_plain(json, "limiter", limiter_name(verdict->limiter));
    put_plain(json, "outcome", handshake_outcome_name(handshake->outcome));
    put_sentinel(json, handshake_sentinel(handshake));
    put_bool(json, "scsv",
             (handshake->has & HANDSHAKE_HAS_OFFER) &&
                 client_hello_has_cipher(&handshake->offer, TLS_SCSV_FALLBACK));
    put_bool(json, "hello_retry", (handshake->has & HANDSHAKE_HAS_RETRY) != 0);
    put_choice(json, handshake);
    put_plain(json, "carrier", handshake_carrier_name(handshake));
    eve_put_facts(json, handshake);
    put_text(json, "domain", verdict->domain.name);
    put_plain(json, "domain_source", domain_source_name(verdict->domain.source));
    put_tls_alerts(writer, handshake);
}

static const char *end_line(struct eve_writer *writer, size_t *size) {
    json_close_object(&writer->json);
    return json_finish(&writer->json, size);
}

/* The kinds of what was found and, by the configuration, not raised. */
static void put_excepted(struct json *json, uint32_t rules_excepted) {
    if (rules_excepted == 0)
        return;
    json_put_key(json, "excepted");
    json_open_array(json);
    for (size_t i = 0; i < rules_count; i++)
        if (rules_excepted >> i & 1U)
            json_put_text(json, rules_all[i]->kind);
    json_close_array(json);
}

const char *eve_write_tls(struct eve_writer *writer, const struct verdict *verdict, size_t *size) {
    begin_flow_line(writer, "tls", verdict);
    put_tls(writer, verdict);
    begin_downgrade(writer, verdict);
    put_excepted(&writer->json, verdict->rules_excepted);
    json_close_object(&writer->json);
    return end_line(writer, size);
}

static void put_signature(struct json *json, const struct alert *alert) {
    const struct rule *rule = alert->rule;
    static const char *const categories[] = {
        [RULE_ATTACK] = "TLS downgrade",
        [RULE_POLICY] = "TLS policy",
        [RULE_INFO] = "TLS information",
    };
    json_put_key(json, "alert");
    json_open_object(json);
    put_plain(json, "action", "allowed");
    put_number(json, "gid", EVE_GENERATOR_ID);
    put_number(json, "signature_id", rule->signature_id);
    put_number(json, "rev", EVE_SIGNATURE_REVISION);
    put_text(json, "signature", rule->title);
    put_plain(json, "category", categories[rule->rule_class]);
    put_number(json, "severity", alert->severity);
    json_close_object(json);
}

static void put_evidence(struct json *json, const struct finding *finding) {
    json_put_key(json, "evidence");
    json_open_array(json);
    for (size_t i = 0; i < finding->evidence_count; i++) {
        const struct evidence *evidence = &finding->evidence[i];
        json_open_object(json);
        put_text(json, "what", evidence->what);
        put_text(json, "expected", evidence->expected);
        put_text(json, "observed", evidence->observed);
        json_put_key(json, "packet");
        if (evidence->packet != 0)
            json_put_number(json, evidence->packet);
        else
            json_put_null(json);
        json_close_object(json);
    }
    json_close_array(json);
}

const char *eve_write_alert(struct eve_writer *writer, const struct alert *alert, size_t *size) {
    struct json *json = &writer->json;
    begin_flow_line(writer, "alert", alert->verdict);
    put_signature(json, alert);
    put_tls(writer, alert->verdict);
    begin_downgrade(writer, alert->verdict);
    put_text(json, "id", alert->id);
    put_text(json, "incident", alert->incident);
    put_text(json, "kind", alert->rule->kind);
    put_plain(json, "class", rule_class_name(alert->rule->rule_class));
    put_plain(json, "confidence", rule_confidence_name(alert->finding->confidence));
    put_evidence(json, alert->finding);
    put_text(json, "advice", alert->rule->advice);
    put_number(json, "repeats", alert->repeats);
    if (alert->evidence_file)
        put_text(json, "evidence_file", alert->evidence_file);
    json_close_object(json);
    return end_line(writer, size);
}

static void put_counts(struct json *json, const struct run_stats *stats, bool is_file) {
    json_put_key(json, "downgrade");
    json_open_object(json);
    put_number(json, "packets_ignored", stats->packets_ignored);
    put_number(json, "packets_cut", stats->packets_cut);
    put_number(json, "flows_evicted", stats->flows_evicted);
    put_number(json, "handshakes", stats->handshakes);
    put_number(json, "dialogues", stats->dialogues);
    put_number(json, "half_seen", stats->half_seen);
    put_number(json, "inconclusive", stats->inconclusive);
    put_number(json, "hello_malformed", stats->hello_malformed);
    put_number(json, "buffers_exhausted", stats->buffers_exhausted);
    put_number(json, "fragments_dropped", stats->fragments_dropped);
    put_number(json, "alerts", stats->alerts);
    put_number(json, "alerts_folded", stats->alerts_folded);
    put_number(json, "attack_alerts", stats->attack_alerts);
    put_number(json, "alerts_excepted", stats->alerts_excepted);
    put_number(json, "evidence_files", stats->evidence_files);
    put_number(json, "evidence_lost", stats->evidence_lost);
    if (!is_file) {
        put_number(json, "packets_dropped", stats->packets_dropped);
        put_number(json, "packets_stopped", stats->packets_stopped);
        put_number(json, "bytes_stopped", stats->bytes_stopped);
        put_number(json, "interface_drops", stats->interface_drops);
        put_number(json, "interface_downs", stats->interface_downs);
        put_number(json, "records_lost", stats->records_lost);
        put_number(json, "dialogues_lost", stats->dialogues_lost);
        put_number(json, "lines_lost", stats->lines_lost);
        put_number(json, "clock_steps", stats->clock_steps);
    }
    json_close_object(json);
}

/* Suricata's figures of a capture: what the kernel took in, and what of it came no further. */
static void put_capture(struct json *json, const struct run_stats *stats) {
    json_put_key(json, "capture");
    json_open_object(json);
    put_number(json, "kernel_packets",
               stats->packets + stats->packets_dropped + stats->packets_stopped);
    put_number(json, "kernel_drops", stats->packets_dropped);
    put_number(json, "kernel_ifdrops", stats->interface_drops);
    json_close_object(json);
}

const char *eve_write_stats(struct eve_writer *writer, const struct source *source,
                            const struct run_stats *stats, size_t *size) {
    struct json *json = &writer->json;
    uint64_t span_us = stats->last_us > stats->first_us ? stats->last_us - stats->first_us : 0;
    json_reset(json);
    json_open_object(json);
    put_stamp(writer, "timestamp", stats->last_us);
    put_plain(json, "event_type", "stats");
    put_source(json, source);
    json_put_key(json, "stats");
    json_open_object(json);
    put_number(json, "uptime", span_us / 1000000);
    if (!source->is_file)
        put_capture(json, stats);
    json_put_key(json, "decoder");
    json_open_object(json);
    put_number(json, "pkts", stats->packets);
    put_number(json, "bytes", stats->bytes);
    put_number(json, "invalid", stats->packets_malformed);
    json_close_object(json);
    json_put_key(json, "flow");
    json_open_object(json);
    put_number(json, "total", stats->flows);
    json_close_object(json);
    json_close_object(json);
    put_counts(json, stats, source->is_file);
    return end_line(writer, size);
}
