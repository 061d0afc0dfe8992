/* Tunnels over UDP: each one's header, and everything else that comes to their ports and must stay
 * the datagram that it is. */
#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT_OF(table) (sizeof(table) / sizeof *(table))

/* 802.11 data from a station, and how one maker's controllers write its frame control. */
#define RADIO_REST "2c000200000000010200000000020200000000031000"
#define SNAP_V4    "aaaa030000000800"

/* A Teredo client's address, to a relay. */
#define TEREDO_HEAD                                                                                \
    "60000000LLLL06402001000041379e508000f12ab9c82815260104705000000000000000000000ff"
#define TCP_AND_DATA "c00101bb1122334455667788501800ff000000001603010005"

/* GENEVE options without contents, and GTP-U extensions of one word. */
#define NINE_OPTIONS     "010880000108800001088000010880000108800001088000010880000108800001088000 "
#define SEVEN_EXTENSIONS "01000085010000850100008501000085010000850100008501000085 "

static const struct tunnel_case {
    const char *name;
    const char *recipe; /* after the outer IP header */
    enum tunnel_type type;
    uint32_t id;
    unsigned inner_version;
} cases[] = {
    {"VXLAN", "udp:50000:4789 0800000000002a00 eth:0800 tcp4", TUNNEL_VXLAN, 42, 4},
    {"VXLAN, Linux's old port", "udp:50000:8472 08000000ffffff00 eth:0800 tcp4", TUNNEL_VXLAN,
     0xffffff, 4},
    {"VXLAN, from the port", "udp:4789:50000 0800000000002a00 eth:86dd tcp6", TUNNEL_VXLAN, 42, 6},
    {"VXLAN, both ports the same", "udp:4789:4789 0800000000002a00 eth:0800 udp4", TUNNEL_VXLAN, 42,
     4},
    {"VXLAN, group policy", "udp:50000:4789 8848001000002a00 eth:0800 tcp4", TUNNEL_VXLAN, 42, 4},
    {"VXLAN, tagged", "udp:50000:4789 0800000000002a00 eth:8100 006486dd tcp6", TUNNEL_VXLAN, 42,
     6},
    {"VXLAN-GPE, IPv4", "udp:50000:4790 0c00000100002a00 tcp4", TUNNEL_VXLAN, 42, 4},
    {"VXLAN-GPE, IPv6", "udp:50000:4790 0c00000200002a00 tcp6", TUNNEL_VXLAN, 42, 6},
    {"VXLAN-GPE, Ethernet", "udp:50000:4790 0c00000300002a00 eth:0800 tcp4", TUNNEL_VXLAN, 42, 4},
    {"VXLAN-GPE, MPLS", "udp:50000:4790 0c00000500002a00 000641ff tcp4", TUNNEL_VXLAN, 42, 4},
    {"VXLAN-GPE, no next protocol", "udp:50000:4790 0800000000002a00 eth:0800 tcp4", TUNNEL_VXLAN,
     42, 4},
    {"GENEVE", "udp:50000:6081 0000080000002a00 tcp4", TUNNEL_GENEVE, 42, 4},
    {"GENEVE, IPv6", "udp:50000:6081 000086dd00002a00 tcp6", TUNNEL_GENEVE, 42, 6},
    {"GENEVE, Ethernet", "udp:50000:6081 0000655800002a00 eth:0800 tcp4", TUNNEL_GENEVE, 42, 4},
    {"GENEVE, options",
     "udp:50000:6081 0840080000002a00 0108010200000000000000000000000001080380 00000000 "
     "0108048000000000 tcp4",
     TUNNEL_GENEVE, 42, 4},
    {"GENEVE, an odd option", "udp:50000:6081 0240080000002a00 01080001 ffffffff tcp4",
     TUNNEL_GENEVE, 42, 4},
    {"GENEVE, all the options that there can be",
     "udp:50000:6081 3f40080000002a00 " NINE_OPTIONS NINE_OPTIONS NINE_OPTIONS NINE_OPTIONS
         NINE_OPTIONS NINE_OPTIONS NINE_OPTIONS "tcp4",
     TUNNEL_GENEVE, 42, 4},
    {"GENEVE, from the port", "udp:6081:50000 0000080000002a00 tcp4", TUNNEL_GENEVE, 42, 4},
    {"GTP-U", "udp:2152:2152 30ffLLLL0000002a tcp4", TUNNEL_GTP_U, 42, 4},
    {"GTP-U, from the port", "udp:2152:50000 30ffLLLL0000002a tcp6", TUNNEL_GTP_U, 42, 6},
    {"GTP-U, sequence number", "udp:50000:2152 32ffLLLL0000002a 00070000 tcp4", TUNNEL_GTP_U, 42,
     4},
    {"GTP-U, N-PDU number, a next type that does not count",
     "udp:50000:2152 31ffLLLL0000002a 00000785 tcp4", TUNNEL_GTP_U, 42, 4},
    {"GTP-U, extensions", "udp:50000:2152 36ffLLLLffffffff 000700c0 011234c0 0212345678901200 tcp6",
     TUNNEL_GTP_U, 0xffffffff, 6},
    {"GTP-U, eight extensions",
     "udp:50000:2152 34ffLLLL0000002a 00000085 " SEVEN_EXTENSIONS "01000000 tcp4", TUNNEL_GTP_U, 42,
     4},
    {"GTP-U, extension flag without extensions", "udp:50000:2152 34ffLLLL0000002a 00000000 tcp4",
     TUNNEL_GTP_U, 42, 4},
    {"GTP-U, bytes behind it", "udp:50000:2152 30ff002d0000002a tcp4 0000", TUNNEL_GTP_U, 42, 4},
    {"CAPWAP, 802.3", "udp:5247:50000 0010020000000000 eth:0800 tcp4", TUNNEL_CAPWAP, 0, 4},
    {"CAPWAP, 802.11", "udp:50000:5247 0010030000000000 0801" RADIO_REST " " SNAP_V4 " tcp4",
     TUNNEL_CAPWAP, 0, 4},
    {"CAPWAP, swapped frame control",
     "udp:50000:5247 0010030000000000 0108" RADIO_REST " " SNAP_V4 " tcp4", TUNNEL_CAPWAP, 0, 4},
    {"CAPWAP, swapped, with QoS, a retry",
     "udp:5247:50000 0010030000000000 0a88" RADIO_REST "0000 " SNAP_V4 " tcp4", TUNNEL_CAPWAP, 0,
     4},
    {"CAPWAP, radio address and wireless information",
     "udp:50000:5247 0030033000000000 0602000000000100 0402000000000000 0801" RADIO_REST " " SNAP_V4
     " tcp4",
     TUNNEL_CAPWAP, 0, 4},
    {"CAPWAP, a header of three words", "udp:5247:50000 0018021000000000 00000000 eth:0800 tcp4",
     TUNNEL_CAPWAP, 0, 4},
    {"Teredo", "udp:50000:3544 " TEREDO_HEAD " " TCP_AND_DATA, TUNNEL_TEREDO, 0, 6},
    {"Teredo, from a relay",
     "udp:3544:50000 60000000LLLL0640260104705000000000000000000000ff"
     "2001000041379e508000f12ab9c82815 " TCP_AND_DATA,
     TUNNEL_TEREDO, 0, 6},
    {"Teredo, from the port", "udp:3544:50000 " TEREDO_HEAD " " TCP_AND_DATA, TUNNEL_TEREDO, 0, 6},
    {"Teredo, origin", "udp:3544:50000 0000aabbccddeeff " TEREDO_HEAD " " TCP_AND_DATA,
     TUNNEL_TEREDO, 0, 6},
    {"Teredo, authentication",
     "udp:50000:3544 00010000 112233445566778800 " TEREDO_HEAD " " TCP_AND_DATA, TUNNEL_TEREDO, 0,
     6},
    {"Teredo, authentication and origin",
     "udp:3544:50000 00010203 0102030405 112233445566778800 0000aabbccddeeff " TEREDO_HEAD
     " " TCP_AND_DATA,
     TUNNEL_TEREDO, 0, 6},
    {"L2TP", "udp:1701:1701 0002000a0014 ff030021 tcp4", TUNNEL_L2TP, 0x000a0014, 4},
    {"L2TP, length", "udp:50000:1701 4002TTTT000a0014 0057 tcp6", TUNNEL_L2TP, 0x000a0014, 6},
    {"L2TP, length, sequence numbers, offset, priority",
     "udp:1701:50000 4b02TTTT000a001400010002 0004 01020304 0021 tcp4", TUNNEL_L2TP, 0x000a0014, 4},
};

