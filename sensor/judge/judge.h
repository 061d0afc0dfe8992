/*
 * judge.h - the one place that sees all handshakes: history across connections, the rules, folding
 * of repeats.
 *
 * judge_handshake() takes a finished record, names its domain and application, lays out the history
 * that concerns it, runs every rule that is on, folds repeats, hands the results to the sinks
 * (alerts in rule order first, then the handshake), and only then adds the record to the history.
 * Memory is fixed at judge_new(); full tables evict their oldest entries.
 */
#ifndef DOWNGRD_JUDGE_H
#define DOWNGRD_JUDGE_H

#include "verdict.h"

struct judge;
struct classify;

struct judge_config {
    size_t attempts; /* clients-and-names remembered: 65536 */
    size_t servers;  /* servers remembered: 65536 */
    size_t folds;    /* alert repeats remembered: 16384 */
    struct rule_settings settings;
    uint32_t rules_on; /* bit n: rules_all[n] runs */
};

void judge_default_config(struct judge_config *config);

/* `classify` may be NULL (no application names) and is borrowed, as is `sinks`. NULL when out of
 * memory. */
struct judge *judge_new(const struct judge_config *config, struct classify *classify,
                        const struct sink *const *sinks, size_t sink_count);
void judge_delete(struct judge *judge);

/* `source` names the record's origin. A new source (a new capture file) begins with judge_forget().
 */
void judge_handshake(struct judge *judge, const struct source *source,
                     const struct handshake *handshake);
void judge_forget(struct judge *judge); /* history and folds, as after judge_new(): files are judged
                                           each on its own */

struct judge_counts {
    uint64_t alerts;
    uint64_t alerts_folded;
    uint64_t attack_alerts;
};
struct judge_counts judge_counts(const struct judge *judge);

/*
 * The domain of a handshake: server_name, else the certificate's name, else "_none". Lower-cased; a
 * name that is no host name (other characters than letters, digits, '-', '_', '.', a label over 63,
 * longer than 253, empty labels) is "_invalid"; one trailing dot is taken off; an IP address
 * literal is "_none" from DOMAIN_FROM_IP.
 */
void domain_of_handshake(const struct handshake *handshake, struct domain *domain);

#endif
