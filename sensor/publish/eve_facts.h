/*
 * eve_facts.h - the members of an EVE line that not every handshake has: the tunnel around it, its
 * fingerprints and ALPN names, and, inside of `downgrade`, the dialogue before it, QUIC, Encrypted
 * ClientHello, and what was malformed.
 *
 * Each writes nothing when there is nothing to tell.
 */
#ifndef DOWNGRD_EVE_FACTS_H
#define DOWNGRD_EVE_FACTS_H

#include "handshake.h"
#include "json.h"

struct fingerprinter;

/* `tunnel`, as Suricata prints it: the ends of the outermost tunnel that has addresses (PPPoE has
 * none), and how many there are. */
void eve_put_tunnel(struct json *json, const struct handshake *handshake);

/* In `tls`: client_alpns, server_alpns, ja3, ja3s, ja4; the last three only with a fingerprinter.
 */
void eve_put_hellos(struct json *json, struct fingerprinter *fingerprinter,
                    const struct handshake *handshake);

/* In `downgrade`: tunnels, dialogue, quic, ech, malformed. */
void eve_put_facts(struct json *json, const struct handshake *handshake);

#endif
