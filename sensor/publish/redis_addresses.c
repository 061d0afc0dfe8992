/*
 * redis_addresses.c - cuts a list of hosts apart and reads each with redis_url_parse(), as if it
 * had been written alone.
 */
#include "redis_addresses.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { URL_SIZE = 1536, HOST_SIZE = 300 };

static const char sentinel_scheme[] = "redis+sentinel://";
static const char plain_scheme[] = "redis://";

/* The parts of a text with hosts; pointers into it. */
struct parts {
    const char *login; /* "USER:PASSWORD@", or empty */
    size_t login_size;
    const char *hosts;
    size_t hosts_size;
    const char *rest; /* from the '/' on */
};

static int refuse(char error[REDIS_URL_ERROR_SIZE], const char *message) {
    (void)snprintf(error, REDIS_URL_ERROR_SIZE, "%s", message);
    return -EINVAL;
}

static struct parts take_apart(const char *text, size_t scheme_size) {
    const char *authority = text + scheme_size;
    size_t size = strcspn(authority, "/?");
    const char *at = memchr(authority, '@', size);
    size_t login_size = at != NULL ? (size_t)(at - authority) + 1 : 0;
    return (struct parts){authority, login_size, authority + login_size, size - login_size,
                          authority + size};
}

/* Has the host a port? A colon within brackets is IPv6's. */
static bool has_port(const char *host, size_t size) {
    const char *bracket = memchr(host, ']', size);
    const char *from = bracket != NULL ? bracket : host;
    return memchr(from, ':', size - (size_t)(from - host)) != NULL;
}

static int parse_host(const struct parts *parts, const char *host, size_t size,
                      struct redis_addresses *addresses, char error[REDIS_URL_ERROR_SIZE]) {
    char url[URL_SIZE];
    const char *port = addresses->is_sentinel && !has_port(host, size) ? ":26379" : "";
    if (addresses->count == REDIS_MAX_ADDRESSES)
        return refuse(error, "more than 16 hosts; a few of them are enough to find the others");
    if (size > HOST_SIZE)
        return refuse(error, "a host name is too long");
    int length =
        snprintf(url, sizeof url, "%s%.*s%.*s%s%s", plain_scheme, (int)parts->login_size,
                 parts->login, (int)size, host, port, addresses->is_sentinel ? "" : parts->rest);
    if (length < 0 || (size_t)length >= sizeof url)
        return refuse(error, "it is too long");
    int status = redis_url_parse(url, &addresses->urls[addresses->count++], error);
    memset(url, 0, sizeof url); /* the password */
    return status;
}

static int parse_hosts(const struct parts *parts, struct redis_addresses *addresses,
                       char error[REDIS_URL_ERROR_SIZE]) {
    const char *host = parts->hosts;
    const char *end = parts->hosts + parts->hosts_size;
    int status = 0;
    while (status == 0) {
        const char *comma = memchr(host, ',', (size_t)(end - host));
        size_t size = (size_t)((comma != NULL ? comma : end) - host);
        status = parse_host(parts, host, size, addresses, error);
        if (comma == NULL)
            break;
        host = comma + 1;
    }
    return status;
}

/* "/MASTER[/DB]" */
static int parse_master(const char *rest, struct redis_addresses *addresses,
                        char error[REDIS_URL_ERROR_SIZE]) {
    char url[64];
    struct redis_url database;
    size_t size = *rest == '/' ? strcspn(rest + 1, "/?") : 0;
    if (size == 0 || size >= sizeof addresses->master)
        return refuse(error, "the name of the primary is missing, as in "
                             "redis+sentinel://host1:26379,host2:26379/mymaster");
    memcpy(addresses->master, rest + 1, size);
    addresses->master[size] = '\0';
    rest += 1 + size;
    if (strlen(rest) > 16)
        return refuse(error, "behind the primary's name only /DB is known");
    (void)snprintf(url, sizeof url, "%shost%s", plain_scheme, rest);
    int status = redis_url_parse(url, &database, error);
    for (size_t i = 0; i < addresses->count; i++)
        addresses->urls[i].database = database.database;
    return status;
}

static void join_places(struct redis_addresses *addresses) {
    char *to = addresses->place;
    size_t room = sizeof addresses->place;
    for (size_t i = 0; i < addresses->count && room > 1; i++) {
        const char *place = addresses->urls[i].place;
        if (i > 0 && strncmp(place, plain_scheme, sizeof plain_scheme - 1) == 0)
            place += sizeof plain_scheme - 1;
        int size = snprintf(to, room, i > 0 ? ",%s" : "%s", place);
        size_t used = size < 0 ? 0 : (size_t)size;
        used = used < room ? used : room - 1;
        to += used;
        room -= used;
    }
    if (addresses->is_sentinel)
        (void)snprintf(to, room, " (sentinels of %s)", addresses->master);
}

int redis_addresses_parse(const char *text, struct redis_addresses *addresses,
                          char error[REDIS_URL_ERROR_SIZE]) {
    memset(addresses, 0, sizeof *addresses);
    error[0] = '\0';
    int status = 0;
    addresses->is_sentinel = strncmp(text, sentinel_scheme, sizeof sentinel_scheme - 1) == 0;
    if (addresses->is_sentinel) {
        struct parts parts = take_apart(text, sizeof sentinel_scheme - 1);
        status = parse_hosts(&parts, addresses, error);
        if (status == 0)
            status = parse_master(parts.rest, addresses, error);
    } else if (strncmp(text, plain_scheme, sizeof plain_scheme - 1) == 0) {
        struct parts parts = take_apart(text, sizeof plain_scheme - 1);
        status = parse_hosts(&parts, addresses, error);
    } else {
        status = redis_url_parse(text, &addresses->urls[0], error);
        addresses->count = 1;
    }
    if (status == 0)
        join_places(addresses);
    return status;
}
