/*
 * test_dialogue_hostile.c - what no honest peer says: the reader stays within its bounds, and holes
 * leave nothing to conclude from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dialogue_play.h"

enum { MANY = 80 * 1024 };

static struct dialogue_reader reader;

/* Bytes of an end from a block of its exact size; the status after them. */
static enum dialogue_status feed(unsigned end, const void *data, size_t size, size_t *eaten) {
    uint8_t *block = test_malloc(size);
    memcpy(block, data, size);
    enum dialogue_status status = dialogue_read(&reader, end, span_of(block, size), 1, 1, eaten);
    assert_true(*eaten <= size);
    assert_true(reader.end[end].line_size <= DIALOGUE_LINE_SIZE);
    assert_true(reader.end[end].eaten <= DIALOGUE_MAX_BYTES);
    test_free(block);
    return status;
}

static enum dialogue_status feed_text(unsigned end, const char *text) {
    size_t eaten = 0;
    return feed(end, text, strlen(text), &eaten);
}

/* Opens a dialogue, then repeats some bytes until it ends; how many of them it took. */
static size_t repeat(unsigned end, const char *opening, uint8_t byte, size_t piece) {
    static uint8_t pieces[4096];
    size_t taken = 0;
    enum dialogue_status status = DIALOGUE_GOES_ON;
    dialogue_init(&reader, CLIENT);
    assert_int_equal(feed_text(end, opening), DIALOGUE_GOES_ON);
    memset(pieces, byte, piece);
    while (status == DIALOGUE_GOES_ON && taken < MANY) {
        size_t eaten = 0;
        status = feed(end, pieces, piece, &eaten);
        taken += eaten;
    }
    assert_true(status == DIALOGUE_ENDED || status == DIALOGUE_FOREIGN);
    assert_int_equal(reader.facts.has & ~(1U << DIALOGUE_GREETED), 0);
    return taken;
}

static void test_endless_lines(void **state) {
    static const struct {
        unsigned end;
        const char *opening;
    } openings[] = {
        {SERVER, "220 mx"},
        {SERVER, "250-"},
        {SERVER, "+OK"},
        {SERVER, "* OK [CAPABILITY "},
        {SERVER, "\"IMPLEMENTATION\""},
        {SERVER, ":irc.example NOTICE "},
        {CLIENT, "EHLO "},
        {CLIENT, "a1 LOGIN "},
        {CLIENT, "<?xml "},
        {CLIENT, "CONNECT www.example HTTP/1.1\r\nX: "},
    };
    static const size_t pieces[] = {1, 7, 1460, 4096};
    (void)state;
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        for (size_t piece = 0; piece < sizeof pieces / sizeof *pieces; piece++) {
            size_t taken = repeat(openings[i].end, openings[i].opening, 'x', pieces[piece]);
            assert_int_equal(taken + strlen(openings[i].opening), DIALOGUE_MAX_BYTES);
        }
    }
}

static void test_endless_nuls(void **state) {
    (void)state;
    (void)repeat(SERVER, "220 mx\r\n", 0, 1000);
    (void)repeat(CLIENT, "\x04\x01\x01\xbb\xc0\xa8\x02\x01", 'x', 1); /* a name without an end */
    assert_true(reader.end[CLIENT].eaten < 1024);
    (void)repeat(SERVER, "* OK [CAPABILITY ", ' ', 100);
}

/* Lines without words: none of them is a message of any kind. */
static void test_endless_empty_lines(void **state) {
    (void)state;
    assert_true(repeat(SERVER, "220 mx\r\n", '\n', 10) > DIALOGUE_MAX_BYTES - 100);
    assert_true(repeat(CLIENT, "CONNECT x HTTP/1.1\r\nX: ", '\r', 10) > DIALOGUE_MAX_BYTES - 100);
}

