/*
 * fuzz_dialogue.c - both ends of a dialogue, in pieces and byte by byte: both ways must come to the
 * same.
 *
 * Input: a byte that says which end sent the SYN (0, 1, other: none), then steps:
 *
 *   byte 0     bit 0 the end; bits 1-3: 0-5 bytes follow, 6 a hole, 7 TLS begins by another's word
 *   bytes 1-2  of bytes: how many, up to what is left
 *
 * Each piece lies in a heap block of its exact size.
 */
#include <assert.h>
#include <stdlib.h>

#include "dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEP_HOLE = 6, STEP_TLS };

/* The dialogue up to a step, read in one of the two ways. */
struct run {
    struct dialogue_reader reader;
    enum dialogue_status status;
    size_t for_tls; /* bytes of the last piece, and of those before it, that are left to TLS */
    bool is_over;
};

static void read_piece(struct run *run, unsigned end, struct span piece, uint64_t number) {
    uint8_t *block = malloc(piece.size ? piece.size : 1);
    size_t eaten = 0;
    bool had_tls = run->reader.end[end].has_tls;
    if (!block)
        abort();
    if (piece.size)
        memcpy(block, piece.data, piece.size);
    run->status =
        dialogue_read(&run->reader, end, span_of(block, piece.size), number, number, &eaten);
    free(block);
    assert(eaten <= piece.size);
    assert(run->status != DIALOGUE_GOES_ON || eaten == piece.size);
    assert(run->reader.end[end].eaten <= DIALOGUE_MAX_BYTES);
    run->for_tls = piece.size - eaten;
    if (run->status == DIALOGUE_TLS_BEGINS && !had_tls)
        run->for_tls += dialogue_kept(&run->reader, end).size;
    run->is_over = run->status == DIALOGUE_ENDED || run->status == DIALOGUE_FOREIGN;
}

static void read_bytes(struct run *run, unsigned end, struct span piece, uint64_t number) {
    if (piece.size == 0)
        read_piece(run, end, piece, number);
    for (size_t i = 0; i < piece.size; i++) {
        read_piece(run, end, span_first(span_from(piece, i), 1), number);
        if (run->status == DIALOGUE_GOES_ON)
            continue;
        run->for_tls += piece.size - i - 1;
        return;
    }
}

static void check_text(const char text[DIALOGUE_TEXT_SIZE]) {
    size_t size = 0;
    while (size < DIALOGUE_TEXT_SIZE && text[size] >= ' ' && text[size] <= '~')
        size++;
    assert(size < DIALOGUE_TEXT_SIZE && text[size] == '\0');
}

static void check_facts(const struct dialogue_reader *reader) {
    const struct dialogue *facts = &reader->facts;
    assert(facts->protocol < DIALOGUE_PROTOCOL_COUNT);
    assert(facts->passed >> DIALOGUE_PROTOCOL_COUNT == 0);
    assert(facts->has >> DIALOGUE_FACT_COUNT == 0);
    for (unsigned fact = 0; fact < DIALOGUE_FACT_COUNT; fact++)
        assert(dialogue_has(facts, (enum dialogue_fact)fact) == (facts->packet[fact] != 0));
    check_text(facts->garbled);
    check_text(facts->answer);
    assert((facts->answer[0] != '\0') <=
           (dialogue_has(facts, DIALOGUE_GRANTED) || dialogue_has(facts, DIALOGUE_REFUSED)));
    for (unsigned end = 0; end < 2; end++)
        assert(reader->end[end].line_size <= DIALOGUE_LINE_SIZE);
}

static void check_same(const struct run *a, const struct run *b) {
    assert(a->status == b->status);
    assert(a->status != DIALOGUE_TLS_BEGINS || a->for_tls == b->for_tls);
    const struct dialogue *these = &a->reader.facts;
    const struct dialogue *those = &b->reader.facts;
    assert(these->protocol == those->protocol && these->passed == those->passed);
    assert(these->has == those->has);
    assert(memcmp(these->packet, those->packet, sizeof these->packet) == 0);
    assert(memcmp(these->time_us, those->time_us, sizeof these->time_us) == 0);
    assert(strcmp(these->garbled, those->garbled) == 0);
    assert(strcmp(these->answer, those->answer) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct run whole;
    static struct run bytes;
    struct reader input = reader_of(span_of(data, size));
    uint8_t opener = reader_u8(&input);
    int client_end = opener < 2 ? opener : -1;
    uint64_t number = 0;
    (void)dialogue_may_start(span_of(data, size));
    whole = (struct run){.status = DIALOGUE_GOES_ON};
    bytes = whole;
    dialogue_init(&whole.reader, client_end);
    dialogue_init(&bytes.reader, client_end);
    while (reader_ok(&input) && reader_left(&input) && !whole.is_over) {
        enum { KIND_MASK = 7 };
        uint8_t head = reader_u8(&input);
        unsigned end = head & 1U;
        unsigned kind = (head >> 1U) & KIND_MASK;
        number++;
        if (kind == STEP_HOLE) {
            dialogue_hole(&whole.reader, end);
            dialogue_hole(&bytes.reader, end);
            continue;
        }
        if (kind == STEP_TLS) {
            dialogue_begin_tls(&whole.reader, end, number, number);
            dialogue_begin_tls(&bytes.reader, end, number, number);
            continue;
        }
        size_t wanted = reader_u16(&input);
        size_t left = reader_left(&input);
        struct span piece = reader_take(&input, wanted < left ? wanted : left);
        read_piece(&whole, end, piece, number);
        read_bytes(&bytes, end, piece, number);
        check_facts(&whole.reader);
        check_same(&whole, &bytes);
    }
    return 0;
}
