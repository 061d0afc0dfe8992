/*
 * test_config_errors.c - what is said of each way to get a configuration wrong: where, what, and
 * what to do.
 */
#include "config_errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct config_errors errors;

static struct config *parse(const char *text) {
    return config_parse(text, strlen(text), &errors);
}

/* All that was said, a line each. */
static const char *said(char text[65536]) {
    size_t size = 0;
    text[0] = '\0';
    for (size_t i = 0; i < errors.count && i < CONFIG_MAX_ERRORS; i++)
        size += (size_t)snprintf(text + size, 65536 - size, "%u:%u: %s\n", errors.kept[i].line,
                                 errors.kept[i].column, errors.kept[i].text);
    return text;
}

static const struct {
    const char *text;
    const char *said;
} mistakes[] = {
    /* keys */
    {"rules:\n  hello-mismatch:\n    severty: high\n",
     "3:5: unknown key 'severty' in rules.hello-mismatch; did you mean 'severity'?\n"},
    {"rulez: {}\n", "1:1: unknown key 'rulez' at the top of the file; did you mean 'rules'?\n"},
    {"history:\n  x: 1\n",
     "2:3: unknown key 'x' in history; known here: clients, servers, repeats\n"},
    {"flows:\n  idle_timeout: 30s\n  connections: 2000\n  idle_timeout: 30s\n",
     "4:3: doubled key 'idle_timeout' in flows: it is in line 2 already; take one of them out\n"},
    {"rules: {}\nrules: {}\n",
     "2:1: doubled key 'rules' at the top of the file: it is in line 1 already; take one of them "
     "out\n"},
    {"rules:\n  hello-mismach: {}\n",
     "2:3: unknown key 'hello-mismach' in rules; did you mean 'hello-mismatch'?\n"},
    {"- a\n", "1:1: the file: a list stands where keys belong; write 'key: value' lines, indented, "
              "with a blank behind the colon\n"},
    {"rules:\n  hello-mismatch:\n    enabled:true\n",
     "3:5: rules.hello-mismatch: a text stands where keys belong; write 'key: value' lines, "
     "indented, with a blank behind the colon\n"},
    {"flows: [1]\n", "1:8: flows: a list stands where keys belong; write 'key: value' lines, "
                     "indented, with a blank behind the colon\n"},
    /* numbers */
    {"flows: {connections: 12}\n",
     "1:22: flows.connections: 12 is out of range; it goes from 1024 to 16777216\n"},
    {"flows: {connections: 16777217}\n",
     "1:22: flows.connections: 16777217 is out of range; it goes from 1024 to 16777216\n"},
    {"flows: {connections: 99999999999999999999999}\n",
     "1:22: flows.connections: 99999999999999999999999 is out of range; it goes from 1024 to "
     "16777216\n"},
    {"flows: {connections: -5}\n",
     "1:22: flows.connections: '-5' is no whole number; write 1024 to 16777216\n"},
    {"flows: {connections: 128k}\n",
     "1:22: flows.connections: '128k' is no whole number; write 1024 to 16777216\n"},
    {"flows: {connections: \"2000\"}\n",
     "1:22: flows.connections: \"2000\" in quotes is a text; take the quotes away (1024 to "
     "16777216)\n"},
    {"flows: {connections: [2000]}\n",
     "1:22: flows.connections: a list stands where one value belongs; write 1024 to 16777216\n"},
    {"flows:\n  connections:\n",
     "2:15: flows.connections: there is no value; write 1024 to 16777216, or leave the key out\n"},
    {"flows: {connections: 1024, handshakes: 2000}\n",
     "1:40: flows.handshakes: 2000 handshakes in progress are more than the 1024 connections they "
     "belong to; lower handshakes or raise connections\n"},
    {"flows: {connections: 1024}\n",
     "1:22: flows.handshakes: 16384 handshakes in progress are more than the 1024 connections "
     "they belong to; lower handshakes or raise connections\n"},
    {"tunnels: {depth: 5}\n", "1:18: tunnels.depth: 5 is out of range; it goes from 0 to 4\n"},
    /* times */
    {"rules:\n  fallback-dance: {window: 30}\n", "2:28: rules.fallback-dance.window: '30' has no "
                                                 "unit; write 30s if seconds are meant (100ms to "
                                                 "1h)\n"},
    {"rules:\n  fallback-dance: {window: 30 s}\n",
     "2:28: rules.fallback-dance.window: '30 s' is no time; write a whole number and ms, s, m, h "
     "or d, such as 30s (100ms to 1h)\n"},
    {"flows: {idle_timeout: 1.5h}\n",
     "1:23: flows.idle_timeout: '1.5h' is no time; write a whole number and ms, s, m, h or d, such "
     "as 30s (10s to 1d)\n"},
    {"flows: {idle_timeout: 2d}\n",
     "1:23: flows.idle_timeout: 2d is out of range; it goes from 10s to 1d\n"},
    {"flows: {idle_timeout: 18446744073709551615d}\n",
     "1:23: flows.idle_timeout: 18446744073709551615d is out of range; it goes from 10s to 1d\n"},
    /* words */
    {"rules:\n  hello-mismatch: {enabled: yes}\n",
     "2:29: rules.hello-mismatch.enabled: 'yes' is not false or true; did you mean 'true'?\n"},
    {"usage: {group_domains: \"true\"}\n",
     "1:24: usage.group_domains: \"true\" in quotes is a text; take the quotes away (false or "
     "true)\n"},
    {"rules:\n  hello-mismatch: {severity: hihg}\n",
     "2:30: rules.hello-mismatch.severity: 'hihg' is not high, medium or low; did you mean "
     "'high'?\n"},
    {"rules:\n  hello-mismatch: {severity: 1}\n",
     "2:30: rules.hello-mismatch.severity: '1' is not known; write high, medium or low\n"},
    {"rules:\n  legacy-version: {below: tls1.4}\n",
     "2:27: rules.legacy-version.below: 'tls1.4' is no version; write ssl2, ssl3, tls1.0, tls1.1, "
     "tls1.2 or tls1.3 (here ssl3 to tls1.3)\n"},
    {"rules:\n  legacy-version: {below: ssl2}\n",
     "2:27: rules.legacy-version.below: ssl2 is out of range; it goes from ssl3 to tls1.3\n"},
    {"classify: full\n", "1:11: classify: 'full' is not known; write off or lazy\n"},
    {"sensor: {name: a b}\n",
     "1:16: sensor.name: 'a b' is no name for a sensor; write 1 to 63 letters, digits, '.', '_' or "
     "'-'\n"},
    {"sensor: {name: \"\"}\n",
     "1:16: sensor.name: '' is no name for a sensor; write 1 to 63 letters, digits, '.', '_' or "
     "'-'\n"},
    {"eve: {path: }\n",
     "1:13: eve.path: there is no value; write a text (\"\" for none), or leave the key out\n"},
    {"eve: {path: [a]}\n",
     "1:13: eve.path: a list stands where one value belongs; write a text (\"\" for none)\n"},
    /* networks */
    {"exceptions:\n- {rules: all, client: 192.0.2.1/24}\n",
     "2:24: exceptions[0].client: '192.0.2.1/24' has bits set past its prefix; write 192.0.2.0/24 "
     "for the network, 192.0.2.1 for the one address\n"},
    {"exceptions:\n- {rules: all, client: '2001:db8::1/33'}\n",
     "2:24: exceptions[0].client: '2001:db8::1/33' has bits set past its prefix; write "
     "2001:db8::/33 for the network, 2001:db8::1 for the one address\n"},
    {"exceptions:\n- {rules: all, client: [10.0.0.0/8, host.test, 10.0.0.0/33]}\n",
     "2:37: exceptions[0].client: 'host.test' is no network; write an address with a prefix "
     "length, such as 192.0.2.0/24 or 2001:db8::/32 (names go under 'domain')\n"
     "2:48: exceptions[0].client: '10.0.0.0/33' has no good prefix length; it goes from 0 to "
     "32\n"},
    {"exceptions:\n- {rules: all, server: '2001:db8::/129'}\n",
     "2:24: exceptions[0].server: '2001:db8::/129' has no good prefix length; it goes from 0 to "
     "128\n"},
    {"exceptions:\n- {rules: all, server: 10.0.0.0/}\n",
     "2:24: exceptions[0].server: '10.0.0.0/' has no good prefix length; it goes from 0 to 32\n"},
    {"exceptions:\n- {rules: all, server: []}\n",
     "2:24: exceptions[0].server: the list is empty; put something in or leave the key out\n"},
    {"exceptions:\n- {rules: all, server: [10.0.0.1, [10.0.0.2]]}\n",
     "2:35: exceptions[0].server: a list stands where one word belongs; take it out\n"},
    {"exceptions:\n- {rules: all, server: {a: b}}\n",
     "2:24: exceptions[0].server: a mapping stands where a list belongs; write [ONE, TWO]\n"},
    /* domains */
    {"exceptions:\n- {rules: all, domain: ['*']}\n",
     "2:25: exceptions[0].domain: '*' is no domain; a star stands only at the beginning, for whole "
     "labels, as in *.example.org\n"},
    {"exceptions:\n- {rules: all, domain: ['*.']}\n",
     "2:25: exceptions[0].domain: '*.' is no domain; names have 1 to 253 characters; to mean every "
     "name leave the key out\n"},
    {"exceptions:\n- {rules: all, domain: [www.*.org]}\n",
     "2:25: exceptions[0].domain: 'www.*.org' is no domain; a star stands only at the beginning, "
     "for whole labels, as in *.example.org\n"},
    {"exceptions:\n- {rules: all, domain: [a..b]}\n",
     "2:25: exceptions[0].domain: 'a..b' is no domain; two dots follow each other, or one stands "
     "first; take it out\n"},
    {"exceptions:\n- {rules: all, domain: [https://x.test/]}\n",
     "2:25: exceptions[0].domain: 'https://x.test/' is no domain; write only the name, without "
     "scheme, port or path; addresses go under 'server'\n"},
    {"exceptions:\n- {rules: all, domain: [192.0.2.1]}\n",
     "2:25: exceptions[0].domain: '192.0.2.1' is no domain; that is an address; it goes under "
     "'server'\n"},
    {"exceptions:\n- {rules: all, domain: [m\xc3\xbcller.test]}\n",
     "2:25: exceptions[0].domain: 'm??ller.test' is no domain; write it as it is on the wire, in "
     "ASCII: xn--...\n"},
    /* entries */
    {"exceptions:\n- {client: 10.0.0.0/8}\n",
     "2:3: exceptions[0]: 'rules' is missing; name the rules that are excepted, or write 'rules: "
     "all'\n"},
    {"exceptions:\n- rules: all\n- {rules: all, reason: x}\n",
     "2:3: exceptions[0]: this fits everything; add client, server, domain or ja4, or switch the "
     "rule off under 'rules' with 'enabled: false'\n"
     "3:3: exceptions[1]: this fits everything; add client, server, domain or ja4, or switch the "
     "rule off under 'rules' with 'enabled: false'\n"},
    {"exceptions:\n- {rules: [hello-mismatch, helo-mismatch], client: 10.0.0.0/8}\n",
     "2:28: exceptions[0].rules: there is no rule 'helo-mismatch'; did you mean "
     "'hello-mismatch'?\n"},
    {"exceptions:\n- {rules: all, ja4: t13d1516h2_8DAAF6152771_02713d6af862}\n",
     "2:21: exceptions[0].ja4: 't13d1516h2_8DAAF6152771_02713d6af862' is no JA4; copy it from "
     "tls.ja4 of an EVE line, such as t13d1516h2_8daaf6152771_02713d6af862\n"},
    {"exceptions:\n- x\n", "2:3: exceptions[0]: a text stands where keys belong; write 'key: "
                           "value' lines, indented, with a blank behind the colon\n"},
    {"exceptions: {rules: all}\n",
     "1:13: exceptions: a mapping stands where a list belongs; begin each entry with '- '\n"},
    {"interception:\n- {reason: x}\n",
     "2:3: interception[0]: this fits everything; write under client which clients are behind the "
     "box, or under server which servers it stands before\n"},
    {"interception:\n- {rules: all, client: 10.0.0.0/8}\n",
     "2:4: unknown key 'rules' in interception[0]; known here: client, server, reason\n"},
    {"expectations:\n- {server: 10.0.0.0/8, min: tls1.3, max: tls1.0}\n",
     "2:29: expectations[0]: min tls1.3 is above max tls1.0; exchange them\n"},
    {"expectations:\n- {min: tls1.0, max: tls1.3}\n",
     "2:3: expectations[0]: this fits every server; add server or domain\n"},
    {"expectations:\n- {domain: x.test, min: tls1.0}\n",
     "2:3: expectations[0]: 'max' is missing; write both ends of the range, such as 'min: tls1.0' "
     "and 'max: tls1.3'\n"},
    {"expectations:\n- {domain: x.test, min: tls1.0, max: tls1.3, pool: a b}\n",
     "2:52: expectations[0].pool: 'a b' is no name for a pool; write 1 to 63 letters, digits, '.', "
     "'_' or '-'\n"},
    /* YAML */
    {"rules:\n\tx: 1\n", "2:1: no YAML: found character that cannot start any token while scanning "
                         "for the next token; indent with blanks, not tabs, and put a text that "
                         "begins with a special character in quotes\n"},
    {"exceptions:\n- rules: all\n  domain: [*.example.org]\n",
     "3:13: no YAML: did not find expected alphabetic or numeric character while scanning an "
     "alias; a text that begins with * needs quotes: \"*.example.org\"\n"},
    {"a: b: c\n", "1:5: no YAML: mapping values are not allowed in this context; one 'key: value' "
                  "a line, and quotes around a text with ': ' in it\n"},
    {"a: \"x\n", "2:1: no YAML: found unexpected end of stream while scanning a quoted scalar; end "
                 "the text with the same quote it began with\n"},
    {"a: [1\n", "2:1: no YAML: did not find expected ',' or ']' while parsing a flow sequence; a "
                "list in brackets is [one, two], closed with ]\n"},
    {"a: [::1]\n",
     "1:5: no YAML: did not find expected node content while parsing a flow node; put a "
     "text that begins with a special character in quotes, such as \"::1\"\n"},
    {"a: {b: 1\n", "2:1: no YAML: did not find expected ',' or '}' while parsing a flow mapping; a "
                   "mapping in braces is {key: value, key: value}, closed with }\n"},
    {"rules:\n  a:\n   b: 1\n  c: 2\n - d\n",
     "5:2: no YAML: did not find expected key while parsing a block mapping; keys of one mapping "
     "begin in the same column; a list's items begin with '- '\n"},
    {"flows: {}\nsensor:\n  name: \xff\n",
     "3:9: no YAML: invalid leading UTF-8 octet; save the file as UTF-8\n"},
    {"sensor: {name: &x y}\n",
     "1:16: anchors (&name), aliases (*name) and tags (!name) are not read; write the value "
     "itself, in quotes if it begins with one of these characters\n"},
    {"a: *x\n", "1:4: anchors (&name), aliases (*name) and tags (!name) are not read; write the "
                "value itself, in quotes if it begins with one of these characters\n"},
    {"a: !!map {}\n",
     "1:4: anchors (&name), aliases (*name) and tags (!name) are not read; write the value itself, "
     "in quotes if it begins with one of these characters\n"},
    {"rules: {}\n---\nflows: {}\n", "2:1: a second document begins; leave the line '---' out\n"},
    {"? [a]\n: 1\n", "1:3: a key is a list or a mapping; write a word there, as in 'key: value'\n"},
    {"a: [[[[[[[[[1]]]]]]]]]\n", "1:11: lists and mappings lie too deep in each other; nothing in "
                                 "a configuration needs more than 4\n"},
    {"a: \"\\0\"\n", "1:4: a text holds a NUL byte; take it out\n"},
};

