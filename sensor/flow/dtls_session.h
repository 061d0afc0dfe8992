/*
 * dtls_session.h - one DTLS handshake in progress: fragments of messages that are not whole yet.
 */
#ifndef DOWNGRD_DTLS_SESSION_H
#define DOWNGRD_DTLS_SESSION_H

#include <stdbool.h>

#include "buffers.h"

struct dtls_session {
    bool has_message;
};

#endif
