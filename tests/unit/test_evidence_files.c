/*
 * test_evidence_files.c - the file of an alert: which packets, what is said of them, and what
 * happens when there is no room, no packet or no directory.
 */
#include "capture.h"
#include "evidence_files.h"
#include "packet_notes.h"
#include "pcapng_block.h"
#include "pcapng_writer.h"
#include "verdict_scene.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { FRAME = 100, FILE_ROOM = 2 << 20 };

static char folder[] = "/tmp/downgrd-test-XXXXXX";
static uint8_t content[FILE_ROOM];
static size_t content_size;

struct fixture {
    struct verdict_scene scene;
    struct evidence_files *files;
    struct packet_ring *ring;
    const char *path;
};

static void set_up(struct fixture *fixture, const struct evidence_config *config) {
    verdict_scene_init(&fixture->scene, "bank.example.test");
    fixture->files = evidence_files_new(config, 1);
    assert_non_null(fixture->files);
    fixture->ring = evidence_files_ring(fixture->files, 0);
    fixture->path = NULL;
    packet_ring_begin(fixture->ring, &fixture->scene.source);
}

static struct evidence_config default_config(void) {
    struct evidence_config config;
    evidence_default_config(&config);
    config.dir = folder;
    config.memory = PACKET_RING_MIN_BYTES;
    return config;
}

static void add_packet(struct fixture *fixture, uint64_t number, uint16_t client_port, size_t size,
                       int link_type) {
    static uint8_t bytes[FRAME + 70000];
    const struct handshake *handshake = &fixture->scene.scene.handshake;
    const struct packet packet = {
        .ip_version = handshake->ip_version,
        .protocol = IP_PROTOCOL_TCP,
        .source = handshake->client.address,
        .destination = handshake->server.address,
        .source_port = client_port,
        .destination_port = handshake->server.port,
        .tcp_flags = number == 1 ? TCP_SYN : TCP_ACK,
    };
    memset(bytes, (int)number, size);
    const struct ring_frame frame = {number, handshake->started_us + number, size + 3, link_type,
                                     span_of(bytes, size)};
    packet_ring_add(fixture->ring, &packet, &frame);
}

/* The connection's packets 1 to `last`. */
static void add_connection(struct fixture *fixture, uint64_t last, size_t size) {
    for (uint64_t number = 1; number <= last; number++)
        add_packet(fixture, number, 40000, size, LINK_ETHERNET);
}

static enum keep_result keep(struct fixture *fixture) {
    const struct sink *sink = evidence_files_sink(fixture->files);
    return sink->keep(sink->context, &fixture->scene.alert, &fixture->path);
}

/* What was written: as often as there are frames of these numbers (the bytes of a frame are its
 * number's), in order. */
static size_t read_back(const struct fixture *fixture, uint64_t numbers[], size_t room) {
    char error[CAPTURE_ERROR_SIZE];
    struct capture_packet packet;
    size_t count = 0;
    struct capture *capture = capture_open_file(fixture->path, NULL, error);
    assert_non_null(capture);
    while (capture_next(capture, &packet) == 1) {
        assert_true(count < room);
        assert_int_equal(packet.wire_size, packet.frame.size + 3);
        numbers[count++] = packet.time_us - fixture->scene.scene.handshake.started_us;
        assert_int_equal(packet.frame.data[0], (uint8_t)numbers[count - 1]);
    }
    capture_close(capture);
    FILE *file = fopen(fixture->path, "rb");
    assert_non_null(file);
    content_size = fread(content, 1, sizeof content - 1, file);
    content[content_size] = '\0';
    fclose(file);
    return count;
}

static bool file_says(const char *text) {
    size_t length = strlen(text);
    for (size_t i = 0; i + length <= content_size; i++) {
        if (memcmp(content + i, text, length) == 0)
            return true;
    }
    return false;
}

