/*
 * test_handshake_ech.c - which Encrypted ClientHellos can be told from each other, and which
 * cannot.
 */
#include "handshake_ech.h"
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ECH_SIZE = 512 };

/* An outer extension with these sizes of share and payload, filled with `fill`. */
static struct span outer(uint8_t bytes[ECH_SIZE], size_t enc, size_t payload, uint8_t fill) {
    size_t size = 10 + enc + payload;
    assert_true(size <= ECH_SIZE);
    memset(bytes, fill, size);
    memcpy(bytes, "\x00\x00\x01\x00\x01\x2a\x00", 7);
    bytes[7] = (uint8_t)enc;
    bytes[8 + enc] = 0;
    bytes[9 + enc] = (uint8_t)payload;
    return span_of(bytes, size);
}

struct ech_case {
    const char *name;
    size_t payload;        /* of the first hello; 0: no ECH */
    size_t second_enc;     /* of the second hello's ECH */
    size_t second_payload; /* 0: no second hello's ECH */
    uint8_t second_fill;   /* the first's is 7 */
    bool has_second;
    bool has_retry;
    bool retry_has_ech;
    uint16_t version; /* of the ServerHello; 0: none */
    enum handshake_ech wanted;
};

static const struct ech_case cases[] = {
    {.name = "none", .version = 0x0304, .wanted = HANDSHAKE_ECH_NONE},
    {.name = "unanswered", .payload = 176, .wanted = HANDSHAKE_ECH_OFFERED},
    {.name = "TLS 1.3", .payload = 176, .version = 0x0304, .wanted = HANDSHAKE_ECH_OFFERED},
    {.name = "a draft of TLS 1.3",
     .payload = 176,
     .version = 0x7f1c,
     .wanted = HANDSHAKE_ECH_OFFERED},
    {.name = "TLS 1.2", .payload = 176, .version = 0x0303, .wanted = HANDSHAKE_ECH_REFUSED},
    {.name = "TLS 1.0", .payload = 176, .version = 0x0301, .wanted = HANDSHAKE_ECH_REFUSED},
    {.name = "an unknown version",
     .payload = 176,
     .version = 0x0999,
     .wanted = HANDSHAKE_ECH_OFFERED},
    {.name = "a payload that is not padded",
     .payload = 239,
     .version = 0x0304,
     .wanted = HANDSHAKE_ECH_GREASE},
    {.name = "not padded, TLS 1.2",
     .payload = 207,
     .version = 0x0303,
     .wanted = HANDSHAKE_ECH_GREASE},
    {.name = "retry that says nothing of it",
     .payload = 176,
     .has_retry = true,
     .wanted = HANDSHAKE_ECH_REFUSED},
    {.name = "retry with an answer to it",
     .payload = 176,
     .has_retry = true,
     .retry_has_ech = true,
     .wanted = HANDSHAKE_ECH_OFFERED},
    {.name = "taken",
     .payload = 176,
     .has_retry = true,
     .retry_has_ech = true,
     .has_second = true,
     .second_payload = 208,
     .second_fill = 9,
     .version = 0x0304,
     .wanted = HANDSHAKE_ECH_ACCEPTED},
    {.name = "taken, the retry was not seen",
     .payload = 176,
     .has_second = true,
     .second_payload = 176,
     .second_fill = 9,
     .wanted = HANDSHAKE_ECH_ACCEPTED},
    {.name = "the same again",
     .payload = 176,
     .has_retry = true,
     .has_second = true,
     .second_enc = 32,
     .second_payload = 176,
     .second_fill = 7,
     .version = 0x0304,
     .wanted = HANDSHAKE_ECH_GREASE},
    {.name = "the same again, though the retry answers",
     .payload = 176,
     .has_retry = true,
     .retry_has_ech = true,
     .has_second = true,
     .second_enc = 32,
     .second_payload = 176,
     .second_fill = 7,
     .version = 0x0304,
     .wanted = HANDSHAKE_ECH_GREASE},
    {.name = "another one, with a share",
     .payload = 176,
     .has_retry = true,
     .retry_has_ech = true,
     .has_second = true,
     .second_enc = 32,
     .second_payload = 176,
     .second_fill = 9,
     .version = 0x0304,
     .wanted = HANDSHAKE_ECH_OFFERED},
    {.name = "second hello without",
     .payload = 176,
     .has_retry = true,
     .retry_has_ech = true,
     .has_second = true,
     .version = 0x0304,
     .wanted = HANDSHAKE_ECH_OFFERED},
};

