/*
 * redis_batch.h - commands that are sent together, and their answers.
 *
 * Commands are written in Redis's protocol as they are added, every argument with its length, so
 * that no byte of a name can become part of a command. The text is kept until redis_batch_clear():
 * after a lost connection the whole batch is sent again, so everything in it must be idempotent.
 *
 * Memory: a batch grows as needed; a failed allocation makes it bad, and redis_link_send()
 * returns -ENOMEM for it. A batch that is all zeros is empty and ready.
 */
#ifndef DOWNGRD_REDIS_BATCH_H
#define DOWNGRD_REDIS_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redisReply;

struct redis_text {
    char *bytes;
    size_t size;
    size_t room;
};

struct redis_batch {
    struct redis_text commands;
    size_t count;   /* finished commands */
    size_t *begins; /* where each of them begins in the text */
    size_t begins_room;
    struct redis_text open;      /* arguments of the command that is being added */
    size_t open_count;           /* their number */
    bool bad;                    /* an allocation failed */
    struct redisReply **replies; /* `count` of them after an exchange that returned 0 */
    size_t reply_count;
    size_t reply_room;
};

/* One command: begin with its name, add its arguments, end. */
void redis_batch_begin(struct redis_batch *batch, const char *command);
void redis_batch_add(struct redis_batch *batch, const void *bytes, size_t size);
void redis_batch_add_text(struct redis_batch *batch, const char *text);
void redis_batch_add_number(struct redis_batch *batch, uint64_t number);
void redis_batch_add_negative(struct redis_batch *batch, uint64_t number); /* "-NUMBER" */
void redis_batch_end(struct redis_batch *batch);

/* A whole command of text arguments, the last one followed by NULL. */
void redis_batch_command(struct redis_batch *batch, const char *command, ...)
    __attribute__((sentinel));

/* Adds a command of another batch. */
void redis_batch_copy(struct redis_batch *batch, const struct redis_batch *from, size_t index);

void redis_batch_free_replies(struct redis_batch *batch);
void redis_batch_clear(struct redis_batch *batch);  /* empties it, keeps its memory */
void redis_batch_deinit(struct redis_batch *batch); /* frees its memory */

#endif
