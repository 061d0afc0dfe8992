/* Tunnels by IP's protocol number or an Ethertype: IP in IP, GRE and its kin, PPPoE; and what holds
 * for all tunnels: what is noted of them, how deep they go. Those over UDP: test_tunnel_udp.c. */
#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT_OF(table) (sizeof(table) / sizeof *(table))

static const struct tunnel_case {
    const char *name;
    const char *recipe; /* on Ethernet; outer addresses: 10.0.N.1 or fd00::N:1 for the Nth tunnel */
    unsigned inner_version;
    unsigned vlan_count;
    struct {
        enum tunnel_type type;
        unsigned ip_version;
        uint32_t id;
    } tunnels[PACKET_MAX_TUNNELS];
    unsigned tunnel_count;
} cases[] = {
    {"4in4", "eth:0800 v4:04:1 tcp4", 4, 0, {{TUNNEL_IPIP, 4, 0}}, 1},
    {"6in4", "eth:0800 v4:29:1 tcp6", 6, 0, {{TUNNEL_IPIP, 4, 0}}, 1},
    {"4in6", "eth:86dd v6:04:1 tcp4", 4, 0, {{TUNNEL_IPIP, 6, 0}}, 1},
    {"6in6", "eth:86dd v6:29:1 tcp6", 6, 0, {{TUNNEL_IPIP, 6, 0}}, 1},
    {"4in6 with the encapsulation limit of RFC 2473",
     "eth:86dd v6:3c:1 0400040104010100 tcp4",
     4,
     0,
     {{TUNNEL_IPIP, 6, 0}},
     1},
    {"6in4 behind AH",
     "eth:0800 v4:33:1 290100000000000100000001 tcp6",
     6,
     0,
     {{TUNNEL_IPIP, 4, 0}},
     1},
    {"UDP inside", "eth:0800 v4:04:1 udp4", 4, 0, {{TUNNEL_IPIP, 4, 0}}, 1},
    {"GRE", "eth:0800 v4:2f:1 00000800 tcp4", 4, 0, {{TUNNEL_GRE, 4, 0}}, 1},
    {"GRE over IPv6", "eth:86dd v6:2f:1 000086dd tcp6", 6, 0, {{TUNNEL_GRE, 6, 0}}, 1},
    {"GRE, checksum", "eth:0800 v4:2f:1 80000800 12340000 tcp4", 4, 0, {{TUNNEL_GRE, 4, 0}}, 1},
    {"GRE, key", "eth:0800 v4:2f:1 20000800 deadbeef tcp4", 4, 0, {{TUNNEL_GRE, 4, 0xdeadbeef}}, 1},
    {"GRE, sequence number",
     "eth:0800 v4:2f:1 100086dd 00000001 tcp6",
     6,
     0,
     {{TUNNEL_GRE, 4, 0}},
     1},
    {"GRE, all three",
     "eth:0800 v4:2f:1 b0000800 12340000 0000002a 00000001 tcp4",
     4,
     0,
     {{TUNNEL_GRE, 4, 42}},
     1},
    {"GRE, bits to be ignored", "eth:0800 v4:2f:1 03f80800 tcp4", 4, 0, {{TUNNEL_GRE, 4, 0}}, 1},
    {"GRE, Ethernet (NVGRE)",
     "eth:0800 v4:2f:1 20006558 00002a01 eth:0800 tcp4",
     4,
     0,
     {{TUNNEL_GRE, 4, 0x2a01}},
     1},
    {"GRE, tagged Ethernet",
     "eth:8100 00640800 v4:2f:1 00006558 eth:8100 00c886dd tcp6",
     6,
     1,
     {{TUNNEL_GRE, 4, 0}},
     1},
    {"GRE, MPLS", "eth:0800 v4:2f:1 00008847 000641ff tcp4", 4, 0, {{TUNNEL_GRE, 4, 0}}, 1},
    {"GRE, PPP", "eth:0800 v4:2f:1 0000880b ff030021 tcp4", 4, 0, {{TUNNEL_GRE, 4, 0}}, 1},
    {"WCCP 1", "eth:0800 v4:2f:1 0000883e tcp4", 4, 0, {{TUNNEL_GRE, 4, 0}}, 1},
    {"WCCP 2", "eth:0800 v4:2f:1 0000883e 00000100 tcp4", 4, 0, {{TUNNEL_GRE, 4, 0}}, 1},
    {"ERSPAN I", "eth:0800 v4:2f:1 000088be eth:0800 tcp4", 4, 0, {{TUNNEL_ERSPAN, 4, 0}}, 1},
    {"ERSPAN II",
     "eth:0800 v4:2f:1 100088be 00000001 10640465 00000003 eth:0800 tcp4",
     4,
     0,
     {{TUNNEL_ERSPAN, 4, 0x65}},
     1},
    {"ERSPAN III",
     "eth:0800 v4:2f:1 100022eb 00000001 20640465 01020304 00008004 eth:86dd tcp6",
     6,
     0,
     {{TUNNEL_ERSPAN, 4, 0x65}},
     1},
    {"ERSPAN III, subheader",
     "eth:0800 v4:2f:1 100022eb 00000001 206407ff 01020304 00008005 0102030405060708 eth:8100 "
     "00640800 tcp4",
     4,
     0,
     {{TUNNEL_ERSPAN, 4, 0x3ff}},
     1},
    {"ERSPAN III, IP",
     "eth:0800 v4:2f:1 100022eb 00000001 20640465 01020304 00000804 tcp4",
     4,
     0,
     {{TUNNEL_ERSPAN, 4, 0x65}},
     1},
    {"PPTP",
     "eth:0800 v4:2f:1 3001880b 003100070000000b ff030021 tcp4",
     4,
     0,
     {{TUNNEL_GRE, 4, 7}},
     1},
    {"PPTP, acknowledgement",
     "eth:0800 v4:2f:1 3081880b 002f0007 0000000b 0000000a 0021 tcp4",
     4,
     0,
     {{TUNNEL_GRE, 4, 7}},
     1},
    {"PPPoE", "eth:8864 1100002aLLLL 0021 tcp4", 4, 0, {{TUNNEL_PPPOE, 0, 42}}, 1},
    {"PPPoE under two tags, IPv6",
     "eth:88a8 00648100 00c88864 1100ffffLLLL 0057 tcp6",
     6,
     2,
     {{TUNNEL_PPPOE, 0, 0xffff}},
     1},
    {"PPPoE in GRE",
     "eth:0800 v4:2f:1 00006558 eth:8864 1100002aLLLL 0021 tcp4",
     4,
     0,
     {{TUNNEL_GRE, 4, 0}, {TUNNEL_PPPOE, 0, 42}},
     2},
    {"6in4 in PPPoE",
     "eth:8864 1100002aLLLL 0021 v4:29:2 tcp6",
     6,
     0,
     {{TUNNEL_PPPOE, 0, 42}, {TUNNEL_IPIP, 4, 0}},
     2},
    {"6in4 in GRE in VXLAN in ERSPAN, tags everywhere",
     "eth:8100 00640800 v4:2f:1 100088be 00000001 10640465 00000003 eth:8100 00c80800 v4:11:2 "
     "udp:50000:4789 0800000000002a00 eth:8100 012c86dd v6:2f:3 00000800 v4:29:4 tcp6",
     6,
     1,
     {{TUNNEL_ERSPAN, 4, 0x65}, {TUNNEL_VXLAN, 4, 42}, {TUNNEL_GRE, 6, 0}, {TUNNEL_IPIP, 4, 0}},
     4},
};

