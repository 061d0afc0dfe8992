/*
 * dtls_stage.c - see dtls_stage.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "dtls_stage.h"

int dtls_stage_open(void **state) {
    struct dtls_stage *stage = test_calloc(1, sizeof *stage);
    tape_open(&stage->tape, NULL);
    dtls_talk_init(&stage->talk);
    *state = stage;
    return 0;
}

int dtls_stage_close(void **state) {
    struct dtls_stage *stage = (struct dtls_stage *)*state;
    tape_close(&stage->tape);
    test_free(stage);
    return 0;
}

const char *dtls_usual_line(struct dtls_stage *stage, char line[LINE_SIZE]) {
    dtls_talk_init(&stage->talk);
    dtls_say_all(&stage->talk);
    snprintf(line, LINE_SIZE, "%s", dtls_one(&stage->tape, &stage->talk));
    return line;
}

void dtls_demand_usual(struct dtls_stage *stage, const char *name) {
    char usual[LINE_SIZE];
    char found[LINE_SIZE];
    snprintf(found, sizeof found, "%s", dtls_one(&stage->tape, &stage->talk));
    demand_line(name, dtls_usual_line(stage, usual), found);
}
