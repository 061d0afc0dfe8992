/*
 * test_kernel_filter.c - which packets the program in the kernel stops, once their connection was
 * named: frames are sent through a pair of local sockets, one of which has the filter.
 *
 * Skipped by name where the kernel, the build or the rights do not have it.
 */
#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kernel_filter.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FLOWS = 64, LONG_S = 3600, SKIPPED = 77 };

static struct kernel_filter *filter;
static int ends[2]; /* what goes into [0] comes out of [1], if it passes */

static bool only_named; /* of open_filter() */

static void open_filter(size_t flows, unsigned lifetime_s) {
    char error[KERNEL_FILTER_ERROR_SIZE];
    const struct kernel_filter_config config = {.flows = flows,
                                                .lifetime_s = lifetime_s,
                                                .snap_length = FRAME_MAX_SIZE,
                                                .only_named = only_named};
    filter = kernel_filter_new(&config, error);
    assert_non_null(filter);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
    assert_int_equal(kernel_filter_attach(filter, ends[1]), 0);
}

static void close_filter(void) {
    kernel_filter_delete(filter);
    close(ends[0]);
    close(ends[1]);
}

static bool passes(const struct frame *frame) {
    uint8_t received[FRAME_MAX_SIZE];
    (void)send(ends[0], frame->bytes, frame->size, 0);
    ssize_t size = recv(ends[1], received, sizeof received, 0);
    if (size < 0)
        return false;
    assert_int_equal(size, frame->size);
    assert_memory_equal(received, frame->bytes, frame->size);
    return true;
}

static bool recipe_passes(const char *recipe) {
    struct frame frame = frame_of_recipe(recipe);
    return passes(&frame);
}

/* The connection of the recipes "v4:P:1" and "v6:P:1" with ports 49153 and 443. */
static struct kernel_filter_flow flow_of(unsigned ip_version, uint8_t protocol) {
    struct kernel_filter_flow flow = {
        .port = {49153, 443}, .ip_version = (uint8_t)ip_version, .protocol = protocol};
    for (uint8_t end = 0; end < 2; end++) {
        uint8_t *address = flow.address[end].bytes;
        if (ip_version == 4) {
            memcpy(address, (uint8_t[]){10, 0, 1, (uint8_t)(end + 1)}, 4);
        } else {
            address[0] = 0xfd;
            address[13] = 1;
            address[15] = (uint8_t)(end + 1);
        }
    }
    return flow;
}

#define SEQUENCES                      "1122334455667788"
#define CLIENT_TCP(next, heard, flags) "c00101bb" next heard "50" flags "ff0000000000"
#define SERVER_TCP(next, heard, flags) "01bbc001" next heard "50" flags "ff0000000000"
#define TCP(flags)                     CLIENT_TCP("11223344", "55667788", flags)
#define TCP_BACK(flags)                SERVER_TCP("11223344", "55667788", flags)
#define DATA                           "1703030100aabbccddeeff00112233445566"
#define MIDDLE                         "e07715fd00aabbccddeeff00112233445566"
#define HELLO                          "16030100c8010000c40303aabbccddeeff00"
#define V4_TCP                         "eth:0800 v4:06:1 "
#define V6_TCP                         "eth:86dd v6:06:1 "
#define V4_UDP                         "eth:0800 v4:11:1 udp:49153:443 "
#define V6_UDP                         "eth:86dd v6:11:1 udp:49153:443 "
/* from 10.0.1.2 to 10.0.1.1 */
#define V4_BACK                                                                                    \
    "eth:0800 4500TTTT7701000040060000"                                                            \
    "0a000102"                                                                                     \
    "0a000101"

enum what { PASSES, STOPS, REVIVES /* passes, and the stop is over */ };

struct packet_case {
    const char *name;
    const char *recipe;
    enum kernel_filter_kind kind;
    enum what wanted;
};

