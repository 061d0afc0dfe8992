/*
 * test_openvpn.c - packets of OpenVPN's control channel, and TLS handshakes inside of them through
 * the flow table: over UDP in every order, over TCP in every cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "dtls_talk.h"
#include "openvpn.h"
#include "tls_messages.h"

#define COUNT_OF(rows) (sizeof(rows) / sizeof((rows)[0]))
#define ID             "c1c2c3c4c5c6c7c8"
#define SERVER_ID      "e1e2e3e4e5e6e7e8"

/* ---- packets ---- */

static void reads_packets(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *hex;
        size_t auth_size;
        enum parse_status wanted;
        uint8_t opcode;
        uint8_t key_id;
        size_t acks;
        uint32_t message_id;
        size_t payload;
    } cases[] = {
        {"hard reset", "38" ID "00 00000000", 0, PARSE_OK, 7, 0, 0, 0, 0},
        {"control", "20" ID "00 00000001 160301", 0, PARSE_OK, 4, 0, 0, 1, 3},
        {"control with acknowledgements", "21" ID "02 00000001 00000002" SERVER_ID "00000003 1603",
         0, PARSE_OK, 4, 1, 2, 3, 2},
        {"acknowledgement", "28" ID "01 00000007" SERVER_ID, 0, PARSE_OK, 5, 0, 1, 0, 0},
        {"soft reset", "19" ID "00 00000000", 0, PARSE_OK, 3, 1, 0, 0, 0},
        {"with an HMAC", "38" ID "a1a2a3 00 00000000", 3, PARSE_OK, 7, 0, 0, 0, 0},
        {"data", "30" ID "00 00000000", 0, PARSE_FOREIGN, 0, 0, 0, 0, 0},
        {"newer data", "48" ID "00 00000000", 0, PARSE_FOREIGN, 0, 0, 0, 0, 0},
        {"opcode of nobody", "f8" ID "00 00000000", 0, PARSE_FOREIGN, 0, 0, 0, 0, 0},
        {"too many acknowledgements", "28" ID "09" ID ID ID ID "00000000" SERVER_ID, 0,
         PARSE_MALFORMED, 0, 0, 0, 0, 0},
        {"half a message number", "38" ID "00 000000", 0, PARSE_MALFORMED, 0, 0, 0, 0, 0},
        {"half a list", "28" ID "01 000000", 0, PARSE_MALFORMED, 0, 0, 0, 0, 0},
        {"opcode alone", "38", 0, PARSE_MALFORMED, 0, 0, 0, 0, 0},
        {"nothing", "", 0, PARSE_FOREIGN, 0, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].name);
        struct message message = {.size = 0};
        message_hex(&message, cases[i].hex);
        struct span bytes = exact_copy(message.data, message.size);
        struct openvpn_packet packet = {0};
        assert_int_equal(openvpn_packet_parse(bytes, cases[i].auth_size, &packet), cases[i].wanted);
        assert_int_equal(packet.opcode, cases[i].opcode);
        assert_int_equal(packet.key_id, cases[i].key_id);
        assert_int_equal(packet.acknowledged.size, 4 * cases[i].acks);
        assert_int_equal(packet.message_id, cases[i].message_id);
        assert_int_equal(packet.payload.size, cases[i].payload);
        exact_free(bytes);
    }
}

#define AUTH_MD5 "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf 00000001 65000000"

