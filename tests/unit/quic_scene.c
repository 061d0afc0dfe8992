#include "quic_scene.h"

#include <stdio.h>

struct quic_tape tape;
struct bytes datagram;
struct bytes frames;
struct bytes message;

const struct client_plan hello_plan = {.name = "a.example", .is_13 = true, .share = X25519};
const struct client_plan other_plan = {.name = "other.example", .is_13 = true, .share = X25519};
const struct server_plan answer_plan = {
    .selected = TLS_VERSION_1_3, .suite = TLS13_SUITE, .group = X25519};

const struct initial_plan from_client = {
    .from = SIDE_CLIENT, .keys = "original", .to = "original", .as = "client"};
const struct initial_plan from_server = {
    .from = SIDE_SERVER, .keys = "original", .to = "client", .as = "server"};

struct initial_plan with_version(struct initial_plan plan, uint32_t version) {
    plan.version = version;
    return plan;
}

struct initial_plan with_keys(struct initial_plan plan, const char *keys, const char *to) {
    plan.keys = keys;
    plan.to = to;
    return plan;
}

void send_datagram(enum handshake_side from) {
    quic_tape_send(&tape, from, &datagram, 0);
    datagram.size = 0;
}

void add_initial(struct initial_plan plan) {
    wire_initial(&datagram, plan, &frames);
    frames.size = 0;
}

void add_client_hello(struct client_plan plan) {
    message.size = 0;
    message_client_hello(&message, plan);
    frame_crypto(&frames, 0, message.data, message.size);
}

void add_server_hello(struct server_plan plan, uint64_t offset) {
    message.size = 0;
    message_server_hello(&message, plan);
    frame_crypto(&frames, offset, message.data, message.size);
}

void say_hello_of(struct initial_plan plan, struct client_plan hello) {
    add_client_hello(hello);
    plan.pad_to = QUIC_FIRST_SIZE;
    add_initial(plan);
    send_datagram(SIDE_CLIENT);
}

void say_hello(struct initial_plan plan) {
    say_hello_of(plan, hello_plan);
}

void say_answer(struct initial_plan plan) {
    frame_ack(&frames);
    add_server_hello(answer_plan, 0);
    add_initial(plan);
    wire_handshake(&datagram, plan.version, plan.to, plan.as, 700);
    send_datagram(SIDE_SERVER);
}

void say_finish(struct initial_plan plan) {
    frame_ack(&frames);
    plan.to = "server";
    plan.number = 1;
    add_initial(plan);
    wire_handshake(&datagram, plan.version, "server", plan.as, 60);
    wire_one_rtt(&datagram, "server", 100);
    send_datagram(SIDE_CLIENT);
}

void say_all(uint32_t version) {
    say_hello(with_version(from_client, version));
    say_answer(with_version(from_server, version));
    say_finish(with_version(from_client, version));
}

void begin(void) {
    quic_tape_open(&tape, NULL);
    datagram.size = 0;
    frames.size = 0;
}

void demand_told(const char *name, const char *wanted) {
    static char told[LINES_MAX * LINE_SIZE];
    size_t used = 0;
    quic_tape_end(&tape);
    quic_tape_close(&tape);
    told[0] = '\0';
    for (size_t i = 0; i < tape.count; i++)
        used +=
            (size_t)snprintf(told + used, sizeof told - used, "%s%s", i ? "\n" : "", tape.lines[i]);
    demand_line(name, wanted, told);
}