static const struct packet_case cases[] = {
    {"application data", V4_TCP TCP("18") DATA, KERNEL_FILTER_TLS, STOPS},
    {"the middle of a record", V4_TCP TCP("10") MIDDLE, KERNEL_FILTER_TLS, STOPS},
    {"a bare acknowledgement", V4_TCP TCP("10"), KERNEL_FILTER_TLS, STOPS},
    {"one with Ethernet padding",
     "eth:0800 450000287701000040060000"
     "0a0001010a000102" TCP("10") "160303010000",
     KERNEL_FILTER_TLS, STOPS},
    {"application data, the other way", V4_BACK TCP_BACK("18") DATA, KERNEL_FILTER_TLS, STOPS},
    {"application data over IPv6", V6_TCP TCP("18") DATA, KERNEL_FILTER_TLS, STOPS},
    {"behind a VLAN tag", "eth:8100 00640800 v4:06:1 " TCP("18") DATA, KERNEL_FILTER_TLS, STOPS},
    {"behind two", "eth:88a8 00648100 00c80800 v4:06:1 " TCP("18") DATA, KERNEL_FILTER_TLS, STOPS},
    {"behind three", "eth:88a8 00648100 00c88100 00010800 v4:06:1 " TCP("18") DATA,
     KERNEL_FILTER_TLS, PASSES},
    {"with TCP options",
     V4_TCP "c00101bb" SEQUENCES "8018ff0000000000"
            "0101080a0000000100000002" DATA,
     KERNEL_FILTER_TLS, STOPS},
    {"with IP options",
     "eth:0800 4600TTTT7701000040060000"
     "0a0001010a000102"
     "01010101" TCP("18") DATA,
     KERNEL_FILTER_TLS, STOPS},

    {"SYN", V4_TCP TCP("02"), KERNEL_FILTER_TLS, REVIVES},
    {"SYN-ACK", V4_BACK TCP_BACK("12"), KERNEL_FILTER_TLS, REVIVES},
    {"SYN over IPv6", V6_TCP TCP("02"), KERNEL_FILTER_TLS, REVIVES},
    {"FIN", V4_TCP TCP("11"), KERNEL_FILTER_TLS, PASSES},
    {"FIN with data", V4_TCP TCP("19") DATA, KERNEL_FILTER_TLS, PASSES},
    {"RST", V4_TCP TCP("04"), KERNEL_FILTER_TLS, REVIVES},
    {"URG", V4_TCP TCP("30") DATA, KERNEL_FILTER_TLS, PASSES},
    {"a ClientHello", V4_TCP TCP("18") HELLO, KERNEL_FILTER_TLS, REVIVES},
    {"a ServerHello", V4_BACK TCP_BACK("18") "160303007a020000760303aabbcc", KERNEL_FILTER_TLS,
     REVIVES},
    {"another handshake record", V4_TCP TCP("18") "1603030028aabbccddeeff0011", KERNEL_FILTER_TLS,
     PASSES},
    {"an alert", V4_TCP TCP("18") "15030300020228", KERNEL_FILTER_TLS, PASSES},
    {"ChangeCipherSpec", V4_TCP TCP("18") "140303000101", KERNEL_FILTER_TLS, PASSES},
    {"too little to tell", V4_TCP TCP("18") "1603030028", KERNEL_FILTER_TLS, PASSES},
    {"handshake of no version", V4_TCP TCP("18") "1605030028aabbccdd", KERNEL_FILTER_TLS, STOPS},

    {"another port", V4_TCP "c00201bb" SEQUENCES "5018ff0000000000" DATA, KERNEL_FILTER_TLS,
     PASSES},
    {"other addresses", "eth:0800 v4:06:2 " TCP("18") DATA, KERNEL_FILTER_TLS, PASSES},
    {"other addresses over IPv6", "eth:86dd v6:06:2 " TCP("18") DATA, KERNEL_FILTER_TLS, PASSES},
    {"UDP on the same ports", V4_UDP "40aabbccddeeff", KERNEL_FILTER_TLS, STOPS},
    {"a fragment",
     "eth:0800 4500TTTT7701200040060000"
     "0a0001010a000102" TCP("18") DATA,
     KERNEL_FILTER_TLS, PASSES},
    {"the rest of one",
     "eth:0800 4500TTTT7701000540060000"
     "0a0001010a000102" TCP("18") DATA,
     KERNEL_FILTER_TLS, PASSES},
    {"IPv6 with an extension header", "eth:86dd v6:00:1 0600010400000000 " TCP("18") DATA,
     KERNEL_FILTER_TLS, PASSES},
    {"in a tunnel", "eth:0800 v4:04:2 v4:06:1 " TCP("18") DATA, KERNEL_FILTER_TLS, PASSES},
    {"in a tunnel over UDP",
     "eth:0800 v4:11:2 udp:4000:4789 0800000000006400 eth:0800 v4:06:1 " TCP("18") DATA,
     KERNEL_FILTER_TLS, PASSES},
    {"MPLS", "eth:8847 00064140 v4:06:1 " TCP("18") DATA, KERNEL_FILTER_TLS, PASSES},
    {"ICMP", "eth:0800 v4:01:1 0800000000010001", KERNEL_FILTER_TLS, PASSES},
    {"a header cut short", V4_TCP "c00101bb1122", KERNEL_FILTER_TLS, PASSES},
    {"a TCP header longer than the packet", V4_TCP "c00101bb" SEQUENCES "f018ff0000000000",
     KERNEL_FILTER_TLS, PASSES},
    {"no packet", "eth:0800", KERNEL_FILTER_TLS, PASSES},
    {"no frame", "0200", KERNEL_FILTER_TLS, PASSES},

    {"QUIC, 1-RTT", V4_UDP "40aabbccddeeff001122334455667788", KERNEL_FILTER_QUIC, STOPS},
    {"QUIC, 1-RTT over IPv6", V6_UDP "41aabbccddeeff001122334455667788", KERNEL_FILTER_QUIC, STOPS},
    {"QUIC, 1-RTT with the fixed bit greased", V4_UDP "00aabbccddeeff001122334455667788",
     KERNEL_FILTER_QUIC, STOPS},
    {"QUIC, Initial", V4_UDP "c0000000010800112233445566770000", KERNEL_FILTER_QUIC, REVIVES},
    {"QUIC, nothing", V4_UDP, KERNEL_FILTER_QUIC, PASSES},
    {"DTLS, application data", V4_UDP "17fefd000100000000000100200011223344", KERNEL_FILTER_DTLS,
     STOPS},
    {"DTLS 1.3, encrypted", V4_UDP "2faabb001000112233445566778899aabb", KERNEL_FILTER_DTLS, STOPS},
    {"DTLS, ClientHello", V4_UDP "16feff0000000000000000003601000000", KERNEL_FILTER_DTLS, REVIVES},
    {"DTLS, encrypted handshake", V4_UDP "16fefd000100000000000000300001000000000000",
     KERNEL_FILTER_DTLS, PASSES},
    {"DTLS, alert", V4_UDP "15fefd00010000000000020012001122334455", KERNEL_FILTER_DTLS, PASSES},
    {"DTLS, STUN beside it", V4_UDP "000100002112a442001122334455667788990011", KERNEL_FILTER_DTLS,
     PASSES},
};

