#define ZLIB_CONST /* zlib's input is const then */
#include "unpack.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

enum {
    GZIP_WINDOW_BITS = 15 + 16, /* the format's largest window; 16 asks for gzip's header */
    GZIP_FIRST_BYTE = 0x1f,
    ZSTD_WINDOW_LOG = 27, /* 128 MiB */
};

enum unpack_state {
    UNPACK_MEMBER,  /* inside a member or frame */
    UNPACK_BETWEEN, /* behind a complete one */
    UNPACK_PADDING, /* behind zeros that follow the last one (tapes have them) */
};

struct unpacker {
    enum packing packing;
    enum unpack_state state;
    z_stream gzip;
    ZSTD_DStream *zstd;
    const char *failure;
};

enum packing packing_of(struct span start) {
    static const uint8_t gzip[] = {GZIP_FIRST_BYTE, 0x8b};
    static const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd};
    static const uint8_t skippable[] = {0x2a, 0x4d, 0x18}; /* behind 0x50 to 0x5f */
    if (span_equal(span_first(start, sizeof gzip), span_of(gzip, sizeof gzip)))
        return PACKING_GZIP;
    struct span magic = span_first(start, sizeof zstd);
    if (span_equal(magic, span_of(zstd, sizeof zstd)))
        return PACKING_ZSTD;
    if (magic.size == sizeof zstd && magic.data[0] >> 4U == 5 &&
        span_equal(span_from(magic, 1), span_of(skippable, sizeof skippable)))
        return PACKING_ZSTD;
    return PACKING_NONE;
}

const char *packing_name(enum packing packing) {
    static const char *const names[] = {"", "gzip", "zstd"};
    return names[packing];
}

struct unpacker *unpacker_new(enum packing packing) {
    struct unpacker *unpacker = calloc(1, sizeof *unpacker);
    if (unpacker == NULL)
        return NULL;
    bool good = false;
    if (packing == PACKING_GZIP) {
        good = inflateInit2(&unpacker->gzip, GZIP_WINDOW_BITS) == Z_OK;
    } else {
        unpacker->zstd = ZSTD_createDStream();
        good = unpacker->zstd != NULL && !ZSTD_isError(ZSTD_DCtx_setParameter(
                                             unpacker->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG));
    }
    if (good) {
        unpacker->packing = packing;
        return unpacker;
    }
    ZSTD_freeDStream(unpacker->zstd);
    free(unpacker);
    return NULL;
}

void unpacker_delete(struct unpacker *unpacker) {
    if (unpacker == NULL)
        return;
    if (unpacker->packing == PACKING_GZIP)
        inflateEnd(&unpacker->gzip);
    ZSTD_freeDStream(unpacker->zstd);
    free(unpacker);
}

/* Behind a gzip member: another one, zeros up to the end, or what gzip never wrote. */
static void start_member(struct unpacker *unpacker, struct span *input) {
    while (input->size > 0 && unpacker->failure == NULL) {
        if (input->data[0] == 0) {
            unpacker->state = UNPACK_PADDING;
            *input = span_from(*input, 1);
        } else if (input->data[0] == GZIP_FIRST_BYTE && unpacker->state == UNPACK_BETWEEN) {
            unpacker->state = UNPACK_MEMBER;
            inflateReset(&unpacker->gzip);
            return;
        } else {
            unpacker->failure = "something else follows the gzip data";
        }
    }
}

static size_t step_gzip(struct unpacker *unpacker, struct span *input, uint8_t *to, size_t size) {
    z_stream *stream = &unpacker->gzip;
    if (unpacker->state != UNPACK_MEMBER)
        start_member(unpacker, input);
    if (unpacker->state != UNPACK_MEMBER || unpacker->failure != NULL)
        return 0;
    stream->next_in = input->data;
    stream->avail_in = (uInt)input->size;
    stream->next_out = to;
    stream->avail_out = (uInt)size;
    int status = inflate(stream, Z_NO_FLUSH);
    *input = span_from(*input, input->size - stream->avail_in);
    if (status == Z_STREAM_END)
        unpacker->state = UNPACK_BETWEEN;
    else if (status == Z_MEM_ERROR)
        unpacker->failure = "out of memory for unpacking gzip data";
    else if (status != Z_OK && status != Z_BUF_ERROR) /* the latter: nothing to do without input */
        unpacker->failure = stream->msg ? stream->msg : "not gzip data";
    return size - stream->avail_out;
}

static const char *explain_zstd(size_t status) {
    ZSTD_ErrorCode code = ZSTD_getErrorCode(status);
    if (code == ZSTD_error_frameParameter_windowTooLarge)
        return "its zstd window is larger than 128 MiB (written with --long=28 or more); unpack it "
               "first: zstd -dc --long=31 FILE | downgrd -r -";
    if (code == ZSTD_error_dictionary_wrong)
        return "its zstd data need a dictionary; unpack it first: "
               "zstd -dc -D DICTIONARY FILE | downgrd -r -";
    return ZSTD_getErrorName(status);
}

static size_t step_zstd(struct unpacker *unpacker, struct span *input, void *to, size_t size) {
    if (unpacker->state == UNPACK_BETWEEN && input->size == 0)
        return 0;
    ZSTD_inBuffer in = {input->data, input->size, 0};
    ZSTD_outBuffer out = {to, size, 0};
    size_t status = ZSTD_decompressStream(unpacker->zstd, &out, &in);
    *input = span_from(*input, in.pos);
    unpacker->state = status == 0 ? UNPACK_BETWEEN : UNPACK_MEMBER;
    if (ZSTD_isError(status))
        unpacker->failure = explain_zstd(status);
    return out.pos;
}

size_t unpacker_step(struct unpacker *unpacker, struct span *input, uint8_t *to, size_t size) {
    if (unpacker->failure != NULL)
        return 0;
    if (unpacker->packing == PACKING_GZIP)
        return step_gzip(unpacker, input, to, size);
    return step_zstd(unpacker, input, to, size);
}

const char *unpacker_failure(const struct unpacker *unpacker) {
    return unpacker->failure;
}

bool unpacker_may_end(const struct unpacker *unpacker) {
    return unpacker->state != UNPACK_MEMBER;
}
