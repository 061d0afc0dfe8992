/* Frames to segments: link types, tags, IP, extension headers, TCP options, and all that can be
 * wrong with them. Frames are written in hex, byte for byte as on the wire. */
#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ETHERNET    "020000000001020000000002"
#define ETHERNET_V4 ETHERNET "0800"
#define ETHERNET_V6 ETHERNET "86dd"
#define SLL_HEAD    "0000000100060200000000020000"
#define SLL2_V4     "0800000000000003000100060200000000020000"

/* from 192.0.2.1 to 198.51.100.2, id 0x1234 */
#define V4(total, fragment, protocol)                                                              \
    "4500" total "1234" fragment "40" protocol "0000c0000201c6336402"
/* from 2001:db8::1 to 2001:db8::2 */
#define V6(size, next)                                                                             \
    "60000000" size next "4020010db800000000000000000000000120010db8000000000000000000000002"

#define TCP_OF(offset, flags) "c00101bb1122334455667788" offset flags "fffe00000000"
#define TCP                   TCP_OF("50", "18")
#define UDP(size)             "c00101bb" size "0000"
#define DATA                  "1603010005"

#define V4_TCP V4("002d", "4000", "06") TCP DATA
#define V6_TCP V6("0019", "06") TCP DATA

static const struct good_case {
    const char *name;
    int link_type;
    const char *hex;
    unsigned ip_version;
    unsigned protocol;
    unsigned vlan_count;
    unsigned payload_size;
} good_cases[] = {
    {"Ethernet, IPv4, TCP", LINK_ETHERNET, ETHERNET_V4 V4_TCP, 4, 6, 0, 5},
    {"Ethernet, IPv6, TCP", LINK_ETHERNET, ETHERNET_V6 V6_TCP, 6, 6, 0, 5},
    {"Ethernet, IPv4, UDP", LINK_ETHERNET, ETHERNET_V4 V4("0021", "0000", "11") UDP("000d") DATA, 4,
     17, 0, 5},
    {"802.1Q", LINK_ETHERNET, ETHERNET "8100a0640800" V4_TCP, 4, 6, 1, 5},
    {"802.1ad and 802.1Q", LINK_ETHERNET, ETHERNET "88a800658100006486dd" V6_TCP, 6, 6, 2, 5},
    {"0x9100 and two more", LINK_ETHERNET, ETHERNET "9100006581000064810000630800" V4_TCP, 4, 6, 3,
     5},
    {"raw IPv4", LINK_RAW, V4_TCP, 4, 6, 0, 5},
    {"raw IPv6", LINK_RAW, V6_TCP, 6, 6, 0, 5},
    {"raw, BSD's number", LINK_RAW_BSD, V4_TCP, 4, 6, 0, 5},
    {"raw, OpenBSD's number", LINK_RAW_OPENBSD, V6_TCP, 6, 6, 0, 5},
    {"IPv4 link", LINK_IPV4, V4_TCP, 4, 6, 0, 5},
    {"IPv6 link", LINK_IPV6, V6_TCP, 6, 6, 0, 5},
    {"SLL", LINK_LINUX_SLL, SLL_HEAD "0800" V4_TCP, 4, 6, 0, 5},
    {"SLL, tagged", LINK_LINUX_SLL, SLL_HEAD "8100006486dd" V6_TCP, 6, 6, 1, 5},
    {"Cisco metadata", LINK_ETHERNET, ETHERNET "89090101000100020800" V4_TCP, 4, 6, 0, 5},
    {"Cisco metadata, two options, tag", LINK_ETHERNET,
     ETHERNET "890901020001000200010003"
              "8100006486dd" V6_TCP,
     6, 6, 1, 5},
    {"SLL2", LINK_LINUX_SLL2, SLL2_V4 V4_TCP, 4, 6, 0, 5},
    {"NULL, little-endian IPv4", LINK_NULL, "02000000" V4_TCP, 4, 6, 0, 5},
    {"NULL, big-endian IPv4", LINK_NULL, "00000002" V4_TCP, 4, 6, 0, 5},
    {"NULL, FreeBSD's IPv6", LINK_NULL, "1c000000" V6_TCP, 6, 6, 0, 5},
    {"NULL, macOS's IPv6", LINK_NULL, "1e000000" V6_TCP, 6, 6, 0, 5},
    {"NULL, NetBSD's IPv6, big-endian", LINK_NULL, "00000018" V6_TCP, 6, 6, 0, 5},
    {"LOOP", LINK_LOOP, "00000002" V4_TCP, 4, 6, 0, 5},
    {"LOOP, IPv6", LINK_LOOP, "00000018" V6_TCP, 6, 6, 0, 5},
    {"PPP", LINK_PPP, "0021" V4_TCP, 4, 6, 0, 5},
    {"PPP, short protocol", LINK_PPP, "57" V6_TCP, 6, 6, 0, 5},
    {"PPP in HDLC framing", LINK_PPP, "ff030057" V6_TCP, 6, 6, 0, 5},
    {"PPP_HDLC", LINK_PPP_HDLC, "ff030021" V4_TCP, 4, 6, 0, 5},
    {"PPP_HDLC with Cisco's header", LINK_PPP_HDLC, "0f000800" V4_TCP, 4, 6, 0, 5},
    {"C_HDLC", LINK_CISCO_HDLC, "8f0086dd" V6_TCP, 6, 6, 0, 5},
    {"IPv4 options", LINK_RAW, "460000311234400040060000c0000201c633640294040000" TCP DATA, 4, 6, 0,
     5},
    {"IPv4 total length 0", LINK_RAW, V4("0000", "4000", "06") TCP DATA, 4, 6, 0, 5},
    {"no payload", LINK_ETHERNET, ETHERNET_V4 V4("0028", "4000", "06") TCP, 4, 6, 0, 0},
    {"TCP options", LINK_RAW,
     V4("0034", "4000", "06") TCP_OF("80", "10") "0101080a0000000100000002", 4, 6, 0, 0},
    {"IPv6 hop-by-hop", LINK_RAW, V6("0021", "00") "0600010400000000" TCP DATA, 6, 6, 0, 5},
    {"IPv6 hop-by-hop, routing, destination", LINK_RAW,
     V6("0041",
        "00") "2b000104000000003c02000000000000000000000000000000000000000000000600010400000000" TCP
         DATA,
     6, 6, 0, 5},
    {"IPv6 atomic fragment", LINK_RAW, V6("0021", "2c") "06000000deadbeef" TCP DATA, 6, 6, 0, 5},
    {"IPv6 AH", LINK_RAW,
     V6("0031", "33") "060400000000000100000001000000000000000000000000" TCP DATA, 6, 6, 0, 5},
    {"IPv4 AH", LINK_RAW, V4("0039", "4000", "33") "060100000000000100000001" TCP DATA, 4, 6, 0, 5},
};

