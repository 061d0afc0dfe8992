/*
 * judge.c - one handshake at a time: history, rules, folding, sinks (judge.h).
 *
 * Folding: alerts of the same rule, client, server and domain are one story. The first is shown,
 * then the 10th, the 100th, the 1000th and so on, each with the count so far; the others are
 * counted. A pair that was evicted from the fold table starts anew, with a first alert.
 */
#include "judge.h"

#include "fingerprint.h"
#include "history_store.h"
#include "incidents.h"
#include "lru_table.h"
#include "names.h"
#include "rules_list.h"
#include "siphash.h"
#include "twin_store.h"

#include <errno.h>
#include <stdlib.h>

enum { FOLD_STEP = 10 };
enum { DEFAULT_ATTEMPTS = 65536, DEFAULT_SERVERS = 65536, DEFAULT_FOLDS = 16384 };

struct judge {
    struct judge_config config;
    const struct sink *const *sinks;
    size_t sink_count;
    struct fingerprinter *fingerprinter; /* NULL when no exception asks for one */
    struct names *names;
    struct history_store *store;
    struct twin_store *twins; /* NULL with one tap */
    struct incidents *incidents;
    struct lru_table fold_table;
    uint64_t *fold_repeats;
    const struct source *latest_source; /* NULL: nothing was judged yet */
    struct late_twin late;              /* of judge_take_shared() */
    struct judge_counts counts;
    uint32_t needs[JUDGE_MAX_RULES]; /* the rules', side by side: all are looked at each time */
    struct finding finding;          /* of the rule that runs */
    struct finding
        findings[JUDGE_MAX_RULES]; /* of the handshake at hand; valid where rules_hit says so */
};

void judge_default_config(struct judge_config *config) {
    *config = (struct judge_config){
        .attempts = DEFAULT_ATTEMPTS,
        .servers = DEFAULT_SERVERS,
        .folds = DEFAULT_FOLDS,
    };
    rules_default_settings(&config->settings);
    for (size_t i = 0; i < rules_count && i < JUDGE_MAX_RULES; i++) {
        config->severities[i] = rules_all[i]->severity;
        if (rules_all[i]->on_by_default)
            config->rules_on |= 1U << i;
    }
}

struct judge *judge_new(const struct judge_config *config, struct classify *classify,
                        const struct sink *const *sinks, size_t sink_count) {
    struct judge *judge = calloc(1, sizeof *judge);
    if (judge == NULL)
        return NULL;
    judge->config = *config;
    judge->sinks = sinks;
    judge->sink_count = sink_count;
    for (size_t i = 0; i < rules_count && i < JUDGE_MAX_RULES; i++)
        judge->needs[i] = rules_all[i]->needs;
    if (exceptions_want_ja4(&config->exceptions)) {
        judge->fingerprinter = fingerprinter_new();
        if (judge->fingerprinter == NULL)
            goto fail;
    }
    judge->names = names_new(classify);
    judge->store = history_store_new(config->attempts, config->servers);
    judge->incidents = incidents_new(config->folds);
    if (config->hellos)
        judge->twins = twin_store_new(config->hellos);
    if (judge->names == NULL || judge->store == NULL || judge->incidents == NULL ||
        (config->hellos && !judge->twins) || !lru_table_init(&judge->fold_table, config->folds))
        goto fail;
    if (config->shared != NULL && history_store_share(judge->store, config->shared) != 0)
        goto fail;
    if (config->shared != NULL && judge->twins != NULL)
        twin_store_share(judge->twins, config->shared);
    judge->fold_repeats = calloc(lru_table_slots(&judge->fold_table), sizeof *judge->fold_repeats);
    if (judge->fold_repeats == NULL)
        goto fail;
    return judge;
fail:
    judge_delete(judge);
    return NULL;
}

void judge_delete(struct judge *judge) {
    if (judge == NULL)
        return;
    fingerprinter_delete(judge->fingerprinter);
    names_delete(judge->names);
    history_store_delete(judge->store);
    incidents_delete(judge->incidents);
    twin_store_delete(judge->twins);
    lru_table_deinit(&judge->fold_table);
    free(judge->fold_repeats);
    free(judge);
}

