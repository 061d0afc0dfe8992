/*
 * kernel_filter.bpf.c - the program that runs in the kernel for each packet of the socket
 * (kernel_filter.h). It returns how much of the packet passes: all or nothing.
 *
 * A packet that is not understood passes, and so does one of a connection that is not in the table:
 * that is nearly every one on a link of short connections, so the table is asked before the payload
 * is looked at.
 *
 * The owner is behind: when it names a connection, a new one with the same addresses and ports may
 * have begun already, in packets that it has not read yet. A SYN ends an entry that is there, but
 * this one came before it. So the time of each SYN is noted, and a fresh entry does not hold when
 * one came after what its owner had seen. Two connections may share a place there; then an entry is
 * given up in vain, and made again soon.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "kernel_filter_map.h"

enum {
    ETHERTYPE_AT = 12,
    MAX_VLANS = 2,
    IPV4_SIZE = 20,
    IPV6_SIZE = 40,
    TCP_SIZE = 20,
    UDP_SIZE = 8,
    PROTOCOL_TCP = 6,
    PROTOCOL_UDP = 17,
    FLAG_FIN = 0x01,
    FLAG_SYN = 0x02,
    FLAG_RST = 0x04,
    FLAG_URG = 0x20,
    RECORD_CHANGE_CIPHER_SPEC = 20,
    RECORD_ALERT = 21,
    RECORD_HANDSHAKE = 22,
    RECORD_APPLICATION_DATA = 23,
    MAX_BEHIND = 1 << 20, /* bytes: further back is another story */
    TLS_START = 6,        /* record header and the message's type */
    DTLS_START = 14,      /* the same */
    KIND_QUIC = 1,        /* of enum kernel_filter_kind */
};

/* Set before the program is loaded. */
const volatile __u64 lifetime_ns = 0;
const volatile __u32 snap_length = 0;

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 1);
    __type(key, struct kernel_filter_key);
    __type(value, struct kernel_filter_entry);
} stopped SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, COUNTER_COUNT);
    __type(key, __u32);
    __type(value, __u64);
} counters SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, KERNEL_FILTER_SYNS);
    __type(key, __u32);
    __type(value, __u64);
} syns SEC(".maps");

/* Where the parts of a packet are. */
struct view {
    __u32 transport_at;
    __u32 transport_size; /* as IP says */
    __u32 payload_at;
    __u32 payload_size;
    __u32 sequence; /* TCP's, and the next */
    __u8 flags;
    __u8 is_alert; /* TLS: a record of that type begins here */
    __u32 sender;  /* which of the key's ends */
};

enum fate { PASSES, REVIVES, STOPS };

static __always_inline void count(__u32 counter, __u64 amount) {
    __u64 *value = bpf_map_lookup_elem(&counters, &counter);
    if (value)
        *value += amount;
}

static __always_inline int read_ipv4(struct __sk_buff *skb, __u32 at, struct view *view,
                                     struct kernel_filter_key *key) {
    __u8 header[IPV4_SIZE];
    if (bpf_skb_load_bytes(skb, at, header, sizeof header) < 0 || header[0] >> 4 != 4)
        return -1;
    __u32 size = (header[0] & 0xfU) * 4U;
    __u32 total = (__u32)header[2] << 8 | header[3];
    if (size < IPV4_SIZE || total < size || (header[6] & 0x3fU) != 0 || header[7] != 0)
        return -1; /* also fragments */
    __builtin_memcpy(&key->address[0][0], header + 12, 4);
    __builtin_memcpy(&key->address[1][0], header + 16, 4);
    key->ip_version = 4;
    key->protocol = header[9];
    view->transport_at = at + size;
    view->transport_size = total - size;
    return 0;
}