static struct frame frame_of_case(const char *recipe, unsigned outer_version) {
    struct frame datagram = frame_of_recipe(recipe);
    return frame_wrap(outer_version == 4 ? "eth:0800 v4:11:1" : "eth:86dd v6:11:1", &datagram);
}

/* Two ports in decimal at the start of a recipe: udp:FROM:TO. */
static void assert_ports(const char *recipe, unsigned source, unsigned destination) {
    char *end = NULL;
    assert_int_equal(strtoul(recipe + 4, &end, 10), source);
    assert_int_equal(strtoul(end + 1, NULL, 10), destination);
}

static void test_each(void **state) {
    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(cases); i++) {
        const struct tunnel_case *expected = &cases[i / 2];
        unsigned outer_version = i % 2 ? 6 : 4;
        struct frame frame = frame_of_case(expected->recipe, outer_version);
        uint8_t *copy = frame_copy(frame.bytes, frame.size);
        struct packet packet;
        memset(&packet, 0xa5, sizeof packet);
        print_message("%s over IPv%u\n", expected->name, outer_version);
        assert_int_equal(
            packet_decode(LINK_ETHERNET, span_of(copy, frame.size), frame.size, 1, &packet),
            PARSE_OK);
        assert_int_equal(packet.ip_version, expected->inner_version);
        assert_int_equal(packet.hop_limit, 64);
        assert_int_equal(packet.source_port, 49153);
        assert_int_equal(packet.destination_port, 443);
        assert_int_equal(packet.payload.size, 5);
        assert_int_equal(packet.has, expected->inner_version == 4 ? PACKET_HAS_IP_ID : 0);
        assert_int_equal(packet.vlan_count, 0);
        assert_int_equal(packet.tunnel_count, 1);
        const struct packet_tunnel *tunnel = &packet.tunnels[0];
        assert_int_equal(tunnel->type, expected->type);
        assert_int_equal(tunnel->id, expected->id);
        assert_int_equal(tunnel->ip_version, outer_version);
        assert_int_equal(tunnel->source.bytes[0], outer_version == 4 ? 10 : 0xfd);
        assert_int_equal(tunnel->destination.bytes[outer_version == 4 ? 3 : 15], 2);
        assert_ports(expected->recipe, tunnel->source_port, tunnel->destination_port);
        free(copy);
    }
}

