/*
 * injection.h - what the rules about injected packets have in common: weighing the signals against
 * a packet, and writing them down as evidence.
 *
 * Strong signals are those that a genuine sender cannot give by itself: other bytes at the same
 * sequence numbers, going on after the end, clear text after encryption began. The others tell two
 * machines apart, and a route change or a load balancer can give any one of them.
 */
#ifndef DOWNGRD_INJECTION_H
#define DOWNGRD_INJECTION_H

#include "rule.h"

/*
 * RULE_HIT with two signals or more: low when all are weak, medium with three weak ones or a strong
 * one, high with a strong one and two others of which one is weak, or with other bytes at the same
 * place and a weak one. One step less when the sensor missed bytes of that direction. RULE_PASS
 * with one signal or none; RULE_UNKNOWN when there is one and bytes were missed.
 */
enum rule_result injection_weigh(const struct handshake *handshake, const struct suspect *suspect,
                                 uint32_t signals, enum rule_confidence *confidence);

/* A line of evidence for each signal that is set. */
void injection_add_signals(struct finding *finding, const struct handshake *handshake,
                           const struct suspect *suspect, uint32_t signals);
/* Both versions of a conflict: what they say, and their bytes. */
void injection_add_conflict(struct finding *finding, const struct conflict *conflict);

/* Which version does not fit the direction's other packets: 1 or 2; 0 when both or neither. */
unsigned injection_odd_version(const struct handshake *handshake, const struct conflict *conflict);

#endif
