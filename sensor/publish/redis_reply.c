/* redis_reply.c - the table behind redis_reply.h: the first line whose beginning fits is taken. */
#include "redis_reply.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

struct known_answer {
    const char *begin;
    struct redis_error_meaning meaning;
};

static const struct known_answer known_answers[] = {
    {"LOADING",
     {REDIS_ERROR_LOADING, -EAGAIN, true, "it is still loading its data from disk",
      "wait until it has, then try again"}},
    {"READONLY",
     {REDIS_ERROR_READONLY, -EROFS, true, "it is a read-only replica",
      "give the address of its primary"}},
    {"OOM",
     {REDIS_ERROR_MEMORY, -ENOMEM, true, "its memory limit is reached",
      "raise maxmemory or remove data, then try again"}},
    {"NOAUTH",
     {REDIS_ERROR_PASSWORD_NEEDED, -EACCES, true, "it wants a password",
      "give it in the URL: redis://user:password@host:port/db"}},
    {"WRONGPASS",
     {REDIS_ERROR_PASSWORD_WRONG, -EACCES, true, "it refused the user name or password",
      "check both in the URL (special characters as %XX)"}},
    {"ERR invalid password",
     {REDIS_ERROR_PASSWORD_WRONG, -EACCES, true, "it refused the password",
      "check it in the URL (special characters as %XX)"}},
    {"ERR AUTH ",
     {REDIS_ERROR_PASSWORD_WRONG, -EACCES, true, "a password was given but it has none set",
      "leave the password out of the URL, or give the right server"}},
    {"ERR Client sent AUTH",
     {REDIS_ERROR_PASSWORD_WRONG, -EACCES, true, "a password was given but it has none set",
      "leave the password out of the URL, or give the right server"}},
    {"NOPERM",
     {REDIS_ERROR_PERMISSION, -EACCES, true, "the user may not do this",
      "allow the user the keys downgrd:* and the commands named in the README"}},
    {"MOVED",
     {REDIS_ERROR_MOVED, -ESTALE, true, "that key is at another node of this Redis Cluster",
      "its slots are being moved; try again"}},
    {"ASK",
     {REDIS_ERROR_ASK, -EAGAIN, true, "that key is moving to another node of this Redis Cluster",
      "its slots are being moved; try again"}},
    {"TRYAGAIN",
     {REDIS_ERROR_CLUSTER, -EAGAIN, true, "keys are moving to another node of this Redis Cluster",
      "its slots are being moved; try again"}},
    {"CROSSSLOT",
     {REDIS_ERROR_CLUSTER, -EOPNOTSUPP, true, "keys lie in different slots of this Redis Cluster",
      "give a Redis that runs this version's keys"}},
    {"CLUSTERDOWN",
     {REDIS_ERROR_CLUSTER, -EAGAIN, true, "this Redis Cluster is down or has slots of nobody",
      "look at CLUSTER INFO; it is tried again until it is up"}},
    {"MASTERDOWN",
     {REDIS_ERROR_REPLICA_LOST, -EAGAIN, true, "it is a replica that lost its primary",
      "give the address of the primary, or wait until it is back"}},
    {"NOREPLICAS",
     {REDIS_ERROR_REPLICA_LOST, -EAGAIN, true, "it has too few replicas to accept writes",
      "bring its replicas back (min-replicas-to-write)"}},
    {"MISCONF",
     {REDIS_ERROR_DISK, -EIO, true, "it cannot save to disk and therefore refuses writes",
      "look into its log and its disk"}},
    {"BUSY", {REDIS_ERROR_BUSY, -EBUSY, true, "it is busy with a script", "wait, then try again"}},
    {"WRONGTYPE",
     {REDIS_ERROR_TYPE, -EINVAL, false, "a key of ours holds something else",
      "see which program wrote it; rename or delete that key, then try again"}},
    {"NOSCRIPT", {REDIS_ERROR_SCRIPT_MISSING, -EAGAIN, true, "it lost the script", "try again"}},
    {"ERR DB index",
     {REDIS_ERROR_DATABASE, -EINVAL, true, "it has no database of that number",
      "give a smaller number after the last '/' of the URL"}},
    {"ERR unknown command",
     {REDIS_ERROR_TOO_OLD, -ENOSYS, true, "it does not know a command that is needed",
      "use Redis 7, and do not rename its commands"}},
    {"ERR max number of clients",
     {REDIS_ERROR_CLIENTS, -EAGAIN, true, "it has too many clients",
      "raise maxclients or close some"}},
    {"DENIED",
     {REDIS_ERROR_PROTECTED, -EACCES, true, "it runs in protected mode",
      "connect from its own host, or set a password there"}},
};

static const struct redis_error_meaning other = {REDIS_ERROR_OTHER, -EPROTO, false, "", ""};

const struct redis_error_meaning *redis_error_of(const char *text, size_t size) {
    for (size_t i = 0; i < sizeof known_answers / sizeof known_answers[0]; i++) {
        size_t length = strlen(known_answers[i].begin);
        if (size < length || memcmp(text, known_answers[i].begin, length) != 0)
            continue;
        if (size == length || !isalnum((unsigned char)text[length]))
            return &known_answers[i].meaning;
    }
    return &other;
}

char *redis_printable(const char *text, size_t size, char *to, size_t to_size) {
    static const char digits[] = "0123456789abcdef";
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        char piece[4] = {(char)byte, '\\', 0, 0};
        size_t length = 1;
        if (byte == '\\') {
            length = 2;
        } else if (byte < ' ' || byte > '~') {
            piece[0] = '\\';
            piece[1] = 'x';
            piece[2] = digits[byte >> 4U];
            piece[3] = digits[byte & 15U];
            length = 4;
        }
        if (used + length >= to_size)
            break;
        memcpy(to + used, piece, length);
        used += length;
    }
    to[used] = '\0';
    return to;
}