/* Without a tunnel allowed, and with the limit reached, a datagram is a datagram. */
static void test_depth(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct frame frame = frame_of_case(cases[i].recipe, 4);
        struct packet packet;
        memset(&packet, 0xa5, sizeof packet);
        assert_int_equal(
            packet_decode(LINK_ETHERNET, span_of(frame.bytes, frame.size), frame.size, 0, &packet),
            PARSE_OK);
        assert_int_equal(packet.tunnel_count, 0);
        assert_int_equal(packet.protocol, IP_PROTOCOL_UDP);
        assert_int_equal(packet.source.bytes[0], 10);
        assert_ports(cases[i].recipe, packet.source_port, packet.destination_port);
        assert_int_equal(packet.payload.size, frame.size - 14 - 20 - 8);
    }
}

static const struct plain_case {
    const char *name;
    const char *recipe;
} plain_cases[] = {
    {"VXLAN, QUIC", "udp:50000:4789 c300000001085c8a2bd1e0f7a4b50000 44d0112233445566"},
    {"VXLAN, QUIC without its fixed bit", "udp:50000:4789 8800000001085c00 44d0112233445566"},
    {"VXLAN, DTLS", "udp:50000:4789 16feff0000000000000000007a 010000"},
    {"VXLAN, empty", "udp:50000:4789"},
    {"VXLAN, one byte", "udp:50000:4789 08"},
    {"VXLAN, header only", "udp:50000:4789 0800000000002a00"},
    {"VXLAN, no VNI", "udp:50000:4789 0000000000002a00 eth:0800 tcp4"},
    {"VXLAN, another flag", "udp:50000:4789 0a00000000002a00 eth:0800 tcp4"},
    {"VXLAN, reserved bytes", "udp:50000:4789 0800000100002a00 eth:0800 tcp4"},
    {"VXLAN, reserved last byte", "udp:50000:4789 0800000000002a01 eth:0800 tcp4"},
    {"VXLAN, ARP inside", "udp:50000:4789 0800000000002a00 eth:0806 0001080006040001"},
    {"VXLAN, ICMP inside", "udp:50000:4789 0800000000002a00 eth:0800 v4:01:2 0800000000000000"},
    {"VXLAN, broken TCP inside",
     "udp:50000:4789 0800000000002a00 eth:0800 v4:06:2 c00101bb1122334455667788401800ff00000000"},
    {"VXLAN, tags without end",
     "udp:50000:4789 0800000000002a00 eth:8100 00648100 00648100 00648100 00648100"},
    {"VXLAN-GPE, maintenance", "udp:50000:4790 0d00000100002a00 tcp4"},
    {"VXLAN-GPE, another version", "udp:50000:4790 1c00000100002a00 tcp4"},
    {"VXLAN-GPE, reserved bytes", "udp:50000:4790 0c01000100002a00 tcp4"},
    {"VXLAN-GPE, service header", "udp:50000:4790 0c00000400002a00 tcp4"},
    {"GENEVE, DTLS", "udp:50000:6081 16fefd0000000000000000007a 010000 tcp4"},
    {"GENEVE, another version", "udp:50000:6081 4000080000002a00 tcp4"},
    {"GENEVE, control", "udp:50000:6081 0080080000002a00 tcp4"},
    {"GENEVE, reserved bits", "udp:50000:6081 0001080000002a00 tcp4"},
    {"GENEVE, reserved byte", "udp:50000:6081 0000080000002a01 tcp4"},
    {"GENEVE, options longer than themselves",
     "udp:50000:6081 0200080000002a00 0108800200000000 tcp4"},
    {"GENEVE, options past the end", "udp:50000:6081 3f00080000002a00 tcp4"},
    {"GENEVE, ARP", "udp:50000:6081 0000080600002a00 tcp4"},
    {"GTP-U, DNS",
     "udp:2152:53 30ff010000010000000000000377777707657861 6d706c6503636f6d0000010001"},
    {"GTP-U, echo", "udp:2152:2152 3201LLLL00000000 00070000"},
    {"GTP-U, error indication that quotes", "udp:2152:2152 301aLLLL00000000 tcp4"},
    {"GTP-U, version 2", "udp:2152:2152 50ffLLLL0000002a tcp4"},
    {"GTP'", "udp:2152:2152 20ffLLLL0000002a tcp4"},
    {"GTP-U, longer than the datagram", "udp:2152:2152 30ff002e0000002a tcp4"},
    {"GTP-U, shorter than its inside", "udp:2152:2152 30ff00270000002a tcp4"},
    {"GTP-U, extension of no length", "udp:2152:2152 34ffLLLL0000002a 00000085 00100500 tcp4"},
    {"GTP-U, extension past the end", "udp:2152:2152 34ffLLLL0000002a 00000085 ff100500 tcp4"},
    {"GTP-U, nine extensions",
     "udp:2152:2152 34ffLLLL0000002a 00000085 01000085 " SEVEN_EXTENSIONS "01000000 tcp4"},
    {"GTP-U, Ethernet inside", "udp:2152:2152 30ffLLLL0000002a eth:0800 tcp4"},
    {"CAPWAP, DTLS behind its preamble", "udp:50000:5247 01000000 16fefd00000000000000010020"},
    {"CAPWAP, another version", "udp:50000:5247 1010020000000000 eth:0800 tcp4"},
    {"CAPWAP, a fragment", "udp:50000:5247 0010028000070000 eth:0800 tcp4"},
    {"CAPWAP, a fragment's offset", "udp:50000:5247 0010020000070008 eth:0800 tcp4"},
    {"CAPWAP, keep-alive", "udp:50000:5247 0010020800000000 00230014"},
    {"CAPWAP, reserved flags", "udp:50000:5247 0010020100000000 eth:0800 tcp4"},
    {"CAPWAP, a header shorter than itself", "udp:50000:5247 0008020000000000 eth:0800 tcp4"},
    {"CAPWAP, a header past the end", "udp:50000:5247 00f8020000000000 eth:0800 tcp4"},
    {"CAPWAP, another radio's frames",
     "udp:50000:5247 0010070000000000 0801" RADIO_REST " " SNAP_V4 " tcp4"},
    {"CAPWAP, encrypted radio frame",
     "udp:50000:5247 0010030000000000 0841" RADIO_REST " " SNAP_V4 " tcp4"},
    {"CAPWAP, spanning tree", "udp:50000:5247 0010020000000000 eth:0026 424203 0000000000"},
    {"Teredo, no end is Teredo's", "udp:50000:3544 tcp6"},
    {"Teredo, bubble", "udp:3544:50000 "
                       "60000000LLLL3b152001000041379e508000f12ab9c82815260104705000000000000000000"
                       "000ff"},
    {"Teredo, authentication past the end", "udp:50000:3544 0001ffff 112233445566778800"},
    {"Teredo, IPv4", "udp:50000:3544 tcp4"},
    {"L2TP, control", "udp:1701:1701 c802TTTT000a000000010002"},
    {"L2TP, version 3", "udp:1701:1701 00030000 0000002a tcp4"},
    {"L2TP, a reserved bit", "udp:1701:1701 1002000a0014 0021 tcp4"},
    {"L2TP, another length", "udp:1701:1701 4002LLLL000a0014 0021 tcp4"},
    {"L2TP, offset past the end", "udp:1701:1701 0202000a0014 ffff 0021 tcp4"},
    {"L2TP, LCP", "udp:1701:1701 0002000a0014 c021 01010004"},
};