#define COUNT_OF(table) (sizeof(table) / sizeof *(table))

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good_cases); i++) {
        const struct good_case *good = &good_cases[i];
        struct frame frame = frame_of_hex(good->hex);
        uint8_t *copy = frame_copy(frame.bytes, frame.size);
        struct packet packet;
        memset(&packet, 0xa5, sizeof packet);
        print_message("%s\n", good->name);
        assert_int_equal(packet_decode(good->link_type, span_of(copy, frame.size), frame.size,
                                       PACKET_MAX_TUNNELS, &packet),
                         PARSE_OK);
        assert_int_equal(packet.ip_version, good->ip_version);
        assert_int_equal(packet.protocol, good->protocol);
        assert_int_equal(packet.vlan_count, good->vlan_count);
        assert_int_equal(packet.hop_limit, 0x40);
        assert_false(packet.is_fragment);
        assert_false(packet.more_fragments);
        assert_int_equal(packet.fragment_offset, 0);
        assert_int_equal(packet.source_port, 0xc001);
        assert_int_equal(packet.destination_port, 443);
        assert_int_equal(packet.payload_size_wire, packet.payload.size);
        struct frame data = frame_of_hex(DATA);
        assert_true(span_equal(packet.payload, span_of(data.bytes, good->payload_size)));
        assert_true(link_type_is_supported(good->link_type));
        free(copy);
    }
}

