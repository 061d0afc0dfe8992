/*
 * confine.h - what the process gives up, for good, once it has what it needs.
 *
 * Everything on the wire is hostile, so it is read by a process that can do little else. In two
 * steps:
 *
 *     confine_become(user, capabilities, error)   first thing, when started as root: files that are
 *                                                 made from here on belong to that user
 *     ... captures, sinks and tables are opened; no thread is started yet ...
 *     confine_begin(&confine, needs)
 *     confine_allow_read(&confine, path) ...      what will be opened later
 *     confine_enter(&confine, error)              no way back
 *
 * After that the process has no capability but those that a need names, cannot gain any
 * (no-new-privileges), leaves no core file, opens files only below the paths that were allowed
 * (Landlock, where the kernel has it), and makes only the system calls on the list of
 * confine_seccomp.c: it can start threads, but no program and no process. What only an intruder
 * would try (executing, tracing, loading modules, ...) ends the process with SIGSYS; anything else
 * that is not on the list fails with EPERM.
 *
 * Threads inherit it all. Landlock does not reach threads that exist already, so there must be
 * none.
 */
#ifndef DOWNGRD_CONFINE_H
#define DOWNGRD_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

/* What is still done after confine_enter(); each of them opens a door that is shut otherwise. */
enum confine_need {
    CONFINE_TCP = 1U << 0U,   /* connects over IPv4 and IPv6 */
    CONFINE_NAMES = 1U << 1U, /* resolves host names: CONFINE_TCP, UDP sockets and files in /etc */
    CONFINE_UNIX = 1U << 2U,  /* connects to sockets in the file system */
    /* Opens interfaces again that were taken away and came back: packet and UDP sockets, /sys, and
     * CAP_NET_RAW. An interface that only goes down and up needs none of it. */
    CONFINE_REOPEN = 1U << 3U,
    CONFINE_KERNEL_FILTER = 1U << 4U, /* reads and writes the maps of its own BPF programs */
    /* Opens files whoever they belong to, as far as it can now: keeps CAP_DAC_OVERRIDE. */
    CONFINE_FILES_OF_OTHERS = 1U << 5U,
};

/* What confine_become() leaves to the user, for opening captures. */
enum confine_capability {
    CONFINE_NET_RAW = 1U << 0U,
    CONFINE_BPF = 1U << 1U, /* loads BPF programs */
};

enum { CONFINE_ERROR_SIZE = 256 };

struct confine {
    unsigned needs;   /* of enum confine_need */
    int ruleset;      /* Landlock's; -1: this kernel has none */
    int landlock_abi; /* 0: none */
    bool is_confined; /* confine_enter() was passed */
};

/*
 * Becomes another user (a name or a number) with its groups, and keeps only the capabilities given.
 * Without `user` (NULL) the process stays whoever it is, with no more than these capabilities. Who
 * is not root cannot become anyone else. 0, or -errno with a message; then the process may be
 * neither the one nor the other and must end.
 */
int confine_become(const char *user, unsigned capabilities, char error[CONFINE_ERROR_SIZE]);

/* Nothing is given up yet. 0 or -errno. */
int confine_begin(struct confine *confine, unsigned needs);

/* Files to be opened later: this file, or all below this folder. A path that cannot be reached is
 * left out: opening it later fails by itself. 0 or -errno. */
int confine_allow_read(struct confine *confine, const char *path);
/* Also made, written, renamed and removed. */
int confine_allow_write(struct confine *confine, const char *path);
/* The same of the folder that a file is in, so that the file may be replaced by another one. */
int confine_allow_read_beside(struct confine *confine, const char *file);
int confine_allow_write_beside(struct confine *confine, const char *file);

/* 0, or -errno with a message. What was given up stays given up either way. */
int confine_enter(struct confine *confine, char error[CONFINE_ERROR_SIZE]);

/* Gives the ruleset back when confine_enter() was not called. */
void confine_abandon(struct confine *confine);

#endif
