/*
 * quic_protection.c - keys, header protection and AEAD of Initial packets.
 *
 * The library's algorithms are looked up once and its contexts used again and again: looking up
 * costs more than everything else here. HMAC and HKDF are put together from SHA-256 for the same
 * reason: through the library's own interface to them each key would take several times as long.
 */
#include "quic_protection.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>

enum {
    HASH_SIZE = 32,
    HASH_BLOCK_SIZE = 64,
    SALT_SIZE = 20,
    TAG_SIZE = 16,
    SAMPLE_AT = 4, /* bytes from the packet number's first on, as if it had its full length */
    SAMPLE_SIZE = 16,
    MAX_NUMBER_SIZE = 4,
    PROTECTED_BITS = 0x0f, /* of a long header's first byte */
    NUMBER_SIZE_MASK = 3,
    PLAIN_SIZE = 65536, /* longer than any datagram */
};

struct quic_protection {
    EVP_MD_CTX *hash;
    EVP_CIPHER_CTX *block;
    EVP_CIPHER_CTX *aead;
    uint8_t plain[PLAIN_SIZE];
};

void quic_protection_delete(struct quic_protection *protection) {
    if (protection == NULL)
        return;
    EVP_MD_CTX_free(protection->hash);
    EVP_CIPHER_CTX_free(protection->block);
    EVP_CIPHER_CTX_free(protection->aead);
    free(protection);
}

/* The contexts keep references to what was looked up. */
static bool set_up(struct quic_protection *protection) {
    EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_CIPHER *block = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
    EVP_CIPHER *aead = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
    protection->hash = EVP_MD_CTX_new();
    protection->block = EVP_CIPHER_CTX_new();
    protection->aead = EVP_CIPHER_CTX_new();
    bool is_ready = sha256 && block && aead && protection->hash && protection->block &&
                    protection->aead && EVP_DigestInit_ex2(protection->hash, sha256, NULL) == 1 &&
                    EVP_EncryptInit_ex2(protection->block, block, NULL, NULL, NULL) == 1 &&
                    EVP_DecryptInit_ex2(protection->aead, aead, NULL, NULL, NULL) == 1;
    EVP_MD_free(sha256);
    EVP_CIPHER_free(block);
    EVP_CIPHER_free(aead);
    return is_ready;
}

struct quic_protection *quic_protection_new(void) {
    struct quic_protection *protection = calloc(1, sizeof *protection);
    if (protection == NULL)
        return NULL;
    if (!set_up(protection)) {
        quic_protection_delete(protection);
        return NULL;
    }
    return protection;
}

/* ---- keys ---- */

static bool hash_padded(EVP_MD_CTX *hash, struct span key, uint8_t pad, struct span text,
                        uint8_t out[HASH_SIZE]) {
    uint8_t block[HASH_BLOCK_SIZE];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < key.size; i++)
        block[i] ^= key.data[i];
    return EVP_DigestInit_ex2(hash, NULL, NULL) == 1 &&
           EVP_DigestUpdate(hash, block, sizeof block) == 1 &&
           EVP_DigestUpdate(hash, text.data, text.size) == 1 &&
           EVP_DigestFinal_ex(hash, out, NULL) == 1;
}

/* HMAC-SHA-256 (RFC 2104) with a key no longer than the hash's block. */
static bool hmac(struct quic_protection *protection, struct span key, struct span text,
                 uint8_t out[HASH_SIZE]) {
    enum { INNER_PAD = 0x36, OUTER_PAD = 0x5c };
    return hash_padded(protection->hash, key, INNER_PAD, text, out) &&
           hash_padded(protection->hash, key, OUTER_PAD, span_of(out, HASH_SIZE), out);
}

/*
 * What HKDF-Expand-Label (RFC 8446 section 7.1) hashes: length of the output, label, an empty
 * context, and HKDF's counter, which stays 1 for outputs no longer than the hash.
 */