static void knows_what_opens_a_session(void **state) {
    (void)state;
    static const struct {
        const char *name;
        const char *hex;
        bool wanted;
        size_t auth_size;
    } cases[] = {
        {"client", "38" ID "00 00000000", true, 0},
        {"client, old", "08" ID "00 00000000", true, 0},
        {"client with MD5", "38" ID AUTH_MD5 "00 00000000", true, 24},
        {"client with SHA-1", "38" ID "b0b1b2b3" AUTH_MD5 "00 00000000", true, 28},
        {"client with SHA-224", "38" ID "b0b1b2b3b4b5b6b7b8b9babb" AUTH_MD5 "00 00000000", true,
         36},
        {"client with SHA-256", "38" ID ID ID AUTH_MD5 "00 00000000", true, 40},
        {"client with SHA-384", "38" ID ID ID ID ID AUTH_MD5 "00 00000000", true, 56},
        {"client with SHA-512", "38" ID ID ID ID ID ID ID AUTH_MD5 "00 00000000", true, 72},
        {"server", "40" SERVER_ID "01 00000000" ID "00000000", true, 0},
        {"server with MD5", "40" SERVER_ID AUTH_MD5 "01 00000000" ID "00000000", true, 24},
        {"ClientHello", "20" ID "00 00000001 160301010001", true, 0},
        {"ClientHello with an acknowledgement",
         "20" ID "01 00000000" SERVER_ID "00000001 160301010001", true, 0},
        {"ClientHello with MD5", "20" ID AUTH_MD5 "00 00000001 160301010001", true, 24},
        {"another size", "38" ID "a1 00 00000000", false, 9},
        {"another message number", "38" ID "00 00000001", false, 9},
        {"an acknowledgement too many", "38" ID "01 00000000" SERVER_ID "00000000", false, 9},
        {"server without one", "40" SERVER_ID "00 00000000", false, 9},
        {"server with another one", "40" SERVER_ID "01 00000001" ID "00000000", false, 9},
        {"another key", "39" ID "00 00000000", false, 9},
        {"no session id", "38 0000000000000000 00 00000000", false, 9},
        {"ServerHello", "20" ID "00 00000001 160301010002", false, 9},
        {"ClientHello as second message", "20" ID "00 00000002 160301010001", false, 9},
        {"encrypted (tls-crypt)", "38" ID "0000000165000000" ID ID ID ID "d1d2d3d4d5", false, 9},
        {"half", "38" ID "00 000000", false, 9},
        {"nothing", "", false, 9},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].name);
        struct message message = {.size = 0};
        message_hex(&message, cases[i].hex);
        struct span bytes = exact_copy(message.data, message.size);
        size_t auth_size = 9;
        assert_int_equal(openvpn_opens_session(bytes, &auth_size), cases[i].wanted);
        assert_int_equal(auth_size, cases[i].auth_size);
        exact_free(bytes);
    }
}

static void feed(struct span bytes) {
    static const size_t auth_sizes[] = {0, 24, 72};
    struct openvpn_packet packet;
    size_t found = 0;
    for (size_t i = 0; i < COUNT_OF(auth_sizes); i++) {
        if (openvpn_packet_parse(bytes, auth_sizes[i], &packet) != PARSE_OK)
            continue;
        span_walk(packet.session_id, bytes);
        span_walk(packet.acknowledged, bytes);
        span_walk(packet.payload, bytes);
        assert_true(packet.acknowledged.size <= 4 * OPENVPN_MAX_ACKS);
    }
    (void)openvpn_opens_session(bytes, &found);
}

static void survives_damage(void **state) {
    (void)state;
    static const char *const packets[] = {
        "38" ID "00 00000000",
        "20" ID "02 00000001 00000002" SERVER_ID "00000003 160301010001",
        "40" SERVER_ID AUTH_MD5 "01 00000000" ID "00000000",
    };
    for (size_t i = 0; i < COUNT_OF(packets); i++) {
        struct message message = {.size = 0};
        message_hex(&message, packets[i]);
        message_feed_damaged(&message, feed);
    }
}

/* ---- sessions ---- */

/* The TLS bytes of four flights, and the packets that carry them. */
struct stage {
    struct tape tape;
    struct dtls_talk udp;
    struct talk tcp;
    struct bytes messages;
    struct bytes flights[4];
    struct bytes packet;
    size_t auth_size;
    size_t most; /* of a flight in one packet */
    uint32_t next_message[SIDE_COUNT];
    uint8_t session[SIDE_COUNT]; /* fills both ids */
    bool is_tcp;
};

static void flight_of(struct stage *stage, unsigned flight) {
    bytes_fill(&stage->flights[flight], 0, 0);
    record_messages(&stage->flights[flight], &stage->messages);
    stage->messages.size = 0;
}

