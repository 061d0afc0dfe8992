/*
 * test_linger.c - the queue against a plain list that is searched, over many random additions and
 * removals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "linger.h"

#include <stdlib.h>

enum { MAX = 50, STEPS = 20000 };

/* What should be waiting: in the order of being added. */
struct model {
    struct lingering entries[MAX];
    size_t count;
};

static size_t model_first(const struct model *model) {
    size_t first = 0;
    for (size_t i = 1; i < model->count; i++)
        if (model->entries[i].due_us < model->entries[first].due_us)
            first = i;
    return first;
}

static void model_remove(struct model *model, size_t at) {
    model->count--;
    for (size_t i = at; i < model->count; i++)
        model->entries[i] = model->entries[i + 1];
}

static void assert_first_is(const struct linger *linger, const struct model *model) {
    const struct lingering *first = linger_at(linger, 0);
    if (model->count == 0) {
        assert_null(first);
        return;
    }
    assert_non_null(first);
    assert_int_equal(first->flow, model->entries[model_first(model)].flow);
}

static void comes_out_in_the_order_of_being_due_then_of_being_added(void **state) {
    (void)state;
    struct linger linger;
    struct model model = {.count = 0};
    uint32_t random = 1;
    assert_int_equal(linger_init(&linger, MAX), 0);
    for (uint32_t step = 0; step < STEPS; step++) {
        random = random * 1664525U + 1013904223U;
        uint32_t choice = random >> 16U;
        if (model.count < MAX && (choice % 5 < 3 || model.count == 0)) {
            const struct lingering entry = {1000 + choice / 5 % 40, step, 0};
            linger_add(&linger, &entry);
            model.entries[model.count++] = entry;
        } else {
            size_t at = choice % 5 == 4 ? choice / 5 % model.count : model_first(&model);
            linger_remove(&linger, model.entries[at].due_us, model.entries[at].flow);
            model_remove(&model, at);
        }
        assert_first_is(&linger, &model);
    }
    linger_deinit(&linger);
}

static void a_shift_of_the_clock_moves_all_alike(void **state) {
    (void)state;
    struct linger linger;
    assert_int_equal(linger_init(&linger, 2), 0);
    linger_add(&linger, &(struct lingering){2000, 7, 0});
    linger_add(&linger, &(struct lingering){1000, 8, 0});
    linger_shift(&linger, -500);
    assert_int_equal(linger_at(&linger, 0)->due_us, 500);
    assert_int_equal(linger_at(&linger, 1)->due_us, 1500);
    assert_null(linger_at(&linger, 2));
    linger_remove(&linger, 500, 8);
    assert_int_equal(linger_at(&linger, 0)->flow, 7);
    linger_deinit(&linger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_out_in_the_order_of_being_due_then_of_being_added),
        cmocka_unit_test(a_shift_of_the_clock_moves_all_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
