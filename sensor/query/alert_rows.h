/* alert_rows.h - an entry of downgrd:alerts as the row of a table, and whether it was asked for. */
#ifndef DOWNGRD_ALERT_ROWS_H
#define DOWNGRD_ALERT_ROWS_H

#include "query.h"

struct redisReply;

/* A table shows so much of an alert's id; explain takes it. */
enum { ALERT_SHORT_ID = 12 };

/* NULL when out of memory. */
struct sheet *alert_sheet_new(void);
/* `fields` is the entry's flat (field, value, ...) array, not trusted to be one. */
void alert_sheet_add(struct sheet *sheet, const struct redisReply *fields);
/* The EVE line of the entry; null where there is none that can be read. */
struct json_t *alert_eve(const struct redisReply *fields);

/* One line for people: when, how bad, what, where. */
void alert_print_line(const struct query *query, const struct redisReply *fields);

/* By --rule and --domain; --since is the caller's. */
bool alert_fits(const struct query *query, const struct redisReply *fields);
uint64_t alert_time_us(const struct redisReply *fields);

#endif
