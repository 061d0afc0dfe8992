/* Compressed captures: gzip and zstd, by content, in pieces, one after the other, cut and damaged.
 */
#define ZLIB_CONST /* zlib's input is const then */
#include "capture_scene.h"

#include "unpack.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

enum { PACKED_SIZE = 3 * sizeof((struct file *)NULL)->bytes };

struct packed {
    uint8_t bytes[PACKED_SIZE];
    size_t size;
};

static void put(struct packed *packed, const void *bytes, size_t size) {
    assert_true(size <= sizeof packed->bytes - packed->size);
    if (size > 0)
        memcpy(packed->bytes + packed->size, bytes, size);
    packed->size += size;
}

static void put_gzip(struct packed *packed, const uint8_t *bytes, size_t size) {
    static char name[] = "monday.txt";
    gz_header header = {.name = (Bytef *)name, .hcrc = 1};
    z_stream stream = {.next_in = bytes,
                       .avail_in = (uInt)size,
                       .next_out = packed->bytes + packed->size,
                       .avail_out = (uInt)(sizeof packed->bytes - packed->size)};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflateSetHeader(&stream, &header), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    packed->size += stream.total_out;
    assert_int_equal(deflateEnd(&stream), Z_OK);
}

static void put_zstd(struct packed *packed, const uint8_t *bytes, size_t size) {
    ZSTD_CCtx *context = ZSTD_createCCtx();
    assert_non_null(context);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
    size_t written = ZSTD_compress2(context, packed->bytes + packed->size,
                                    sizeof packed->bytes - packed->size, bytes, size);
    assert_false(ZSTD_isError(written));
    packed->size += written;
    ZSTD_freeCCtx(context);
}

/* RFC 8878 section 3.1.1: the frame header as given, then one block that is not compressed. */
static void put_zstd_frame(struct packed *packed, const void *header, size_t header_size,
                           const struct file *file) {
    uint8_t block[3];
    uint32_t number = 1U | (uint32_t)file->size << 3U;
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)(number >> 8 * i);
    put(packed, "\x28\xb5\x2f\xfd", 4);
    put(packed, header, header_size);
    put(packed, block, sizeof block);
    put(packed, file->bytes, file->size);
}

typedef void put_packed(struct packed *packed, const uint8_t *bytes, size_t size);

static const struct {
    put_packed *put;
    const char *name;
} packings[] = {{put_gzip, "gzip"}, {put_zstd, "zstd"}};

enum { PACKINGS = sizeof packings / sizeof *packings };

static struct file file_of(bool is_pcapng, unsigned packets) {
    return is_pcapng ? pcapng_of(packets) : pcap_of(packets);
}

static void assert_read(const struct packed *packed, unsigned packets, int end, const char *says) {
    scene_write(packed->bytes, packed->size);
    struct capture *capture = scene_open(scene_path, NULL);
    assert_packets(capture, packets, end);
    assert_contains(capture_error(capture), says);
    capture_close(capture);
}

static void test_whole(void **state) {
    (void)state;
    for (unsigned variant = 0; variant < 2 * PACKINGS; variant++) {
        struct file file = file_of(variant % 2, 40);
        struct packed packed = {.size = 0};
        packings[variant / 2].put(&packed, file.bytes, file.size);
        assert_read(&packed, 40, 0, "");
        for (size_t piece = 0; piece < 100; piece += 1 + piece)
            assert_stdin(scene_pipe(packed.bytes, packed.size, piece), 40, 0, "");
    }
}

/* Members and frames may end anywhere, also inside a record; empty ones are nothing. */
static void test_one_after_the_other(void **state) {
    (void)state;
    for (unsigned variant = 0; variant < 2 * PACKINGS; variant++) {
        put_packed *put_member = packings[variant / 2].put;
        struct file file = file_of(variant % 2, 2);
        for (size_t first = 0; first <= file.size; first++) {
            struct packed packed = {.size = 0};
            put_member(&packed, file.bytes, first);
            put_member(&packed, file.bytes, 0);
            put_member(&packed, file.bytes + first, file.size - first);
            assert_read(&packed, 2, 0, "");
        }
        struct packed packed = {.size = 0};
        for (size_t at = 0; at < file.size; at += 13)
            put_member(&packed, file.bytes + at, file.size - at < 13 ? file.size - at : 13);
        assert_read(&packed, 2, 0, "");
        assert_stdin(scene_pipe(packed.bytes, packed.size, 7), 2, 0, "");
    }
}

