/*
 * digest.c - libcrypto's digests, fetched once: looking one up by name costs more than hashing a
 * hello's text with it.
 */
#include "digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct digest {
    EVP_MD *algorithm;
    EVP_MD_CTX *context;
};

struct digest *digest_new(const char *name) {
    struct digest *digest = calloc(1, sizeof(*digest));
    if (!digest)
        return NULL;
    digest->algorithm = EVP_MD_fetch(NULL, name, NULL);
    digest->context = EVP_MD_CTX_new();
    if (!digest->algorithm || !digest->context) {
        digest_delete(digest);
        return NULL;
    }
    return digest;
}

void digest_delete(struct digest *digest) {
    if (!digest)
        return;
    EVP_MD_CTX_free(digest->context);
    EVP_MD_free(digest->algorithm);
    free(digest);
}

size_t digest_of(struct digest *digest, const void *bytes, size_t size, uint8_t hash[DIGEST_MAX]) {
    static_assert((int)DIGEST_MAX >= EVP_MAX_MD_SIZE, "any of them fits");
    unsigned hash_size = 0;
    bool is_done = EVP_DigestInit_ex2(digest->context, digest->algorithm, NULL) == 1 &&
                   EVP_DigestUpdate(digest->context, bytes, size) == 1 &&
                   EVP_DigestFinal_ex(digest->context, hash, &hash_size) == 1;
    return is_done ? hash_size : 0;
}

struct digest_text digest_text_begin(struct digest *digest, char *buffer, size_t room) {
    assert(room >= DIGEST_TEXT_PIECE);
    return (struct digest_text){.digest = digest, .buffer = buffer, .room = room};
}

void digest_text_flush(struct digest_text *text) {
    EVP_MD_CTX *context = text->digest->context;
    if (!text->has_begun)
        text->failed = EVP_DigestInit_ex2(context, text->digest->algorithm, NULL) != 1;
    text->has_begun = true;
    if (!text->failed)
        text->failed = EVP_DigestUpdate(context, text->buffer, text->used) != 1;
    text->used = 0;
}

bool digest_text_finish(struct digest_text *text, char *hex, size_t digits) {
    static const char digit[] = "0123456789abcdef";
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned hash_size = 0;
    size_t used = text->used;
    bool was_whole = !text->has_begun;
    digest_text_flush(text);
    if (was_whole)
        text->used = used; /* the caller may still want it */
    if (text->failed || EVP_DigestFinal_ex(text->digest->context, hash, &hash_size) != 1)
        return false;
    assert(digits <= DIGEST_HEX_MAX && digits <= 2 * (size_t)hash_size);
    for (size_t i = 0; i < digits; i++)
        hex[i] = digit[i % 2 == 0 ? hash[i / 2] >> 4U : hash[i / 2] & 15U];
    hex[digits] = '\0';
    return true;
}