static void assert_inner(const struct packet *packet, const struct tunnel_case *expected) {
    static const uint8_t source4[16] = {192, 0, 2, 1};
    static const uint8_t destination4[16] = {198, 51, 100, 2};
    static const uint8_t source6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 1};
    static const uint8_t destination6[16] = {0x20, 1, 0x0d, 0xb8, [15] = 2};
    bool is_ipv4 = expected->inner_version == 4;
    assert_int_equal(packet->ip_version, expected->inner_version);
    assert_memory_equal(packet->source.bytes, is_ipv4 ? source4 : source6, 16);
    assert_memory_equal(packet->destination.bytes, is_ipv4 ? destination4 : destination6, 16);
    assert_int_equal(packet->hop_limit, 64);
    assert_int_equal(packet->source_port, 49153);
    assert_int_equal(packet->destination_port, 443);
    assert_int_equal(packet->payload.size, 5);
    assert_int_equal(packet->payload_size_wire, 5);
    /* Nothing of the outer packets is left over. */
    assert_int_equal(packet->has, is_ipv4 ? PACKET_HAS_IP_ID : 0);
    assert_int_equal(packet->ip_id, is_ipv4 ? 0x1234 : 0);
    assert_int_equal(packet->dont_fragment, is_ipv4 && packet->protocol == IP_PROTOCOL_TCP);
    assert_false(packet->is_fragment);
    assert_int_equal(packet->vlan_count, expected->vlan_count);
    assert_int_equal(packet->vlans[0], expected->vlan_count > 0 ? 100 : 0);
    assert_int_equal(packet->vlans[1], expected->vlan_count > 1 ? 200 : 0);
}

