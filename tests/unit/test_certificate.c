/*
 * test_certificate.c - names out of two real certificates, and out of small ones built here, each
 * also cut and damaged everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tls_certificate.h"
#include "tls_messages.h"

/* openssl req -x509, P-256: CN=cn.example.com; subjectAltName an address, then two names */
static const char alt_name_message[] =
    "0001e30001e0308201dc30820182a003020102021446a4584296b19b64d2ec47dd107c126ccaac21be300a0608"
    "2a8648ce3d040302302b3110300e060355040a0c074578616d706c653117301506035504030c0e636e2e657861"
    "6d706c652e636f6d301e170d3236313132333132353034395a170d3336313132303132353034395a302b311030"
    "0e060355040a0c074578616d706c653117301506035504030c0e636e2e6578616d706c652e636f6d3059301306"
    "072a8648ce3d020106082a8648ce3d03010703420004c23df7461a699558e9ef0a5cf9861b94467f168325e3fd"
    "dd183f8368cfcfc272d87c31eca505057fc41adbb7d1187b9443af6af25e06b2442393f1365b921572a3818330"
    "8180301d0603551d0e04160414dc5a457cbdbeb2d8b91a6909539aa31490f616a7301f0603551d230418301680"
    "14dc5a457cbdbeb2d8b91a6909539aa31490f616a7300f0603551d130101ff040530030101ff302d0603551d11"
    "042630248704c0000201820f7777772e6578616d706c652e636f6d820b6578616d706c652e636f6d300a06082a"
    "8648ce3d040302034800304502202476747fd6110732a61d219e264df3c8e63ae99b2f919d49bcfd2fbe343100"
    "34022100d6d20371457ab8565bd387227be2c41c623d0840e02e8413818aaa16beb9d82d";

/* openssl req -x509, P-256: CN=only.example.org, no subjectAltName */
static const char common_name_message[] =
    "0001b50001b2308201ae30820154a00302010202133366c590fcb807fd3aa0df2a0d2483bbc08990300a06082a"
    "8648ce3d040302302d3110300e060355040a0c074578616d706c653119301706035504030c106f6e6c792e6578"
    "616d706c652e6f7267301e170d3236313132333132343132325a170d3336313132303132343132325a302d3110"
    "300e060355040a0c074578616d706c653119301706035504030c106f6e6c792e6578616d706c652e6f72673059"
    "301306072a8648ce3d020106082a8648ce3d0301070342000465a460c9dd152e87f5ba76034817c3e3b2c887ed"
    "fa060244796d2678276c4bd2623d4e4a89c7a15cc494aaaefadcd5244ce00be36215a3f416f544779b97a0f2a3"
    "533051301d0603551d0e0416041463951bc5337f6117724c3582a771b4aba245b0ab301f0603551d2304183016"
    "801463951bc5337f6117724c3582a771b4aba245b0ab300f0603551d130101ff040530030101ff300a06082a86"
    "48ce3d0403020348003045022059b33d6cf8dffd3796b3af4883b23e98e94fb90f9e7d0e16ba4b6a2e86c77882"
    "0221008a46e37a84a384c409e3bacb150c956cbbdc313ffa63cc80ddb0425ec0b5cc6a";

static struct message message_of(const char *hex) {
    struct message message = {.size = 0};
    message_hex(&message, hex);
    return message;
}

#define CN(tag, value) "310d 300b 0603 550403 " tag "04 " value /* a RDN of one four-byte name */
#define ORGANIZATION   "310d 300b 0603 55040a 0c04 41434d45"

/*
 * A Certificate message with a version 3 certificate of that subject and that content of [3]; NULL
 * leaves [3] out. Nothing behind it is there: it is not needed.
 */
static struct message message_with(const char *subject, const char *extensions) {
    struct message message = {.size = 0};
    size_t list = message_open(&message, 3);
    size_t entry = message_open(&message, 3);
    message_hex(&message, "3082");
    size_t certificate = message_open(&message, 2);
    message_hex(&message, "3082");
    size_t signed_part = message_open(&message, 2);
    message_hex(&message, "a003 020102 0201 05 3003 060129 3000 3000 30");
    size_t name = message_open(&message, 1);
    message_hex(&message, subject);
    message_close(&message, name, 1);
    message_hex(&message, "3000"); /* subjectPublicKeyInfo */
    if (extensions != NULL) {
        message_hex(&message, "a3");
        size_t outer = message_open(&message, 1);
        message_hex(&message, extensions);
        message_close(&message, outer, 1);
    }
    message_close(&message, signed_part, 2);
    message_close(&message, certificate, 2);
    message_close(&message, entry, 3);
    message_close(&message, list, 3);
    return message;
}

