/*
 * confine_landlock.c - Landlock (landlock(7)): which files may be opened, which ports connected to.
 *
 * glibc has no functions for it and the headers of Debian 12 know only its first versions, so the
 * calls are made by number and what is newer is spelled out here. A kernel is asked for its version
 * and given no more than that one knows.
 *
 * Pipes and files that are open already are not affected.
 */
#include "confine_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* struct landlock_ruleset_attr as it has grown. */
struct ruleset {
    uint64_t files;
    uint64_t network; /* from version 4 */
    uint64_t scoped;  /* from version 6 */
};

static const uint64_t access_refer = UINT64_C(1) << 13U;     /* version 2 */
static const uint64_t access_truncate = UINT64_C(1) << 14U;  /* version 3 */
static const uint64_t access_ioctl_dev = UINT64_C(1) << 15U; /* version 5 */
static const uint64_t network_bind = UINT64_C(1) << 0U;
static const uint64_t network_connect = UINT64_C(1) << 1U;
static const uint64_t scope_abstract_unix = UINT64_C(1) << 0U;
static const uint64_t scope_signal = UINT64_C(1) << 1U;

static const uint64_t access_version_1 = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;

/* Truncating is guarded from version 3 on only, and may not be named before. */
static uint64_t known_access(int abi) {
    uint64_t known = access_version_1;
    known |= abi >= 2 ? access_refer : 0;
    known |= abi >= 3 ? access_truncate : 0;
    known |= abi >= 5 ? access_ioctl_dev : 0;
    return known;
}

int landlock_begin(unsigned needs, int *abi) {
    *abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (*abi < 1) {
        *abi = 0;
        return -1;
    }
    struct ruleset ruleset = {.files = known_access(*abi)};
    size_t size = offsetof(struct ruleset, network);
    if (*abi >= 4) {
        ruleset.network = network_bind | (needs & CONFINE_TCP ? 0 : network_connect);
        size = offsetof(struct ruleset, scoped);
    }
    if (*abi >= 6) {
        ruleset.scoped = scope_signal | scope_abstract_unix;
        size = sizeof ruleset;
    }
    return (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
}

int landlock_allow(int ruleset, int abi, const char *path, bool writes) {
    struct stat status;
    struct landlock_path_beneath_attr rule = {
        .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
        .parent_fd = open(path, O_PATH | O_CLOEXEC),
    };
    int result = 0;
    if (rule.parent_fd < 0)
        return 0;
    if (writes)
        rule.allowed_access |= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                               LANDLOCK_ACCESS_FS_MAKE_REG | access_truncate;
    if (fstat(rule.parent_fd, &status) != 0) {
        result = -errno;
        goto out;
    }
    if (!S_ISDIR(status.st_mode))
        rule.allowed_access &=
            LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | access_truncate;
    rule.allowed_access &= known_access(abi);
    /* EBADFD: a pipe or the like, which Landlock does not guard. */
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0 &&
        errno != EBADFD)
        result = -errno;
out:
    close(rule.parent_fd);
    return result;
}

int landlock_enter(int ruleset) {
    return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? 0 : -errno;
}