static int open_stage(void **state) {
    struct stage *stage = test_calloc(1, sizeof *stage);
    tape_open(&stage->tape, NULL);
    stage->most = 100;
    stage->session[SIDE_CLIENT] = 0xc1;
    stage->session[SIDE_SERVER] = 0xe1;
    dtls_talk_init(&stage->udp);
    message_client_hello(&stage->messages, (struct client_plan){.name = "vpn.example"});
    flight_of(stage, 0);
    message_server_hello(&stage->messages, (struct server_plan){.suite = 0xc02f});
    message_plain(&stage->messages, TLS_CERTIFICATE, 700);
    message_key_exchange(&stage->messages);
    message_plain(&stage->messages, TLS_SERVER_HELLO_DONE, 0);
    flight_of(stage, 1);
    message_plain(&stage->messages, TLS_CLIENT_KEY_EXCHANGE, 66);
    flight_of(stage, 2);
    for (unsigned flight = 2; flight < 4; flight++) {
        record_change_cipher_spec(&stage->flights[flight]);
        record_fill(&stage->flights[flight], TLS_HANDSHAKE, 40);
    }
    *state = stage;
    return 0;
}

static int close_stage(void **state) {
    struct stage *stage = (struct stage *)*state;
    tape_close(&stage->tape);
    test_free(stage);
    return 0;
}

static void say_packet(struct stage *stage, enum handshake_side from) {
    if (stage->is_tcp) {
        struct bytes *frame = test_malloc(sizeof *frame);
        frame->size = 0;
        bytes_number(frame, (uint32_t)stage->packet.size, 2);
        bytes_add(frame, stage->packet.data, stage->packet.size);
        talk_say(&stage->tcp, from, frame);
        test_free(frame);
        return;
    }
    dtls_datagram(&stage->udp, from);
    bytes_add(&stage->udp.store, stage->packet.data, stage->packet.size);
    stage->udp.datagrams[stage->udp.count - 1].size = stage->packet.size;
}

/* Begins a packet up to its message number, or to its end for an acknowledgement. It acknowledges
 * the other side's latest message when there is one and `acknowledges` is set. */
static void packet_open(struct stage *stage, enum handshake_side from, uint8_t opcode,
                        uint8_t key_id, bool acknowledges) {
    struct bytes *packet = &stage->packet;
    enum handshake_side other = from == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
    packet->size = 0;
    bytes_number(packet, (uint32_t)opcode << 3U | key_id, 1);
    bytes_fill(packet, stage->session[from], OPENVPN_SESSION_ID_SIZE);
    bytes_fill(packet, 0xaa, stage->auth_size);
    bytes_number(packet, acknowledges, 1);
    if (acknowledges) {
        bytes_number(packet, stage->next_message[other] - 1, 4);
        bytes_fill(packet, stage->session[other], OPENVPN_SESSION_ID_SIZE);
    }
}

static void say_reset(struct stage *stage, enum handshake_side from) {
    packet_open(stage, from,
                from == SIDE_CLIENT ? OPENVPN_HARD_RESET_CLIENT_V2 : OPENVPN_HARD_RESET_SERVER_V2,
                0, from == SIDE_SERVER);
    bytes_number(&stage->packet, 0, 4);
    stage->next_message[from] = 1;
    say_packet(stage, from);
}

static void say_acknowledgement(struct stage *stage, enum handshake_side from) {
    packet_open(stage, from, OPENVPN_ACK_V1, 0, true);
    say_packet(stage, from);
}

static void say_flight(struct stage *stage, enum handshake_side from, const struct bytes *flight) {
    for (size_t at = 0; at < flight->size; at += stage->most) {
        size_t left = flight->size - at;
        packet_open(stage, from, OPENVPN_CONTROL_V1, 0, at == 0);
        bytes_number(&stage->packet, stage->next_message[from]++, 4);
        bytes_add(&stage->packet, flight->data + at, left < stage->most ? left : stage->most);
        say_packet(stage, from);
    }
}