static void test_mistakes(void **state) {
    (void)state;
    static char text[65536];
    size_t failures = 0;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct config *config = parse(mistakes[i].text);
        if (config == NULL && strcmp(said(text), mistakes[i].said) == 0)
            continue;
        print_error("%s-- wanted:\n%s-- said:\n%s\n", mistakes[i].text, mistakes[i].said,
                    config == NULL ? text : "(it is good)\n");
        config_delete(config);
        failures++;
    }
    assert_int_equal(failures, 0);
}

static void test_bad_url_does_not_show_its_password(void **state) {
    (void)state;
    assert_null(parse("redis: {url: 'rediss://user:secret@host:6379'}\n"));
    assert_int_equal(errors.count, 1);
    assert_int_equal(errors.kept[0].line, 1);
    assert_int_equal(errors.kept[0].column, 14);
    assert_non_null(strstr(errors.kept[0].text, "redis.url: "));
    assert_null(strstr(errors.kept[0].text, "secret"));
}

/* Found section by section, told line by line. */
static void test_all_errors_in_the_order_of_the_file(void **state) {
    (void)state;
    assert_null(parse("exceptions: 1\n"
                      "rules: {x: {}}\n"
                      "redis: {url: http}\n"
                      "nothing: 1\n"
                      "flows: {handshakes: 1}\n"
                      "sensor: {name: /}\n"));
    assert_int_equal(errors.count, 6);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(errors.kept[i].line, i + 1);
}

