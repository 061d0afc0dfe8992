/*
 * test_record_ring.c - records on their way to another thread: that copies hold everything and
 * nothing of the original, that the ring loses none unsaid, and its two ends on two threads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "record_copy.h"
#include "record_ring.h"
#include "scene.h"

static struct scene scene;

static void make_record(void) {
    static const uint16_t suites[] = {0x1301, 0xc02f, 0};
    static const uint16_t versions[] = {0x0304, 0x0303, 0};
    static const uint16_t groups[] = {29, 23, 0};
    static const uint16_t extensions[] = {35, 42, 44, 0xffce, 0};
    const struct client_spec client = {.random = 7,
                                       .session_id = 9,
                                       .has_psk_modes = true,
                                       .has_signature_algorithms = true,
                                       .name = "ring.example",
                                       .suites = suites,
                                       .versions = versions,
                                       .groups = groups,
                                       .shares = groups,
                                       .extensions = extensions};
    const struct server_spec server = {.selected = 0x0304, .suite = 0x1301, .group = 29};
    const struct server_spec retry = {
        .selected = 0x0304, .suite = 0x1301, .group = 23, .is_retry = true};
    scene_init(&scene);
    scene_offer(&scene, client);
    scene_second_offer(&scene, client);
    scene_answer(&scene, retry);
    scene_answer(&scene, server);
    static const uint8_t list[] = {0, 0, 0, 1, 0x6b, 0x33, 0x43, 0xcf};
    scene.handshake.quic.offered_versions = span_of(list, sizeof list);
}

/* Whether any pointer-sized word of the copy points into the scene: a span that was forgotten. */
static bool points_into_scene(const struct handshake *copy) {
    uintptr_t begin = (uintptr_t)&scene;
    for (size_t at = 0; at + sizeof begin <= sizeof *copy; at += sizeof begin) {
        uintptr_t word = 0;
        memcpy(&word, (const uint8_t *)copy + at, sizeof word);
        if (word >= begin && word < begin + sizeof scene)
            return true;
    }
    return false;
}

static void demand_same(struct span expected, struct span found) {
    assert_int_equal(span_is_absent(expected), span_is_absent(found));
    assert_true(span_equal(expected, found));
}

static void demand_same_hello(const struct client_hello *expected,
                              const struct client_hello *found) {
    demand_same(expected->random, found->random);
    demand_same(expected->session_id, found->session_id);
    demand_same(expected->cipher_suites, found->cipher_suites);
    demand_same(expected->compression_methods, found->compression_methods);
    demand_same(expected->extensions, found->extensions);
    demand_same(expected->server_name, found->server_name);
    demand_same(expected->supported_versions, found->supported_versions);
    demand_same(expected->supported_groups, found->supported_groups);
    demand_same(expected->key_share, found->key_share);
    demand_same(expected->signature_algorithms, found->signature_algorithms);
    demand_same(expected->psk_key_exchange_modes, found->psk_key_exchange_modes);
    demand_same(expected->session_ticket, found->session_ticket);
    demand_same(expected->early_data, found->early_data);
    demand_same(expected->encrypted_client_hello, found->encrypted_client_hello);
    demand_same(expected->encrypted_server_name, found->encrypted_server_name);
}

enum { ROOM = 65536 };

/* In memory that was used before: what is not copied shows. */
static const struct handshake *copy_of_scene(size_t *size) {
    static _Alignas(RECORD_COPY_ALIGNMENT) uint8_t memory[ROOM];
    memset(memory, 0xa5, sizeof memory);
    *size = record_copy(&scene.handshake, memory, sizeof memory);
    return (const struct handshake *)(const void *)memory;
}

static void test_copy_stands_alone(void **state) {
    (void)state;
    size_t size = 0;
    make_record();
    const struct handshake *copy = copy_of_scene(&size);
    assert_in_range(size, sizeof *copy, ROOM);
    assert_false(points_into_scene(copy));
    demand_same_hello(&scene.handshake.offer, &copy->offer);
    demand_same_hello(&scene.handshake.second_offer, &copy->second_offer);
    demand_same(scene.handshake.choice.random, copy->choice.random);
    demand_same(scene.handshake.choice.extensions, copy->choice.extensions);
    demand_same(scene.handshake.retry.extensions, copy->retry.extensions);
    demand_same(scene.handshake.quic.offered_versions, copy->quic.offered_versions);
    assert_int_equal(copy->started_us, scene.handshake.started_us);
    /* what an extension's span says lies inside the block that was copied with it */
    assert_true(copy->offer.server_name.data > copy->offer.extensions.data);
}

static void test_copy_has_what_is_counted(void **state) {
    (void)state;
    size_t size = 0;
    make_record();
    struct handshake *record = &scene.handshake;
    record->alert_count = 2;
    record->alerts[1].packet = 11;
    record->suspect_count = 2;
    record->suspects[1].mark.packet = 12;
    record->conflict_count = 1;
    record->conflicts[0].second.mark.packet = 13;
    record->tunnel_count = 2;
    record->tunnels[1].id = 14;
    memset(record->certificate_name, 'n', HANDSHAKE_MAX_NAME);
    record->side[SIDE_SERVER].duplicates = 15;
    const struct handshake *copy = copy_of_scene(&size);
    assert_memory_equal(copy->alerts, record->alerts, 2 * sizeof copy->alerts[0]);
    assert_memory_equal(copy->suspects, record->suspects, 2 * sizeof copy->suspects[0]);
    assert_memory_equal(copy->conflicts, record->conflicts, sizeof copy->conflicts[0]);
    assert_memory_equal(copy->tunnels, record->tunnels, sizeof copy->tunnels);
    assert_string_equal(copy->certificate_name, record->certificate_name);
    assert_int_equal(copy->side[SIDE_SERVER].duplicates, 15);
    record->certificate_name[0] = '\0';
    assert_string_equal(copy_of_scene(&size)->certificate_name, "");
}

