/* What stands before IP without being a tunnel: labels, LLC, serial lines, and radio frames with
 * the headers of capture programs. */
#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT_OF(table) (sizeof(table) / sizeof *(table))

#define SNAP_V4 "aaaa030000000800"
#define SNAP_V6 "aaaa0300000086dd"

/* What follows the frame control of a data frame: duration, three addresses, sequence control. */
#define RADIO_REST                                                                                 \
    "2c00020000000001020000000002020000000003"                                                     \
    "1000"
#define RADIO_DATA "0801" RADIO_REST
#define RADIO_QOS  "8801" RADIO_REST "0000"

static const struct good_case {
    const char *name;
    int link_type;
    const char *recipe;
    unsigned ip_version;
    unsigned vlan_count;
} good_cases[] = {
    {"MPLS, one label", LINK_ETHERNET, "eth:8847 000641ff tcp4", 4, 0},
    {"MPLS, three labels, IPv6", LINK_ETHERNET, "eth:8847 000640ff 0000700f 00029140 tcp6", 6, 0},
    {"MPLS multicast under a tag", LINK_ETHERNET, "eth:8100 00648848 000641ff tcp4", 4, 1},
    {"MPLS link", LINK_MPLS, "000641ff tcp6", 6, 0},
    {"MPLS, sixteen labels", LINK_MPLS,
     "00064040 00064040 00064040 00064040 00064040 00064040 00064040 00064040 00064040 00064040 "
     "00064040 00064040 00064040 00064040 00064040 00064140 tcp4",
     4, 0},
    {"pseudowire with control word", LINK_ETHERNET, "eth:8847 000641ff 00000007 eth:0800 tcp4", 4,
     0},
    {"pseudowire with control word, tagged", LINK_ETHERNET,
     "eth:8847 000641ff 00000007 eth:8100 006486dd tcp6", 6, 1},
    {"pseudowire without", LINK_ETHERNET, "eth:8847 000641ff 20aabbccddee0200000000020800 tcp4", 4,
     0},
    {"pseudowire without, an address that begins with 0", LINK_ETHERNET,
     "eth:8847 000641ff eth:0800 tcp4", 4, 0},
    {"pseudowire without, an address that begins with 4", LINK_ETHERNET,
     "eth:8847 000641ff 4485005566770200000000020800 tcp4", 4, 0},
    {"pseudowire without, an address that begins with 6", LINK_ETHERNET,
     "eth:8847 000641ff 6ceceb5566770200000000020800 tcp4", 4, 0},
    {"pseudowire with control word, its reserved bits set", LINK_ETHERNET,
     "eth:8847 000641ff 002a0007 eth:0800 tcp4", 4, 0},
    {"pseudowire with control word, an address that looks like a type", LINK_ETHERNET,
     "eth:8847 000641ff 00000007 0200000000010200080000020800 tcp4", 4, 0},
    {"pseudowire without, a length that looks like a type", LINK_ETHERNET,
     "eth:8847 000641ff eth:0800 450008001234400040060000c0000201c6336402"
     "c00101bb1122334455667788501800ff000000001603010005",
     4, 0},
    {"IPv4, an address that looks like a type", LINK_ETHERNET,
     "eth:8847 000641ff 4500002d123440004006000008000201c6336402"
     "c00101bb1122334455667788501800ff000000001603010005",
     4, 0},
    {"IPv6, an address that looks like a type", LINK_ETHERNET,
     "eth:8847 000641ff "
     "6000000000190640200100dd0800000000000000000000010000000000000000000000000000"
     "0002c00101bb1122334455667788501800ff000000001603010005",
     6, 0},
    {"pseudowire of labels", LINK_ETHERNET,
     "eth:8847 000641ff 00000000 eth:8847 000641ff 00000000 eth:0800 tcp4", 4, 0},
    {"802.3 with SNAP", LINK_ETHERNET, "0200000000010200000000020035 " SNAP_V4 " tcp4", 4, 0},
    {"802.3 with SNAP under a tag", LINK_ETHERNET, "eth:8100 00640049 " SNAP_V6 " tcp6", 6, 1},
    {"802.3 with 802.1H", LINK_ETHERNET, "eth:0035 aaaa030000f80800 tcp4", 4, 0},
    {"802.3 with SNAP and a tag behind it", LINK_ETHERNET,
     "eth:0039 aaaa030000008100 00640800 tcp4", 4, 1},
    {"0x9200", LINK_ETHERNET, "eth:9200 00640800 tcp4", 4, 1},
    {"VN-Tag", LINK_ETHERNET, "eth:8926 00010002 0800 tcp4", 4, 0},
    {"VN-Tag behind a VLAN tag", LINK_ETHERNET, "eth:8100 00648926 80010002 86dd tcp6", 6, 1},
    {"E-Tag", LINK_ETHERNET, "eth:893f e0000fff0000 0800 tcp4", 4, 0},
    {"E-Tag before a VLAN tag", LINK_ETHERNET, "eth:893f e0000fff0000 8100 00640800 tcp4", 4, 1},
    {"E-Tag before SNAP", LINK_ETHERNET, "eth:893f e0000fff0000 0035 " SNAP_V4 " tcp4", 4, 0},
    {"provider backbone bridge", LINK_ETHERNET, "eth:88a8 0064 88e7 00112233 eth:86dd tcp6", 6, 1},
    {"service chain", LINK_ETHERNET, "eth:894f 0fc20201 00002aff tcp4", 4, 0},
    {"service chain with metadata, Ethernet", LINK_ETHERNET,
     "eth:894f 0fc60103 00002aff 00000001 00000002 00000003 00000004 eth:86dd tcp6", 6, 0},
    {"NFLOG, little-endian", LINK_NFLOG,
     "02000005 08000100 08000300 08000500 00000003 05000a00 00000000 31000900 tcp4", 4, 0},
    {"NFLOG, big-endian", LINK_NFLOG, "0a000005 00080001 86dd0300 00450009 tcp6", 6, 0},
    {"PKTAP", LINK_PKTAP, "10000000 01000000 01000000 00000000 eth:0800 tcp4", 4, 0},
    {"PKTAP, raw", LINK_PKTAP, "0c000000 01000000 0c000000 tcp6", 6, 0},
    {"FDDI", LINK_FDDI, "50020000000001020000000002 " SNAP_V4 " tcp4", 4, 0},
    {"SLL, LLC", LINK_LINUX_SLL, "00000001000602000000000200000004 " SNAP_V4 " tcp4", 4, 0},
    {"SLL2, LLC", LINK_LINUX_SLL2, "0004000000000003000100060200000000020000 " SNAP_V6 " tcp6", 6,
     0},
    {"SLL, of a GRE device", LINK_LINUX_SLL, "0000030a000402000000000200000800 tcp4", 4, 0},
    {"SLL, radiotap", LINK_LINUX_SLL,
     "00000323000602000000000200000000 0000080000000000 " RADIO_DATA " " SNAP_V4 " tcp4", 4, 0},
    {"PPP, MPLS", LINK_PPP, "ff030281 000641ff tcp4", 4, 0},
    {"PPP, MPLS multicast", LINK_PPP, "0283 000641ff tcp6", 6, 0},
    {"PPP for pppd, received", LINK_PPP_PPPD, "00030021 tcp4", 4, 0},
    {"PPP for pppd, sent", LINK_PPP_PPPD, "01030057 tcp6", 6, 0},
    {"PPP with direction", LINK_PPP_WITH_DIRECTION, "00ff030021 tcp4", 4, 0},
    {"PPP with direction, no framing", LINK_PPP_WITH_DIRECTION, "0157 tcp6", 6, 0},
    {"802.11", LINK_IEEE80211, RADIO_DATA " " SNAP_V4 " tcp4", 4, 0},
    {"802.11 with QoS", LINK_IEEE80211, RADIO_QOS " " SNAP_V6 " tcp6", 6, 0},
    {"802.11, four addresses", LINK_IEEE80211, "0803" RADIO_REST "020000000004 " SNAP_V4 " tcp4", 4,
     0},
    {"802.11, four addresses with QoS and HT control", LINK_IEEE80211,
     "8883" RADIO_REST "020000000004070012345678 " SNAP_V4 " tcp4", 4, 0},
    {"802.11, a retry", LINK_IEEE80211, "0809" RADIO_REST " " SNAP_V4 " tcp4", 4, 0},
    {"radiotap, nothing in it", LINK_RADIOTAP, "0000080000000000 " RADIO_DATA " " SNAP_V4 " tcp4",
     4, 0},
    {"radiotap, time and flags", LINK_RADIOTAP,
     "0000120003000000 0123456789abcdef 1100 " RADIO_QOS " " SNAP_V4 " tcp4", 4, 0},
    {"radiotap, padded frame", LINK_RADIOTAP,
     "0000120003000000 0123456789abcdef 2000 " RADIO_QOS "0000 " SNAP_V4 " tcp4", 4, 0},
    {"radiotap, padded frame that needs no padding", LINK_RADIOTAP,
     "00000a0002000000 2000 " RADIO_DATA " " SNAP_V4 " tcp4", 4, 0},
    {"radiotap, two presence words, padded frame", LINK_RADIOTAP,
     "00001c0003000080 00000000 00000000 0123456789abcdef 20000000 " RADIO_QOS "0000 " SNAP_V6
     " tcp6",
     6, 0},
    {"radiotap, two presence words and flags, padded frame", LINK_RADIOTAP,
     "00000d0002000080 00000000 20 " RADIO_QOS "0000 " SNAP_V4 " tcp4", 4, 0},
    {"radiotap, a channel after the time that is no flags", LINK_RADIOTAP,
     "0000140009000000 0123456789abcdef 6c09a000 " RADIO_QOS " " SNAP_V4 " tcp4", 4, 0},
    {"radiotap, presence words without end", LINK_RADIOTAP,
     "0000100002000080 000000a0000000a0 " RADIO_DATA " " SNAP_V4 " tcp4", 4, 0},
    {"radiotap, flags past its end", LINK_RADIOTAP,
     "0000080003000000 " RADIO_DATA " " SNAP_V4 " tcp4", 4, 0},
    {"PPI, 802.11", LINK_PPI,
     "0000140069000000 020008000000000000000000 " RADIO_DATA " " SNAP_V4 " tcp4", 4, 0},
    {"PPI, Ethernet", LINK_PPI, "0000080001000000 eth:8100 006486dd tcp6", 6, 1},
    {"AVS", LINK_AVS, "8021100100000010 0000000000000000 " RADIO_QOS " " SNAP_V4 " tcp4", 4, 0},
    {"AVS, nothing in it", LINK_AVS, "8021100100000008 " RADIO_DATA " " SNAP_V4 " tcp4", 4, 0},
    {"AVS, marked as Prism", LINK_PRISM, "802110020000000c 00000000 " RADIO_QOS " " SNAP_V4 " tcp4",
     4, 0},
};