static void stop_all(enum kernel_filter_kind kind) {
    static const uint8_t protocols[] = {IP_PROTOCOL_TCP, IP_PROTOCOL_UDP};
    usleep(2000); /* a SYN of just now might not have been read */
    for (unsigned i = 0; i < 4; i++) {
        struct kernel_filter_flow flow = flow_of(i < 2 ? 4 : 6, protocols[i % 2]);
        /* over UDP there is no plain TLS: what is asked about TCP's ports must not depend on it */
        flow.kind = kind;
        if (protocols[i % 2] == IP_PROTOCOL_UDP && kind == KERNEL_FILTER_TLS)
            flow.kind = KERNEL_FILTER_QUIC;
        assert_int_equal(kernel_filter_stop(filter, &flow, 0), 0);
    }
}

/* Is the connection that the case is about stopped still? */
static bool is_stopped(const struct packet_case *packet_case) {
    bool is_udp = strstr(packet_case->recipe, "udp:49153") != NULL;
    bool is_v6 = strstr(packet_case->recipe, "v6:") != NULL;
    if (!is_udp)
        return !recipe_passes(is_v6 ? V6_TCP TCP("18") DATA : V4_TCP TCP("18") DATA);
    if (packet_case->kind == KERNEL_FILTER_DTLS)
        return !recipe_passes(V4_UDP "17fefd000100000000000100200011223344");
    return !recipe_passes(is_v6 ? V6_UDP "40aabb" : V4_UDP "40aabb");
}

