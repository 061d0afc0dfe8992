/*
 * kernel_filter.bpf.c - the program that runs in the kernel for each packet of the socket
 * (kernel_filter.h). It returns how much of the packet passes: all or nothing.
 *
 * A packet that is not understood passes, and so does one of a connection that is not in the table.
 *
 * TLS over TCP need not be named: sealed records (application data, encrypted alerts) tell that a
 * handshake is over before the owner has read a byte of it. A client may send some early (RFC 8446
 * section 2.3), and a server answers them before the handshake is over. So an end's packets are
 * bulk behind the first that begins with a sealed record after the other end had sent one that did:
 * by then all that this end had to say in clear has gone by, and the owner gets a record that says
 * so. Both must acknowledge about where the other is, or a stranger could stop connections with a
 * packet for each end.
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
    MAX_RECORD = (1 << 14) + 2048,
    SEALED_ALERT = 18,    /* bytes that an encrypted one has at least: itself and a digest */
    MAX_BEHIND = 1 << 20, /* bytes: further back is another story */
    MAX_UNREAD = 1 << 16, /* bytes that an end may have sent and the other not acknowledged */
    TLS_START = 6,        /* record header and the message's type */
    DTLS_START = 14,      /* the same */
    KIND_TLS = 0,         /* of enum kernel_filter_kind */
    KIND_QUIC = 1,
};

/* As long as a handshake may be contradicted at most, see flow_store.c. */
#define WATCH_NS 1000000000ULL

/* Set before the program is loaded. */
const volatile __u64 lifetime_ns = 0;
const volatile __u32 snap_length = 0;
const volatile __u32 only_named = 0;

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
    __u32 sequence; /* TCP's, and the next two */
    __u32 acknowledgement;
    __u32 flags;
    __u32 sender; /* which of the key's ends */
};

enum fate { PASSES, REVIVES, STOPS, ENDS };

static __always_inline void count(__u32 counter, __u64 amount) {
    __u64 *value = bpf_map_lookup_elem(&counters, &counter);
    if (value)
        *value += amount;
}