#define EXPAND_LABEL(length, label_length, label)                                                  \
    {                                                                                              \
        (const uint8_t *)"\x00" length label_length "tls13 " label "\x00\x01",                     \
            sizeof("tls13 " label) + 4                                                             \
    }

enum label { LABEL_KEY, LABEL_IV, LABEL_HEADER_KEY, LABEL_COUNT };

static const struct span sender_labels[] = {
    [QUIC_CLIENT] = EXPAND_LABEL("\x20", "\x0f", "client in"),
    [QUIC_SERVER] = EXPAND_LABEL("\x20", "\x0f", "server in"),
};

static const struct span labels[LABEL_COUNT] = {
    [LABEL_KEY] = EXPAND_LABEL("\x10", "\x0e", "quic key"),
    [LABEL_IV] = EXPAND_LABEL("\x0c", "\x0d", "quic iv"),
    [LABEL_HEADER_KEY] = EXPAND_LABEL("\x10", "\x0d", "quic hp"),
};

static const struct span labels_v2[LABEL_COUNT] = {
    [LABEL_KEY] = EXPAND_LABEL("\x10", "\x10", "quicv2 key"),
    [LABEL_IV] = EXPAND_LABEL("\x0c", "\x0f", "quicv2 iv"),
    [LABEL_HEADER_KEY] = EXPAND_LABEL("\x10", "\x0f", "quicv2 hp"),
};

static const uint8_t salts[QUIC_DIALECT_COUNT][SALT_SIZE] = {
    [QUIC_DRAFT_22] = {0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a,
                       0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a, 0x02, 0x64, 0x4a},
    [QUIC_DRAFT_23] = {0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7,
                       0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02},
    [QUIC_DRAFT_29] = {0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97,
                       0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99},
    [QUIC_RFC_9000] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                       0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
    [QUIC_DRAFT_V2] = {0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d,
                       0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a, 0xe3, 0xe5, 0xd3},
    [QUIC_RFC_9369] = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                       0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
    [QUIC_GOOGLE_T050] = {0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80,
                          0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60, 0x48, 0x83, 0x10},
    [QUIC_GOOGLE_T051] = {0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50,
                          0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda, 0x6e, 0x03, 0x3d},
};

static bool expand(struct quic_protection *protection, struct span secret, struct span label,
                   uint8_t *out, size_t size) {
    uint8_t block[HASH_SIZE];
    if (!hmac(protection, secret, label, block))
        return false;
    memcpy(out, block, size);
    return true;
}

bool quic_keys_derive(struct quic_protection *protection, enum quic_dialect dialect,
                      struct span connection_id, enum quic_sender sender, struct quic_keys *keys) {
    uint8_t initial_secret[HASH_SIZE];
    uint8_t sender_secret[HASH_SIZE];
    if (dialect == QUIC_UNKNOWN)
        return false;
    bool is_v2 = dialect == QUIC_RFC_9369 || dialect == QUIC_DRAFT_V2;
    const struct span *names = is_v2 ? labels_v2 : labels;
    if (!hmac(protection, span_of(salts[dialect], SALT_SIZE), connection_id, initial_secret) ||
        !hmac(protection, span_of(initial_secret, HASH_SIZE), sender_labels[sender], sender_secret))
        return false;
    struct span secret = span_of(sender_secret, HASH_SIZE);
    return expand(protection, secret, names[LABEL_KEY], keys->key, QUIC_KEY_SIZE) &&
           expand(protection, secret, names[LABEL_IV], keys->iv, QUIC_IV_SIZE) &&
           expand(protection, secret, names[LABEL_HEADER_KEY], keys->header_key, QUIC_KEY_SIZE);
}

/* ---- packets ---- */

/* A header with its protection off. */
struct bare_header {
    uint8_t first;
    uint8_t number[MAX_NUMBER_SIZE];
    size_t number_size;
    uint64_t cut_number;
};

