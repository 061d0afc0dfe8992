/*
 * live_floor.c - the yardstick of live capture: what taking packets off an interface costs with
 * libpcap when nothing is done with them.
 *
 * TPACKET_V3 with a ring of 64 MiB and pcap_dispatch(), touching the first 64 bytes of each packet,
 * until SIGTERM; then it prints what it saw and what the kernel dropped.
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

enum {
    TOUCHED_BYTES = 64,
    RING_BYTES = 64 << 20,
    SNAP_LENGTH = 262144,
    DELAY_MS = 20,
    SLEEP_MS = 100,
};

static volatile sig_atomic_t is_stopping;

static void on_signal(int number) {
    (void)number;
    is_stopping = 1;
}

struct floor_counts {
    uint64_t packets;
    uint64_t sum;
};

static void touch_packet(unsigned char *user, const struct pcap_pkthdr *header,
                         const unsigned char *data) {
    struct floor_counts *counts = (struct floor_counts *)(void *)user;
    uint32_t size = header->caplen < TOUCHED_BYTES ? header->caplen : TOUCHED_BYTES;
    for (uint32_t i = 0; i < size; i++)
        counts->sum += data[i];
    counts->packets++;
}

static pcap_t *open_interface(const char *name) {
    char error[PCAP_ERRBUF_SIZE] = "";
    pcap_t *pcap = pcap_create(name, error);
    if (pcap != NULL && pcap_set_snaplen(pcap, SNAP_LENGTH) == 0 &&
        pcap_set_timeout(pcap, DELAY_MS) == 0 && pcap_set_buffer_size(pcap, RING_BYTES) == 0 &&
        pcap_activate(pcap) >= 0 && pcap_setnonblock(pcap, 1, error) == 0)
        return pcap;
    fprintf(stderr, "%s: %s\n", name, pcap != NULL ? pcap_geterr(pcap) : error);
    return NULL;
}

int main(int argc, char **argv) {
    struct floor_counts counts = {0};
    struct pcap_stat dropped = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: %s INTERFACE\n", argv[0]);
        return 2;
    }
    pcap_t *pcap = open_interface(argv[1]);
    if (pcap == NULL)
        return 2;
    signal(SIGTERM, on_signal);
    fputs("listening on it\n", stderr);
    struct pollfd wait = {.fd = pcap_get_selectable_fd(pcap), .events = POLLIN};
    int got = 0;
    while (got >= 0 && (!is_stopping || got > 0)) {
        got = pcap_dispatch(pcap, -1, touch_packet, (unsigned char *)&counts);
        if (got == 0)
            (void)poll(&wait, 1, SLEEP_MS);
    }
    (void)pcap_stats(pcap, &dropped);
    printf("%" PRIu64 " %u %" PRIu64 "\n", counts.packets, dropped.ps_drop, counts.sum);
    pcap_close(pcap);
    return 0;
}