/* All of it is the datagram's, and nothing of what was tried is left over. */
static void test_plain(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(plain_cases); i++) {
        struct frame frame = frame_of_case(plain_cases[i].recipe, 4);
        uint8_t *copy = frame_copy(frame.bytes, frame.size);
        struct packet packet;
        memset(&packet, 0xa5, sizeof packet);
        print_message("%s\n", plain_cases[i].name);
        assert_int_equal(packet_decode(LINK_ETHERNET, span_of(copy, frame.size), frame.size,
                                       PACKET_MAX_TUNNELS, &packet),
                         PARSE_OK);
        assert_int_equal(packet.tunnel_count, 0);
        assert_int_equal(packet.ip_version, 4);
        assert_int_equal(packet.protocol, IP_PROTOCOL_UDP);
        assert_int_equal(packet.hop_limit, 17);
        assert_int_equal(packet.source.bytes[0], 10);
        assert_int_equal(packet.ip_id, 0x7701);
        assert_int_equal(packet.has, PACKET_HAS_IP_ID);
        assert_true(packet.dont_fragment);
        assert_false(packet.is_fragment);
        assert_int_equal(packet.sequence, 0);
        assert_int_equal(packet.tcp_flags, 0);
        assert_ports(plain_cases[i].recipe, packet.source_port, packet.destination_port);
        assert_int_equal(packet.payload.size, frame.size - 14 - 20 - 8);
        assert_int_equal(packet.payload_size_wire, packet.payload.size);
        free(copy);
    }
}

