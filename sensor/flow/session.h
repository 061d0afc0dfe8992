/*
 * session.h - one handshake in progress: two byte streams, what was read out of them so far, and
 * the record that grows.
 *
 * The flow table makes a session when a connection's bytes look like TLS and ends it when its story
 * is told. Streams are numbered by the flow's two ends (0 and 1); which of them is the client is
 * known once a hello says so.
 *
 * The files: stream.c puts segments in order and knows holes; tls_stream.c reads records and
 * messages out of ordered bytes; quic_session.c and dtls_session.c read theirs out of datagrams;
 * session.c keeps the record and decides when it is finished and with what outcome.
 */
#ifndef DOWNGRD_SESSION_H
#define DOWNGRD_SESSION_H

#include "buffers.h"
#include "cache_line.h"
#include "dialogue_stream.h"
#include "dtls_session.h"
#include "evidence.h"
#include "handshake.h"
#include "openvpn_session.h"
#include "quic_session.h"
#include "tls_record.h"

enum {
    SESSION_MAX_BUFFERS = 8,
    STREAM_MAX_HELD = 24, /* segments that wait for an earlier one */
    STREAM_MAX_PADDING =
        6, /* bytes of link padding that some taps count as payload of a bare acknowledgement */
    STREAM_MAX_AHEAD = 1 << 20,   /* bytes; a segment further ahead belongs to another story */
    STREAM_MAX_THINNED = 1 << 26, /* the same where what lies between is kept out */
};

/* What a stream's reader waits for. */
enum stream_await {
    AWAIT_START,    /* the first five bytes of the connection: is it TLS at all? */
    AWAIT_HEADER,   /* a record header */
    AWAIT_FRAGMENT, /* the rest of a record */
    AWAIT_SSLV2,    /* the rest of an SSLv2-framed hello */
    AWAIT_DIALOGUE, /* what goes before TLS, see dialogue_stream.h */
    AWAIT_RESYNC,   /* bytes are missing; a segment that begins with a record header goes on */
    AWAIT_NOTHING,  /* all that can be read was read (or this is no TLS) */
};

struct held_segment {
    struct buffer buffer;
    uint32_t sequence;
    uint32_t size;      /* captured */
    uint32_t size_wire; /* on the wire; the difference was cut by the snap length */
    struct packet_mark mark;
};

/* A handshake message on its way. */
struct message {
    uint8_t header[TLS_HANDSHAKE_HEADER_SIZE];
    uint8_t header_have;
    uint8_t type;
    uint8_t *kept; /* NULL: the message is skipped */
    uint32_t kept_size;
    uint32_t length;
    uint32_t have;
};

struct stream {
    /* order */
    _Alignas(CACHE_LINE) bool has_next;
    uint8_t held_count;
    uint8_t hole_patience; /* packets seen since the peer acknowledged bytes that never came */
    uint32_t next_sequence;
    uint32_t begin_sequence; /* of the first segment that came; valid with has_next */
    bool has_acknowledged;
    bool final_is_reset;
    bool has_final;
    uint32_t acknowledged;   /* by the peer, the latest */
    uint32_t final_sequence; /* of the FIN or RST: where the stream ends */

    /* records and messages */
    enum stream_await await;
    uint8_t header[TLS_RECORD_HEADER_SIZE];
    uint8_t header_have;
    bool has_change_cipher_spec; /* one went by; whether it was a dummy is known with the version */
    uint8_t record_type;
    bool record_is_opaque;   /* encrypted: its length is all there is to know */
    bool record_is_doubtful; /* encrypted unless it begins with a ClientHello, see tls_stream.c */
    uint8_t alert_have;
    uint8_t alert[2];
    uint8_t opaque_records; /* saturating */
    uint32_t resync_size;   /* bytes gone by in vain */
    uint32_t record_size;
    uint32_t record_left;
    struct message message;
    struct held_segment *held;     /* STREAM_MAX_HELD of them, sorted by sequence */
    struct evidence_window window; /* last: a new session clears what is before its pieces */
};

/* One in-order or out-of-order piece of a connection, or one datagram (without a sequence). */
struct segment {
    struct span bytes;
    size_t size_wire;
    uint32_t sequence;
    uint64_t packet;
    uint64_t time_us;
    struct packet_mark mark;
};

struct session;

/*
 * A protocol over UDP: its session keeps its own state in place of the streams, hands whole
 * messages to session_message(), and says the rest with session_alert(), session_encrypted() and
 * the session's flags (is_finished, is_closing, is_foreign: not ours after all, begins_another). A
 * session that begins doubtful may be closing at first, and so get little time, and cease to be.
 */
