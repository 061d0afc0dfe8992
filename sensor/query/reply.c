/* reply.c - see reply.h. */
#include "reply.h"

#include <hiredis/hiredis.h>
#include <string.h>

bool reply_text(const redisReply *reply, const char **text, size_t *size) {
    if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)
        return false;
    *text = reply->str;
    *size = reply->len;
    return true;
}

uint64_t reply_number(const redisReply *reply) {
    const char *text = NULL;
    size_t size = 0;
    uint64_t number = 0;
    if (reply->type == REDIS_REPLY_INTEGER)
        return reply->integer > 0 ? (uint64_t)reply->integer : 0;
    if (!reply_text(reply, &text, &size))
        return 0;
    for (size_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; i++) {
        if (number > (UINT64_MAX - 9) / 10)
            return UINT64_MAX;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    return number;
}

const redisReply *reply_field(const redisReply *reply, const char *field) {
    const char *text = NULL;
    size_t size = 0;
    if (reply->type != REDIS_REPLY_ARRAY)
        return NULL;
    for (size_t i = 0; i + 1 < reply->elements; i += 2)
        if (reply_text(reply->element[i], &text, &size) && size == strlen(field) &&
            memcmp(text, field, size) == 0)
            return reply->element[i + 1];
    return NULL;
}
