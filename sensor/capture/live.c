#include "live.h"

#include "fanout.h"
#include "filter.h"
#include "kernel_filter.h"
#include "packet.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CARD_COUNTERS = 2, COUNTER_TEXT = 24, MICROSECONDS = 1000000 };

/* What a card could not take in. rx_dropped is not among them: protocols that nobody wants count
 * there. */
static const char *const card_counters[CARD_COUNTERS] = {"rx_missed_errors", "rx_fifo_errors"};

struct live {
    struct live_config config;
    pcap_t *pcap; /* NULL while the interface is gone */
    int descriptor;
    int link_type;
    struct filter *expression; /* with the kernel's filter in its place; NULL: all packets */
    uint64_t started_us;       /* what is older came before the filter was in place */
    struct live_counts counts;
    int cards[CARD_COUNTERS]; /* open files of the kernel's; -1: it has none */
    uint64_t card_last;       /* what they said last */
    char error[CAPTURE_ERROR_SIZE];
    /* of live_read() */
    void (*packet)(void *context, const struct capture_packet *captured);
    void *context;
    int read;
    size_t read_bytes;
};

/* ---- opening ---- */

static bool is_any(const struct live *live) {
    return strcmp(live->config.interface, "any") == 0;
}

static const char *remedy_of(int status) {
    switch (status) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        return "; run as root, or give the program CAP_NET_RAW (setcap cap_net_raw+ep)";
    case PCAP_ERROR_NO_SUCH_DEVICE:
        return "; ip link shows those there are";
    case PCAP_ERROR_IFACE_NOT_UP:
        return "; ip link set dev NAME up";
    default:
        return "";
    }
}

static int activate(struct live *live) {
    const struct live_config *config = &live->config;
    char reason[PCAP_ERRBUF_SIZE] = "";
    live->pcap = pcap_create(config->interface, reason);
    if (live->pcap == NULL) {
        snprintf(live->error, sizeof live->error, "%s: cannot be opened: %s", config->interface,
                 reason);
        return -1;
    }
    (void)pcap_set_snaplen(live->pcap, (int)config->snap_length);
    (void)pcap_set_promisc(live->pcap, config->promiscuous && !is_any(live));
    (void)pcap_set_timeout(live->pcap, LIVE_MAX_DELAY_MS);
    (void)pcap_set_buffer_size(live->pcap, (int)config->buffer_bytes);
    (void)pcap_set_immediate_mode(live->pcap, 0);
    int status = pcap_activate(live->pcap);
    if (status < 0) {
        const char *detail = pcap_geterr(live->pcap);
        snprintf(live->error, sizeof live->error, "%s: cannot be opened: %s%s%s%s",
                 config->interface, pcap_statustostr(status), detail[0] != '\0' ? ": " : "", detail,
                 remedy_of(status));
        return -1;
    }
    live->descriptor = pcap_get_selectable_fd(live->pcap);
    if (pcap_setnonblock(live->pcap, 1, reason) == 0 && live->descriptor >= 0)
        return 0;
    snprintf(live->error, sizeof live->error, "%s: cannot be read without waiting: %s",
             config->interface, reason);
    return -1;
}

static int check_link_type(struct live *live) {
    live->link_type = pcap_datalink(live->pcap);
    if (link_type_is_supported(live->link_type))
        return 0;
    snprintf(live->error, sizeof live->error, "%s: link type %s (%d) is not supported",
             live->config.interface, filter_link_type_name(live->link_type), live->link_type);
    return -1;
}

/* Until live_start(): packets that came to every member of a group would be seen by all. */
static int let_nothing_through(struct live *live) {
    struct bpf_insn refuse = {BPF_RET | BPF_K, 0, 0, 0};
    struct bpf_program nothing = {1, &refuse};
    if (pcap_setfilter(live->pcap, &nothing) == 0)
        return 0;
    snprintf(live->error, sizeof live->error, "%s: a filter cannot be set: %s",
             live->config.interface, pcap_geterr(live->pcap));
    return -1;
}