struct datagram_protocol {
    /* May a handshake begin with this datagram? Cheap: asked for each datagram of an unknown flow.
     */
    bool (*may_start)(struct span datagram);
    /* A number for the handshake that this datagram would begin: the same when it is sent again,
     * another one for another handshake; 0 when it begins none. */
    uint32_t (*origin)(struct span datagram);
    void (*begin)(struct session *session);
    void (*datagram)(struct session *session, unsigned end, const struct segment *datagram);
    void (*flush)(struct session *session);   /* nothing more will come */
    void (*release)(struct session *session); /* gives its buffers back */
};
extern const struct datagram_protocol quic_datagrams;    /* quic_session.c */
extern const struct datagram_protocol dtls_datagrams;    /* dtls_session.c */
extern const struct datagram_protocol openvpn_datagrams; /* openvpn_session.c */

/*
 * What a session has elsewhere. Thousands of handshakes are in progress at a time, and each packet
 * finds its own cold; so what nearly every packet looks at stands close together, in struct
 * session, and this apart from it.
 */
struct session_rest {
    _Alignas(CACHE_LINE) struct handshake record;
    struct buffer kept[SESSION_MAX_BUFFERS];
    union {
        struct held_segment held[2][STREAM_MAX_HELD]; /* TCP, and OpenVPN over UDP */
        struct quic_session quic;
        struct dtls_session dtls;
    };
};

struct session {
    /* first: what nearly every packet looks at, beginning at a cache line */
    _Alignas(CACHE_LINE) uint64_t over_us;     /* a reset came, or both sides closed: when; 0 while
                                                  neither did */
    const struct datagram_protocol *datagrams; /* NULL: TCP */
    struct dialogue_reader *dialogue;          /* TCP: before TLS; NULL without one */
    struct openvpn_session *openvpn;           /* around TLS; NULL without */
    uint64_t latest_packet;                    /* until it was over */
    struct handshake *record;                  /* this and the next three: in its session_rest */
    uint8_t role_known;
    uint8_t client_end; /* which of the flow's ends (0, 1) is the client; valid with role_known */
    bool is_finished;
    bool is_closing;      /* a FIN or a fatal alert was seen: not much more to come */
    bool is_foreign;      /* turned out not to be TLS */
    bool begins_another;  /* UDP: the datagram just given begins another handshake on these ports */
    bool is_after_told;   /* UDP: this flow told of a handshake before */
    bool missed_bytes[2]; /* by end: a hole was met */
    bool has_suspects;    /* the record has some */
    bool is_thinned;      /* bytes behind what is read may be kept out (flow_config.bulk) */
    uint8_t opener;       /* 1 + the end that sent the SYN; 0: not seen */
    uint8_t kept_count;
    uint32_t kept_used; /* bytes used of the last of kept[] */

    struct buffer *kept;       /* SESSION_MAX_BUFFERS of them */
    struct quic_session *quic; /* or, with the same memory, dtls or the streams' held segments */
    struct dtls_session *dtls;
    struct buffers *buffers;
    struct buffers *windows;                 /* for evidence.c */
    struct quic_protection *quic_protection; /* the table's */
    uint32_t hello_malformed;
    uint32_t out_of_memory; /* messages or segments that found no buffer */
    uint32_t origin;        /* UDP: of the handshake that is told */
    _Alignas(
        CACHE_LINE) struct direction end[2]; /* by end; becomes record.side[] when it is finished */
    _Alignas(CACHE_LINE) struct stream streams[2]; /* TCP, and OpenVPN over UDP */
};

/* session.c */
void session_init(struct session *session, struct session_rest *rest, struct buffers *buffers);
void session_note_packet(struct session *session, unsigned from, const struct packet *packet,
                         uint64_t time_us, uint64_t number);
/* A packet that ends the connection: the session lingers, because what comes after it may show that
 * it was not its sender's. */
void session_note_end(struct session *session, const struct packet *packet, uint64_t time_us);
void session_flush(struct session *session);   /* nothing more will come: what is held is read */
void session_release(struct session *session); /* gives all buffers back */
/* `size` contiguous bytes that live as long as the session; NULL when there are none left
 * (MISSED_MEMORY is noted). */
uint8_t *session_keep(struct session *session, size_t size);
/* Nobody needs these bytes of session_keep() any more. They are given back if they came last. */
void session_let_go(struct session *session, const uint8_t *kept, size_t size);
/* A ClientHello that was read: the first one, or the one that the server asked for. */
void session_offer(struct session *session, unsigned end, const struct client_hello *hello,
                   bool is_first, const struct segment *segment);
