/*
 * terminal.h - what terminal.c and terminal_table.c share; publish.h is the interface.
 */
#ifndef DOWNGRD_TERMINAL_H
#define DOWNGRD_TERMINAL_H

#include "publish.h"
#include "utc.h"

struct terminal {
    struct terminal_config config;
    struct utc_date date;
    struct sink sink;
};

#endif
