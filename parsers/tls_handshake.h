/*
 * tls_handshake.h - handshake messages: framing and hellos (RFC 8446 section 4, RFC 5246
 * section 7.4).
 *
 * Nothing is dropped or merged: every list stays a span over the raw vector (GREASE, duplicates and
 * unknown code points included), to be walked on demand. Absent, empty and zero differ: a span with
 * data NULL was absent.
 */
#ifndef DOWNGRD_TLS_HANDSHAKE_H
#define DOWNGRD_TLS_HANDSHAKE_H

#include "span.h"

enum tls_handshake_type {
    TLS_HELLO_REQUEST = 0,
    TLS_CLIENT_HELLO = 1,
    TLS_SERVER_HELLO = 2,
    TLS_HELLO_VERIFY_REQUEST = 3,
    TLS_NEW_SESSION_TICKET = 4,
    TLS_DRAFT_HELLO_RETRY_REQUEST = 6, /* TLS 1.3 drafts up to 21 */
    TLS_ENCRYPTED_EXTENSIONS = 8,
    TLS_CERTIFICATE = 11,
    TLS_SERVER_KEY_EXCHANGE = 12,
    TLS_CERTIFICATE_REQUEST = 13,
    TLS_SERVER_HELLO_DONE = 14,
    TLS_CERTIFICATE_VERIFY = 15,
    TLS_CLIENT_KEY_EXCHANGE = 16,
    TLS_FINISHED = 20,
    TLS_CERTIFICATE_STATUS = 22,
};

enum { TLS_HANDSHAKE_HEADER_SIZE = 4, TLS_RANDOM_SIZE = 32 };

struct tls_handshake_header {
    uint8_t type;
    uint32_t length; /* of the body that follows */
};

/* PARSE_MORE below four bytes; any four bytes are a header (PARSE_OK). */
enum parse_status tls_handshake_header_parse(struct span bytes,
                                             struct tls_handshake_header *header);

enum tls_extension_type {
    TLS_EXT_SERVER_NAME = 0,
    TLS_EXT_SUPPORTED_GROUPS = 10,
    TLS_EXT_EC_POINT_FORMATS = 11,
    TLS_EXT_SIGNATURE_ALGORITHMS = 13,
    TLS_EXT_ALPN = 16,
    TLS_EXT_ENCRYPT_THEN_MAC = 22,
    TLS_EXT_EXTENDED_MASTER_SECRET = 23,
    TLS_EXT_SESSION_TICKET = 35,
    TLS_EXT_DRAFT_KEY_SHARE = 40, /* TLS 1.3 drafts up to 22 */
    TLS_EXT_PRE_SHARED_KEY = 41,
    TLS_EXT_EARLY_DATA = 42,
    TLS_EXT_SUPPORTED_VERSIONS = 43,
    TLS_EXT_COOKIE = 44,
    TLS_EXT_PSK_KEY_EXCHANGE_MODES = 45,
    TLS_EXT_POST_HANDSHAKE_AUTH = 49,
    TLS_EXT_SIGNATURE_ALGORITHMS_CERT = 50,
    TLS_EXT_KEY_SHARE = 51,
    TLS_EXT_ENCRYPTED_CLIENT_HELLO = 0xfe0d,
    TLS_EXT_ENCRYPTED_SERVER_NAME = 0xffce, /* its forerunner, draft-ietf-tls-esni-00 to -06 */
    TLS_EXT_RENEGOTIATION_INFO = 0xff01,
};

enum { TLS_SCSV_RENEGOTIATION = 0x00ff, TLS_SCSV_FALLBACK = 0x5600 }; /* RFC 5746 3.3, RFC 7507 */

struct tls_extension {
    uint16_t type;
    struct span data;
};

/* Reads a hello's extension block off the rest of its body: absent when there is none, and what is
 * there of it (with *is_truncated set) when its length runs past the body. */
struct span tls_extension_block_read(struct reader *reader, bool *is_truncated);

/* Takes the next extension of an extension block (without its length prefix); false at the end or
 * at damage, which then stays in *extensions. */