int judge_configure(struct judge *judge, const struct judge_config *config) {
    if (judge->fingerprinter == NULL && exceptions_want_ja4(&config->exceptions)) {
        judge->fingerprinter = fingerprinter_new();
        if (judge->fingerprinter == NULL)
            return -ENOMEM;
    }
    judge->config.settings = config->settings;
    judge->config.rules_on = config->rules_on;
    memcpy(judge->config.severities, config->severities, sizeof judge->config.severities);
    judge->config.exceptions = config->exceptions;
    judge->config.expectations = config->expectations;
    return 0;
}

void judge_forget(struct judge *judge) {
    history_store_clear(judge->store);
    incidents_clear(judge->incidents);
    if (judge->twins)
        twin_store_clear(judge->twins);
    lru_table_clear(&judge->fold_table);
}

enum { JUDGE_TABLES = HISTORY_STORE_TABLES + 1 };

static void judge_tables(const struct judge *judge, struct history_table tables[JUDGE_TABLES]) {
    history_store_tables(judge->store, tables);
    tables[HISTORY_STORE_TABLES] = twin_store_table(judge->twins);
}

int judge_save(const struct judge *judge, const char *path, bool is_durable) {
    struct history_table tables[JUDGE_TABLES];
    judge_tables(judge, tables);
    return history_file_save(path, tables, JUDGE_TABLES, history_store_now(judge->store),
                             is_durable);
}

int judge_load(struct judge *judge, const char *path, char message[HISTORY_MESSAGE_SIZE]) {
    struct history_table tables[JUDGE_TABLES];
    judge_tables(judge, tables);
    return history_file_load(path, tables, JUDGE_TABLES, message);
}

struct judge_counts judge_counts(const struct judge *judge) {
    return judge->counts;
}

/* Fields of a key or an id, one after the other, numbers big-endian on every machine. */
struct text {
    uint8_t bytes[512];
    size_t size;
};

static void text_add(struct text *text, const void *data, size_t size) {
    size_t room = sizeof text->bytes - text->size;
    size_t taken = size < room ? size : room;
    memcpy(text->bytes + text->size, data, taken);
    text->size += taken;
}

static void text_add_number(struct text *text, uint64_t number) {
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(number >> (56U - 8U * i));
    text_add(text, bytes, sizeof bytes);
}

/* Between whom it happened. */
static void text_add_parties(struct text *text, const struct verdict *verdict) {
    const struct handshake *handshake = verdict->handshake;
    text_add_number(text, handshake->ip_version);
    text_add(text, handshake->client.address.bytes, sizeof handshake->client.address.bytes);
    text_add(text, handshake->server.address.bytes, sizeof handshake->server.address.bytes);
    text_add(text, verdict->domain.name, strlen(verdict->domain.name) + 1);
}

/* The story an alert belongs to. */
static void text_add_story(struct text *text, const struct rule *rule,
                           const struct verdict *verdict) {
    text_add(text, rule->kind, strlen(rule->kind) + 1);
    text_add_parties(text, verdict);
}

static void write_hex(uint64_t number, char text[16]) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 16; i++)
        text[i] = digits[(number >> (60U - 4U * i)) & 0xfU];
}

/* 128 bits over everything that tells one alert from another, and nothing of this process. */
static void write_id(const struct rule *rule, const struct verdict *verdict,
                     char id[ALERT_ID_SIZE]) {
    const struct handshake *handshake = verdict->handshake;
    struct text text;
    text.size = 0;
    text_add_story(&text, rule, verdict);
    text_add_number(&text, handshake->client.port);
    text_add_number(&text, handshake->server.port);
    text_add_number(&text, handshake->started_us);
    text_add_number(&text, handshake->ended_us);
    text_add_number(&text, handshake->flow_id);
    if (handshake->has & HANDSHAKE_HAS_OFFER)
        text_add(&text, handshake->offer.random.data, handshake->offer.random.size);
    if (handshake->has & HANDSHAKE_HAS_CHOICE)
        text_add(&text, handshake->choice.random.data, handshake->choice.random.size);
    write_hex(siphash(text.bytes, text.size, 6), id);
    write_hex(siphash(text.bytes, text.size, 7), id + 16);
    id[ALERT_ID_SIZE - 1] = '\0';
}

static bool is_shown(uint64_t repeats) {
    while (repeats % FOLD_STEP == 0)
        repeats /= FOLD_STEP;
    return repeats == 1;
}

