/*
 * dtls_stage.h - what every case of the DTLS tests works with: a tape and a talk, large, so made
 * once.
 */
#ifndef DOWNGRD_DTLS_STAGE_H
#define DOWNGRD_DTLS_STAGE_H

#include "dtls_talk.h"

struct dtls_stage {
    struct tape tape;
    struct dtls_talk talk;
    struct bytes body;
};

/* A cmocka test that is given one as its *state. */
#define DTLS_STAGED(test) cmocka_unit_test_setup_teardown(test, dtls_stage_open, dtls_stage_close)
int dtls_stage_open(void **state);
int dtls_stage_close(void **state);

/* The line of an undisturbed handshake. */
const char *dtls_usual_line(struct dtls_stage *stage, char line[LINE_SIZE]);
/* That what is in the talk gives that line. */
void dtls_demand_usual(struct dtls_stage *stage, const char *name);

#endif
