/*
 * content_id.c - a capture's name that does not depend on where it lies: what was counted once from
 * these bytes is never counted twice, however the file is called.
 */
#include "capture.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { BLOCK_SIZE = 64 * 1024, DIGEST_SIZE = (CAPTURE_ID_SIZE - 1) / 2 };

static int digest_stream(FILE *file, EVP_MD_CTX *digest, uint8_t *block) {
    size_t size = 0;
    while ((size = fread(block, 1, BLOCK_SIZE, file)) > 0)
        if (EVP_DigestUpdate(digest, block, size) != 1)
            return -EIO;
    return ferror(file) ? -EIO : 0;
}

static void write_hex(const uint8_t digest[DIGEST_SIZE], char id[CAPTURE_ID_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_SIZE; i++) {
        id[2 * i] = digits[digest[i] >> 4U];
        id[2 * i + 1] = digits[digest[i] & 0x0fU];
    }
    id[CAPTURE_ID_SIZE - 1] = '\0';
}

int capture_content_id(const char *path, char id[CAPTURE_ID_SIZE]) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    int result = -ENOMEM;
    struct stat status;
    if (stat(path, &status) != 0)
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -ESPIPE; /* opening it would take from its reader */
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -errno;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t *block = malloc(BLOCK_SIZE);
    if (context == NULL || block == NULL)
        goto out;
    result = -EIO;
    if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1)
        goto out;
    result = digest_stream(file, context, block);
    if (result != 0)
        goto out;
    result = -EIO;
    if (EVP_DigestFinal_ex(context, digest, &digest_size) != 1 || digest_size != DIGEST_SIZE)
        goto out;
    write_hex(digest, id);
    result = 0;
out:
    free(block);
    EVP_MD_CTX_free(context);
    fclose(file);
    return result;
}
