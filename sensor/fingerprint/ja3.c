/*
 * ja3.c - the texts of JA3 and JA3S, hashed while they are written.
 */
#include "ja3.h"

#include "tls_names.h"

enum { HASH_DIGITS = JA3_HASH_SIZE - 1 };

/* In decimal; returns the end. */
static char *write_number(char *at, unsigned number) {
    unsigned scale = number < 10 ? 1 : number < 100 ? 10 : number < 1000 ? 100 : 1000;
    if (number >= 10000)
        scale = 10000;
    for (; scale != 0; scale /= 10)
        *at++ = (char)('0' + number / scale % 10);
    return at;
}

/* `mark` goes before it. */
static void put_number(struct digest_text *text, char mark, uint16_t number) {
    char *at = digest_text_at(text);
    *at++ = mark;
    digest_text_put(text, write_number(at, number));
}

static void put_mark(struct digest_text *text, char mark) {
    char *at = digest_text_at(text);
    *at++ = mark;
    digest_text_put(text, at);
}

static void put_version(struct digest_text *text, uint16_t version) {
    digest_text_put(text, write_number(digest_text_at(text), version));
}

/* A field that is a list; *count is of the numbers in it so far. */
static void put_member(struct digest_text *text, size_t *count, uint16_t number) {
    put_number(text, (*count)++ == 0 ? ',' : '-', number);
}

static void end_list(struct digest_text *text, size_t count) {
    if (count == 0)
        put_mark(text, ',');
}

static void put_list(struct digest_text *text, struct span list) {
    size_t count = 0;
    uint16_t number = 0;
    while (span_next_u16(&list, &number))
        if (!tls_is_grease(number))
            put_member(text, &count, number);
    end_list(text, count);
}

static void put_extensions(struct digest_text *text, struct span extensions) {
    size_t count = 0;
    struct tls_extension extension;
    while (tls_extension_next(&extensions, &extension))
        if (!tls_is_grease(extension.type))
            put_member(text, &count, extension.type);
    end_list(text, count);
}

static void put_bytes(struct digest_text *text, struct span bytes) {
    size_t count = 0;
    struct reader reader = reader_of(bytes);
    while (reader_left(&reader) != 0)
        put_member(text, &count, reader_u8(&reader));
    end_list(text, count);
}

static bool finish(struct digest_text *text, struct ja3 *ja3) {
    bool is_whole = !text->has_begun;
    ja3->text_size = is_whole ? text->used : 0;
    return digest_text_finish(text, ja3->hash, HASH_DIGITS);
}

bool ja3_of_client(struct digest *md5, const struct client_hello *hello, struct ja3 *ja3) {
    if (hello->is_sslv2)
        return false;
    struct digest_text text = digest_text_begin(md5, ja3->text, sizeof(ja3->text));
    put_version(&text, hello->legacy_version);
    put_list(&text, hello->cipher_suites);
    put_extensions(&text, hello->extensions);
    put_list(&text, hello->supported_groups);
    put_bytes(&text, hello->ec_point_formats);
    return finish(&text, ja3);
}

bool ja3_of_server(struct digest *md5, const struct server_hello *hello, struct ja3 *ja3s) {
    struct digest_text text = digest_text_begin(md5, ja3s->text, sizeof(ja3s->text));
    put_version(&text, hello->legacy_version);
    put_number(&text, ',', hello->cipher_suite);
    put_extensions(&text, hello->extensions);
    return finish(&text, ja3s);
}
