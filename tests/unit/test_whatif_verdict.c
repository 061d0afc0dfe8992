/* test_whatif_verdict.c - the verdict over facts: each limit at its nearest misses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "whatif_verdict.h"

#define BIT(reason) (UINT32_C(1) << (reason))

/* A domain that is safe by the default limits, with nothing to spare. */
static const struct whatif_facts just_safe = {
    .handshakes = 100000,
    .answered = 90000,
    .refused = 89, /* 0.0989% */
    .by_client = 60,
    .by_server = 29,
    .has_clients = true,
    .clients = 9,
    .not_seen = 5000, /* 95% were seen */
    .days_asked = 30,
    .days_watched = 30,
    .packets = 1000000,
    .packets_dropped = 10000, /* 1% */
};

struct change {
    const char *what;
    size_t offset;
    uint64_t value;
    enum whatif_verdict verdict;
    uint32_t reasons;
};

#define CHANGE(field, value, verdict, reasons)                                                     \
    { #field " = " #value, offsetof(struct whatif_facts, field), value, verdict, reasons }

static void test_nearest_misses(void **state) {
    (void)state;
    const struct change changes[] = {
        CHANGE(refused, 0, WHATIF_SAFE, 0),
        CHANGE(refused, 89, WHATIF_SAFE, 0),
        CHANGE(refused, 90, WHATIF_NOT_SAFE, BIT(WHATIF_SHARE)), /* 0.1% is not below it */
        CHANGE(refused, 91, WHATIF_NOT_SAFE, BIT(WHATIF_SHARE)),
        CHANGE(refused, 90000, WHATIF_NOT_SAFE, BIT(WHATIF_SHARE)),
        CHANGE(answered, 89001, WHATIF_SAFE, 0),
        CHANGE(answered, 89000, WHATIF_NOT_SAFE, BIT(WHATIF_SHARE)),
        CHANGE(clients, 0, WHATIF_SAFE, 0),
        CHANGE(clients, 9, WHATIF_SAFE, 0),
        CHANGE(clients, 10, WHATIF_NOT_SAFE, BIT(WHATIF_CLIENTS)),
        CHANGE(not_seen, 5001, WHATIF_WATCH, BIT(WHATIF_COVERAGE)),
        CHANGE(not_seen, 100000, WHATIF_WATCH, BIT(WHATIF_COVERAGE)),
        CHANGE(days_watched, 29, WHATIF_WATCH, BIT(WHATIF_FEW_DAYS)),
        CHANGE(days_watched, 31, WHATIF_SAFE, 0),
        CHANGE(days_watched, 0, WHATIF_WATCH, BIT(WHATIF_FEW_DAYS)),
        CHANGE(days_asked, 31, WHATIF_WATCH, BIT(WHATIF_FEW_DAYS)),
        CHANGE(days_stale, 1, WHATIF_WATCH, BIT(WHATIF_STALE)),
        CHANGE(packets_dropped, 10001, WHATIF_WATCH, BIT(WHATIF_DROPPED)),
        CHANGE(packets, 999999, WHATIF_WATCH, BIT(WHATIF_DROPPED)),
        CHANGE(records_lost, 1, WHATIF_WATCH, BIT(WHATIF_RECORDS_LOST)),
        CHANGE(clients_lost, 1, WHATIF_WATCH, BIT(WHATIF_CLIENTS_LOST)),
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct whatif_facts facts = just_safe;
        memcpy((char *)&facts + changes[i].offset, &changes[i].value, sizeof changes[i].value);
        struct whatif_judgement judged = whatif_judge(&facts, &whatif_default_limits);
        if (judged.verdict != changes[i].verdict || judged.reasons != changes[i].reasons)
            fail_msg("%s: %s, reasons %x", changes[i].what, whatif_verdict_name(judged.verdict),
                     (unsigned)judged.reasons);
    }
}

static void test_few_handshakes(void **state) {
    (void)state;
    struct whatif_facts facts = just_safe;
    facts.refused = 0;
    facts.answered = 100;
    assert_int_equal(whatif_judge(&facts, &whatif_default_limits).verdict, WHATIF_SAFE);
    facts.answered = 99;
    struct whatif_judgement judged = whatif_judge(&facts, &whatif_default_limits);
    assert_int_equal(judged.verdict, WHATIF_WATCH);
    assert_int_equal(judged.reasons, BIT(WHATIF_FEW_HANDSHAKES));
}

/* All zeros: nothing was seen, by nobody. */
static void test_nothing_is_never_safe(void **state) {
    (void)state;
    const struct whatif_facts facts = {0};
    struct whatif_judgement judged = whatif_judge(&facts, &whatif_default_limits);
    assert_int_equal(judged.verdict, WHATIF_WATCH);
    assert_int_equal(judged.reasons, BIT(WHATIF_UNSEEN) | BIT(WHATIF_CLIENTS_UNKNOWN));
}

/* Clients that are not counted for the minimum asked for: no "safe", whatever their number says. */
static void test_unknown_clients(void **state) {
    (void)state;
    struct whatif_facts facts = just_safe;
    facts.has_clients = false;
    facts.clients = 1000;
    struct whatif_judgement judged = whatif_judge(&facts, &whatif_default_limits);
    assert_int_equal(judged.verdict, WHATIF_WATCH);
    assert_int_equal(judged.reasons, BIT(WHATIF_CLIENTS_UNKNOWN));
}

/* Thin evidence of harm is evidence of harm; the thinness is said, too. */
static void test_against_wins(void **state) {
    (void)state;
    struct whatif_facts facts = just_safe;
    facts.answered = 2;
    facts.refused = 1;
    facts.days_watched = 1;
    struct whatif_judgement judged = whatif_judge(&facts, &whatif_default_limits);
    assert_int_equal(judged.verdict, WHATIF_NOT_SAFE);
    assert_int_equal(judged.reasons,
                     BIT(WHATIF_SHARE) | BIT(WHATIF_FEW_HANDSHAKES) | BIT(WHATIF_FEW_DAYS));
}

static void test_limits_can_be_changed(void **state) {
    (void)state;
    struct whatif_facts facts = just_safe;
    struct whatif_limits limits = whatif_default_limits;
    limits.max_share = 0.0;
    assert_int_equal(whatif_judge(&facts, &limits).verdict, WHATIF_NOT_SAFE);
    facts.refused = 0; /* no share at all passes any limit */
    assert_int_equal(whatif_judge(&facts, &limits).verdict, WHATIF_SAFE);
    limits.max_clients = 0;
    assert_int_equal(whatif_judge(&facts, &limits).verdict, WHATIF_NOT_SAFE);
    facts.clients = 0;
    assert_int_equal(whatif_judge(&facts, &limits).verdict, WHATIF_SAFE);
    limits.min_coverage = 1.0;
    assert_int_equal(whatif_judge(&facts, &limits).verdict, WHATIF_WATCH);
    limits.min_coverage = 0.0;
    limits.min_handshakes = 90001;
    assert_int_equal(whatif_judge(&facts, &limits).verdict, WHATIF_WATCH);
}

/* Each reason has a name of its own and words with its figures. */
static void test_words(void **state) {
    (void)state;
    char text[WHATIF_TEXT_SIZE];
    for (unsigned i = 0; i < WHATIF_REASON_COUNT; i++) {
        assert_non_null(whatif_reason_name((enum whatif_reason)i));
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(whatif_reason_name((enum whatif_reason)i),
                                    whatif_reason_name((enum whatif_reason)j));
        assert_true(strlen(whatif_reason_text((enum whatif_reason)i, &just_safe,
                                              &whatif_default_limits, text)) > 10);
    }
    (void)whatif_reason_text(WHATIF_SHARE, &just_safe, &whatif_default_limits, text);
    assert_string_equal(text,
                        "89 of 90000 answered handshakes would be refused (0.0989%; the limit "
                        "is below 0.1%): 60 by old clients, 29 by old servers, 0 pushed down "
                        "or not known by whom");
    struct whatif_facts most = just_safe;
    memset(&most, 0xff, sizeof most);
    most.has_clients = true;
    for (unsigned i = 0; i < WHATIF_REASON_COUNT; i++)
        assert_true(strlen(whatif_reason_text((enum whatif_reason)i, &most, &whatif_default_limits,
                                              text)) < WHATIF_TEXT_SIZE - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest_misses),
        cmocka_unit_test(test_few_handshakes),
        cmocka_unit_test(test_nothing_is_never_safe),
        cmocka_unit_test(test_unknown_clients),
        cmocka_unit_test(test_against_wins),
        cmocka_unit_test(test_limits_can_be_changed),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
