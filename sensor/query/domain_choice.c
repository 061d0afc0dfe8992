/* domain_choice.c - see domain_choice.h. */
#include "domain_choice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "usage_sums.h"

enum { FEW_DOMAINS = 2000, CANDIDATES_PER_ROW = 4 };

void domain_choice_deinit(struct domain_choice *choice) {
    domain_list_delete(choice->list);
    for (size_t i = 0; i < 2; i++)
        ranking_deinit(&choice->rankings[i]);
    free(choice->names);
    memset(choice, 0, sizeof *choice);
}

static bool is_wanted(const struct query *query, const char *name) {
    for (size_t i = 0; i < query->domain_count; i++)
        if (query_domain_matches(query->domains[i], name, strlen(name)))
            return true;
    return query->domain_count == 0;
}

static bool has_pattern(const struct query *query) {
    for (size_t i = 0; i < query->domain_count; i++)
        if (strncmp(query->domains[i], "*.", 2) == 0)
            return true;
    return false;
}

static int make_names(struct domain_choice *choice, size_t room) {
    choice->names = calloc(room + 1, sizeof *choice->names);
    return choice->names == NULL ? -ENOMEM : 0;
}

static int choose_named(const struct query *query, struct domain_choice *choice) {
    if (make_names(choice, query->domain_count) != 0)
        return -ENOMEM;
    for (size_t i = 0; i < query->domain_count; i++)
        choice->names[choice->count++] = query->domains[i];
    choice->total = choice->count;
    return 0;
}

static int choose_listed(const struct query *query, struct domain_choice *choice) {
    size_t count = 0;
    int status = domain_list_read(query, &choice->list, &count);
    if (status == 0)
        status = make_names(choice, count);
    for (size_t i = 0; status == 0 && choice->list != NULL && i < count; i++)
        if (is_wanted(query, choice->list[i]))
            choice->names[choice->count++] = choice->list[i];
    choice->total = choice->count;
    return status;
}

static bool is_chosen(const struct domain_choice *choice, size_t count, const char *name) {
    for (size_t i = 0; i < count && choice->names[i] != NULL; i++)
        if (strcmp(choice->names[i], name) == 0)
            return true;
    return false;
}

/* Up to `most` names of the ranking that are wanted and not among the first ones already. */
static void take_leading(const struct query *query, const struct ranking *ranking, size_t most,
                         struct domain_choice *choice) {
    size_t before = choice->count;
    for (size_t i = 0; i < ranking->count && choice->count < most; i++)
        if (is_wanted(query, ranking->items[i].name) &&
            !is_chosen(choice, before, ranking->items[i].name))
            choice->names[choice->count++] = ranking->items[i].name;
}

/* The leading ones, and when these are fewer than rows, those with most handshakes. */
static int choose_leading(const struct query *query, struct domain_choice *choice) {
    size_t most = (size_t)query->limit * CANDIDATES_PER_ROW;
    uint64_t wanted = has_pattern(query) ? 0 : most;
    int status = ranking_read(query, query->order, wanted, &choice->rankings[0]);
    free(choice->names);
    choice->count = 0;
    if (status == 0)
        status = make_names(choice, most);
    if (status == 0)
        take_leading(query, &choice->rankings[0], most, choice);
    if (status == 0 && choice->count < most) {
        status = ranking_read(query, ORDER_HANDSHAKES, wanted, &choice->rankings[1]);
        if (status == 0)
            take_leading(query, &choice->rankings[1], most, choice);
    }
    choice->is_some = true;
    return status;
}

int domain_choice_read(const struct query *query, struct domain_choice *choice) {
    memset(choice, 0, sizeof *choice);
    if (query->domain_count > 0 && !has_pattern(query))
        return choose_named(query, choice);
    bool wants_all = query->limit == 0 || query->limit > FEW_DOMAINS;
    int status = 0;
    if (query->domain_count == 0 && !wants_all) {
        status = domain_count_read(query, &choice->total);
        if (status != 0 || choice->total > FEW_DOMAINS)
            return status != 0 ? status : choose_leading(query, choice);
    }
    status = choose_listed(query, choice);
    if (status == 0 && !wants_all && choice->count > FEW_DOMAINS)
        status = choose_leading(query, choice);
    return status;
}

int domain_choice_top(const struct query *query, struct domain_choice *choice) {
    memset(choice, 0, sizeof *choice);
    size_t most = (size_t)query->limit * CANDIDATES_PER_ROW;
    int status = ranking_read(query, query->order, most, &choice->rankings[0]);
    if (most == 0)
        most = choice->rankings[0].count;
    if (status == 0)
        status = make_names(choice, most);
    if (status == 0)
        take_leading(query, &choice->rankings[0], most, choice);
    choice->total = choice->rankings[0].count;
    choice->is_some = choice->count < choice->total;
    return status;
}
