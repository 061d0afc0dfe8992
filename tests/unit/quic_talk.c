#include "quic_talk.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tls_messages.h"

enum { SECRET_SIZE = 32, KEY_SIZE = 16, IV_SIZE = 12, TAG_SIZE = 16, SAMPLE_AT = 4, MARGIN = 64 };

/* ---- protection ---- */

static void hkdf(int mode, struct span key, struct span salt_or_info, uint8_t *out, size_t size) {
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    uint8_t copies[2][128];
    memcpy(copies[0], key.data, key.size);
    memcpy(copies[1], salt_or_info.data, salt_or_info.size);
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, copies[0], key.size),
        OSSL_PARAM_construct_octet_string(
            mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY ? OSSL_KDF_PARAM_SALT : OSSL_KDF_PARAM_INFO,
            copies[1], salt_or_info.size),
        OSSL_PARAM_construct_end(),
    };
    DEMAND(EVP_KDF_derive(context, out, size, parameters) == 1);
    EVP_KDF_CTX_free(context);
    EVP_KDF_free(kdf);
}

static void expand_label(const uint8_t secret[SECRET_SIZE], const char *label, uint8_t *out,
                         size_t size) {
    uint8_t info[64] = {0, (uint8_t)size, (uint8_t)(strlen(label) + 6)};
    int used = snprintf((char *)info + 3, sizeof info - 3, "tls13 %s", label);
    hkdf(EVP_KDF_HKDF_MODE_EXPAND_ONLY, span_of(secret, SECRET_SIZE),
         span_of(info, 3 + (size_t)used + 1), out, size);
}

static struct span salt_of(uint32_t version) {
    static const char *const salts[QUIC_DIALECT_COUNT] = {
        [QUIC_DRAFT_22] = "\x7f\xbc\xdb\x0e\x7c\x66\xbb\xe9\x19\x3a\x96\xcd\x21\x51\x9e\xbd\x7a\x02"
                          "\x64\x4a",
        [QUIC_DRAFT_23] = "\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9"
                          "\xf5\x02",
        [QUIC_DRAFT_29] = "\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90"
                          "\xa8\x99",
        [QUIC_RFC_9000] = "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb"
                          "\x7f\x0a",
        [QUIC_RFC_9369] = "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd"
                          "\x2e\xd9",
    };
    const char *salt = salts[quic_dialect_of(version)];
    DEMAND(salt != NULL);
    return span_of(salt, 20);
}

struct protection {
    uint32_t version;
    enum handshake_side from;
    const char *id;
    uint8_t key[KEY_SIZE];
    uint8_t iv[IV_SIZE];
    uint8_t header_key[KEY_SIZE];
};

static void make_protection(const struct initial_plan *plan, struct protection *keys) {
    uint8_t initial[SECRET_SIZE];
    uint8_t secret[SECRET_SIZE];
    bool is_v2 = plan->version == QUIC_VERSION_2;
    hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, span_of(plan->keys, strlen(plan->keys)),
         salt_of(plan->version), initial, sizeof initial);
    expand_label(initial, plan->from == SIDE_CLIENT ? "client in" : "server in", secret,
                 sizeof secret);
    expand_label(secret, is_v2 ? "quicv2 key" : "quic key", keys->key, sizeof keys->key);
    expand_label(secret, is_v2 ? "quicv2 iv" : "quic iv", keys->iv, sizeof keys->iv);
    expand_label(secret, is_v2 ? "quicv2 hp" : "quic hp", keys->header_key,
                 sizeof keys->header_key);
    keys->version = plan->version;
    keys->from = plan->from;
    keys->id = plan->keys;
}

/* Made once each: the library takes its time, and a fuzzer has none. */
static const struct protection *find_protection(const struct initial_plan *plan) {
    enum { KEPT = 64 };
    static struct protection kept[KEPT];
    static size_t made;
    for (size_t i = 0; i < KEPT && i < made; i++)
        if (kept[i].version == plan->version && kept[i].from == plan->from &&
            strcmp(kept[i].id, plan->keys) == 0)
            return &kept[i];
    struct protection *keys = &kept[made++ % KEPT];
    make_protection(plan, keys);
    return keys;
}