static void bulk_is_stopped_and_nothing_else(void **state) {
    (void)state;
    unsigned wrong = 0;
    open_filter(FLOWS, LONG_S);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        stop_all(cases[i].kind);
        bool is_wrong = recipe_passes(cases[i].recipe) != (cases[i].wanted != STOPS);
        is_wrong |= is_stopped(&cases[i]) != (cases[i].wanted != REVIVES);
        if (is_wrong)
            print_message("%s: not as it should be\n", cases[i].name);
        wrong += is_wrong;
    }
    assert_int_equal(wrong, 0);
    close_filter();
}

static void everything_passes_until_it_is_named(void **state) {
    (void)state;
    open_filter(FLOWS, LONG_S);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(recipe_passes(cases[i].recipe));
    struct kernel_filter_counts counts = kernel_filter_count(filter);
    assert_int_equal(counts.packets + counts.expired, 0);
    close_filter();
}

/* The same, with the ends the other way round. */
static void turn(struct kernel_filter_flow *flow) {
    const struct kernel_filter_flow before = *flow;
    for (unsigned end = 0; end < 2; end++) {
        flow->address[end] = before.address[end ^ 1U];
        flow->port[end] = before.port[end ^ 1U];
        flow->next_sequence[end] = before.next_sequence[end ^ 1U];
    }
}

static void ends_may_be_named_in_any_order(void **state) {
    (void)state;
    open_filter(FLOWS, LONG_S);
    struct kernel_filter_flow flow = flow_of(4, IP_PROTOCOL_TCP);
    turn(&flow);
    assert_int_equal(kernel_filter_stop(filter, &flow, 0), 0);
    assert_false(recipe_passes(V4_TCP TCP("18") DATA));
    assert_false(recipe_passes(V4_BACK TCP_BACK("18") DATA));
    close_filter();
}

static void an_address_that_talks_to_itself_has_two_ends(void **state) {
    (void)state;
    open_filter(FLOWS, LONG_S);
    struct kernel_filter_flow flow = {
        .port = {443, 49153}, .ip_version = 4, .protocol = IP_PROTOCOL_TCP};
    memcpy(flow.address[0].bytes, (uint8_t[]){127, 0, 0, 1}, 4);
    flow.address[1] = flow.address[0];
    assert_int_equal(kernel_filter_stop(filter, &flow, 0), 0);
    static const char head[] = "eth:0800 4500TTTT7701000040060000"
                               "7f0000017f000001";
    char recipe[256];
    (void)snprintf(recipe, sizeof recipe, "%s%s", head, TCP("18") DATA);
    assert_false(recipe_passes(recipe));
    (void)snprintf(recipe, sizeof recipe, "%s%s", head, TCP_BACK("18") DATA);
    assert_false(recipe_passes(recipe));
    close_filter();
}

static void what_is_stopped_is_counted(void **state) {
    (void)state;
    open_filter(FLOWS, LONG_S);
    struct frame bulk = frame_of_recipe(V4_TCP TCP("18") DATA);
    stop_all(KERNEL_FILTER_TLS);
    for (unsigned i = 0; i < 10; i++)
        assert_false(passes(&bulk));
    assert_true(recipe_passes(V4_TCP TCP("02")));
    struct kernel_filter_counts counts = kernel_filter_count(filter);
    assert_int_equal(counts.packets, 10);
    assert_int_equal(counts.bytes, 10 * bulk.size);
    assert_int_equal(counts.revived, 1);
    assert_int_equal(counts.expired, 0);
    close_filter();
}

