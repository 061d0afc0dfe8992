/*
 * tls_record.h - the TLS record layer (RFC 8446 section 5.1, RFC 5246 section 6.2.1) and cleartext
 * alerts.
 */
#ifndef DOWNGRD_TLS_RECORD_H
#define DOWNGRD_TLS_RECORD_H

#include "span.h"

enum tls_content_type {
    TLS_CHANGE_CIPHER_SPEC = 20,
    TLS_ALERT = 21,
    TLS_HANDSHAKE = 22,
    TLS_APPLICATION_DATA = 23,
    TLS_HEARTBEAT = 24,
};

enum {
    TLS_RECORD_HEADER_SIZE = 5,
    TLS_RECORD_MAX_FRAGMENT =
        16384 + 2048, /* RFC 5246 section 6.2.3 allows that much for ciphertext */
};

struct tls_record_header {
    uint8_t type;     /* enum tls_content_type */
    uint16_t version; /* legacy_record_version: says nothing about the connection's version */
    uint16_t length;  /* of the fragment that follows */
};

/*
 * Reads the five header bytes.
 *   PARSE_OK         type is one of the five, version is 0x03xx (or a draft's 0x7fxx), length is
 * within the limit PARSE_MORE       fewer than five bytes, all of them fitting so far PARSE_FOREIGN
 * these are not TLS record bytes
 */
enum parse_status tls_record_header_parse(struct span bytes, struct tls_record_header *header);

struct tls_alert {
    uint8_t level;       /* 1 warning, 2 fatal (RFC 8446 section 6) */
    uint8_t description; /* AlertDescription */
};

/* Reads a cleartext alert: exactly two bytes with a known level, else PARSE_MALFORMED (which is how
 * encrypted ones look). */
enum parse_status tls_alert_parse(struct span fragment, struct tls_alert *alert);

#endif
