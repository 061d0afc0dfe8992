/*
 * quic_opener.c - which keys open an Initial packet.
 *
 * Both ends' keys follow from the version and from one connection id, which the packets stop
 * carrying after the client's first flight. A Retry replaces it, a Version Negotiation replaces
 * version and often id, and a server may answer in another version, with keys from the same id
 * (RFC 9368). So the keys that opened an end's last packet are tried first, then every id that may
 * count with the packet's version. Keys tried in vain are counted: a flood of packets that nothing
 * opens must not cost more than looking at them.
 */
#include "session.h"

enum { MAX_FAILURES = 32 };

void quic_id_set(struct quic_id *id, struct span bytes) {
    id->is_known = bytes.size <= QUIC_MAX_CONNECTION_ID;
    id->size = 0;
    if (!id->is_known || bytes.size == 0)
        return;
    id->size = (uint8_t)bytes.size;
    memcpy(id->bytes, bytes.data, bytes.size);
}

bool quic_id_is(const struct quic_id *id, struct span bytes) {
    return id->is_known && span_equal(span_of(id->bytes, id->size), bytes);
}

static bool open_with(struct session *session, struct quic_opener *opener,
                      const struct quic_header *header, struct quic_opened *opened) {
    if (!quic_packet_open(session->quic_protection, &opener->keys, header, opener->expected,
                          opened))
        return false;
    if (opened->number >= opener->expected)
        opener->expected = opened->number + 1;
    return true;
}

/* Derives keys for a packet and opens it. */
static bool open_from(struct session *session, struct span id, enum quic_sender sender,
                      const struct quic_header *header, struct quic_opener *opener,
                      struct quic_opened *opened) {
    uint8_t *failures = &session->quic->failures[sender];
    if (*failures == MAX_FAILURES)
        return false;
    if (quic_keys_derive(session->quic_protection, header->dialect, id, sender, &opener->keys) &&
        open_with(session, opener, header, opened))
        return true;
    (*failures)++;
    return false;
}

bool quic_open_known(struct session *session, unsigned end, const struct quic_header *header,
                     struct quic_opened *opened) {
    struct quic_session *quic = session->quic;
    struct quic_opener *opener = &quic->openers[end];
    bool is_same_version = opener->is_set && opener->version == header->version;
    if (is_same_version && open_with(session, opener, header, opened))
        return true;
    enum quic_sender sender = end == quic->client_end ? QUIC_CLIENT : QUIC_SERVER;
    for (enum quic_key_id i = 0; i < QUIC_ID_COUNT; i++) {
        const struct quic_id *id = &quic->ids[i];
        if (!id->is_known || (is_same_version && opener->id == i))
            continue;
        struct quic_opener other = {
            .is_set = true, .id = i, .version = header->version, .expected = opener->expected};
        if (!open_from(session, span_of(id->bytes, id->size), sender, header, &other, opened))
            continue;
        *opener = other;
        return true;
    }
    return false;
}

bool quic_open_own(struct session *session, const struct quic_header *header,
                   struct quic_opener *opener, struct quic_opened *opened) {
    *opener =
        (struct quic_opener){.is_set = true, .id = QUIC_ID_ORIGINAL, .version = header->version};
    return open_from(session, header->destination_id, QUIC_CLIENT, header, opener, opened);
}