static void say_all(struct stage *stage) {
    if (stage->is_tcp) {
        talk_init(&stage->tcp, 1000, UINT32_MAX - 300);
        talk_open(&stage->tcp);
    }
    say_reset(stage, SIDE_CLIENT);
    say_reset(stage, SIDE_SERVER);
    say_acknowledgement(stage, SIDE_CLIENT);
    for (unsigned flight = 0; flight < 4; flight++) {
        enum handshake_side from = flight % 2 ? SIDE_SERVER : SIDE_CLIENT;
        say_flight(stage, from, &stage->flights[flight]);
        say_acknowledgement(stage, from == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT);
    }
}

static void restart(struct stage *stage) {
    dtls_talk_init(&stage->udp);
    memset(stage->next_message, 0, sizeof stage->next_message);
}

static void demand_whole(const char *name, const char *line) {
    demand_has(name, line, "40000-443 openvpn completed missed:00 offer{vpn.example 0303");
    demand_has(name, line, "choice{0303 0000 suite c02f");
    demand_has(name, line, "kx{29} cert{} done cke sealed{40 40}");
}

static void tells_handshakes_over_udp(void **state) {
    struct stage *stage = (struct stage *)*state;
    static const size_t auth_sizes[] = {0, 24, 28, 36, 40, 56, 72};
    for (size_t i = 0; i < COUNT_OF(auth_sizes); i++) {
        restart(stage);
        stage->auth_size = auth_sizes[i];
        say_all(stage);
        demand_whole("over UDP", dtls_one(&stage->tape, &stage->udp));
        const struct handshake *record = &stage->tape.last;
        assert_int_equal(record->protocol, HANDSHAKE_TLS);
        assert_int_equal(record->transport, IP_PROTOCOL_UDP);
        assert_int_equal(record->carrier, CARRIER_OPENVPN);
    }
    for (stage->most = 1; stage->most < 1200; stage->most += stage->most < 10 ? 3 : 90) {
        restart(stage);
        stage->auth_size = 28;
        say_all(stage);
        demand_whole("pieces of any size", dtls_one(&stage->tape, &stage->udp));
    }
}

static void order_and_repetition_do_not_matter(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *udp = &stage->udp;
    restart(stage);
    say_all(stage);
    size_t count = udp->count;
    for (size_t from = 3; from < count; from++) {
        for (size_t by = 1; by < 5; by++) {
            restart(stage);
            say_all(stage);
            size_t to = from + by < count ? from + by : count - 1;
            if (udp->datagrams[from].from != udp->datagrams[to].from)
                continue; /* the other side had waited for it */
            dtls_move(udp, from, to);
            demand_whole("late", dtls_one(&stage->tape, udp));
        }
        restart(stage);
        say_all(stage);
        dtls_copy(udp, from, from / 2 + count / 2);
        demand_whole("twice", dtls_one(&stage->tape, udp));
    }
    /* all again after the end: no second record */
    restart(stage);
    say_all(stage);
    for (size_t i = 0; i < count; i++)
        dtls_copy(udp, i, udp->count);
    demand_whole("all twice", dtls_one(&stage->tape, udp));
}