static void test_good(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good_cases); i++) {
        const struct good_case *good = &good_cases[i];
        struct frame frame = frame_of_recipe(good->recipe);
        uint8_t *copy = frame_copy(frame.bytes, frame.size);
        struct packet packet;
        memset(&packet, 0xa5, sizeof packet);
        print_message("%s\n", good->name);
        assert_true(link_type_is_supported(good->link_type));
        assert_int_equal(
            packet_decode(good->link_type, span_of(copy, frame.size), frame.size, 0, &packet),
            PARSE_OK);
        assert_int_equal(packet.ip_version, good->ip_version);
        assert_int_equal(packet.vlan_count, good->vlan_count);
        assert_int_equal(packet.vlans[0], good->vlan_count ? 100 : 0);
        assert_int_equal(packet.tunnel_count, 0);
        assert_int_equal(packet.source_port, 49153);
        assert_int_equal(packet.destination_port, 443);
        assert_int_equal(packet.payload.size, 5);
        free(copy);
    }
}

static void test_prism(void **state) {
    (void)state;
    struct frame radio = frame_of_recipe(RADIO_DATA " " SNAP_V4 " tcp4");
    struct frame frame = {.size = 144 + radio.size};
    frame.bytes[0] = 0x44;
    frame.bytes[4] = 144;
    memcpy(frame.bytes + 144, radio.bytes, radio.size);
    frame_assert_prefixes(LINK_PRISM, &frame);
    frame_assert_any_byte(LINK_PRISM, &frame);
}

