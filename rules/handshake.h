/*
 * handshake.h - the record: everything the wire told about one TLS, DTLS or QUIC handshake.
 *
 * The sensor fills it, the rules and the sinks read it. It holds what was seen and never what was
 * guessed: both hellos are kept apart (the client's *offer*, the server's *choice*), everything
 * optional has a presence bit in `has`, and what the sensor itself missed is in `missed`. Facts
 * that follow from others are functions below, not fields.
 *
 * Ownership: spans inside point into memory of the flow that made the record and live until the
 * call that was given the record returns. Who keeps anything longer copies it.
 *
 * Packet numbers count from 1 within a capture file (as Wireshark's), times are microseconds since
 * 1970-01-01 UTC.
 */
#ifndef DOWNGRD_HANDSHAKE_H
#define DOWNGRD_HANDSHAKE_H

#include "dialogue.h"
#include "packet.h"
#include "quic.h"
#include "tls_handshake.h"
#include "tls_key_exchange.h"
#include "tls_names.h"
#include "transport.h"

enum handshake_protocol { HANDSHAKE_TLS, HANDSHAKE_SSLV2, HANDSHAKE_DTLS, HANDSHAKE_QUIC };

/* What the handshake rode on before TLS began. CARRIER_DIALOGUE: `dialogue.protocol` says what. */
enum handshake_carrier {
    CARRIER_DIRECT,
    CARRIER_UNKNOWN, /* TLS in the middle of a connection, after something that was not understood
                      */
    CARRIER_DIALOGUE,
    CARRIER_STUN, /* DTLS on ports that spoke STUN or TURN before, or inside of TURN */
    CARRIER_OPENVPN,
    CARRIER_COUNT,
};

enum handshake_outcome {
    OUTCOME_COMPLETED, /* both hellos seen, and both sides went on encrypted (see
                          handshake_failed_encrypted()) */
    OUTCOME_FAILED, /* ended before that by a fatal alert, a close, or silence past the time-out */
    OUTCOME_RESET,  /* ended before that by a TCP reset */
    OUTCOME_HALF_SEEN,    /* one side's packets are not in the capture, or the start is not */
    OUTCOME_INCONCLUSIVE, /* a hole, a cut packet, packets that the capture lost, or its end hide
                             how it went on */
};

enum handshake_has {
    HANDSHAKE_HAS_OFFER = 1U << 0U,
    HANDSHAKE_HAS_CHOICE = 1U << 1U,       /* a ServerHello that is no HelloRetryRequest */
    HANDSHAKE_HAS_RETRY = 1U << 2U,        /* a HelloRetryRequest */
    HANDSHAKE_HAS_SECOND_OFFER = 1U << 3U, /* the ClientHello after it; DTLS, without a retry: the
                                              one with a cookie, if it differs in more than that */
    HANDSHAKE_HAS_KEY_EXCHANGE = 1U << 4U,
    HANDSHAKE_HAS_CERTIFICATE =
        1U << 5U, /* a cleartext server Certificate passed by; its name may still be empty */
    HANDSHAKE_HAS_SSLV2_CHOICE = 1U << 6U,
    HANDSHAKE_HAS_RENEGOTIATION =
        1U << 7U, /* a further cleartext ClientHello after the handshake's own */
    HANDSHAKE_HAS_SERVER_HELLO_DONE = 1U << 8U,
    HANDSHAKE_HAS_CLIENT_KEY_EXCHANGE = 1U << 9U,
    HANDSHAKE_HAS_HELLO_VERIFY = 1U << 10U, /* DTLS: a HelloVerifyRequest */
    HANDSHAKE_HAS_DIALOGUE = 1U << 11U, /* `dialogue` is filled, whether or not TLS came of it */
};

enum handshake_missed {
    MISSED_START = 1U << 0U,        /* no SYN: the capture began in the middle of the connection */
    MISSED_CLIENT_SIDE = 1U << 1U,  /* no packet from the client at all */
    MISSED_SERVER_SIDE = 1U << 2U,  /* no packet from the server at all */
    MISSED_CLIENT_BYTES = 1U << 3U, /* a hole in the client's byte stream during the handshake */
    MISSED_SERVER_BYTES = 1U << 4U,
    MISSED_CUT_PACKET = 1U << 5U, /* the snap length cut payload of the handshake */
    MISSED_END = 1U << 6U,        /* the capture ended (or the flow table evicted it) first */
    MISSED_MEMORY =
        1U << 7U, /* a bound of the sensor was reached: a message or its tail was not kept */
    MISSED_CAPTURE = 1U << 8U, /* live: the capture lost packets while it was in progress, which may
                                  have been its own */
};