static void lost_packets_are_missed(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *udp = &stage->udp;
    stage->most = 300;
    restart(stage);
    say_all(stage);
    size_t count = udp->count;
    for (size_t lost = 0; lost < count; lost++) {
        restart(stage);
        say_all(stage);
        uint8_t opcode = udp->store.data[udp->datagrams[lost].at] >> 3U;
        if (lost == 3)
            continue; /* the whole ClientHello: nothing to tell */
        dtls_remove(udp, lost);
        const char *line = dtls_one(&stage->tape, udp);
        if (opcode != OPENVPN_CONTROL_V1) {
            demand_whole("a packet without TLS less", line);
            continue;
        }
        demand_has("a message less", line, "openvpn inconclusive missed:");
        assert_true(stage->tape.last.missed & (MISSED_CLIENT_BYTES | MISSED_SERVER_BYTES));
    }
    /* what waits for the missing one tells of it as well, and a repetition does not */
    for (unsigned repeated = 0; repeated < 2; repeated++) {
        restart(stage);
        stage->most = repeated ? 60 : 300;
        say_reset(stage, SIDE_CLIENT);
        say_flight(stage, SIDE_CLIENT, &stage->flights[0]);
        if (repeated) {
            dtls_copy(udp, 2, 3);
            dtls_copy(udp, 1, udp->count);
            dtls_move(udp, 1, udp->count - 1);
        } else {
            stage->most = 20;
            say_flight(stage, SIDE_CLIENT, &stage->flights[2]);
            dtls_remove(udp, 3);
        }
        demand_has(repeated ? "repeated" : "held", dtls_one(&stage->tape, udp),
                   repeated ? "half_seen missed:44 offer{" : "half_seen missed:4c offer{");
    }
    stage->most = 300;
    /* the capture cut one */
    restart(stage);
    say_all(stage);
    udp->datagrams[5].cut = 40;
    demand_has("cut", dtls_one(&stage->tape, udp), "openvpn inconclusive missed:");
    assert_true(stage->tape.last.missed & MISSED_CUT_PACKET);
}

/* Keys are renewed by handshakes of their own, data flows, and strangers talk: none of it is this
 * handshake's. */
static void leaves_other_packets_alone(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *udp = &stage->udp;
    for (unsigned kind = 0; kind < 4; kind++) {
        for (size_t at = 1; at < 12; at++) {
            restart(stage);
            say_all(stage);
            size_t end = udp->count;
            if (kind == 0)
                packet_open(stage, SIDE_CLIENT, OPENVPN_CONTROL_V1, 1, false);
            else if (kind == 1)
                packet_open(stage, SIDE_CLIENT, OPENVPN_DATA_V2, 0, false);
            else
                packet_open(stage, kind == 2 ? SIDE_CLIENT : SIDE_SERVER, OPENVPN_CONTROL_V1, 0,
                            false);
            if (kind >= 2)
                memset(stage->packet.data + 1, 0x77, OPENVPN_SESSION_ID_SIZE);
            /* the number that is due next at that place, where it is the client's turn */
            bytes_number(&stage->packet, at < 4 ? 1 : (uint32_t)at - 2, 4);
            bytes_fill(&stage->packet, 0x99, 30);
            say_packet(stage, kind == 3 ? SIDE_SERVER : SIDE_CLIENT);
            dtls_move(udp, end, kind == 3 && at < 2 ? 2 : at);
            demand_whole("among others", dtls_one(&stage->tape, udp));
        }
    }
}

static void each_session_of_a_flow_is_told(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct tape *tape = &stage->tape;
    restart(stage);
    say_all(stage);
    stage->session[SIDE_CLIENT] = 0xc2;
    stage->session[SIDE_SERVER] = 0xe2;
    memset(stage->next_message, 0, sizeof stage->next_message);
    say_all(stage);
    dtls_play(tape, &stage->udp);
    flow_table_end(tape->table);
    assert_int_equal(tape->count, 2);
    demand_whole("second", tape->lines[1]);
    /* the first one is given up after the ClientHello */
    restart(stage);
    tape->count = 0;
    say_reset(stage, SIDE_CLIENT);
    say_reset(stage, SIDE_SERVER);
    say_flight(stage, SIDE_CLIENT, &stage->flights[0]);
    stage->session[SIDE_CLIENT] = 0xc3;
    stage->session[SIDE_SERVER] = 0xe3;
    say_all(stage);
    dtls_play(tape, &stage->udp);
    flow_table_end(tape->table);
    assert_int_equal(tape->count, 2);
    demand_has("given up", tape->lines[0], "openvpn failed missed:00");
    demand_whole("next", tape->lines[1]);
}

