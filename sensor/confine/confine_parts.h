/*
 * confine_parts.h - the parts that confine.c puts together, each with one mechanism of Linux.
 */
#ifndef DOWNGRD_CONFINE_PARTS_H
#define DOWNGRD_CONFINE_PARTS_H

#include "confine.h"

/* Checkers that are built in for tests stop threads by tracing them from a process of their own,
 * and find them in /proc: to programs that are built with them that stays allowed. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { HAS_SANITIZER = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
enum { HAS_SANITIZER = 1 };
#else
enum { HAS_SANITIZER = 0 };
#endif
#else
enum { HAS_SANITIZER = 0 };
#endif

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