/* A second offer and a retry that the record does not say it has are not there. */
static void test_copy_without_a_retry(void **state) {
    (void)state;
    size_t with = 0;
    size_t without = 0;
    make_record();
    (void)copy_of_scene(&with);
    scene.handshake.has &= ~(uint32_t)(HANDSHAKE_HAS_SECOND_OFFER | HANDSHAKE_HAS_RETRY);
    const struct handshake *copy = copy_of_scene(&without);
    assert_true(without < with);
    assert_false(points_into_scene(copy));
    assert_true(span_is_absent(copy->second_offer.extensions));
    assert_true(span_is_absent(copy->retry.random));
}

static void test_copy_needs_all_its_room(void **state) {
    (void)state;
    size_t size = 0;
    make_record();
    (void)copy_of_scene(&size);
    for (size_t room = 0; room <= size;
         room++) { /* as large as that: nothing may be written behind */
        uint8_t *memory = malloc(size);
        assert_non_null(memory);
        memset(memory, 0xa5, size);
        assert_int_equal(record_copy(&scene.handshake, memory, room), room < size ? 0 : size);
        for (size_t at = room; at < size; at++)
            assert_int_equal(memory[at], 0xa5);
        free(memory);
    }
}

static void test_an_empty_record(void **state) {
    static struct handshake empty;
    static struct handshake memory;
    (void)state;
    assert_int_equal(record_copy(&empty, &memory, sizeof memory), sizeof empty);
    assert_true(span_is_absent(memory.offer.extensions));
}

static void test_order_and_room(void **state) {
    struct ringed_record first;
    uint64_t put = 0;
    (void)state;
    make_record();
    struct record_ring *ring = record_ring_new(0);
    assert_non_null(ring);
    assert_false(record_ring_first(ring, &first));
    while (record_ring_put(ring, &scene.handshake, put, put * 2))
        put++;
    assert_true(put > 100);
    record_ring_drop(ring); /* a record does not lie across the end: room for two is wanted there */
    for (uint64_t turn = 1; turn < 5000; turn++) { /* many times around */
        assert_true(record_ring_first(ring, &first));
        assert_int_equal(first.told_us, turn);
        assert_int_equal(first.put_ms, turn * 2);
        demand_same(scene.handshake.offer.random, first.record->offer.random);
        record_ring_drop(ring);
        assert_true(record_ring_put(ring, &scene.handshake, put, put * 2));
        put++;
    }
    while (record_ring_first(ring, &first))
        record_ring_drop(ring);
    assert_true(first.told_us == put - 1);
    record_ring_delete(ring);
}

/* Whoever keeps up touches little memory. */
static void test_an_empty_ring_begins_anew(void **state) {
    struct ringed_record first;
    struct ringed_record again;
    (void)state;
    make_record();
    struct record_ring *ring = record_ring_new(0);
    assert_non_null(ring);
    assert_true(record_ring_put(ring, &scene.handshake, 1, 0));
    assert_true(record_ring_put(ring, &scene.handshake, 2, 0));
    assert_true(record_ring_first(ring, &first));
    record_ring_drop(ring);
    assert_true(record_ring_put(ring, &scene.handshake, 3, 0)); /* it is not empty */
    for (uint64_t told_us = 2; told_us <= 3; told_us++) {
        assert_true(record_ring_first(ring, &again));
        assert_int_equal(again.told_us, told_us);
        assert_ptr_not_equal(again.record, first.record);
        record_ring_drop(ring);
    }
    assert_false(record_ring_first(ring, &again));
    assert_true(record_ring_put(ring, &scene.handshake, 4, 0));
    assert_true(record_ring_first(ring, &again));
    assert_ptr_equal(again.record, first.record);
    record_ring_delete(ring);
}

enum { RECORDS = 50000 };

static void *put_all(void *context) {
    struct record_ring *ring = context;
    static struct handshake record;
    record = scene.handshake;
    for (uint64_t i = 0; i < RECORDS; i++) {
        record.flow_id = i;
        while (!record_ring_put(ring, &record, i, 0)) {
        }
    }
    return NULL;
}

static void test_two_threads(void **state) {
    pthread_t thread;
    struct ringed_record first;
    (void)state;
    make_record();
    struct record_ring *ring = record_ring_new(0);
    assert_non_null(ring);
    assert_int_equal(pthread_create(&thread, NULL, put_all, ring), 0);
    for (uint64_t i = 0; i < RECORDS;) {
        if (!record_ring_first(ring, &first))
            continue;
        assert_true(first.told_us == i && first.record->flow_id == i);
        assert_true(span_equal(scene.handshake.offer.extensions, first.record->offer.extensions));
        record_ring_drop(ring);
        i++;
    }
    (void)pthread_join(thread, NULL);
    record_ring_delete(ring);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy_stands_alone),
        cmocka_unit_test(test_copy_has_what_is_counted),
        cmocka_unit_test(test_copy_without_a_retry),
        cmocka_unit_test(test_copy_needs_all_its_room),
        cmocka_unit_test(test_an_empty_record),
        cmocka_unit_test(test_order_and_room),
        cmocka_unit_test(test_an_empty_ring_begins_anew),
        cmocka_unit_test(test_two_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
