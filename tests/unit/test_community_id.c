/*
 * test_community_id.c - the expected texts come from the published algorithm in another language;
 * replay.oracle compares real captures with tshark.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "community_id.h"
#include "digest.h"

static const struct community_id_case {
    const char *client;
    const char *server;
    uint16_t client_port;
    uint16_t server_port;
    uint8_t ip_version;
    const char *expected;
} cases[] = {
    {"192.0.2.1", "198.51.100.1", 40000, 443, 4, "1:cVbvRIHSFcVwm1cgGzTNq9NVlCo="},
    {"198.51.100.1", "192.0.2.1", 443, 40000, 4, "1:cVbvRIHSFcVwm1cgGzTNq9NVlCo="},
    {"192.0.2.1", "192.0.2.1", 443, 40000, 4, "1:kav54h2mFjmSPhCvuJGuJJ7FY8c="},
    {"2001:db8::2", "2001:db8::1", 40000, 443, 6, "1:jn1M/64iWT+nYqxpE1jYHo+15rE="},
};

static void test_both_directions_have_one_id(void **state) {
    (void)state;
    struct digest *sha1 = digest_new("SHA1");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct community_id_case *row = &cases[i];
        int family = row->ip_version == 4 ? AF_INET : AF_INET6;
        struct handshake handshake = {.ip_version = row->ip_version, .transport = IP_PROTOCOL_TCP};
        char text[COMMUNITY_ID_SIZE];
        assert_int_equal(inet_pton(family, row->client, handshake.client.address.bytes), 1);
        assert_int_equal(inet_pton(family, row->server, handshake.server.address.bytes), 1);
        handshake.client.port = row->client_port;
        handshake.server.port = row->server_port;
        assert_true(community_id_format(sha1, &handshake, text));
        assert_string_equal(text, row->expected);
        assert_false(community_id_format(NULL, &handshake, text));
    }
    digest_delete(sha1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_both_directions_have_one_id)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
