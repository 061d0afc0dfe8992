/*
 * test_domain.c - names from the wire to names for keys.
 */
#include "classify.h"
#include "judge.h"
#include "names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct names *names;
static size_t asked; /* names, of the stand-in for nDPI below */

struct domain_case {
    const char *server_name; /* NULL: no extension */
    const char *certificate_name;
    const char *expected;
    enum domain_source source;
};

static const struct domain_case cases[] = {
    {"www.example.com", "", "www.example.com", DOMAIN_FROM_SNI},
    {"WWW.Example.COM", "", "www.example.com", DOMAIN_FROM_SNI},
    {"example.com.", "", "example.com", DOMAIN_FROM_SNI},
    {"localhost", "", "localhost", DOMAIN_FROM_SNI},
    {"_sip._tcp.example.com", "", "_sip._tcp.example.com", DOMAIN_FROM_SNI},
    {"xn--bcher-kva.example", "", "xn--bcher-kva.example", DOMAIN_FROM_SNI},
    {"www.example.com", "other.example", "www.example.com", DOMAIN_FROM_SNI},
    {NULL, "shop.example", "shop.example", DOMAIN_FROM_CERTIFICATE},
    {NULL, "*.shop.example", "*.shop.example", DOMAIN_FROM_CERTIFICATE},
    {"", "shop.example", "shop.example", DOMAIN_FROM_CERTIFICATE},
    {NULL, "", "_none", DOMAIN_FROM_IP},
    {"", "", "_none", DOMAIN_FROM_IP},
    {"192.0.2.1", "", "_none", DOMAIN_FROM_IP},
    {"255.255.255.255", "", "_none", DOMAIN_FROM_IP},
    {"2001:db8::1", "", "_none", DOMAIN_FROM_IP},
    {"::ffff:192.0.2.1", "", "_none", DOMAIN_FROM_IP},
    {NULL, "192.0.2.1", "_none", DOMAIN_FROM_IP},
    {"256.0.2.1", "", "_invalid", DOMAIN_FROM_SNI},
    {"932373381", "", "_invalid", DOMAIN_FROM_SNI},
    {"1.2.3", "", "_invalid", DOMAIN_FROM_SNI},
    {"4.example.3com", "", "4.example.3com", DOMAIN_FROM_SNI},
    {"1.2.3.4.5", "", "_invalid", DOMAIN_FROM_SNI},
    {"*.shop.example", "", "_invalid", DOMAIN_FROM_SNI},
    {NULL, "a.*.example", "_invalid", DOMAIN_FROM_CERTIFICATE},
    {NULL, "*", "_invalid", DOMAIN_FROM_CERTIFICATE},
    {NULL, "*.", "_invalid", DOMAIN_FROM_CERTIFICATE},
    {NULL, "Some Company Ltd", "_invalid", DOMAIN_FROM_CERTIFICATE},
    {"_none", "", "_invalid", DOMAIN_FROM_SNI},
    {"_OTHER", "", "_invalid", DOMAIN_FROM_SNI},
    {"_other.", "", "_invalid", DOMAIN_FROM_SNI},
    {".", "", "_invalid", DOMAIN_FROM_SNI},
    {"a..b", "", "_invalid", DOMAIN_FROM_SNI},
    {".a", "", "_invalid", DOMAIN_FROM_SNI},
    {"a.b..", "", "_invalid", DOMAIN_FROM_SNI},
    {"a b", "", "_invalid", DOMAIN_FROM_SNI},
    {"a\nb", "", "_invalid", DOMAIN_FROM_SNI},
    {"\x1b[31m", "", "_invalid", DOMAIN_FROM_SNI},
    {"{domain}", "", "_invalid", DOMAIN_FROM_SNI},
    {"example.com/../x", "", "_invalid", DOMAIN_FROM_SNI},
    {"b\xc3\xbc"
     "cher.example",
     "", "_invalid", DOMAIN_FROM_SNI},
    {LABEL_63 ".example", "", LABEL_63 ".example", DOMAIN_FROM_SNI},
    {LABEL_63 "a.example", "", "_invalid", DOMAIN_FROM_SNI},
};

