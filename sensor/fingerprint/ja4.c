/*
 * ja4.c - the three parts of a JA4, one after the other.
 */
#include "ja4.h"

#include "tls_names.h"

#include <stdlib.h>

enum { HASH_DIGITS = 12, MAX_COUNT = 99, FEW = 128, TEXT_SIZE = 512 };

static const char *version_text(uint16_t version) {
    switch (version) {
    case TLS_VERSION_1_3:
        return "13";
    case TLS_VERSION_1_2:
        return "12";
    case TLS_VERSION_1_1:
        return "11";
    case TLS_VERSION_1_0:
        return "10";
    case TLS_VERSION_SSLV3:
        return "s3";
    case TLS_VERSION_SSLV2:
        return "s2";
    case DTLS_VERSION_1_3:
        return "d3";
    case DTLS_VERSION_1_2:
        return "d2";
    case DTLS_VERSION_1_0:
        return "d1";
    default:
        return "00";
    }
}

/* legacy_version when supported_versions is absent, or holds nothing but GREASE. */
static uint16_t highest_version(const struct client_hello *hello) {
    struct span list = hello->supported_versions;
    uint16_t version = 0;
    uint16_t highest = 0;
    while (span_next_u16(&list, &version))
        if (version > highest && !tls_is_grease(version))
            highest = version;
    return highest != 0 ? highest : hello->legacy_version;
}

static bool is_alphanumeric(uint8_t byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z');
}

static void write_alpn(struct span alpn, char text[2]) {
    static const char digit[] = "0123456789abcdef";
    struct reader reader = reader_of(alpn);
    struct span name = reader_vector8(&reader);
    text[0] = '0';
    text[1] = '0';
    if (name.size == 0)
        return;
    uint8_t first = name.data[0];
    uint8_t last = name.data[name.size - 1];
    bool is_text = is_alphanumeric(first) && is_alphanumeric(last);
    text[0] = is_text ? (char)first : digit[first >> 4U];
    text[1] = is_text ? (char)last : digit[last & 15U];
}

static void write_count(size_t count, char text[2]) {
    size_t shown = count < MAX_COUNT ? count : MAX_COUNT;
    text[0] = (char)('0' + shown / 10);
    text[1] = (char)('0' + shown % 10);
}

static int compare_numbers(const void *left, const void *right) {
    uint16_t a = 0;
    uint16_t b = 0;
    memcpy(&a, left, sizeof(a));
    memcpy(&b, right, sizeof(b));
    return (a > b) - (a < b);
}

/* Lists are short and nearly sorted: only a hostile hello's go the long way. */
static void sort_numbers(uint16_t *numbers, size_t count) {
    if (count > FEW) {
        qsort(numbers, count, sizeof(*numbers), compare_numbers);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        uint16_t number = numbers[i];
        size_t at = i;
        for (; at > 0 && numbers[at - 1] > number; at--)
            numbers[at] = numbers[at - 1];
        numbers[at] = number;
    }
}

/* `mark` goes before it; NUL: none does. */
static void put_number(struct digest_text *text, char mark, uint16_t number) {
    static const char digit[] = "0123456789abcdef";
    char *at = digest_text_at(text);
    if (mark != '\0')
        *at++ = mark;
    *at++ = digit[number >> 12U];
    *at++ = digit[(number >> 8U) & 15U];
    *at++ = digit[(number >> 4U) & 15U];
    *at++ = digit[number & 15U];
    digest_text_put(text, at);
}

static void put_sorted(struct digest_text *text, uint16_t *numbers, size_t count) {
    sort_numbers(numbers, count);
    for (size_t i = 0; i < count; i++)
        put_number(text, i == 0 ? '\0' : ',', numbers[i]);
}

static void write_no_hash(char *hex) {
    memset(hex, '0', HASH_DIGITS);
    hex[HASH_DIGITS] = '\0';
}

static size_t collect_suites(const struct client_hello *hello, uint16_t *numbers) {
    struct span list = hello->cipher_suites;
    uint16_t suite = 0;
    size_t count = 0;
    while (count < JA4_MAX_NUMBERS && span_next_u16(&list, &suite))
        if (!tls_is_grease(suite))
            numbers[count++] = suite;
    return count;
}

struct extension_counts {
    size_t all;    /* without GREASE */
    size_t hashed; /* of them, in the list */
    bool has_server_name;
};

static struct extension_counts collect_extensions(const struct client_hello *hello,
                                                  uint16_t *numbers) {
    struct extension_counts counts = {.all = 0};
    struct span rest = hello->extensions;
    struct tls_extension extension;
    while (counts.all < JA4_MAX_NUMBERS && tls_extension_next(&rest, &extension)) {
        if (tls_is_grease(extension.type))
            continue;
        counts.all++;
        if (extension.type == TLS_EXT_SERVER_NAME)
            counts.has_server_name = true;
        else if (extension.type != TLS_EXT_ALPN)
            numbers[counts.hashed++] = extension.type;
    }
    return counts;
}

static void put_signature_algorithms(struct digest_text *text, struct span list) {
    uint16_t algorithm = 0;
    char mark = '_';
    while (span_next_u16(&list, &algorithm)) {
        if (tls_is_grease(algorithm))
            continue;
        put_number(text, mark, algorithm);
        mark = ',';
    }
}

bool ja4_of_client(struct digest *sha256, uint16_t numbers[JA4_MAX_NUMBERS],
                   enum ja4_transport transport, const struct client_hello *hello,
                   char ja4[JA4_SIZE]) {
    enum { SUITES_AT = 11, EXTENSIONS_AT = SUITES_AT + HASH_DIGITS + 1 };
    char buffer[TEXT_SIZE];
    if (hello->is_sslv2)
        return false;
    size_t suites = collect_suites(hello, numbers);
    struct digest_text text = digest_text_begin(sha256, buffer, sizeof(buffer));
    put_sorted(&text, numbers, suites);
    if (suites == 0)
        write_no_hash(ja4 + SUITES_AT);
    else if (!digest_text_finish(&text, ja4 + SUITES_AT, HASH_DIGITS))
        return false;

    struct extension_counts extensions = collect_extensions(hello, numbers);
    text = digest_text_begin(sha256, buffer, sizeof(buffer));
    put_sorted(&text, numbers, extensions.hashed);
    put_signature_algorithms(&text, hello->signature_algorithms);
    if (extensions.hashed == 0)
        write_no_hash(ja4 + EXTENSIONS_AT);
    else if (!digest_text_finish(&text, ja4 + EXTENSIONS_AT, HASH_DIGITS))
        return false;

    ja4[0] = (char)transport;
    memcpy(ja4 + 1, version_text(highest_version(hello)), 2);
    ja4[3] = extensions.has_server_name ? 'd' : 'i';
    write_count(suites, ja4 + 4);
    write_count(extensions.all, ja4 + 6);
    write_alpn(hello->alpn, ja4 + 8);
    ja4[SUITES_AT - 1] = '_';
    ja4[EXTENSIONS_AT - 1] = '_';
    return true;
}
