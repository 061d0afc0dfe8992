/* query_share.c - `downgrdctl share` and `top`: legacy shares of given, of all, or of the leading
 * domains. */
#include <stdlib.h>
#include <string.h>

#include "asker.h"
#include "domain_choice.h"
#include "query.h"
#include "share_sheet.h"

static enum query_result fail(const struct query *query, int status) {
    asker_complain(query->asker, status);
    return QUERY_FAILED;
}

/* The coverage of the rows' domains; of all of them when all were asked for, since those that have
 * no row may be many. */
static int read_coverage(const struct query *query, const struct usage_sums *rows,
                         struct coverage *coverage) {
    static const char *const all[] = {USAGE_DOMAIN_ALL, NULL};
    struct usage_sums total = {0};
    struct query by_domain = *query;
    by_domain.by = BY_DOMAIN;
    int status = query->domain_count == 0 ? usage_sums_read(&by_domain, all, 1, &total) : 0;
    if (status == 0)
        status = coverage_read(query, total.count > 0 ? &total : rows, coverage);
    coverage->is_of_all = total.count > 0;
    usage_sums_deinit(&total);
    return status;
}

static enum query_result print_sums(const struct query *query, const struct domain_choice *choice) {
    struct usage_sums sums = {0};
    struct coverage coverage = {0};
    int status = usage_sums_read(query, choice->names, choice->count, &sums);
    if (status == 0)
        status = read_coverage(query, &sums, &coverage);
    enum query_result result = QUERY_FAILED;
    if (status != 0) {
        result = fail(query, status);
    } else {
        usage_sums_sort(&sums, query->order);
        if (sums.count == 0)
            share_say_nothing(query);
        if (sums.count > 0 || query->format != QUERY_TABLE)
            result = share_sheet_print(query, &sums, choice->is_some ? choice->total : sums.count,
                                       &coverage);
        else
            result = QUERY_NOTHING;
    }
    coverage_deinit(&coverage);
    usage_sums_deinit(&sums);
    return result;
}

/* `share --by` without a domain: of all together, where the sensors count that. */
static int choose_all(const struct query *query, struct domain_choice *choice) {
    static const char *const all[] = {USAGE_DOMAIN_ALL, NULL};
    struct query together = *query;
    struct usage_sums sums = {0};
    together.by = BY_DOMAIN;
    int status = usage_sums_read(&together, all, 1, &sums);
    bool is_counted = sums.count > 0;
    usage_sums_deinit(&sums);
    if (status != 0 || !is_counted)
        return status != 0 ? status : domain_choice_read(query, choice);
    together = *query;
    together.domains = all;
    together.domain_count = 1;
    return domain_choice_read(&together, choice);
}

enum query_result query_share(const struct query *query) {
    struct domain_choice choice = {0};
    bool is_of_all = query->domain_count == 0 && query->by != BY_DOMAIN;
    int status = is_of_all ? choose_all(query, &choice) : domain_choice_read(query, &choice);
    enum query_result result = status == 0 ? print_sums(query, &choice) : fail(query, status);
    domain_choice_deinit(&choice);
    return result;
}

enum query_result query_top(const struct query *query) {
    struct domain_choice choice = {0};
    int status = domain_choice_top(query, &choice);
    enum query_result result = status == 0 ? print_sums(query, &choice) : fail(query, status);
    domain_choice_deinit(&choice);
    return result;
}
