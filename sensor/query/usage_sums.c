/*
 * usage_sums.c - see usage_sums.h.
 *
 * Domains are taken in groups. Of each group first the indexes are read in one batch, then all
 * hashes in batches of bounded size, then the client counts; a note per command says whose it is.
 */
#include "usage_sums.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "asker.h"
#include "redis_keys.h"
#include "reply.h"

enum { GROUP_DOMAINS = 64, BATCH_COMMANDS = 1024, HOURS_PER_DAY = 24 };

static const uint64_t us_per_hour = 3600ULL * 1000000ULL;

enum note_kind { NOTE_COUNTERS, NOTE_CLIENTS, NOTE_LEGACY_CLIENTS };

struct note {
    enum note_kind kind;
    const char *domain;
    const char *sensor; /* inside the index replies */
    uint64_t hours;     /* since 1970; of a day: its first */
};

struct reading {
    const struct query *query;
    struct usage_sums *sums;
    struct redis_batch index;
    struct redis_batch batch;
    struct note notes[BATCH_COMMANDS + HOURS_PER_DAY + 2];
    size_t note_count;
    size_t group_begin; /* the first sum of the group */
    size_t last_sum;    /* the one that was found last */
    size_t next_field;  /* where the next field's name is looked for first */
    int status;
};

uint64_t usage_sum_negotiated(const struct usage_sum *sum) {
    uint64_t total = 0;
    for (size_t i = USAGE_TLS_1_3; i <= USAGE_VERSION_OTHER; i++)
        total += sum->counts[i];
    return total;
}

uint64_t usage_sum_legacy(const struct usage_sum *sum) {
    return sum->counts[USAGE_TLS_1_1] + sum->counts[USAGE_TLS_1_0] + sum->counts[USAGE_SSL_3] +
           sum->counts[USAGE_SSL_2];
}

bool usage_range_is_hours(const struct query *query) {
    const uint64_t kept_us = (uint64_t)REDIS_HOUR_TTL_S * 1000000U;
    return query->by == BY_HOUR ||
           (query->since_us != 0 && query->now_us - query->since_us < kept_us);
}

uint64_t usage_range_begin_us(const struct query *query) {
    uint64_t unit = usage_range_is_hours(query) ? us_per_hour : us_per_hour * HOURS_PER_DAY;
    return query->since_us - query->since_us % unit;
}

/* ---- summing ---- */

static void label_of(const struct note *note, enum query_by by, char label[USAGE_SUM_LABEL_SIZE]) {
    char text[TIME_TEXT_SIZE];
    (void)time_for_people(note->hours * us_per_hour, text);
    switch (by) {
    case BY_DOMAIN:
        label[0] = '\0';
        break;
    case BY_HOUR:
        (void)snprintf(label, USAGE_SUM_LABEL_SIZE, "%.16s", text);
        break;
    case BY_DAY:
        (void)snprintf(label, USAGE_SUM_LABEL_SIZE, "%.10s", text);
        break;
    case BY_SENSOR:
        (void)snprintf(label, USAGE_SUM_LABEL_SIZE, "%s", note->sensor);
        break;
    }
}

static struct usage_sum *add_sum(struct usage_sums *sums, const char *domain) {
    if (sums->count == sums->room) {
        size_t room = sums->room ? sums->room * 2 : 64;
        struct usage_sum *grown = realloc(sums->items, room * sizeof *grown);
        if (grown == NULL)
            return NULL;
        sums->items = grown;
        sums->room = room;
    }
    struct usage_sum *sum = &sums->items[sums->count++];
    memset(sum, 0, sizeof *sum);
    (void)snprintf(sum->domain, sizeof sum->domain, "%s", domain);
    return sum;
}

int usage_sums_add(struct usage_sums *sums, const char *domain) {
    return add_sum(sums, domain) == NULL ? -ENOMEM : 0;
}

