/*
 * test_config.c - what a configuration sets, and how much of it is taken.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct config_errors errors;

static struct config *parse(const char *text) {
    return config_parse(text, strlen(text), &errors);
}

static struct config *parse_good(const char *text) {
    struct config *config = parse(text);
    if (config == NULL)
        fail_msg("%s\n%u:%u: %s", text, errors.kept[0].line, errors.kept[0].column,
                 errors.kept[0].text);
    assert_int_equal(errors.count, 0);
    return config;
}

static void test_nothing_written_is_the_default(void **state) {
    (void)state;
    static const char *const empty[] = {"",
                                        "\n# nothing\n",
                                        "---\n",
                                        "{}",
                                        "rules:\n",
                                        "flows: ~\n",
                                        "exceptions:\n",
                                        "exceptions: []\n",
                                        "rules:\n  hello-mismatch:\n"};
    struct config *wanted = config_default();
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        struct config *config = parse_good(empty[i]);
        assert_memory_equal(&config->pipeline.flow, &wanted->pipeline.flow,
                            sizeof config->pipeline.flow);
        assert_memory_equal(&config->pipeline.judge, &wanted->pipeline.judge,
                            sizeof config->pipeline.judge);
        assert_string_equal(config->pipeline.sensor, "downgrd");
        assert_int_equal(config->pipeline.fragments, wanted->pipeline.fragments);
        assert_true(config->pipeline.classify);
        assert_null(config->pipeline.filter);
        assert_null(config->eve_path);
        assert_null(config->publisher.url);
        config_delete(config);
    }
    config_delete(wanted);
    config_delete(NULL);
}

static void test_every_single_value(void **state) {
    (void)state;
    struct config *config = parse_good("sensor: {name: tap-7.west_1}\n"
                                       "capture:\n"
                                       "  filter: tcp port 443\n"
                                       "tunnels: {depth: 1}\n"
                                       "classify: off\n"
                                       "eve: {path: \"/var/log/eve.json\"}\n"
                                       "redis: {url: 'redis://u:p@localhost:6379/3'}\n"
                                       "usage: {buckets: 2048, group_domains: true}\n"
                                       "flows:\n"
                                       "  connections: 2000\n"
                                       "  handshakes: 100\n"
                                       "  handshake_timeout: 45s\n"
                                       "  closing_timeout: 250ms\n"
                                       "  idle_timeout: 2h\n"
                                       "buffers: {small: 65, medium: 66, large: 67, windows: 68}\n"
                                       "fragments: {datagrams: 17, timeout: 15s}\n"
                                       "history: {clients: 1025, servers: 1026, repeats: 1027}\n");
    const struct pipeline_config *pipeline = &config->pipeline;
    assert_string_equal(pipeline->sensor, "tap-7.west_1");
    assert_string_equal(pipeline->filter, "tcp port 443");
    assert_int_equal(config->filter_line, 3);
    assert_int_equal(config->filter_column, 11);
    assert_int_equal(pipeline->tunnel_depth, 1);
    assert_false(pipeline->classify);
    assert_string_equal(config->eve_path, "/var/log/eve.json");
    assert_string_equal(config->publisher.url, "redis://u:p@localhost:6379/3");
    assert_int_equal(pipeline->usage_buckets, 2048);
    assert_true(pipeline->group_domains);
    assert_int_equal(pipeline->flow.flows, 2000);
    assert_int_equal(pipeline->flow.handshakes, 100);
    assert_int_equal(pipeline->flow.handshake_timeout_us, 45000000);
    assert_int_equal(pipeline->flow.closing_timeout_us, 250000);
    assert_int_equal(pipeline->flow.idle_timeout_us, UINT64_C(7200000000));
    assert_int_equal(pipeline->flow.small_buffers, 65);
    assert_int_equal(pipeline->flow.medium_buffers, 66);
    assert_int_equal(pipeline->flow.large_buffers, 67);
    assert_int_equal(pipeline->flow.windows, 68);
    assert_int_equal(pipeline->fragments, 17);
    assert_int_equal(pipeline->fragment_timeout_us, 15000000);
    assert_int_equal(pipeline->judge.attempts, 1025);
    assert_int_equal(pipeline->judge.servers, 1026);
    assert_int_equal(pipeline->judge.folds, 1027);
    config_delete(config);
}

static void test_empty_texts_mean_none(void **state) {
    (void)state;
    struct config *config =
        parse_good("eve: {path: \"\"}\nredis: {url: ''}\ncapture: {filter: \"\"}\n");
    assert_null(config->eve_path);
    assert_null(config->publisher.url);
    assert_null(config->pipeline.filter);
    config_delete(config);
}

static size_t index_of(const char *kind) {
    size_t i = 0;
    while (i < rules_count && strcmp(rules_all[i]->kind, kind) != 0)
        i++;
    assert_true(i < rules_count);
    return i;
}

static void test_rules(void **state) {
    (void)state;
    struct config *wanted = config_default();
    struct config *config = parse_good("rules:\n"
                                       "  downgrade-sentinel: {enabled: false}\n"
                                       "  fallback-dance:\n"
                                       "    window: 90s\n"
                                       "    severity: low\n"
                                       "  legacy-version: {enabled: true, severity: medium,\n"
                                       "                   below: tls1.3}\n");
    const struct judge_config *judge = &config->pipeline.judge;
    uint32_t changed = 1U << index_of("downgrade-sentinel") | 1U << index_of("legacy-version");
    assert_int_equal(judge->rules_on ^ wanted->pipeline.judge.rules_on, changed);
    assert_int_equal(judge->settings.fallback_window_us, 90000000);
    assert_int_equal(judge->settings.legacy_below, TLS_RANK_1_3);
    for (size_t i = 0; i < rules_count; i++) {
        enum rule_severity severity = rules_all[i]->severity;
        if (i == index_of("fallback-dance"))
            severity = RULE_SEVERITY_LOW;
        if (i == index_of("legacy-version"))
            severity = RULE_SEVERITY_MEDIUM;
        assert_int_equal(judge->severities[i], severity);
    }
    config_delete(config);
    config_delete(wanted);
}

static void assert_net(const struct ip_net *net, unsigned ip_version, unsigned bits,
                       const char *address) {
    char text[IP_ADDRESS_TEXT_SIZE];
    ip_address_format(&net->address, net->ip_version, text);
    assert_int_equal(net->ip_version, ip_version);
    assert_int_equal(net->bits, bits);
    assert_string_equal(text, address);
}

static void test_exceptions_and_interception(void **state) {
    (void)state;
    struct config *config =
        parse_good("interception:\n"
                   "- client: [10.20.0.0/16]\n"
                   "  reason: proxy\n"
                   "exceptions:\n"
                   "- rules: [hello-mismatch, fallback-dance]\n"
                   "  client: [192.0.2.0/24, 2001:db8::/32, 192.0.2.7, '2001:db8::7', 0.0.0.0/0]\n"
                   "  server: 198.51.100.0/25\n"
                   "  domain: [Example.ORG, '*.Example.org', example.com., _none]\n"
                   "  ja4: t13d1516h2_8daaf6152771_02713d6af862\n"
                   "  reason: >\n"
                   "    broken\n"
                   "    terminals\n"
                   "- rules: all\n"
                   "  domain: x.test\n");
    const struct exceptions *exceptions = &config->pipeline.judge.exceptions;
    assert_int_equal(exceptions->count, 3);
    const struct exception *first = &exceptions->list[0];
    assert_int_equal(first->rules,
                     1U << index_of("hello-mismatch") | 1U << index_of("fallback-dance"));
    assert_int_equal(first->where.clients.count, 5);
    assert_net(&first->where.clients.nets[0], 4, 24, "192.0.2.0");
    assert_net(&first->where.clients.nets[1], 6, 32, "2001:db8::");
    assert_net(&first->where.clients.nets[2], 4, 32, "192.0.2.7");
    assert_net(&first->where.clients.nets[3], 6, 128, "2001:db8::7");
    assert_net(&first->where.clients.nets[4], 4, 0, "0.0.0.0");
    assert_int_equal(first->where.servers.count, 1);
    assert_net(&first->where.servers.nets[0], 4, 25, "198.51.100.0");
    const struct domain_pattern *patterns = first->where.domains.patterns;
    assert_int_equal(first->where.domains.count, 4);
    assert_string_equal(patterns[0].name, "example.org");
    assert_false(patterns[0].is_suffix);
    assert_string_equal(patterns[1].name, ".example.org");
    assert_int_equal(patterns[1].size, 12);
    assert_true(patterns[1].is_suffix);
    assert_string_equal(patterns[2].name, "example.com");
    assert_string_equal(patterns[3].name, "_none");
    assert_int_equal(first->ja4_count, 1);
    assert_string_equal(first->ja4[0], "t13d1516h2_8daaf6152771_02713d6af862");
    assert_string_equal(first->reason, "broken terminals\n");

    assert_int_equal(exceptions->list[1].rules, (UINT64_C(1) << rules_count) - 1);
    assert_string_equal(exceptions->list[1].reason, "");

    const struct exception *box = &exceptions->list[2];
    assert_net(&box->where.clients.nets[0], 4, 16, "10.20.0.0");
    assert_string_equal(box->reason, "proxy");
    for (size_t i = 0; i < rules_count; i++)
        assert_int_equal(box->rules >> i & 1U, rules_all[i]->is_left_by_interception);
    assert_true(box->rules >> index_of("downgrade-sentinel") & 1U);
    assert_true(box->rules >> index_of("hello-mismatch") & 1U);
    assert_true(box->rules >> index_of("inconsistent-client-hello") & 1U);
    assert_false(box->rules >> index_of("fallback-dance") & 1U);
    config_delete(config);
}

static void test_expectations(void **state) {
    (void)state;
    struct config *config = parse_good("expectations:\n"
                                       "- {server: [203.0.113.64/26, '2001:db8::/48'],\n"
                                       "   domain: '*.legacy.example.org',\n"
                                       "   min: tls1.0, max: tls1.3, pool: legacy, reason: old}\n"
                                       "- {server: 192.0.2.1, min: ssl2, max: ssl2}\n");
    const struct expectations *expectations = &config->pipeline.judge.expectations;
    assert_int_equal(expectations->count, 2);
    const struct expected_server *pool = &expectations->list[0];
    assert_int_equal(pool->where.servers.count, 2);
    assert_int_equal(pool->where.domains.count, 1);
    assert_int_equal(pool->range.min, TLS_RANK_1_0);
    assert_int_equal(pool->range.max, TLS_RANK_1_3);
    assert_string_equal(pool->range.pool, "legacy");
    assert_string_equal(pool->reason, "old");
    assert_int_equal(expectations->list[1].range.max, TLS_RANK_SSLV2);
    assert_string_equal(expectations->list[1].range.pool, "");
    assert_string_equal(expectations->list[1].reason, "");
    config_delete(config);
}

/* ---- how much, and from where ---- */