/* Seals `payload` in place; the tag goes behind it. */
static void seal(const struct protection *keys, uint64_t number, struct span header,
                 uint8_t *payload, size_t size) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t nonce[IV_SIZE];
    int done = 0;
    memcpy(nonce, keys->iv, sizeof nonce);
    for (size_t i = 0; i < sizeof number; i++)
        nonce[IV_SIZE - 1 - i] ^= (uint8_t)(number >> (8U * i));
    DEMAND(EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, keys->key, nonce) == 1);
    DEMAND(EVP_EncryptUpdate(context, NULL, &done, header.data, (int)header.size) == 1);
    DEMAND(EVP_EncryptUpdate(context, payload, &done, payload, (int)size) == 1);
    DEMAND(EVP_EncryptFinal_ex(context, payload + size, &done) == 1);
    DEMAND(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, payload + size) == 1);
    EVP_CIPHER_CTX_free(context);
}

static void mask_header(const struct protection *keys, uint8_t *first, uint8_t *number,
                        size_t number_size) {
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t mask[2 * KEY_SIZE];
    int done = 0;
    DEMAND(EVP_EncryptInit_ex(context, EVP_aes_128_ecb(), NULL, keys->header_key, NULL) == 1);
    DEMAND(EVP_EncryptUpdate(context, mask, &done, number + SAMPLE_AT, KEY_SIZE) == 1);
    EVP_CIPHER_CTX_free(context);
    *first ^= mask[0] & 0x0fU;
    for (size_t i = 0; i < number_size; i++)
        number[i] ^= mask[i + 1];
}

/* ---- packets ---- */

void bytes_varint(struct bytes *bytes, uint64_t value) {
    static const uint32_t marks[] = {0x00000000, 0x00004000, 0x80000000, 0xc0000000};
    static const size_t widths[] = {1, 2, 4, 8};
    size_t i = value < 64 ? 0 : value < 16384 ? 1 : value < 1U << 30U ? 2 : 3;
    if (widths[i] == 8) {
        bytes_number(bytes, (uint32_t)(value >> 32U) | marks[i], 4);
        bytes_number(bytes, (uint32_t)value, 4);
    } else {
        bytes_number(bytes, (uint32_t)value | marks[i], widths[i]);
    }
}

static void add_id(struct bytes *datagram, const char *id) {
    size_t size = id ? strlen(id) : 0;
    bytes_number(datagram, (uint32_t)size, 1);
    bytes_add(datagram, id, size);
}

/* `type` as version 1 numbers them. */
static void add_long(struct bytes *datagram, unsigned type, uint32_t version, const char *to,
                     const char *as, unsigned low_bits) {
    bool is_v2 = version == QUIC_VERSION_2;
    unsigned bits = is_v2 ? (type + 1) % 4 : type;
    bytes_number(datagram, 0xc0U | bits << 4U | low_bits, 1);
    bytes_number(datagram, version, 4);
    add_id(datagram, to);
    add_id(datagram, as);
}

void wire_initial(struct bytes *datagram, struct initial_plan plan, const struct bytes *frames) {
    size_t start = datagram->size;
    size_t number_size = plan.number_size ? plan.number_size : 1;
    if (plan.version == 0)
        plan.version = QUIC_VERSION_1;
    const struct protection *keys = find_protection(&plan);
    add_long(datagram, 0, plan.version, plan.to, plan.as, (unsigned)number_size - 1);
    bytes_varint(datagram, plan.token ? strlen(plan.token) : 0);
    bytes_add(datagram, plan.token, plan.token ? strlen(plan.token) : 0);
    size_t most = (frames ? frames->size : 0) + plan.pad_to + MARGIN;
    size_t width = most < 1U << 14U ? 2 : 4;
    size_t length = bytes_open(datagram, width);
    for (size_t i = number_size; i > 0; i--)
        bytes_number(datagram, (uint8_t)(plan.number >> (8U * (i - 1))), 1);
    size_t payload = datagram->size;
    if (frames)
        bytes_add(datagram, frames->data, frames->size);
    size_t least = payload + 4 - number_size; /* for the sample of header protection */
    if (plan.pad_to > TAG_SIZE && plan.pad_to - TAG_SIZE > least)
        least = plan.pad_to - TAG_SIZE;
    if (datagram->size < least)
        bytes_fill(datagram, 0, least - datagram->size);
    size_t size = datagram->size - payload;
    bytes_fill(datagram, 0, TAG_SIZE);
    bytes_close(datagram, length, width);
    datagram->data[length - width] |= width == 2 ? 0x40U : 0x80U;
    seal(keys, plan.number, span_of(datagram->data + start, payload - start),
         datagram->data + payload, size);
    mask_header(keys, datagram->data + start, datagram->data + length, number_size);
}