/* Its ends, as the recipe's headers number them. */
static void assert_ends(const struct packet_tunnel *tunnel, unsigned number) {
    uint8_t source[16] = {0};
    uint8_t destination[16] = {0};
    if (tunnel->ip_version == 4) {
        memcpy(source, (uint8_t[]){10, 0, (uint8_t)number, 1}, 4);
        memcpy(destination, (uint8_t[]){10, 0, (uint8_t)number, 2}, 4);
    } else if (tunnel->ip_version == 6) {
        source[0] = destination[0] = 0xfd;
        source[13] = destination[13] = (uint8_t)number;
        source[15] = 1;
        destination[15] = 2;
    }
    assert_memory_equal(tunnel->source.bytes, source, 16);
    assert_memory_equal(tunnel->destination.bytes, destination, 16);
    bool is_udp = tunnel->type == TUNNEL_VXLAN;
    assert_int_equal(tunnel->source_port, is_udp ? 50000 : 0);
    assert_int_equal(tunnel->destination_port, is_udp ? 4789 : 0);
}

/* On a struct full of rubbish: nothing may be left unset. */
static void test_each(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct tunnel_case *expected = &cases[i];
        struct frame frame = frame_of_recipe(expected->recipe);
        uint8_t *copy = frame_copy(frame.bytes, frame.size);
        struct packet packet;
        memset(&packet, 0xa5, sizeof packet);
        print_message("%s\n", expected->name);
        assert_int_equal(packet_decode(LINK_ETHERNET, span_of(copy, frame.size), frame.size,
                                       PACKET_MAX_TUNNELS, &packet),
                         PARSE_OK);
        assert_inner(&packet, expected);
        assert_int_equal(packet.tunnel_count, expected->tunnel_count);
        for (unsigned n = 0; n < expected->tunnel_count; n++) {
            assert_int_equal(packet.tunnels[n].type, expected->tunnels[n].type);
            assert_int_equal(packet.tunnels[n].ip_version, expected->tunnels[n].ip_version);
            assert_int_equal(packet.tunnels[n].id, expected->tunnels[n].id);
            assert_ends(&packet.tunnels[n], n + 1);
        }
        free(copy);
    }
}

/* One level less than it takes, and none at all. A tunnel over UDP on the way is where it ends
 * then, as a datagram. */
