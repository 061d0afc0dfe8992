/*
 * tls_stream.c - reads TLS records and handshake messages out of the ordered bytes of one
 * direction.
 *
 * Bytes come in pieces of any size; nothing is waited for that is not needed: a message is read
 * when its own bytes are there, whether or not its record is complete, and records and messages may
 * be cut and joined in any way. Hellos are kept in the session's buffers, everything else is walked
 * over. A hole inside of something that is walked over anyway changes nothing; any other makes the
 * reader wait for a segment that begins with a record header.
 *
 * Which records are encrypted: application data always, handshake records after a ChangeCipherSpec
 * unless that was TLS 1.3's dummy (RFC 8446 appendix D.4), alerts when their record is longer than
 * a few of them in clear. While the version is not known (the capture shows the server's answer
 * late or never), a handshake record after a ChangeCipherSpec is in clear if a ClientHello fills
 * it: the second one, after a HelloRetryRequest.
 */
#include "session.h"

#include <assert.h>

enum {
    SSLV2_HEADER_SIZE = 2,
    SSLV2_CLIENT_HELLO = 1,
    SSLV2_SERVER_HELLO = 4,
    LONGEST_SKIPPED_MESSAGE = 1 << 20, /* a longer one is none, or nothing worth waiting for */
    MAX_OPAQUE_RECORDS = 16,
    MAX_RESYNC_SIZE = 128 * 1024, /* gone by in vain: no handshake will be found any more */
    MAX_CLEAR_ALERTS_SIZE = 8, /* the shortest sealed one: two bytes and a truncated HMAC of ten */
};

static bool looks_like_sslv2(const uint8_t start[TLS_RECORD_HEADER_SIZE]) {
    static const uint8_t max_minor = 3;
    if ((start[0] & 0x80U) == 0)
        return false;
    if (start[2] == SSLV2_CLIENT_HELLO)
        return (start[3] == 0 && start[4] == 2) || (start[3] == 3 && start[4] <= max_minor);
    return start[2] == SSLV2_SERVER_HELLO && start[3] <= 1; /* session-id-hit */
}

/* The answer to a hello that a capture out of order shows later. */
static bool looks_like_alert(struct span bytes) {
    static const uint8_t size = 2;
    return bytes.size >= TLS_RECORD_HEADER_SIZE + (size_t)size && bytes.data[1] == 0x03 &&
           bytes.data[2] <= 0x04 && bytes.data[3] == 0 && bytes.data[4] == size &&
           (bytes.data[5] == 1 || bytes.data[5] == 2);
}

bool tls_stream_may_start(struct span bytes) {
    if (bytes.size == 0)
        return false;
    if (bytes.data[0] == TLS_HANDSHAKE)
        return bytes.size == 1 || bytes.data[1] == 0x03;
    if (bytes.data[0] == TLS_ALERT)
        return looks_like_alert(bytes);
    return (bytes.data[0] & 0x80U) &&
           (bytes.size < TLS_RECORD_HEADER_SIZE || looks_like_sslv2(bytes.data));
}

bool tls_stream_is_padding(const struct session *session, unsigned end, struct span bytes) {
    const struct stream *stream = &session->streams[end];
    struct tls_record_header header = {0};
    if (session->openvpn)
        return openvpn_stream_is_padding(session, end, bytes);
    if (stream->await == AWAIT_DIALOGUE)
        return dialogue_stream_is_padding(session, end, bytes);
    if (stream->header_have != 0)
        return false;
    if (stream->await == AWAIT_START) {
        /* The answer to a hello may begin with an alert. */
        bool is_answer = session_is_reportable(session) &&
                         tls_record_header_parse(bytes, &header) != PARSE_FOREIGN;
        return !is_answer && !tls_stream_may_start(bytes) &&
               (session->dialogue != NULL || !dialogue_may_start(bytes));
    }
    return stream->await == AWAIT_HEADER &&
           tls_record_header_parse(bytes, &header) == PARSE_FOREIGN;
}