bool tls_extension_next(struct span *extensions, struct tls_extension *extension);

/* Finds an extension; false when it is absent. */
bool tls_extension_find(struct span extensions, uint16_t type, struct tls_extension *extension);

/* The types that an extension block held so far, to tell repetitions (RFC 8446 section 4.2 forbids
 * them). Bounded: past TLS_EXTENSION_SET_SIZE types of 64 and above, further ones are not looked
 * after. */
enum { TLS_EXTENSION_SET_SIZE = 32, TLS_EXTENSION_LOW_TYPES = 64 };
struct tls_extension_set {
    uint64_t low; /* types below 64, a bit each */
    size_t count;
    uint16_t high[TLS_EXTENSION_SET_SIZE];
};
/* False when it was there before. */
bool tls_extension_set_add(struct tls_extension_set *set, uint16_t type);

/*
 * ClientHello (RFC 8446 section 4.1.2). The spans below `extensions` are the insides of the
 * extensions of that name, without their own length prefixes; absent extensions leave absent spans
 * (data NULL). An extension whose inside is damaged is named in malformed_extension, its span stays
 * absent, and the others are still there.
 */
struct client_hello {
    uint16_t legacy_version;
    bool is_sslv2;     /* SSLv2 framing (RFC 5246 appendix E.2): cipher_suites holds 3-byte cipher
                          specs, challenge is in random */
    bool is_truncated; /* the extension block runs past the message, or its last extension past the
                          block; the whole ones in front are kept */
    bool has_malformed_extension;
    bool has_repeated_extension;
    bool has_renegotiation_info;
    uint16_t malformed_extension; /* the first one of them */
    uint16_t repeated_extension;  /* the first type that stands there twice */
    struct span random;           /* 32 bytes; the SSLv2 challenge (16 to 32 bytes) */
    struct span session_id;       /* 0 to 32 bytes */
    struct span cookie;           /* DTLS only */
    struct span cipher_suites;
    struct span compression_methods;
    struct span extensions;         /* the whole ones; absent when the message ends before them */
    uint64_t low_extensions;        /* of these, types below 64: a bit each */
    struct span server_name;        /* the host_name's bytes as sent: unvalidated */
    struct span supported_versions; /* list of uint16 */
    struct span supported_groups;   /* list of uint16 */
    struct span
        key_share; /* client_shares: {uint16 group, vector16}; both code points of the extension */
    struct span signature_algorithms;   /* list of uint16 */
    struct span psk_key_exchange_modes; /* list of uint8 */
    struct span alpn;                   /* list of vector8 */
    struct span ec_point_formats;       /* list of uint8 */
    struct span pre_shared_key;         /* the extension's data as it stands */
    struct span session_ticket; /* the extension's data: empty asks for a ticket, else it is one */
    struct span early_data;
    struct span encrypted_client_hello; /* the extension's data; see ech.h */
    struct span encrypted_server_name;  /* the extension's data as it stands */
};

/*
 * `body` is the whole message without its four header bytes; `is_dtls` adds the cookie field.
 *
 *   PARSE_OK         the fixed fields were there; see is_truncated and has_malformed_extension for
 *                    the rest
 *   PARSE_MALFORMED  the fixed fields do not fit the body, or the session id is longer than 32
 *
 * Tolerated, since real peers send it: empty lists, an odd byte at the end of cipher_suites (it
 * stays in the span), repeated extensions (the first sound one counts), bytes after the extension
 * block (ignored). Extension 40 was key_share in drafts and is nobody's now: it is one only when it
 * reads as one, and never malformed.
 */
enum parse_status client_hello_parse(struct span body, bool is_dtls, struct client_hello *hello);

/* Is there an extension of this type? */
bool client_hello_has_extension(const struct client_hello *hello, uint16_t type);

/* Does it break its own format, though it could be read: is_truncated, has_malformed_extension,
 * has_repeated_extension, or half a cipher suite? */
bool client_hello_is_malformed(const struct client_hello *hello);