static bool unmask_header(struct quic_protection *protection, const struct quic_keys *keys,
                          const struct quic_header *header, struct bare_header *bare) {
    struct span number = span_from(header->packet, header->number_at);
    struct span sample = span_from(number, SAMPLE_AT);
    uint8_t mask[SAMPLE_SIZE];
    int size = 0;
    if (EVP_EncryptInit_ex2(protection->block, NULL, keys->header_key, NULL, NULL) != 1 ||
        EVP_EncryptUpdate(protection->block, mask, &size, sample.data, SAMPLE_SIZE) != 1)
        return false;
    bare->first = (uint8_t)(header->packet.data[0] ^ (mask[0] & PROTECTED_BITS));
    bare->number_size = (bare->first & NUMBER_SIZE_MASK) + 1U;
    bare->cut_number = 0;
    for (size_t i = 0; i < bare->number_size; i++) {
        bare->number[i] = (uint8_t)(number.data[i] ^ mask[i + 1]);
        bare->cut_number = bare->cut_number << 8U | bare->number[i];
    }
    return true;
}

/* RFC 9000 appendix A.3: the full number that is nearest to the expected one. */
static uint64_t full_number(const struct bare_header *bare, uint64_t expected) {
    uint64_t window = (uint64_t)1 << (8U * bare->number_size);
    uint64_t candidate = (expected & ~(window - 1)) | bare->cut_number;
    if (candidate + window / 2 <= expected && candidate < ((uint64_t)1 << 62U) - window)
        return candidate + window;
    if (candidate > expected + window / 2 && candidate >= window)
        return candidate - window;
    return candidate;
}

static bool open_payload(struct quic_protection *protection, const struct quic_header *header,
                         const struct bare_header *bare, struct quic_opened *opened) {
    EVP_CIPHER_CTX *aead = protection->aead;
    struct span between = span_from(span_first(header->packet, header->number_at), 1);
    struct span sealed = span_from(header->packet, header->number_at + bare->number_size);
    size_t size = sealed.size - TAG_SIZE;
    uint8_t tag[TAG_SIZE];
    int done = 0;
    assert(sealed.data != NULL);
    memcpy(tag, sealed.data + size, sizeof tag);
    if (EVP_CIPHER_CTX_ctrl(aead, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) != 1 ||
        EVP_DecryptUpdate(aead, NULL, &done, &bare->first, 1) != 1 ||
        EVP_DecryptUpdate(aead, NULL, &done, between.data, (int)between.size) != 1 ||
        EVP_DecryptUpdate(aead, NULL, &done, bare->number, (int)bare->number_size) != 1 ||
        EVP_DecryptUpdate(aead, protection->plain, &done, sealed.data, (int)size) != 1 ||
        EVP_DecryptFinal_ex(aead, protection->plain + size, &done) != 1)
        return false;
    opened->payload = span_of(protection->plain, size);
    return true;
}

bool quic_packet_open(struct quic_protection *protection, const struct quic_keys *keys,
                      const struct quic_header *header, uint64_t expected,
                      struct quic_opened *opened) {
    struct bare_header bare;
    uint8_t nonce[QUIC_IV_SIZE];
    if (header->type != QUIC_INITIAL || !header->is_whole || header->packet.size > PLAIN_SIZE ||
        !unmask_header(protection, keys, header, &bare))
        return false;
    uint64_t number = full_number(&bare, expected);
    memcpy(nonce, keys->iv, sizeof nonce);
    for (size_t i = 0; i < sizeof number; i++)
        nonce[QUIC_IV_SIZE - 1 - i] ^= (uint8_t)(number >> (8U * i));
    if (EVP_DecryptInit_ex2(protection->aead, NULL, keys->key, nonce, NULL) != 1 ||
        !open_payload(protection, header, &bare, opened))
        return false;
    opened->number = number;
    return true;
}
