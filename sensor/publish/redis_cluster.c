/* redis_cluster.c - see redis_cluster.h. */
#include "redis_cluster.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CRC-16/XMODEM: polynomial 0x1021, begin 0. */
static uint16_t crc16(const char *bytes, size_t size) {
    uint32_t crc = 0;
    for (size_t i = 0; i < size; i++) {
        crc ^= (uint32_t)(unsigned char)bytes[i] << 8U;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 0x8000U) != 0 ? crc << 1U ^ 0x1021U : crc << 1U;
    }
    return (uint16_t)(crc & 0xffffU);
}

uint16_t redis_slot_of(const char *key, size_t size) {
    const char *open = memchr(key, '{', size);
    if (open != NULL) {
        const char *close = memchr(open, '}', size - (size_t)(open - key));
        if (close != NULL && close > open + 1) {
            key = open + 1;
            size = (size_t)(close - key);
        }
    }
    return crc16(key, size) % REDIS_SLOTS;
}

static bool read_number(const redisReply *reply, long long most, uint16_t *number) {
    if (reply->type != REDIS_REPLY_INTEGER || reply->integer < 0 || reply->integer > most)
        return false;
    *number = (uint16_t)reply->integer;
    return true;
}

static bool read_range(const redisReply *reply, struct redis_slot_range *range) {
    memset(range, 0, sizeof *range);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 3)
        return false;
    const redisReply *node = reply->element[2]; /* the primary; replicas follow */
    if (!read_number(reply->element[0], REDIS_SLOTS - 1, &range->first) ||
        !read_number(reply->element[1], REDIS_SLOTS - 1, &range->last) ||
        node->type != REDIS_REPLY_ARRAY || node->elements < 2 ||
        !read_number(node->element[1], 65535, &range->port))
        return false;
    const redisReply *host = node->element[0];
    if (host->type == REDIS_REPLY_STRING)
        (void)snprintf(range->host, sizeof range->host, "%s", host->str);
    return range->first <= range->last;
}

bool redis_cluster_read_slots(const redisReply *reply,
                              void (*visit)(void *context, const struct redis_slot_range *range),
                              void *context) {
    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    for (size_t i = 0; i < reply->elements; i++) {
        struct redis_slot_range range;
        if (!read_range(reply->element[i], &range))
            return false;
        visit(context, &range);
    }
    return true;
}

bool redis_cluster_read_target(const char *text, size_t size, char host[256], uint16_t *port) {
    char copy[320];
    if (size >= sizeof copy)
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    char *space = strrchr(copy, ' ');
    char *colon = strrchr(copy, ':');
    if (space == NULL || colon == NULL || colon < space)
        return false;
    char *end = NULL;
    unsigned long number = strtoul(colon + 1, &end, 10);
    if (*end != '\0' || number == 0 || number > 65535)
        return false;
    *colon = '\0';
    (void)snprintf(host, 256, "%s", space + 1);
    *port = (uint16_t)number;
    return true;
}
