/*
 * test_incidents.c - which alerts share an incident, and twins of ClientHellos across taps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "incidents.h"
#include "scene.h"
#include "twin_store.h"

static const uint64_t second_us = 1000000;

static void demand(struct incidents *incidents, uint64_t story, uint64_t second, const char *id,
                   const char *incident, uint32_t part) {
    char own[ALERT_ID_SIZE] = {0};
    uint32_t parts = 0;
    memcpy(own, id, strlen(id));
    assert_string_equal(incidents_join(incidents, story, second * second_us, own, &parts),
                        incident);
    assert_int_equal(parts, part);
}

static void test_alerts_of_one_story_share_an_incident(void **state) {
    (void)state;
    struct incidents *incidents = incidents_new(64);
    assert_non_null(incidents);
    demand(incidents, 7, 100, "aa", "aa", 1);
    demand(incidents, 7, 130, "bb", "aa", 2);
    demand(incidents, 8, 131, "cc", "cc", 1);
    demand(incidents, 7, 700, "dd", "aa", 3);  /* ten minutes from the one before */
    demand(incidents, 7, 690, "ee", "aa", 4);  /* ended later, begun earlier */
    demand(incidents, 7, 1301, "ff", "ff", 1); /* too long after */
    incidents_clear(incidents);
    demand(incidents, 7, 1302, "gg", "gg", 1);
    incidents_delete(incidents);
}

static void test_a_full_table_forgets_the_oldest(void **state) {
    (void)state;
    struct incidents *incidents = incidents_new(8);
    demand(incidents, 1, 100, "aa", "aa", 1);
    for (uint64_t story = 2; story < 40; story++)
        demand(incidents, story, 101, "bb", "bb", 1);
    demand(incidents, 1, 102, "cc", "cc", 1);
    incidents_delete(incidents);
}

static const uint16_t suites[] = {0x1301, 0xc02f, 0};
static const uint16_t versions[] = {TLS_VERSION_1_3, TLS_VERSION_1_2, 0};

static void hello(struct scene *scene, uint8_t random, const uint16_t *offered) {
    scene_init(scene);
    scene_offer(scene,
                (struct client_spec){
                    .random = random, .suites = suites, .versions = offered, .name = "a.example"});
    scene_answer(scene, (struct server_spec){.suite = 0xc02f});
}

static void test_twins(void **state) {
    (void)state;
    const struct domain domain = {.name = "a.example"};
    static struct scene scene;
    bool is_known = true;
    struct twin_store *store = twin_store_new(64);
    hello(&scene, 1, versions);
    assert_null(twin_store_meet(store, &scene.handshake, &domain, &is_known));
    assert_false(is_known);
    assert_null(
        twin_store_meet(store, &scene.handshake, &domain, &is_known)); /* the same at another tap */
    assert_true(is_known);
    hello(&scene, 2, NULL);
    assert_null(twin_store_meet(store, &scene.handshake, &domain, &is_known));
    assert_false(is_known);
    hello(&scene, 1, NULL);
    const struct twin *twin = twin_store_meet(store, &scene.handshake, &domain, &is_known);
    assert_non_null(twin);
    assert_true(twin->is_same_connection);
    assert_int_equal(twin->highest_offered, TLS_VERSION_1_3);
    assert_int_equal(twin->suites, 2);
    scene.handshake.client.port++;
    twin = twin_store_meet(store, &scene.handshake, &domain, &is_known);
    assert_non_null(twin);
    assert_false(twin->is_same_connection);
    assert_false(is_known);
    scene.handshake.offer.is_truncated = true;
    assert_null(twin_store_meet(store, &scene.handshake, &domain, &is_known));
    twin_store_clear(store);
    hello(&scene, 1, NULL);
    assert_null(twin_store_meet(store, &scene.handshake, &domain, &is_known));
    twin_store_delete(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alerts_of_one_story_share_an_incident),
        cmocka_unit_test(test_a_full_table_forgets_the_oldest),
        cmocka_unit_test(test_twins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
