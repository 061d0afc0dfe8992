/* The terminal view: whole blocks as printed, escaping, wrapping, the table's sorting and sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "publish.h"
#include "terminal_text.h"
#include "verdict_scene.h"

/* A terminal that prints into memory. */
struct screen {
    FILE *out;
    char *text;
    size_t size;
    struct terminal *terminal;
};

static void screen_open(struct screen *screen, struct terminal_config config) {
    *screen = (struct screen){0};
    screen->out = open_memstream(&screen->text, &screen->size);
    assert_non_null(screen->out);
    config.out = screen->out;
    screen->terminal = terminal_new(&config);
    assert_non_null(screen->terminal);
}

static const char *screen_text(struct screen *screen) {
    assert_int_equal(fflush(screen->out), 0);
    return screen->text;
}

static void screen_close(struct screen *screen) {
    terminal_delete(screen->terminal);
    assert_int_equal(fclose(screen->out), 0);
    free(screen->text);
}

static void show(struct screen *screen, const struct alert *alert) {
    const struct sink *sink = terminal_sink(screen->terminal);
    sink->alert(sink->context, alert);
}

static void assert_lines_within(const char *text, size_t width) {
    for (const char *at = text; *at; at++) {
        size_t size = strcspn(at, "\n");
        if (size > width)
            fail_msg("%zu columns: %.*s", size, (int)size, at);
        at += size;
        if (*at == '\0')
            break;
    }
}

static void assert_harmless(const char *text) {
    for (; *text; text++)
        assert_true((*text >= ' ' && *text <= '~') || *text == '\n');
}

static void test_alert_block(void **state) {
    (void)state;
    struct screen screen;
    screen_open(&screen, (struct terminal_config){.max_domains = 20});
    struct verdict_scene scene;
    verdict_scene_init(&scene, "example.com");
    struct rule rule = *scene.alert.rule;
    rule.title = "The title";
    rule.advice = "Do this, then that.";
    scene.alert.rule = &rule;
    show(&screen, &scene.alert);
    assert_string_equal(
        screen_text(&screen),
        "HIGH  downgrade-sentinel  example.com  192.0.2.1:40000 -> 198.51.100.1:443  confidence "
        "high\n"
        "      2026-11-23 12:00:00 UTC\n"
        "      The title\n"
        "      offered up to TLS 1.3, got TLS 1.2 with TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "
        "failed\n"
        "      packets 1-20 of capture.pcap\n"
        "      version:  expected: TLS 1.3 (offered in packet 4)  observed: TLS 1.2  packet 8\n"
        "      this server earlier:  expected: TLS 1.3  observed: TLS 1.2\n"
        "      next: Do this, then that.\n"
        "      alert id 00112233445566778899aabbccddeeff\n"
        "\n");
    screen_close(&screen);
}

static void test_alert_variants(void **state) {
    (void)state;
    struct screen screen;
    screen_open(&screen, (struct terminal_config){.max_domains = 20});
    struct verdict_scene scene;
    verdict_scene_versions(&scene, "example.com", 0x0304, 0);
    scene.alert.repeats = 12;
    scene.alert.rule = rules_find("legacy-version");
    scene.scene.handshake.ip_version = 6;
    show(&screen, &scene.alert);
    assert_non_null(strstr(screen_text(&screen), "legacy-version  (policy)  example.com"));
    assert_non_null(strstr(screen.text, "seen 12 times"));
    assert_non_null(strstr(screen.text, "[c000:201::]:40000 -> [c633:6401::]:443"));
    assert_non_null(strstr(screen.text, "offered up to TLS 1.3, got no ServerHello, completed"));
    screen_close(&screen);

    screen_open(&screen, (struct terminal_config){.quiet = true});
    show(&screen, &scene.alert);
    assert_string_equal(screen_text(&screen), "");
    screen_close(&screen);

    screen_open(&screen, (struct terminal_config){.colour = true});
    verdict_scene_init(&scene, "example.com");
    show(&screen, &scene.alert);
    assert_ptr_equal(strstr(screen_text(&screen), "\033[1;31mHIGH\033[0m  downgrade-sentinel"),
                     screen.text);
    screen_close(&screen);
}

