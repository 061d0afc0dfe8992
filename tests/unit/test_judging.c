/* test_judging.c - nDPI is asked when a sink tells applications, and only then. */
#include "judging.h"
#include "scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const uint16_t suites[] = {0x1301, 0xc02f, 0};
static const uint16_t versions[] = {0x0304, 0x0303, 0};

static void take_application(void *context, const struct verdict *verdict) {
    char(*told)[16] = context;
    const char *name = verdict->application.name;
    snprintf(*told, sizeof *told, "%s", name ? name : "");
}

static void judge_with(bool tells_applications, char told[16]) {
    const struct source source = {.sensor = "test", .name = "a.pcap", .is_file = true};
    const struct sink sink = {
        .context = told, .tells_applications = tells_applications, .handshake = take_application};
    const struct sink *const sinks[] = {&sink};
    struct judging_config config = {.usage_buckets = 64, .classify = true};
    struct scene scene;
    judge_default_config(&config.judge);
    struct judging *judging = judging_new(&config, sinks, 1);
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
    char told[16] = "?";
    judge_with(true, told);
    assert_string_equal(told, "Google");
    judge_with(false, told);
    assert_string_equal(told, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(applications_are_known_to_a_sink_that_tells_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
