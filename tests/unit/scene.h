/*
 * scene.h - one handshake with its history, put together for a test of a rule or of the judge.
 *
 * Hellos are written as bytes from a short description and read back by the real parsers, so what a
 * rule sees in a test is what it sees on the wire. A scene starts empty; scene_offer() and
 * scene_answer() put the hellos in, and tests set the other fields of the record directly.
 */
#ifndef DOWNGRD_SCENE_H
#define DOWNGRD_SCENE_H

#include "rule.h"

/* Lists end with 0; NULL leaves the extension out. */
struct client_spec {
    uint16_t legacy_version; /* 0: TLS 1.2 */
    uint8_t random;          /* fills all 32 bytes */
    uint8_t session_id;      /* fills 32 bytes; 0: empty */
    uint8_t compression;     /* a second method beside null */
    bool has_psk_modes;
    bool has_signature_algorithms;
    const char *name;
    const uint16_t *suites;
    const uint16_t *versions;
    const uint16_t *groups;
    const uint16_t *shares;
    const uint16_t *extensions; /* further ones, without content (a cookie has some) */
};

struct server_spec {
    uint16_t legacy_version; /* 0: TLS 1.2 */
    uint16_t selected;       /* supported_versions; 0: absent */
    uint16_t suite;
    uint16_t group; /* key_share; 0: absent */
    uint8_t session_id;
    uint8_t compression;
    bool is_retry;
    const char *sentinel; /* eight bytes; NULL: none */
    const uint16_t *extensions;
};

extern const char *const sentinel_tls12;
extern const char *const sentinel_tls11;
extern const char *const sentinel_jdk;

enum { SCENE_HELLO_SIZE = 2048 };

struct scene {
    struct handshake handshake;
    struct history history;
    struct attempt now;
    struct attempt attempts[HISTORY_MAX_ATTEMPTS]; /* newest first */
    struct attempt ring[HISTORY_MAX_ATTEMPTS];     /* the same as the judge keeps them */
    struct server_record server;
    struct rule_settings settings;
    struct finding finding;
    uint8_t offer[SCENE_HELLO_SIZE];
    uint8_t second_offer[SCENE_HELLO_SIZE];
    uint8_t retry[SCENE_HELLO_SIZE];
    uint8_t choice[SCENE_HELLO_SIZE];
};

/* Client 192.0.2.1 port 40000, server 198.51.100.1 port 443, begun at second 1000 and completed 100
 * ms later. */
void scene_init(struct scene *scene);
void scene_offer(struct scene *scene, struct client_spec spec);
void scene_second_offer(struct scene *scene, struct client_spec spec);
void scene_answer(struct scene *scene, struct server_spec spec); /* is_retry: the retry */
void scene_alert(struct scene *scene, enum handshake_side sender, uint8_t description);
void scene_fail(struct scene *scene, enum handshake_outcome outcome);
/* An earlier attempt, put in front of the others (newest first). */
void scene_attempt(struct scene *scene, struct attempt attempt);
void scene_know_server(struct scene *scene, enum tls_rank highest_negotiated);

/* What the rule says of the scene. Fails the test when it hits although its needs are not met. */
enum rule_result scene_check(struct scene *scene, const struct rule *rule);

/* A row of a rule's table. */
struct rule_case {
    const char *name;
    void (*arrange)(struct scene *scene);
    enum rule_result result;
    enum rule_confidence confidence; /* of a hit */
    bool is_downgrade;               /* of a hit */
    const char *evidence;            /* text that some line of a hit's evidence holds */
};
/* Runs every row; fails the test, naming the rows, when any does not hold. */
void scene_run_cases(const char *kind, const struct rule_case *cases, size_t count);

#endif