static int join(struct live *live) {
    int status = live->config.group ? fanout_join(pcap_fileno(live->pcap), live->config.group) : 0;
    if (status == 0)
        return 0;
    snprintf(live->error, sizeof live->error, "%s: cannot be shared among workers: %s",
             live->config.interface, strerror(-status));
    return -1;
}

static void forget(struct live *live) {
    if (live->pcap)
        pcap_close(live->pcap);
    filter_delete(live->expression);
    live->expression = NULL;
    live->pcap = NULL;
    live->descriptor = -1;
    for (size_t i = 0; i < CARD_COUNTERS; i++) {
        if (live->cards[i] >= 0)
            close(live->cards[i]);
        live->cards[i] = -1;
    }
}

static uint64_t read_card(const struct live *live) {
    uint64_t sum = 0;
    for (size_t i = 0; i < CARD_COUNTERS; i++) {
        char text[COUNTER_TEXT + 1] = "";
        if (live->cards[i] >= 0 && pread(live->cards[i], text, COUNTER_TEXT, 0) > 0)
            sum += strtoull(text, NULL, 10);
    }
    return sum;
}

static void open_card(struct live *live) {
    for (size_t i = 0; i < CARD_COUNTERS; i++) {
        char path[256];
        snprintf(path, sizeof path, "/sys/class/net/%s/statistics/%s", live->config.interface,
                 card_counters[i]);
        live->cards[i] = is_any(live) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    }
    live->card_last = read_card(live);
}

static int open_all(struct live *live) {
    if (activate(live) == 0 && check_link_type(live) == 0 && let_nothing_through(live) == 0 &&
        join(live) == 0) {
        open_card(live);
        return 0;
    }
    forget(live);
    return -1;
}

struct live *live_open(const struct live_config *config, char error[CAPTURE_ERROR_SIZE]) {
    struct live *live = calloc(1, sizeof *live);
    if (live == NULL) {
        snprintf(error, CAPTURE_ERROR_SIZE, "out of memory for capturing");
        return NULL;
    }
    live->config = *config;
    for (size_t i = 0; i < CARD_COUNTERS; i++)
        live->cards[i] = -1;
    if (open_all(live) == 0)
        return live;
    memcpy(error, live->error, CAPTURE_ERROR_SIZE);
    free(live);
    return NULL;
}

void live_close(struct live *live) {
    if (live == NULL)
        return;
    forget(live);
    free(live);
}

/* A socket has one filter, so the expression is gone by when packets are read. */
static int attach_kernel_filter(struct live *live, char *error) {
    struct kernel_filter *filter = live->config.kernel_filter;
    const char *expression = live->config.filter;
    char reason[FILTER_REASON_SIZE] = "out of memory";
    if (filter == NULL || live->link_type != LINK_ETHERNET || is_any(live))
        return 0;
    if (expression != NULL) {
        live->expression = filter_new(expression);
        if (live->expression == NULL ||
            filter_prepare(live->expression, live->link_type, reason) < 0) {
            snprintf(error, CAPTURE_ERROR_SIZE, "%s: filter '%.100s' cannot be used: %s",
                     live->config.interface, expression, reason);
            return -1;
        }
    }
    int status = kernel_filter_attach(filter, pcap_fileno(live->pcap));
    if (status != 0)
        snprintf(error, CAPTURE_ERROR_SIZE, "%s: the kernel's filter cannot be attached: %s",
                 live->config.interface, strerror(-status));
    return status;
}

