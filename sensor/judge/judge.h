/*
 * judge.h - the one place that sees all handshakes: history across connections, the rules, folding
 * of repeats.
 *
 * judge_handshake() takes a finished record, names its domain and application, lays out the history
 * that concerns it, runs every rule that is on, sets aside what the configuration excepts, folds
 * repeats, hands the results to the sinks (alerts in rule order first, then the handshake), and
 * only then adds the record to the history.
 * A dialogue that came to no TLS is judged too, but only its alerts go to the sinks.
 * Memory is fixed at judge_new(); full tables evict their oldest entries.
 */
#ifndef DOWNGRD_JUDGE_H
#define DOWNGRD_JUDGE_H

#include "exceptions.h"
#include "expectations.h"
#include "history_file.h"
#include "shared_history.h"
#include "verdict.h"

struct judge;
struct classify;

enum { JUDGE_MAX_RULES = 32 };

struct judge_config {
    size_t attempts; /* clients-and-names remembered: 65536 */
    size_t servers;  /* servers remembered: 65536 */
    size_t folds;    /* alert repeats remembered: 16384 */
    size_t hellos;   /* ClientHellos remembered for split-view, where there are several taps: 0 */
    struct shared_history *shared; /* with other sensors, borrowed; NULL: with none */
    struct rule_settings settings;
    uint32_t rules_on;                              /* bit n: rules_all[n] runs */
    enum rule_severity severities[JUDGE_MAX_RULES]; /* of rules_all[n]: the rule's own */
    struct exceptions exceptions;                   /* what these two hold is borrowed */
    struct expectations expectations;
};

void judge_default_config(struct judge_config *config);

/* `classify` may be NULL (no application names) and is borrowed, as is `sinks`. NULL when out of
 * memory. */
struct judge *judge_new(const struct judge_config *config, struct classify *classify,
                        const struct sink *const *sinks, size_t sink_count);
void judge_delete(struct judge *judge);

/*
 * From the next handshake on goes by another configuration: rules, severities, settings, exceptions
 * and expectations; the tables stay as they are, with all that they hold. 0, or -ENOMEM and nothing
 * has changed.
 */
int judge_configure(struct judge *judge, const struct judge_config *config);

/* `source` names the record's origin. A new source (a new capture file) begins with judge_forget().
 */
void judge_handshake(struct judge *judge, const struct source *source,
                     const struct handshake *handshake);
void judge_forget(struct judge *judge); /* history and folds, as after judge_new(): files are judged
                                           each on its own */

/* Takes what came from other sensors, at most some hundred entries; also done before each
 * handshake. A handshake that turns out to be rewritten somewhere raises its alert now: how many
 * did. */
size_t judge_take_shared(struct judge *judge);

/*
 * What was learned, in a file (history_file.h): of servers, of the last hour's attempts, of clients
 * and hellos. Saving may happen between any two handshakes; `is_durable` waits for the disk.
 * Loading adds to what is known: after judge_new() or judge_forget(). Both 0 or -errno, and
 * judge_load() says in `message` what is wrong.
 */
int judge_save(const struct judge *judge, const char *path, bool is_durable);
int judge_load(struct judge *judge, const char *path, char message[HISTORY_MESSAGE_SIZE]);

struct judge_counts {
    uint64_t alerts;
    uint64_t alerts_folded;
    uint64_t attack_alerts;
    uint64_t alerts_excepted; /* not raised: an exception of the configuration fits */
    uint64_t evidence_files;  /* written for alerts */
    uint64_t evidence_lost;   /* alerts that were to have one, and do not */
};
struct judge_counts judge_counts(const struct judge *judge);

/*
 * The domain of a handshake: server_name, else the certificate's name, else "_none". Lower-cased; a
 * name that is no host name (other characters than letters, digits, '-', '_', '.', a label over 63,
 * longer than 253, empty labels) is "_invalid"; one trailing dot is taken off; an IP address
 * literal is "_none" from DOMAIN_FROM_IP.
 *
 * DOMAIN_FROM_ECH_OUTER: a server_name that only stands in front of another one, which is sealed.
 * An ECH offer alone does not say so, since browsers send one that means nothing with nearly every
 * hello, and then the name in clear is the real one. So the offer must have been taken
 * (handshake_ech.h), or the name be one that serves for nothing else ("cloudflare-ech.com", ...),
 * or the extension be encrypted_server_name, of which there was no GREASE.
 */
void domain_of_handshake(const struct handshake *handshake, struct domain *domain);
/* Does this server_name only stand in front? */
bool domain_is_outer(const struct handshake *handshake, const char *name);
/* Of a domain's name: the same everywhere. */
uint64_t domain_hash(const char *name);

#endif
