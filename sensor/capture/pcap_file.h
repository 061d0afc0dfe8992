/*
 * pcap_file.h - the classic capture format: a file header of 24 bytes, then one record per packet.
 *
 * Versions 2.0 to 2.4 and 543.0, in either byte order, with times in micro- or nanoseconds, and the
 * "modified" variant (magic a1b2cd34) whose record headers are eight bytes longer. Versions before
 * 2.3 have a record's two lengths the other way round, 2.3 sometimes.
 *
 * A record may hold more than the header's snap length says; all of it is handed out, as Wireshark
 * does (libpcap cuts it off).
 *
 * Sources: draft-ietf-opsawg-pcap; libpcap's and Wireshark's readers for the variants.
 */
#ifndef DOWNGRD_PCAP_FILE_H
#define DOWNGRD_PCAP_FILE_H

#include "capture.h"
#include "damage.h"
#include "window.h"

enum pcap_lengths { PCAP_LENGTHS_IN_ORDER, PCAP_LENGTHS_EXCHANGED, PCAP_LENGTHS_MAYBE_EXCHANGED };

struct pcap_file {
    int link_type; /* without the bits above it, which tell how long the frame check sequence is */
    bool is_swapped; /* the file's numbers are of the other byte order */
    bool is_nanosecond;
    enum pcap_lengths lengths;
    size_t header_size; /* of a record */
    uint64_t number;    /* of the last packet */
    struct damage damage;
};

/* Whether four bytes at a file's start are one of the magics. */
bool pcap_file_is_magic(struct span start);

/* Reads the file header. 0; or -1 and file->damage. */
int pcap_file_open(struct pcap_file *file, struct window *window);

/* As capture_take(); for -1 file->damage says why. */
int pcap_file_take(struct pcap_file *file, struct window *window, struct capture_packet *packets,
                   int most);

#endif
