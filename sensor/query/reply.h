/* reply.h - taking Redis's answers apart without trusting their shape. */
#ifndef DOWNGRD_QUERY_REPLY_H
#define DOWNGRD_QUERY_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redisReply;

/* The number a string or integer reply holds; 0 for anything else. Scores such as
 * "1795435200123456" too; fractions are cut. */
uint64_t reply_number(const struct redisReply *reply);

/* A string reply's text; false for anything else. */
bool reply_text(const struct redisReply *reply, const char **text, size_t *size);

/* The value of a field in a flat (field, value, field, value, ...) array; NULL when there is none.
 */
const struct redisReply *reply_field(const struct redisReply *reply, const char *field);

#endif