/* Every field of one segment, on a struct full of rubbish: nothing may be left unset. */
static void test_fields(void **state) {
    (void)state;
    struct frame frame = frame_of_hex(ETHERNET "88a8f065810000640800" V4_TCP);
    struct packet packet;
    memset(&packet, 0xa5, sizeof packet);
    assert_int_equal(packet_decode(LINK_ETHERNET, span_of(frame.bytes, frame.size), frame.size,
                                   PACKET_MAX_TUNNELS, &packet),
                     PARSE_OK);
    const uint8_t source[16] = {192, 0, 2, 1};
    const uint8_t destination[16] = {198, 51, 100, 2};
    assert_memory_equal(packet.source.bytes, source, 16);
    assert_memory_equal(packet.destination.bytes, destination, 16);
    assert_int_equal(packet.ip_id, 0x1234);
    assert_true(packet.dont_fragment);
    assert_int_equal(packet.vlans[0], 0x065);
    assert_int_equal(packet.vlans[1], 0x064);
    assert_int_equal(packet.sequence, 0x11223344);
    assert_int_equal(packet.acknowledgement, 0x55667788);
    assert_int_equal(packet.window, 0xfffe);
    assert_int_equal(packet.tcp_flags, TCP_PSH | TCP_ACK);
    assert_int_equal(packet.has, PACKET_HAS_IP_ID);
    assert_int_equal(packet.tcp_mss, 0);
    assert_int_equal(packet.tcp_window_scale, 0);
    assert_int_equal(packet.tcp_timestamp, 0);
    assert_int_equal(packet.tcp_timestamp_echo, 0);

    frame = frame_of_hex(V6("0021", "2c") "06000000deadbeef" TCP DATA);
    memset(&packet, 0xa5, sizeof packet);
    assert_int_equal(packet_decode(LINK_RAW, span_of(frame.bytes, frame.size), frame.size,
                                   PACKET_MAX_TUNNELS, &packet),
                     PARSE_OK);
    assert_int_equal(packet.ip_id, 0xdeadbeef);
    assert_int_equal(packet.has, PACKET_HAS_IP_ID);
    assert_int_equal(packet.source.bytes[0], 0x20);
    assert_int_equal(packet.destination.bytes[15], 2);

    frame = frame_of_hex(V6_TCP);
    memset(&packet, 0xa5, sizeof packet);
    assert_int_equal(packet_decode(LINK_RAW, span_of(frame.bytes, frame.size), frame.size,
                                   PACKET_MAX_TUNNELS, &packet),
                     PARSE_OK);
    assert_int_equal(packet.has, 0);
    assert_int_equal(packet.ip_id, 0);
    assert_false(packet.dont_fragment);
    assert_int_equal(packet.vlan_count, 0);
    assert_int_equal(packet.vlans[0], 0);
    assert_int_equal(packet.vlans[1], 0);
}