static void test_depth(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct frame frame = frame_of_recipe(cases[i].recipe);
        for (unsigned limit = 0; limit < 12; limit++) {
            struct packet packet;
            enum parse_status status = packet_decode(
                LINK_ETHERNET, span_of(frame.bytes, frame.size), frame.size, limit, &packet);
            bool is_in_vxlan = limit >= 1 && cases[i].tunnel_count == 4;
            if (limit >= cases[i].tunnel_count) {
                assert_int_equal(status, PARSE_OK);
                assert_int_equal(packet.tunnel_count, cases[i].tunnel_count);
            } else if (is_in_vxlan) {
                assert_int_equal(status, PARSE_OK);
                assert_int_equal(packet.tunnel_count, 1);
                assert_int_equal(packet.destination_port, 4789);
            } else {
                assert_int_equal(status, PARSE_FOREIGN);
            }
        }
    }
}

static const struct bad_case {
    const char *name;
    const char *recipe;
    enum parse_status status;
} bad_cases[] = {
    {"IPv4 said, IPv6 inside", "eth:0800 v4:04:1 tcp6", PARSE_MALFORMED},
    {"IPv6 said, IPv4 inside", "eth:0800 v4:29:1 tcp4", PARSE_MALFORMED},
    {"nothing inside", "eth:0800 v4:04:1", PARSE_MALFORMED},
    {"ICMP inside", "eth:0800 v4:04:1 v4:01:2 0800000000000000", PARSE_FOREIGN},
    {"an ICMP error that quotes a packet", "eth:0800 v4:01:1 0303000000000000 tcp4", PARSE_FOREIGN},
    {"an ICMPv6 error that quotes a packet", "eth:86dd v6:3a:1 0100000000000000 tcp6",
     PARSE_FOREIGN},
    {"ESP", "eth:0800 v4:32:1 0000000100000001 tcp4", PARSE_FOREIGN},
    {"GRE, header cut", "eth:0800 v4:2f:1 000008", PARSE_MALFORMED},
    {"GRE, options cut", "eth:0800 v4:2f:1 b0000800 0000000000000000", PARSE_MALFORMED},
    {"GRE, source route", "eth:0800 v4:2f:1 40000800 00000000 00000000 tcp4", PARSE_FOREIGN},
    {"GRE, strict source route", "eth:0800 v4:2f:1 08000800 tcp4", PARSE_FOREIGN},
    {"GRE, a bit that must be zero", "eth:0800 v4:2f:1 04000800 tcp4", PARSE_FOREIGN},
    {"GRE, version 2", "eth:0800 v4:2f:1 00020800 tcp4", PARSE_FOREIGN},
    {"GRE, keepalive", "eth:0800 v4:2f:1 00000000", PARSE_FOREIGN},
    {"GRE, ARP", "eth:0800 v4:2f:1 00000806 tcp4", PARSE_FOREIGN},
    {"ERSPAN II, another version",
     "eth:0800 v4:2f:1 100088be 00000001 20640465 00000003 eth:0800 tcp4", PARSE_FOREIGN},
    {"ERSPAN II, cut", "eth:0800 v4:2f:1 100088be 00000001 10640465 000000", PARSE_MALFORMED},
    {"ERSPAN III, another version",
     "eth:0800 v4:2f:1 100022eb 00000001 10640465 01020304 00000004 eth:0800 tcp4", PARSE_FOREIGN},
    {"ERSPAN III, another frame",
     "eth:0800 v4:2f:1 100022eb 00000001 20640465 01020304 00000c04 eth:0800 tcp4", PARSE_FOREIGN},
    {"ERSPAN III, another frame that looks like Ethernet",
     "eth:0800 v4:2f:1 100022eb 00000001 20640465 01020304 00000404 eth:0800 tcp4", PARSE_FOREIGN},
    {"ERSPAN III, subheader cut",
     "eth:0800 v4:2f:1 100022eb 00000001 20640465 01020304 00000005 01020304", PARSE_MALFORMED},
    {"WCCP, nothing", "eth:0800 v4:2f:1 0000883e", PARSE_MALFORMED},
    {"WCCP, IPv6", "eth:0800 v4:2f:1 0000883e 00000100 tcp6", PARSE_MALFORMED},
    {"PPTP, acknowledgement only", "eth:0800 v4:2f:1 2081880b 00000007 0000000a", PARSE_FOREIGN},
    {"PPTP, no key", "eth:0800 v4:2f:1 1001880b 0000000b 0021 tcp4", PARSE_FOREIGN},
    {"PPTP, not PPP", "eth:0800 v4:2f:1 30010800 002f0007 0000000b 0021 tcp4", PARSE_FOREIGN},
    {"PPTP, shorter than its inside", "eth:0800 v4:2f:1 3001880b 00130007 0000000b 0021 tcp4",
     PARSE_MALFORMED},
    {"PPTP, LCP", "eth:0800 v4:2f:1 3001880b 000a0007 0000000b ff03c021 01010004", PARSE_FOREIGN},
    {"PPTP, encrypted", "eth:0800 v4:2f:1 3001880b 00310007 0000000b 00fd tcp4", PARSE_FOREIGN},
    {"PPPoE, version 2", "eth:8864 2100002aLLLL 0021 tcp4", PARSE_FOREIGN},
    {"PPPoE, discovery's code", "eth:8864 1109002aLLLL 0021 tcp4", PARSE_FOREIGN},
    {"PPPoE, discovery", "eth:8863 1109000000040101 0000", PARSE_FOREIGN},
    {"PPPoE, LCP", "eth:8864 1100002aLLLL c021 01010004", PARSE_FOREIGN},
    {"PPPoE, shorter than its inside", "eth:8864 1100002a0015 0021 tcp4", PARSE_MALFORMED},
    {"PPPoE, nothing in it", "eth:8864 1100002a0000 0021 tcp4", PARSE_MALFORMED},
    {"UDP on other ports is UDP", "eth:0800 v4:11:1 udp:500:4500 00000000 tcp4", PARSE_OK},
    {"TCP on a tunnel's port is TCP",
     "eth:0800 v4:06:1 c00112b51122334455667788501800ff00000000 "
     "0800000000002a00 eth:0800 tcp4",
     PARSE_OK},
};

