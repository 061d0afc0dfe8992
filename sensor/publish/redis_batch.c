/* redis_batch.c - see redis_batch.h; the format is https://redis.io/docs/reference/protocol-spec */
#include "redis_batch.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool append(struct redis_text *text, const void *bytes, size_t size) {
    if (text->room - text->size < size) {
        size_t room = text->room ? text->room : 1024;
        while (room - text->size < size) {
            if (room > SIZE_MAX / 2)
                return false;
            room *= 2;
        }
        char *grown = realloc(text->bytes, room);
        if (grown == NULL)
            return false;
        text->bytes = grown;
        text->room = room;
    }
    if (size > 0)
        memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
    return true;
}

void redis_batch_add(struct redis_batch *batch, const void *bytes, size_t size) {
    char head[32];
    int length = snprintf(head, sizeof head, "$%zu\r\n", size);
    if (!append(&batch->open, head, (size_t)length) || !append(&batch->open, bytes, size) ||
        !append(&batch->open, "\r\n", 2))
        batch->bad = true;
    batch->open_count++;
}

void redis_batch_add_text(struct redis_batch *batch, const char *text) {
    redis_batch_add(batch, text, strlen(text));
}

void redis_batch_add_number(struct redis_batch *batch, uint64_t number) {
    char text[32];
    int length = snprintf(text, sizeof text, "%" PRIu64, number);
    redis_batch_add(batch, text, (size_t)length);
}

void redis_batch_add_negative(struct redis_batch *batch, uint64_t number) {
    char text[32];
    int length = snprintf(text, sizeof text, "-%" PRIu64, number);
    redis_batch_add(batch, text, (size_t)length);
}

void redis_batch_begin(struct redis_batch *batch, const char *command) {
    batch->open.size = 0;
    batch->open_count = 0;
    redis_batch_add_text(batch, command);
}

/* Where the next command begins. */
static bool note_begin(struct redis_batch *batch) {
    if (batch->count == batch->begins_room) {
        size_t room = batch->begins_room != 0 ? 2 * batch->begins_room : 64;
        size_t *grown = realloc(batch->begins, room * sizeof *grown);
        if (grown == NULL)
            return false;
        batch->begins = grown;
        batch->begins_room = room;
    }
    batch->begins[batch->count] = batch->commands.size;
    return true;
}

void redis_batch_copy(struct redis_batch *batch, const struct redis_batch *from, size_t index) {
    size_t begin = from->begins[index];
    size_t end = index + 1 < from->count ? from->begins[index + 1] : from->commands.size;
    if (!note_begin(batch) || !append(&batch->commands, from->commands.bytes + begin, end - begin))
        batch->bad = true;
    else
        batch->count++;
}

void redis_batch_end(struct redis_batch *batch) {
    char head[32];
    int length = snprintf(head, sizeof head, "*%zu\r\n", batch->open_count);
    if (!note_begin(batch)) {
        batch->bad = true;
        return;
    }
    if (!append(&batch->commands, head, (size_t)length) ||
        !append(&batch->commands, batch->open.bytes, batch->open.size))
        batch->bad = true;
    batch->count++;
    batch->open.size = 0;
    batch->open_count = 0;
}

void redis_batch_command(struct redis_batch *batch, const char *command, ...) {
    va_list arguments;
    redis_batch_begin(batch, command);
    va_start(arguments, command);
    for (const char *text = va_arg(arguments, const char *); text != NULL;
         text = va_arg(arguments, const char *))
        redis_batch_add_text(batch, text);
    va_end(arguments);
    redis_batch_end(batch);
}

void redis_batch_free_replies(struct redis_batch *batch) {
    for (size_t i = 0; i < batch->reply_count; i++)
        freeReplyObject(batch->replies[i]);
    batch->reply_count = 0;
}

void redis_batch_clear(struct redis_batch *batch) {
    redis_batch_free_replies(batch);
    batch->commands.size = 0;
    batch->open.size = 0;
    batch->open_count = 0;
    batch->count = 0;
    batch->bad = false;
}

void redis_batch_deinit(struct redis_batch *batch) {
    redis_batch_free_replies(batch);
    free(batch->replies);
    free(batch->begins);
    free(batch->commands.bytes);
    free(batch->open.bytes);
    memset(batch, 0, sizeof *batch);
}