/* What was around the handshake, and names that are not the real ones. */
static void test_way(void **state) {
    (void)state;
    struct screen screen;
    screen_open(&screen, (struct terminal_config){.max_domains = 20});
    struct verdict_scene scene;
    verdict_scene_init(&scene, "cover.example");
    struct handshake *handshake = &scene.scene.handshake;
    handshake->tunnel_count = 2;
    handshake->tunnels[0].type = TUNNEL_PPPOE;
    handshake->tunnels[1].type = TUNNEL_VXLAN;
    handshake->carrier = CARRIER_DIALOGUE;
    handshake->dialogue.protocol = DIALOGUE_SMTP;
    handshake->protocol = HANDSHAKE_QUIC;
    scene.verdict.domain.source = DOMAIN_FROM_ECH_OUTER;
    show(&screen, &scene.alert);
    assert_non_null(
        strstr(screen_text(&screen), "cover.example  (outer name: the real one is encrypted)"));
    assert_non_null(
        strstr(screen.text, "inside pppoe  inside vxlan  carrier smtp  over QUIC  packets 1-20"));
    screen_close(&screen);

    screen_open(&screen, (struct terminal_config){.max_domains = 20});
    handshake->has = HANDSHAKE_HAS_DIALOGUE;
    handshake->protocol = HANDSHAKE_TLS;
    show(&screen, &scene.alert);
    assert_non_null(strstr(screen_text(&screen), "no TLS came of it  inside pppoe"));
    assert_null(strstr(screen.text, "offered up to"));
    screen_close(&screen);
}

/* Long and hostile names: nothing but printable ASCII, nothing beyond the width but one long word.
 */
static void test_hostile_alert(void **state) {
    (void)state;
    struct screen screen;
    screen_open(&screen, (struct terminal_config){.max_domains = 20});
    struct verdict_scene scene;
    char name[DOMAIN_SIZE];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    verdict_scene_init(&scene, name);
    show(&screen, &scene.alert);
    assert_non_null(strstr(screen_text(&screen), name));
    screen_close(&screen);

    screen_open(&screen, (struct terminal_config){.max_domains = 20});
    verdict_scene_init(&scene, "_invalid");
    scene.scene.handshake.offer.server_name = span_of("\033[2J\r\n\xff\\", 8);
    scene.source.name = "evil\033]0;x\007\n.pcap";
    for (size_t i = 0; i < EVIDENCE_TEXT_SIZE - 1; i++)
        scene.finding.evidence[0].observed[i] = i % 9 == 8 ? ' ' : 'y';
    show(&screen, &scene.alert);
    assert_harmless(screen_text(&screen));
    assert_lines_within(screen.text, TEXT_WIDTH);
    assert_non_null(strstr(screen.text, "_invalid  (sent: \"\\x1b[2J\\x0d\\x0a\\xff\\x5c\")"));
    assert_non_null(strstr(screen.text, "of evil\\x1b]0;x\\x07\\x0a.pcap"));
    screen_close(&screen);
}

static void test_escape(void **state) {
    (void)state;
    char text[16];
    assert_string_equal(text_escape(span_of("", 0), text, sizeof(text)), "");
    assert_string_equal(text_escape(span_of("a\0b", 3), text, sizeof(text)), "a\\x00b");
    assert_string_equal(text_escape(span_of("123456789012345", 15), text, 16), "123456789012345");
    assert_string_equal(text_escape(span_of("1234567890123456", 16), text, 16), "123456789012...");
    assert_string_equal(text_escape(span_of("\xff\xff\xff\xff", 4), text, 16),
                        "\\xff\\xff\\xff...");
    for (size_t size = 8; size <= sizeof(text); size++) /* never past the buffer */
        for (size_t count = 0; count <= 16; count++) {
            char *exact = malloc(size);
            assert_non_null(exact);
            text_escape(span_of("\xff\xffzz\xffz\xff\xffzzzz\xff\xffz\xff", count), exact, size);
            assert_true(strlen(exact) < size);
            free(exact);
        }
}

