/*
 * kernel_filter_strainer.c - puts captures through the filter in the kernel, each through one of
 * its own, and writes down what passes. check_strained.py drives it.
 *
 * usage: kernel_filter_strainer IN OUT [IN OUT...]
 *
 * Captures of Ethernet, at once and not at their own pace: all that follows a handshake comes while
 * it may be contradicted. Prints how many packets each had, and how many passed. Status 77 where
 * there is no such filter.
 */
#include "kernel_filter.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FLOWS = 4096, LONG_S = 3600, MAX_FRAME = 262144, SENT_BYTES = 4 << 20, SKIPPED = 77 };

static struct kernel_filter *new_filter(void) {
    const struct kernel_filter_config config = {
        .flows = FLOWS, .lifetime_s = LONG_S, .snap_length = MAX_FRAME};
    char error[KERNEL_FILTER_ERROR_SIZE];
    struct kernel_filter *filter = kernel_filter_new(&config, error);
    if (filter == NULL)
        fprintf(stderr, "%s\n", error);
    return filter;
}

static int give_up(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    return -1;
}

/* What goes into ends[0] comes out of ends[1], if it passes. */
static int strain(pcap_t *in, pcap_dumper_t *out, const int ends[2], const char *path) {
    static uint8_t received[MAX_FRAME];
    struct pcap_pkthdr *header = NULL;
    const u_char *bytes = NULL;
    unsigned count = 0;
    unsigned passed = 0;
    int status = 0;
    while ((status = pcap_next_ex(in, &header, &bytes)) == 1) {
        count++;
        if (send(ends[0], bytes, header->caplen, 0) < 0)
            return give_up(path, "a packet cannot be sent");
        if (recv(ends[1], received, sizeof received, 0) < 0)
            continue;
        passed++;
        pcap_dump((u_char *)(void *)out, header, bytes);
    }
    printf("%u %u %s\n", count, passed, path);
    return status == PCAP_ERROR_BREAK ? 0 : give_up(path, pcap_geterr(in));
}

static int strain_with(struct kernel_filter *filter, pcap_t *in, pcap_dumper_t *out,
                       const char *path) {
    static const int sent_bytes = SENT_BYTES;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) != 0)
        return give_up(path, "no pair of sockets");
    int status = -1;
    if (setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &sent_bytes, sizeof sent_bytes) != 0 ||
        kernel_filter_attach(filter, ends[1]) != 0)
        (void)give_up(path, "the filter cannot be attached");
    else
        status = strain(in, out, ends, path);
    close(ends[0]);
    close(ends[1]);
    return status;
}

static int strain_file(const char *from, const char *to) {
    char reason[PCAP_ERRBUF_SIZE] = "";
    pcap_t *in = pcap_open_offline_with_tstamp_precision(from, PCAP_TSTAMP_PRECISION_NANO, reason);
    if (in == NULL)
        return give_up(from, reason);
    pcap_dumper_t *out = pcap_dump_open(in, to);
    struct kernel_filter *filter = new_filter();
    int status = -1;
    if (out == NULL)
        (void)give_up(to, pcap_geterr(in));
    else if (filter != NULL)
        status = strain_with(filter, in, out, from);
    kernel_filter_delete(filter);
    if (out != NULL)
        pcap_dump_close(out);
    pcap_close(in);
    return status;
}

int main(int argc, char **argv) {
    if (argc < 3 || argc % 2 == 0) {
        fprintf(stderr, "usage: kernel_filter_strainer IN OUT [IN OUT...]\n");
        return 2;
    }
    struct kernel_filter *first = new_filter();
    if (first == NULL)
        return SKIPPED;
    kernel_filter_delete(first);
    for (int i = 1; i < argc; i += 2)
        if (strain_file(argv[i], argv[i + 1]) != 0)
            return 1;
    return 0;
}