/* What is refused, and how. */
static const struct bad_case {
    const char *name;
    const char *hex;
    int link_type;
    enum parse_status status;
} bad_cases[] = {
    {"empty", "", LINK_ETHERNET, PARSE_MALFORMED},
    {"empty raw", "", LINK_RAW, PARSE_MALFORMED},
    {"unknown link type", ETHERNET_V4 V4_TCP, 147, PARSE_FOREIGN},
    {"negative link type", ETHERNET_V4 V4_TCP, -1, PARSE_FOREIGN},
    {"ARP", ETHERNET "0806" V4_TCP, LINK_ETHERNET, PARSE_FOREIGN},
    {"802.3 length", ETHERNET "0026424203" V4_TCP, LINK_ETHERNET, PARSE_FOREIGN},
    {"ARP under a tag", ETHERNET "810000640806" V4_TCP, LINK_ETHERNET, PARSE_FOREIGN},
    {"eight tags and no more",
     ETHERNET "8100000181000002810000038100000481000005810000068100000781000008810000090800" V4_TCP,
     LINK_ETHERNET, PARSE_MALFORMED},
    {"Cisco metadata, version 2", ETHERNET "89090201000100020800" V4_TCP, LINK_ETHERNET,
     PARSE_FOREIGN},
    {"SLL, ARP", SLL_HEAD "0806" V4_TCP, LINK_LINUX_SLL, PARSE_FOREIGN},
    {"SLL, netlink", "00000338000602000000000200000800" V4_TCP, LINK_LINUX_SLL, PARSE_FOREIGN},
    {"SLL2, LLC", "0004000000000003000100060200000000020000424203", LINK_LINUX_SLL2, PARSE_FOREIGN},
    {"NULL, other family", "07000000" V4_TCP, LINK_NULL, PARSE_FOREIGN},
    {"NULL, no family in either order", "02000002" V4_TCP, LINK_NULL, PARSE_FOREIGN},
    {"LOOP is network order only", "02000000" V4_TCP, LINK_LOOP, PARSE_FOREIGN},
    {"PPP, LCP", "c02101010004", LINK_PPP, PARSE_FOREIGN},
    {"C_HDLC keepalive", "8f00803500000002", LINK_CISCO_HDLC, PARSE_FOREIGN},
    {"raw, version 5", "55", LINK_RAW, PARSE_FOREIGN},
    {"IPv4 said, IPv6 there", ETHERNET_V4 V6_TCP, LINK_ETHERNET, PARSE_MALFORMED},
    {"IPv6 said, IPv4 there", ETHERNET_V6 V4_TCP, LINK_ETHERNET, PARSE_MALFORMED},
    {"IPv4 header below 20", "4400002d1234400040060000c0000201c6336402" TCP DATA, LINK_RAW,
     PARSE_MALFORMED},
    {"IPv4 total below header", V4("0013", "4000", "06") TCP DATA, LINK_RAW, PARSE_MALFORMED},
    {"IPv4 options past total", "4f0000281234400040060000c0000201c6336402" TCP DATA, LINK_RAW,
     PARSE_MALFORMED},
    {"ICMP", V4("001c", "4000", "01") "0800000000000000", LINK_RAW, PARSE_FOREIGN},
    {"ESP", V4("001c", "4000", "32") "0000000100000001", LINK_RAW, PARSE_FOREIGN},
    {"fragment of ICMP", V4("001c", "2000", "01") "0800000000000000", LINK_RAW, PARSE_FOREIGN},
    {"hop-by-hop in IPv4", V4("0030", "4000", "00") "0600010400000000" TCP, LINK_RAW,
     PARSE_FOREIGN},
    {"IPv6 jumbogram", V6("0000", "00") "0600c20400010000" TCP DATA, LINK_RAW, PARSE_MALFORMED},
    {"IPv6 no next header", V6("0000", "3b"), LINK_RAW, PARSE_FOREIGN},
    {"IPv6 empty", V6("0000", "06") TCP DATA, LINK_RAW, PARSE_MALFORMED},
    {"IPv6 ICMP", V6("0008", "3a") "8000000000000000", LINK_RAW, PARSE_FOREIGN},
    {"IPv6 extension past the end", V6("0008", "3c") "0601010400000000" TCP DATA, LINK_RAW,
     PARSE_MALFORMED},
    {"IPv6 fragment of ICMP", V6("0010", "2c") "3a000001deadbeef8000000000000000", LINK_RAW,
     PARSE_FOREIGN},
    {"AH too short", V4("0039", "4000", "33") "060000000000000100000001" TCP DATA, LINK_RAW,
     PARSE_MALFORMED},
    {"TCP header cut by IP", V4("0027", "4000", "06") TCP DATA, LINK_RAW, PARSE_MALFORMED},
    {"TCP offset below 5", V4("002d", "4000", "06") TCP_OF("40", "18") DATA, LINK_RAW,
     PARSE_MALFORMED},
    {"TCP offset past the end", V4("002d", "4000", "06") TCP_OF("70", "18") DATA, LINK_RAW,
     PARSE_MALFORMED},
    {"UDP length below 8", V4("0021", "0000", "11") UDP("0007") DATA, LINK_RAW, PARSE_MALFORMED},
    {"UDP length past the end", V4("0021", "0000", "11") UDP("000e") DATA, LINK_RAW,
     PARSE_MALFORMED},
};

static void test_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_cases); i++) {
        struct frame frame = frame_of_hex(bad_cases[i].hex);
        uint8_t *copy = frame_copy(frame.bytes, frame.size);
        struct packet packet;
        print_message("%s\n", bad_cases[i].name);
        assert_int_equal(packet_decode(bad_cases[i].link_type, span_of(copy, frame.size),
                                       frame.size, PACKET_MAX_TUNNELS, &packet),
                         bad_cases[i].status);
        free(copy);
    }
    assert_false(link_type_is_supported(147));
    assert_false(link_type_is_supported(-1));
}

static void test_eight_tags(void **state) {
    (void)state;
    struct frame frame = frame_of_hex(
        ETHERNET "81000001810000028100000381000004810000058100000681000007810000080800" V4_TCP);
    struct packet packet;
    assert_int_equal(packet_decode(LINK_ETHERNET, span_of(frame.bytes, frame.size), frame.size,
                                   PACKET_MAX_TUNNELS, &packet),
                     PARSE_OK);
    assert_int_equal(packet.vlan_count, 8);
    assert_int_equal(packet.vlans[0], 1);
    assert_int_equal(packet.vlans[1], 2);
}

