/*
 * transport.c - which signals stand against a packet.
 *
 * Each compares the suspect with what the same direction sent before and, where it came, after it.
 * A signal needs the direction to have been regular: hop limits that agreed until then, an IP
 * identification that counts, timestamps that were there. What changes and stays changed is a new
 * route or another machine behind a balancer, and no signal; so what comes after has to be as
 * before, and where the connection ended with it, nothing is said. Resets are often sent by the
 * kernel without a socket: their identification, timestamp and window mean nothing.
 */
#include "transport.h"

#include "handshake.h"

enum {
    MAX_ID_STEP = 1024,      /* between neighbouring packets of one counter, forth or back */
    MAX_TICKS_PER_MS = 1100, /* clocks of a microsecond are the fastest that there are */
    TIMESTAMP_SLACK = 60000, /* ticks: what a change of order by milliseconds makes, on any clock */
    MIN_WINDOW_RATIO = 8,
    MIN_RTT_US = 2000,   /* below, the tap's own clock and the sender's scheduling are as large */
    MAX_RTT_US = 900000, /* above, a SYN was sent again and its first copy counted */
    ALERT_LEVEL_FATAL = 2,
    ALERT_CLOSE_NOTIFY = 0,
};

static bool is_there(const struct packet_mark *mark) {
    return mark->packet != 0;
}

/* What comes after has to be as before. */
static bool fits_after(const struct suspect *suspect, bool is_as_before) {
    return !is_there(&suspect->after) || is_as_before;
}

/* The last packet of a direction may be another machine's than those before: a balancer that takes
 * over to refuse. Unless the handshake went on, or its bytes are contradicted: then it was not
 * the last. */
static bool can_compare(const struct handshake *handshake, const struct suspect *suspect) {
    return is_there(&suspect->before) &&
           (is_there(&suspect->after) || handshake->outcome == OUTCOME_COMPLETED ||
            transport_conflict_of(handshake, suspect) != NULL);
}

static bool is_fatal(const struct suspect *suspect) {
    return suspect->kind != SUSPECT_ALERT || suspect->alert_level == ALERT_LEVEL_FATAL;
}

/* Nobody goes on behind its own end. A close_notify counts where other bytes stand in its place:
 * some send one in a half-closed connection. */
static bool ends_its_sender(const struct handshake *handshake, const struct suspect *suspect) {
    return is_fatal(suspect) || (suspect->alert_description == ALERT_CLOSE_NOTIFY &&
                                 transport_conflict_of(handshake, suspect) != NULL);
}

static bool has_odd_hop_limit(const struct direction *direction, const struct suspect *suspect) {
    uint8_t usual = suspect->before.hop_limit;
    if (suspect->mark.hop_limit == usual)
        return false;
    if (is_there(&direction->first) && direction->first.packet < suspect->mark.packet &&
        direction->first.hop_limit != usual)
        return false;
    return fits_after(suspect, suspect->after.hop_limit == usual);
}

static bool is_one_counter(const struct packet_mark *from, const struct packet_mark *to, int most) {
    int step = (int16_t)(uint16_t)(to->ip_id - from->ip_id);
    return step <= most && step >= -most;
}

static bool has_odd_ip_id(const struct direction *direction, const struct suspect *suspect) {
    const struct packet_mark *mark = &suspect->mark;
    const struct packet_mark *before = &suspect->before;
    const struct packet_mark *first = &direction->first;
    const struct packet_mark *after = &suspect->after;
    if (suspect->kind == SUSPECT_RESET || !(mark->has & MARK_HAS_IP_ID) ||
        !(before->has & MARK_HAS_IP_ID) || !is_there(first) || first->packet >= before->packet)
        return false;
    if (first->ip_id == 0 && before->ip_id == 0)
        return mark->ip_id != 0 && fits_after(suspect, after->ip_id == 0);
    if (!is_one_counter(first, before, MAX_ID_STEP) || first->ip_id == 0)
        return false; /* no counter that we know */
    if (!fits_after(suspect, is_one_counter(before, after, 2 * MAX_ID_STEP)))
        return false;
    return !is_one_counter(before, mark, MAX_ID_STEP);
}