static void test_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_cases); i++) {
        struct frame frame = frame_of_recipe(bad_cases[i].recipe);
        uint8_t *copy = frame_copy(frame.bytes, frame.size);
        struct packet packet;
        print_message("%s\n", bad_cases[i].name);
        assert_int_equal(packet_decode(LINK_ETHERNET, span_of(copy, frame.size), frame.size,
                                       PACKET_MAX_TUNNELS, &packet),
                         bad_cases[i].status);
        if (bad_cases[i].status == PARSE_OK)
            assert_int_equal(packet.tunnel_count, 0);
        free(copy);
    }
}

/* As many as a frame holds. */
static void test_endless_nesting(void **state) {
    (void)state;
    static const struct {
        const char *layer;
        const char *inside;
        enum parse_status status; /* of a hundred */
    } nests[] = {
        {"v4:2f:1 00000800", "tcp4", PARSE_FOREIGN},
        {"v4:04:1", "tcp4", PARSE_FOREIGN},
        {"v4:2f:1 00006558 eth:0800", "tcp4", PARSE_FOREIGN},
        {"v4:2f:1 00006558 eth:8864 1100002aLLLL 0021", "tcp4", PARSE_FOREIGN},
        {"v4:11:1 udp:50000:4789 0800000000002a00 eth:0800", "tcp4", PARSE_OK},
        {"v4:11:1 udp:50000:6081 0000080000002a00", "v4:2f:1 00006558 eth:0800 tcp4", PARSE_OK},
    };
    for (size_t i = 0; i < COUNT_OF(nests); i++) {
        for (size_t count = 1; count <= 50; count++) {
            struct frame frame = frame_of_recipe(nests[i].inside);
            for (size_t n = 0; n < count; n++)
                frame = frame_wrap(nests[i].layer, &frame);
            struct packet packet;
            enum parse_status status = packet_decode(LINK_RAW, span_of(frame.bytes, frame.size),
                                                     frame.size, PACKET_MAX_TUNNELS, &packet);
            assert_int_equal(status, count == 1 ? PARSE_OK : count > 4 ? nests[i].status : status);
            if (status == PARSE_OK)
                assert_true(packet.tunnel_count <= PACKET_MAX_TUNNELS);
        }
    }
}

