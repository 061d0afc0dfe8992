/*
 * packet.h - one captured frame to one TCP segment (or UDP datagram), or to an IP fragment that
 * must wait for its others.
 *
 * packet_decode() walks link layer, VLAN tags, MPLS labels, IPv4/IPv6 with extension headers,
 * tunnels, and TCP or UDP. It allocates nothing and keeps nothing; every span points into the
 * caller's frame. Payload is what IP says is payload: Ethernet padding and trailers are not in it.
 *
 * The innermost packet is the packet: its addresses, hop limit and so on are told, and each tunnel
 * around it is noted in tunnels[]. A tunnel over UDP is known by a port, and by a header and an
 * inside that make sense to the last byte: anything else on that port stays the UDP datagram that
 * it is, so that nobody hides by the choice of a port. TCP carries no tunnels here, and neither
 * does an ICMP error that quotes a packet.
 *
 * Sources: RFC 791 (IPv4), RFC 8200 (IPv6), RFC 9293 (TCP), RFC 7323 (TCP timestamps, window
 * scale), IEEE 802.1Q/802.1ad (VLAN), https://www.tcpdump.org/linktypes.html (link types); for
 * tunnels, the files that read them.
 */
#ifndef DOWNGRD_PACKET_H
#define DOWNGRD_PACKET_H

#include "span.h"

/* Link types as in capture files; DLT_RAW differs per system, so both of its values are here. */
enum link_type {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_PPP = 9,
    LINK_FDDI = 10,
    LINK_RAW_BSD = 12,
    LINK_RAW_OPENBSD = 14,
    LINK_PPP_HDLC = 50,
    LINK_PPP_ETHER = 51, /* PPPoE without its Ethernet header */
    LINK_RAW = 101,
    LINK_CISCO_HDLC = 104,
    LINK_IEEE80211 = 105,
    LINK_LOOP = 108,
    LINK_LINUX_SLL = 113,
    LINK_PRISM = 119,
    LINK_RADIOTAP = 127,
    LINK_AVS = 163,
    LINK_PPP_PPPD = 166,
    LINK_PPI = 192,
    LINK_PPP_WITH_DIRECTION = 204,
    LINK_MPLS = 219,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_NFLOG = 239,
    LINK_PKTAP = 258,
    LINK_LINUX_SLL2 = 276,
};

/* True when packet_decode() knows this link type. */
bool link_type_is_supported(int link_type);

enum { IP_PROTOCOL_TCP = 6, IP_PROTOCOL_UDP = 17 };

/* An IPv4 address uses the first four bytes; the rest is zero. */
struct ip_address {
    uint8_t bytes[16];
};

enum { IP_ADDRESS_TEXT_SIZE = 46 }; /* INET6_ADDRSTRLEN */

/* Writes the usual text form (RFC 5952 for IPv6) of an address of the given version (4 or 6),
 * NUL-terminated. */
void ip_address_format(const struct ip_address *address, unsigned ip_version,
                       char text[IP_ADDRESS_TEXT_SIZE]);

enum tcp_flag { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_PSH = 0x08, TCP_ACK = 0x10 };

enum packet_has {
    PACKET_HAS_IP_ID = 1U << 0U, /* IPv4, or an IPv6 fragment header */
    PACKET_HAS_TCP_TIMESTAMP = 1U << 1U,
    PACKET_HAS_TCP_MSS = 1U << 2U,
    PACKET_HAS_TCP_WINDOW_SCALE = 1U << 3U,
    PACKET_HAS_TCP_SACK_PERMITTED = 1U << 4U,
};

enum { PACKET_MAX_VLANS = 2, PACKET_MAX_TUNNELS = 4 };

/* What carries another packet inside. VLAN tags and MPLS labels are no tunnels here: they have no
 * ends of their own. */
enum tunnel_type {
    TUNNEL_IPIP,   /* IPv4 or IPv6 in IPv4 or IPv6: protocols 4 and 41 */
    TUNNEL_GRE,    /* RFC 2784, 2890; also its PPTP variant (RFC 2637) */
    TUNNEL_ERSPAN, /* types I, II and III */
    TUNNEL_VXLAN,
    TUNNEL_GENEVE,
    TUNNEL_GTP_U,
    TUNNEL_CAPWAP,
    TUNNEL_TEREDO,
    TUNNEL_PPPOE, /* ends are Ethernet's: no addresses, no ports */
    TUNNEL_L2TP,  /* version 2 */
    TUNNEL_TYPE_COUNT,
};