static bool message_type_is_known(uint8_t type) {
    switch ((enum tls_handshake_type)type) {
    case TLS_HELLO_REQUEST:
    case TLS_CLIENT_HELLO:
    case TLS_SERVER_HELLO:
    case TLS_HELLO_VERIFY_REQUEST:
    case TLS_NEW_SESSION_TICKET:
    case TLS_DRAFT_HELLO_RETRY_REQUEST:
    case TLS_ENCRYPTED_EXTENSIONS:
    case TLS_CERTIFICATE:
    case TLS_SERVER_KEY_EXCHANGE:
    case TLS_CERTIFICATE_REQUEST:
    case TLS_SERVER_HELLO_DONE:
    case TLS_CERTIFICATE_VERIFY:
    case TLS_CLIENT_KEY_EXCHANGE:
    case TLS_FINISHED:
    case TLS_CERTIFICATE_STATUS:
        return true;
    }
    return type == 21 || type == 23 ||
           type == 67; /* certificate_url, supplemental_data, next_protocol */
}

bool tls_stream_looks_like_hello(struct span bytes) {
    static const uint8_t smallest_hello = 38; /* version, random, session id length, one suite */
    if (bytes.size < TLS_STREAM_HELLO_START)
        return false;
    const uint8_t *at = bytes.data;
    if (at[0] != TLS_HANDSHAKE || at[1] != 0x03 || at[2] > 0x04)
        return false;
    if (at[5] != TLS_CLIENT_HELLO && at[5] != TLS_SERVER_HELLO)
        return false;
    if (at[6] > 1 || (at[9] != 0x03 && at[9] != 0x7f))
        return false;
    return at[6] != 0 || at[7] != 0 || at[8] >= smallest_hello;
}

bool tls_stream_is_clear_alert(struct span bytes, struct tls_alert *alert) {
    struct tls_record_header header = {0};
    return tls_record_header_parse(bytes, &header) == PARSE_OK && header.type == TLS_ALERT &&
           header.length == 2 && bytes.size == TLS_RECORD_HEADER_SIZE + 2 &&
           tls_alert_parse(span_from(bytes, TLS_RECORD_HEADER_SIZE), alert) == PARSE_OK;
}

bool tls_stream_is_client_hello(struct span bytes) {
    return tls_stream_looks_like_hello(bytes) &&
           bytes.data[TLS_RECORD_HEADER_SIZE] == TLS_CLIENT_HELLO;
}

/* Takes up to `wanted - *have` bytes into `store`; true when all are there. */
static bool collect(uint8_t *store, uint8_t *have, size_t wanted, struct span *bytes) {
    size_t size = wanted - *have < bytes->size ? wanted - *have : bytes->size;
    memcpy(store + *have, bytes->data, size);
    *have = (uint8_t)(*have + size);
    *bytes = span_from(*bytes, size);
    return *have == wanted;
}

static void message_reset(struct message *message) {
    message->header_have = 0;
    message->kept = NULL;
}

static void stream_stop(struct stream *stream) {
    stream->await = AWAIT_NOTHING;
}

/* The record that just began (or turned out to be) encrypted. */
static void record_is_sealed(struct session *session, unsigned end, const struct segment *segment) {
    struct stream *stream = &session->streams[end];
    stream->record_is_opaque = true;
    stream->record_is_doubtful = false;
    message_reset(&stream->message);
    if (session_is_early_data(session, end) && session->end[end ^ 1U].packets)
        return; /* there may be any number of them */
    if (stream->opaque_records < MAX_OPAQUE_RECORDS)
        stream->opaque_records++;
    session_encrypted(session, end, stream->record_size, segment);
    if (stream->opaque_records == MAX_OPAQUE_RECORDS)
        session->is_finished = true;
}

/* In a record that may be encrypted: is this message's header that of a ClientHello which fills it?
 */
static bool message_fills_record(const struct stream *stream) {
    struct tls_handshake_header header = {0};
    tls_handshake_header_parse(span_of(stream->message.header, TLS_HANDSHAKE_HEADER_SIZE), &header);
    return header.type == TLS_CLIENT_HELLO &&
           header.length + TLS_HANDSHAKE_HEADER_SIZE == stream->record_size;
}

/* The header of a message is complete: is it worth keeping? False: these are no handshake messages.
 */
