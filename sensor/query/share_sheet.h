/* share_sheet.h - what share and top print: sums as rows, and how far they can be trusted. */
#ifndef DOWNGRD_SHARE_SHEET_H
#define DOWNGRD_SHARE_SHEET_H

#include "usage_sums.h"

/* Orders the sums: the most of what `order` names first; by label within a domain when there are
 * labels. */
void usage_sums_sort(struct usage_sums *sums, enum query_order order);

/* Prints the first query->limit of them in the query's format, with the coverage of all. */
enum query_result share_sheet_print(const struct query *query, const struct usage_sums *sums);

/* Says on stderr that there is nothing, and whether --since hides something. */
void share_say_nothing(const struct query *query);

#endif