/* A row of extension headers ends somewhere, however long the packet is. */
static void test_endless_extensions(void **state) {
    (void)state;
    static const uint8_t option[8] = {60, 0, 1, 4, 0, 0, 0, 0};
    for (size_t count = 1; count < 100; count++) {
        struct frame frame = frame_of_hex(V6("ffff", "3c"));
        for (size_t i = 0; i < count; i++) {
            memcpy(frame.bytes + frame.size, option, sizeof option);
            frame.size += sizeof option;
        }
        frame.bytes[frame.size - sizeof option] = IP_PROTOCOL_TCP;
        struct frame tcp = frame_of_hex(TCP);
        memcpy(frame.bytes + frame.size, tcp.bytes, tcp.size);
        frame.size += tcp.size;
        struct packet packet;
        enum parse_status status = packet_decode(LINK_RAW, span_of(frame.bytes, frame.size),
                                                 frame.size, PACKET_MAX_TUNNELS, &packet);
        assert_int_equal(status, count < 62 ? PARSE_OK : PARSE_MALFORMED);
    }
}

static void test_padding(void **state) {
    (void)state;
    static const char *const frames[] = {
        ETHERNET_V4 V4("0028", "4000", "06") TCP "000000000000",
        ETHERNET_V6 V6("0014", "06") TCP "00000000000000000000",
        ETHERNET_V4 V4("0030", "0000", "11") UDP("0008") "0000000000000000000000000000000000000000",
    };
    for (size_t i = 0; i < COUNT_OF(frames); i++) {
        struct frame frame = frame_of_hex(frames[i]);
        struct packet packet;
        assert_int_equal(packet_decode(LINK_ETHERNET, span_of(frame.bytes, frame.size), frame.size,
                                       PACKET_MAX_TUNNELS, &packet),
                         PARSE_OK);
        assert_int_equal(packet.payload.size, 0);
        assert_int_equal(packet.payload_size_wire, 0);
    }
}

static void test_snap_length(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        size_t wire_size;
        size_t payload_size;
        size_t payload_size_wire;
    } cases[] = {
        {V4("05dc", "4000", "06") TCP DATA, 1500, 5, 1460},
        {V4("05dc", "4000", "06") TCP DATA, 0, 5, 5}, /* the frame was never that long */
        {V4("0000", "4000", "06") TCP DATA, 9000, 5, 8960},
        {V4("0000", "4000", "06") TCP DATA, 0, 5, 5},
        {V6("05b4", "06") TCP DATA, 1500, 5, 1440},
        {V4("05dc", "0000", "11") UDP("05c8") DATA, 1500, 5, 1472},
        {V4("05dc", "2000", "06") TCP DATA, 1500, 25, 1480}, /* a fragment */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct frame frame = frame_of_hex(cases[i].hex);
        struct packet packet;
        assert_int_equal(packet_decode(LINK_RAW, span_of(frame.bytes, frame.size),
                                       cases[i].wire_size, PACKET_MAX_TUNNELS, &packet),
                         PARSE_OK);
        assert_int_equal(packet.payload.size, cases[i].payload_size);
        assert_int_equal(packet.payload_size_wire, cases[i].payload_size_wire);
    }
}

static void test_fragments(void **state) {
    (void)state;
    static const struct {
        const char *hex;
        uint32_t id;
        uint32_t offset;
        bool more;
        size_t size;
    } cases[] = {
        {V4("003c", "2000", "06") TCP "0001020304050607000102030405060700010203", 0x1234, 0, true,
         40},
        {V4("001c", "2001", "06") "0001020304050607", 0x1234, 8, true, 8},
        {V4("001b", "1fff", "11") "00010203040506", 0x1234, 65528, false, 7},
        {V6("0010", "2c") "06000001deadbeef0001020304050607", 0xdeadbeef, 0, true, 8},
        {V6("000a", "2c") "0600fff8deadbeef0001", 0xdeadbeef, 65528, false, 2},
        {V6("0010", "2c") "3c000009deadbeef0001020304050607", 0xdeadbeef, 8, true, 8},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct frame frame = frame_of_hex(cases[i].hex);
        struct packet packet;
        memset(&packet, 0xa5, sizeof packet);
        assert_int_equal(packet_decode(LINK_RAW, span_of(frame.bytes, frame.size), frame.size,
                                       PACKET_MAX_TUNNELS, &packet),
                         PARSE_OK);
        assert_true(packet.is_fragment);
        assert_int_equal(packet.ip_id, cases[i].id);
        assert_int_equal(packet.has, PACKET_HAS_IP_ID);
        assert_int_equal(packet.fragment_offset, cases[i].offset);
        assert_int_equal(packet.more_fragments, cases[i].more);
        assert_int_equal(packet.payload.size, cases[i].size);
        assert_int_equal(packet.source_port, 0);
        assert_int_equal(packet.tcp_flags, 0);
        assert_ptr_equal(packet.payload.data + packet.payload.size, frame.bytes + frame.size);
    }
}