enum handshake_side { SIDE_CLIENT = 0, SIDE_SERVER = 1, SIDE_COUNT = 2 };

enum { HANDSHAKE_MAX_ALERTS = 8, HANDSHAKE_MAX_NAME = 255 };

struct handshake_alert {
    uint64_t time_us;
    uint64_t packet;
    uint8_t level;
    uint8_t description;
    uint8_t sender; /* enum handshake_side */
};

/* A message that breaks its own format: its sender's fault, for every byte of it was seen. */
enum handshake_malformed {
    MALFORMED_CLIENT_HELLO = 1U << 0U,
    MALFORMED_SERVER_HELLO = 1U << 1U,
    MALFORMED_KEY_EXCHANGE = 1U << 2U,
    MALFORMED_RECORD = 1U << 3U,   /* a record that cannot be, between sound ones */
    MALFORMED_FRAGMENT = 1U << 4U, /* DTLS fragments or QUIC CRYPTO frames that contradict */
};

/* What QUIC showed around the hellos (RFC 9000 sections 6 and 8.1.2). */
struct quic_facts {
    uint32_t first_version;  /* of the client's first long header; may be one nobody knows */
    uint32_t version;        /* of the Initial that carried the ClientHello */
    uint32_t server_version; /* of the server's first Initial; 0 when none was read */
    uint64_t version_negotiation_packet; /* 0: none was seen */
    uint64_t retry_packet;               /* 0: none was seen */
    struct span offered_versions; /* the Version Negotiation's list of uint32, as sent (may be
                                     forged: it is not authenticated); absent without */
};

struct endpoint {
    struct ip_address address;
    uint16_t port;
};

/* What one direction showed until the record was closed. Packet number 0 means: did not happen. */
struct direction {
    uint32_t packets;
    uint8_t first_hop_limit; /* of the SYN or SYN-ACK, else of the first packet */
    uint8_t min_hop_limit;
    uint8_t max_hop_limit;
    bool has_syn;
    uint64_t hello_packet; /* the packet that completed the first hello of this side */
    uint64_t hello_us;
    uint64_t encrypted_packet; /* first ChangeCipherSpec that is no dummy, or first encrypted
                                  record; QUIC: first Handshake or 1-RTT packet */
    uint16_t encrypted_size;   /* fragment size of this side's first encrypted record */
    uint64_t fin_packet;       /* of a FIN; QUIC: of a CONNECTION_CLOSE that can be read */
    uint64_t fin_us;
    uint64_t reset_packet;
    uint64_t reset_us;
    struct packet_mark first;    /* the SYN or SYN-ACK, else the first packet */
    struct packet_mark last;     /* the latest one */
    struct packet_mark previous; /* the one before that */
    uint32_t rtt_us;      /* between the tap and this end, from TCP's own handshake; 0: unknown */
    uint32_t duplicates;  /* segments of which every byte had been seen */
    uint16_t mss;         /* of the SYN; 0 when it had none */
    uint8_t window_scale; /* of the SYN; valid with has_window_scale */
    bool has_window_scale;
    bool has_timestamps; /* its SYN carried one */
};

struct handshake {
    /* first: what nearly every packet of a handshake looks at */
    uint32_t has;        /* enum handshake_has */
    uint32_t missed;     /* enum handshake_missed */
    uint32_t malformed;  /* enum handshake_malformed */
    uint8_t alert_count; /* kept in alerts[] */
    uint8_t suspect_count;
    uint8_t conflict_count; /* further conflicts are not kept */
    uint64_t ended_packet;
    enum handshake_protocol protocol;
    enum handshake_carrier carrier;
    enum handshake_outcome outcome;
    uint8_t ip_version;
    uint8_t transport; /* IP_PROTOCOL_TCP or IP_PROTOCOL_UDP */
    uint8_t vlan_count;
    uint8_t tunnel_count; /* as in struct packet: around the packet that began the record */
    uint16_t vlans[PACKET_MAX_VLANS];
    uint16_t alerts_lost; /* cleartext alerts past HANDSHAKE_MAX_ALERTS */
    struct endpoint
        client; /* who sent the ClientHello; without one: whom the ServerHello was sent to */
    struct endpoint server;
    uint64_t
        flow_id; /* the same for the same flow of the same capture, on any machine; fits 2^53 */
    uint64_t started_us; /* the first packet of the flow */
    uint64_t started_packet;
    uint64_t
        ended_us; /* the packet that closed the record (ended_packet), or the time-out's moment */

