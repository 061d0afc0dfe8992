/* redis_url.c - takes a Redis URL apart (redis_url.h). Each part is checked where it is cut out. */
#include "redis_url.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { DEFAULT_PORT = 6379, MAX_PORT = 65535, MAX_DATABASE = 999999 };

static int refuse(char error[REDIS_URL_ERROR_SIZE], const char *message) {
    (void)snprintf(error, REDIS_URL_ERROR_SIZE, "%s", message);
    return -EINVAL;
}

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

/* False when it does not fit, an escape is broken, or a NUL hides in it. */
static bool decode(const char *from, size_t size, char *to, size_t to_size) {
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        int byte = (unsigned char)from[i];
        if (byte == '%') {
            if (size - i < 3)
                return false;
            int high = hex_value(from[i + 1]);
            int low = hex_value(from[i + 2]);
            if (high < 0 || low < 0)
                return false;
            byte = high * 16 + low;
            i += 2;
        }
        if (byte == 0 || used + 1 >= to_size)
            return false;
        to[used++] = (char)byte;
    }
    to[used] = '\0';
    return true;
}

static bool number_of(const char *text, size_t size, uint32_t limit, uint32_t *number) {
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || i > 6)
            return false;
        value = value * 10 + (uint32_t)(text[i] - '0');
    }
    *number = value;
    return size > 0 && value <= limit;
}

/* Eats "[USER]:PASSWORD@" when it is there; *text is left behind it. */
static int parse_credentials(const char **text, struct redis_url *url,
                             char error[REDIS_URL_ERROR_SIZE]) {
    size_t authority = strcspn(*text, "/?");
    const char *at = memchr(*text, '@', authority);
    if (at == NULL)
        return 0;
    const char *colon = memchr(*text, ':', (size_t)(at - *text));
    if (colon == NULL)
        return refuse(error, "user name without a password; write redis://user:password@host or "
                             "redis://:password@host");
    if (!decode(*text, (size_t)(colon - *text), url->user, sizeof url->user) ||
        !decode(colon + 1, (size_t)(at - colon - 1), url->password, sizeof url->password))
        return refuse(error, "bad user or password; write '%', '@', ':', '/' and '?' in them as "
                             "%25, %40, %3A, %2F and %3F");
    url->has_password = true;
    *text = at + 1;
    return 0;
}

static int parse_database(const char *text, struct redis_url *url,
                          char error[REDIS_URL_ERROR_SIZE]) {
    if (!number_of(text, strlen(text), MAX_DATABASE, &url->database))
        return refuse(error, "the database must be a number, as in redis://host:6379/0 or "
                             "unix:///path?db=0");
    return 0;
}

static int parse_unix(const char *text, struct redis_url *url, char error[REDIS_URL_ERROR_SIZE]) {
    int status = parse_credentials(&text, url, error);
    if (status != 0)
        return status;
    url->is_unix = true;
    size_t size = strcspn(text, "?");
    if (*text != '/' || size < 2)
        return refuse(error, "a socket needs its full path, as in unix:///run/redis/redis.sock");
    if (!decode(text, size, url->path, sizeof url->path))
        return refuse(error, "the socket's path is too long (107 bytes are possible) or holds a "
                             "broken %-escape");
    (void)snprintf(url->place, sizeof url->place, "unix://%s", url->path);
    text += size;
    if (*text == '\0')
        return 0;
    if (strncmp(text, "?db=", 4) != 0)
        return refuse(error, "after the path only ?db=NUMBER is known");
    return parse_database(text + 4, url, error);
}

static int parse_host(const char **text, struct redis_url *url, char error[REDIS_URL_ERROR_SIZE]) {
    const char *begin = *text;
    size_t size = strcspn(begin, ":/?");
    const char *after = begin + size;
    if (*begin == '[') {
        begin++;
        size = strcspn(begin, "]/?");
        if (begin[size] != ']')
            return refuse(error, "an IPv6 address ends with ']', as in redis://[::1]:6379/0");
        after = begin + size + 1;
    }
    if (size == 0)
        return refuse(error, "no host; write redis://127.0.0.1:6379/0");
    if (size >= sizeof url->host || !decode(begin, size, url->host, sizeof url->host))
        return refuse(error, "the host name is too long or holds a broken %-escape");
    *text = after;
    return 0;
}

static void set_place(struct redis_url *url) {
    bool has_colon = strchr(url->host, ':') != NULL;
    (void)snprintf(url->place, sizeof url->place, has_colon ? "redis://[%s]:%u" : "redis://%s:%u",
                   url->host, (unsigned)url->port);
}

static int parse_tcp(const char *text, struct redis_url *url, char error[REDIS_URL_ERROR_SIZE]) {
    int status = parse_credentials(&text, url, error);
    if (status == 0)
        status = parse_host(&text, url, error);
    if (status != 0)
        return status;
    url->port = DEFAULT_PORT;
    if (*text == ':') {
        size_t size = strcspn(text + 1, "/?");
        uint32_t port = 0;
        if (!number_of(text + 1, size, MAX_PORT, &port) || port == 0)
            return refuse(error, "the port must be a number from 1 to 65535 (a '/', '@' or ':' in "
                                 "a password must be written as %2F, %40, %3A)");
        url->port = (uint16_t)port;
        text += 1 + size;
    }
    set_place(url);
    if (strcmp(text, "/") == 0)
        return 0;
    if (*text == '/')
        return parse_database(text + 1, url, error);
    if (*text != '\0')
        return refuse(error, "after host and port only /DB is known, as in redis://host:6379/0");
    return 0;
}

static void clean_place(char *place) {
    for (; *place != '\0'; place++)
        if (*place < ' ' || *place > '~')
            *place = '?';
}

int redis_url_parse(const char *text, struct redis_url *url, char error[REDIS_URL_ERROR_SIZE]) {
    memset(url, 0, sizeof *url);
    error[0] = '\0';
    int status = -EINVAL;
    if (strncmp(text, "redis://", 8) == 0)
        status = parse_tcp(text + 8, url, error);
    else if (strncmp(text, "unix://", 7) == 0)
        status = parse_unix(text + 7, url, error);
    else if (strncmp(text, "rediss://", 9) == 0)
        (void)refuse(error, "rediss:// needs TLS, which this build does not have; use a TLS tunnel "
                            "(stunnel, or ssh -L 6379:localhost:6379 HOST) with "
                            "redis://127.0.0.1:6379, or a socket with unix:///PATH");
    else
        (void)refuse(error, "no Redis URL; write redis://[USER:PASSWORD@]HOST:PORT/DB or "
                            "unix:///PATH?db=DB");
    clean_place(url->place);
    return status;
}

struct redis_url redis_url_elsewhere(const struct redis_url *login, const char *host,
                                     uint16_t port) {
    struct redis_url url = *login;
    url.is_unix = false;
    url.port = port;
    (void)snprintf(url.host, sizeof url.host, "%s", host);
    set_place(&url);
    clean_place(url.place);
    return url;
}
