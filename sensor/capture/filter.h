/*
 * filter.h - a BPF expression, compiled for every link type that it meets. libpcap's owner.
 *
 * The packets of one pcapng file may have several link types, and to each belongs another program.
 */
#ifndef DOWNGRD_FILTER_H
#define DOWNGRD_FILTER_H

#include "capture.h"

enum { FILTER_REASON_SIZE = 160 };

struct filter;

/* NULL when out of memory. Nothing is compiled yet. */
struct filter *filter_new(const char *expression);
void filter_delete(struct filter *filter);

/*
 * Whether the expression can be used on packets of this link type. 1: it can, 0: no packet of that
 * type can match, -1: it is wrong or means nothing there, and `reason` has libpcap's words.
 *
 * On a link type that packet_decode() does not know an expression that Ethernet knows is never
 * wrong: then no packet matches.
 */
int filter_prepare(struct filter *filter, int link_type, char reason[FILTER_REASON_SIZE]);

/* 1: the packet matches, 0: it does not, -1: the expression cannot be used on its link type. */
int filter_match(struct filter *filter, const struct capture_packet *packet,
                 char reason[FILTER_REASON_SIZE]);

/* The name of a link type as libpcap has it; "unknown" for others. */
const char *filter_link_type_name(int link_type);

#endif
