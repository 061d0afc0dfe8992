/*
 * eve_facts.c - what some handshakes have and most have not (eve_facts.h).
 */
#include "eve_facts.h"

#include "fingerprint.h"
#include "handshake_ech.h"

enum { PROTOCOL_TEXT_SIZE = 16 };

static void put_plain(struct json *json, const char *key, const char *text) {
    json_put_key(json, key);
    json_put_plain(json, text);
}

static void put_number(struct json *json, const char *key, uint64_t number) {
    json_put_key(json, key);
    json_put_number(json, number);
}

/* ---- tunnels ---- */

static size_t tunnel_count(const struct handshake *handshake) {
    return handshake->tunnel_count < PACKET_MAX_TUNNELS ? handshake->tunnel_count
                                                        : PACKET_MAX_TUNNELS;
}

/* The IP protocol of the outer packet, by IANA's name. */
static const char *tunnel_protocol(const struct handshake *handshake, size_t at) {
    const struct packet_tunnel *tunnel = &handshake->tunnels[at];
    if (tunnel->type == TUNNEL_GRE || tunnel->type == TUNNEL_ERSPAN)
        return "GRE";
    if (tunnel->type != TUNNEL_IPIP)
        return "UDP";
    uint8_t inner = at + 1 < tunnel_count(handshake) ? handshake->tunnels[at + 1].ip_version
                                                     : handshake->ip_version;
    return inner == 6 ? "IPv6" : "IPv4";
}

static void put_tunnel_address(struct json *json, const char *key, const struct ip_address *address,
                               uint8_t ip_version) {
    char text[IP_ADDRESS_TEXT_SIZE];
    ip_address_format(address, ip_version, text);
    put_plain(json, key, text);
}

void eve_put_tunnel(struct json *json, const struct handshake *handshake) {
    size_t first = 0;
    size_t depth = 0;
    for (size_t i = tunnel_count(handshake); i > 0; i--) {
        if (handshake->tunnels[i - 1].ip_version == 0)
            continue;
        first = i - 1;
        depth++;
    }
    if (depth == 0)
        return;
    const struct packet_tunnel *tunnel = &handshake->tunnels[first];
    bool has_ports = tunnel->source_port != 0 || tunnel->destination_port != 0;
    json_put_key(json, "tunnel");
    json_open_object(json);
    put_tunnel_address(json, "src_ip", &tunnel->source, tunnel->ip_version);
    if (has_ports)
        put_number(json, "src_port", tunnel->source_port);
    put_tunnel_address(json, "dest_ip", &tunnel->destination, tunnel->ip_version);
    if (has_ports)
        put_number(json, "dest_port", tunnel->destination_port);
    put_plain(json, "proto", tunnel_protocol(handshake, first));
    put_number(json, "depth", depth);
    json_close_object(json);
}

static void put_tunnels(struct json *json, const struct handshake *handshake) {
    if (handshake->tunnel_count == 0)
        return;
    json_put_key(json, "tunnels");
    json_open_array(json);
    for (size_t i = 0; i < tunnel_count(handshake); i++)
        json_put_plain(json, tunnel_type_name((enum tunnel_type)handshake->tunnels[i].type));
    json_close_array(json);
}

/* ---- hellos ---- */

static void put_alpns(struct json *json, const struct handshake *handshake) {
    struct span list = handshake->offer.alpn;
    if ((handshake->has & HANDSHAKE_HAS_OFFER) && !span_is_absent(list)) {
        struct reader reader = reader_of(list);
        json_put_key(json, "client_alpns");
        json_open_array(json);
        while (reader_ok(&reader) && reader_left(&reader) != 0)
            json_put_bytes(json, reader_vector8(&reader));
        json_close_array(json);
    }
    if ((handshake->has & HANDSHAKE_HAS_CHOICE) && !span_is_absent(handshake->choice.alpn)) {
        json_put_key(json, "server_alpns");
        json_open_array(json);
        json_put_bytes(json, handshake->choice.alpn);
        json_close_array(json);
    }
}

static void put_ja3(struct json *json, const char *key, const struct ja3 *ja3) {
    json_put_key(json, key);
    json_open_object(json);
    put_plain(json, "hash", ja3->hash);
    if (ja3->text_size != 0) {
        json_put_key(json, "string");
        json_put_plain_of(json, ja3->text, ja3->text_size);
    }
    json_close_object(json);
}

void eve_put_hellos(struct json *json, struct fingerprinter *fingerprinter,
                    const struct handshake *handshake) {
    put_alpns(json, handshake);
    if (!fingerprinter)
        return;
    struct fingerprints fingerprints;
    fingerprints_of(fingerprinter, handshake, &fingerprints);
    if (fingerprints.has_ja3)
        put_ja3(json, "ja3", &fingerprints.ja3);
    if (fingerprints.has_ja3s)
        put_ja3(json, "ja3s", &fingerprints.ja3s);
    if (fingerprints.has_ja4)
        put_plain(json, "ja4", fingerprints.ja4);
}

/* ---- the dialogue before TLS ---- */

static void put_passed(struct json *json, uint32_t passed) {
    if (passed == 0)
        return;
    json_put_key(json, "passed");
    json_open_array(json);
    for (unsigned i = 0; i < DIALOGUE_PROTOCOL_COUNT; i++)
        if (passed >> i & 1U)
            json_put_plain(json, dialogue_protocol_name((enum dialogue_protocol)i));
    json_close_array(json);
}

