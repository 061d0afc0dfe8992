/*
 * libpcap_floor.c - the yardstick of the benchmark: what reading a capture costs with libpcap when
 * nothing is done with it.
 *
 * Reads one file with pcap_open_offline() and pcap_dispatch(), touches the first 64 bytes of each
 * packet so that none of the reading can be skipped, and prints what it saw. All figures of the
 * sensor are given as its CPU time over this program's.
 */
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdint.h>
#include <stdio.h>

enum { TOUCHED_BYTES = 64, PACKETS_PER_CALL = 1024 };

struct floor_counts {
    uint64_t packets;
    uint64_t wire_bytes;
    uint64_t sum;
};

static void touch_packet(unsigned char *user, const struct pcap_pkthdr *header,
                         const unsigned char *data) {
    struct floor_counts *counts = (struct floor_counts *)(void *)user;
    uint32_t size = header->caplen < TOUCHED_BYTES ? header->caplen : TOUCHED_BYTES;
    uint64_t sum = 0;

    for (uint32_t i = 0; i < size; i++)
        sum += data[i];
    counts->sum += sum;
    counts->packets++;
    counts->wire_bytes += header->len;
}

int main(int argc, char **argv) {
    char error[PCAP_ERRBUF_SIZE];
    struct floor_counts counts = {0};

    if (argc != 2) {
        fprintf(stderr, "usage: %s CAPTURE\n", argv[0]);
        return 2;
    }
    pcap_t *file = pcap_open_offline(argv[1], error);
    if (!file) {
        fprintf(stderr, "%s: %s\n", argv[1], error);
        return 2;
    }
    int got = 0;
    do {
        got = pcap_dispatch(file, PACKETS_PER_CALL, touch_packet, (unsigned char *)&counts);
    } while (got > 0);
    if (got < 0)
        fprintf(stderr, "%s: %s\n", argv[1], pcap_geterr(file));
    pcap_close(file);
    printf("packets %" PRIu64 " bytes %" PRIu64 " sum %" PRIu64 "\n", counts.packets,
           counts.wire_bytes, counts.sum);
    return got < 0 ? 2 : 0;
}