static __always_inline __u32 read_u32(const __u8 *bytes) {
    return (__u32)bytes[0] << 24 | (__u32)bytes[1] << 16 | (__u32)bytes[2] << 8 | bytes[3];
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
        view->sequence = read_u32(header + 4);
        view->acknowledgement = read_u32(header + 8);
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

/* What a segment's payload begins with. Sealed is what is encrypted without doubt: application
 * data, alone or behind a ChangeCipherSpec, and alerts too long for clear text. */
enum start {
    START_NOTHING,
    START_MIDDLE, /* of a record, or no TLS */
    START_DATA,   /* application data */
    START_SEALED, /* other records that are sealed */
    START_ALERT,  /* in clear */
    START_HELLO,
    START_OTHER, /* and what is too short to tell */
};

static __always_inline int is_sealed(enum start start) {
    return start == START_DATA || start == START_SEALED;
}

static __always_inline enum start start_of_tls(struct __sk_buff *skb, const struct view *view) {
    __u8 start[TLS_START];
    if (view->payload_size == 0)
        return START_NOTHING;
    if (view->payload_size < TLS_START ||
        bpf_skb_load_bytes(skb, view->payload_at, start, TLS_START) < 0)
        return START_OTHER;
    if (start[0] < RECORD_CHANGE_CIPHER_SPEC || start[0] > RECORD_APPLICATION_DATA ||
        start[1] != 3 || start[2] > 4)
        return START_MIDDLE;
    __u32 size = (__u32)start[3] << 8 | start[4];
    if (start[0] == RECORD_APPLICATION_DATA)
        return size <= MAX_RECORD ? START_DATA : START_MIDDLE;
    if (start[0] == RECORD_ALERT)
        return size < SEALED_ALERT ? START_ALERT : START_SEALED;
    if (start[0] == RECORD_CHANGE_CIPHER_SPEC)
        return bpf_skb_load_bytes(skb, view->payload_at + TLS_START, start, 1) == 0 &&
                       start[0] == RECORD_APPLICATION_DATA
                   ? START_SEALED
                   : START_OTHER;
    return start[0] == RECORD_HANDSHAKE && (start[5] == 1 || start[5] == 2) ? START_HELLO
                                                                            : START_OTHER;
}

/* The first sealed record of a connection that is not in the table. */
static __always_inline void learn(const struct kernel_filter_key *key, const struct view *view) {
    struct kernel_filter_entry entry = {0};
    entry.stopped_ns = bpf_ktime_get_ns();
    entry.next_sequence[0] = view->sequence; /* that of the other end is set before it counts */
    entry.next_sequence[1] = view->sequence;
    entry.kind = KIND_TLS;
    entry.is_checked = 1;
    entry.has_sealed = view->sender & 1 ? 2 : 1;
    bpf_map_update_elem(&stopped, key, &entry, BPF_NOEXIST);
}

/* More of it: is that the end of what its sender says in clear? */
static __always_inline void learn_more(const struct view *view, struct kernel_filter_entry *entry,
                                       __u64 now_ns) {
    __u32 sender = view->sender & 1;
    __u32 other = sender ^ 1;
    __s32 heard = (__s32)(view->acknowledgement - entry->next_sequence[other]);
    if (entry->has_sealed >> other & 1) {
        if (heard < -MAX_UNREAD || heard > MAX_BEHIND)
            return;
        entry->is_bulk |= 1U << sender;
        entry->watched_ns = now_ns + WATCH_NS;
        entry->next_sequence[sender] = view->sequence;
    } else if (!(entry->has_sealed >> sender & 1)) {
        entry->next_sequence[sender] = view->sequence;
    }
    entry->has_sealed |= 1U << sender;
}

/* While the handshake may be contradicted: is this what may do so? */
static __always_inline int
may_contradict(const struct view *view, const struct kernel_filter_entry *entry, enum start start) {
    __s32 ahead = (__s32)(view->sequence - entry->next_sequence[view->sender & 1]);
    return start == START_ALERT || (view->payload_size > 0 && ahead < 0 && ahead > -MAX_BEHIND);
}

/* Bytes are bulk behind what their sender had to say, acknowledgements behind what the other had.
 */
static __always_inline int is_bulk(const struct view *view, const struct kernel_filter_entry *entry,
                                   enum start start) {
    __u32 speaker = start == START_NOTHING ? (view->sender & 1) ^ 1 : view->sender & 1;
    return entry->is_bulk >> speaker & 1;
}

/* Who is gone gives its place to others: to make room costs the kernel more than all else here. */
static __always_inline enum fate fate_of_close(const struct view *view,
                                               struct kernel_filter_entry *entry) {
    entry->has_fin |= view->flags & FLAG_FIN ? 1U << (view->sender & 1) : 0;
    return (view->flags & FLAG_RST) || entry->has_fin == 3 ? ENDS : PASSES;
}

static __always_inline enum fate fate_of_tls(struct __sk_buff *skb, const struct view *view,
                                             struct kernel_filter_entry *entry, __u64 now_ns) {
    enum start start = start_of_tls(skb, view);
    __u32 sender = view->sender & 1;
    int is_watched = now_ns < entry->watched_ns;
    if (start == START_HELLO)
        return REVIVES;
    if (is_watched && may_contradict(view, entry, start))
        entry->open_ns = now_ns + WATCH_NS;
    if (view->flags & (FLAG_FIN | FLAG_RST))
        return fate_of_close(view, entry);
    if (now_ns < entry->open_ns || (view->flags & FLAG_URG))
        return PASSES;
    if (!is_bulk(view, entry, start)) {
        if (is_sealed(start))
            learn_more(view, entry, now_ns);
        return PASSES;
    }
    if (start != START_NOTHING && start != START_MIDDLE && start != START_DATA)
        return PASSES;
    /* with two processors at once one more or less passes */
    return is_watched && ++entry->packets[sender] % KERNEL_FILTER_SAMPLE == 0 ? PASSES : STOPS;
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

static __always_inline enum fate fate_of(struct __sk_buff *skb, const struct view *view,
                                         const struct kernel_filter_key *key,
                                         struct kernel_filter_entry *entry, __u64 now_ns) {
    if (key->protocol == PROTOCOL_TCP)
        return fate_of_tls(skb, view, entry, now_ns);
    return entry->kind == KIND_QUIC ? fate_of_quic(skb, view) : fate_of_dtls(skb, view);
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
    if (!entry) {
        if (!only_named && key.protocol == PROTOCOL_TCP && is_sealed(start_of_tls(skb, &view)))
            learn(&key, &view);
        return (int)snap_length;
    }
    __u64 now_ns = bpf_ktime_get_ns();
    if (now_ns - entry->stopped_ns > lifetime_ns) {
        bpf_map_delete_elem(&stopped, &key);
        count(COUNTER_EXPIRED, 1);
        return (int)snap_length;
    }
    enum fate fate = REVIVES;
    if (!(view.flags & FLAG_SYN) && holds(&key, entry))
        fate = fate_of(skb, &view, &key, entry, now_ns);
    if (fate == STOPS) {
        count(COUNTER_PACKETS, 1);
        count(COUNTER_BYTES, skb->len);
        return 0;
    }
    if (fate == REVIVES || fate == ENDS)
        bpf_map_delete_elem(&stopped, &key);
    if (fate == REVIVES)
        count(COUNTER_REVIVED, 1);
    return (int)snap_length;
}

char LICENSE[] SEC("license") = "Apache-2.0";