/* A new connection began before the old one was named, in packets that were not read yet. */
static void a_syn_that_was_not_read_yet_counts(void **state) {
    (void)state;
    open_filter(FLOWS, LONG_S);
    const struct kernel_filter_flow flow = flow_of(4, IP_PROTOCOL_TCP);
    assert_true(recipe_passes(V4_TCP TCP("02")));
    usleep(20000);
    assert_int_equal(kernel_filter_stop(filter, &flow, 100000), 0);
    assert_true(recipe_passes(V4_TCP TCP("10") MIDDLE));
    assert_true(recipe_passes(V4_TCP TCP("10") MIDDLE));
    /* the SYN was read in the meantime */
    assert_int_equal(kernel_filter_stop(filter, &flow, 1000), 0);
    assert_false(recipe_passes(V4_TCP TCP("10") MIDDLE));
    /* once it is known to hold, another's SYN in the same place is nothing to it */
    assert_true(recipe_passes("eth:0800 v4:06:2 " TCP("02")));
    assert_false(recipe_passes(V4_TCP TCP("10") MIDDLE));
    close_filter();
}

static void entries_expire(void **state) {
    (void)state;
    open_filter(FLOWS, 1);
    stop_all(KERNEL_FILTER_TLS);
    assert_false(recipe_passes(V4_TCP TCP("18") DATA));
    usleep(1100000);
    assert_true(recipe_passes(V4_TCP TCP("18") DATA));
    assert_true(recipe_passes(V4_TCP TCP("18") DATA));
    assert_int_equal(kernel_filter_count(filter).expired, 1);
    stop_all(KERNEL_FILTER_TLS);
    assert_false(recipe_passes(V4_TCP TCP("18") DATA));
    close_filter();
}

static void a_full_table_forgets_and_takes_more(void **state) {
    (void)state;
    open_filter(FLOWS, LONG_S);
    struct kernel_filter_flow flow = flow_of(4, IP_PROTOCOL_TCP);
    for (unsigned i = 0; i < 100 * FLOWS; i++) {
        flow.port[0] = (uint16_t)(1024 + i);
        assert_int_equal(kernel_filter_stop(filter, &flow, 0), 0);
    }
    stop_all(KERNEL_FILTER_TLS);
    assert_false(recipe_passes(V4_TCP TCP("18") DATA));
    close_filter();
}

/* ---- while the handshake may be contradicted ---- */

#define AT(sequence, flags) CLIENT_TCP(sequence, "55667788", flags)
#define BACK(acknowledges)  SERVER_TCP("aabbcc00", acknowledges, "18")
#define NEXT                "11223344" /* of 10.0.1.1, which has said everything before */
#define ALERT               "15030300020228"

/* `ends_turned`: the caller's order of the ends is not to matter. */
static void watch(uint64_t watch_us, bool ends_turned) {
    struct kernel_filter_flow flow = flow_of(4, IP_PROTOCOL_TCP);
    flow.watch_us = watch_us;
    flow.next_sequence[0] = 0x11223344;
    flow.next_sequence[1] = 0xaabbcc00;
    if (ends_turned)
        turn(&flow);
    usleep(2000);
    assert_int_equal(kernel_filter_stop(filter, &flow, 0), 0);
}

static unsigned count_passing(const char *recipe, unsigned count) {
    unsigned passing = 0;
    for (unsigned i = 0; i < count; i++)
        passing += recipe_passes(recipe);
    return passing;
}