/* Lengths of all sizes: what is longer than the bound never ends, nothing is kept of it. */
static void test_lengths(void **state) {
    static const uint8_t opening[] = {0x30, 0x0c, 2, 1, 1, 0x60, 7, 2, 1, 3, 4, 0, 0x80, 0};
    (void)state;
    for (unsigned size = 0; size < 4; size++) {
        for (unsigned value = 0; value < 256; value++) {
            uint8_t head[6] = {0x30, (uint8_t)(0x80 + size), 0, 0, 0, 0};
            size_t eaten = 0;
            memset(head + 2, (int)value, size);
            dialogue_init(&reader, CLIENT);
            assert_int_equal(feed(CLIENT, opening, sizeof opening, &eaten), DIALOGUE_GOES_ON);
            enum dialogue_status status = feed(CLIENT, head, 2 + size, &eaten);
            bool is_message = value != 0 && (size == 1 || size == 2);
            assert_int_equal(status, is_message ? DIALOGUE_GOES_ON : DIALOGUE_FOREIGN);
        }
    }
}

/* Words where none should be, in every place of a dialogue. */
static void test_words_at_random(void **state) {
    static const char *const words[] = {
        "220 mx\r\n",
        "220-",
        "250-",
        "250 STARTTLS\r\n",
        "STARTTLS\r\n",
        "EHLO x\r\n",
        "\r\n",
        "+OK\r\n",
        "-ERR\r\n",
        ".\r\n",
        "CAPA\r\n",
        "STLS\r\n",
        "* OK x\r\n",
        "a STARTTLS\r\n",
        "a OK\r\n",
        "* CAPABILITY ",
        "OK\r\n",
        "\"STARTTLS\"\r\n",
        "AUTH TLS\r\n",
        "234 x\r\n",
        "211-x\r\n",
        "211 x\r\n",
        "AUTH PLAIN\r\n",
        "334 \r\n",
        ":i 670 x\r\n",
        ":i CAP * LS :tls\r\n",
        "CAP LS\r\n",
        "<?xml x>",
        "<stream:stream>",
        "<stream:features>",
        "</stream:features>",
        "<starttls/>",
        "<proceed/>",
        "CONNECT x HTTP/1.1\r\n",
        "HTTP/1.1 200 OK\r\n",
        "PROXY x\r\n",
        "S",
        "N",
        "\x05\x01",
        "\x16\x03\x01\x00\x20\x01",
        "\x80\x2e\x01\x03\x01",
    };
    enum { COUNT = sizeof words / sizeof *words, LINES = 12, ROUNDS = 20000 };
    uint32_t random = 1;
    (void)state;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct script script = {.name = "random", .no_syn = round % 3 == 0};
        for (size_t i = 0; i < LINES; i++) {
            random = random * 1664525U + 1013904223U;
            const char *word = words[(random >> 10U) % COUNT];
            script.lines[i] = (struct line){(random >> 30U) & 1U, word, strlen(word)};
        }
        demand_same_however_cut(&script);
    }
}

/* ---- holes ---- */

static void test_nothing_follows_from_half_a_list(void **state) {
    (void)state;
    dialogue_init(&reader, CLIENT);
    feed_text(SERVER, "220 mx ESMTP\r\n");
    feed_text(CLIENT, "EHLO me\r\n");
    feed_text(SERVER, "250-mx\r\n250-SI");
    dialogue_hole(&reader, SERVER);
    feed_text(SERVER, "E\r\n250 HELP\r\n");
    assert_false(dialogue_has(&reader.facts, DIALOGUE_NOT_ADVERTISED));
    feed_text(CLIENT, "EHLO me\r\n");
    feed_text(SERVER, "250-mx\r\n250 HELP\r\n");
    assert_true(dialogue_has(&reader.facts, DIALOGUE_NOT_ADVERTISED));
}

