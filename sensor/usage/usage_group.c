/*
 * usage_group.c - libpsl's owner: the registrable domain of a name, by the public suffix list.
 *
 * The list is the one built into libpsl: the same on every machine with the same package. A look-up
 * walks the name's labels through the list; a cache with one place per hash saves that for names
 * seen lately. Only the offset is kept: a registrable domain is the end of its name.
 */
#include "usage_table.h"

#include <libpsl.h>
#include <stdlib.h>

enum { CACHE_SIZE = 16384 }; /* a power of two */

struct cached_group {
    char name[DOMAIN_SIZE]; /* "": free */
    size_t offset;
};

struct usage_group {
    const psl_ctx_t *list; /* libpsl's own */
    struct cached_group cache[CACHE_SIZE];
};

struct usage_group *usage_group_new(void) {
    const psl_ctx_t *list = psl_builtin();
    struct usage_group *group = list ? calloc(1, sizeof(*group)) : NULL;
    if (group)
        group->list = list;
    return group;
}

void usage_group_delete(struct usage_group *group) {
    free(group);
}

static size_t place_of(const char *name) {
    uint64_t hash = 0xcbf29ce484222325U;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 0x100000001b3U;
    return (size_t)(hash ^ (hash >> 32U)) & (CACHE_SIZE - 1U);
}

const char *usage_group_name(struct usage_group *group, const char *name) {
    if (!strchr(name, '.'))
        return name;
    struct cached_group *cached = &group->cache[place_of(name)];
    if (strcmp(cached->name, name) != 0) {
        const char *registrable = psl_registrable_domain(group->list, name);
        cached->offset = registrable ? (size_t)(registrable - name) : 0;
        memcpy(cached->name, name, strlen(name) + 1);
    }
    return name + cached->offset;
}