static void add_sealed(struct bytes *datagram, unsigned type, uint32_t version, const char *to,
                       const char *as, size_t size) {
    add_long(datagram, type, version ? version : QUIC_VERSION_1, to, as, 0);
    bytes_varint(datagram, size);
    bytes_fill(datagram, 0xd5, size);
}

void wire_handshake(struct bytes *datagram, uint32_t version, const char *to, const char *as,
                    size_t size) {
    add_sealed(datagram, 2, version, to, as, size);
}

void wire_zero_rtt(struct bytes *datagram, uint32_t version, const char *to, const char *as,
                   size_t size) {
    add_sealed(datagram, 1, version, to, as, size);
}

void wire_one_rtt(struct bytes *datagram, const char *to, size_t size) {
    bytes_number(datagram, 0x4c, 1);
    bytes_add(datagram, to, to ? strlen(to) : 0);
    bytes_fill(datagram, 0xd5, size);
}

void wire_retry(struct bytes *datagram, uint32_t version, const char *to, const char *as) {
    add_long(datagram, 3, version ? version : QUIC_VERSION_1, to, as, 0);
    bytes_add(datagram, "token of a retry", 16);
    bytes_fill(datagram, 0x7a, TAG_SIZE);
}

void wire_versions(struct bytes *datagram, const char *to, const char *as,
                   const uint32_t *versions) {
    bytes_number(datagram, 0x80, 1);
    bytes_number(datagram, 0, 4);
    add_id(datagram, to);
    add_id(datagram, as);
    for (; *versions; versions++)
        bytes_number(datagram, *versions, 4);
}

void wire_unknown(struct bytes *datagram, uint32_t version, const char *to, const char *as,
                  size_t size) {
    add_long(datagram, 0, version, to, as, 0);
    if (datagram->size < size)
        bytes_fill(datagram, 0xa5, size - datagram->size);
}

void frame_crypto(struct bytes *frames, uint64_t offset, const void *data, size_t size) {
    bytes_number(frames, QUIC_CRYPTO, 1);
    bytes_varint(frames, offset);
    bytes_varint(frames, size);
    bytes_add(frames, data, size);
}

void frame_ack(struct bytes *frames) {
    bytes_add(frames, "\x02\x00\x00\x00\x00", 5);
}

void frame_close(struct bytes *frames, uint64_t error) {
    bytes_number(frames, QUIC_CONNECTION_CLOSE, 1);
    bytes_varint(frames, error);
    bytes_varint(frames, 6);
    bytes_varint(frames, 3);
    bytes_add(frames, "bad", 3);
}

/* ---- playing ---- */

__attribute__((format(printf, 3, 4))) static void line_add(char *line, size_t *used,
                                                           const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line + *used, LINE_SIZE - *used, format, arguments);
    va_end(arguments);
    DEMAND(size >= 0 && (size_t)size < LINE_SIZE - *used);
    *used += (size_t)size;
}

static void tell_offer(char *line, size_t *used, const char *what,
                       const struct client_hello *hello) {
    line_add(line, used, " %s{%.*s %zu}", what, (int)hello->server_name.size,
             hello->server_name.size ? (const char *)hello->server_name.data : "",
             hello->extensions.size);
}

static void tell_quic(char *line, size_t *used, const struct quic_facts *facts) {
    line_add(line, used, " versions{%x %x %x", facts->first_version, facts->version,
             facts->server_version);
    struct reader reader = reader_of(facts->offered_versions);
    if (facts->version_negotiation_packet)
        line_add(line, used, " refused");
    while (reader_left(&reader) >= 4)
        line_add(line, used, " %x", reader_u32(&reader));
    line_add(line, used, "}%s", facts->retry_packet ? " moved" : "");
}