static void test_transport_of_reassembled(void **state) {
    (void)state;
    static const struct {
        unsigned ip_version;
        uint8_t protocol;
        const char *body;
        enum parse_status status;
        size_t payload_size;
    } cases[] = {
        {4, 6, TCP DATA, PARSE_OK, 5},
        {6, 17, UDP("000d") DATA, PARSE_OK, 5},
        {6, 60, "0600010400000000" TCP DATA, PARSE_OK, 5},
        {6, 44, "06000001deadbeef" TCP DATA, PARSE_MALFORMED, 0}, /* a fragment of a fragment */
        {4, 6, "c001", PARSE_MALFORMED, 0},
        {4, 1, "0800000000000000", PARSE_FOREIGN, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct frame body = frame_of_hex(cases[i].body);
        struct packet packet = {.ip_version = (uint8_t)cases[i].ip_version,
                                .protocol = cases[i].protocol,
                                .is_fragment = true,
                                .has = PACKET_HAS_IP_ID,
                                .fragment_offset = 8};
        assert_int_equal(
            packet_decode_transport(&packet, span_of(body.bytes, body.size), PACKET_MAX_TUNNELS),
            cases[i].status);
        if (cases[i].status != PARSE_OK)
            continue;
        assert_false(packet.is_fragment);
        assert_int_equal(packet.fragment_offset, 0);
        assert_int_equal(packet.has, PACKET_HAS_IP_ID);
        assert_int_equal(packet.source_port, 0xc001);
        assert_int_equal(packet.payload.size, cases[i].payload_size);
        assert_int_equal(packet.payload_size_wire, cases[i].payload_size);
    }
}

enum {
    TS = PACKET_HAS_TCP_TIMESTAMP,
    MSS = PACKET_HAS_TCP_MSS,
    WS = PACKET_HAS_TCP_WINDOW_SCALE,
    SACK = PACKET_HAS_TCP_SACK_PERMITTED,
};

static const struct {
    const char *name;
    const char *offset;
    const char *flags;
    const char *options;
    uint32_t has;
} option_cases[] = {
    {"a Linux SYN", "a0", "02", "020405b40402080a000000070000000901030307", TS | MSS | WS | SACK},
    {"a Windows SYN", "80", "02", "020405b40103030701010402", MSS | WS | SACK},
    {"the usual timestamp", "80", "10", "0101080a0000000700000009", TS},
    {"a timestamp elsewhere", "80", "10", "080a00000007000000090000", TS},
    {"after SACK blocks", "b0", "10", "0101050a00000001000000020101080a0000000700000009", TS},
    {"SYN options without SYN", "80", "10", "020405b40103030701010402", 0},
    {"end of list", "80", "02", "000402020405b40402010101", 0},
    {"length 0", "70", "02", "04020300020405b4", SACK},
    {"length 1", "70", "02", "04020301020405b4", SACK},
    {"length past the end", "70", "02", "040201010820ffff", SACK},
    {"kind without length", "60", "02", "04020108", SACK},
    {"wrong MSS length", "70", "02", "0402020500000000", SACK},
    {"wrong window scale length", "70", "02", "0402030400000000", SACK},
    {"wrong SACK-permitted length", "70", "02", "0101040400000402", 0},
    {"wrong timestamp length", "80", "10", "080b00000007000000090000", 0},
    {"unknown kind is passed over", "70", "02", "fd04f989020405b4", MSS},
};

static void test_tcp_options(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(option_cases); i++) {
        char hex[256];
        snprintf(hex, sizeof hex,
                 "%s"
                 "c00101bb1122334455667788"
                 "%s%s"
                 "fffe00000000"
                 "%s",
                 V4("0000", "4000", "06"), option_cases[i].offset, option_cases[i].flags,
                 option_cases[i].options);
        struct frame frame = frame_of_hex(hex);
        uint8_t *copy = frame_copy(frame.bytes, frame.size);
        struct packet packet;
        memset(&packet, 0xa5, sizeof packet);
        print_message("%s\n", option_cases[i].name);
        assert_int_equal(packet_decode(LINK_RAW, span_of(copy, frame.size), frame.size,
                                       PACKET_MAX_TUNNELS, &packet),
                         PARSE_OK);
        uint32_t has = option_cases[i].has;
        assert_int_equal(packet.has, has | PACKET_HAS_IP_ID);
        assert_int_equal(packet.tcp_timestamp, has & TS ? 7 : 0);
        assert_int_equal(packet.tcp_timestamp_echo, has & TS ? 9 : 0);
        assert_int_equal(packet.tcp_mss, has & MSS ? 1460 : 0);
        assert_int_equal(packet.tcp_window_scale, has & WS ? 7 : 0);
        free(copy);
    }
}