/* More keys than any mapping has, and more entries than are taken. */
static void test_caps(void **state) {
    (void)state;
    static char text[65536];
    size_t size = (size_t)snprintf(text, sizeof text, "flows:\n");
    for (unsigned i = 0; i < 2000; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "  k%u: 1\n", i);
    assert_null(parse(text));
    assert_int_equal(errors.count, 65);
    assert_null(strstr(errors.kept[0].text, "too many"));

    size = (size_t)snprintf(text, sizeof text, "exceptions:\n");
    for (unsigned i = 0; i < 1025; i++)
        size +=
            (size_t)snprintf(text + size, sizeof text - size, "- {rules: all, server: 10.0.0.1}\n");
    assert_null(parse(text));
    assert_int_equal(errors.count, 1);
    assert_string_equal(errors.kept[0].text, "exceptions: 1025 entries; 1024 at most: one entry "
                                             "may list many networks and domains");
    text[strlen(text) - strlen("- {rules: all, server: 10.0.0.1}\n")] = '\0';
    struct config *config = parse_good(text);
    assert_int_equal(config->pipeline.judge.exceptions.count, 1024);
    config_delete(config);

    size = (size_t)snprintf(text, sizeof text, "exceptions:\n- rules: all\n  server: [");
    for (unsigned i = 0; i < 1025; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "10.0.%u.%u,", i / 256, i % 256);
    (void)snprintf(text + size, sizeof text - size, "]\n");
    assert_null(parse(text));
    assert_int_equal(errors.count, 1);
    assert_string_equal(errors.kept[0].text, "exceptions[0].server: 1025 items; 1024 at most");

    size = (size_t)snprintf(text, sizeof text, "eve:\n  path: ");
    memset(text + size, 'x', 4097);
    text[size + 4097] = '\0';
    assert_null(parse(text));
    assert_string_equal(errors.kept[0].text, "eve.path: the text is too long; 4096 bytes at most");
    text[size + 4096] = '\0';
    config_delete(parse_good(text));
}

