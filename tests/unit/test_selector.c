/*
 * test_selector.c - networks by prefix, domains by label, and how the lists of an entry go
 * together.
 */
#include "selector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct ip_net net_v4 = {{{192, 0, 2, 0}}, 4, 24};
static const struct ip_net net_v4_odd = {{{10, 32, 0, 0}}, 4, 11};
static const struct ip_net net_v6 = {{{0x20, 0x01, 0x0d, 0xb8}}, 6, 32};
static const struct ip_net host_v4 = {{{192, 0, 2, 7}}, 4, 32};
static const struct ip_net host_v6 = {{{0x20, 0x01, 0x0d, 0xb8, [15] = 7}}, 6, 128};
static const struct ip_net any_v4 = {{{0}}, 4, 0};
static const struct ip_net any_v6 = {{{0}}, 6, 0};

static void test_nets(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const struct ip_net *net;
        struct ip_address address;
        unsigned ip_version;
        bool is_inside;
    } cases[] = {
        {"first of a /24", &net_v4, {{192, 0, 2, 0}}, 4, true},
        {"last of a /24", &net_v4, {{192, 0, 2, 255}}, 4, true},
        {"before a /24", &net_v4, {{192, 0, 1, 255}}, 4, false},
        {"after a /24", &net_v4, {{192, 0, 3, 0}}, 4, false},
        {"first of an /11", &net_v4_odd, {{10, 32, 0, 0}}, 4, true},
        {"last of an /11", &net_v4_odd, {{10, 63, 255, 255}}, 4, true},
        {"before an /11", &net_v4_odd, {{10, 31, 255, 255}}, 4, false},
        {"after an /11", &net_v4_odd, {{10, 64, 0, 0}}, 4, false},
        {"in a v6 /32", &net_v6, {{0x20, 0x01, 0x0d, 0xb8, 0xff, [15] = 1}}, 6, true},
        {"outside of a v6 /32", &net_v6, {{0x20, 0x01, 0x0d, 0xb9}}, 6, false},
        {"the host", &host_v4, {{192, 0, 2, 7}}, 4, true},
        {"its neighbour", &host_v4, {{192, 0, 2, 6}}, 4, false},
        {"the v6 host", &host_v6, {{0x20, 0x01, 0x0d, 0xb8, [15] = 7}}, 6, true},
        {"its v6 neighbour", &host_v6, {{0x20, 0x01, 0x0d, 0xb8, [15] = 6}}, 6, false},
        {"all of v4", &any_v4, {{203, 0, 113, 9}}, 4, true},
        {"all of v4 is not v6", &any_v4, {{0}}, 6, false},
        {"all of v6", &any_v6, {{0xff, [15] = 0xff}}, 6, true},
        {"all of v6 is not v4", &any_v6, {{192, 0, 2, 1}}, 4, false},
        {"v6 that begins with a v4 net's bytes", &net_v4, {{192, 0, 2, 9}}, 6, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (ip_net_contains(cases[i].net, &cases[i].address, cases[i].ip_version) !=
            cases[i].is_inside)
            fail_msg("%s", cases[i].name);
    }
}

static void test_domain_borders(void **state) {
    (void)state;
    static const struct domain_pattern one = {"example.org", 11, false};
    static const struct domain_pattern below = {".example.org", 12, true};
    static const struct domain_pattern none = {"_none", 5, false};
    static const struct {
        const struct domain_pattern *pattern;
        const char *name;
        bool fits;
    } cases[] = {
        {&one, "example.org", true},
        {&one, "www.example.org", false},
        {&one, "example.or", false},
        {&one, "example.orgx", false},
        {&one, "", false},
        {&below, "www.example.org", true},
        {&below, "a.b.c.example.org", true},
        {&below, "*.example.org", true},
        {&below, "example.org", false},
        {&below, "badexample.org", false},
        {&below, ".example.org", false},
        {&below, "www.example.org.evil.test", false},
        {&below, "org", false},
        {&below, "", false},
        {&none, "_none", true},
        {&none, "_invalid", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (domain_pattern_matches(cases[i].pattern, cases[i].name, strlen(cases[i].name)) !=
            cases[i].fits)
            fail_msg("%s on '%s'", cases[i].pattern->name, cases[i].name);
    }
}

/* The handshake of all cases: 192.0.2.7 to 10.33.0.1, www.example.org. */
static void test_lists_go_together(void **state) {
    (void)state;
    static const struct ip_net elsewhere[] = {{{{198, 51, 100, 0}}, 4, 24}};
    static const struct ip_net second_fits[] = {{{{198, 51, 100, 0}}, 4, 24},
                                                {{{192, 0, 2, 0}}, 4, 24}};
    static const struct ip_net server[] = {{{{10, 32, 0, 0}}, 4, 11}};
    static const struct domain_pattern domain[] = {{"example.net", 11, false},
                                                   {".example.org", 12, true}};
    static const struct domain_pattern other[] = {{"example.org", 11, false}};
    static const struct {
        const char *name;
        struct selector selector;
        bool fits;
    } cases[] = {
        {"nothing given", {{0}, {0}, {0}}, true},
        {"client", {{second_fits, 2}, {0}, {0}}, true},
        {"client elsewhere", {{elsewhere, 1}, {0}, {0}}, false},
        {"the server is no client", {{server, 1}, {0}, {0}}, false},
        {"server", {{0}, {server, 1}, {0}}, true},
        {"the client is no server", {{0}, {second_fits, 2}, {0}}, false},
        {"domain", {{0}, {0}, {domain, 2}}, true},
        {"another domain", {{0}, {0}, {other, 1}}, false},
        {"all three", {{second_fits, 2}, {server, 1}, {domain, 2}}, true},
        {"all but the client", {{elsewhere, 1}, {server, 1}, {domain, 2}}, false},
        {"all but the server", {{second_fits, 2}, {elsewhere, 1}, {domain, 2}}, false},
        {"all but the domain", {{second_fits, 2}, {server, 1}, {other, 1}}, false},
    };
    static struct handshake handshake;
    handshake.ip_version = 4;
    handshake.client.address = (struct ip_address){{192, 0, 2, 7}};
    handshake.server.address = (struct ip_address){{10, 33, 0, 1}};
    struct domain name = {.source = DOMAIN_FROM_SNI};
    snprintf(name.name, sizeof name.name, "www.example.org");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (selector_matches(&cases[i].selector, &handshake, &name) != cases[i].fits)
            fail_msg("%s", cases[i].name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nets),
        cmocka_unit_test(test_domain_borders),
        cmocka_unit_test(test_lists_go_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
