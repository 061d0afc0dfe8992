/*
 * redis_url.h - where Redis is, out of one text.
 *
 *   redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]    HOST may be [IPv6]
 *   unix://[[USER]:PASSWORD@]/PATH[?db=DB]
 *
 * USER and PASSWORD are percent-decoded ('/', '@', ':', '?' and '%' in them must be encoded).
 * rediss:// (TLS) is refused with the ways out.
 */
#ifndef DOWNGRD_REDIS_URL_H
#define DOWNGRD_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REDIS_URL_ERROR_SIZE = 320 };

struct redis_url {
    bool is_unix;
    bool has_password;
    char host[256];
    char path[108]; /* what a sockaddr_un holds */
    uint16_t port;  /* 6379 when not given */
    uint32_t database;
    char user[128]; /* "" when not given: the default user */
    char password[512];
    char place[400]; /* for messages: the URL without user and password, printable ASCII */
};

/* 0, or -EINVAL with the reason and the remedy in `error`, which never holds the password. */
int redis_url_parse(const char *text, struct redis_url *url, char error[REDIS_URL_ERROR_SIZE]);

/* The same login and database at another place. */
struct redis_url redis_url_elsewhere(const struct redis_url *login, const char *host,
                                     uint16_t port);

#endif
