/*
 * kernel_filter.h - a filter in the kernel (eBPF, on the packet socket) that stops what no
 * handshake needs: the bulk of connections whose handshake is over.
 *
 * Their packets end in the kernel and cost neither a copy nor a wake-up. TLS over TCP is stopped
 * without a word from anybody: each end behind the first of its segments that begins with a sealed
 * record (application data, an encrypted alert) after the other end had sent one like that, and
 * bare acknowledgements of such an end. All else is named by who follows connections, and so is TLS
 * that shows no such segments. What still passes on a stopped connection:
 *
 *   - TCP with SYN, FIN, RST or URG, and payload that begins with a TLS handshake, alert or
 *     ChangeCipherSpec record; UDP with a QUIC long header, or a DTLS record that is no application
 *     data,
 *   - whatever is no plain TCP or UDP in IPv4 or IPv6 behind at most two VLAN tags: fragments,
 *     extension headers, tunnels,
 *   - everything, once in LIFETIME_S: then the connection is named again if nothing more is needed
 *     of it still.
 *
 * A SYN, a ClientHello or a ServerHello (over UDP also a QUIC long header) ends the stop: what
 * follows is a new handshake, and none of it is lost. So does a RST, or a FIN of each end.
 *
 * A handshake over TCP can be contradicted for a while (`watch_us`; a second where it was not
 * named). Until that is over, an alert in clear and bytes from before the stop let all through for
 * a second, so that what follows them is seen, and of the rest every 32nd packet of each end
 * passes: what is suspect is compared with it.
 *
 * The table is bounded and forgets the entries that were used longest ago; forgetting costs time
 * only. What was stopped is counted by the kernel, as it does not show in the socket's own counts.
 *
 * One filter serves one interface and all its workers. It needs CAP_BPF when it is made and
 * attached, and afterwards only its maps' descriptors. Where the build, the kernel or the rights do
 * not have it, kernel_filter_new() says so, and captures go on without.
 */
#ifndef DOWNGRD_KERNEL_FILTER_H
#define DOWNGRD_KERNEL_FILTER_H

#include "packet.h"

struct kernel_filter;

enum {
    KERNEL_FILTER_FLOWS = 131072, /* connections that are stopped at once */
    KERNEL_FILTER_LIFETIME_S = 60,
    KERNEL_FILTER_ERROR_SIZE = 256,
};

/* What rides on the connection, and so which of its packets are bulk. */
enum kernel_filter_kind { KERNEL_FILTER_TLS, KERNEL_FILTER_QUIC, KERNEL_FILTER_DTLS };

/* Both ends, in any order. An IPv4 address uses the first four bytes, the rest is 0. */
struct kernel_filter_flow {
    struct ip_address address[2];
    uint16_t port[2];
    uint8_t ip_version;
    uint8_t protocol; /* IP_PROTOCOL_TCP or IP_PROTOCOL_UDP */
    enum kernel_filter_kind kind;
    uint64_t watch_us;         /* from the latest packet that the caller knows; TCP only */
    uint32_t next_sequence[2]; /* with watch_us: what each end says from there on is new */
};

struct kernel_filter_counts {
    uint64_t packets; /* stopped */
    uint64_t bytes;   /* of them, on the wire */
    uint64_t expired; /* entries whose time was over */
    uint64_t revived; /* entries ended by a SYN or a hello */
};

struct kernel_filter_config {
    size_t flows;         /* KERNEL_FILTER_FLOWS */
    unsigned lifetime_s;  /* KERNEL_FILTER_LIFETIME_S */
    uint32_t snap_length; /* how much of a packet is captured */
    bool only_named;      /* stop no connection before it was named: for who leaves some out by a
                             filter of its own, which what is stopped never gets to */
};

/* NULL, with the reason, when it cannot be. */
struct kernel_filter *kernel_filter_new(const struct kernel_filter_config *config,
                                        char error[KERNEL_FILTER_ERROR_SIZE]);
void kernel_filter_delete(struct kernel_filter *filter);

/* Takes the place of whatever filter the packet socket has; its link type must be Ethernet. 0 or
 * -errno. */
int kernel_filter_attach(struct kernel_filter *filter, int packet_socket);

/*
 * `behind_us` is how old the latest packet is that the caller knows: should a new connection with
 * these addresses and ports have begun since, it is not stopped. Any thread. 0 or -errno.
 */
int kernel_filter_stop(struct kernel_filter *filter, const struct kernel_filter_flow *flow,
                       uint64_t behind_us);

/* Since kernel_filter_new(), of all processors. */
struct kernel_filter_counts kernel_filter_count(const struct kernel_filter *filter);

#endif
