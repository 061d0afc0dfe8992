#include "confine.h"

#include "confine_parts.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* What the resolver reads. Some of these are links to the others, or replaced at any time, so who
 * is not root, and so finds no secrets there, may read all of /etc. */
static const char *const resolver_paths[] = {
    "/etc/resolv.conf", "/etc/hosts",           "/etc/nsswitch.conf", "/etc/host.conf",
    "/etc/gai.conf",    "/etc/services",        "/etc/protocols",     "/etc/networks",
    "/etc/ethers",      "/run/systemd/resolve", "/run/resolvconf",    "/run/NetworkManager",
};

static int allow(struct confine *confine, const char *path, bool writes) {
    if (confine->ruleset < 0)
        return 0;
    return landlock_allow(confine->ruleset, confine->landlock_abi, path, writes);
}

static int allow_beside(struct confine *confine, const char *file, bool writes) {
    const char *slash = strrchr(file, '/');
    if (slash == NULL)
        return allow(confine, ".", writes);
    char *folder = strndup(file, slash == file ? 1 : (size_t)(slash - file));
    int status = folder != NULL ? allow(confine, folder, writes) : -ENOMEM;
    free(folder);
    return status;
}

int confine_begin(struct confine *confine, unsigned needs) {
    int status = 0;
    if (needs & CONFINE_NAMES)
        needs |= CONFINE_TCP;
    *confine = (struct confine){.needs = needs};
    confine->ruleset = landlock_begin(needs, &confine->landlock_abi);
    if (confine->ruleset < 0 && confine->landlock_abi > 0)
        return -errno;
    if (needs & CONFINE_NAMES) {
        for (size_t i = 0; status == 0 && i < sizeof resolver_paths / sizeof resolver_paths[0]; i++)
            status = allow(confine, resolver_paths[i], false);
        if (status == 0 && geteuid() != 0)
            status = allow(confine, "/etc", false);
    }
    if (status == 0 && HAS_SANITIZER)
        status = allow(confine, "/proc", false);
    if (status == 0 && (needs & CONFINE_REOPEN))
        status = allow(confine, "/sys", false);
    if (status < 0)
        confine_abandon(confine);
    return status;
}

int confine_allow_read(struct confine *confine, const char *path) {
    return allow(confine, path, false);
}

int confine_allow_write(struct confine *confine, const char *path) {
    return allow(confine, path, true);
}

int confine_allow_read_beside(struct confine *confine, const char *file) {
    return allow_beside(confine, file, false);
}

int confine_allow_write_beside(struct confine *confine, const char *file) {
    return allow_beside(confine, file, true);
}

void confine_abandon(struct confine *confine) {
    if (confine->ruleset >= 0)
        close(confine->ruleset);
    confine->ruleset = -1;
}

static int refuse(char *error, const char *what, int status) {
    snprintf(error, CONFINE_ERROR_SIZE, "%s: %s", what, strerror(-status));
    return status;
}

int confine_enter(struct confine *confine, char error[CONFINE_ERROR_SIZE]) {
    const struct rlimit none = {0, 0};
    uint64_t kept = 0;
    kept |= confine->needs & CONFINE_REOPEN ? UINT64_C(1) << CAP_NET_RAW : 0;
    kept |= confine->needs & CONFINE_FILES_OF_OTHERS ? UINT64_C(1) << CAP_DAC_OVERRIDE : 0;
    /* Packets are in memory: neither a core file nor another process of this user gets them. */
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, HAS_SANITIZER, 0, 0, 0) != 0)
        return refuse(error, "cannot forbid core files", -errno);
    int status = capabilities_reduce(kept);
    if (status < 0)
        return refuse(error, "cannot give up capabilities", status);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return refuse(error, "cannot forbid new privileges", -errno);
    if (confine->ruleset >= 0)
        status = landlock_enter(confine->ruleset);
    confine_abandon(confine);
    if (status < 0)
        return refuse(error, "cannot restrict file access (Landlock)", status);
    status = seccomp_enter(confine->needs);
    if (status < 0)
        return refuse(error, "cannot restrict system calls (seccomp)", status);
    confine->is_confined = true;
    return 0;
}