static void begins_with_the_client_hello_too(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *udp = &stage->udp;
    restart(stage);
    stage->auth_size = 40;
    say_all(stage);
    for (unsigned i = 0; i < 3; i++)
        dtls_remove(udp, 0);
    demand_whole("without the resets", dtls_one(&stage->tape, udp));
    /* The server's reset comes first; when all of it comes again, it is known. */
    restart(stage);
    say_all(stage);
    dtls_remove(udp, 0);
    size_t count = udp->count;
    for (size_t i = 0; i < count; i++)
        dtls_copy(udp, i, udp->count);
    demand_whole("server's reset first", dtls_one(&stage->tape, udp));
    /* the server alone */
    restart(stage);
    say_all(stage);
    for (size_t i = udp->count; i > 0; i--)
        if (udp->datagrams[i - 1].from == SIDE_CLIENT)
            dtls_remove(udp, i - 1);
    demand_has("server", dtls_one(&stage->tape, udp), "openvpn half_seen missed:02 choice{");
}

static void tells_handshakes_over_tcp(void **state) {
    struct stage *stage = (struct stage *)*state;
    stage->is_tcp = true;
    for (unsigned auth = 0; auth < 2; auth++) {
        restart(stage);
        stage->auth_size = auth ? 28 : 0;
        say_all(stage);
        talk_close(&stage->tcp);
        demand_whole("over TCP", tape_one(&stage->tape, &stage->tcp));
        assert_int_equal(stage->tape.last.transport, IP_PROTOCOL_TCP);
    }
    static const size_t cuts[] = {1, 2, 3, 7, 30, 64};
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        restart(stage);
        say_all(stage);
        talk_close(&stage->tcp);
        size_t first = 3; /* a connection is known by its first packet, so that stays whole */
        for (size_t at = first + 1; at < stage->tcp.count; at++)
            while (stage->tcp.steps[at].size > cuts[i]) {
                talk_split(&stage->tcp, at, cuts[i]);
                at++;
            }
        demand_whole("in any cut", tape_one(&stage->tape, &stage->tcp));
    }
}

/* Longer packets are data; they are walked over in any cut. */
static void long_packets_over_tcp_are_walked_over(void **state) {
    struct stage *stage = (struct stage *)*state;
    stage->is_tcp = true;
    stage->most = 300;
    for (unsigned cut = 0; cut < 2; cut++) {
        restart(stage);
        talk_init(&stage->tcp, 1000, 5000);
        talk_open(&stage->tcp);
        say_reset(stage, SIDE_CLIENT);
        say_reset(stage, SIDE_SERVER);
        for (unsigned flight = 0; flight < 4; flight++) {
            enum handshake_side from = flight % 2 ? SIDE_SERVER : SIDE_CLIENT;
            say_flight(stage, from, &stage->flights[flight]);
            if (flight == 0 && cut)
                talk_split(&stage->tcp, stage->tcp.count - 1, 50);
            packet_open(stage, from, OPENVPN_DATA_V2, 0, false);
            bytes_fill(&stage->packet, 0x99, 4000);
            say_packet(stage, from);
            if (cut)
                talk_split(&stage->tcp, stage->tcp.count - 1, 1500);
        }
        demand_whole("among data", tape_one(&stage->tape, &stage->tcp));
    }
}

static void a_hole_over_tcp_is_missed(void **state) {
    struct stage *stage = (struct stage *)*state;
    stage->is_tcp = true;
    stage->most = 300;
    restart(stage);
    say_all(stage);
    size_t count = stage->tcp.count;
    for (size_t lost = 6; lost < count; lost++) {
        restart(stage);
        say_all(stage);
        talk_close(&stage->tcp);
        talk_remove(&stage->tcp, lost);
        stage->tape.count = 0;
        tape_play(&stage->tape, &stage->tcp);
        tape_end(&stage->tape);
        for (size_t i = 0; i < stage->tape.count; i++)
            if (strstr(stage->tape.lines[i], "completed") == NULL)
                demand_has("hole", stage->tape.lines[i], "openvpn inconclusive missed:");
    }
    /* a packet whose number leaves one out, and one without a length */
    for (unsigned kind = 0; kind < 2; kind++) {
        restart(stage);
        talk_init(&stage->tcp, 1000, 5000);
        talk_open(&stage->tcp);
        say_reset(stage, SIDE_CLIENT);
        say_reset(stage, SIDE_SERVER);
        say_flight(stage, SIDE_CLIENT, &stage->flights[0]);
        if (kind == 0) {
            stage->next_message[SIDE_SERVER]++;
        } else {
            stage->packet.size = 0;
            bytes_fill(&stage->packet, 0, 20);
            talk_say(&stage->tcp, SIDE_SERVER, &stage->packet);
        }
        say_flight(stage, SIDE_SERVER, &stage->flights[1]);
        talk_close(&stage->tcp);
        demand_has("broken", tape_one(&stage->tape, &stage->tcp), "openvpn inconclusive missed:");
    }
}