/* In the place of nDPI's. */
struct application classify_domain(struct classify *classify, const char *domain) {
    (void)classify;
    asked++;
    return (struct application){.name = domain[0] == 's' ? "S" : "", .category = ""};
}

/* What is remembered of names, by this and all other tests, gives the same, at first and again. */
static void check_names(const struct handshake *handshake, const struct domain *expected) {
    for (int pass = 0; pass < 2; pass++) {
        struct domain domain;
        struct application application;
        names_of_handshake(names, handshake, &domain, &application);
        assert_string_equal(domain.name, expected->name);
        assert_int_equal(domain.source, expected->source);
        assert_true(domain.hash == domain_hash(expected->name));
        assert_string_equal(application.name, expected->name[0] == 's' ? "S" : "");
    }
}

static void domain_from(struct span server_name, const char *certificate_name,
                        struct domain *domain) {
    static struct handshake handshake;
    memset(&handshake, 0, sizeof handshake);
    memset(domain, 0x7f, sizeof *domain);
    handshake.has = HANDSHAKE_HAS_OFFER;
    handshake.offer.server_name = server_name;
    memcpy(handshake.certificate_name, certificate_name, strlen(certificate_name) + 1);
    domain_of_handshake(&handshake, domain);
    check_names(&handshake, domain);
}

static void test_cases(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct domain_case *row = &cases[i];
        struct span name = {0};
        uint8_t *exact = NULL;
        if (row->server_name != NULL) {
            size_t size = strlen(row->server_name);
            exact = malloc(size ? size : 1);
            assert_non_null(exact);
            memcpy(exact, row->server_name, size);
            name = span_of(exact, size);
        }
        struct domain domain;
        domain_from(name, row->certificate_name, &domain);
        print_message("%s / %s\n", row->server_name ? "sni" : "no sni", row->expected);
        assert_string_equal(domain.name, row->expected);
        assert_int_equal(domain.source, row->source);
        free(exact);
    }
}

/* 253 bytes are a name, 254 are none, and 255 with anything in them do not overflow. */
static void test_lengths(void **state) {
    (void)state;
    char name[300];
    struct domain domain;
    for (size_t i = 0; i < sizeof name; i++)
        name[i] = i % 50 == 49 ? '.' : 'a';
    domain_from(span_of(name, 253), "", &domain);
    assert_int_equal(strlen(domain.name), 253);
    domain_from(span_of(name, 254), "", &domain);
    assert_string_equal(domain.name, "_invalid");
    domain_from(span_of(name, sizeof name), "", &domain);
    assert_string_equal(domain.name, "_invalid");
    domain_from(span_of("a\0b", 3), "", &domain);
    assert_string_equal(domain.name, "_invalid");
}

/* Without a ClientHello the name is the certificate's. */
static void test_half_seen(void **state) {
    (void)state;
    static struct handshake handshake = {.certificate_name = "shop.example"};
    struct domain domain;
    handshake.offer.server_name = span_of("stale", 5);
    domain_of_handshake(&handshake, &domain);
    assert_string_equal(domain.name, "shop.example");
    assert_int_equal(domain.source, DOMAIN_FROM_CERTIFICATE);
}