/* Its texts are printable ASCII, but may hold quotes. */
static void put_dialogue(struct json *json, const struct handshake *handshake) {
    static const char *const facts[DIALOGUE_FACT_COUNT] = {
        [DIALOGUE_GREETED] = "greeted",
        [DIALOGUE_ADVERTISED] = "advertised",
        [DIALOGUE_NOT_ADVERTISED] = "not_advertised",
        [DIALOGUE_GARBLED] = "garbled",
        [DIALOGUE_ASKED] = "asked",
        [DIALOGUE_GRANTED] = "granted",
        [DIALOGUE_REFUSED] = "refused",
        [DIALOGUE_EARLY_BYTES] = "early_bytes",
        [DIALOGUE_LOGIN] = "login",
    };
    const struct dialogue *dialogue = &handshake->dialogue;
    if (!(handshake->has & HANDSHAKE_HAS_DIALOGUE))
        return;
    json_put_key(json, "dialogue");
    json_open_object(json);
    if (dialogue->protocol != DIALOGUE_NONE)
        put_plain(json, "protocol", dialogue_protocol_name(dialogue->protocol));
    put_passed(json, dialogue->passed);
    for (unsigned i = 0; i < DIALOGUE_FACT_COUNT; i++)
        if (dialogue_has(dialogue, (enum dialogue_fact)i))
            put_number(json, facts[i], dialogue->packet[i]);
    if (dialogue->garbled[0] != '\0') {
        json_put_key(json, "garbled_text");
        json_put_text(json, dialogue->garbled);
    }
    if (dialogue->answer[0] != '\0') {
        json_put_key(json, "answer");
        json_put_text(json, dialogue->answer);
    }
    json_close_object(json);
}

/* ---- QUIC ---- */

/* "v1", "v2", "draft-29", else the number. */
static const char *quic_version_text(uint32_t version, char text[PROTOCOL_TEXT_SIZE]) {
    enum { DRAFT_MASK = 0xff };
    static const char digit[] = "0123456789abcdef";
    uint32_t draft = version & DRAFT_MASK;
    if (version == QUIC_VERSION_1)
        return "v1";
    if (version == QUIC_VERSION_2)
        return "v2";
    if ((version & ~(uint32_t)DRAFT_MASK) == 0xff000000U && draft != 0 && draft < 100) {
        memcpy(text, "draft-", 6);
        char *at = text + 6;
        if (draft >= 10)
            *at++ = digit[draft / 10];
        *at++ = digit[draft % 10];
        *at = '\0';
        return text;
    }
    memcpy(text, "0x", 2);
    for (unsigned i = 0; i < 8; i++)
        text[2 + i] = digit[version >> (28U - 4U * i) & 15U];
    text[10] = '\0';
    return text;
}

static void put_quic_version(struct json *json, const char *key, uint32_t version) {
    char text[PROTOCOL_TEXT_SIZE];
    put_plain(json, key, quic_version_text(version, text));
}

static void put_offered_versions(struct json *json, struct span versions) {
    char text[PROTOCOL_TEXT_SIZE];
    struct reader reader = reader_of(versions);
    json_put_key(json, "offered_versions");
    json_open_array(json);
    while (reader_left(&reader) >= 4)
        json_put_plain(json, quic_version_text(reader_u32(&reader), text));
    json_close_array(json);
}

static void put_quic(struct json *json, const struct handshake *handshake) {
    const struct quic_facts *quic = &handshake->quic;
    if (handshake->protocol != HANDSHAKE_QUIC)
        return;
    uint32_t version = quic->version != 0 ? quic->version : quic->server_version;
    json_put_key(json, "quic");
    json_open_object(json);
    put_quic_version(json, "version", version);
    if (quic->first_version != 0 && quic->first_version != version)
        put_quic_version(json, "client_version", quic->first_version);
    if (quic->server_version != 0 && quic->server_version != version)
        put_quic_version(json, "server_version", quic->server_version);
    json_put_key(json, "version_negotiation");
    json_put_bool(json, quic->version_negotiation_packet != 0);
    if (!span_is_absent(quic->offered_versions))
        put_offered_versions(json, quic->offered_versions);
    json_put_key(json, "retry");
    json_put_bool(json, quic->retry_packet != 0);
    json_close_object(json);
}

/* ---- Encrypted ClientHello, and what is broken ---- */

static void put_malformed(struct json *json, uint32_t malformed) {
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {
        {MALFORMED_CLIENT_HELLO, "client_hello"}, {MALFORMED_SERVER_HELLO, "server_hello"},
        {MALFORMED_KEY_EXCHANGE, "key_exchange"}, {MALFORMED_RECORD, "record"},
        {MALFORMED_FRAGMENT, "fragment"},
    };
    if (malformed == 0)
        return;
    json_put_key(json, "malformed");
    json_open_array(json);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (malformed & names[i].bit)
            json_put_plain(json, names[i].name);
    json_close_array(json);
}

void eve_put_facts(struct json *json, const struct handshake *handshake) {
    put_tunnels(json, handshake);
    put_dialogue(json, handshake);
    put_quic(json, handshake);
    enum handshake_ech ech = handshake_ech(handshake);
    if (ech != HANDSHAKE_ECH_NONE)
        put_plain(json, "ech", handshake_ech_name(ech));
    if (handshake->has & HANDSHAKE_HAS_RENEGOTIATION) {
        json_put_key(json, "renegotiation");
        json_put_bool(json, true);
    }
    put_malformed(json, handshake->malformed);
}