static bool is_sum_of(const struct usage_sum *sum, const struct note *note, const char *label) {
    return strcmp(sum->domain, note->domain) == 0 && strcmp(sum->label, label) == 0;
}

/* The sum a note belongs to: made when it is not there; NULL when out of memory. */
static struct usage_sum *get_sum(struct reading *reading, const struct note *note) {
    struct usage_sums *sums = reading->sums;
    char label[USAGE_SUM_LABEL_SIZE];
    label_of(note, reading->query->by, label);
    if (reading->last_sum < sums->count && is_sum_of(&sums->items[reading->last_sum], note, label))
        return &sums->items[reading->last_sum];
    for (size_t i = reading->group_begin; i < sums->count; i++) {
        if (!is_sum_of(&sums->items[i], note, label))
            continue;
        reading->last_sum = i;
        return &sums->items[i];
    }
    reading->last_sum = sums->count;
    struct usage_sum *sum = add_sum(sums, note->domain);
    if (sum != NULL)
        memcpy(sum->label, label, sizeof label);
    return sum;
}

static void keep_larger(uint64_t *kept, uint64_t value) {
    if (value > *kept)
        *kept = value;
}

static void keep_larger_peaks(struct usage_peaks *kept, const struct usage_peaks *peaks) {
    keep_larger(&kept->legacy_per_min, peaks->legacy_per_min);
    keep_larger(&kept->legacy_per_s, peaks->legacy_per_s);
    keep_larger(&kept->legacy_full_per_s, peaks->legacy_full_per_s);
}

/* The sensor's number; it is remembered when it is new. */
static size_t sensor_number(struct usage_sums *sums, const char *name) {
    for (size_t i = 0; i < sums->sensor_count; i++)
        if (strcmp(sums->sensors[i], name) == 0)
            return i;
    if (sums->sensor_count == USAGE_SUM_SENSORS)
        return USAGE_SUM_SENSORS - 1;
    size_t size = strlen(name) + 1;
    char *copy = malloc(size);
    if (copy == NULL)
        return USAGE_SUM_SENSORS - 1;
    memcpy(copy, name, size);
    sums->sensors[sums->sensor_count] = copy;
    return sums->sensor_count++;
}

static void close_peak_sensor(struct usage_peak_walk *walk) {
    walk->of_day.legacy_per_min += walk->of_sensor.legacy_per_min;
    walk->of_day.legacy_per_s += walk->of_sensor.legacy_per_s;
    walk->of_day.legacy_full_per_s += walk->of_sensor.legacy_full_per_s;
    memset(&walk->of_sensor, 0, sizeof walk->of_sensor);
}

static void close_peak_day(struct usage_sum *sum) {
    close_peak_sensor(&sum->walk);
    keep_larger_peaks(&sum->peaks, &sum->walk.of_day);
    memset(&sum->walk.of_day, 0, sizeof sum->walk.of_day);
}

/* Hashes come day by day, and within a day sensor by sensor (the index is sorted so). */
static void add_peaks(struct usage_sum *sum, uint64_t day, size_t sensor,
                      const struct usage_peaks *peaks) {
    if (sum->walk.day != day)
        close_peak_day(sum);
    else if (sum->walk.sensor != sensor)
        close_peak_sensor(&sum->walk);
    sum->walk.day = day;
    sum->walk.sensor = sensor;
    keep_larger_peaks(&sum->walk.of_sensor, peaks);
}

static bool field_is(const redisReply *name, const char *wanted) {
    return name->len == strlen(wanted) && memcmp(name->str, wanted, name->len) == 0;
}

/* Redis gives a small hash's fields in the order in which they were set, which is mostly that of
 * the names: the search goes on where the last one ended. */
static bool find_counter(struct reading *reading, const redisReply *name, size_t *field) {
    for (size_t i = 0; i < USAGE_FIELD_COUNT; i++) {
        *field = (reading->next_field + i) % USAGE_FIELD_COUNT;
        if (!field_is(name, usage_field_names[*field]))
            continue;
        reading->next_field = *field + 1;
        return true;
    }
    return false;
}

