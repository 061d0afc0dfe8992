/*
 * dialogue_stream.h - what goes before TLS in a session's streams (parsers/dialogue.h).
 *
 * A connection whose first bytes are no TLS but may begin a dialogue has its streams await
 * AWAIT_DIALOGUE: stream.c puts their segments in order as ever, the dialogue reader eats them, and
 * where it says that TLS begins an end's stream goes on with AWAIT_START. Each end has its own
 * moment. The reader lies in a buffer of the session; a session without a dialogue has none.
 */
#ifndef DOWNGRD_DIALOGUE_STREAM_H
#define DOWNGRD_DIALOGUE_STREAM_H

#include "span.h"

struct session;
struct segment;

/* Turns a session that has read nothing yet to the dialogue that begins with these bytes of `end`.
 * False: it has read something, they begin none, or there is no buffer left. */
bool dialogue_stream_begin(struct session *session, unsigned end, struct span bytes);

/*
 * Reads ordered bytes of an end; what stays in *bytes is for the state that its stream awaits then.
 * When TLS began in an earlier segment, that is what was kept of it (it lives as long as the
 * session), and *rest is what follows. The session is foreign when TLS will not come.
 */
void dialogue_stream_bytes(struct session *session, unsigned end, const struct segment *segment,
                           struct span *bytes, struct span *rest);
void dialogue_stream_hole(struct session *session, unsigned end);

/* Are these few bytes what some taps count as payload of a bare acknowledgement? */
bool dialogue_stream_is_padding(const struct session *session, unsigned end, struct span bytes);
/* Was no byte of this end read? */
bool dialogue_stream_is_untouched(const struct session *session, unsigned end);

/* The session ends: its record gets the facts. True when they are worth telling though no hello
 * came. */
bool dialogue_stream_conclude(struct session *session);

#endif