static void test_every_prefix(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good_cases); i++) {
        struct frame frame = frame_of_hex(good_cases[i].hex);
        frame_assert_prefixes(good_cases[i].link_type, &frame);
    }
}

static void test_every_byte(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good_cases); i++) {
        struct frame frame = frame_of_hex(good_cases[i].hex);
        frame_assert_any_byte(good_cases[i].link_type, &frame);
    }
}

/* Ethernet, and the same without its header: the quick way through plain frames must find what the
 * layers find one after the other. */
static void assert_same_way(const uint8_t *frame, size_t size, size_t wire_size) {
    enum { HEADER = 14 };
    struct packet plain;
    struct packet layered;
    enum parse_status status =
        packet_decode(LINK_ETHERNET, span_of(frame, size), wire_size, 4, &plain);
    bool is_ipv4 = size >= HEADER && frame[12] == 0x08 && frame[13] == 0x00;
    bool is_ipv6 = size >= HEADER && frame[12] == 0x86 && frame[13] == 0xdd;
    if (!is_ipv4 && !is_ipv6)
        return;
    assert_int_equal(packet_decode(is_ipv4 ? LINK_IPV4 : LINK_IPV6,
                                   span_of(frame + HEADER, size - HEADER), wire_size - HEADER, 4,
                                   &layered),
                     status);
    if (status != PARSE_OK)
        return;
    assert_int_equal(plain.ip_version, layered.ip_version);
    assert_int_equal(plain.protocol, layered.protocol);
    assert_int_equal(plain.hop_limit, layered.hop_limit);
    assert_int_equal(plain.dont_fragment, layered.dont_fragment);
    assert_memory_equal(&plain.source, &layered.source, sizeof plain.source);
    assert_memory_equal(&plain.destination, &layered.destination, sizeof plain.destination);
    assert_int_equal(plain.ip_id, layered.ip_id);
    assert_int_equal(plain.vlan_count, layered.vlan_count);
    assert_memory_equal(plain.vlans, layered.vlans, sizeof plain.vlans);
    assert_int_equal(plain.tunnel_count, layered.tunnel_count);
    assert_int_equal(plain.is_fragment, layered.is_fragment);
    assert_int_equal(plain.more_fragments, layered.more_fragments);
    assert_int_equal(plain.fragment_offset, layered.fragment_offset);
    assert_int_equal(plain.source_port, layered.source_port);
    assert_int_equal(plain.destination_port, layered.destination_port);
    assert_int_equal(plain.sequence, layered.sequence);
    assert_int_equal(plain.acknowledgement, layered.acknowledgement);
    assert_int_equal(plain.window, layered.window);
    assert_int_equal(plain.tcp_flags, layered.tcp_flags);
    assert_int_equal(plain.tcp_window_scale, layered.tcp_window_scale);
    assert_int_equal(plain.tcp_mss, layered.tcp_mss);
    assert_int_equal(plain.tcp_timestamp, layered.tcp_timestamp);
    assert_int_equal(plain.tcp_timestamp_echo, layered.tcp_timestamp_echo);
    assert_int_equal(plain.has, layered.has);
    assert_ptr_equal(plain.payload.data, layered.payload.data);
    assert_int_equal(plain.payload.size, layered.payload.size);
    assert_int_equal(plain.payload_size_wire, layered.payload_size_wire);
}