static void test_gzip_padding(void **state) {
    (void)state;
    static const uint8_t zeroes[512];
    struct file file = pcap_of(2);
    struct packed packed = {.size = 0};
    put_gzip(&packed, file.bytes, file.size);
    size_t size = packed.size;
    put(&packed, zeroes, sizeof zeroes);
    assert_read(&packed, 2, 0, "");
    assert_stdin(scene_pipe(packed.bytes, packed.size, 1), 2, 0, "");
    put(&packed, "\x1f\x8b", 2); /* hidden behind it */
    assert_read(
        &packed, 2, -1,
        "damaged after packet 2 (byte offset 140 of the unpacked gzip data): something else "
        "follows the gzip data");
    packed.size = size;
    put(&packed, "x", 1);
    assert_read(&packed, 2, -1, "something else follows the gzip data");
    packed.size = size;
    put(&packed, "\x1f\x8b\x07\0\0\0\0\0\0\x03", 10);
    assert_read(&packed, 2, -1, "damaged after packet 2 (byte offset 140 of the unpacked gzip");
    packed.size = size;
    put(&packed, "\x1f", 1);
    assert_read(&packed, 2, -1, "truncated after packet 2 (byte offset 140 of the unpacked gzip");
}

/* Frames that decoders skip: pzstd begins its files with one. */
static void test_zstd_skippable(void **state) {
    (void)state;
    static const uint8_t skippable[] = {0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 'a', 'b', 'c'};
    struct file file = pcap_of(2);
    struct packed packed = {.size = 0};
    put(&packed, skippable, sizeof skippable);
    put_zstd(&packed, file.bytes, 50);
    put(&packed, skippable, sizeof skippable);
    put_zstd(&packed, file.bytes + 50, file.size - 50);
    put(&packed, skippable, sizeof skippable);
    assert_read(&packed, 2, 0, "");
    assert_stdin(scene_pipe(packed.bytes, packed.size, 5), 2, 0, "");
    put(&packed, "x", 1);
    assert_read(&packed, 2, -1, "after packet 2 (byte offset 140 of the unpacked zstd data): ");
}

/* What was cut off is never taken for the end, and what stands before it is read. */
static void test_every_prefix(void **state) {
    (void)state;
    for (unsigned variant = 0; variant < 2 * PACKINGS; variant++) {
        struct file file = file_of(variant % 2, 3);
        struct packed packed = {.size = 0};
        packings[variant / 2].put(&packed, file.bytes, file.size);
        for (size_t size = 1; size < packed.size; size++) {
            char error[CAPTURE_ERROR_SIZE] = "";
            scene_write(packed.bytes, size);
            struct capture *capture = capture_open_file(scene_path, NULL, error);
            if (capture == NULL) {
                bool has_magic = size >= (variant / 2 == 0 ? 2 : 4);
                assert_contains(error, has_magic ? "the compressed data end too" : "not a capture");
                continue;
            }
            struct capture_packet packet;
            unsigned packets = 0;
            int status = 0;
            while ((status = capture_next(capture, &packet)) == 1)
                assert_packet(&packet, ++packets);
            char says[40];
            snprintf(says, sizeof says, "truncated after packet %u (", packets);
            assert_int_equal(status, -1);
            assert_contains(capture_error(capture), says);
            capture_close(capture);
        }
    }
}

/* Every byte changed. Checksums guard the contents, so that no packet is another one; a header's
 * time or name does not matter. */
static void test_every_byte(void **state) {
    (void)state;
    for (unsigned variant = 0; variant < 2 * PACKINGS; variant++) {
        struct file file = file_of(variant % 2, 3);
        struct packed packed = {.size = 0};
        packings[variant / 2].put(&packed, file.bytes, file.size);
        for (size_t at = 0; at < packed.size; at++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                struct packed changed = packed;
                changed.bytes[at] ^= (uint8_t)(1U << bit);
                assert_ends(changed.bytes, changed.size);
            }
        }
    }
}

