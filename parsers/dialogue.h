/*
 * dialogue.h - what goes before TLS on a connection that does not begin with it: STARTTLS and its
 * kin, proxies, and the PROXY header.
 *
 * A `struct dialogue_reader` walks both directions of one connection, each in order, from its first
 * byte to where TLS begins, and notes in a `struct dialogue` what was advertised, asked, granted
 * and refused, and in which packets. It keeps no more than the line (or message head) it is in. A
 * dialogue may pass through several protocols: a PROXY header, then SOCKS, then SMTP.
 *
 * Sources: RFC 3207 (SMTP), RFC 2033 (LMTP), RFC 9051 and 2595 (IMAP), RFC 2595 (POP3), RFC 4217
 * (FTP), RFC 4642 (NNTP), RFC 5804 (Sieve), RFC 6120 (XMPP), the IRCv3 tls specification, RFC 4511
 * section 4.14 (LDAP), PostgreSQL "SSL session encryption", MySQL "protocol::SSLRequest",
 * [MS-RDPBCGR] 2.2.1 over RFC 905 and RFC 2126 (TPKT), RFC 1928 and 1929 (SOCKS5), SOCKS4(A), RFC
 * 9110 section 9.3.6 (CONNECT), HAProxy's PROXY protocol v1 and v2.
 */
#ifndef DOWNGRD_DIALOGUE_H
#define DOWNGRD_DIALOGUE_H

#include "span.h"

enum dialogue_protocol {
    DIALOGUE_NONE,
    DIALOGUE_SMTP,
    DIALOGUE_LMTP,
    DIALOGUE_IMAP,
    DIALOGUE_POP3,
    DIALOGUE_FTP,
    DIALOGUE_NNTP,
    DIALOGUE_SIEVE,
    DIALOGUE_XMPP,
    DIALOGUE_IRC,
    DIALOGUE_LDAP,
    DIALOGUE_POSTGRESQL,
    DIALOGUE_MYSQL,
    DIALOGUE_RDP,
    /* these hand the connection on to another one, which may be any of the above, or TLS */
    DIALOGUE_HTTP_CONNECT,
    DIALOGUE_SOCKS4,
    DIALOGUE_SOCKS5,
    DIALOGUE_PROXY, /* the PROXY header, v1 or v2 */
    DIALOGUE_PROTOCOL_COUNT,
};

/* "smtp", "postgresql", "http-connect"; "" for DIALOGUE_NONE. */
const char *dialogue_protocol_name(enum dialogue_protocol protocol);

/* What a dialogue showed. Each has the packet that completed it: of several the first; of ASKED,
 * GRANTED and REFUSED, which may follow each other, the last. */
enum dialogue_fact {
    DIALOGUE_GREETED,        /* the server's greeting, or the first message of a protocol without */
    DIALOGUE_ADVERTISED,     /* the server offered TLS */
    DIALOGUE_NOT_ADVERTISED, /* a complete list of capabilities, before any login, did not hold it
                              */
    DIALOGUE_GARBLED,        /* in its place stood something of its shape: "XXXXXXXA", "STARTTLX" */
    DIALOGUE_ASKED,          /* the client asked for TLS (MySQL, RDP: its request says so) */
    DIALOGUE_GRANTED,        /* the server agreed (MySQL has no word for it) */
    DIALOGUE_REFUSED,        /* the server said no; `answer` holds what it said */
    DIALOGUE_EARLY_BYTES,    /* bytes behind the request or its answer, in clear and before TLS:
                                command or response injection (CVE-2011-0411 and its kin) */
    DIALOGUE_LOGIN, /* credentials went by in clear (their packet; never the credentials): passwords
                       and bearer tokens, but no challenge-response, and no anonymous FTP; of MySQL
                       any login without TLS. Logins to a proxy are not told. */
    DIALOGUE_FACT_COUNT,
};

enum { DIALOGUE_TEXT_SIZE = 64 };

struct dialogue {
    enum dialogue_protocol protocol; /* the last one: the one that TLS was negotiated in.
                                        DIALOGUE_NONE: several could have said what was seen */
    uint32_t passed; /* bit (1 << enum dialogue_protocol) for each that handed the connection on */
    uint32_t has;    /* bit (1 << enum dialogue_fact) */
    uint64_t packet[DIALOGUE_FACT_COUNT];
    uint64_t time_us[DIALOGUE_FACT_COUNT];
    /* NUL-terminated, printable ASCII (other bytes became '?'), cut to fit */
    char garbled[DIALOGUE_TEXT_SIZE]; /* what stood where the capability should be */
    char answer[DIALOGUE_TEXT_SIZE];  /* the server's answer to the (last) request; of protocols
                                         without text the number that says it */
};

