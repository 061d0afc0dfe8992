#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int manager = -1;

/* A path, or a name in the abstract space, which begins with '@' here and with 0 on the wire. */
static socklen_t address_of(const char *name, struct sockaddr_un *address) {
    size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof address->sun_path)
        return 0;
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, length);
    if (name[0] == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

void notify_open(void) {
    struct sockaddr_un address;
    const char *name = getenv("NOTIFY_SOCKET");
    socklen_t size = name != NULL ? address_of(name, &address) : 0;
    if (size > 0)
        manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (manager >= 0 && connect(manager, (const struct sockaddr *)&address, size) != 0)
        notify_close();
    unsetenv("NOTIFY_SOCKET");
}

void notify_close(void) {
    if (manager >= 0)
        close(manager);
    manager = -1;
}

static void tell(const char *text) {
    if (manager >= 0)
        (void)send(manager, text, strlen(text), MSG_NOSIGNAL);
}

void notify_ready(void) {
    tell("READY=1");
}

void notify_reloading(void) {
    char text[64];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)now.tv_sec * 1000000U + (unsigned long long)now.tv_nsec / 1000U);
    tell(text);
}

void notify_stopping(void) {
    tell("STOPPING=1");
}

void notify_status(const char *text) {
    char line[NOTIFY_MAX_STATUS + sizeof "STATUS="];
    snprintf(line, sizeof line, "STATUS=%.*s", NOTIFY_MAX_STATUS, text);
    for (char *at = line; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = ' ';
    tell(line);
}

uint64_t notify_watchdog_us(void) {
    const char *process = getenv("WATCHDOG_PID");
    const char *period = getenv("WATCHDOG_USEC");
    if (manager < 0 || period == NULL)
        return 0;
    if (process != NULL && strtoull(process, NULL, 10) != (unsigned long long)getpid())
        return 0;
    return strtoull(period, NULL, 10) / 2;
}

void notify_alive(void) {
    tell("WATCHDOG=1");
}
