#include "rights.h"

#include "log.h"

#include <string.h>

int rights_become(const char *user, bool is_live, bool kernel_filter) {
    char error[CONFINE_ERROR_SIZE];
    unsigned capabilities = 0;
    if (user == NULL)
        return 0;
    if (is_live)
        capabilities |= CONFINE_NET_RAW | (kernel_filter ? CONFINE_BPF : 0);
    if (confine_become(user, capabilities, error) == 0)
        return 0;
    log_write(LOG_LEVEL_ERROR, "user", "%s", error);
    return -1;
}

/* Host names are in a URL, and may be in a filter expression. A replay goes on opening files as
 * whoever it is, so root's right to open those of others stays until it ends. */
static unsigned needs_of(const struct rights *rights) {
    unsigned needs = 0;
    if (rights->redis != NULL)
        needs |= strncmp(rights->redis, "unix:", 5) == 0 ? CONFINE_UNIX : CONFINE_NAMES;
    if (!rights->is_live)
        needs |= CONFINE_FILES_OF_OTHERS;
    if (rights->filter != NULL)
        needs |= CONFINE_NAMES;
    needs |= rights->reopens ? CONFINE_REOPEN : 0;
    needs |= rights->kernel_filter ? CONFINE_KERNEL_FILTER : 0;
    return needs;
}

static int allow_paths(struct confine *confine, const struct rights *rights) {
    int status = 0;
    for (size_t i = 0; i < rights->capture_count && status == 0; i++)
        if (strcmp(rights->captures[i], "-") != 0)
            status = confine_allow_read(confine, rights->captures[i]);
    for (size_t i = 0; i < sizeof rights->folders / sizeof rights->folders[0]; i++)
        if (rights->folders[i] != NULL && status == 0)
            status = confine_allow_write(confine, rights->folders[i]);
    if (status == 0 && rights->is_live && rights->config != NULL)
        status = confine_allow_read_beside(confine, rights->config);
    if (status == 0 && rights->is_live && rights->eve != NULL && strcmp(rights->eve, "-") != 0)
        status = confine_allow_write_beside(confine, rights->eve);
    return status;
}

int rights_drop(const struct rights *rights) {
    struct confine confine;
    char error[CONFINE_ERROR_SIZE] =
        "its files cannot be named to Landlock (out of files or memory)";
    int status = confine_begin(&confine, needs_of(rights));
    if (status == 0) {
        status = allow_paths(&confine, rights);
        if (status == 0)
            status = confine_enter(&confine, error);
        else
            confine_abandon(&confine);
    }
    if (status < 0) {
        log_write(LOG_LEVEL_ERROR, "rights",
                  "the process cannot be confined: %s; --no-confine goes on without", error);
        return -1;
    }
    if (rights->is_live && confine.landlock_abi == 0)
        log_write(LOG_LEVEL_NOTICE, "rights",
                  "this kernel has no Landlock: file access is limited by user and mode only");
    return 0;
}
