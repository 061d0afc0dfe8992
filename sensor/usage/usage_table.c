/*
 * usage_table.c - finds and makes domains and their rows (usage_table.h says how they lie).
 */
#include "usage_table.h"

#include "judge.h"
#include "table_memory.h"

#include <assert.h>
#include <stdlib.h>

bool usage_index_init(struct usage_index *index, size_t entries) {
    size_t slots = 16;
    while (slots < 2 * entries)
        slots *= 2;
    index->mask = slots - 1;
    index->slots = table_memory_new(slots, sizeof(*index->slots));
    return index->slots != NULL;
}

void usage_index_deinit(struct usage_index *index) {
    table_memory_delete(index->slots, index->mask + 1, sizeof(*index->slots));
}

static size_t first_domain_slot(const struct usage *usage, uint64_t hash) {
    const uint32_t words[] = {(uint32_t)hash, (uint32_t)(hash >> 32U)};
    return usage_hash(usage, words, 2) & usage->domain_index.mask;
}

void usage_domain_expect(const struct usage *usage, uint64_t hash) {
    __builtin_prefetch(&usage->domain_index.slots[first_domain_slot(usage, hash)]);
}

/* The slot that holds the name, or the free one where it belongs. */
static size_t domain_slot(const struct usage *usage, const char *name, uint64_t hash) {
    const struct usage_index *index = &usage->domain_index;
    size_t slot = first_domain_slot(usage, hash);
    while (index->slots[slot] != 0 &&
           strcmp(usage->domains[index->slots[slot] - 1].name, name) != 0)
        slot = (slot + 1) & index->mask;
    return slot;
}

struct usage_domain *usage_domain_find(const struct usage *usage, const char *name, uint64_t hash) {
    uint32_t entry = usage->domain_index.slots[domain_slot(usage, name, hash)];
    return entry ? &usage->domains[entry - 1] : NULL;
}

static struct usage_domain *domain_get(struct usage *usage, const char *name, uint64_t hash) {
    size_t slot = domain_slot(usage, name, hash);
    uint32_t *entry = &usage->domain_index.slots[slot];
    if (*entry == 0) {
        struct usage_domain *made = &usage->domains[usage->domain_count++];
        memcpy(made->name, name, strlen(name) + 1);
        made->slot = (uint32_t)slot;
        *entry = (uint32_t)usage->domain_count;
    }
    return &usage->domains[*entry - 1];
}

static size_t row_slot(const struct usage *usage, const struct usage_domain *domain,
                       uint64_t hour) {
    const struct usage_index *index = &usage->row_index;
    const uint32_t words[] = {(uint32_t)(domain - usage->domains), (uint32_t)hour,
                              (uint32_t)(hour >> 32U)};
    size_t slot = usage_hash(usage, words, 3) & index->mask;
    for (; index->slots[slot] != 0; slot = (slot + 1) & index->mask) {
        const struct usage_row *row = &usage->rows[index->slots[slot] - 1];
        if (row->domain == domain && row->hour == hour)
            break;
    }
    return slot;
}

static struct usage_row *row_make(struct usage *usage, struct usage_domain *domain, uint64_t hour,
                                  size_t number) {
    struct usage_row *row = &usage->rows[number];
    size_t slot = row_slot(usage, domain, hour);
    row->domain = domain;
    row->hour = hour;
    row->slot = (uint32_t)slot;
    row->next = domain->rows;
    domain->rows = row;
    usage->row_index.slots[slot] = (uint32_t)number + 1;
    return row;
}

static struct usage_row *row_find(const struct usage *usage, const struct usage_domain *domain,
                                  uint64_t hour) {
    if (domain->recent && domain->recent->hour == hour)
        return domain->recent;
    uint32_t entry = usage->row_index.slots[row_slot(usage, domain, hour)];
    return entry ? &usage->rows[entry - 1] : NULL;
}

static struct usage_row *latest_row(const struct usage_domain *domain) {
    struct usage_row *latest = domain->rows;
    for (struct usage_row *row = latest; row; row = row->next)
        if (row->hour > latest->hour)
            latest = row;
    return latest;
}

static struct usage_row *other_row_get(struct usage *usage, uint64_t hour) {
    struct usage_domain *other = &usage->domains[0];
    struct usage_row *row = row_find(usage, other, hour);
    if (!row && usage->other_row_count < USAGE_OTHER_ROWS)
        row = row_make(usage, other, hour, usage->max_rows + usage->other_row_count++);
    return row ? row : latest_row(other);
}

struct usage_row *usage_row_get(struct usage *usage, const char *name, uint64_t hash,
                                uint64_t hour) {
    assert(usage->domains && usage->rows);
    bool is_full = usage->row_count == usage->max_rows;
    struct usage_domain *domain =
        is_full ? usage_domain_find(usage, name, hash) : domain_get(usage, name, hash);
    if (domain == &usage->domains[0])
        domain = NULL;
    struct usage_row *row = domain ? row_find(usage, domain, hour) : NULL;
    if (!row && domain && !is_full)
        row = row_make(usage, domain, hour, usage->row_count++);
    if (!row)
        row = other_row_get(usage, hour);
    row->domain->recent = row;
    return row;
}

static void rows_forget(struct usage *usage, size_t first, size_t count) {
    for (size_t i = first; i < first + count; i++) {
        struct usage_row *row = &usage->rows[i];
        usage->row_index.slots[row->slot] = 0;
        *row = (struct usage_row){0};
    }
}

void usage_table_forget(struct usage *usage) {
    rows_forget(usage, 0, usage->row_count);
    rows_forget(usage, usage->max_rows, usage->other_row_count);
    for (size_t i = 0; i < usage->domain_count; i++) {
        usage->domain_index.slots[usage->domains[i].slot] = 0;
        usage->domains[i] = (struct usage_domain){0};
    }
    usage->row_count = 0;
    usage->other_row_count = 0;
    usage->domain_count = 0;
    (void)domain_get(usage, "_other", domain_hash("_other"));
}
