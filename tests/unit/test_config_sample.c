/*
 * test_config_sample.c - the sample configuration is the manual, so it is held to the code: every
 * key is in it, with its default and its range, and its examples can be used.
 */
#include "config_sections.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char sample_path[] = DOWNGRD_SOURCE_DIR "/sensor/config/downgrd.yaml";

static char *read_sample(void) {
    FILE *file = fopen(sample_path, "rb");
    assert_non_null(file);
    char *text = calloc(1, CONFIG_MAX_BYTES);
    assert_non_null(text);
    assert_true(fread(text, 1, CONFIG_MAX_BYTES - 1, file) > 0);
    fclose(file);
    return text;
}

static struct config *parse_good(const char *text) {
    static struct config_errors errors;
    struct config *config = config_parse(text, strlen(text), &errors);
    if (config == NULL)
        config_errors_print(&errors, sample_path, stderr);
    assert_non_null(config);
    return config;
}

static void assert_same_text(const char *name, const char *one, const char *other) {
    if ((one == NULL) != (other == NULL) || (one != NULL && strcmp(one, other) != 0))
        fail_msg("%s", name);
}

/* Two targets of one key hold the same. */
static void assert_same_value(const char *section, const struct config_key *one,
                              const struct config_key *other) {
    char name[CONFIG_PATH_SIZE];
    bool is_same = true;
    (void)snprintf(name, sizeof name, "%s.%s: the sample has another default", section, one->name);
    switch (one->type) {
    case CONFIG_BOOL:
    case CONFIG_LAZY:
        is_same = *(const bool *)one->target == *(const bool *)other->target;
        break;
    case CONFIG_COUNT:
        is_same = *(const size_t *)one->target == *(const size_t *)other->target;
        break;
    case CONFIG_DEPTH:
        is_same = *(const unsigned *)one->target == *(const unsigned *)other->target;
        break;
    case CONFIG_DURATION:
        is_same = *(const uint64_t *)one->target == *(const uint64_t *)other->target;
        break;
    case CONFIG_LEVEL:
        is_same = *(const enum log_level *)one->target == *(const enum log_level *)other->target;
        break;
    case CONFIG_SEVERITY:
        is_same =
            *(const enum rule_severity *)one->target == *(const enum rule_severity *)other->target;
        break;
    case CONFIG_THRESHOLD:
        is_same = rule_threshold_get(one->threshold, one->target) ==
                  rule_threshold_get(other->threshold, other->target);
        break;
    case CONFIG_TEXT:
        assert_same_text(name, *(const char *const *)one->target,
                         *(const char *const *)other->target);
        break;
    case CONFIG_VERSION:
    case CONFIG_RULES:
    case CONFIG_NETS:
    case CONFIG_DOMAINS:
    case CONFIG_JA4:
    case CONFIG_OTHER:
        fail_msg("%s: no single value", name);
    }
    if (!is_same)
        fail_msg("%s", name);
}

/* The sample's line of a key: indented, and with its value; in the part that begins with `head`. */
static const char *find_line(const char *sample, const char *head, const char *name, int indent) {
    char wanted[CONFIG_PATH_SIZE];
    const char *part = strstr(sample, head);
    (void)snprintf(wanted, sizeof wanted, "\n%*s%s: ", indent, "", name);
    const char *line = part != NULL ? strstr(part, wanted) : NULL;
    if (line == NULL)
        fail_msg("the sample has no '%s' in its part '%s'", name, head + 1);
    return line + 1;
}

/* A key that has a range says so behind its value. */
static void assert_documented(const char *sample, const char *head, const struct config_key *key,
                              int indent) {
    char range[CONFIG_HINT_SIZE];
    char comment[CONFIG_HINT_SIZE + 2];
    const char *line = find_line(sample, head, key->name, indent);
    if (key->type == CONFIG_TEXT)
        return;
    (void)snprintf(comment, sizeof comment, "# %s", config_range_format(key, range));
    size_t size = strcspn(line, "\n");
    size_t comment_size = strlen(comment);
    if (size < comment_size || strncmp(line + size - comment_size, comment, comment_size) != 0)
        fail_msg("the sample's line '%.*s' does not end in '%s'", (int)size, line, comment);
}