static void some_of_what_is_watched_passes(void **state) {
    (void)state;
    static const char *const bulk[] = {
        V4_TCP AT(NEXT, "18") DATA,    V4_TCP AT("11229999", "10") MIDDLE,
        V4_TCP AT(NEXT, "10"),         V4_TCP AT("11223340", "10"), /* bare acknowledgements */
        V4_BACK BACK("00000000") DATA,
    };
    open_filter(FLOWS, LONG_S);
    for (size_t i = 0; i < sizeof bulk / sizeof bulk[0]; i++) {
        watch(LONG_S * UINT64_C(1000000), i % 2 == 1);
        assert_int_equal(count_passing(bulk[i], 320), 10);
    }
    assert_int_equal(kernel_filter_count(filter).revived, 0);
    watch(0, false);
    assert_int_equal(count_passing(bulk[0], 320), 0);
    close_filter();
}

static void what_may_contradict_lets_all_through(void **state) {
    (void)state;
    static const char *const contradictions[] = {
        V4_TCP AT("11223343", "18") DATA, /* begins one byte before what is new */
        V4_TCP AT("11220000", "10") MIDDLE, V4_TCP AT(NEXT, "18") ALERT,
        V4_TCP AT("11230000", "18") ALERT,  V4_BACK BACK("11223344") ALERT,
    };
    open_filter(FLOWS, LONG_S);
    for (size_t i = 0; i < sizeof contradictions / sizeof contradictions[0]; i++) {
        watch(LONG_S * UINT64_C(1000000), i % 2 == 1);
        assert_true(recipe_passes(contradictions[i]));
        assert_int_equal(count_passing(V4_TCP AT(NEXT, "18") DATA, 100), 100);
    }
    assert_int_equal(kernel_filter_count(filter).revived, 0);
    /* another story, or a connection that nothing can contradict any more */
    watch(LONG_S * UINT64_C(1000000), false);
    assert_in_range(count_passing(V4_TCP AT("01223344", "18") DATA, 100), 3, 4);
    watch(0, false);
    assert_int_equal(count_passing(V4_TCP AT("11223343", "18") DATA, 100), 0);
    assert_true(recipe_passes(V4_TCP AT(NEXT, "18") ALERT));
    assert_int_equal(count_passing(V4_TCP AT(NEXT, "18") DATA, 100), 0);
    close_filter();
}

static void the_watch_ends(void **state) {
    (void)state;
    open_filter(FLOWS, LONG_S);
    watch(100000, false);
    usleep(150000);
    assert_int_equal(count_passing(V4_TCP AT(NEXT, "18") DATA, 100), 0);
    assert_int_equal(count_passing(V4_TCP AT("11223343", "18") DATA, 100), 0);
    close_filter();
}

/* ---- what nobody named ---- */

#define FROM_CLIENT(next, heard) V4_TCP CLIENT_TCP(next, heard, "18")
#define FROM_SERVER(next, heard) V4_BACK SERVER_TCP(next, heard, "18")
#define SEALED_ALERT                                                                               \
    "150303001a"                                                                                   \
    "00112233445566778899aabbccddeeff0011223344556677aabb"
#define FINISHED_13                                                                                \
    "140303000101"                                                                                 \
    "1703030100aabbccddeeff00112233445566"
#define FINISHED_12                                                                                \
    "140303000101"                                                                                 \
    "160303002800aabbccddeeff00112233445566"
#define SECOND_HELLO                                                                               \
    "140303000101"                                                                                 \
    "16030300c8010000c40303aabbccddeeff00"

/* Of a conversation, and whether the packet passes; an end has said up to 0x1000 (the client) and
 * 0x2000 in clear. */
struct line {
    const char *recipe;
    bool passes;
};

static void demand(const struct line *lines, size_t count) {
    unsigned wrong = 0;
    open_filter(FLOWS, LONG_S);
    for (size_t i = 0; i < count; i++) {
        bool is_wrong = recipe_passes(lines[i].recipe) != lines[i].passes;
        if (is_wrong)
            print_message("line %zu: not as it should be\n", i);
        wrong += is_wrong;
    }
    close_filter();
    assert_int_equal(wrong, 0);
}
#define DEMAND(lines) demand(lines, sizeof(lines) / sizeof(lines)[0])