static uint64_t count_repeat(struct judge *judge, const struct rule *rule,
                             const struct verdict *verdict) {
    struct text text;
    text.size = 0;
    text_add_story(&text, rule, verdict);
    bool is_new = false;
    size_t slot = lru_table_touch(&judge->fold_table, siphash(text.bytes, text.size, 8), &is_new);
    if (is_new)
        judge->fold_repeats[slot] = 0;
    return ++judge->fold_repeats[slot];
}

/* True when it is of class attack and hit. What is excepted is as if it had not been found, but
 * counted. */
static bool run_rule(struct judge *judge, size_t index, const struct history *history,
                     struct verdict *verdict) {
    const struct rule *rule = rules_all[index];
    struct finding *finding = &judge->finding;
    finding->evidence_count = 0;
    finding->is_downgrade = false;
    finding->confidence = CONFIDENCE_LOW;
    if (rule->check(verdict->handshake, history, &judge->config.settings, finding) != RULE_HIT)
        return false;
    if (exceptions_find(&judge->config.exceptions, judge->fingerprinter, index, verdict->handshake,
                        &verdict->domain)) {
        verdict->rules_excepted |= 1U << index;
        judge->counts.alerts_excepted++;
        return false;
    }
    verdict->rules_hit |= 1U << index;
    judge->findings[index] = *finding;
    if (rule->rule_class != RULE_ATTACK)
        return false;
    if (finding->is_downgrade && finding->confidence >= CONFIDENCE_MEDIUM)
        verdict->limiter = LIMITER_DOWNGRADED;
    return true;
}

/* Runs what is on and could hit; true when a rule of class attack hit. */
static bool run_rules(struct judge *judge, const struct history *history, struct verdict *verdict) {
    bool is_attack = false;
    uint32_t missing = ~rule_needs_met(verdict->handshake, history);
    for (size_t i = 0; i < rules_count && i < JUDGE_MAX_RULES; i++)
        if ((judge->needs[i] & missing) == 0 && (judge->config.rules_on & (1U << i)))
            is_attack |= run_rule(judge, i, history, verdict);
    return is_attack;
}

/* An alert of class attack joins its incident; any other one is its own. */
static void join_incident(struct judge *judge, struct alert *alert) {
    alert->incident = alert->id;
    alert->part = 1;
    if (alert->rule->rule_class != RULE_ATTACK)
        return;
    struct text text;
    text.size = 0;
    text_add_parties(&text, alert->verdict);
    alert->incident =
        incidents_join(judge->incidents, siphash(text.bytes, text.size, 9),
                       alert->verdict->handshake->started_us, alert->id, &alert->part);
}

/* The packets go to their file before anybody hears of the alert, which names it. */
static void keep_packets(struct judge *judge, struct alert *alert) {
    for (size_t i = 0; i < judge->sink_count; i++) {
        const struct sink *sink = judge->sinks[i];
        const char *path = NULL;
        if (sink->keep == NULL)
            continue;
        enum keep_result result = sink->keep(sink->context, alert, &path);
        judge->counts.evidence_files += result == KEEP_WRITTEN;
        judge->counts.evidence_lost += result == KEEP_LOST;
        if (result == KEEP_WRITTEN)
            alert->evidence_file = path;
    }
}

static void emit_alert(struct judge *judge, size_t index, const struct verdict *verdict) {
    const struct rule *rule = rules_all[index];
    struct alert alert = {
        .rule = rule,
        .severity = judge->config.severities[index],
        .verdict = verdict,
        .finding = &judge->findings[index],
        .repeats = count_repeat(judge, rule, verdict),
    };
    if (rule->rule_class == RULE_ATTACK)
        judge->counts.attack_alerts++;
    if (!is_shown(alert.repeats)) {
        judge->counts.alerts_folded++;
        return;
    }
    judge->counts.alerts++;
    write_id(rule, verdict, alert.id);
    keep_packets(judge, &alert);
    join_incident(judge, &alert);
    for (size_t i = 0; i < judge->sink_count; i++) {
        if (judge->sinks[i]->alert != NULL)
            judge->sinks[i]->alert(judge->sinks[i]->context, &alert);
    }
}

static void emit_alerts(struct judge *judge, const struct verdict *verdict) {
    for (size_t i = 0; verdict->rules_hit >> i != 0 && i < JUDGE_MAX_RULES; i++)
        if (verdict->rules_hit & (1U << i))
            emit_alert(judge, i, verdict);
}