/* With gzip all packets are there before it shows that they are not what was packed. */
static void test_wrong_checksum(void **state) {
    (void)state;
    struct file file = pcap_of(3);
    struct packed packed = {.size = 0};
    put_gzip(&packed, file.bytes, file.size);
    packed.bytes[packed.size - 8] ^= 1U;
    assert_read(
        &packed, 3, -1,
        "damaged after packet 3 (byte offset 198 of the unpacked gzip data): incorrect data "
        "check");
    packed.size = 0;
    put_zstd(&packed, file.bytes, file.size);
    packed.bytes[packed.size - 4] ^= 1U;
    assert_refused(packed.bytes, packed.size,
                   "cannot be read: Restored data doesn't match checksum");
}

/* What is packed can be damaged as well. */
static void test_damaged_inside(void **state) {
    (void)state;
    for (unsigned i = 0; i < PACKINGS; i++) {
        struct file file = pcap_of(2);
        struct packed packed = {.size = 0};
        packings[i].put(&packed, file.bytes, file.size - 1);
        char says[160];
        snprintf(
            says, sizeof says,
            "truncated after packet 1 (byte offset 82 of the unpacked %s data): the packet ends "
            "after 41 of 42 bytes",
            packings[i].name);
        assert_read(&packed, 1, -1, says);
    }
}

static void test_zstd_windows(void **state) {
    (void)state;
    static const struct {
        const char *header;
        size_t size;
        const char *refusal; /* NULL: it is read */
    } cases[] = {
        {"\0\x88", 2, NULL}, /* 2^27 */
        {"\0\x89", 2, "its zstd window is larger than 128 MiB"},
        {"\0\x90", 2, "zstd -dc --long=31 FILE | downgrd -r -"},
        {"\0\xff", 2, "cannot be read: "},
        /* the window is the content: 2^40 bytes */
        {"\xe0\0\0\0\0\0\1\0\0", 9, "its zstd window is larger than 128 MiB"},
        {"\x01\x58\x07", 3, "its zstd data need a dictionary; unpack it first: zstd -dc -D "},
    };
    struct file file = pcap_of(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct packed packed = {.size = 0};
        put_zstd_frame(&packed, cases[i].header, cases[i].size, &file);
        if (cases[i].refusal == NULL)
            assert_read(&packed, 1, 0, "");
        else
            assert_refused(packed.bytes, packed.size, cases[i].refusal);
    }
    /* Behind another frame it is found when the file is half read. */
    struct packed packed = {.size = 0};
    struct file rest = {.size = 0};
    put_zstd(&packed, file.bytes, file.size);
    file_put_pcap_packet(&rest, 2);
    put_zstd_frame(&packed, "\0\x90", 2, &rest);
    assert_read(
        &packed, 1, -1,
        "damaged after packet 1 (byte offset 82 of the unpacked zstd data): its zstd window");
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } cases[] = {
        {"", 0, "is empty"},
        {"abc", 3, "not a capture (pcap and pcapng are read)"},
        {"\xd4\xc3\xb2\xa1", 4, "its header ends after 4 of 24 bytes"},
        {"BZh9", 4, "compressed with bzip2; unpack it first"},
        {"\x1f\x8b\x08", 3, "compressed with gzip, twice; unpack it first, for instance: gzip -dc"},
        {"\x28\xb5\x2f\xfd", 4, "compressed with zstd, twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (unsigned n = 0; n < PACKINGS; n++) {
            struct packed packed = {.size = 0};
            packings[n].put(&packed, (const uint8_t *)cases[i].bytes, cases[i].size);
            assert_refused(packed.bytes, packed.size, cases[i].says);
        }
    }
    assert_refused("\x1f\x8b\x07\0\0\0\0\0\0\x03", 10,
                   "cannot be read: unknown compression method");
}