/*
 * An SSLv2-framed ClientHello, header included (RFC 5246 appendix E.2,
 * draft-hickman-netscape-ssl-00): two-byte header with the high bit set, type 1, version 0x0002 or
 * 0x0300 to 0x0304. *consumed is the number of bytes it took.
 *
 *   PARSE_OK         the hello is there
 *   PARSE_MORE       all bytes fit so far, more are needed
 *   PARSE_MALFORMED  header, type and version fit, the lengths do not
 *   PARSE_FOREIGN    something else
 */
enum parse_status client_hello_parse_sslv2(struct span bytes, struct client_hello *hello,
                                           size_t *consumed);

/* Takes the next cipher of a hello's list as a 16-bit suite, or as 24 bits when the hello is
 * SSLv2-framed. */
bool client_hello_next_cipher(const struct client_hello *hello, struct span *list,
                              uint32_t *cipher);
bool client_hello_has_cipher(const struct client_hello *hello,
                             uint16_t suite); /* SSLv2 specs 00xxxx count as suite xxxx */

/* Does the client share a key for (or, for `client_hello_next_key_share`, which is the next) group?
 */
bool client_hello_has_key_share(const struct client_hello *hello, uint16_t group);
bool client_hello_next_key_share(struct span *shares, uint16_t *group, struct span *key);

struct server_hello {
    uint16_t legacy_version;
    bool
        is_hello_retry_request; /* the fixed random of RFC 8446 4.1.3, or the drafts' own message */
    bool is_draft_layout; /* drafts up to 21, and Google's and Facebook's like them: neither session
                             id nor compression */
    bool is_truncated;    /* as in client_hello */
    bool has_malformed_extension; /* as in client_hello */
    bool has_repeated_extension;  /* as in client_hello */
    bool has_selected_version;
    bool has_key_share_group;
    bool has_pre_shared_key;
    uint16_t malformed_extension;
    uint16_t repeated_extension;
    uint16_t cipher_suite;
    uint8_t compression_method;
    uint16_t selected_version; /* supported_versions' */
    uint16_t key_share_group;  /* key_share's group: the share's, or the one asked for by a
                                  HelloRetryRequest */
    uint16_t selected_identity;
    struct span random;
    struct span session_id;
    struct span extensions; /* absent when the message ends before them */
    struct span cookie;
    struct span alpn; /* the chosen protocol's name */
};

/* `body` is the whole message without the four header bytes. Returns as client_hello_parse(), with
 * the same tolerance. */
enum parse_status server_hello_parse(struct span body, struct server_hello *hello);

bool server_hello_is_malformed(const struct server_hello *hello); /* as of a ClientHello */

/* TLS_DRAFT_HELLO_RETRY_REQUEST of drafts up to 21: version, (from draft 19) cipher suite,
 * extensions. */
enum parse_status draft_hello_retry_request_parse(struct span body, struct server_hello *hello);

/* An SSLv2 SERVER-HELLO, header included. Returns as client_hello_parse_sslv2(). */
struct sslv2_server_hello {
    uint16_t version;
    bool session_id_hit;
    struct span cipher_specs;
};
enum parse_status sslv2_server_hello_parse(struct span bytes, struct sslv2_server_hello *hello,
                                           size_t *consumed);

/* What the last eight bytes of a ServerHello.random say (RFC 8446 section 4.1.3). */
enum tls_sentinel {
    TLS_SENTINEL_NONE = 0,
    TLS_SENTINEL_TLS12, /* "DOWNGRD" 01: a TLS 1.3 server that negotiates TLS 1.2 */
    TLS_SENTINEL_TLS11, /* "DOWNGRD" 00: a server of TLS 1.2 or later that negotiates TLS 1.1 or
                           below */
    TLS_SENTINEL_JDK11, /* BoringSSL: ED BF B4 A8 C2 47 10 FF, TLS 1.3 was withheld from a
                           client taken for JDK 11 */
};
enum tls_sentinel tls_sentinel_of(struct span server_random);

#endif