/* Another sensor saw this handshake's hello with other content, and its record is gone: only the
 * rule that needs no more is asked. */
static void judge_late_twin(struct judge *judge, const struct late_twin *late) {
    struct verdict verdict = {
        .handshake = &late->handshake,
        .source = judge->latest_source,
        .domain = late->domain,
        .application = {.name = "", .category = ""},
        .limiter = LIMITER_UNKNOWN,
    };
    struct attempt now;
    history_attempt_of(&late->handshake, &now);
    const struct history history = {.now = &now, .twin = &late->twin, .mine = &late->mine};
    for (size_t i = 0; i < rules_count && i < JUDGE_MAX_RULES; i++)
        if (rules_all[i] == &rule_split_view && (judge->config.rules_on & (1U << i)))
            (void)run_rule(judge, i, &history, &verdict);
    emit_alerts(judge, &verdict);
}

size_t judge_take_shared(struct judge *judge) {
    size_t late = 0;
    enum { MOST = 256 };
    struct shared_history *shared = judge->config.shared;
    struct shared_server server;
    struct shared_hello hello;
    if (shared == NULL)
        return 0;
    for (int i = 0; i < MOST && shared_history_take_server(shared, SHARED_IN, &server); i++)
        history_store_know(judge->store, &server);
    for (int i = 0; i < MOST && shared_history_take_hello(shared, SHARED_IN, &hello); i++) {
        if (judge->twins == NULL || !twin_store_meet_shared(judge->twins, &hello, &judge->late) ||
            judge->latest_source == NULL)
            continue;
        judge_late_twin(judge, &judge->late);
        late++;
    }
    return late;
}

static void expect_span(struct span span) {
    if (span.size == 0)
        return;
    __builtin_prefetch(span.data);
    __builtin_prefetch(span.data + span.size - 1);
}

/* The hellos have lain there since the handshake was over. */
static void expect_hellos(const struct handshake *handshake) {
    if (handshake->has & HANDSHAKE_HAS_OFFER) {
        expect_span(handshake->offer.server_name);
        expect_span(handshake->offer.cipher_suites);
        expect_span(handshake->offer.supported_versions);
    }
    if (handshake->has & HANDSHAKE_HAS_CHOICE)
        expect_span(handshake->choice.extensions);
}

static void expect_sinks(const struct judge *judge, const struct verdict *verdict) {
    for (size_t i = 0; i < judge->sink_count; i++)
        if (judge->sinks[i]->expect != NULL)
            judge->sinks[i]->expect(judge->sinks[i]->context, verdict);
}

void judge_handshake(struct judge *judge, const struct source *source,
                     const struct handshake *handshake) {
    expect_hellos(handshake);
    (void)judge_take_shared(judge);
    judge->latest_source = source;
    struct verdict verdict; /* field by field: its room for a name is large */
    verdict.handshake = handshake;
    verdict.source = source;
    verdict.limiter = handshake_limiter(handshake);
    verdict.is_seen_elsewhere = false;
    verdict.rules_hit = 0;
    verdict.rules_excepted = 0;
    names_of_handshake(judge->names, handshake, &verdict.domain, &verdict.application);
    struct history_keys keys;
    history_keys_of(handshake, &verdict.domain, &keys);
    history_store_expect(judge->store, handshake, &keys);
    expect_sinks(judge, &verdict);
    struct history history;
    struct attempt attempt;
    history_attempt_of(handshake, &attempt);
    enum tls_rank negotiated = (enum tls_rank)attempt.negotiated;
    verdict.is_legacy = negotiated != TLS_RANK_UNKNOWN && negotiated < TLS_RANK_1_2;

    history_store_view(judge->store, handshake, &keys, &history);
    history.now = &attempt;
    if (judge->twins)
        history.twin =
            twin_store_meet(judge->twins, handshake, &verdict.domain, &verdict.is_seen_elsewhere);
    history.expected = expectations_find(&judge->config.expectations, handshake, &verdict.domain);
    attempt.is_suspect = run_rules(judge, &history, &verdict);
    emit_alerts(judge, &verdict);
    for (size_t i = 0; i < judge->sink_count && handshake_has_hello(handshake); i++) {
        if (judge->sinks[i]->handshake != NULL)
            judge->sinks[i]->handshake(judge->sinks[i]->context, &verdict);
    }
    history_store_add(judge->store, handshake, &keys, &attempt);
}
