/*
 * verdict_scene.h - a handshake (scene.h) with its verdict and one alert, as sinks get them.
 */
#ifndef DOWNGRD_VERDICT_SCENE_H
#define DOWNGRD_VERDICT_SCENE_H

#include "scene.h"
#include "verdict.h"

struct verdict_scene {
    struct scene scene;
    struct source source; /* the file "capture.pcap" */
    struct verdict verdict;
    struct finding finding;
    struct alert alert; /* downgrade-sentinel, two lines of evidence */
};

/* 2026-11-23 12:00:00.123456 UTC: when the ServerHello of every scene came. */
#define SCENE_HELLO_US UINT64_C(1795435200123456)

/* A TLS 1.3 client talked down to 1.2 by somebody in between: sentinel, illegal_parameter. */
void verdict_scene_init(struct verdict_scene *scene, const char *domain);

/* A client that offers up to `offered` and a server that picks `chosen` (code points); legacy and
 * limiter as the judge would say. */
void verdict_scene_versions(struct verdict_scene *scene, const char *domain, uint16_t offered,
                            uint16_t chosen);

#endif