/* A name in clear is called outer where something says so, and else stays what it is. */
static void test_outer_names(void **state) {
    (void)state;
#define ECH                                                                                        \
    "\x00\x00\x01\x00\x01\x2a\x00\x01\xee\x00\x10"                                                 \
    "0123456789abcdef"
#define ECH_AGAIN                                                                                  \
    "\x00\x00\x01\x00\x01\x2a\x00\x00\x00\x10"                                                     \
    "fedcba9876543210"
    const struct span ech = span_of(ECH, sizeof ECH - 1);
    const struct span ech_again = span_of(ECH_AGAIN, sizeof ECH_AGAIN - 1);
    const struct span esni = span_of("\x13\x01", 2);
    const struct {
        const char *name;
        struct span ech;
        struct span esni;
        struct span second_ech;
        enum domain_source source;
    } rows[] = {
        {"www.example.com", ech, {0}, {0}, DOMAIN_FROM_SNI},
        {"www.example.com", ech, {0}, ech, DOMAIN_FROM_SNI},
        {"www.example.com", ech, {0}, ech_again, DOMAIN_FROM_ECH_OUTER},
        {"www.example.com", {0}, esni, {0}, DOMAIN_FROM_ECH_OUTER},
        {"Cloudflare-ECH.com.", ech, {0}, {0}, DOMAIN_FROM_ECH_OUTER},
        {"cloudflare-ech.com", ech, {0}, ech, DOMAIN_FROM_SNI},
        {"cloudflare-ech.com", {0}, {0}, {0}, DOMAIN_FROM_SNI},
        {"www.cloudflare-ech.com", ech, {0}, {0}, DOMAIN_FROM_SNI},
        {"192.0.2.1", ech, {0}, ech_again, DOMAIN_FROM_IP},
        {"not a name", ech, {0}, ech_again, DOMAIN_FROM_SNI},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct handshake handshake;
        memset(&handshake, 0, sizeof handshake);
        handshake.has = HANDSHAKE_HAS_OFFER;
        handshake.offer.server_name = span_of(rows[i].name, strlen(rows[i].name));
        handshake.offer.encrypted_client_hello = rows[i].ech;
        handshake.offer.encrypted_server_name = rows[i].esni;
        handshake.second_offer.encrypted_client_hello = rows[i].second_ech;
        if (!span_is_absent(rows[i].second_ech))
            handshake.has |= HANDSHAKE_HAS_SECOND_OFFER;
        struct domain domain;
        domain_of_handshake(&handshake, &domain);
        check_names(&handshake, &domain);
        print_message("%zu: %s\n", i, rows[i].name);
        assert_int_equal(domain.source, rows[i].source);
    }
    /* A certificate's name is the server's own. */
    static struct handshake handshake = {.certificate_name = "shop.example"};
    handshake.has = HANDSHAKE_HAS_OFFER;
    handshake.offer.encrypted_server_name = esni;
    struct domain domain;
    domain_of_handshake(&handshake, &domain);
    assert_string_equal(domain.name, "shop.example");
    assert_int_equal(domain.source, DOMAIN_FROM_CERTIFICATE);
}

/* More names than there is room for; each is still itself, and those that stay are asked for once.
 */
static void test_many_names(void **state) {
    (void)state;
    struct domain domain;
    char name[32];
    for (int i = 0; i < 20000; i++) {
        int length = snprintf(name, sizeof name, "%c%d.example", i % 2 ? 's' : 'h', i);
        domain_from(span_of(name, (size_t)length), "", &domain);
        assert_string_equal(domain.name, name);
    }
    asked = 0;
    for (int i = 0; i < 100; i++)
        domain_from(span_of(name, strlen(name)), "", &domain);
    assert_int_equal(asked, 0);
}

/* A wildcard is a certificate's, whoever came first; a client cannot name our own counters. */
static void test_where_names_are_allowed(void **state) {
    (void)state;
    struct domain domain;
    domain_from((struct span){0}, "*.shop.example", &domain);
    assert_string_equal(domain.name, "*.shop.example");
    domain_from(span_of("*.shop.example", 14), "", &domain);
    assert_string_equal(domain.name, "_invalid");
    domain_from((struct span){0}, "*.shop.example", &domain);
    assert_string_equal(domain.name, "*.shop.example");
    domain_from((struct span){0}, "", &domain);
    assert_string_equal(domain.name, "_none");
    domain_from(span_of("_none", 5), "", &domain);
    assert_string_equal(domain.name, "_invalid");
}

static int begin(void **state) {
    (void)state;
    static int nobody; /* asked nothing: the function above answers */
    names = names_new((struct classify *)&nobody);
    return names == NULL;
}

static int end(void **state) {
    (void)state;
    names_delete(names);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),      cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_half_seen),  cmocka_unit_test(test_outer_names),
        cmocka_unit_test(test_many_names), cmocka_unit_test(test_where_names_are_allowed),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
