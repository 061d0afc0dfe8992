#include "verdict_scene.h"

#include <stdio.h>

static void fill_verdict(struct verdict_scene *scene, const char *domain) {
    struct handshake *handshake = &scene->scene.handshake;
    handshake->started_us = SCENE_HELLO_US - 20000;
    handshake->side[SIDE_CLIENT].hello_us = SCENE_HELLO_US - 10000;
    handshake->side[SIDE_SERVER].hello_us = SCENE_HELLO_US;
    scene->source = (struct source){.sensor = "lab", .name = "capture.pcap", .is_file = true};
    scene->verdict = (struct verdict){
        .handshake = handshake,
        .source = &scene->source,
        .application = {"", ""},
        .limiter = handshake_limiter(handshake),
        .is_legacy = handshake_negotiated(handshake) != TLS_RANK_UNKNOWN &&
                     handshake_negotiated(handshake) < TLS_RANK_1_2,
    };
    snprintf(scene->verdict.domain.name, DOMAIN_SIZE, "%s", domain);
    scene->alert = (struct alert){
        .id = "00112233445566778899aabbccddeeff",
        .rule = rules_find("downgrade-sentinel"),
        .severity = RULE_SEVERITY_HIGH,
        .verdict = &scene->verdict,
        .finding = &scene->finding,
        .incident = scene->alert.id,
        .part = 1,
        .repeats = 1,
    };
    scene->finding = (struct finding){.confidence = CONFIDENCE_HIGH, .is_downgrade = true};
    finding_add(&scene->finding, "version", 8, "TLS 1.3 (offered in packet 4)", "TLS 1.2");
    finding_add(&scene->finding, "this server earlier", 0, "TLS 1.3", "TLS 1.2");
}

void verdict_scene_init(struct verdict_scene *scene, const char *domain) {
    memset(scene, 0, sizeof(*scene));
    scene_init(&scene->scene);
    scene_offer(&scene->scene,
                (struct client_spec){.name = "example.com",
                                     .suites = (const uint16_t[]){0x1301, 0xc02f, 0x5600, 0},
                                     .versions = (const uint16_t[]){0x3a3a, 0x0304, 0x0303, 0}});
    scene_answer(&scene->scene, (struct server_spec){.suite = 0xc02f, .sentinel = sentinel_tls12});
    scene_alert(&scene->scene, SIDE_CLIENT, 47);
    scene->scene.handshake.alerts[0].time_us = SCENE_HELLO_US + 1000;
    fill_verdict(scene, domain);
}

void verdict_scene_versions(struct verdict_scene *scene, const char *domain, uint16_t offered,
                            uint16_t chosen) {
    memset(scene, 0, sizeof(*scene));
    scene_init(&scene->scene);
    bool is_new = offered == TLS_VERSION_1_3;
    scene_offer(
        &scene->scene,
        (struct client_spec){
            .legacy_version = is_new ? TLS_VERSION_1_2 : offered,
            .name = "example.com",
            .suites = (const uint16_t[]){0x1301, 0xc02f, 0x002f, 0},
            .versions = is_new ? (const uint16_t[]){0x0304, 0x0303, 0x0302, 0x0301, 0} : NULL});
    if (chosen == TLS_VERSION_1_3)
        scene_answer(&scene->scene, (struct server_spec){.suite = 0x1301, .selected = chosen});
    else if (chosen != 0)
        scene_answer(&scene->scene,
                     (struct server_spec){.legacy_version = chosen, .suite = 0x002f});
    fill_verdict(scene, domain);
}