static void tear_down(struct fixture *fixture) {
    char path[512];
    bool is_clean = true;
    DIR *directory = opendir(folder);
    for (struct dirent *entry = NULL; directory && (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        is_clean = is_clean && entry->d_name[0] != '.'; /* no temporary file is left behind */
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        (void)unlink(path);
    }
    if (directory)
        closedir(directory);
    evidence_files_delete(fixture->files);
    assert_int_equal(rmdir(folder), 0);
    assert_true(is_clean);
}

static void test_a_file_tells_the_alert(void **state) {
    (void)state;
    static const char *const says[] = {
        "downgrade-sentinel: The server marked",
        "client 192.0.2.1 port 40000, server 198.51.100.1 port 443",
        "domain bank.example.test",
        "confidence high",
        "alert id 00112233445566778899aabbccddeeff",
        "this server earlier: expected TLS 1.3, observed TLS 1.2",
        "packet 8:\nversion: expected TLS 1.3 (offered in packet 4), observed TLS 1.2\n",
        ", observed TLS 1.2\nServerHello: chooses TLS 1.2",
        "packet 4:\nClientHello: offers up to TLS 1.3",
        "packet 12:\nTLS alert in clear, in the client's name: fatal illegal_parameter (47)",
    };
    struct fixture fixture;
    struct stat info;
    uint64_t numbers[32];
    const struct evidence_config config = default_config();
    set_up(&fixture, &config);
    add_connection(&fixture, 12, FRAME);
    add_packet(&fixture, 13, 41000, FRAME, LINK_ETHERNET); /* another connection */
    add_packet(&fixture, 14, 40000, FRAME, LINK_RAW);
    assert_int_equal(keep(&fixture), KEEP_WRITTEN);
    assert_non_null(strstr(fixture.path, "/00112233445566778899aabbccddeeff.pcapng"));
    assert_int_equal(stat(fixture.path, &info), 0);
    assert_int_equal(info.st_mode & 0777U, 0600);
    assert_int_equal(read_back(&fixture, numbers, 32), 13);
    assert_int_equal(numbers[12], 14);
    for (size_t i = 0; i < sizeof says / sizeof says[0]; i++)
        if (!file_says(says[i]))
            fail_msg("the file does not say: %s", says[i]);
    assert_false(file_says("not here"));
    /* The same again replaces it. */
    assert_int_equal(keep(&fixture), KEEP_WRITTEN);
    assert_int_equal(evidence_files_counts(fixture.files).written, 2);
    tear_down(&fixture);
}

static void test_other_classes(void **state) {
    (void)state;
    for (int all = 0; all < 2; all++) {
        struct fixture fixture;
        struct evidence_config config = default_config();
        config.all_classes = all != 0;
        set_up(&fixture, &config);
        add_connection(&fixture, 12, FRAME);
        fixture.scene.alert.rule = rules_find("legacy-version");
        assert_int_equal(keep(&fixture), all ? KEEP_WRITTEN : KEEP_NOTHING);
        tear_down(&fixture);
    }
}

static void test_named_packets_come_first(void **state) {
    (void)state;
    struct fixture fixture;
    uint64_t numbers[400];
    const struct evidence_config config = default_config();
    set_up(&fixture, &config);
    finding_add(&fixture.scene.finding, "late", 400, "nothing", "this");
    finding_add(&fixture.scene.finding, "gone", 100000, "nothing", "that");
    add_connection(&fixture, 450, FRAME);
    assert_int_equal(keep(&fixture), KEEP_WRITTEN);
    assert_int_equal(read_back(&fixture, numbers, 400), 256);
    assert_int_equal(numbers[0], 1);
    assert_int_equal(numbers[254], 255);
    assert_int_equal(numbers[255], 400);
    assert_true(file_says("not here: 195 more packets"));
    assert_true(file_says("not here, though the alert names them: packets 100000"));
    tear_down(&fixture);
}

static void test_a_megabyte_an_alert(void **state) {
    (void)state;
    struct fixture fixture;
    uint64_t numbers[64];
    struct evidence_config config = default_config();
    config.memory = 4 << 20;
    set_up(&fixture, &config);
    add_connection(&fixture, 40, 65000);
    assert_int_equal(keep(&fixture), KEEP_WRITTEN);
    assert_int_equal(read_back(&fixture, numbers, 64), (1 << 20) / 65000);
    assert_true(content_size < (1 << 20) + 4096);
    tear_down(&fixture);
}

static void test_an_earlier_connection_that_is_named(void **state) {
    (void)state;
    struct fixture fixture;
    uint64_t numbers[64];
    const struct evidence_config config = default_config();
    set_up(&fixture, &config);
    for (uint64_t number = 1; number <= 5; number++)
        add_packet(&fixture, number, 39000, FRAME, LINK_ETHERNET);
    add_packet(&fixture, 6, 38000, FRAME, LINK_ETHERNET);
    for (uint64_t number = 7; number <= 12; number++)
        add_packet(&fixture, number, 40000, FRAME, LINK_ETHERNET);
    fixture.scene.scene.handshake.started_packet = 7;
    fixture.scene.scene.handshake.side[SIDE_CLIENT].hello_packet = 10;
    finding_add(&fixture.scene.finding, "first try", 3, "succeeds", "reset");
    assert_int_equal(keep(&fixture), KEEP_WRITTEN);
    assert_int_equal(read_back(&fixture, numbers, 64), 11);
    assert_int_equal(numbers[4], 5);
    assert_int_equal(numbers[5], 7);
    tear_down(&fixture);
}

static void test_a_beginning_that_is_gone(void **state) {
    (void)state;
    struct fixture fixture;
    uint64_t numbers[64];
    const struct evidence_config config = default_config();
    set_up(&fixture, &config);
    for (uint64_t number = 5; number <= 12; number++)
        add_packet(&fixture, number, 40000, FRAME, LINK_ETHERNET);
    assert_int_equal(keep(&fixture), KEEP_WRITTEN);
    assert_int_equal(read_back(&fixture, numbers, 64), 8);
    assert_true(file_says("not here: the connection's beginning"));
    assert_true(file_says("not here, though the alert names them: packets 4"));
    tear_down(&fixture);
}

static void test_bounds_of_a_run(void **state) {
    (void)state;
    static const struct {
        size_t max_files;
        size_t max_bytes;
        size_t last; /* packets of the connection */
        unsigned written;
    } rows[] = {{3, 1 << 20, 12, 3},
                {100, 8000, 12, 3},
                {0, 1 << 20, 12, 0},
                {5, 100, 12, 0},
                {5, 1 << 20, 0, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct fixture fixture;
        struct evidence_config config = default_config();
        config.max_files = rows[i].max_files;
        config.max_bytes = rows[i].max_bytes;
        set_up(&fixture, &config);
        add_connection(&fixture, rows[i].last, FRAME);
        for (unsigned alert = 0; alert < 6; alert++) {
            fixture.path = NULL;
            fixture.scene.alert.id[0] = (char)('0' + alert);
            enum keep_result result = keep(&fixture);
            assert_int_equal(result, alert < rows[i].written ? KEEP_WRITTEN : KEEP_LOST);
            assert_int_equal(fixture.path != NULL, alert < rows[i].written);
        }
        struct evidence_counts counts = evidence_files_counts(fixture.files);
        assert_int_equal(counts.written, rows[i].written);
        assert_int_equal(counts.past_bounds, 6 - rows[i].written);
        assert_int_equal(counts.failed, 0);
        assert_true(counts.bytes <= rows[i].max_bytes);
        tear_down(&fixture);
    }
}

/* A run that lasts: the next day has its own files. */
static void test_bounds_of_a_day(void **state) {
    (void)state;
    struct fixture fixture;
    struct evidence_config config = default_config();
    config.max_files = 2;
    config.is_daily = true;
    set_up(&fixture, &config);
    add_connection(&fixture, 12, FRAME);
    for (unsigned alert = 0; alert < 9; alert++) {
        if (alert == 3 || alert == 6)
            fixture.scene.scene.handshake.ended_us += UINT64_C(86400) * 1000000;
        fixture.scene.alert.id[0] = (char)('0' + alert);
        assert_int_equal(keep(&fixture), alert % 3 < 2 ? KEEP_WRITTEN : KEEP_LOST);
    }
    assert_int_equal(evidence_files_counts(fixture.files).written, 6);
    assert_int_equal(evidence_files_counts(fixture.files).past_bounds, 3);
    tear_down(&fixture);
}

static void test_a_source_without_a_ring(void **state) {
    (void)state;
    struct fixture fixture;
    struct source other = {0};
    const struct evidence_config config = default_config();
    set_up(&fixture, &config);
    add_connection(&fixture, 12, FRAME);
    fixture.scene.verdict.source = &other;
    assert_int_equal(keep(&fixture), KEEP_LOST);
    tear_down(&fixture);
}

static void test_a_directory_that_vanishes(void **state) {
    (void)state;
    struct fixture fixture;
    const struct evidence_config config = default_config();
    set_up(&fixture, &config);
    add_connection(&fixture, 12, FRAME);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(keep(&fixture), KEEP_LOST);
    assert_int_equal(evidence_files_counts(fixture.files).failed, 1);
    assert_int_equal(mkdir(folder, 0700), 0);
    tear_down(&fixture);
}

static void test_a_file_in_the_place_of_the_directory(void **state) {
    (void)state;
    struct evidence_config config = default_config();
    config.dir = "/dev/null";
    assert_null(evidence_files_new(&config, 1));
    config.dir = "/nonexistent/below";
    assert_null(evidence_files_new(&config, 1));
}

static void test_hostile_names(void **state) {
    (void)state;
    static const uint8_t name[] = "a\x1b]0;x\x07\n\\\"\xff\0b.example";
    struct fixture fixture;
    uint64_t numbers[32];
    const struct evidence_config config = default_config();
    set_up(&fixture, &config);
    (void)snprintf(fixture.scene.verdict.domain.name, DOMAIN_SIZE, "_invalid");
    fixture.scene.scene.handshake.offer.server_name = span_of(name, sizeof name - 1);
    add_connection(&fixture, 12, FRAME);
    assert_int_equal(keep(&fixture), KEEP_WRITTEN);
    (void)read_back(&fixture, numbers, 32);
    assert_true(file_says("domain _invalid, sent as "
                          "a\\x1b]0;x\\x07\\x0a\\x5c\"\\xff\\x00b.example\nconfidence"));
    tear_down(&fixture);
}

/* Every row that there is, filled to the brim. */
static void test_everything_fits(void **state) {
    (void)state;
    struct fixture fixture;
    uint64_t numbers[300];
    struct evidence_config config = default_config();
    config.memory = 4 << 20;
    set_up(&fixture, &config);
    struct handshake *handshake = &fixture.scene.scene.handshake;
    char text[EVIDENCE_TEXT_SIZE];
    memset(text, '\\', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fixture.scene.finding.evidence_count = 0;
    for (uint64_t i = 0; i < FINDING_MAX_EVIDENCE; i++)
        finding_add(&fixture.scene.finding, text, i % 2 ? i : 0, text, text);
    handshake->alert_count = HANDSHAKE_MAX_ALERTS;
    handshake->suspect_count = TRANSPORT_MAX_SUSPECTS;
    handshake->conflict_count = TRANSPORT_MAX_CONFLICTS;
    for (size_t i = 0; i < HANDSHAKE_MAX_ALERTS; i++)
        handshake->alerts[i] = (struct handshake_alert){.packet = 20 + i, .level = 2};
    for (size_t i = 0; i < TRANSPORT_MAX_SUSPECTS; i++) {
        handshake->suspects[i].kind = (uint8_t)(i % 3);
        handshake->suspects[i].mark.packet = 30 + i;
        handshake->suspects[i].data_after_packet = 40 + i;
        handshake->suspects[i].is_in_encrypted_epoch = true;
    }
    for (size_t i = 0; i < TRANSPORT_MAX_CONFLICTS; i++) {
        handshake->conflicts[i].first.size = TRANSPORT_CONFLICT_SIZE;
        handshake->conflicts[i].first.mark.packet = 50 + i;
        handshake->conflicts[i].second.size = 3;
        handshake->conflicts[i].second.mark.packet = 60 + i;
    }
    handshake->conflict_packet = 70;
    handshake->malformed = MALFORMED_RECORD;
    handshake->malformed_packet = 71;
    add_connection(&fixture, 500, 4096);
    assert_int_equal(keep(&fixture), KEEP_WRITTEN);
    assert_int_equal(read_back(&fixture, numbers, 300), 256);
    assert_true(file_says("packet 71:\nbreaks the format"));
    assert_true(file_says("the client goes on, after the TLS alert of packet 30"));
    assert_true(file_says("...; packet 60 has other bytes there"));
    assert_true(file_says("in clear after encryption began"));
    tear_down(&fixture);
}

static void test_comments_are_cut_between_characters(void **state) {
    (void)state;
    for (size_t room = 1; room < 24; room++) {
        char text[24];
        memset(text, 'x', sizeof text);
        struct comment comment = comment_of(text, room);
        comment_add(&comment, "%s", "ab");
        comment_add_bytes(&comment, span_of("\x01\x02\x03\x04", 4));
        assert_int_equal(strlen(text), comment.size);
        assert_true(comment.size < room);
        assert_true(comment.size <= 2 || (comment.size - 2) % 4 == 0);
    }
}

/* A buffer of any size holds whole blocks or says that it failed. */
static void test_writer_without_room(void **state) {
    (void)state;
    const struct pcapng_frame frame = {
        .time_us = UINT64_C(0x123456789a), .wire_size = 9, .id = 7, .bytes = span_of("abcde", 5)};
    size_t whole = 0;
    for (size_t room = 400; room-- > 0;) {
        uint8_t *bytes = malloc(room ? room : 1);
        assert_non_null(bytes);
        struct pcapng_writer writer = pcapng_writer_of(bytes, room);
        pcapng_put_section(&writer, "test", "one\ntwo");
        pcapng_put_interface(&writer, LINK_RAW);
        pcapng_put_packet(&writer, &frame, "said");
        pcapng_put_packet(&writer, &frame, NULL);
        if (room == 399) {
            struct pcapng_packet packet;
            struct pcapng_interface interface;
            whole = writer.size;
            assert_true(pcapng_interface_read(span_of(bytes + 60, 20), false, &interface));
            assert_int_equal(interface.link_type, LINK_RAW);
            assert_int_equal(interface.resolution, 6);
            assert_true(pcapng_packet_read(PCAPNG_ENHANCED_PACKET, span_of(bytes + 92, 40), false,
                                           &packet));
            assert_int_equal(packet.ticks, frame.time_us);
            assert_int_equal(packet.size, 5);
            assert_int_equal(packet.wire_size, 9);
        }
        assert_int_equal(writer.failed, room < whole);
        assert_true(writer.size <= room && writer.size % 4 == 0);
        free(bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_tells_the_alert),
        cmocka_unit_test(test_other_classes),
        cmocka_unit_test(test_named_packets_come_first),
        cmocka_unit_test(test_a_megabyte_an_alert),
        cmocka_unit_test(test_an_earlier_connection_that_is_named),
        cmocka_unit_test(test_a_beginning_that_is_gone),
        cmocka_unit_test(test_bounds_of_a_run),
        cmocka_unit_test(test_bounds_of_a_day),
        cmocka_unit_test(test_a_source_without_a_ring),
        cmocka_unit_test(test_a_directory_that_vanishes),
        cmocka_unit_test(test_a_file_in_the_place_of_the_directory),
        cmocka_unit_test(test_hostile_names),
        cmocka_unit_test(test_everything_fits),
        cmocka_unit_test(test_comments_are_cut_between_characters),
        cmocka_unit_test(test_writer_without_room),
    };
    /* A name that nobody else has; evidence_files_new() makes the folder. */
    if (mkdtemp(folder) == NULL || rmdir(folder) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
