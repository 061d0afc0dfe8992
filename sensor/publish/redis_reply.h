/*
 * redis_reply.h - what Redis's error answers mean, and what the operator can do about them.
 *
 * Error answers begin with a code word ("OOM command not allowed ..."); a few old ones only with
 * "ERR" and prose. Unknown ones are REDIS_ERROR_OTHER and are shown as they are.
 */
#ifndef DOWNGRD_REDIS_REPLY_H
#define DOWNGRD_REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>

enum redis_error {
    REDIS_ERROR_OTHER,
    REDIS_ERROR_LOADING,
    REDIS_ERROR_READONLY,
    REDIS_ERROR_MEMORY,
    REDIS_ERROR_PASSWORD_NEEDED,
    REDIS_ERROR_PASSWORD_WRONG,
    REDIS_ERROR_PERMISSION,
    REDIS_ERROR_MOVED,
    REDIS_ERROR_ASK,
    REDIS_ERROR_CLUSTER,
    REDIS_ERROR_REPLICA_LOST,
    REDIS_ERROR_DISK,
    REDIS_ERROR_BUSY,
    REDIS_ERROR_TYPE,
    REDIS_ERROR_SCRIPT_MISSING,
    REDIS_ERROR_DATABASE,
    REDIS_ERROR_TOO_OLD,
    REDIS_ERROR_CLIENTS,
    REDIS_ERROR_PROTECTED,
};

struct redis_error_meaning {
    enum redis_error error;
    int status;          /* the negative errno that calls return for it */
    bool is_general;     /* every further write or read would meet it too */
    const char *meaning; /* "" for REDIS_ERROR_OTHER */
    const char *remedy;
};

/* Never NULL. `text` is the answer without its leading '-', `size` bytes, no NUL needed. */
const struct redis_error_meaning *redis_error_of(const char *text, size_t size);

/*
 * Copies text for a message or a terminal: printable ASCII stays, '\' becomes "\\", everything else
 * "\xNN". NUL-terminated; what does not fit is left out whole, never half an escape. Returns `to`.
 */
char *redis_printable(const char *text, size_t size, char *to, size_t to_size);

#endif