static void tell(char *line, const struct handshake *record) {
    size_t used = 0;
    line_add(line, &used, "%u %s missed:%02x malformed:%02x", record->client.port,
             handshake_outcome_name(record->outcome), record->missed, record->malformed);
    if (record->has & HANDSHAKE_HAS_OFFER)
        tell_offer(line, &used, "offer", &record->offer);
    if (record->has & HANDSHAKE_HAS_RETRY)
        line_add(line, &used, " retry{%u}", record->retry.key_share_group);
    if (record->has & HANDSHAKE_HAS_SECOND_OFFER)
        tell_offer(line, &used, "second", &record->second_offer);
    if (record->has & HANDSHAKE_HAS_CHOICE)
        line_add(line, &used, " choice{%04x %04x}", record->choice.selected_version,
                 record->choice.cipher_suite);
    if (record->has & HANDSHAKE_HAS_RENEGOTIATION)
        line_add(line, &used, " renegotiation");
    for (size_t i = 0; i < record->alert_count; i++)
        line_add(line, &used, " alert{%c %u %u}",
                 record->alerts[i].sender == SIDE_CLIENT ? 'c' : 's', record->alerts[i].level,
                 record->alerts[i].description);
    tell_quic(line, &used, &record->quic);
}

static void quic_tape_take(void *context, const struct handshake *record) {
    struct quic_tape *tape = (struct quic_tape *)context;
    DEMAND(tape->count < LINES_MAX);
    DEMAND(record->protocol == HANDSHAKE_QUIC && record->transport == IP_PROTOCOL_UDP);
    DEMAND(record->carrier == CARRIER_DIRECT);
    DEMAND(record->started_us <= record->ended_us);
    DEMAND(record->started_packet <= record->ended_packet);
    DEMAND((record->malformed != 0) == (record->malformed_packet != 0));
    tell(tape->lines[tape->count++], record);
    tape->last = *record;
}

void quic_tape_open(struct quic_tape *tape, const struct flow_config *config) {
    struct flow_config small;
    flow_default_config(&small);
    small.flows = 64;
    small.handshakes = 16;
    small.small_buffers = 96;
    small.medium_buffers = 16;
    small.large_buffers = 4;
    small.windows = 8;
    small.windows = 32;
    memset(tape, 0, sizeof *tape);
    tape->now_us = UINT64_C(1700000000) * SECOND;
    tape->client_port = CLIENT_PORT;
    tape->table = flow_table_new(config ? config : &small, quic_tape_take, tape);
    DEMAND(tape->table != NULL);
}

void quic_tape_close(struct quic_tape *tape) {
    flow_table_delete(tape->table);
    tape->table = NULL;
}

void quic_tape_send(struct quic_tape *tape, enum handshake_side from, const struct bytes *datagram,
                    size_t cut) {
    static const struct ip_address client = {{192, 0, 2, 1}};
    static const struct ip_address server = {{198, 51, 100, 1}};
    bool from_client = from == SIDE_CLIENT;
    /* A block of its exact size, gone after the call: reads past it and kept pointers are seen. */
    struct span payload = exact_copy(datagram->data, datagram->size - cut);
    struct packet packet = {.ip_version = 4,
                            .protocol = IP_PROTOCOL_UDP,
                            .hop_limit = 64,
                            .source = from_client ? client : server,
                            .destination = from_client ? server : client,
                            .source_port = from_client ? tape->client_port : SERVER_PORT,
                            .destination_port = from_client ? SERVER_PORT : tape->client_port,
                            .payload = payload,
                            .payload_size_wire = datagram->size};
    tape->now_us += MILLISECOND;
    flow_table_packet(tape->table, &packet, tape->now_us, ++tape->number);
    exact_free(payload);
}

void quic_tape_wait(struct quic_tape *tape, uint64_t us) {
    tape->now_us += us;
}

void quic_tape_end(struct quic_tape *tape) {
    flow_table_end(tape->table);
}