/* Plain frames, every one of their lengths, and every byte changed to anything. */
static void test_plain_frames(void **state) {
    (void)state;
    static const char *const plain_frames[] = {
        ETHERNET "0800" V4_TCP,
        ETHERNET "0800" V4_TCP "000000000000", /* padding */
        ETHERNET "0800 4500003e abcd4000 4006 0000 c0000201 c6336402"
                 "c001 01bb 00000001 00000002 8018 1000 0000 0000"
                 "0101080a 00000011 00000022 1603010203040506",
        ETHERNET "0800 4500003c abcd4000 4006 0000 c0000201 c6336402"
                 "c001 01bb 00000001 00000000 a002 1000 0000 0000"
                 "020405b4 0402080a 00000011 00000000 01030307",
        ETHERNET "86dd 60000000 0024 06 40"
                 "20010db8000000000000000000000001 20010db8000000000000000000000002"
                 "c001 01bb 00000001 00000002 8018 1000 0000 0000"
                 "0101080a 00000011 00000022 16030102",
        ETHERNET "0800 4500002e abcd4000 4011 0000 c0000201 c6336402"
                 "c001 01bb 001a 0000 c000000001080102030405060708090a0b0c",
        ETHERNET "0800 4500002e abcd4000 4011 0000 c0000201 c6336402"
                 "c001 12b5 001a 0000 c000000001080102030405060708090a0b0c", /* VXLAN's port */
        ETHERNET "86dd 60000000 0016 11 40"
                 "20010db8000000000000000000000001 20010db8000000000000000000000002"
                 "c001 01bb 0016 0000 c000000001080102030405060708",
    };
    for (size_t i = 0; i < sizeof plain_frames / sizeof *plain_frames; i++) {
        struct frame frame = frame_of_hex(plain_frames[i]);
        for (size_t size = 0; size <= frame.size; size++) {
            uint8_t *copy = frame_copy(frame.bytes, size);
            assert_same_way(copy, size, size < 14 ? 14 : size);
            assert_same_way(copy, size, frame.size);
            assert_same_way(copy, size, frame.size + 100);
            free(copy);
        }
        for (size_t at = 14; at < frame.size; at++) {
            for (unsigned value = 0; value <= UINT8_MAX; value++) {
                struct frame changed = frame;
                changed.bytes[at] = (uint8_t)value;
                assert_same_way(changed.bytes, changed.size, changed.size);
            }
        }
    }
}

static void test_address_format(void **state) {
    (void)state;
    static const struct {
        unsigned ip_version;
        const char *hex;
        const char *text;
    } cases[] = {
        {4, "00000000", "0.0.0.0"},
        {4, "ffffffff", "255.255.255.255"},
        {4, "0a640914", "10.100.9.20"},
        {6, "00000000000000000000000000000000", "::"},
        {6, "00000000000000000000000000000001", "::1"},
        {6, "20010db8000000000000000000000001", "2001:db8::1"},
        {6, "20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"},
        {6, "20010000000000010000000000000001", "2001:0:0:1::1"},
        {6, "20010db8000000000001000000000001", "2001:db8::1:0:0:1"},
        {6, "fe800000000000000000000000000000", "fe80::"},
        {6, "00000001000200030004000500060007", "0:1:2:3:4:5:6:7"},
        {6, "00000000000200030004000500060007", "::2:3:4:5:6:7"},
        {6, "00010002000300040005000600000000", "1:2:3:4:5:6::"},
        {6, "ffffffffffffffffffffffffffffffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
        {6, "0a0b00100100100000f00f00f0000001", "a0b:10:100:1000:f0:f00:f000:1"},
        {6, "00000000000000000000ffffc0000201", "::ffff:192.0.2.1"},
        {6, "00000000000000000000ffffffffffff", "::ffff:255.255.255.255"},
        {6, "00000000000000000001ffffc0000201", "::1:ffff:c000:201"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct frame bytes = frame_of_hex(cases[i].hex);
        struct ip_address address = {{0}};
        memcpy(address.bytes, bytes.bytes, bytes.size);
        char text[IP_ADDRESS_TEXT_SIZE];
        memset(text, 'x', sizeof text);
        ip_address_format(&address, cases[i].ip_version, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_eight_tags),
        cmocka_unit_test(test_endless_extensions),
        cmocka_unit_test(test_padding),
        cmocka_unit_test(test_snap_length),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_transport_of_reassembled),
        cmocka_unit_test(test_tcp_options),
        cmocka_unit_test(test_every_prefix),
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_plain_frames),
        cmocka_unit_test(test_address_format),
    };
    return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
