/* whatif_sheet.h - what whatif prints: a row and the reasons per domain, and how large a legacy
 * pool would have to be. */
#ifndef DOWNGRD_WHATIF_SHEET_H
#define DOWNGRD_WHATIF_SHEET_H

#include "coverage.h"

struct whatif_row {
    const struct usage_sum *sum;
    struct whatif_facts facts;
    struct whatif_judgement judgement;
};

struct whatif_answer {
    const struct usage_sums *sums;
    const struct whatif_row *rows; /* those that are shown */
    size_t row_count;
    uint64_t total; /* domains that fit what was asked for */
    const struct coverage *coverage;
    const struct usage_sum
        *all;           /* all domains together; NULL when that is not known or not asked */
    uint64_t newest_us; /* where the range ends */
};

enum query_result whatif_sheet_print(const struct query *query, const struct whatif_answer *answer);

/* "TLS 1.2" */
const char *whatif_minimum_name(enum query_minimum minimum);

#endif