/* What the reader says about an end after it was given bytes. */
enum dialogue_status {
    DIALOGUE_GOES_ON,    /* all bytes were eaten */
    DIALOGUE_TLS_BEGINS, /* the bytes not eaten begin a TLS record (or an SSLv2-framed hello): from
                            here on this end's bytes are TLS's. The other end has its own moment. */
    DIALOGUE_ENDED,      /* TLS will not come here (any more): data, or a bound was reached */
    DIALOGUE_FOREIGN,    /* no protocol that we know */
};

enum {
    DIALOGUE_LINE_SIZE = 512,
    DIALOGUE_MAX_BYTES = 64 * 1024,
    DIALOGUE_MAX_LAYERS = 8, /* proxies behind each other, requests that a proxy refused included */
    DIALOGUE_TAG_SIZE = 16,
};

/* One end's place in the dialogue. */
struct dialogue_end {
    uint32_t eaten;        /* bytes of this end so far; past DIALOGUE_MAX_BYTES the dialogue ends */
    uint32_t skip;         /* of a binary message that is walked over */
    uint16_t line_size;    /* what is kept of the line (or message head) in progress */
    uint8_t layer;         /* how many protocols handed this end on */
    uint8_t row;           /* the protocol that reads this end's messages; 0: not chosen yet */
    uint8_t step;          /* how far this end is in it */
    bool head_is_known;    /* the message in progress is no TLS */
    bool line_is_cut;      /* it is longer than what is kept */
    bool is_lost;          /* bytes were missing: where a message begins is not known */
    bool has_tls;          /* DIALOGUE_TLS_BEGINS was said */
    uint64_t early_packet; /* the first cleartext behind the request or its answer; 0: none */
    uint64_t early_us;
    uint8_t line[DIALOGUE_LINE_SIZE];
};

/* What is remembered between the messages of both ends. */
struct dialogue_memory {
    uint32_t candidates; /* line protocols that would say all this: bits as in `passed` */
    int32_t in_flight;   /* requests without an answer yet; below 0: the capture shows answers
                            before their requests */
    uint32_t answer_in;  /* so many answers until the one to the request for TLS; 0: not asked */
    uint32_t list_in;    /* the same of the list of capabilities */
    uint32_t body_size;  /* of a proxy's refusal */
    uint16_t reply_code; /* of the reply of several lines in progress; 0: none */
    uint8_t tag_size;    /* of the request whose answer is looked for (IMAP, LDAP) */
    uint8_t tag[DIALOGUE_TAG_SIZE];
    bool tag_is_login; /* ... is a login, not the request for TLS */
    bool began;        /* the connection's first bytes were seen */
    bool has_reply;
    bool is_lmtp;
    bool is_asking;        /* for TLS, and the answer is not known */
    bool is_anonymous;     /* FTP */
    bool has_login;        /* one was tried: a list of capabilities may differ from now on */
    bool awaits_challenge; /* the client goes on with its credentials after the server's word */
    bool awaits_credentials;
    bool is_list; /* inside a list of capabilities */
    bool list_is_whole;
    bool list_has_tls;
};

struct dialogue_reader {
    struct dialogue facts;
    struct dialogue_memory memory;
    uint8_t layers[DIALOGUE_MAX_LAYERS]; /* the row that was chosen for each; 0: none yet */
    uint8_t client_end;                  /* valid with knows_client */
    bool knows_client;
    struct dialogue_end end[2];
};

/* May a connection that begins with these bytes (of either end) be one of ours? Cheap: asked for
 * the first payload of every connection that is no TLS. HTTP other than CONNECT is not ours. */
bool dialogue_may_start(struct span bytes);

/* `client_end` is the end (0, 1) that sent the SYN, or -1 when none was seen. */
void dialogue_init(struct dialogue_reader *reader, int client_end);

/*
 * The next bytes of an end, in order. Sets *eaten to how many belonged to the dialogue. How they
 * are cut into calls changes nothing: when TLS begins in the middle of a call before, its first
 * bytes were kept (dialogue_kept()) and stand before those that are not eaten now.
 */
enum dialogue_status dialogue_read(struct dialogue_reader *reader, unsigned end, struct span bytes,
                                   uint64_t packet, uint64_t time_us, size_t *eaten);
struct span dialogue_kept(const struct dialogue_reader *reader, unsigned end);

/* Bytes of this end are missing: what was begun is forgotten, and nothing is concluded from a list
 * that is not whole. Line protocols go on with the next line. */
void dialogue_hole(struct dialogue_reader *reader, unsigned end);

/* The caller knows that this end's next bytes are TLS's, wherever the dialogue was: those of this
 * packet. */
void dialogue_begin_tls(struct dialogue_reader *reader, unsigned end, uint64_t packet,
                        uint64_t time_us);

/* Is this end between two messages? */
bool dialogue_is_between(const struct dialogue_reader *reader, unsigned end);

/* Does it speak of TLS, or of credentials that should have gone through it? */
bool dialogue_is_telling(const struct dialogue *dialogue);

static inline bool dialogue_has(const struct dialogue *dialogue, enum dialogue_fact fact) {
    return (dialogue->has & (1U << (unsigned)fact)) != 0;
}

#endif