static void add_other_field(struct usage_sum *sum, struct usage_peaks *peaks,
                            const redisReply *name, const redisReply *reply) {
    uint64_t value = reply_number(reply);
    if (field_is(name, REDIS_FIELD_PEAK))
        peaks->legacy_per_min = value;
    else if (field_is(name, USAGE_FIELD_PEAK_SECOND))
        peaks->legacy_per_s = value;
    else if (field_is(name, USAGE_FIELD_PEAK_FULL_SECOND))
        peaks->legacy_full_per_s = value;
    else if (field_is(name, REDIS_FIELD_LAST))
        keep_larger(&sum->last_us, value);
    else if (field_is(name, REDIS_FIELD_LAST_LEGACY))
        keep_larger(&sum->last_legacy_us, value);
    else if (field_is(name, REDIS_FIELD_CLIENTS_LOST))
        sum->clients_lost += value;
    else if (field_is(name, REDIS_FIELD_FIRST) && (sum->first_us == 0 || value < sum->first_us))
        sum->first_us = value;
    else if (field_is(name, REDIS_FIELD_APPLICATION) && reply->type == REDIS_REPLY_STRING)
        (void)snprintf(sum->application, sizeof sum->application, "%s", reply->str);
}

static bool counts_as_answered(size_t field) {
    return field >= USAGE_TLS_1_3 && field <= USAGE_VERSION_OTHER;
}

static bool counts_as_legacy(size_t field) {
    return field == USAGE_TLS_1_1 || field == USAGE_TLS_1_0 || field == USAGE_SSL_3 ||
           field == USAGE_SSL_2;
}

/* One hash of counters. */
static void add_counters(struct reading *reading, const struct note *note, struct usage_sum *sum,
                         const redisReply *reply) {
    struct usage_sums *sums = reading->sums;
    struct usage_peaks peaks = {0};
    uint64_t day = note->hours - note->hours % HOURS_PER_DAY;
    size_t sensor = sensor_number(sums, note->sensor);
    bool has_slot = sums->slots > 0 && note->hours >= sums->begin_hours;
    size_t slot = !has_slot ? 0
                            : (size_t)((note->hours - sums->begin_hours) * sums->slots /
                                       (sums->end_hours - sums->begin_hours));
    slot = slot < sums->slots || !has_slot ? slot : sums->slots - 1;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i];
        size_t field = 0;
        if (name->type != REDIS_REPLY_STRING)
            continue;
        if (!find_counter(reading, name, &field)) {
            add_other_field(sum, &peaks, name, reply->element[i + 1]);
            continue;
        }
        uint64_t value = reply_number(reply->element[i + 1]);
        sum->counts[field] += value;
        if (has_slot && counts_as_answered(field))
            sum->trend_answered[slot] += value;
        if (has_slot && counts_as_legacy(field))
            sum->trend_legacy[slot] += value;
    }
    add_peaks(sum, day, sensor, &peaks);
    sum->sensors |= UINT64_C(1) << sensor;
    sum->days += sum->last_day != day ? 1U : 0U;
    sum->last_day = day;
}

static void take_reply(struct reading *reading, const struct note *note, const redisReply *reply) {
    bool is_empty = reply->type == REDIS_REPLY_ARRAY && reply->elements == 0;
    if (is_empty || (note->kind == NOTE_COUNTERS && reply->type != REDIS_REPLY_ARRAY))
        return;
    struct usage_sum *sum = get_sum(reading, note);
    if (sum == NULL) {
        reading->status = -ENOMEM;
        return;
    }
    if (note->kind == NOTE_COUNTERS) {
        add_counters(reading, note, sum, reply);
        return;
    }
    sum->has_clients = true;
    *(note->kind == NOTE_CLIENTS ? &sum->clients : &sum->legacy_clients) = reply_number(reply);
}