static __always_inline int read_ipv6(struct __sk_buff *skb, __u32 at, struct view *view,
                                     struct kernel_filter_key *key) {
    __u8 header[IPV6_SIZE];
    if (bpf_skb_load_bytes(skb, at, header, sizeof header) < 0 || header[0] >> 4 != 6)
        return -1;
    __builtin_memcpy(key->address, header + 8, sizeof key->address);
    key->ip_version = 6;
    key->protocol = header[6];
    view->transport_at = at + IPV6_SIZE;
    view->transport_size = (__u32)header[4] << 8 | header[5];
    return 0;
}

static __always_inline int read_network(struct __sk_buff *skb, struct view *view,
                                        struct kernel_filter_key *key) {
    __u32 at = ETHERTYPE_AT;
    __u16 type = 0;
    for (int i = 0; i <= MAX_VLANS; i++) {
        if (bpf_skb_load_bytes(skb, at, &type, sizeof type) < 0)
            return -1;
        at += sizeof type;
        if (type == bpf_htons(0x0800))
            return read_ipv4(skb, at, view, key);
        if (type == bpf_htons(0x86dd))
            return read_ipv6(skb, at, view, key);
        if (type != bpf_htons(0x8100) && type != bpf_htons(0x88a8))
            return -1;
        at += 2; /* the tag itself */
    }
    return -1;
}

static __always_inline int read_transport(struct __sk_buff *skb, struct view *view,
                                          struct kernel_filter_key *key) {
    __u8 header[TCP_SIZE];
    __u32 size = UDP_SIZE;
    if (key->protocol == PROTOCOL_TCP) {
        if (bpf_skb_load_bytes(skb, view->transport_at, header, TCP_SIZE) < 0)
            return -1;
        size = (header[12] >> 4) * 4U;
        view->sequence =
            (__u32)header[4] << 24 | (__u32)header[5] << 16 | (__u32)header[6] << 8 | header[7];
        view->flags = header[13];
        if (size < TCP_SIZE)
            return -1;
    } else if (key->protocol == PROTOCOL_UDP) {
        if (bpf_skb_load_bytes(skb, view->transport_at, header, UDP_SIZE) < 0)
            return -1;
    } else {
        return -1;
    }
    if (view->transport_size < size)
        return -1;
    __builtin_memcpy(&key->port[0], header, 2);
    __builtin_memcpy(&key->port[1], header + 2, 2);
    view->payload_at = view->transport_at + size;
    view->payload_size = view->transport_size - size;
    return 0;
}

/* Of a hello, or of any other message that begins here? Bare acknowledgements are bulk. */
static __always_inline enum fate fate_of_tls(struct __sk_buff *skb, struct view *view) {
    __u8 start[TLS_START];
    if (view->flags & (FLAG_FIN | FLAG_RST | FLAG_URG))
        return PASSES;
    if (view->payload_size == 0)
        return STOPS;
    if (view->payload_size < TLS_START ||
        bpf_skb_load_bytes(skb, view->payload_at, start, TLS_START) < 0)
        return PASSES;
    if (start[0] < RECORD_CHANGE_CIPHER_SPEC || start[0] > RECORD_HANDSHAKE || start[1] != 3 ||
        start[2] > 4)
        return STOPS;
    view->is_alert = start[0] == RECORD_ALERT;
    return start[0] == RECORD_HANDSHAKE && (start[5] == 1 || start[5] == 2) ? REVIVES : PASSES;
}

static __always_inline enum fate fate_of_quic(struct __sk_buff *skb, const struct view *view) {
    __u8 first = 0;
    if (view->payload_size == 0 || bpf_skb_load_bytes(skb, view->payload_at, &first, 1) < 0)
        return PASSES;
    return first & 0x80 ? REVIVES : STOPS;
}

static __always_inline enum fate fate_of_dtls(struct __sk_buff *skb, const struct view *view) {
    __u8 start[DTLS_START];
    if (view->payload_size < DTLS_START ||
        bpf_skb_load_bytes(skb, view->payload_at, start, DTLS_START) < 0)
        return PASSES;
    if (start[0] == RECORD_APPLICATION_DATA || (start[0] & 0xe0) == 0x20)
        return STOPS;
    /* a hello, or the question for a cookie, in the first epoch */
    return start[0] == RECORD_HANDSHAKE && (start[3] | start[4]) == 0 && start[13] >= 1 &&
                   start[13] <= 3
               ? REVIVES
               : PASSES;
}

