/*
 * test_notify.c - words to the service manager: what arrives at its socket, and that nothing goes
 * wrong where there is none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager;

static void manager_begin(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, strlen(name));
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(manager, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
                     0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    notify_open();
    assert_null(getenv("NOTIFY_SOCKET"));
}

static void manager_end(void) {
    notify_close();
    close(manager);
}

/* The next message; "" when there is none. */
static const char *heard(void) {
    static char text[1024];
    ssize_t size = recv(manager, text, sizeof text - 1, 0);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static void hears_everything(const char *name) {
    manager_begin(name);
    notify_ready();
    assert_string_equal(heard(), "READY=1");
    notify_stopping();
    assert_string_equal(heard(), "STOPPING=1");
    notify_alive();
    assert_string_equal(heard(), "WATCHDOG=1");
    notify_reloading();
    static const char reloading[] = "RELOADING=1\nMONOTONIC_USEC=";
    const char *message = heard();
    assert_int_equal(strncmp(message, reloading, strlen(reloading)), 0);
    assert_true(strtoull(message + strlen(reloading), NULL, 10) > 0);
    notify_status("eth1: 12 packets\nREADY=1\x1b[31m");
    assert_string_equal(heard(), "STATUS=eth1: 12 packets READY=1 [31m");
    assert_string_equal(heard(), "");
    manager_end();
}

static void a_manager_with_a_path_hears(void **state) {
    (void)state;
    char folder[] = "/tmp/downgrd-notify-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/socket", folder);
    hears_everything(path);
    assert_int_equal(unlink(path) | rmdir(folder), 0);
}

static void an_abstract_one_does_too(void **state) {
    (void)state;
    char name[64];
    (void)snprintf(name, sizeof name, "@downgrd-notify-%d", (int)getpid());
    hears_everything(name);
}

static void say_all(void) {
    notify_ready();
    notify_reloading();
    notify_status("nobody is there");
    notify_alive();
    notify_stopping();
}

static void without_a_manager_nothing_happens(void **state) {
    (void)state;
    static const char *const names[] = {
        NULL, "", "relative", "/", "/no/such/socket", "@", "@nobody-is-there"};
    char longer[300];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i] != NULL)
            setenv("NOTIFY_SOCKET", names[i], 1);
        notify_open();
        say_all();
        assert_int_equal(notify_watchdog_us(), 0);
        notify_close();
    }
    memset(longer, '/', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    setenv("NOTIFY_SOCKET", longer, 1);
    notify_open();
    say_all();
    notify_close();
}

static void one_that_does_not_listen_blocks_nobody(void **state) {
    (void)state;
    char name[64];
    (void)snprintf(name, sizeof name, "@downgrd-notify-%d", (int)getpid());
    manager_begin(name);
    for (unsigned i = 0; i < 100000; i++)
        notify_alive();
    assert_string_equal(heard(), "WATCHDOG=1");
    manager_end();
}

static void the_watchdog_wants_half_its_time(void **state) {
    (void)state;
    char name[64];
    char own[32];
    (void)snprintf(name, sizeof name, "@downgrd-notify-%d", (int)getpid());
    (void)snprintf(own, sizeof own, "%d", (int)getpid());
    manager_begin(name);
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    assert_int_equal(notify_watchdog_us(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(notify_watchdog_us(), 15000000);
    setenv("WATCHDOG_PID", own, 1);
    assert_int_equal(notify_watchdog_us(), 15000000);
    setenv("WATCHDOG_PID", "1", 1); /* another process is meant */
    assert_int_equal(notify_watchdog_us(), 0);
    manager_end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manager_with_a_path_hears),
        cmocka_unit_test(an_abstract_one_does_too),
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(one_that_does_not_listen_blocks_nobody),
        cmocka_unit_test(the_watchdog_wants_half_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
