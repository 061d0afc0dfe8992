/*
 * quic_frame.c - the frames that Initial packets may hold (RFC 9000 sections 12.4 and 19).
 *
 * T050 and T051 have frames of gQUIC's own design: other numbers, fixed widths instead of
 * variable-length integers, and acknowledgements whose first byte says how wide their fields are.
 */
#include "quic.h"

static bool is_zero(struct span bytes) {
    return bytes.data[0] == 0 && memcmp(bytes.data, bytes.data + 1, bytes.size - 1) == 0;
}

/* A row of zero bytes, of which the first was read. Mostly it fills the packet. */
static void skip_padding(struct reader *reader) {
    struct reader ahead = *reader;
    struct span rest = reader_take_rest(&ahead);
    if (rest.size != 0 && is_zero(rest)) {
        *reader = ahead;
        return;
    }
    for (ahead = *reader; reader_left(&ahead) != 0 && reader_u8(&ahead) == 0;)
        *reader = ahead;
}

static void skip_ack(struct reader *reader, bool has_ecn) {
    enum { ECN_COUNTS = 3 };
    quic_varint(reader); /* largest acknowledged */
    quic_varint(reader); /* delay */
    uint64_t ranges = quic_varint(reader);
    quic_varint(reader); /* first range */
    for (; ranges > 0 && reader_ok(reader); ranges--) {
        quic_varint(reader); /* gap */
        quic_varint(reader); /* length */
    }
    for (unsigned i = 0; has_ecn && i < ECN_COUNTS; i++)
        quic_varint(reader);
}

static void read_crypto(struct reader *reader, struct quic_frame *frame) {
    frame->offset = quic_varint(reader);
    uint64_t size = quic_varint(reader);
    if (size > reader_left(reader))
        reader->bad = true;
    else
        frame->data = reader_take(reader, (size_t)size);
}

static void read_close(struct reader *reader, struct quic_frame *frame) {
    frame->error_code = quic_varint(reader);
    if (frame->type == QUIC_CONNECTION_CLOSE)
        quic_varint(reader); /* the frame that was at fault */
    uint64_t reason_size = quic_varint(reader);
    if (reason_size > reader_left(reader))
        reader->bad = true;
    else
        reader_skip(reader, (size_t)reason_size);
}

static void read_frame(struct reader *reader, uint64_t type, struct quic_frame *frame) {
    frame->type = (enum quic_frame_type)type;
    switch (type) {
    case QUIC_PADDING:
        skip_padding(reader);
        break;
    case QUIC_PING:
        break;
    case QUIC_ACK:
    case QUIC_ACK_ECN:
        skip_ack(reader, type == QUIC_ACK_ECN);
        break;
    case QUIC_CRYPTO:
        read_crypto(reader, frame);
        break;
    case QUIC_CONNECTION_CLOSE:
    case QUIC_APPLICATION_CLOSE:
        read_close(reader, frame);
        break;
    default:
        reader->bad = true;
    }
}

/* ---- gQUIC ---- */

enum google_frame_type {
    GOOGLE_PADDING = 0x00,
    GOOGLE_CONNECTION_CLOSE = 0x02,
    GOOGLE_PING = 0x07,
    GOOGLE_CRYPTO = 0x08,
    GOOGLE_ACK = 0x40,      /* and the six bits below */
    GOOGLE_ACK_MASK = 0xc0, /* where they are not */
};

/* 01ntllmm: n has more blocks, ll width of the largest number, mm width of the blocks. */
static void skip_google_ack(struct reader *reader, uint8_t type) {
    static const uint8_t widths[] = {1, 2, 4, 6};
    enum { DELAY_SIZE = 2, HAS_BLOCKS = 0x20, GAP_SIZE = 1, FIRST_TIME_SIZE = 5, TIME_SIZE = 3 };
    size_t block_size = widths[type & 3U];
    reader_skip(reader, widths[((unsigned)type >> 2U) & 3U]);
    reader_skip(reader, DELAY_SIZE);
    size_t blocks = type & HAS_BLOCKS ? reader_u8(reader) : 0;
    reader_skip(reader, block_size + blocks * (GAP_SIZE + block_size));
    size_t times = reader_u8(reader);
    if (times != 0)
        reader_skip(reader, FIRST_TIME_SIZE + (times - 1) * TIME_SIZE);
}

static void read_google_frame(struct reader *reader, uint8_t type, struct quic_frame *frame) {
    if ((type & GOOGLE_ACK_MASK) == GOOGLE_ACK) {
        frame->type = QUIC_ACK;
        skip_google_ack(reader, type);
        return;
    }
    switch (type) {
    case GOOGLE_PADDING:
        frame->type = QUIC_PADDING;
        skip_padding(reader);
        break;
    case GOOGLE_CONNECTION_CLOSE:
        frame->type = QUIC_APPLICATION_CLOSE;
        frame->error_code = reader_u32(reader);
        reader_vector16(reader); /* reason */
        break;
    case GOOGLE_PING:
        frame->type = QUIC_PING;
        break;
    case GOOGLE_CRYPTO:
        frame->type = QUIC_CRYPTO;
        read_crypto(reader, frame);
        break;
    default:
        reader->bad = true;
    }
}

bool quic_frame_next(struct span *frames, enum quic_dialect dialect, struct quic_frame *frame) {
    struct reader reader = reader_of(*frames);
    struct quic_frame parsed = {0};
    if (reader_left(&reader) == 0)
        return false;
    if (dialect == QUIC_GOOGLE_T050 || dialect == QUIC_GOOGLE_T051)
        read_google_frame(&reader, reader_u8(&reader), &parsed);
    else
        read_frame(&reader, quic_varint(&reader), &parsed);
    if (!reader_ok(&reader))
        return false;
    *frame = parsed;
    *frames = reader_take_rest(&reader);
    return true;
}
