/*
 * confine_privileges.c - users and capabilities (capabilities(7)), by the kernel's own calls: the
 * little that is needed of libcap is shorter than its use.
 */
#include "confine_parts.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ENTRY_SIZE = 16384 };

/* Capabilities are two words of 32 bits in every version that matters. */
static int capabilities_get(uint64_t *permitted) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct words[2];
    if (syscall(SYS_capget, &header, words) != 0)
        return -errno;
    *permitted = words[0].permitted | (uint64_t)words[1].permitted << 32U;
    return 0;
}

static int capabilities_set(uint64_t kept) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const uint32_t low = (uint32_t)kept;
    const uint32_t high = (uint32_t)(kept >> 32U);
    struct __user_cap_data_struct words[2] = {{.effective = low, .permitted = low},
                                              {.effective = high, .permitted = high}};
    return syscall(SYS_capset, &header, words) == 0 ? 0 : -errno;
}

/* The bounding set can only be emptied by who has CAP_SETPCAP; for anyone else it does not matter,
 * because without executing nothing comes back from there. */
static void bounding_set_empty(void) {
    for (unsigned long capability = 0; capability < 64; capability++)
        (void)prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

int capabilities_reduce(uint64_t kept) {
    uint64_t permitted = 0;
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    bounding_set_empty();
    int result = capabilities_get(&permitted);
    return result < 0 ? result : capabilities_set(permitted & kept);
}

struct identity {
    uid_t user;
    gid_t group;
    char name[64];
};

static int find_user(const char *text, struct identity *identity, char *error) {
    char storage[ENTRY_SIZE];
    struct passwd entry;
    struct passwd *found = NULL;
    char *end = NULL;
    int status = getpwnam_r(text, &entry, storage, sizeof storage, &found);
    if (found == NULL && text[0] >= '0' && text[0] <= '9') {
        unsigned long number = strtoul(text, &end, 10);
        if (*end == '\0' && number < UINT32_MAX)
            status = getpwuid_r((uid_t)number, &entry, storage, sizeof storage, &found);
    }
    if (found == NULL) {
        snprintf(error, CONFINE_ERROR_SIZE, "there is no user '%.64s'%s%s", text,
                 status ? ": " : "", status ? strerror(status) : "");
        return -ENOENT;
    }
    identity->user = entry.pw_uid;
    identity->group = entry.pw_gid;
    snprintf(identity->name, sizeof identity->name, "%s", entry.pw_name);
    return 0;
}

/* As root: groups first, because afterwards it is too late. The three kinds of each id at once, so
 * that none stays behind to return to. */
static int change_identity(const struct identity *identity, char *error) {
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 ||
        initgroups(identity->name, identity->group) != 0 ||
        setresgid(identity->group, identity->group, identity->group) != 0 ||
        setresuid(identity->user, identity->user, identity->user) != 0) {
        int status = -errno;
        snprintf(error, CONFINE_ERROR_SIZE, "cannot become user '%s': %s", identity->name,
                 strerror(-status));
        return status;
    }
    return 0;
}

static uint64_t capability_bits(unsigned capabilities) {
    uint64_t bits = 0;
    bits |= capabilities & CONFINE_NET_RAW ? UINT64_C(1) << CAP_NET_RAW : 0;
    bits |= capabilities & CONFINE_BPF ? UINT64_C(1) << CAP_BPF : 0;
    return bits;
}

int confine_become(const char *user, unsigned capabilities, char error[CONFINE_ERROR_SIZE]) {
    struct identity identity;
    bounding_set_empty(); /* while this is root: afterwards it is not allowed */
    if (user != NULL) {
        int status = find_user(user, &identity, error);
        if (status < 0)
            return status;
        if (identity.user != geteuid() || identity.user != getuid())
            status = change_identity(&identity, error);
        if (status < 0)
            return status;
    }
    int status = capabilities_reduce(capability_bits(capabilities));
    if (status == 0 && user != NULL && identity.user != 0 && setuid(0) == 0)
        status = -EPERM;
    if (status < 0)
        snprintf(error, CONFINE_ERROR_SIZE, "cannot give up capabilities: %s", strerror(-status));
    return status;
}
