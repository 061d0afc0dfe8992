/*
 * test_fanout.c - two sockets of one group, whatever number the kernel gives it. Needs the right to
 * capture; skipped without.
 */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fanout.h"

enum { NOT_ALLOWED = -1 };

static int open_socket(void) {
    const struct sockaddr_ll loopback = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = (int)if_nametoindex("lo"),
    };
    int descriptor = socket(AF_PACKET, SOCK_RAW, 0);
    if (descriptor < 0)
        return NOT_ALLOWED;
    assert_int_equal(bind(descriptor, (const struct sockaddr *)&loopback, sizeof loopback), 0);
    return descriptor;
}

static void demand_room_for_two(int first, struct fanout_group *group) {
    struct fanout_group before = *group;
    int second = open_socket();
    assert_true(group->exists);
    assert_int_equal(fanout_join(second, group), 0);
    assert_true(group->exists);
    assert_int_equal(group->number, before.number);
    close(second);
    close(first);
}

static void two_sockets_share_a_group(void **state) {
    struct fanout_group group = {0};
    (void)state;
    int descriptor = open_socket();
    if (descriptor == NOT_ALLOWED) {
        print_message("skipped: capturing is not allowed here\n");
        skip();
    }
    assert_int_equal(fanout_join(descriptor, &group), 0);
    demand_room_for_two(descriptor, &group);
}

/* The kernel gives it to the first group after a start, and again after 65,536 of them. */
static void number_0_is_a_group_like_others(void **state) {
    struct fanout_group group = {.exists = true, .number = 0};
    (void)state;
    int descriptor = open_socket();
    if (descriptor == NOT_ALLOWED)
        skip();
    assert_int_equal(fanout_join(descriptor, &group), 0);
    assert_int_equal(group.number, 0);
    demand_room_for_two(descriptor, &group);
}

/* Groups of others have numbers, too: in a namespace of our own there are none. */
static int leave_namespace(void **state) {
    (void)state;
    (void)unshare(CLONE_NEWNET);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_sockets_share_a_group),
        cmocka_unit_test(number_0_is_a_group_like_others),
    };
    return cmocka_run_group_tests(tests, leave_namespace, NULL);
}