static void test_no_answer_is_taken_for_another(void **state) {
    (void)state;
    dialogue_init(&reader, CLIENT);
    feed_text(SERVER, "220 mx ESMTP\r\n");
    feed_text(CLIENT, "EHLO me\r\n");
    feed_text(SERVER, "250 STARTTLS\r\n");
    feed_text(CLIENT, "STARTTLS\r\n");
    dialogue_hole(&reader, SERVER);
    feed_text(SERVER, "ext of a line\r\n554 who are you?\r\n");
    assert_true(dialogue_has(&reader.facts, DIALOGUE_ASKED));
    assert_false(dialogue_has(&reader.facts, DIALOGUE_REFUSED));
}

/* The line that the hole cut is passed over; the next one counts. */
static void test_lines_after_a_hole(void **state) {
    (void)state;
    dialogue_init(&reader, CLIENT);
    feed_text(SERVER, "220 mx ESMTP\r\n");
    feed_text(CLIENT, "EHLO me\r\n");
    dialogue_hole(&reader, CLIENT);
    feed_text(CLIENT, "STARTTLS\r\nAUTH PLAIN AGEAYg==\r\nSTARTTLS");
    assert_false(dialogue_has(&reader.facts, DIALOGUE_ASKED));
    assert_true(dialogue_has(&reader.facts, DIALOGUE_LOGIN));
    feed_text(CLIENT, "\r\n");
    assert_true(dialogue_has(&reader.facts, DIALOGUE_ASKED));
    feed_text(SERVER, "504 what?\r\n220 go\r\n");
    assert_true(dialogue_has(&reader.facts, DIALOGUE_GRANTED));
    assert_false(dialogue_has(&reader.facts, DIALOGUE_REFUSED));
}

static void test_tls_after_a_hole(void **state) {
    size_t eaten = 9;
    (void)state;
    dialogue_init(&reader, CLIENT);
    feed_text(SERVER, "220 mx ESMTP\r\n");
    dialogue_hole(&reader, CLIENT);
    feed_text(CLIENT, "RTTLS\r\n");
    assert_int_equal(feed(CLIENT, TLS_OFFER_BYTES, sizeof TLS_OFFER_BYTES - 1, &eaten),
                     DIALOGUE_TLS_BEGINS);
    assert_int_equal(eaten, 0);
    dialogue_hole(&reader, SERVER);
    dialogue_begin_tls(&reader, SERVER, 7, 7);
    assert_int_equal(feed_text(SERVER, "anything"), DIALOGUE_TLS_BEGINS);
    assert_int_equal(dialogue_kept(&reader, SERVER).size, 0);
}

/* What is kept of a line is not all of it: words behind may be what is looked for. */
static void test_nothing_follows_from_a_cut_line(void **state) {
    static const char *const openings[] = {"* OK [CAPABILITY ", "* CAPABILITY ",
                                           ":irc.example CAP * LS :"};
    (void)state;
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        dialogue_init(&reader, CLIENT);
        feed_text(SERVER, i == 2 ? ":irc.example NOTICE * :x\r\n" : "* OK ready\r\n");
        feed_text(SERVER, openings[i]);
        for (size_t word = 0; word < 100; word++)
            feed_text(SERVER, "IDLE ID ");
        assert_int_equal(feed_text(SERVER, "STARTTLS tls\r\n"), DIALOGUE_GOES_ON);
        assert_false(dialogue_has(&reader.facts, DIALOGUE_NOT_ADVERTISED));
    }
}

static void test_tls_is_told_once(void **state) {
    size_t eaten = 0;
    (void)state;
    dialogue_init(&reader, CLIENT);
    feed_text(SERVER, "220 mx ESMTP\r\n");
    feed_text(CLIENT, "STARTTLS\r\n");
    feed_text(SERVER, "220 go\r\n");
    for (size_t i = 0; i < 6; i++)
        (void)feed(CLIENT, &TLS_OFFER_BYTES[i], 1, &eaten);
    assert_int_equal(dialogue_kept(&reader, CLIENT).size, 5);
    dialogue_begin_tls(&reader, CLIENT, 9, 9);
    assert_int_equal(dialogue_kept(&reader, CLIENT).size, 5);
    assert_false(dialogue_has(&reader.facts, DIALOGUE_EARLY_BYTES));
    /* And a line that was begun before it is early. */
    feed_text(SERVER, "250 inj");
    dialogue_begin_tls(&reader, SERVER, 9, 9);
    assert_true(dialogue_has(&reader.facts, DIALOGUE_EARLY_BYTES));
}