static const struct bad_case {
    const char *name;
    int link_type;
    const char *recipe;
    enum parse_status status;
} bad_cases[] = {
    {"MPLS, seventeen labels", LINK_MPLS,
     "00064040 00064040 00064040 00064040 00064040 00064040 00064040 00064040 00064040 00064040 "
     "00064040 00064040 00064040 00064040 00064040 00064040 00064140 tcp4",
     PARSE_MALFORMED},
    {"MPLS, no bottom", LINK_MPLS, "000640ff", PARSE_MALFORMED},
    {"MPLS, nothing below", LINK_MPLS, "000641ff", PARSE_MALFORMED},
    {"MPLS, channel of a pseudowire", LINK_MPLS, "000641ff 10000021 tcp4 tcp4", PARSE_FOREIGN},
    {"MPLS, a pseudowire of something else", LINK_MPLS, "000641ff 00000007 tcp4", PARSE_FOREIGN},
    {"pseudowire of ARP", LINK_MPLS, "000641ff 00000007 eth:0806 tcp4", PARSE_FOREIGN},
    {"MPLS, IPv4 with an impossible length", LINK_MPLS,
     "000641ff 4500000b1234400040060000c0000201c6336402 00000000", PARSE_MALFORMED},
    {"LLC, spanning tree", LINK_ETHERNET, "eth:0026 424203 tcp4", PARSE_FOREIGN},
    {"LLC, one byte short", LINK_ETHERNET, "eth:0026 aaaa", PARSE_MALFORMED},
    {"SNAP, cut", LINK_ETHERNET, "eth:0026 aaaa0300000008", PARSE_MALFORMED},
    {"SNAP, another organization", LINK_ETHERNET, "eth:0026 aaaa0300000c2000 tcp4", PARSE_FOREIGN},
    {"SNAP, ARP", LINK_ETHERNET, "eth:0026 aaaa030000000806 tcp4", PARSE_FOREIGN},
    {"a length above 1500", LINK_ETHERNET, "eth:05dd " SNAP_V4 " tcp4", PARSE_FOREIGN},
    {"VN-Tag, ARP", LINK_ETHERNET, "eth:8926 00010002 0806 tcp4", PARSE_FOREIGN},
    {"E-Tag, cut", LINK_ETHERNET, "eth:893f e0000fff0000 08", PARSE_MALFORMED},
    {"service chain, another version", LINK_ETHERNET, "eth:894f 4fc20201 00002aff tcp4",
     PARSE_FOREIGN},
    {"service chain, maintenance", LINK_ETHERNET, "eth:894f 2fc20201 00002aff tcp4", PARSE_FOREIGN},
    {"service chain, shorter than its header", LINK_ETHERNET, "eth:894f 0fc10201 00002aff tcp4",
     PARSE_MALFORMED},
    {"service chain of something else", LINK_ETHERNET, "eth:894f 0fc20206 00002aff tcp4",
     PARSE_FOREIGN},
    {"NFLOG, version 1", LINK_NFLOG, "02010005 31000900 tcp4", PARSE_FOREIGN},
    {"NFLOG, no packet", LINK_NFLOG, "02000005 08000100 08000300", PARSE_FOREIGN},
    {"NFLOG, an attribute shorter than its header", LINK_NFLOG, "02000005 03000100 31000900 tcp4",
     PARSE_MALFORMED},
    {"PKTAP, no packet", LINK_PKTAP, "0c000000 00000000 01000000 eth:0800 tcp4", PARSE_FOREIGN},
    {"PKTAP, shorter than itself", LINK_PKTAP, "0b000000 01000000 01000000 eth:0800 tcp4",
     PARSE_MALFORMED},
    {"PKTAP, no link type at all", LINK_PKTAP, "0c000000 01000000 01000100 eth:0800 tcp4",
     PARSE_FOREIGN},
    {"FDDI, a token", LINK_FDDI, "80020000000001020000000002 " SNAP_V4 " tcp4", PARSE_FOREIGN},
    {"PPP for pppd, IPCP", LINK_PPP_PPPD, "00038021 01010004", PARSE_FOREIGN},
    {"802.11, a beacon", LINK_IEEE80211, "8000" RADIO_REST " " SNAP_V4 " tcp4", PARSE_FOREIGN},
    {"802.11, an acknowledgement", LINK_IEEE80211, "d4000000020000000001", PARSE_FOREIGN},
    {"802.11, another version", LINK_IEEE80211, "0901" RADIO_REST " " SNAP_V4 " tcp4",
     PARSE_FOREIGN},
    {"802.11, no data", LINK_IEEE80211, "4801" RADIO_REST, PARSE_FOREIGN},
    {"802.11, QoS without data", LINK_IEEE80211, "c801" RADIO_REST "0000", PARSE_FOREIGN},
    {"802.11, encrypted", LINK_IEEE80211, "0841" RADIO_REST " " SNAP_V4 " tcp4", PARSE_FOREIGN},
    {"802.11, first fragment", LINK_IEEE80211, "0805" RADIO_REST " " SNAP_V4 " tcp4",
     PARSE_FOREIGN},
    {"802.11, last fragment", LINK_IEEE80211,
     "08012c000200000000010200000000020200000000031100 " SNAP_V4 " tcp4", PARSE_FOREIGN},
    {"802.11, several packets in one", LINK_IEEE80211, "8801" RADIO_REST "8000 " SNAP_V4 " tcp4",
     PARSE_FOREIGN},
    {"802.11, swapped where nobody swaps", LINK_IEEE80211, "0108" RADIO_REST " " SNAP_V4 " tcp4",
     PARSE_FOREIGN},
    {"802.11, cut", LINK_IEEE80211, "080100", PARSE_MALFORMED},
    {"radiotap, version 1", LINK_RADIOTAP, "0100080000000000 " RADIO_DATA " " SNAP_V4 " tcp4",
     PARSE_FOREIGN},
    {"radiotap, shorter than itself", LINK_RADIOTAP,
     "0000070000000000 " RADIO_DATA " " SNAP_V4 " tcp4", PARSE_MALFORMED},
    {"radiotap, longer than the frame", LINK_RADIOTAP, "0000ff0000000000 " RADIO_DATA,
     PARSE_MALFORMED},
    {"radiotap, broken frame", LINK_RADIOTAP,
     "00000a0002000000 4000 " RADIO_DATA " " SNAP_V4 " tcp4", PARSE_FOREIGN},
    {"PPI, version 1", LINK_PPI, "0100080001000000 eth:0800 tcp4", PARSE_FOREIGN},
    {"PPI, shorter than itself", LINK_PPI, "0000070001000000 eth:0800 tcp4", PARSE_MALFORMED},
    {"PPI, unknown link type", LINK_PPI, "0000080093000000 eth:0800 tcp4", PARSE_FOREIGN},
    {"PPI, no link type at all", LINK_PPI, "00000800010000ff eth:0800 tcp4", PARSE_FOREIGN},
    {"AVS, shorter than itself", LINK_AVS, "8021100100000007 " RADIO_DATA " " SNAP_V4 " tcp4",
     PARSE_MALFORMED},
    {"AVS, longer than any frame", LINK_AVS, "80211001ffffffff " RADIO_DATA " " SNAP_V4 " tcp4",
     PARSE_MALFORMED},
};