/* A little that unpacks to much is read in little pieces: nothing holds it all. */
static void test_bombs(void **state) {
    (void)state;
    enum { PIECE = 1024 * 1024, PIECES = 64 };
    static uint8_t zeroes[PIECE];
    struct file file = pcapng_of(1);
    struct file behind = {.size = 0};
    file_put(&file, 10, 4);
    file_put(&file, 12 + (uint64_t)PIECES * PIECE, 4);
    file_put(&behind, 12 + (uint64_t)PIECES * PIECE, 4);
    file_put_enhanced(&behind, 0, 2);
    for (unsigned i = 0; i < PACKINGS; i++) {
        static uint8_t packed_zeroes[PIECE];
        struct packed packed = {.size = 0};
        packings[i].put(&packed, zeroes, 8000);
        FILE *stream = fopen(scene_path, "wb");
        assert_non_null(stream);
        size_t size = sizeof packed_zeroes;
        if (i == 1) {
            size = ZSTD_compress(packed_zeroes, size, zeroes, PIECE, 1);
        } else {
            z_stream gzip = {.next_in = zeroes,
                             .avail_in = PIECE,
                             .next_out = packed_zeroes,
                             .avail_out = (uInt)size};
            assert_int_equal(deflateInit2(&gzip, 9, Z_DEFLATED, 31, 9, 0), Z_OK);
            assert_int_equal(deflate(&gzip, Z_FINISH), Z_STREAM_END);
            size = gzip.total_out;
            deflateEnd(&gzip);
        }
        packed.size = 0;
        packings[i].put(&packed, file.bytes, file.size);
        fwrite(packed.bytes, 1, packed.size, stream);
        for (unsigned n = 0; n < PIECES; n++)
            fwrite(packed_zeroes, 1, size, stream);
        packed.size = 0;
        packings[i].put(&packed, behind.bytes, behind.size);
        fwrite(packed.bytes, 1, packed.size, stream);
        assert_int_equal(fclose(stream), 0);
        struct capture *capture = scene_open(scene_path, NULL);
        assert_packets(capture, 2, 0);
        capture_close(capture);
    }
}

static void test_progress_and_content(void **state) {
    (void)state;
    struct file file = pcap_of(40);
    char plain[CAPTURE_ID_SIZE];
    scene_write(file.bytes, file.size);
    assert_int_equal(capture_content_id(scene_path, plain), 0);
    for (unsigned i = 0; i < PACKINGS; i++) {
        struct packed packed = {.size = 0};
        packings[i].put(&packed, file.bytes, file.size);
        assert_read(&packed, 40, 0, "");
        struct capture *capture = scene_open(scene_path, NULL);
        assert_packets(capture, 40, 0);
        uint64_t bytes_read = 0;
        uint64_t bytes_total = 0;
        capture_progress(capture, &bytes_read, &bytes_total);
        assert_int_equal(bytes_read, packed.size);
        assert_int_equal(bytes_total, packed.size);
        capture_close(capture);
        char id[CAPTURE_ID_SIZE];
        assert_int_equal(capture_content_id(scene_path, id), 0);
        assert_string_not_equal(id, plain);
    }
}

static void test_magics(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        enum packing packing;
    } cases[] = {
        {"", 0, PACKING_NONE},
        {"\x1f", 1, PACKING_NONE},
        {"\x1f\x8b", 2, PACKING_GZIP},
        {"\x1f\x8b\x08\0", 4, PACKING_GZIP},
        {"\x1f\x9d", 2, PACKING_NONE},
        {"\x28\xb5\x2f", 3, PACKING_NONE},
        {"\x28\xb5\x2f\xfd", 4, PACKING_ZSTD},
        {"\x28\xb5\x2f\xfe", 4, PACKING_NONE},
        {"\x50\x2a\x4d\x18", 4, PACKING_ZSTD},
        {"\x5f\x2a\x4d\x18", 4, PACKING_ZSTD},
        {"\x60\x2a\x4d\x18", 4, PACKING_NONE},
        {"\x4f\x2a\x4d\x18", 4, PACKING_NONE},
        {"\x50\x2a\x4d", 3, PACKING_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(packing_of(span_of(cases[i].bytes, cases[i].size)), cases[i].packing);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),          cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_gzip_padding),   cmocka_unit_test(test_zstd_skippable),
        cmocka_unit_test(test_every_prefix),   cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_wrong_checksum), cmocka_unit_test(test_damaged_inside),
        cmocka_unit_test(test_zstd_windows),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_bombs),          cmocka_unit_test(test_progress_and_content),
        cmocka_unit_test(test_magics),
    };
    return cmocka_run_group_tests_name("capture_packed", tests, scene_set_up, scene_tear_down);
}