static void arrange(struct scene *scene, const struct ech_case *row, uint8_t first[ECH_SIZE],
                    uint8_t second[ECH_SIZE]) {
    static const uint16_t suites[] = {0x1301, 0xc02f, 0};
    static const uint16_t versions[] = {0x0304, 0x0303, 0};
    static const uint16_t ech[] = {TLS_EXT_ENCRYPTED_CLIENT_HELLO, 0};
    const struct client_spec hello = {.suites = suites, .versions = versions, .name = "a.example"};
    scene_init(scene);
    scene_offer(scene, hello);
    if (row->payload != 0)
        scene->handshake.offer.encrypted_client_hello = outer(first, 32, row->payload, 7);
    if (row->has_retry)
        scene_answer(scene, (struct server_spec){.is_retry = true,
                                                 .selected = 0x0304,
                                                 .suite = 0x1301,
                                                 .group = 23,
                                                 .extensions = row->retry_has_ech ? ech : NULL});
    if (row->has_second)
        scene_second_offer(scene, hello);
    if (row->second_payload != 0)
        scene->handshake.second_offer.encrypted_client_hello =
            outer(second, row->second_enc, row->second_payload, row->second_fill);
    if (row->version != 0) {
        bool is_13 = row->version == 0x0304 || row->version == 0x7f1c || row->version == 0x0999;
        scene_answer(scene, (struct server_spec){.legacy_version = is_13 ? 0x0303 : row->version,
                                                 .selected = is_13 ? row->version : 0,
                                                 .suite = is_13 ? 0x1301 : 0xc02f});
    }
}

static void test_cases(void **state) {
    (void)state;
    static struct scene scene;
    static uint8_t first[ECH_SIZE];
    static uint8_t second[ECH_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("  %s\n", cases[i].name);
        arrange(&scene, &cases[i], first, second);
        assert_int_equal(handshake_ech(&scene.handshake), cases[i].wanted);
    }
}

static void test_other_kinds(void **state) {
    (void)state;
    static struct scene scene;
    static uint8_t bytes[ECH_SIZE];
    arrange(&scene, &cases[1], bytes, bytes);
    struct client_hello *offer = &scene.handshake.offer;
    offer->encrypted_client_hello = span_of("\x01", 1);
    assert_int_equal(handshake_ech(&scene.handshake), HANDSHAKE_ECH_INNER);
    offer->encrypted_client_hello = span_of("\x02", 1); /* the parser leaves such a one out */
    assert_int_equal(handshake_ech(&scene.handshake), HANDSHAKE_ECH_NONE);
    offer->encrypted_client_hello = (struct span){NULL, 0};
    offer->encrypted_server_name = span_of("\x13\x01", 2);
    assert_int_equal(handshake_ech(&scene.handshake), HANDSHAKE_ECH_OFFERED);
    scene.handshake.has = HANDSHAKE_HAS_CHOICE;
    assert_int_equal(handshake_ech(&scene.handshake), HANDSHAKE_ECH_NONE);
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(handshake_ech_name(HANDSHAKE_ECH_NONE), "none");
    assert_string_equal(handshake_ech_name(HANDSHAKE_ECH_OFFERED), "offered");
    assert_string_equal(handshake_ech_name(HANDSHAKE_ECH_GREASE), "grease");
    assert_string_equal(handshake_ech_name(HANDSHAKE_ECH_REFUSED), "refused");
    assert_string_equal(handshake_ech_name(HANDSHAKE_ECH_ACCEPTED), "accepted");
    assert_string_equal(handshake_ech_name(HANDSHAKE_ECH_INNER), "inner");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