static void sealed_records_of_both_ends_stop_the_second(void **state) {
    (void)state;
    static const struct line lines[] = {
        {FROM_CLIENT("00001000", "00002000") DATA, true},
        {FROM_CLIENT("00001100", "00002000") DATA, true},
        {FROM_SERVER("00002000", "00001100") DATA, true},
        {FROM_SERVER("00002100", "00001100") MIDDLE, false},
        {FROM_SERVER("00002200", "00001100") MIDDLE, false},
        {FROM_SERVER("00002300", "00001100") DATA, false},
        {FROM_CLIENT("00001200", "00002400"), false},
        {FROM_CLIENT("00001200", "00002500"), false},
        {FROM_SERVER("00002400", "00001200"), true}, /* the client's bytes are of interest still */
        {FROM_CLIENT("00001200", "00002500") MIDDLE, true},
        {FROM_CLIENT("00001300", "00002500") DATA, true},
        {FROM_CLIENT("00001400", "00002500") DATA, false},
        {FROM_SERVER("00002400", "00001200"), false},
    };
    DEMAND(lines);
}

static void nothing_is_stopped_without_its_name_if_so_wished(void **state) {
    (void)state;
    static const struct line lines[] = {
        {FROM_CLIENT("00001000", "00002000") DATA, true},
        {FROM_SERVER("00002000", "00001100") DATA, true},
        {FROM_SERVER("00002100", "00001100") MIDDLE, true},
        {FROM_SERVER("00002200", "00001100") MIDDLE, true},
    };
    only_named = true;
    DEMAND(lines);
    open_filter(FLOWS, LONG_S);
    stop_all(KERNEL_FILTER_TLS);
    assert_false(recipe_passes(V4_TCP TCP("18") DATA));
    close_filter();
    only_named = false;
}

/* Early data, whose answer is no end of the client's handshake. */
static void early_data_does_not_stop_its_sender(void **state) {
    (void)state;
    static const struct line lines[] = {
        {FROM_CLIENT("00000f00", "00002000") HELLO, true},
        {FROM_CLIENT("00001000", "00002000") DATA, true},
        {FROM_SERVER("00002000", "00001000") DATA, true},
        {FROM_CLIENT("00001100", "00002000") MIDDLE, true},
        {FROM_CLIENT("00001200", "00002000") MIDDLE, true},
        {FROM_CLIENT("00001300", "00002100") DATA, true},   /* its Finished */
        {FROM_CLIENT("00001200", "00002100") MIDDLE, true}, /* once more */
    };
    DEMAND(lines);
}

static void finished_messages_and_alerts_are_sealed_records(void **state) {
    (void)state;
    static const struct line tls13[] = {
        {FROM_SERVER("00002000", "00001000") DATA, true},
        {FROM_CLIENT("00001000", "00002100") FINISHED_13, true},
        {FROM_CLIENT("00001100", "00002100") MIDDLE, false},
        {FROM_CLIENT("00001200", "00002100") MIDDLE, false},
    };
    static const struct line alert[] = {
        {FROM_CLIENT("00001000", "00002000") SEALED_ALERT, true},
        {FROM_SERVER("00002000", "00001100") DATA, true},
        {FROM_SERVER("00002100", "00001100") MIDDLE, false},
        {FROM_SERVER("00002200", "00001100") MIDDLE, false},
        {FROM_SERVER("00002300", "00001100") SEALED_ALERT, true},
    };
    DEMAND(tls13);
    DEMAND(alert);
}

static void what_may_be_in_clear_is_no_sealed_record(void **state) {
    (void)state;
    static const char *const starts[] = {FROM_CLIENT("00001000", "00002000") FINISHED_12,
                                         FROM_CLIENT("00001000", "00002000") SECOND_HELLO,
                                         FROM_CLIENT("00001000", "00002000") ALERT,
                                         FROM_CLIENT("00001000", "00002000") HELLO,
                                         FROM_CLIENT("00001000", "00002000") MIDDLE,
                                         FROM_CLIENT("00001000", "00002000") "170303ffff00"};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
        const struct line lines[] = {
            {starts[i], true},
            {FROM_SERVER("00002000", "00001000") DATA, true},
            {FROM_SERVER("00002100", "00001000") MIDDLE, true},
            {FROM_SERVER("00002200", "00001000") MIDDLE, true},
        };
        DEMAND(lines);
    }
}