int live_start(struct live *live, char error[CAPTURE_ERROR_SIZE]) {
    struct bpf_program program;
    struct timespec now;
    const char *filter = live->config.filter ? live->config.filter : "";
    if (pcap_compile(live->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        snprintf(error, CAPTURE_ERROR_SIZE, "%s: filter '%.100s' cannot be used: %s",
                 live->config.interface, filter, pcap_geterr(live->pcap));
        return -1;
    }
    (void)live_count(live);
    live->counts = (struct live_counts){0};
    clock_gettime(CLOCK_REALTIME, &now);
    live->started_us = (uint64_t)now.tv_sec * MICROSECONDS + (uint64_t)now.tv_nsec / 1000;
    int status = pcap_setfilter(live->pcap, &program);
    if (status != 0)
        snprintf(error, CAPTURE_ERROR_SIZE, "%s: filter '%.100s' cannot be set: %s",
                 live->config.interface, filter, pcap_geterr(live->pcap));
    pcap_freecode(&program);
    return status == 0 && attach_kernel_filter(live, error) == 0 ? 0 : -1;
}

int live_reopen(struct live *live, char error[CAPTURE_ERROR_SIZE]) {
    struct live_counts before = live->counts;
    int status = open_all(live);
    if (status == 0)
        status = live_start(live, live->error);
    if (status != 0) {
        memcpy(error, live->error, CAPTURE_ERROR_SIZE);
        forget(live);
    }
    live->counts = before;
    return status;
}

/* ---- reading ---- */

static void on_packet(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes) {
    struct live *live = (struct live *)(void *)user;
    uint64_t time_us = (uint64_t)header->ts.tv_sec * MICROSECONDS + (uint64_t)header->ts.tv_usec;
    if (time_us < live->started_us)
        return;
    live->started_us = 0;
    const struct capture_packet captured = {
        .frame = span_of(bytes, header->caplen),
        .wire_size = header->len < header->caplen ? header->caplen : header->len,
        .time_us = time_us,
        .link_type = live->link_type,
    };
    char ignored[FILTER_REASON_SIZE];
    if (live->expression == NULL || filter_match(live->expression, &captured, ignored) > 0)
        live->packet(live->context, &captured);
    live->read++;
    live->counts.read++;
    live->read_bytes += header->caplen;
    if (live->read_bytes > live->config.buffer_bytes / LIVE_BATCH_PART)
        pcap_breakloop(live->pcap);
}

int live_descriptor(const struct live *live) {
    return live->descriptor;
}

int live_read(struct live *live,
              void (*packet)(void *context, const struct capture_packet *captured), void *context) {
    if (live->pcap == NULL)
        return -1;
    live->packet = packet;
    live->context = context;
    live->read = 0;
    live->read_bytes = 0;
    int count = pcap_dispatch(live->pcap, LIVE_BATCH, on_packet, (u_char *)live);
    if (count >= 0)
        return count;
    if (count == PCAP_ERROR_BREAK)
        return live->read;
    snprintf(live->error, sizeof live->error, "%s", pcap_geterr(live->pcap));
    (void)live_count(live);
    forget(live);
    return -1;
}

const char *live_error(const struct live *live) {
    return live->error;
}

bool live_is_up(const struct live *live) {
    struct ifreq request = {0};
    if (live->pcap == NULL)
        return false;
    if (is_any(live))
        return true;
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", live->config.interface);
    return ioctl(pcap_fileno(live->pcap), SIOCGIFFLAGS, &request) == 0 &&
           (request.ifr_flags & IFF_UP) != 0 && (request.ifr_flags & IFF_RUNNING) != 0;
}

/* Asked for directly: pcap_stats() opens files of the kernel's each time. */
const struct live_counts *live_count(struct live *live) {
    struct tpacket_stats_v3 counted = {0};
    socklen_t size = sizeof counted;
    if (live->pcap == NULL)
        return &live->counts;
    if (getsockopt(pcap_fileno(live->pcap), SOL_PACKET, PACKET_STATISTICS, &counted, &size) == 0) {
        live->counts.received += counted.tp_packets;
        live->counts.dropped += counted.tp_drops;
    }
    return &live->counts;
}

void live_count_card(struct live *live) {
    uint64_t now = read_card(live);
    if (now > live->card_last)
        live->counts.interface_drops += now - live->card_last;
    live->card_last = now;
}