static __always_inline enum fate fate_of(struct __sk_buff *skb, struct view *view,
                                         const struct kernel_filter_key *key, __u64 kind) {
    if (key->protocol == PROTOCOL_TCP)
        return fate_of_tls(skb, view);
    return kind == KIND_QUIC ? fate_of_quic(skb, view) : fate_of_dtls(skb, view);
}

/* What a packet of TCP comes to while it may contradict the handshake: bytes that were read before
 * and alerts end the stop, and now and then one passes. */
static __always_inline enum fate
fate_of_watched(const struct view *view, struct kernel_filter_entry *entry, enum fate fate) {
    __u32 sender = view->sender & 1;
    __s32 ahead = (__s32)(view->sequence - entry->next_sequence[sender]);
    if (view->payload_size > 0 && ahead < 0 && ahead > -MAX_BEHIND)
        return REVIVES;
    if (fate != STOPS)
        return view->is_alert ? REVIVES : fate;
    __u32 number = entry->packets[sender]++; /* two processors at once: one more or less passes */
    return number % KERNEL_FILTER_SAMPLE == 0 ? PASSES : STOPS;
}

static __always_inline __u64 *syn_of(const struct kernel_filter_key *key) {
    __u64 hash = key->address[0][0] ^ key->address[0][1] * 3 ^ key->address[1][0] * 5 ^
                 key->address[1][1] * 7 ^ ((__u64)key->port[0] << 16 | key->port[1]);
    hash *= 0x9e3779b97f4a7c15;
    __u32 place = (__u32)(hash >> 48);
    return bpf_map_lookup_elem(&syns, &place);
}

static __always_inline void note_syn(const struct kernel_filter_key *key) {
    __u64 *syn_ns = syn_of(key);
    if (syn_ns)
        *syn_ns = bpf_ktime_get_ns();
}

/* Asked once of each entry: what comes after it ends it directly. */
static __always_inline int holds(const struct kernel_filter_key *key,
                                 struct kernel_filter_entry *entry) {
    if (key->protocol == PROTOCOL_TCP && !entry->is_checked) {
        const __u64 *syn_ns = syn_of(key);
        if (!syn_ns || *syn_ns > entry->seen_ns)
            return 0;
        entry->is_checked = 1;
    }
    return 1;
}

SEC("socket")
int kernel_filter(struct __sk_buff *skb) {
    struct kernel_filter_key key = {0};
    struct view view = {0};
    if (read_network(skb, &view, &key) < 0 || read_transport(skb, &view, &key) < 0)
        return (int)snap_length;
    view.sender = kernel_filter_key_sort(&key);
    if (view.flags & FLAG_SYN)
        note_syn(&key);
    struct kernel_filter_entry *entry = bpf_map_lookup_elem(&stopped, &key);
    if (!entry)
        return (int)snap_length;
    __u64 now_ns = bpf_ktime_get_ns();
    if (now_ns - entry->stopped_ns > lifetime_ns) {
        bpf_map_delete_elem(&stopped, &key);
        count(COUNTER_EXPIRED, 1);
        return (int)snap_length;
    }
    enum fate fate = REVIVES;
    if (!(view.flags & FLAG_SYN) && holds(&key, entry)) {
        fate = fate_of(skb, &view, &key, entry->kind);
        if (now_ns < entry->watched_ns)
            fate = fate_of_watched(&view, entry, fate);
    }
    if (fate == STOPS) {
        count(COUNTER_PACKETS, 1);
        count(COUNTER_BYTES, skb->len);
        return 0;
    }
    if (fate == REVIVES) {
        bpf_map_delete_elem(&stopped, &key);
        count(COUNTER_REVIVED, 1);
    }
    return (int)snap_length;
}

char LICENSE[] SEC("license") = "Apache-2.0";