static bool message_begin(struct session *session, struct message *message) {
    struct tls_handshake_header header = {0};
    tls_handshake_header_parse(span_of(message->header, sizeof message->header), &header);
    if (!message_type_is_known(header.type) || header.length > LONGEST_SKIPPED_MESSAGE)
        return false;
    message->type = header.type;
    message->length = header.length;
    message->have = 0;
    message->kept = NULL;
    message->kept_size = (uint32_t)session_wants(session, header.type, header.length);
    if (message->kept_size)
        message->kept = session_keep(session, message->kept_size);
    if (message->kept == NULL)
        message->kept_size = 0;
    return true;
}

static void message_end(struct session *session, unsigned end, const struct segment *segment) {
    struct message *message = &session->streams[end].message;
    struct span body = span_of(message->kept, message->kept_size);
    uint8_t type = message->type;
    bool is_whole = message->kept_size == message->length;
    message_reset(message);
    session_message(session, end, type, body, is_whole, segment);
    if (body.size > 0 && !session_refers_to(type))
        session_let_go(session, body.data, body.size);
}

/* Handshake bytes of a cleartext record. False when they make no sense as messages. */
static bool tls_stream_messages(struct session *session, unsigned end,
                                const struct segment *segment, struct span bytes) {
    struct stream *stream = &session->streams[end];
    struct message *message = &stream->message;
    while (bytes.size && stream->await != AWAIT_NOTHING) {
        if (message->header_have < TLS_HANDSHAKE_HEADER_SIZE) {
            if (!collect(message->header, &message->header_have, TLS_HANDSHAKE_HEADER_SIZE, &bytes))
                return true;
            if (stream->record_is_doubtful && !message_fills_record(stream)) {
                record_is_sealed(session, end, segment);
                return true;
            }
            if (!message_begin(session, message))
                return false;
        }
        size_t missing = message->length - message->have;
        size_t size = missing < bytes.size ? missing : bytes.size;
        if (message->have < message->kept_size) {
            size_t room = message->kept_size - message->have;
            memcpy(message->kept + message->have, bytes.data, size < room ? size : room);
        }
        message->have += (uint32_t)size;
        bytes = span_from(bytes, size);
        if (message->have == message->length)
            message_end(session, end, segment);
    }
    return true;
}

static bool record_is_opaque(const struct session *session, const struct stream *stream) {
    switch ((enum tls_content_type)stream->record_type) {
    case TLS_APPLICATION_DATA:
        return true;
    case TLS_HANDSHAKE:
        return stream->has_change_cipher_spec && session_knows_version(session) &&
               !session_is_tls13(session);
    case TLS_ALERT:
        return stream->record_size > MAX_CLEAR_ALERTS_SIZE;
    case TLS_CHANGE_CIPHER_SPEC:
    case TLS_HEARTBEAT:
        return false;
    }
    return false;
}

static void record_begin(struct session *session, unsigned end, const struct segment *segment,
                         const struct tls_record_header *header) {
    struct stream *stream = &session->streams[end];
    stream->header_have = 0;
    if (header->type != TLS_ALERT)
        stream->alert_have = 0;
    stream->record_type = header->type;
    stream->record_size = header->length;
    stream->record_left = header->length;
    stream->await = header->length ? AWAIT_FRAGMENT : AWAIT_HEADER;
    stream->record_is_opaque = false;
    stream->record_is_doubtful = header->type == TLS_HANDSHAKE && stream->has_change_cipher_spec &&
                                 !session_knows_version(session);
    if (record_is_opaque(session, stream))
        record_is_sealed(session, end, segment);
    if (header->type == TLS_CHANGE_CIPHER_SPEC)
        stream->has_change_cipher_spec = true;
}

/* A header that is whole in these bytes, as nearly all are, is read in place. */
static enum parse_status take_record_header(struct stream *stream, struct span *bytes,
                                            struct tls_record_header *header) {
    struct span whole = *bytes;
    if (stream->header_have == 0 && whole.size >= TLS_RECORD_HEADER_SIZE) {
        *bytes = span_from(whole, TLS_RECORD_HEADER_SIZE);
        return tls_record_header_parse(whole, header);
    }
    collect(stream->header, &stream->header_have, TLS_RECORD_HEADER_SIZE, bytes);
    return tls_record_header_parse(span_of(stream->header, stream->header_have), header);
}