static const struct run_stats plain_stats = {.packets = 1000,
                                             .flows = 20,
                                             .handshakes = 13,
                                             .half_seen = 1,
                                             .alerts = 1,
                                             .alerts_folded = 2,
                                             .attack_alerts = 3,
                                             .packets_ignored = 4,
                                             .first_us = SCENE_HELLO_US,
                                             .last_us = SCENE_HELLO_US + 61000000};

static struct usage_meter *meter;

static void add_verdict(struct usage *usage, const struct verdict *verdict) {
    struct usage_event event;
    usage_meter_read(meter, verdict, verdict->domain.name, &event);
    usage_add(usage, &event);
}

static int make_meter(void **state) {
    (void)state;
    meter = usage_meter_new(false);
    return meter == NULL;
}

static int delete_meter(void **state) {
    (void)state;
    usage_meter_delete(meter);
    return 0;
}

static void add_many(struct usage *usage, const char *domain, uint16_t offered, uint16_t chosen,
                     unsigned count) {
    struct verdict_scene scene;
    verdict_scene_versions(&scene, domain, offered, chosen);
    for (unsigned i = 0; i < count; i++) {
        scene.scene.handshake.client.address.bytes[3] = (uint8_t)(i % 2);
        add_verdict(usage, &scene.verdict);
    }
}

static void test_table(void **state) {
    (void)state;
    struct usage *usage = usage_new(64);
    add_many(usage, "modern.example", 0x0304, 0x0304, 5);
    add_many(usage, "old.example", 0x0301, 0x0301, 2);
    add_many(usage, "old.example", 0x0304, 0x0303, 1);
    add_many(usage, "old.example", 0x0304, 0, 1); /* no ServerHello: not in the share */
    add_many(usage, "busy.example", 0x0303, 0x0303, 3);
    add_many(usage, "also.example", 0x0304, 0x0304, 1);
    struct screen screen;
    screen_open(&screen, (struct terminal_config){.max_domains = 3});
    terminal_table(screen.terminal, usage, &plain_stats);
    const char *text = screen_text(&screen);
    assert_harmless(text);
    assert_lines_within(text, TEXT_WIDTH);
    const char *table_end = strstr(text, "\n\n");
    assert_non_null(table_end);
    screen.text[table_end - text] = '\0';
    assert_string_equal(
        text, "                         hand-  legacy  TLS TLS TLS TLS      client  server   down-"
              "          legacy/\n"
              "domain                  shakes   share  1.3 1.2 1.1 1.0 SSL  limits  limits  graded"
              "  failed  clients\n"
              "old.example                  4   66.7%    0   1   0   2   0       2       1       0"
              "       0      2/2\n"
              "modern.example               5    0.0%    5   0   0   0   0       0       0       0"
              "       0      0/2\n"
              "busy.example                 3    0.0%    0   3   0   0   0       3       0       0"
              "       0      0/2\n"
              "(1 more)                     1    0.0%    1   0   0   0   0       0       0       0"
              "       0        -\n"
              "total                       13   16.7%    6   4   0   2   0       5       1       0"
              "       0        -");
    const char *legend = table_end + 1;
    assert_non_null(strstr(legend, "of the 12 handshakes with a ServerHello"));
    assert_non_null(strstr(legend, "seen: 1000 packets, 20 flows, 13 handshakes"));
    assert_non_null(strstr(legend, "from 2026-11-23 12:00:00 UTC to 2026-11-23 12:01:01 UTC."));
    assert_non_null(strstr(legend, "1 handshakes of one side"));
    assert_non_null(strstr(legend, "3 of class attack"));
    assert_null(strstr(legend, "_none"));
    assert_null(strstr(legend, "too low"));
    assert_null(strstr(legend, "not raised"));
    screen_close(&screen);

    struct run_stats excepted_stats = plain_stats;
    excepted_stats.alerts_excepted = 17;
    screen_open(&screen, (struct terminal_config){.max_domains = 3});
    terminal_table(screen.terminal, usage, &excepted_stats);
    text = screen_text(&screen);
    assert_lines_within(text, TEXT_WIDTH);
    assert_non_null(strstr(text, "17 not raised: the configuration excepts them."));
    screen_close(&screen);

    screen_open(&screen, (struct terminal_config){.max_domains = 3, .quiet = true});
    terminal_table(screen.terminal, usage, &plain_stats);
    assert_string_equal(screen_text(&screen), "");
    screen_close(&screen);
    usage_delete(usage);
}