/* ---- asking ---- */

static void flush(struct reading *reading) {
    struct asker *asker = reading->query->asker;
    if (reading->status == 0)
        reading->status = asker_exchange(asker, &reading->batch);
    for (size_t i = 0; reading->status == 0 && i < reading->batch.reply_count; i++) {
        reading->status = asker_judge(asker, reading->batch.replies[i]);
        if (reading->status == 0)
            take_reply(reading, &reading->notes[i], reading->batch.replies[i]);
    }
    redis_batch_clear(&reading->batch);
    reading->note_count = 0;
}

static void flush_when_full(struct reading *reading) {
    if (reading->note_count >= BATCH_COMMANDS)
        flush(reading);
}

static void ask_counters(struct reading *reading, const char *domain, uint32_t day,
                         const char *sensor) {
    uint64_t first = redis_hours_of_day(day);
    uint64_t begin = usage_range_begin_us(reading->query) / us_per_hour;
    if (!usage_range_is_hours(reading->query)) {
        struct redis_key key = redis_key_day(domain, sensor, day);
        redis_batch_command(&reading->batch, "HGETALL", key.text, NULL);
        reading->notes[reading->note_count++] = (struct note){NOTE_COUNTERS, domain, sensor, first};
        return;
    }
    for (uint64_t hours = first; hours < first + HOURS_PER_DAY; hours++) {
        if (hours < begin)
            continue;
        struct redis_key key = redis_key_hour(domain, sensor, hours);
        redis_batch_command(&reading->batch, "HGETALL", key.text, NULL);
        reading->notes[reading->note_count++] = (struct note){NOTE_COUNTERS, domain, sensor, hours};
    }
}

/* Distinct clients of the days that the index names: of each day, or of all together. */
static void ask_clients(struct reading *reading, const char *domain, const redisReply *index,
                        bool legacy) {
    struct redis_batch *batch = &reading->batch;
    bool each_day = reading->query->by == BY_DAY;
    uint32_t last = 0;
    uint32_t day = 0;
    const char *sensor = "";
    for (size_t i = 0; i < index->elements; i++) {
        const redisReply *member = index->element[i];
        if (member->type != REDIS_REPLY_STRING ||
            redis_member_read(member->str, &day, &sensor) != 0 || day == last)
            continue;
        if (last == 0 || each_day)
            redis_batch_begin(batch, "PFCOUNT");
        redis_batch_add_text(batch, redis_key_clients(domain, legacy, day).text);
        last = day;
        if (!each_day)
            continue;
        redis_batch_end(batch);
        reading->notes[reading->note_count++] = (struct note){
            legacy ? NOTE_LEGACY_CLIENTS : NOTE_CLIENTS, domain, sensor, redis_hours_of_day(day)};
        flush_when_full(reading);
    }
    if (last == 0 || each_day)
        return;
    redis_batch_end(batch);
    reading->notes[reading->note_count++] = (struct note){
        legacy ? NOTE_LEGACY_CLIENTS : NOTE_CLIENTS, domain, sensor, redis_hours_of_day(day)};
    flush_when_full(reading);
}

static void ask_domain(struct reading *reading, const char *domain, const redisReply *index) {
    if (index->type != REDIS_REPLY_ARRAY)
        return;
    for (size_t i = 0; i < index->elements && reading->status == 0; i++) {
        const redisReply *member = index->element[i];
        uint32_t day = 0;
        const char *sensor = NULL;
        if (member->type != REDIS_REPLY_STRING ||
            redis_member_read(member->str, &day, &sensor) != 0)
            continue;
        ask_counters(reading, domain, day, sensor);
        flush_when_full(reading);
    }
}

/* Has any of the sums from `begin` on, those of the group, legacy handshakes of the domain? */
static bool has_legacy(const struct usage_sums *sums, size_t begin, const char *domain) {
    for (size_t i = begin; i < sums->count; i++)
        if (strcmp(sums->items[i].domain, domain) == 0 && usage_sum_legacy(&sums->items[i]) > 0)
            return true;
    return false;
}