static void test_sections(void **state) {
    (void)state;
    char *text = read_sample();
    struct config *sample = parse_good(text);
    struct config *defaults = config_default();
    struct config_section written[CONFIG_SECTION_COUNT];
    struct config_section wanted[CONFIG_SECTION_COUNT];
    config_sections_bind(sample, written);
    config_sections_bind(defaults, wanted);
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
        char head[CONFIG_PATH_SIZE];
        (void)snprintf(head, sizeof head, "\n%s:\n", wanted[i].name);
        for (size_t j = 0; j < wanted[i].key_count; j++) {
            assert_documented(text, head, &wanted[i].keys[j], 2);
            assert_same_value(wanted[i].name, &written[i].keys[j], &wanted[i].keys[j]);
        }
    }
    assert_int_equal(sample->pipeline.classify, defaults->pipeline.classify);
    assert_int_equal(sample->pipeline.judge.exceptions.count, 0);
    assert_int_equal(sample->pipeline.judge.expectations.count, 0);
    config_delete(sample);
    config_delete(defaults);
    free(text);
}

static void test_rules(void **state) {
    (void)state;
    char *text = read_sample();
    struct config *sample = parse_good(text);
    struct config *defaults = config_default();
    assert_int_equal(sample->pipeline.judge.rules_on, defaults->pipeline.judge.rules_on);
    for (size_t i = 0; i < rules_count; i++) {
        struct config_key written[CONFIG_SECTION_KEYS];
        struct config_key wanted[CONFIG_SECTION_KEYS];
        bool is_on = false;
        char head[CONFIG_PATH_SIZE];
        (void)snprintf(head, sizeof head, "\n  %s:\n", rules_all[i]->kind);
        size_t count = config_rule_keys(defaults, i, &is_on, wanted);
        assert_int_equal(config_rule_keys(sample, i, &is_on, written), count);
        assert_true(count == rules_all[i]->threshold_count + 2);
        for (size_t j = 0; j < count; j++) {
            assert_documented(text, head, &wanted[j], 4);
            assert_same_value(rules_all[i]->kind, &written[j], &wanted[j]);
        }
    }
    config_delete(sample);
    config_delete(defaults);
    free(text);
}

/* Which rules an interception box silences is told where it is configured. */
static void test_interception_names_its_rules(void **state) {
    (void)state;
    char *text = read_sample();
    const char *begin = strstr(text, "\n# Interception:");
    assert_non_null(begin);
    char *end = strstr(begin, "\ninterception:");
    assert_non_null(end);
    *end = '\0';
    for (size_t i = 0; i < rules_count; i++)
        if (rules_all[i]->is_left_by_interception != (strstr(begin, rules_all[i]->kind) != NULL))
            fail_msg("%s: is it silenced by interception or not?", rules_all[i]->kind);
    free(text);
}

/* Takes the '#' from the examples, which begin with a "#name:" line and end with an empty one, and
 * the empty lists before them out. */
static void uncomment(char *text) {
    char *to = text;
    bool is_example = false;
    for (const char *line = text; *line != '\0';) {
        size_t size = strcspn(line, "\n") + 1;
        if (line[0] == '#' && line[1] >= 'a' && line[1] <= 'z')
            is_example = true;
        if (line[0] != '#')
            is_example = false;
        bool is_empty_list = size > 5 && strncmp(line + size - 5, ": []\n", 5) == 0;
        if (!is_empty_list) {
            size_t skipped = is_example ? 1 : 0;
            memmove(to, line + skipped, size - skipped);
            to += size - skipped;
        }
        line += size;
    }
    *to = '\0';
}

static void test_examples(void **state) {
    (void)state;
    char *text = read_sample();
    uncomment(text);
    struct config *config = parse_good(text);
    const struct judge_config *judge = &config->pipeline.judge;
    assert_int_equal(judge->exceptions.count, 4); /* three, and a box */
    assert_int_equal(judge->expectations.count, 1);
    assert_string_equal(judge->expectations.list[0].range.pool, "legacy");
    assert_true(judge->exceptions.list[0].where.domains.patterns[1].is_suffix);
    config_delete(config);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_interception_names_its_rules),
        cmocka_unit_test(test_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
