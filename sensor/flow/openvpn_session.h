/*
 * openvpn_session.h - TLS inside of OpenVPN's control channel (parsers/openvpn.h), over UDP and
 * TCP.
 *
 * The pieces of each side's TLS stream are put in the order of their message numbers and go to the
 * TLS reader as if they were TCP's bytes. Over UDP this is a protocol of datagrams; over TCP a
 * layer between stream.c and tls_stream.c. Only the session's first key is read: the handshakes
 * that renew it are left out.
 */
#ifndef DOWNGRD_OPENVPN_SESSION_H
#define DOWNGRD_OPENVPN_SESSION_H

#include "openvpn.h"

struct session;
struct segment;

/* May a TCP connection's first bytes open an OpenVPN session? */
bool openvpn_stream_may_start(struct span bytes);
/* Turns a session that has read nothing yet to it. */
void openvpn_stream_begin(struct session *session);
/* Ordered bytes of an end, and bytes of it that will not come. */
void openvpn_stream_bytes(struct session *session, unsigned end, const struct segment *segment,
                          struct span bytes);
void openvpn_stream_hole(struct session *session, unsigned end);
/* Are these few bytes what some taps count as payload of a bare acknowledgement? */
bool openvpn_stream_is_padding(const struct session *session, unsigned end, struct span bytes);

#endif
