/* share_sheet.h - what share and top print: sums as rows, and how far they can be trusted. */
#ifndef DOWNGRD_SHARE_SHEET_H
#define DOWNGRD_SHARE_SHEET_H

#include "coverage.h"

/* Orders the sums: the most of what `order` names first; by label within a domain when there are
 * labels. */
void usage_sums_sort(struct usage_sums *sums, enum query_order order);

/* Prints the first query->limit of them in the query's format, with the coverage. `total`: how many
 * rows there would be in all. */
enum query_result share_sheet_print(const struct query *query, const struct usage_sums *sums,
                                    uint64_t total, const struct coverage *coverage);

/* A cell with one of the sum's trends; where nothing was answered, nothing was seen. */
void usage_sum_add_trend(struct sheet *sheet, const struct usage_sums *sums,
                         const struct usage_sum *sum, const uint64_t *values);
/* The legacy share's. */
void usage_sum_add_share_trend(struct sheet *sheet, const struct usage_sums *sums,
                               const struct usage_sum *sum);
/* Its handshakes that were neither half-seen nor inconclusive. */
uint64_t usage_sum_seen(const struct usage_sum *sum);

/* Says on stderr that there is nothing, and whether --since hides something. */
void share_say_nothing(const struct query *query);

#endif