static void test_bad(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_cases); i++) {
        struct frame frame = frame_of_recipe(bad_cases[i].recipe);
        uint8_t *copy = frame_copy(frame.bytes, frame.size);
        struct packet packet;
        print_message("%s\n", bad_cases[i].name);
        assert_int_equal(packet_decode(bad_cases[i].link_type, span_of(copy, frame.size),
                                       frame.size, PACKET_MAX_TUNNELS, &packet),
                         bad_cases[i].status);
        free(copy);
    }
}

/* PPI in PPI, pseudowires in pseudowires: as many as fit into a frame, and an end of the work. */
static void test_endless_nesting(void **state) {
    (void)state;
    static const struct {
        int link_type;
        const char *layer;
        const char *inside;
    } nests[] = {
        {LINK_PPI, "00000800c0000000", "0000080065000000 tcp4"},
        {LINK_MPLS, "000641ff 00000000 eth:8847", "000641ff tcp4"},
        {LINK_PPP, "0281 000641ff 00000000 eth:880b", "0021 tcp4"},
        {LINK_ETHERNET, "eth:88e7 00112233", "eth:0800 tcp4"},
        {LINK_PKTAP, "0c000000 01000000 02010000", "0c000000 01000000 0c000000 tcp4"},
        {LINK_ETHERNET, "eth:0500 aaaa030000006558", "eth:0800 tcp4"},
    };
    for (size_t i = 0; i < COUNT_OF(nests); i++) {
        for (size_t count = 1; count <= 100; count *= 10) {
            struct frame frame = frame_of_recipe(nests[i].inside);
            for (size_t n = 0; n < count; n++)
                frame = frame_wrap(nests[i].layer, &frame);
            struct packet packet;
            assert_int_equal(packet_decode(nests[i].link_type, span_of(frame.bytes, frame.size),
                                           frame.size, PACKET_MAX_TUNNELS, &packet),
                             count < 100 ? PARSE_OK : PARSE_MALFORMED);
        }
    }
}

static void test_every_prefix(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good_cases); i++) {
        struct frame frame = frame_of_recipe(good_cases[i].recipe);
        frame_assert_prefixes(good_cases[i].link_type, &frame);
    }
}

static void test_every_byte(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good_cases); i++) {
        struct frame frame = frame_of_recipe(good_cases[i].recipe);
        frame_assert_any_byte(good_cases[i].link_type, &frame);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),         cmocka_unit_test(test_prism),
        cmocka_unit_test(test_bad),          cmocka_unit_test(test_endless_nesting),
        cmocka_unit_test(test_every_prefix), cmocka_unit_test(test_every_byte),
    };
    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