static void tls_stream_header(struct session *session, unsigned end, const struct segment *segment,
                              struct span *bytes) {
    struct stream *stream = &session->streams[end];
    struct tls_record_header header = {0};
    switch (take_record_header(stream, bytes, &header)) {
    case PARSE_OK:
        record_begin(session, end, segment, &header);
        return;
    case PARSE_MORE:
        return;
    case PARSE_MALFORMED:
    case PARSE_FOREIGN:
        break;
    }
    /* Not where a record begins: SSLv2 goes on, bytes were lost unnoticed, or the peer speaks
     * something else by now. */
    stream->header_have = 0;
    message_reset(&stream->message);
    stream->await = AWAIT_RESYNC;
    if (session->record->has & HANDSHAKE_HAS_SSLV2_CHOICE) {
        stream_stop(stream);
        session_encrypted(session, end, bytes->size, segment);
    }
    *bytes = span_from(*bytes, bytes->size);
}

static void tls_stream_fragment(struct session *session, unsigned end,
                                const struct segment *segment, struct span *bytes) {
    struct stream *stream = &session->streams[end];
    struct span fragment = span_first(*bytes, stream->record_left);
    *bytes = span_from(*bytes, fragment.size);
    stream->record_left -= (uint32_t)fragment.size;
    if (stream->record_left == 0)
        stream->await = AWAIT_HEADER;
    if (stream->record_is_opaque)
        return;
    if (stream->record_type == TLS_HANDSHAKE &&
        !tls_stream_messages(session, end, segment, fragment)) {
        message_reset(&stream->message);
        stream->record_is_opaque = true;
    }
    while (stream->record_type == TLS_ALERT && fragment.size &&
           collect(stream->alert, &stream->alert_have, sizeof stream->alert, &fragment)) {
        struct tls_alert alert = {0};
        stream->alert_have = 0;
        if (tls_alert_parse(span_of(stream->alert, sizeof stream->alert), &alert) == PARSE_OK)
            session_alert(session, end, alert, segment);
    }
}

/* The first five bytes decide what this direction speaks; unless they begin what goes before TLS.
 */
static void tls_stream_start(struct session *session, unsigned end, const struct segment *segment,
                             struct span *bytes) {
    struct stream *stream = &session->streams[end];
    struct tls_record_header header = {0};
    if (!tls_stream_may_start(*bytes) && dialogue_stream_begin(session, end, *bytes))
        return;
    bool is_complete = collect(stream->header, &stream->header_have, TLS_RECORD_HEADER_SIZE, bytes);
    enum parse_status status =
        tls_record_header_parse(span_of(stream->header, stream->header_have), &header);
    if (status == PARSE_OK) {
        record_begin(session, end, segment, &header);
        return;
    }
    if (status == PARSE_MORE || (!is_complete && (stream->header[0] & 0x80U)))
        return;
    if (is_complete && looks_like_sslv2(stream->header)) {
        struct message *message = &stream->message;
        message->length =
            SSLV2_HEADER_SIZE + (((stream->header[0] & 0x7fU) << 8U) | stream->header[1]);
        message->kept = session_keep(session, message->length);
        if (message->kept != NULL && message->length > TLS_RECORD_HEADER_SIZE) {
            memcpy(message->kept, stream->header, TLS_RECORD_HEADER_SIZE);
            message->have = TLS_RECORD_HEADER_SIZE;
            stream->await = AWAIT_SSLV2;
            return;
        }
    }
    stream_stop(stream);
    if (!session_is_reportable(session))
        session->is_foreign = true;
}

static void tls_stream_sslv2(struct session *session, unsigned end, const struct segment *segment,
                             struct span *bytes) {
    struct stream *stream = &session->streams[end];
    struct message *message = &stream->message;
    struct span part = span_first(*bytes, message->length - message->have);
    assert(part.data != NULL);
    memcpy(message->kept + message->have, part.data, part.size);
    message->have += (uint32_t)part.size;
    *bytes = span_from(*bytes, part.size);
    if (message->have < message->length)
        return;
    struct span whole = span_of(message->kept, message->length);
    message_reset(message);
    stream->header_have = 0;
    stream->await = AWAIT_HEADER;
    session_sslv2_message(session, end, whole, segment);
}