/* Counting distinct clients costs Redis more than all the rest: only where there are any. */
static void ask_group_clients(struct reading *reading, const char *const *domains, size_t count) {
    if (reading->query->by != BY_DOMAIN && reading->query->by != BY_DAY)
        return;
    for (size_t i = 0; i < count && reading->status == 0; i++) {
        const redisReply *index = reading->index.replies[i];
        if (index->type != REDIS_REPLY_ARRAY)
            continue;
        if (!reading->query->only_legacy_clients)
            ask_clients(reading, domains[i], index, false);
        if (has_legacy(reading->sums, reading->group_begin, domains[i]))
            ask_clients(reading, domains[i], index, true);
    }
}

static int read_group(struct reading *reading, const char *const *domains, size_t count) {
    struct asker *asker = reading->query->asker;
    char begin[16];
    (void)snprintf(begin, sizeof begin, "%u",
                   (unsigned)redis_day_of_us(usage_range_begin_us(reading->query)));
    redis_batch_clear(&reading->index);
    for (size_t i = 0; i < count; i++)
        redis_batch_command(&reading->index, "ZRANGEBYSCORE", redis_key_buckets(domains[i]).text,
                            begin, "+inf", NULL);
    int status = asker_exchange(asker, &reading->index);
    reading->group_begin = reading->sums->count;
    for (size_t i = 0; status == 0 && i < count; i++) {
        status = asker_judge(asker, reading->index.replies[i]);
        if (status == 0)
            ask_domain(reading, domains[i], reading->index.replies[i]);
    }
    flush(reading);
    if (status == 0)
        ask_group_clients(reading, domains, count);
    flush(reading);
    return status != 0 ? status : reading->status;
}

/* Ends the peaks, and drops sums that only a client count made (their hours are outside the range,
 * or expired). */
static void close_sums(struct usage_sums *sums) {
    size_t kept = 0;
    for (size_t i = 0; i < sums->count; i++) {
        close_peak_day(&sums->items[i]);
        if (sums->items[i].counts[USAGE_HANDSHAKES] != 0)
            sums->items[kept++] = sums->items[i];
    }
    sums->count = kept;
}

/* Into how many parts the trends divide the range: no more than it has hours or days. */
static int set_slots(const struct query *query, struct usage_sums *sums) {
    uint64_t first = 0;
    uint64_t last = 0;
    int status = usage_days_read(query, &first, &last);
    if (status != 0 || last == 0)
        return status;
    uint64_t begin = usage_range_begin_us(query) / us_per_hour;
    uint64_t unit = usage_range_is_hours(query) ? 1 : HOURS_PER_DAY;
    sums->begin_hours = begin > first ? begin : first;
    sums->end_hours = last + HOURS_PER_DAY;
    uint64_t now = query->now_us / us_per_hour + 1;
    if (unit == 1 && now > sums->begin_hours && now < sums->end_hours)
        sums->end_hours = now;
    uint64_t units = (sums->end_hours - sums->begin_hours) / unit;
    sums->slots = units < SHEET_TREND_SLOTS ? (size_t)units : (size_t)SHEET_TREND_SLOTS;
    return 0;
}

int usage_sums_read(const struct query *query, const char *const *domains, size_t domain_count,
                    struct usage_sums *sums) {
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL)
        return -ENOMEM;
    reading->query = query;
    reading->sums = sums;
    int status = set_slots(query, sums);
    for (size_t i = 0; i < domain_count && status == 0; i += GROUP_DOMAINS) {
        size_t left = domain_count - i;
        status = read_group(reading, domains + i, left < GROUP_DOMAINS ? left : GROUP_DOMAINS);
    }
    close_sums(sums);
    redis_batch_deinit(&reading->index);
    redis_batch_deinit(&reading->batch);
    free(reading);
    return status;
}