/* Bytes of unknown place between binary messages: no message is found in them any more. */
static void test_binary_protocols_stay_lost(void **state) {
    size_t eaten = 0;
    (void)state;
    dialogue_init(&reader, CLIENT);
    assert_int_equal(feed(CLIENT, "\x00\x00\x00\x08\x04\xd2\x16\x2f", 8, &eaten), DIALOGUE_GOES_ON);
    dialogue_hole(&reader, SERVER);
    assert_int_equal(feed_text(SERVER, "R then more"), DIALOGUE_GOES_ON);
    assert_false(dialogue_has(&reader.facts, DIALOGUE_GRANTED));
    dialogue_init(&reader, CLIENT);
    dialogue_hole(&reader, SERVER);
    assert_int_equal(feed_text(SERVER, "220 mx\r\n"), DIALOGUE_FOREIGN);
}

static void test_may_start(void **state) {
    static const struct {
        const char *bytes;
        size_t size;
        bool may;
    } cases[] = {
        {"220 mx", 6, true},
        {"STARTTLS\r\n", 10, true},
        {"a1 STARTTLS\r\n", 13, true},
        {"CONNECT a:1 HTTP/1.1\r\n", 22, true},
        {"\x05\x01\x00", 3, true},
        {"PROXY TCP4 ", 11, true},
        {"PROXY T", 7, true},
        {"PROXY", 5, false}, /* too little to make a session for */
        {"\r\n\r\n\x00\r\nQUIT\n", 12, true},
        {"", 0, false},
        {"2", 1, false},
        {"\x00\x00\x00\x00\x00\x00", 6, false},
        {"GET / HTTP/1.1\r\n", 16, false},
        {"POST / HTTP/1.1\r\n", 17, false},
        {"HTTP/1.1 200 OK\r\n", 17, false},
        {"SSH-2.0-x\r\n", 11, false},
        {"\x16\x03\x01\x00\x20\x01", 6, false},
        {"\x13"
         "BitTorrent protocol",
         20, false},
        {"*3\r\n$3\r\nSET\r\n", 13, false},
        {"\x05\x00\x0b\x03\x10\x00\x00\x00", 8, false},
        {"\x03\x00\x00\x1f\x02\xf0\x80", 7, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (dialogue_may_start(span_of(cases[i].bytes, cases[i].size)) != cases[i].may)
            fail_msg("row %zu: %s", i, cases[i].bytes);
}

static void test_names(void **state) {
    (void)state;
    for (unsigned protocol = 1; protocol < DIALOGUE_PROTOCOL_COUNT; protocol++)
        assert_true(strlen(dialogue_protocol_name((enum dialogue_protocol)protocol)) > 2);
    assert_string_equal(dialogue_protocol_name(DIALOGUE_NONE), "");
    assert_string_equal(dialogue_protocol_name(DIALOGUE_PROXY), "proxy");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_endless_lines),
        cmocka_unit_test(test_endless_nuls),
        cmocka_unit_test(test_endless_empty_lines),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_words_at_random),
        cmocka_unit_test(test_nothing_follows_from_half_a_list),
        cmocka_unit_test(test_no_answer_is_taken_for_another),
        cmocka_unit_test(test_lines_after_a_hole),
        cmocka_unit_test(test_tls_after_a_hole),
        cmocka_unit_test(test_nothing_follows_from_a_cut_line),
        cmocka_unit_test(test_tls_is_told_once),
        cmocka_unit_test(test_binary_protocols_stay_lost),
        cmocka_unit_test(test_may_start),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