/* Bytes are missing before these: go on only where a segment begins with a record that makes sense.
 */
static void tls_stream_resync(struct session *session, unsigned end, const struct segment *segment,
                              struct span *bytes) {
    struct stream *stream = &session->streams[end];
    struct tls_record_header header = {0};
    if (bytes->data == segment->bytes.data &&
        tls_record_header_parse(*bytes, &header) == PARSE_OK &&
        header.version >= TLS_VERSION_SSLV3 && header.version <= TLS_VERSION_1_3 &&
        header.length != 0) {
        bool is_message = header.type == TLS_HANDSHAKE && bytes->size > TLS_RECORD_HEADER_SIZE &&
                          message_type_is_known(bytes->data[TLS_RECORD_HEADER_SIZE]);
        if (header.type != TLS_HANDSHAKE || is_message) {
            stream->header_have = 0;
            message_reset(&stream->message);
            stream->await = AWAIT_HEADER;
            return;
        }
    }
    if (bytes->data == segment->bytes.data && dialogue_stream_begin(session, end, *bytes))
        return;
    stream->resync_size += (uint32_t)bytes->size;
    *bytes = span_from(*bytes, bytes->size);
    if (stream->resync_size < MAX_RESYNC_SIZE)
        return;
    stream_stop(stream);
    if (session_is_reportable(session))
        session->is_finished = true;
    else
        session->is_foreign = true;
}

/* This end encrypts by now: an alert in clear, alone in its segment, is somebody else's. */
static void tls_stream_sealed(struct session *session, unsigned end, const struct segment *segment,
                              struct span bytes) {
    struct tls_alert alert = {0};
    if (session->end[end].encrypted_packet != 0 && bytes.data == segment->bytes.data &&
        tls_stream_is_clear_alert(bytes, &alert))
        session_alert(session, end, alert, segment);
}

void tls_stream_bytes(struct session *session, unsigned end, const struct segment *segment,
                      struct span bytes) {
    struct stream *stream = &session->streams[end];
    struct span rest = {0};
    while (bytes.size && !session->is_foreign) {
        switch (stream->await) {
        case AWAIT_START:
            tls_stream_start(session, end, segment, &bytes);
            break;
        case AWAIT_HEADER:
            tls_stream_header(session, end, segment, &bytes);
            break;
        case AWAIT_FRAGMENT:
            tls_stream_fragment(session, end, segment, &bytes);
            break;
        case AWAIT_SSLV2:
            tls_stream_sslv2(session, end, segment, &bytes);
            break;
        case AWAIT_DIALOGUE:
            dialogue_stream_bytes(session, end, segment, &bytes, &rest);
            break;
        case AWAIT_RESYNC:
            tls_stream_resync(session, end, segment, &bytes);
            break;
        case AWAIT_NOTHING:
            tls_stream_sealed(session, end, segment, bytes);
            return;
        }
        if (bytes.size == 0) {
            bytes = rest;
            rest = (struct span){0};
        }
    }
}

/* A hole in the middle of a message: true when the message's end is still known. */
static bool message_skip(struct message *message, size_t size) {
    if (message->header_have < TLS_HANDSHAKE_HEADER_SIZE || size > message->length - message->have)
        return false;
    message->kept = NULL;
    message->kept_size = 0;
    message->type = TLS_HELLO_REQUEST; /* what was in it is not known any more */
    message->have += (uint32_t)size;
    if (message->have == message->length)
        message_reset(message);
    return true;
}

void tls_stream_hole(struct session *session, unsigned end, size_t size) {
    struct stream *stream = &session->streams[end];
    if (stream->await == AWAIT_NOTHING)
        return;
    if (stream->await == AWAIT_DIALOGUE) {
        dialogue_stream_hole(session, end);
        return;
    }
    bool is_message = stream->record_type == TLS_HANDSHAKE && !stream->record_is_opaque;
    if (stream->await == AWAIT_FRAGMENT && size <= stream->record_left &&
        (!is_message || message_skip(&stream->message, size))) {
        stream->record_left -= (uint32_t)size;
        if (stream->record_left == 0)
            stream->await = AWAIT_HEADER;
        return;
    }
    stream->header_have = 0;
    message_reset(&stream->message);
    stream->await = AWAIT_RESYNC;
}