/* A whole handshake message: `body` is as long as what was kept of it. */
void session_message(struct session *session, unsigned end, uint8_t type, struct span body,
                     bool is_whole, const struct segment *segment);
void session_sslv2_message(struct session *session, unsigned end, struct span bytes,
                           const struct segment *segment);
void session_alert(struct session *session, unsigned end, struct tls_alert alert,
                   const struct segment *segment);
/* The first opaque record of a side after its hello, with the fragment's size. */
void session_encrypted(struct session *session, unsigned end, size_t size,
                       const struct segment *segment);
void session_missed_bytes(struct session *session, unsigned end); /* a hole in this end's bytes */
void session_missed(struct session *session, enum handshake_missed what);
/* Bytes that are all there break the format that they should have. */
void session_malformed(struct session *session, enum handshake_malformed what,
                       const struct segment *segment);
/* How many bytes of a message of this type and length the session wants to keep: 0 to skip it. */
size_t session_wants(const struct session *session, uint8_t type, size_t length);
/* Does the record point into messages of this type once they were read? */
bool session_refers_to(uint8_t type);
/* Is the negotiated (or asked-for) version TLS 1.3, so that a ChangeCipherSpec says nothing (RFC
 * 8446 appendix D.4)? */
bool session_is_tls13(const struct session *session);
bool session_knows_version(const struct session *session);
/* Would an encrypted record of this end be early data (RFC 8446 section 4.2.10)? It stands before
 * the ServerHello and says nothing about the handshake. */
bool session_is_early_data(const struct session *session, unsigned end);
/* There is a hello to tell about. */
bool session_is_reportable(const struct session *session);
/* It is finished, and packets that are still on their way may show that not all of it was the
 * peers': late injections. */
bool session_may_be_contradicted(const struct session *session);
/* Fills outcome, sides and roles of the record. `timed_out` and `cut_off` say why it ends when
 * nothing on the wire did. */
void session_conclude(struct session *session, bool timed_out, bool cut_off);

/* stream.c */
void stream_segment(struct session *session, unsigned end, const struct segment *segment);
/* A segment behind a finished handshake: it may contradict what was read, or be an alert in clear,
 * which nobody sends any more. */
void stream_afterwards(struct session *session, unsigned end, const struct segment *segment);
/* The other end acknowledged up to `acknowledgement`: bytes before it that are missing were lost by
 * the capture. */
void stream_acknowledged(struct session *session, unsigned end, uint32_t acknowledgement);
/* The stream begins here. */
void stream_begins_at(struct session *session, unsigned end, uint32_t sequence);
/* A SYN-ACK says where the other end's stream begins. A capture may show it late, when later bytes
 * were taken for the first ones: then some are missing. */
void stream_check_begin(struct session *session, unsigned end, uint32_t sequence);
/* The stream ends (FIN or RST) at this sequence number. A reset may stand one behind it: a FIN that
 * comes later, or never, takes a number. */
void stream_final(struct session *session, unsigned end, uint32_t sequence, bool is_reset);
/* No more segments will come: what is held is read across its holes, and a missing tail is noted.
 */
void stream_flush(struct session *session, unsigned end);
void stream_release(struct session *session, unsigned end);
/* No byte of this end was read or held: another sequence number may still be its first. */
bool stream_is_untouched(const struct session *session, unsigned end);

/* tls_stream.c */
void tls_stream_bytes(struct session *session, unsigned end, const struct segment *segment,
                      struct span bytes);
void tls_stream_hole(struct session *session, unsigned end, size_t size);
/* May a connection's first bytes be TLS or an SSLv2-framed hello? An alert may: in a capture out of
 * order it comes before the hello. */
bool tls_stream_may_start(struct span bytes);
/* Are these few bytes, where a record should begin, none? */
bool tls_stream_is_padding(const struct session *session, unsigned end, struct span bytes);
/* Are these bytes one whole alert in clear, and nothing else? */
bool tls_stream_is_clear_alert(struct span bytes, struct tls_alert *alert);
/* Do these bytes begin with a record that holds the beginning of a ClientHello (or ServerHello)? */
bool tls_stream_looks_like_hello(struct span bytes);
enum { TLS_STREAM_HELLO_START = 11 };               /* bytes that it takes to see that */
bool tls_stream_is_client_hello(struct span bytes); /* the same, of a ClientHello */

#endif
