/*
 * flow_talk.h - TCP connections put together by hand, for tests of the flow table.
 *
 * A `struct talk` holds what both ends of a connection said, as two byte streams, and the packets
 * that carried it, as ranges of those streams. A test changes the packets (cuts, swaps, repeats or
 * drops them) and plays them into a table; what comes out is told as lines of text, one a record,
 * that leave out packet numbers and times. So a harmless change gives the same line.
 */
#ifndef DOWNGRD_FLOW_TALK_H
#define DOWNGRD_FLOW_TALK_H

#include "flow.h"

enum {
    BYTES_MAX = 160 * 1024,
    STEPS_MAX = 4096,
    LINES_MAX = 24,
    LINE_SIZE = 640,
    CLIENT_PORT = 40000,
    SERVER_PORT = 443,
    MILLISECOND = 1000,
    SECOND = 1000 * MILLISECOND,
};

/* ---- bytes ---- */

struct bytes {
    size_t size;
    uint8_t data[BYTES_MAX];
};

void bytes_add(struct bytes *bytes, const void *data, size_t size);
void bytes_fill(struct bytes *bytes, uint8_t value, size_t count);
void bytes_number(struct bytes *bytes, uint32_t value, size_t width);
/* Opens a vector whose length takes `width` bytes; bytes_close() writes the length. */
size_t bytes_open(struct bytes *bytes, size_t width);
void bytes_close(struct bytes *bytes, size_t start, size_t width);

struct client_plan {
    const char *name;    /* NULL: no server_name */
    bool is_13;          /* supported_versions 1.3 and 1.2, key_share */
    uint16_t share;      /* group of the key share */
    bool has_early_data; /* asks for it */
    size_t suites;       /* 0: three */
    size_t padding;      /* bytes of the padding extension; 0: absent */
};

struct server_plan {
    bool is_retry;
    uint16_t version;  /* legacy_version; 0: TLS 1.2 */
    uint16_t selected; /* supported_versions; 0: absent */
    uint16_t suite;
    uint16_t group; /* key_share; 0: absent */
};

/* Whole handshake messages, header included. */
void message_client_hello(struct bytes *bytes, struct client_plan plan);
void message_server_hello(struct bytes *bytes, struct server_plan plan);
void message_key_exchange(struct bytes *bytes); /* ECDHE on x25519 */
void message_plain(struct bytes *bytes, uint8_t type, size_t size);

/* Wraps bytes in records of at most `most` bytes (0: as many as fit). */
void record_add(struct bytes *bytes, uint8_t type, const void *data, size_t size, size_t most);
void record_fill(struct bytes *bytes, uint8_t type, size_t size); /* one record of noise */
void record_messages(struct bytes *bytes, const struct bytes *messages);
void record_change_cipher_spec(struct bytes *bytes);
void record_alert(struct bytes *bytes, uint8_t level, uint8_t description);

/* ---- packets ---- */

struct step {
    enum handshake_side from;
    uint8_t flags;
    uint8_t hop_limit;
    uint16_t client_port;
    uint32_t sequence;
    uint32_t acknowledgement;
    const uint8_t *payload;
    size_t size;
    size_t cut; /* bytes of the payload's end that the capture does not hold */
    uint64_t after_us;
};

struct talk {
    uint16_t client_port;
    uint32_t first_sequence[SIDE_COUNT]; /* of the first payload byte */
    struct bytes said[SIDE_COUNT];
    struct step steps[STEPS_MAX];
    size_t count;
};

/* An empty conversation; the streams begin at those sequence numbers. */
void talk_init(struct talk *talk, uint32_t client_first, uint32_t server_first);
void talk_open(struct talk *talk); /* SYN, SYN-ACK, ACK */
struct step *talk_packet(struct talk *talk, enum handshake_side from, uint8_t flags);
/* Adds to a stream, in one segment. */
struct step *talk_say(struct talk *talk, enum handshake_side from, const struct bytes *bytes);
void talk_close(struct talk *talk); /* FIN, FIN, ACK */

/* Whole handshakes, with application data of both and the close. No talk_init() before. */
void talk_tls12(struct talk *talk, uint32_t client_first, uint32_t server_first);
void talk_tls13(struct talk *talk, uint32_t client_first, uint32_t server_first);
void talk_retry(struct talk *talk, uint32_t client_first, uint32_t server_first);

/* Cuts one step in two, `at` bytes into its payload. */
void talk_split(struct talk *talk, size_t step, size_t at);
void talk_split_all(struct talk *talk, size_t most);
void talk_insert(struct talk *talk, size_t at, struct step step);
void talk_remove(struct talk *talk, size_t at);

/* ---- playing ---- */

struct tape {
    struct flow_table *table;
    uint64_t now_us;
    uint64_t number;
    size_t count;
    char lines[LINES_MAX][LINE_SIZE];
    struct handshake last; /* its spans are gone */
};

void tape_open(struct tape *tape, const struct flow_config *config); /* NULL: small tables */
void tape_close(struct tape *tape);
void tape_step(struct tape *tape, const struct step *step);
void tape_play(struct tape *tape, const struct talk *talk);
/* Ends the capture; the tape can go on with another one then. */
void tape_end(struct tape *tape);
/* The one line of a table that saw just this; fails the test when there is not exactly one. */
const char *tape_one(struct tape *tape, const struct talk *talk);

/* Fails the test when the lines differ, naming the case. */
void demand_line(const char *name, const char *expected, const char *found);
/* Fails the test when the line does not hold the text. */
void demand_has(const char *name, const char *line, const char *text);

#endif