static const struct name_case {
    const char *name;
    const char *subject;
    const char *extensions;
    enum parse_status wanted;
    const char *found; /* in hex; NULL: absent */
} name_cases[] = {
    {"common name alone", CN("0c", "612e6263"), NULL, PARSE_OK, "612e6263"},
    {"behind the organization", ORGANIZATION CN("13", "612e6263"), NULL, PARSE_OK, "612e6263"},
    {"the last common name", CN("0c", "612e6161") CN("0c", "622e6262"), NULL, PARSE_OK, "622e6262"},
    {"two attributes in one RDN",
     "3119 300b 0603 55040a 0c04 41434d45 300a 0603 550403 0c03 612e62", NULL, PARSE_OK, "612e62"},
    {"in two-byte characters", CN("1e", "0061002e"), NULL, PARSE_OK, NULL},
    {"empty subject", "", NULL, PARSE_OK, NULL},
    {"no common name", ORGANIZATION, NULL, PARSE_OK, NULL},
    {"alternative name before common name", CN("0c", "612e6263"),
     "3011 300f 0603 551d11 0408 3006 8204 782e797a", PARSE_OK, "782e797a"},
    {"critical one", "", "3014 3012 0603 551d11 0101 ff 0408 3006 8204 782e797a", PARSE_OK,
     "782e797a"},
    {"behind another extension", "",
     "3018 3005 0603 551d13 300f 0603 551d11 0408 3006 8204 782e797a", PARSE_OK, "782e797a"},
    {"no dNSName in it", CN("0c", "612e6263"), "3011 300f 0603 551d11 0408 3006 8704 c0000201",
     PARSE_OK, "612e6263"},
    {"an empty dNSName is none", CN("0c", "612e6263"), "300d 300b 0603 551d11 0404 3002 8200",
     PARSE_OK, "612e6263"},
    {"dNSName with a NUL, unvalidated", "", "3011 300f 0603 551d11 0408 3006 8204 78000079",
     PARSE_OK, "78000079"},
    {"no extensions in [3]", CN("0c", "612e6263"), "3000", PARSE_OK, "612e6263"},
    {"length past its sequence", "", "3011 300f 0603 551d11 0408 3006 8205 782e797a",
     PARSE_MALFORMED, NULL},
    {"indefinite length", "", "3080 300f 0603 551d11 0408 3006 8204 782e797a", PARSE_MALFORMED,
     NULL},
    {"length of five bytes", "", "3085 000000000f 0603", PARSE_MALFORMED, NULL},
    {"extension value is no OCTET STRING", "", "3011 300f 0603 551d11 0508 3006 8204 782e797a",
     PARSE_MALFORMED, NULL},
    {"subject of no SETs", "300b 0603 550403 0c04 612e6263", NULL, PARSE_MALFORMED, NULL},
    {"long tag", "1f0100", NULL, PARSE_MALFORMED, NULL},
};

static void reads_names(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(name_cases) / sizeof(name_cases[0]); i++) {
        const struct name_case *want = &name_cases[i];
        print_message("  %s\n", want->name);
        struct message message = message_with(want->subject, want->extensions);
        struct span body = exact_copy(message.data, message.size);
        struct span name = {NULL, 0};
        assert_int_equal(certificate_name_parse(body, &name), want->wanted);
        if (want->found != NULL) {
            struct message found = message_of(want->found);
            assert_int_equal(name.size, found.size);
            assert_memory_equal(name.data, found.data, found.size);
        } else {
            assert_null(name.data);
        }
        exact_free(body);
    }
}

static void assert_name_is(const char *hex, const char *wanted) {
    struct message message = message_of(hex);
    struct span body = exact_copy(message.data, message.size);
    struct span name;
    assert_int_equal(certificate_name_parse(body, &name), PARSE_OK);
    assert_int_equal(name.size, strlen(wanted));
    assert_memory_equal(name.data, wanted, name.size);
    exact_free(body);
}

static void reads_real_certificates(void **state) {
    (void)state;
    assert_name_is(alt_name_message, "www.example.com");
    assert_name_is(common_name_message, "only.example.org");
}

static void reads_empty_lists(void **state) {
    (void)state;
    struct span name = {(const uint8_t *)"x", 1};
    struct message message = message_of("000000");
    assert_int_equal(certificate_name_parse(span_of(message.data, message.size), &name), PARSE_OK);
    assert_null(name.data);
    message = message_of("000002 0000");
    assert_int_equal(certificate_name_parse(span_of(message.data, message.size), &name),
                     PARSE_MORE);
    message = message_of("000003 000000");
    assert_int_equal(certificate_name_parse(span_of(message.data, message.size), &name),
                     PARSE_MALFORMED);
    message = message_of("000004 000002 3000");
    assert_int_equal(certificate_name_parse(span_of(message.data, message.size), &name),
                     PARSE_MALFORMED);
}

/* A beginning asks for more until the name is there, and from then on gives it. */
static void takes_beginnings(void **state) {
    (void)state;
    struct message message = message_of(alt_name_message);
    static const char wanted[] = "www.example.com";
    size_t known = 0;
    for (size_t size = 0; size <= message.size; size++) {
        struct span body = exact_copy(message.data, size);
        struct span name;
        enum parse_status status = certificate_name_parse(body, &name);
        if (status == PARSE_OK) {
            assert_int_equal(name.size, sizeof(wanted) - 1);
            assert_memory_equal(name.data, wanted, name.size);
            known = known == 0 ? size : known;
        } else {
            assert_int_equal(status, PARSE_MORE);
            assert_int_equal(known, 0);
        }
        exact_free(body);
    }
    struct span whole = span_of(message.data, message.size);
    struct span name;
    assert_int_equal(certificate_name_parse(whole, &name), PARSE_OK);
    assert_ptr_equal(name.data + name.size, message.data + known);
}

static void feed_certificate(struct span body) {
    struct span name;
    if (certificate_name_parse(body, &name) == PARSE_OK)
        span_walk(name, body);
}

static void survives_damage(void **state) {
    (void)state;
    struct message message = message_of(alt_name_message);
    message_feed_damaged(&message, feed_certificate);
    message = message_of(common_name_message);
    message_feed_damaged(&message, feed_certificate);
    for (size_t i = 0; i < sizeof(name_cases) / sizeof(name_cases[0]); i++) {
        message = message_with(name_cases[i].subject, name_cases[i].extensions);
        message_feed_damaged(&message, feed_certificate);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_names),       cmocka_unit_test(reads_real_certificates),
        cmocka_unit_test(reads_empty_lists), cmocka_unit_test(takes_beginnings),
        cmocka_unit_test(survives_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
