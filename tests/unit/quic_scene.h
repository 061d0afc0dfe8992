/*
 * quic_scene.h - QUIC handshakes as dialogues, for tests of QUIC sessions.
 *
 * One scene at a time: begin() opens a small table, the say_...() and add_...() functions play
 * packets into it (add: what goes into the next packet or datagram), demand_told() ends the capture
 * and compares what was told. The client's name is a.example, the connection ids "original",
 * "client" and "server".
 */
#ifndef DOWNGRD_QUIC_SCENE_H
#define DOWNGRD_QUIC_SCENE_H

#include "quic_talk.h"

enum { X25519 = 29, P256 = 23, TLS13_SUITE = 0x1301 };

#define OFFER       " offer{a.example 69}"
#define OTHER_OFFER " offer{other.example 73}"
#define CHOICE      " choice{0304 1301}"
#define COMPLETED   "40000 completed missed:00 malformed:00"

extern struct quic_tape tape;
extern struct bytes datagram; /* that is being made */
extern struct bytes frames;   /* of its next Initial packet */
extern struct bytes message;  /* the hello added last */

extern const struct client_plan hello_plan;
extern const struct client_plan other_plan; /* another name */
extern const struct server_plan answer_plan;
extern const struct initial_plan from_client;
extern const struct initial_plan from_server;

/* How a plan differs from the usual one. */
struct initial_plan with_version(struct initial_plan plan, uint32_t version);
struct initial_plan with_keys(struct initial_plan plan, const char *keys, const char *to);

void begin(void);
/* The lines that were told, one a row, must be these. */
void demand_told(const char *name, const char *wanted);

void add_client_hello(struct client_plan plan);
void add_server_hello(struct server_plan plan, uint64_t offset);
void add_initial(struct initial_plan plan);
void send_datagram(enum handshake_side from);

void say_hello_of(struct initial_plan plan, struct client_plan hello);
void say_hello(struct initial_plan plan);
void say_answer(struct initial_plan plan); /* with a Handshake packet */
void say_finish(struct initial_plan plan); /* an acknowledgement, Handshake and 1-RTT packets */
void say_all(uint32_t version);

#endif
