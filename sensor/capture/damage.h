/*
 * damage.h - what is wrong with a capture, and where: the words in which a reader of a format says
 * so. The public face puts the file's name and the last good packet before them.
 */
#ifndef DOWNGRD_DAMAGE_H
#define DOWNGRD_DAMAGE_H

#include <stdbool.h>
#include <stdint.h>

enum { DAMAGE_REASON_SIZE = 160 };

struct damage {
    bool is_truncated; /* the file ends too early; else what is there cannot be */
    uint64_t offset;   /* where the record begins that cannot be read, in the unpacked file */
    char reason[DAMAGE_REASON_SIZE];
};

/* Fills it in and returns -1, so that a reader can return it in turn. */
__attribute__((format(printf, 4, 5))) int damage_set(struct damage *damage, uint64_t offset,
                                                     bool is_truncated, const char *format, ...);

#endif