/* "ipip", "gre", "erspan", "vxlan", "geneve", "gtp-u", "capwap", "teredo", "pppoe", "l2tp". */
const char *tunnel_type_name(enum tunnel_type type);

struct packet_tunnel {
    uint8_t type;         /* enum tunnel_type */
    uint8_t ip_version;   /* of the outer packet: 4 or 6; 0 for PPPoE */
    uint16_t source_port; /* 0 where the tunnel has none */
    uint16_t destination_port;
    uint32_t id; /* VNI, TEID, GRE key (PPTP: call id), ERSPAN session id, PPPoE session id, L2TP
                    tunnel id and, in the lower half, session id; 0 where there is none */
    struct ip_address source;
    struct ip_address destination;
};

struct packet {
    /* network layer */
    uint8_t ip_version; /* 4 or 6 */
    uint8_t protocol;   /* after extension headers */
    uint8_t hop_limit;  /* IPv4 TTL */
    bool dont_fragment;
    struct ip_address source;
    struct ip_address destination;
    uint32_t ip_id;
    uint16_t vlans[PACKET_MAX_VLANS]; /* VLAN ids, outermost first */
    uint8_t vlan_count; /* tags seen outside of all tunnels; those past PACKET_MAX_VLANS are walked
                           but not kept, and so are all those inside tunnels. More than eight are
                           malformed */

    uint8_t tunnel_count; /* those that the packet was taken out of, see below */

    /* fragment: then the transport fields are unset, and payload is this fragment's piece of the IP
     * payload */
    bool is_fragment;
    bool more_fragments;
    uint32_t fragment_offset; /* bytes */

    /* transport layer */
    uint16_t source_port;
    uint16_t destination_port;
    uint32_t sequence;
    uint32_t acknowledgement;
    uint16_t window; /* raw, unscaled */
    uint8_t tcp_flags;
    uint8_t tcp_window_scale; /* as sent; this, MSS and SACK-permitted are read from SYNs only */
    uint16_t tcp_mss;
    uint32_t tcp_timestamp;
    uint32_t tcp_timestamp_echo;
    uint32_t has; /* enum packet_has */

    struct span payload;      /* what was captured of it */
    size_t payload_size_wire; /* what IP says it was, if the frame was that long; larger than
                                 payload.size when the capture cut it */

    struct packet_tunnel
        tunnels[PACKET_MAX_TUNNELS]; /* outermost first; valid up to tunnel_count */
};

/*
 * Decodes one frame. `wire_size` is the frame's original length (pcap's `len`), frame.size what was
 * captured. Up to `max_tunnels` tunnels are entered (at most PACKET_MAX_TUNNELS; 0: none); what is
 * in one more is foreign, or the payload of a plain UDP datagram.
 *   PARSE_OK         *packet is a TCP segment, a UDP datagram, or a fragment (is_fragment)
 *   PARSE_MORE       the capture cut the frame inside the headers
 *   PARSE_MALFORMED  a length or header breaks its standard
 *   PARSE_FOREIGN    not IP, or neither TCP nor UDP inside
 */
enum parse_status packet_decode(int link_type, struct span frame, size_t wire_size,
                                unsigned max_tunnels, struct packet *packet);

/*
 * Decodes what a reassembled datagram holds: `packet` is the network layer of its fragments, `body`
 * the whole IP payload. Clears is_fragment and fills the transport fields and payload. Same
 * returns; the packet is a fragment again only when that came out of a further tunnel.
 */
enum parse_status packet_decode_transport(struct packet *packet, struct span body,
                                          unsigned max_tunnels);

/*
 * The same for a datagram of which only the `beginning` is there: PARSE_OK when that tells the
 * ports, though the rest of the transport header may be missing. Nothing but addresses, ports and
 * tunnels is to be used of *packet.
 */
enum parse_status packet_decode_ports(struct packet *packet, struct span beginning,
                                      unsigned max_tunnels);

#endif