struct share_case {
    unsigned legacy;
    unsigned modern;
    const char *share;
};

static const struct share_case share_cases[] = {
    {0, 0, " - "},    {0, 1, " 0.0%"},  {1, 0, " 100.0%"},   {1, 7, " 12.5%"},
    {1, 2, " 33.3%"}, {2, 1, " 66.7%"}, {1, 2999, " <0.1%"}, {2999, 1, " >99.9%"},
};

static void test_share(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(share_cases) / sizeof(share_cases[0]); i++) {
        const struct share_case *row = &share_cases[i];
        struct usage *usage = usage_new(64);
        add_many(usage, "a.example", 0x0301, 0x0301, row->legacy);
        add_many(usage, "a.example", 0x0304, 0x0304, row->modern);
        add_many(usage, "a.example", 0x0304, 0, 1);
        struct screen screen;
        screen_open(&screen, (struct terminal_config){.max_domains = 3});
        terminal_table(screen.terminal, usage, &plain_stats);
        const char *line = strstr(screen_text(&screen), "\na.example ");
        assert_non_null(line);
        const char *share = strstr(line, row->share);
        assert_true(share != NULL && share < strchr(line + 1, '\n'));
        screen_close(&screen);
        usage_delete(usage);
    }
}

/* Long names keep their end; large numbers widen their column; what was lost is told. */
static void test_wide_table(void **state) {
    (void)state;
    struct usage *usage = usage_new(16);
    char name[DOMAIN_SIZE];
    memset(name, 'x', sizeof(name));
    memcpy(name + 200, ".example.com", 13);
    add_many(usage, name, 0x0304, 0x0304, 1);
    struct verdict_scene scene;
    verdict_scene_versions(&scene, "_none", 0x0304, 0x0304);
    for (unsigned i = 0; i < 123456; i++) {
        scene.scene.handshake.client.address.bytes[2] = (uint8_t)(i >> 8U);
        scene.scene.handshake.client.address.bytes[3] = (uint8_t)i;
        add_verdict(usage, &scene.verdict);
    }
    struct run_stats stats = plain_stats;
    stats.flows_evicted = 5;
    struct screen screen;
    screen_open(&screen, (struct terminal_config){.max_domains = 20});
    terminal_table(screen.terminal, usage, &stats);
    const char *text = screen_text(&screen);
    const char *cut = strstr(text, "\n...xxx");
    assert_non_null(cut);
    assert_int_equal(strcspn(cut + 1, " "), 22);
    assert_non_null(strstr(text, "x.example.com  "));
    assert_non_null(strstr(text, "123456"));
    assert_non_null(strstr(text, "0/12+"));
    assert_non_null(strstr(text, "clients with a +"));
    assert_non_null(strstr(text, "_none: neither a server name"));
    assert_non_null(strstr(text, "5 flows, 0 streams"));
    assert_non_null(strstr(text, "too low"));
    size_t width = strcspn(text, "\n"); /* the lines of the table end at one column */
    for (const char *line = text; *line != '\n'; line = strchr(line, '\n') + 1)
        assert_int_equal(strcspn(line, "\n"), width);
    screen_close(&screen);
    usage_delete(usage);
}

static void test_empty_table(void **state) {
    (void)state;
    struct usage *usage = usage_new(16);
    const struct run_stats nothing = {0};
    struct screen screen;
    screen_open(&screen, (struct terminal_config){.max_domains = 20});
    terminal_table(screen.terminal, usage, &nothing);
    assert_ptr_equal(strstr(screen_text(&screen), "no TLS handshake seen\n"), screen.text);
    assert_null(strstr(screen.text, "1970"));
    screen_close(&screen);
    usage_delete(usage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alert_block), cmocka_unit_test(test_alert_variants),
        cmocka_unit_test(test_way),         cmocka_unit_test(test_hostile_alert),
        cmocka_unit_test(test_escape),      cmocka_unit_test(test_table),
        cmocka_unit_test(test_share),       cmocka_unit_test(test_wide_table),
        cmocka_unit_test(test_empty_table),
    };
    return cmocka_run_group_tests(tests, make_meter, delete_meter);
}