    struct client_hello offer;
    struct server_hello choice;
    uint64_t choice_packet; /* the packet that completed it */
    struct key_exchange key_exchange;
    uint64_t key_exchange_packet;
    struct client_hello second_offer;
    struct server_hello retry;
    uint64_t retry_packet;
    struct sslv2_server_hello sslv2_choice;
    uint64_t hello_verify_packet;
    struct dialogue dialogue;
    struct quic_facts quic;
    uint64_t malformed_packet; /* of the first of what is malformed */
    uint64_t conflict_packet;  /* a fragment of an IP datagram of this flow contradicted another; 0:
                                  none did */

    /* last: what needs no clearing in a new record, because it is filled at its end, or its count
     * or first byte says that it is empty */
    struct direction side[SIDE_COUNT];
    char certificate_name[HANDSHAKE_MAX_NAME +
                          1]; /* "" when unknown; raw bytes of the certificate, NUL-terminated */
    struct packet_tunnel tunnels[PACKET_MAX_TUNNELS];
    struct handshake_alert alerts[HANDSHAKE_MAX_ALERTS];
    struct suspect suspects[TRANSPORT_MAX_SUSPECTS];
    struct conflict conflicts[TRANSPORT_MAX_CONFLICTS];
};

/* Who set the version. The three cases of the mission, and two that are none. */
enum limiter {
    LIMITER_NONE,       /* TLS 1.3 or better was negotiated, or both sides' best that is known */
    LIMITER_CLIENT,     /* the client got the best it offered, and that is below TLS 1.3 */
    LIMITER_SERVER,     /* the client offered more than the server chose, and nothing says that the
                           server could do it */
    LIMITER_DOWNGRADED, /* both could do better: the sentinel (RFC 8446 4.1.3) says so, or a rule's
                           finding does */
    LIMITER_UNKNOWN,    /* a hello is missing, or names a version nobody knows */
};

/* Is there any hello? Without one the record tells of a dialogue that came to no TLS. */
bool handshake_has_hello(const struct handshake *handshake);
/* Highest rank the client offered: of supported_versions where present (else legacy_version).
 * GREASE does not count. */
enum tls_rank handshake_highest_offered(const struct handshake *handshake);
/* The code point behind it (0 when there is no offer). */
uint16_t handshake_highest_offered_version(const struct handshake *handshake);
/* Does the offer contain this version? Without supported_versions: every version up to
 * legacy_version counts. */
bool handshake_offers_version(const struct handshake *handshake, uint16_t version);
/* The negotiated version's code point (selected_version, else legacy_version; SSLv2's 0x0002); 0
 * without a choice. */
uint16_t handshake_negotiated_version(const struct handshake *handshake);
enum tls_rank handshake_negotiated(const struct handshake *handshake);
/* From the hellos alone; the judge raises it to LIMITER_DOWNGRADED when an attack-class rule found
 * a downgrade. */
enum limiter handshake_limiter(const struct handshake *handshake);
enum tls_sentinel handshake_sentinel(const struct handshake *handshake);
/* The sentinel contradicts the offer: the client offered what the server says it was not asked for.
 */
bool handshake_sentinel_contradicts_offer(const struct handshake *handshake);
/* TLS 1.3: the client's first encrypted record has exactly the size of a sealed alert: it refused.
 */
bool handshake_failed_encrypted(const struct handshake *handshake);
/* A session was resumed: TLS 1.3 by an accepted PSK, before by an echoed non-empty session id or an
 * immediate server CCS. */
bool handshake_is_resumed(const struct handshake *handshake);
/* The key exchange group that is known: key_share's, else ServerKeyExchange's; 0 when none. */
uint16_t handshake_group(const struct handshake *handshake);
/* The packet of the answer that settled the version: the ServerHello's, else the server's first
 * hello; 0 without. */
uint64_t handshake_choice_packet(const struct handshake *handshake);
/* The first fatal alert of a side (or of any when side is SIDE_COUNT); NULL when there is none. */
const struct handshake_alert *handshake_fatal_alert(const struct handshake *handshake,
                                                    enum handshake_side side);

/* Names as they appear in output: "completed", "client", "direct", "TLS". */
const char *handshake_outcome_name(enum handshake_outcome outcome);
const char *handshake_carrier_name(const struct handshake *handshake);
const char *limiter_name(enum limiter limiter);

#endif