void usage_sums_deinit(struct usage_sums *sums) {
    for (size_t i = 0; i < sums->sensor_count; i++)
        free(sums->sensors[i]);
    free(sums->items);
    memset(sums, 0, sizeof *sums);
}

/* ---- known days and domains ---- */

static uint64_t hours_of_member(const redisReply *reply) {
    uint32_t day = 0;
    const char *sensor = NULL;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0 ||
        reply->element[0]->type != REDIS_REPLY_STRING ||
        redis_member_read(reply->element[0]->str, &day, &sensor) != 0)
        return 0;
    return redis_hours_of_day(day);
}

int usage_days_read(const struct query *query, uint64_t *first_hours, uint64_t *last_hours) {
    struct redis_batch batch = {0};
    char begin[16];
    (void)snprintf(begin, sizeof begin, "%u",
                   (unsigned)redis_day_of_us(usage_range_begin_us(query)));
    redis_batch_command(&batch, "ZRANGEBYSCORE", REDIS_KEY_DAYS, begin, "+inf", "LIMIT", "0", "1",
                        NULL);
    redis_batch_command(&batch, "ZREVRANGEBYSCORE", REDIS_KEY_DAYS, "+inf", begin, "LIMIT", "0",
                        "1", NULL);
    int status = asker_exchange(query->asker, &batch);
    for (size_t i = 0; status == 0 && i < batch.reply_count; i++)
        status = asker_judge(query->asker, batch.replies[i]);
    *first_hours = status == 0 ? hours_of_member(batch.replies[0]) : 0;
    *last_hours = status == 0 ? hours_of_member(batch.replies[1]) : 0;
    redis_batch_deinit(&batch);
    return status;
}

int domain_count_read(const struct query *query, uint64_t *count) {
    struct redis_batch batch = {0};
    char begin[24];
    (void)snprintf(begin, sizeof begin, "%" PRIu64, usage_range_begin_us(query));
    redis_batch_command(&batch, "ZCOUNT", REDIS_KEY_DOMAINS, begin, "+inf", NULL);
    int status = asker_exchange(query->asker, &batch);
    if (status == 0)
        status = asker_judge(query->asker, batch.replies[0]);
    *count = status == 0 ? reply_number(batch.replies[0]) : 0;
    redis_batch_deinit(&batch);
    return status;
}

void domain_list_delete(char **list) {
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        free(list[i]);
    free(list);
}

static char **copy_texts(const redisReply *reply, size_t *count) {
    char **list = calloc(reply->elements + 1, sizeof *list);
    *count = 0;
    for (size_t i = 0; list != NULL && i < reply->elements; i++) {
        const redisReply *member = reply->element[i];
        if (member->type != REDIS_REPLY_STRING || member->len > REDIS_NAME_MAX)
            continue;
        char *copy = malloc(member->len + 1);
        if (copy == NULL) {
            domain_list_delete(list);
            return NULL;
        }
        memcpy(copy, member->str, member->len + 1);
        list[(*count)++] = copy;
    }
    return list;
}

int domain_list_read(const struct query *query, char ***list, size_t *count) {
    struct redis_batch batch = {0};
    *list = NULL;
    char begin[24];
    (void)snprintf(begin, sizeof begin, "%" PRIu64, usage_range_begin_us(query));
    redis_batch_command(&batch, "ZREVRANGEBYSCORE", REDIS_KEY_DOMAINS, "+inf", begin, NULL);
    int status = asker_exchange(query->asker, &batch);
    if (status == 0)
        status = asker_judge(query->asker, batch.replies[0]);
    if (status == 0 && batch.replies[0]->type == REDIS_REPLY_ARRAY) {
        *list = copy_texts(batch.replies[0], count);
        status = *list == NULL ? -ENOMEM : 0;
    }
    redis_batch_deinit(&batch);
    return status;
}
