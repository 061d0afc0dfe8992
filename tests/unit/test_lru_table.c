/*
 * test_lru_table.c - the bounded table under the judge's history, and its hash.
 */
#include "lru_table.h"
#include "siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static uint64_t hash_of(uint64_t number) {
    return siphash(&number, sizeof number, 0);
}

static void test_keeps_and_finds(void **state) {
    (void)state;
    struct lru_table table;
    bool is_new = false;
    assert_true(lru_table_init(&table, 100));
    assert_true(lru_table_slots(&table) >= 100);
    assert_int_equal(lru_table_find(&table, hash_of(1)), SIZE_MAX);
    size_t slot = lru_table_touch(&table, hash_of(1), &is_new);
    assert_true(is_new);
    assert_int_equal(lru_table_touch(&table, hash_of(1), &is_new), slot);
    assert_false(is_new);
    assert_int_equal(lru_table_find(&table, hash_of(1)), slot);
    lru_table_clear(&table);
    assert_int_equal(lru_table_find(&table, hash_of(1)), SIZE_MAX);
    /* A hash of zero is a hash like any other. */
    slot = lru_table_touch(&table, 0, &is_new);
    assert_true(is_new);
    assert_int_equal(lru_table_find(&table, 0), slot);
    lru_table_deinit(&table);
}

static void test_evicts_the_longest_unused(void **state) {
    (void)state;
    struct lru_table table;
    bool is_new = false;
    assert_true(lru_table_init(&table, 1)); /* one set */
    assert_int_equal(lru_table_slots(&table), LRU_SET_SIZE);
    for (uint64_t i = 1; i <= LRU_SET_SIZE; i++)
        lru_table_touch(&table, i, &is_new);
    assert_int_equal(table.evicted, 0);
    lru_table_touch(&table, 1, &is_new); /* now 2 is the oldest */
    lru_table_touch(&table, 100, &is_new);
    assert_true(is_new);
    assert_int_equal(table.evicted, 1);
    assert_int_equal(lru_table_find(&table, 2), SIZE_MAX);
    assert_int_not_equal(lru_table_find(&table, 1), SIZE_MAX);
    /* Looking is no use. */
    assert_int_not_equal(lru_table_find(&table, 3), SIZE_MAX);
    lru_table_touch(&table, 101, &is_new);
    assert_int_equal(lru_table_find(&table, 3), SIZE_MAX);
    lru_table_deinit(&table);
}

/* Many more keys than room: every slot stays within bounds, and the newest are still there. */
static void test_flood(void **state) {
    (void)state;
    struct lru_table table;
    bool is_new = false;
    assert_true(lru_table_init(&table, 1024));
    for (uint64_t i = 0; i < 100000; i++)
        assert_true(lru_table_touch(&table, hash_of(i), &is_new) < lru_table_slots(&table));
    assert_true(table.evicted >= 100000 - 1024);
    assert_int_not_equal(lru_table_find(&table, hash_of(99999)), SIZE_MAX);
    size_t kept = 0;
    for (uint64_t i = 100000 - 1024; i < 100000; i++)
        kept += lru_table_find(&table, hash_of(i)) != SIZE_MAX;
    assert_true(kept > 800);
    lru_table_deinit(&table);
}

static void test_hash_depends_on_everything(void **state) {
    (void)state;
    uint8_t bytes[24] = {0};
    uint64_t plain = siphash(bytes, sizeof bytes, 0);
    assert_true(plain != siphash(bytes, sizeof bytes, 1));
    for (size_t size = 0; size < sizeof bytes; size++)
        assert_true(plain != siphash(bytes, size, 0));
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = 1;
        assert_true(plain != siphash(bytes, sizeof bytes, 0));
        bytes[i] = 0;
    }
    assert_true(plain == siphash(bytes, sizeof bytes, 0));
}

/* The same as another implementation (OpenSSL's) says for our key. */
static void test_hash_is_siphash(void **state) {
    (void)state;
    assert_true(siphash("downgrd hashes this", 19, 0) == 0xdc68d83328ba1286U);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_and_finds), cmocka_unit_test(test_evicts_the_longest_unused),
        cmocka_unit_test(test_flood),           cmocka_unit_test(test_hash_depends_on_everything),
        cmocka_unit_test(test_hash_is_siphash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
