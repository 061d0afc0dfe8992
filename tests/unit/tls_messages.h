/*
 * tls_messages.h - for tests and fuzz targets: messages written in hex, fed from heap blocks of
 * their exact size, and walks over everything a parser gave out.
 *
 * DEMAND stands in for assert(): it is there in every build type.
 */
#ifndef DOWNGRD_TLS_MESSAGES_H
#define DOWNGRD_TLS_MESSAGES_H

#include <stdio.h>
#include <stdlib.h>

#include "tls_handshake.h"

#define DEMAND(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum { MESSAGE_MAX = 8192 };

struct message {
    size_t size;
    uint8_t data[MESSAGE_MAX];
};

/* Appends bytes. */
static inline void message_add(struct message *message, const void *data, size_t size) {
    DEMAND(size <= MESSAGE_MAX - message->size);
    if (size != 0)
        memcpy(message->data + message->size, data, size);
    message->size += size;
}

/* Appends `count` times the same byte. */
static inline void message_fill(struct message *message, uint8_t value, size_t count) {
    DEMAND(count <= MESSAGE_MAX - message->size);
    memset(message->data + message->size, value, count);
    message->size += count;
}

static inline int hex_digit(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    DEMAND(digit >= 'a' && digit <= 'f');
    return digit - 'a' + 10;
}

/* Appends bytes written in lower-case hex; blanks between bytes are for the reader. */
static inline void message_hex(struct message *message, const char *hex) {
    for (const char *at = hex; *at != '\0';) {
        if (*at == ' ') {
            at++;
            continue;
        }
        DEMAND(at[1] != '\0');
        uint8_t value = (uint8_t)(hex_digit(at[0]) * 16 + hex_digit(at[1]));
        message_add(message, &value, 1);
        at += 2;
    }
}

/* Opens a vector with a length of `width` bytes; message_close() writes the length. */
static inline size_t message_open(struct message *message, size_t width) {
    message_fill(message, 0, width);
    return message->size;
}

static inline void message_close(struct message *message, size_t start, size_t width) {
    size_t length = message->size - start;
    for (size_t i = 1; i <= width; i++, length >>= 8U)
        message->data[start - i] = (uint8_t)length;
}

/* A heap block of exactly that size; the caller frees data. */
static inline struct span exact_copy(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size != 0 ? size : 1);
    DEMAND(copy != NULL);
    if (size != 0)
        memcpy(copy, data, size);
    else
        *copy = 0;
    return span_of(copy, size);
}

static inline void exact_free(struct span copy) {
    void *block = NULL; /* a span is read-only, and a cast would only hide that this is not */
    memcpy(&block, &copy.data, sizeof(block));
    free(block);
}

/*
 * Feeds every prefix of a message, and the message with every byte changed in five ways (so every
 * length byte among them), each from a block of its exact size.
 */
static inline void message_feed_damaged(const struct message *message, void (*feed)(struct span)) {
    for (size_t size = 0; size <= message->size; size++) {
        struct span copy = exact_copy(message->data, size);
        feed(copy);
        exact_free(copy);
    }
    for (size_t at = 0; at < message->size; at++) {
        uint8_t good = message->data[at];
        const uint8_t values[] = {0x00, 0xff, (uint8_t)(good + 1), (uint8_t)(good - 1),
                                  (uint8_t)(good ^ 0x80U)};
        for (size_t i = 0; i < sizeof(values); i++) {
            struct message changed = *message;
            changed.data[at] = values[i];
            struct span copy = exact_copy(changed.data, changed.size);
            feed(copy);
            exact_free(copy);
        }
    }
}

/* Reads every byte of a span that must be absent or lie inside `whole`. */
static inline void span_walk(struct span span, struct span whole) {
    static volatile unsigned kept;
    unsigned sum = 0;
    if (span_is_absent(span)) {
        DEMAND(span.size == 0);
        return;
    }
    DEMAND(span.data >= whole.data && span.size <= whole.size);
    DEMAND((size_t)(span.data - whole.data) <= whole.size - span.size);
    for (size_t i = 0; i < span.size; i++)
        sum += span.data[i];
    kept = kept + sum;
}

/* Walks a block that a hello gave out, which must hold whole extensions only. */
static inline void extensions_walk(struct span extensions, struct span whole) {
    struct span block = extensions;
    struct tls_extension extension;
    span_walk(extensions, whole);
    while (tls_extension_next(&extensions, &extension)) {
        struct tls_extension first;
        span_walk(extension.data, whole);
        DEMAND(tls_extension_find(block, extension.type, &first) && first.type == extension.type);
    }
    DEMAND(extensions.size == 0);
}

/* Walks all that a ClientHello holds and checks what tls_handshake.h promises about it. */
static inline void client_hello_walk(const struct client_hello *hello, struct span whole) {
    const struct span spans[] = {
        hello->random,
        hello->session_id,
        hello->cookie,
        hello->cipher_suites,
        hello->server_name,
        hello->compression_methods,
        hello->supported_groups,
        hello->supported_versions,
        hello->key_share,
        hello->signature_algorithms,
        hello->alpn,
        hello->psk_key_exchange_modes,
        hello->ec_point_formats,
        hello->pre_shared_key,
        hello->session_ticket,
        hello->early_data,
        hello->extensions,
        hello->encrypted_client_hello,
        hello->encrypted_server_name,
    };
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
        span_walk(spans[i], whole);
    DEMAND(hello->session_id.size <= 32);
    DEMAND(hello->supported_versions.size % 2 == 0 && hello->supported_groups.size % 2 == 0);
    DEMAND(hello->signature_algorithms.size % 2 == 0);
    extensions_walk(hello->extensions, whole);
    struct span list = hello->cipher_suites;
    uint32_t cipher = 0;
    while (client_hello_next_cipher(hello, &list, &cipher))
        DEMAND(cipher > UINT16_MAX || client_hello_has_cipher(hello, (uint16_t)cipher));
    DEMAND(list.size < (hello->is_sslv2 ? 3U : 2U));
    struct span shares = hello->key_share;
    struct span key;
    uint16_t group = 0;
    while (client_hello_next_key_share(&shares, &group, &key)) {
        span_walk(key, whole);
        DEMAND(client_hello_has_key_share(hello, group));
    }
    DEMAND(shares.size == 0);
}

/* The same for a ServerHello. */
static inline void server_hello_walk(const struct server_hello *hello, struct span whole) {
    span_walk(hello->random, whole);
    span_walk(hello->session_id, whole);
    span_walk(hello->cookie, whole);
    span_walk(hello->alpn, whole);
    extensions_walk(hello->extensions, whole);
    DEMAND(hello->session_id.size <= 32);
    DEMAND(!hello->is_draft_layout || span_is_absent(hello->session_id));
    (void)tls_sentinel_of(hello->random);
}

#endif
