/*
 * confine_parts.h - the parts that confine.c puts together, each with one mechanism of Linux.
 */
#ifndef DOWNGRD_CONFINE_PARTS_H
#define DOWNGRD_CONFINE_PARTS_H

#include "confine.h"

/* confine_landlock.c: file and network access. The ruleset, or -1 where the kernel has none. */
int landlock_begin(unsigned needs, int *abi);
int landlock_allow(int ruleset, int abi, const char *path, bool writes);
/* 0 or -errno; needs no-new-privileges. */
int landlock_enter(int ruleset);

/* confine_seccomp.c: system calls. 0 or -errno; needs no-new-privileges. */
int seccomp_enter(unsigned needs);

/* confine_privileges.c: the capabilities of this thread become these (bits of capabilities(7)),
 * and no others can come back. 0 or -errno. */
int capabilities_reduce(uint64_t kept);

#endif
