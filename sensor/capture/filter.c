#include "filter.h"

#include "packet.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_PROGRAMS = 64,
    MAX_FOREIGN_PROGRAMS = 32, /* so that types which nobody decodes cannot fill the table */
    SNAP_LENGTH = 256 * 1024,  /* what a program returns that accepts: anything but 0 */
};

struct program {
    int link_type;
    int result;              /* of filter_prepare(), 0 or 1 */
    struct bpf_program code; /* when that is 1 */
};

struct filter {
    char *expression;
    struct program programs[MAX_PROGRAMS];
    size_t count;
    const struct program *current; /* the one used last */
};

struct filter *filter_new(const char *expression) {
    struct filter *filter = calloc(1, sizeof *filter);
    if (filter == NULL)
        return NULL;
    filter->expression = strdup(expression);
    if (filter->expression == NULL) {
        free(filter);
        return NULL;
    }
    return filter;
}

void filter_delete(struct filter *filter) {
    if (filter == NULL)
        return;
    for (size_t i = 0; i < filter->count; i++)
        if (filter->programs[i].result == 1)
            pcap_freecode(&filter->programs[i].code);
    free(filter->expression);
    free(filter);
}

/*
 * libpcap for a link type as files have it. libpcap's own numbers are not always those, and only
 * its file reader translates: so it reads a file that has no packets.
 */
static pcap_t *open_link_type(int link_type) {
    struct pcap_file_header header = {.magic = 0xa1b2c3d4,
                                      .version_major = PCAP_VERSION_MAJOR,
                                      .version_minor = PCAP_VERSION_MINOR,
                                      .snaplen = SNAP_LENGTH,
                                      .linktype = (bpf_u_int32)link_type};
    FILE *file = fmemopen(&header, sizeof header, "rb");
    if (file == NULL)
        return NULL;
    char reason[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_fopen_offline(file, reason);
    if (pcap == NULL)
        fclose(file);
    return pcap;
}

/* As filter_prepare(), whatever the link type; fills *code for 1. */
static int compile(const char *expression, int link_type, struct bpf_program *code, char *reason) {
    pcap_t *pcap = open_link_type(link_type);
    if (pcap == NULL) {
        snprintf(reason, FILTER_REASON_SIZE, "out of memory");
        return -1;
    }
    int result = 1;
    if (pcap_compile(pcap, code, expression, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        snprintf(reason, FILTER_REASON_SIZE, "%s", pcap_geterr(pcap));
        result = strstr(reason, "rejects all packets") ? 0 : -1;
    }
    pcap_close(pcap);
    return result;
}

static int prepare(const char *expression, struct program *program, char *reason) {
    int result = compile(expression, program->link_type, &program->code, reason);
    if (result >= 0 || link_type_is_supported(program->link_type))
        return result;
    struct bpf_program code;
    char ignored[FILTER_REASON_SIZE];
    int on_ethernet = compile(expression, LINK_ETHERNET, &code, ignored);
    if (on_ethernet == 1)
        pcap_freecode(&code);
    return on_ethernet < 0 ? -1 : 0;
}

static struct program *find_program(struct filter *filter, int link_type) {
    for (size_t i = 0; i < filter->count; i++)
        if (filter->programs[i].link_type == link_type)
            return &filter->programs[i];
    return NULL;
}

int filter_prepare(struct filter *filter, int link_type, char reason[FILTER_REASON_SIZE]) {
    struct program *program = find_program(filter, link_type);
    if (program == NULL) {
        size_t room = link_type_is_supported(link_type) ? MAX_PROGRAMS : MAX_FOREIGN_PROGRAMS;
        if (filter->count >= room)
            return 0;
        program = &filter->programs[filter->count];
        program->link_type = link_type;
        program->result = prepare(filter->expression, program, reason);
        if (program->result < 0)
            return -1;
        filter->count++;
    }
    filter->current = program;
    return program->result;
}

int filter_match(struct filter *filter, const struct capture_packet *packet,
                 char reason[FILTER_REASON_SIZE]) {
    const struct program *program = filter->current;
    if (program == NULL || program->link_type != packet->link_type) {
        int result = filter_prepare(filter, packet->link_type, reason);
        if (result != 1)
            return result;
        program = filter->current;
    }
    if (program->result == 0)
        return 0;
    return bpf_filter(program->code.bf_insns, packet->frame.data, (u_int)packet->wire_size,
                      (u_int)packet->frame.size) != 0;
}

const char *filter_link_type_name(int link_type) {
    pcap_t *pcap = open_link_type(link_type);
    const char *name = NULL;
    if (pcap != NULL) {
        name = pcap_datalink_val_to_name(pcap_datalink(pcap));
        pcap_close(pcap);
    }
    return name ? name : "unknown";
}