/* Who does not know where the ends are cannot have them stopped. */
static void strangers_stop_nothing(void **state) {
    (void)state;
    static const struct line lines[] = {
        {FROM_CLIENT("77001000", "00002000") DATA, true}, /* the stranger's */
        {FROM_SERVER("00002000", "00001000") DATA, true},
        {FROM_SERVER("00002100", "00001000") MIDDLE, true},
        {FROM_SERVER("00002200", "00001000") MIDDLE, true},
    };
    DEMAND(lines);
}

static void what_both_ends_have_closed_is_forgotten(void **state) {
    (void)state;
    static const struct line lines[] = {
        {FROM_CLIENT("00001000", "00002000") DATA, true},
        {FROM_SERVER("00002000", "00001100") DATA, true},
        {FROM_SERVER("00002100", "00001100") MIDDLE, false},
        {V4_TCP CLIENT_TCP("00001100", "00002200", "11"), true},
        {FROM_SERVER("00002200", "00001101") MIDDLE, false}, /* half closed */
        {V4_BACK SERVER_TCP("00002300", "00001101", "11"), true},
        {FROM_SERVER("00002200", "00001101") MIDDLE, true},
    };
    DEMAND(lines);
}

static void a_new_connection_on_the_same_ports_is_followed(void **state) {
    (void)state;
    static const struct line lines[] = {
        {FROM_CLIENT("00001000", "00002000") DATA, true},
        {FROM_SERVER("00002000", "00001100") DATA, true},
        {FROM_SERVER("00002100", "00001100") MIDDLE, false},
        {FROM_SERVER("00002200", "00001100") MIDDLE, false},
        {V4_TCP CLIENT_TCP("70000000", "00000000", "02"), true},
        {FROM_SERVER("50002000", "70001100") DATA, true},
        {FROM_SERVER("50002100", "70001100") MIDDLE, true},
        {FROM_SERVER("50002200", "70001100") MIDDLE, true},
    };
    DEMAND(lines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bulk_is_stopped_and_nothing_else),
        cmocka_unit_test(everything_passes_until_it_is_named),
        cmocka_unit_test(ends_may_be_named_in_any_order),
        cmocka_unit_test(an_address_that_talks_to_itself_has_two_ends),
        cmocka_unit_test(what_is_stopped_is_counted),
        cmocka_unit_test(a_syn_that_was_not_read_yet_counts),
        cmocka_unit_test(entries_expire),
        cmocka_unit_test(a_full_table_forgets_and_takes_more),
        cmocka_unit_test(some_of_what_is_watched_passes),
        cmocka_unit_test(what_may_contradict_lets_all_through),
        cmocka_unit_test(the_watch_ends),
        cmocka_unit_test(sealed_records_of_both_ends_stop_the_second),
        cmocka_unit_test(nothing_is_stopped_without_its_name_if_so_wished),
        cmocka_unit_test(early_data_does_not_stop_its_sender),
        cmocka_unit_test(finished_messages_and_alerts_are_sealed_records),
        cmocka_unit_test(what_may_be_in_clear_is_no_sealed_record),
        cmocka_unit_test(strangers_stop_nothing),
        cmocka_unit_test(what_both_ends_have_closed_is_forgotten),
        cmocka_unit_test(a_new_connection_on_the_same_ports_is_followed),
    };
    char error[KERNEL_FILTER_ERROR_SIZE];
    const struct kernel_filter_config config = {
        .flows = FLOWS, .lifetime_s = LONG_S, .snap_length = FRAME_MAX_SIZE};
    struct kernel_filter *first = kernel_filter_new(&config, error);
    if (first == NULL) {
        print_message("skipped: %s\n", error);
        return SKIPPED;
    }
    kernel_filter_delete(first);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
