/* test_judging.c - nDPI is asked when a sink tells applications, and only then. */
#include "judging.h"
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const uint16_t suites[] = {0x1301, 0xc02f, 0};
static const uint16_t versions[] = {0x0304, 0x0303, 0};

enum { TOLD_SIZE = 16 };

static void take_application(void *context, const struct verdict *verdict) {
    const char *name = verdict->application.name;
    snprintf((char *)context, TOLD_SIZE, "%s", name ? name : "");
}

static void judge_with(const struct sink *sink) {
    const struct source source = {.sensor = "test", .name = "a.pcap", .is_file = true};
    struct judging_config config = {.usage_buckets = 64, .classify = true};
    struct scene scene;
    judge_default_config(&config.judge);
    struct judging *judging = judging_new(&config, &sink, 1);
    assert_non_null(judging);
    scene_init(&scene);
    scene_offer(&scene, (struct client_spec){
                            .suites = suites, .versions = versions, .name = "www.google.com"});
    scene_answer(&scene, (struct server_spec){.suite = 0x1301});
    judging_handshake(judging, &source, &scene.handshake);
    judging_delete(judging);
}

static void applications_are_known_to_a_sink_that_tells_them(void **state) {
    (void)state;
    char told[TOLD_SIZE] = "?";
    struct sink sink = {.context = told, .tells_applications = true, .handshake = take_application};
    judge_with(&sink);
    assert_string_equal(told, "Google");
    sink.tells_applications = false;
    judge_with(&sink);
    assert_string_equal(told, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(applications_are_known_to_a_sink_that_tells_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