static void floods_are_bounded(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *udp = &stage->udp;
    for (unsigned round = 0; round < 20; round++) {
        restart(stage);
        say_reset(stage, SIDE_CLIENT);
        say_reset(stage, SIDE_SERVER);
        for (uint32_t number = 2; number < 200; number++) {
            packet_open(stage, SIDE_CLIENT, OPENVPN_CONTROL_V1, 0, false);
            bytes_number(&stage->packet, number * 0x01010101U >> (number % 5U), 4);
            bytes_fill(&stage->packet, 0x16, 600);
            say_packet(stage, SIDE_CLIENT);
        }
        stage->next_message[SIDE_CLIENT] = 1;
        say_flight(stage, SIDE_CLIENT, &stage->flights[0]);
        stage->tape.count = 0;
        dtls_play(&stage->tape, udp);
        flow_table_end(stage->tape.table);
    }
    stage->tape.count = 0;
    restart(stage);
    say_all(stage);
    demand_whole("afterwards", dtls_one(&stage->tape, udp));
    /* sessions that open and never speak TLS are let go */
    for (uint16_t port = 0; port < 40; port++) {
        restart(stage);
        udp->client_port = (uint16_t)(1000 + port);
        say_reset(stage, SIDE_CLIENT);
        stage->flights[3].data[0] ^= 0xff;
        say_flight(stage, SIDE_CLIENT, &stage->flights[3]);
        stage->flights[3].data[0] ^= 0xff;
        dtls_play(&stage->tape, udp);
    }
    assert_int_equal(flow_table_counts(stage->tape.table).flows_evicted, 0);
}

static void survives_every_changed_byte(void **state) {
    struct stage *stage = (struct stage *)*state;
    struct dtls_talk *udp = &stage->udp;
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    stage->most = 400;
    restart(stage);
    say_all(stage);
    for (size_t i = 0; i < udp->count; i++) {
        for (size_t at = 0; at < udp->datagrams[i].size; at++) {
            for (size_t flip = 0; flip < sizeof flips; flip++) {
                uint8_t *byte = udp->store.data + udp->datagrams[i].at + at;
                *byte ^= flips[flip];
                stage->tape.count = 0;
                dtls_play(&stage->tape, udp);
                flow_table_end(stage->tape.table);
                assert_in_range(stage->tape.count, 0, 2);
                *byte ^= flips[flip];
            }
        }
    }
    demand_whole("afterwards", dtls_one(&stage->tape, udp));
}

int main(void) {
#define STAGED(test) cmocka_unit_test_setup_teardown(test, open_stage, close_stage)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_packets),
        cmocka_unit_test(knows_what_opens_a_session),
        cmocka_unit_test(survives_damage),
        STAGED(tells_handshakes_over_udp),
        STAGED(order_and_repetition_do_not_matter),
        STAGED(lost_packets_are_missed),
        STAGED(leaves_other_packets_alone),
        STAGED(each_session_of_a_flow_is_told),
        STAGED(begins_with_the_client_hello_too),
        STAGED(tells_handshakes_over_tcp),
        STAGED(long_packets_over_tcp_are_walked_over),
        STAGED(a_hole_over_tcp_is_missed),
        STAGED(floods_are_bounded),
        STAGED(survives_every_changed_byte),
    };
#undef STAGED
    return cmocka_run_group_tests(tests, NULL, NULL);
}