/* Under two tunnels, the one that is none is the datagram, the other one stays. */
static void test_plain_inside(void **state) {
    (void)state;
    struct frame frame = frame_of_recipe("eth:0800 v4:11:1 udp:50000:4789 0800000000002a00 "
                                         "eth:0800 v4:11:2 udp:50001:6081 0000080600000700 00");
    struct packet packet;
    assert_int_equal(packet_decode(LINK_ETHERNET, span_of(frame.bytes, frame.size), frame.size,
                                   PACKET_MAX_TUNNELS, &packet),
                     PARSE_OK);
    assert_int_equal(packet.tunnel_count, 1);
    assert_int_equal(packet.tunnels[0].id, 42);
    assert_int_equal(packet.source.bytes[2], 2);
    assert_int_equal(packet.source_port, 50001);
    assert_int_equal(packet.payload.size, 9);
}

/* A short capture tells nothing about the inside: then it is neither a tunnel nor a datagram. A
 * header that cannot be a tunnel's settles it. */
static void test_cut(void **state) {
    (void)state;
    static const struct {
        const char *recipe;
        enum parse_status status;
    } cuts[] = {
        {"udp:50000:4789 0800000000002a00 eth:0800 tcp4", PARSE_MORE},
        {"udp:50000:4789 c300000001085c8a2bd1e0f7a4b50000 44d0112233445566", PARSE_OK},
    };
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        struct frame frame = frame_of_case(cuts[i].recipe, 4);
        struct packet packet;
        assert_int_equal(packet_decode(LINK_ETHERNET, span_of(frame.bytes, 14 + 20 + 8 + 10),
                                       frame.size, PACKET_MAX_TUNNELS, &packet),
                         cuts[i].status);
        if (cuts[i].status == PARSE_OK) {
            assert_int_equal(packet.payload.size, 10);
            assert_int_equal(packet.payload_size_wire, frame.size - 14 - 20 - 8);
        }
    }
}

static void test_every_prefix(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct frame frame = frame_of_case(cases[i].recipe, 4);
        frame_assert_prefixes(LINK_ETHERNET, &frame);
    }
}

static void test_every_byte(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct frame frame = frame_of_case(cases[i].recipe, 6);
        frame_assert_any_byte(LINK_ETHERNET, &frame);
    }
    for (size_t i = 0; i < COUNT_OF(plain_cases); i++) {
        struct frame frame = frame_of_case(plain_cases[i].recipe, 4);
        frame_assert_any_byte(LINK_ETHERNET, &frame);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),       cmocka_unit_test(test_depth),
        cmocka_unit_test(test_plain),      cmocka_unit_test(test_plain_inside),
        cmocka_unit_test(test_cut),        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_every_byte),
    };
    return cmocka_run_group_tests_name("tunnels over UDP", tests, NULL, NULL);
}
