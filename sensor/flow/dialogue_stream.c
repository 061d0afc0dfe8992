#include "dialogue_stream.h"

#include <assert.h>
#include <stdalign.h>

#include "session.h"

_Static_assert(sizeof(struct dialogue_reader) <= BUFFER_SMALL_SIZE, "fits the smallest buffer");

/* Nothing of this end was understood, or even looked at. */
static bool stream_is_fresh(const struct stream *stream) {
    return (stream->await == AWAIT_START || stream->await == AWAIT_RESYNC) &&
           stream->header_have == 0;
}

bool dialogue_stream_begin(struct session *session, unsigned end, struct span bytes) {
    if (session->dialogue || session->kept_count || session_is_reportable(session) ||
        !stream_is_fresh(&session->streams[0]) || !stream_is_fresh(&session->streams[1]) ||
        !dialogue_may_start(bytes))
        return false;
    uint8_t *kept = session_keep(session, sizeof(struct dialogue_reader));
    if (kept == NULL)
        return false;
    assert((uintptr_t)kept % alignof(struct dialogue_reader) == 0);
    session->dialogue = (struct dialogue_reader *)(void *)kept;
    dialogue_init(session->dialogue, (int)session->opener - 1);
    unsigned other = end ^ 1U;
    if (session->streams[other].await == AWAIT_RESYNC)
        dialogue_hole(session->dialogue, other);
    session->streams[0].await = AWAIT_DIALOGUE;
    session->streams[1].await = AWAIT_DIALOGUE;
    return true;
}

static void dialogue_stream_tell(struct session *session) {
    struct handshake *record = session->record;
    record->dialogue = session->dialogue->facts;
    record->has |= HANDSHAKE_HAS_DIALOGUE;
    record->carrier =
        record->dialogue.protocol == DIALOGUE_NONE ? CARRIER_UNKNOWN : CARRIER_DIALOGUE;
}

/* No TLS will come from this end, or not where the dialogue can tell. When it began at the other
 * end, a segment may still begin with it. */
static void dialogue_stream_give_up(struct session *session, unsigned end) {
    if (session->streams[end ^ 1U].await == AWAIT_DIALOGUE)
        session->is_foreign = true;
    else
        session->streams[end].await = AWAIT_RESYNC;
}

void dialogue_stream_bytes(struct session *session, unsigned end, const struct segment *segment,
                           struct span *bytes, struct span *rest) {
    struct dialogue_reader *reader = session->dialogue;
    size_t eaten = 0;
    enum dialogue_status status = DIALOGUE_TLS_BEGINS;
    bool begins_segment = bytes->data == segment->bytes.data;
    /* A segment that begins with a hello is one, also where the dialogue is not between messages.
     */
    if (begins_segment && !dialogue_is_between(reader, end) && tls_stream_looks_like_hello(*bytes))
        dialogue_begin_tls(reader, end, segment->packet, segment->time_us);
    else
        status = dialogue_read(reader, end, *bytes, segment->packet, segment->time_us, &eaten);
    *bytes = span_from(*bytes, eaten);
    switch (status) {
    case DIALOGUE_GOES_ON:
        break;
    case DIALOGUE_TLS_BEGINS:
        if (dialogue_kept(reader, end).size) {
            *rest = *bytes;
            *bytes = dialogue_kept(reader, end);
        }
        session->streams[end].await = AWAIT_START;
        dialogue_stream_tell(session);
        break;
    case DIALOGUE_ENDED:
    case DIALOGUE_FOREIGN:
        dialogue_stream_give_up(session, end);
        break;
    }
}

void dialogue_stream_hole(struct session *session, unsigned end) {
    if (session->streams[end ^ 1U].await == AWAIT_DIALOGUE)
        dialogue_hole(session->dialogue, end);
    else
        session->streams[end].await = AWAIT_RESYNC;
}

bool dialogue_stream_is_padding(const struct session *session, unsigned end, struct span bytes) {
    if (bytes.size < 2 || !dialogue_is_between(session->dialogue, end))
        return false;
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i] != 0)
            return false;
    return true;
}

bool dialogue_stream_is_untouched(const struct session *session, unsigned end) {
    return session->streams[end].await == AWAIT_DIALOGUE && session->dialogue->end[end].eaten == 0;
}

bool dialogue_stream_conclude(struct session *session) {
    const struct dialogue_reader *reader = session->dialogue;
    if (reader == NULL)
        return false;
    dialogue_stream_tell(session);
    if (session_is_reportable(session))
        return false;
    session->role_known = reader->knows_client;
    session->client_end = reader->knows_client ? reader->client_end : 0;
    return dialogue_is_telling(&reader->facts);
}