/* Tags inside of a tunnel are not counted, so it is the work that is bounded. */
static void test_tags_inside(void **state) {
    (void)state;
    for (size_t count = 0; count < 100; count++) {
        struct frame frame = frame_of_recipe("00640800 tcp4");
        for (size_t n = 0; n < count; n++)
            frame = frame_wrap("00648100", &frame);
        frame = frame_wrap("eth:0800 v4:2f:1 00006558 eth:8100", &frame);
        struct packet packet;
        assert_int_equal(packet_decode(LINK_ETHERNET, span_of(frame.bytes, frame.size), frame.size,
                                       PACKET_MAX_TUNNELS, &packet),
                         count < 58 ? PARSE_OK : PARSE_MALFORMED);
        assert_int_equal(packet.vlan_count, 0);
    }
}

static void test_padding_behind(void **state) {
    (void)state;
    static const char *const recipes[] = {
        "eth:8864 1100002a002f 0021 tcp4 0000000000",
        "eth:0800 v4:2f:1 3001880b 002f0007 0000000b 0021 tcp4 0000000000",
        "eth:0800 v4:2f:1 00006558 eth:0800 tcp4 00000000000000000000",
    };
    for (size_t i = 0; i < COUNT_OF(recipes); i++) {
        struct frame frame = frame_of_recipe(recipes[i]);
        struct packet packet;
        assert_int_equal(packet_decode(LINK_ETHERNET, span_of(frame.bytes, frame.size), frame.size,
                                       PACKET_MAX_TUNNELS, &packet),
                         PARSE_OK);
        assert_int_equal(packet.payload.size, 5);
    }
}

static void test_names(void **state) {
    (void)state;
    static const char *const names[TUNNEL_TYPE_COUNT] = {
        [TUNNEL_IPIP] = "ipip",     [TUNNEL_GRE] = "gre",       [TUNNEL_ERSPAN] = "erspan",
        [TUNNEL_VXLAN] = "vxlan",   [TUNNEL_GENEVE] = "geneve", [TUNNEL_GTP_U] = "gtp-u",
        [TUNNEL_CAPWAP] = "capwap", [TUNNEL_TEREDO] = "teredo", [TUNNEL_PPPOE] = "pppoe",
        [TUNNEL_L2TP] = "l2tp",
    };
    for (enum tunnel_type type = 0; type < TUNNEL_TYPE_COUNT; type++)
        assert_string_equal(tunnel_type_name(type), names[type]);
}

static void test_every_prefix(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct frame frame = frame_of_recipe(cases[i].recipe);
        frame_assert_prefixes(LINK_ETHERNET, &frame);
    }
}

static void test_every_byte(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct frame frame = frame_of_recipe(cases[i].recipe);
        frame_assert_any_byte(LINK_ETHERNET, &frame);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_bad),         cmocka_unit_test(test_endless_nesting),
        cmocka_unit_test(test_tags_inside), cmocka_unit_test(test_padding_behind),
        cmocka_unit_test(test_names),       cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_every_byte),
    };
    return cmocka_run_group_tests_name("tunnel", tests, NULL, NULL);
}
