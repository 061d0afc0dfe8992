/*
 * quic_session.h - one QUIC handshake in progress: what its Initial packets carried so far.
 */
#ifndef DOWNGRD_QUIC_SESSION_H
#define DOWNGRD_QUIC_SESSION_H

#include "buffers.h"
#include "quic.h"

struct quic_session {
    bool has_keys;
};

#endif