static bool has_odd_timestamp(const struct direction *direction, const struct suspect *suspect) {
    const struct packet_mark *mark = &suspect->mark;
    const struct packet_mark *before = &suspect->before;
    const struct packet_mark *after = &suspect->after;
    if (suspect->kind == SUSPECT_RESET || !(before->has & MARK_HAS_TIMESTAMP) ||
        !(direction->first.has & MARK_HAS_TIMESTAMP))
        return false;
    if (!(mark->has & MARK_HAS_TIMESTAMP)) /* RFC 7323 3.2: on every segment once agreed */
        return fits_after(suspect, (after->has & MARK_HAS_TIMESTAMP) != 0);
    int32_t ahead = (int32_t)(mark->timestamp - before->timestamp);
    uint64_t elapsed_ms =
        mark->time_us > before->time_us ? (mark->time_us - before->time_us) / 1000 : 0;
    if (ahead < -TIMESTAMP_SLACK ||
        (uint64_t)(ahead > 0 ? ahead : 0) > elapsed_ms * MAX_TICKS_PER_MS + TIMESTAMP_SLACK)
        return fits_after(suspect,
                          (int32_t)(after->timestamp - before->timestamp) >= -TIMESTAMP_SLACK);
    return (after->has & MARK_HAS_TIMESTAMP) &&
           (int32_t)(after->timestamp - mark->timestamp) < -TIMESTAMP_SLACK;
}

static bool is_far(uint16_t a, uint16_t b) {
    uint32_t low = a < b ? a : b;
    uint32_t high = a < b ? b : a;
    return low != 0 && high / low >= MIN_WINDOW_RATIO;
}

/* A SYN's window is not scaled, so it says nothing about the others'. */
static bool has_odd_window(const struct suspect *suspect) {
    const struct packet_mark *before = &suspect->before;
    const struct packet_mark *after = &suspect->after;
    if (suspect->kind != SUSPECT_ALERT)
        return false;
    if (before->tcp_flags & TCP_SYN)
        return is_there(after) && is_far(after->window, suspect->mark.window);
    return is_far(before->window, suspect->mark.window) &&
           fits_after(suspect, is_far(after->window, suspect->mark.window));
}

/* Did the capture show the server's word on a ClientHello before that? Then its order is not the
 * network's, and neither are its times. */
static bool is_disordered(const struct handshake *handshake) {
    uint64_t hello_packet = handshake->side[SIDE_CLIENT].hello_packet;
    for (size_t i = 0; i < handshake->alert_count; i++)
        if (handshake->alerts[i].sender == SIDE_SERVER &&
            handshake->alerts[i].packet < hello_packet)
            return true;
    return false;
}

/* The server's word on a ClientHello cannot be back before the path allows. */
static bool is_too_early(const struct handshake *handshake, const struct suspect *suspect) {
    const struct direction *client = &handshake->side[SIDE_CLIENT];
    const struct direction *server = &handshake->side[SIDE_SERVER];
    if (suspect->sender != SIDE_SERVER || server->rtt_us < MIN_RTT_US ||
        server->rtt_us > MAX_RTT_US || client->hello_us == 0 ||
        suspect->mark.time_us < client->hello_us)
        return false;
    if (server->hello_packet != 0 && server->hello_packet < suspect->mark.packet)
        return false;
    if (is_disordered(handshake))
        return false;
    return (suspect->mark.time_us - client->hello_us) * 2 < server->rtt_us;
}

const struct conflict *transport_conflict_of(const struct handshake *handshake,
                                             const struct suspect *suspect) {
    for (size_t i = 0; i < handshake->conflict_count; i++) {
        const struct conflict *conflict = &handshake->conflicts[i];
        if (conflict->sender == suspect->sender &&
            (conflict->first.mark.packet == suspect->mark.packet ||
             conflict->second.mark.packet == suspect->mark.packet))
            return conflict;
    }
    return NULL;
}

uint32_t transport_signals(const struct handshake *handshake, const struct suspect *suspect) {
    const struct direction *direction = &handshake->side[suspect->sender];
    bool is_comparable = can_compare(handshake, suspect);
    uint32_t signals = 0;
    if (transport_conflict_of(handshake, suspect) != NULL)
        signals |= SIGNAL_CONFLICT;
    if (suspect->data_after_packet != 0 && ends_its_sender(handshake, suspect))
        signals |= SIGNAL_DATA_AFTER;
    if (is_comparable && has_odd_hop_limit(direction, suspect))
        signals |= SIGNAL_HOP_LIMIT;
    if (is_comparable && has_odd_ip_id(direction, suspect))
        signals |= SIGNAL_IP_ID;
    if (is_comparable && has_odd_timestamp(direction, suspect))
        signals |= SIGNAL_TIMESTAMP;
    if (is_comparable && has_odd_window(suspect))
        signals |= SIGNAL_WINDOW;
    if (suspect->is_in_encrypted_epoch)
        signals |= SIGNAL_ENCRYPTED_EPOCH;
    if (is_too_early(handshake, suspect))
        signals |= SIGNAL_TOO_EARLY;
    if (suspect->is_out_of_place)
        signals |= SIGNAL_OUT_OF_PLACE;
    return signals;
}

unsigned transport_signal_count(uint32_t signals) {
    unsigned count = 0;
    for (; signals != 0; signals &= signals - 1)
        count++;
    return count;
}