static void test_errors_are_bounded(void **state) {
    (void)state;
    static char text[8192];
    size_t size = (size_t)snprintf(text, sizeof text, "exceptions:\n");
    for (unsigned i = 0; i < 3 * CONFIG_MAX_ERRORS; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "- {rules: all}\n");
    assert_null(parse(text));
    assert_int_equal(errors.count, 3 * CONFIG_MAX_ERRORS);
    assert_int_equal(errors.kept[0].line, 2);
    assert_int_equal(errors.kept[CONFIG_MAX_ERRORS - 1].line, 1 + CONFIG_MAX_ERRORS);
    char *printed = NULL;
    size_t printed_size = 0;
    FILE *out = open_memstream(&printed, &printed_size);
    config_errors_print(&errors, "file.yaml", out);
    fclose(out);
    assert_int_equal(strncmp(printed, "file.yaml:2:3: exceptions[0]: this fits", 39), 0);
    assert_non_null(strstr(printed, "\nfile.yaml: 100 more errors\n"));
    free(printed);
}

static void test_near_words(void **state) {
    (void)state;
    static const char *const names[] = {"window", "enabled", "severity"};
    static const struct {
        const char *word;
        const char *meant;
    } cases[] = {
        {"windw", "window"},   {"wnidow", "window"},
        {"windows", "window"}, {"severty", "severity"},
        {"enable", "enabled"}, {"disabled", "enabled"},
        {"x", NULL},           {"", NULL},
        {"threshold", NULL},   {"severity_of_things_that_is_far_too_long_to_be_one_of_them", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *nearest = config_nearest(cases[i].word, names, 3);
        if ((nearest == NULL) != (cases[i].meant == NULL) ||
            (nearest != NULL && strcmp(nearest, cases[i].meant) != 0))
            fail_msg("%s: %s", cases[i].word, nearest != NULL ? nearest : "(none)");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_bad_url_does_not_show_its_password),
        cmocka_unit_test(test_all_errors_in_the_order_of_the_file),
        cmocka_unit_test(test_errors_are_bounded),
        cmocka_unit_test(test_near_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