/* Every beginning of a good file is read or refused, never more. */
static void test_every_prefix(void **state) {
    (void)state;
    static const char whole[] = "# all kinds of things\n"
                                "rules: {legacy-version: {enabled: true, below: 'tls1.1'}}\n"
                                "flows:\n  connections: 2048\n  handshakes: 2048\n"
                                "exceptions:\n"
                                "- rules: [all]\n  client: [10.0.0.0/8, \"2001:db8::/32\"]\n"
                                "  domain: '*.example.org'\n  reason: |\n    two\n    lines\n";
    config_delete(parse_good(whole));
    for (size_t size = 0; size < sizeof whole; size++) {
        char *copy = malloc(size + 1);
        memcpy(copy, whole, size);
        char *exact = realloc(copy, size > 0 ? size : 1);
        struct config *config = config_parse(exact, size, &errors);
        assert_int_equal(config == NULL, errors.count > 0);
        config_delete(config);
        free(exact);
    }
}

static void test_files(void **state) {
    (void)state;
    char path[] = "/tmp/test_config.XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    static const char text[] = "sensor: {name: from-a-file}\n";
    assert_int_equal(write(descriptor, text, sizeof text - 1), sizeof text - 1);
    struct config *config = config_read(path, &errors);
    assert_non_null(config);
    assert_string_equal(config->pipeline.sensor, "from-a-file");
    config_delete(config);
    assert_int_equal(ftruncate(descriptor, CONFIG_MAX_BYTES + 1), 0);
    assert_null(config_read(path, &errors));
    assert_int_equal(errors.count, 1);
    assert_int_equal(errors.kept[0].line, 0);
    assert_int_equal(strncmp(errors.kept[0].text, "larger than 1048576 bytes", 25), 0);
    close(descriptor);
    unlink(path);
    assert_null(config_read(path, &errors));
    assert_string_equal(errors.kept[0].text,
                        "cannot be opened: No such file or directory; check the path and its "
                        "rights");
    assert_null(config_read("/", &errors));
    assert_string_equal(errors.kept[0].text, "cannot be read: Is a directory; name a file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_written_is_the_default),
        cmocka_unit_test(test_every_single_value),
        cmocka_unit_test(test_empty_texts_mean_none),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_exceptions_and_interception),
        cmocka_unit_test(test_expectations),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
