/*
 * fanout.h - several sockets share the packets of one interface (packet(7), PACKET_FANOUT).
 *
 * The kernel's own symmetric hash goes by addresses and ports. Fragments but the first have no
 * ports, and the two directions of a tunnel over UDP have different ones: they would reach another
 * worker than the rest of their connection. So a small program in the kernel picks the worker by
 * the two addresses of the outermost IP header alone, in either order. All that two hosts say to
 * each other, and all that two tunnel ends carry, is one worker's.
 *
 * Read are IPv4 and IPv6, behind up to three VLAN tags, a PPPoE session or up to three MPLS labels.
 * Everything else goes to the first worker.
 */
#ifndef DOWNGRD_FANOUT_H
#define DOWNGRD_FANOUT_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed: none yet. */
struct fanout_group {
    bool exists;
    uint16_t number; /* any, 0 included */
};

/* Makes a packet socket a member of the group; of a new one, unique in the network namespace, when
 * it does not exist. 0 or -errno. */
int fanout_join(int descriptor, struct fanout_group *group);

#endif
