/*
 * packet_notes.c - see packet_notes.h.
 */
#include "packet_notes.h"

#include <stdarg.h>
#include <stdio.h>

enum { HEX_BYTES = 32 };

struct comment comment_of(char *text, size_t room) {
    text[0] = '\0';
    return (struct comment){.text = text, .room = room};
}

void comment_add(struct comment *comment, const char *format, ...) {
    va_list arguments;
    size_t left = comment->room - comment->size;
    va_start(arguments, format);
    int length = vsnprintf(comment->text + comment->size, left, format, arguments);
    va_end(arguments);
    if (length > 0)
        comment->size += (size_t)length < left ? (size_t)length : left - 1;
}

void comment_add_bytes(struct comment *comment, struct span bytes) {
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t byte = bytes.data[i];
        bool is_plain = byte >= ' ' && byte <= '~' && byte != '\\';
        if (comment->room - comment->size <= 4) /* an escape is never cut */
            return;
        comment_add(comment, is_plain ? "%c" : "\\x%02x", byte);
    }
}

static void add_text(struct comment *comment, const char *text) {
    comment_add_bytes(comment, span_of(text, strlen(text)));
}

void comment_add_evidence(struct comment *comment, const struct evidence *evidence) {
    add_text(comment, evidence->what);
    comment_add(comment, ": expected ");
    add_text(comment, evidence->expected);
    comment_add(comment, ", observed ");
    add_text(comment, evidence->observed);
}

/* Where the text of a new note goes; NULL when there is no such packet, or no room for more. */
static struct packet_note *new_note(struct packet_notes *notes, uint64_t packet,
                                    struct comment *comment) {
    if (packet == 0 || notes->count == NOTES_MAX)
        return NULL;
    struct packet_note *note = &notes->notes[notes->count++];
    note->packet = packet;
    note->is_evidence = false;
    *comment = comment_of(note->text, sizeof note->text);
    return note;
}

static const char *side_name(unsigned side) {
    return side == SIDE_CLIENT ? "client" : "server";
}

static void note_evidence(struct packet_notes *notes, const struct finding *finding) {
    struct comment comment;
    for (size_t i = 0; i < finding->evidence_count; i++) {
        struct packet_note *note = new_note(notes, finding->evidence[i].packet, &comment);
        if (note == NULL)
            continue;
        note->is_evidence = true;
        comment_add_evidence(&comment, &finding->evidence[i]);
    }
}

static void note_hellos(struct packet_notes *notes, const struct handshake *handshake) {
    struct comment comment;
    char version[TLS_NAME_SIZE];
    if ((handshake->has & HANDSHAKE_HAS_OFFER) &&
        new_note(notes, handshake->side[SIDE_CLIENT].hello_packet, &comment))
        comment_add(&comment, "ClientHello: offers up to %s",
                    tls_version_name(handshake_highest_offered_version(handshake), version));
    if ((handshake->has & (HANDSHAKE_HAS_CHOICE | HANDSHAKE_HAS_SSLV2_CHOICE)) &&
        new_note(notes, handshake_choice_packet(handshake), &comment))
        comment_add(&comment, "ServerHello: chooses %s",
                    tls_version_name(handshake_negotiated_version(handshake), version));
    if (handshake->malformed != 0 && new_note(notes, handshake->malformed_packet, &comment))
        comment_add(&comment, "breaks the format of its protocol");
    if (new_note(notes, handshake->conflict_packet, &comment))
        comment_add(&comment, "an IP fragment that contradicts another one of its datagram");
}

static void note_alerts(struct packet_notes *notes, const struct handshake *handshake) {
    struct comment comment;
    char name[TLS_NAME_SIZE];
    for (size_t i = 0; i < handshake->alert_count && i < HANDSHAKE_MAX_ALERTS; i++) {
        const struct handshake_alert *alert = &handshake->alerts[i];
        if (new_note(notes, alert->packet, &comment))
            comment_add(&comment, "TLS alert in clear, in the %s's name: %s %s (%u)",
                        side_name(alert->sender), alert->level == 1 ? "warning" : "fatal",
                        tls_alert_name(alert->description, name), (unsigned)alert->description);
    }
}

static void add_signals(struct comment *comment, uint32_t signals) {
    static const struct {
        enum transport_signal signal;
        const char *text;
    } names[] = {
        {SIGNAL_CONFLICT, "other bytes came at the same sequence numbers"},
        {SIGNAL_DATA_AFTER, "its alleged sender goes on"},
        {SIGNAL_HOP_LIMIT, "hop limit"},
        {SIGNAL_IP_ID, "IP identification"},
        {SIGNAL_TIMESTAMP, "TCP timestamp"},
        {SIGNAL_WINDOW, "TCP window"},
        {SIGNAL_ENCRYPTED_EPOCH, "in clear after encryption began"},
        {SIGNAL_TOO_EARLY, "faster than the path allows"},
        {SIGNAL_OUT_OF_PLACE, "sequence number"},
    };
    const char *gap = "; what does not fit that sender: ";
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!(signals & names[i].signal))
            continue;
        comment_add(comment, "%s%s", gap, names[i].text);
        gap = ", ";
    }
}

static void note_suspects(struct packet_notes *notes, const struct handshake *handshake) {
    static const char *const kinds[] = {
        [SUSPECT_ALERT] = "TLS alert",
        [SUSPECT_RESET] = "TCP reset",
        [SUSPECT_FIN] = "TCP FIN",
    };
    struct comment comment;
    for (size_t i = 0; i < handshake->suspect_count && i < TRANSPORT_MAX_SUSPECTS; i++) {
        const struct suspect *suspect = &handshake->suspects[i];
        const char *sender = side_name(suspect->sender);
        uint32_t signals = transport_signals(handshake, suspect);
        /* of an alert that fits its sender, all is said */
        bool is_told = suspect->kind == SUSPECT_ALERT && signals == 0;
        if (!is_told && new_note(notes, suspect->mark.packet, &comment)) {
            comment_add(&comment, "%s in the %s's name", kinds[suspect->kind], sender);
            add_signals(&comment, signals);
        }
        if (new_note(notes, suspect->data_after_packet, &comment))
            comment_add(&comment, "the %s goes on, after the %s of packet %llu", sender,
                        kinds[suspect->kind], (unsigned long long)suspect->mark.packet);
    }
}

static void note_version(struct packet_notes *notes, const struct conflict *conflict,
                         const struct conflict_version *version,
                         const struct conflict_version *other) {
    struct comment comment;
    if (!new_note(notes, version->mark.packet, &comment))
        return;
    comment_add(&comment, "in the %s's name, at sequence number %lu: ", side_name(conflict->sender),
                (unsigned long)conflict->sequence);
    for (size_t i = 0; i < version->size && i < HEX_BYTES; i++)
        comment_add(&comment, "%02x", version->bytes[i]);
    comment_add(&comment, "%s; packet %llu has other bytes there",
                version->size > HEX_BYTES ? "..." : "", (unsigned long long)other->mark.packet);
}

void packet_notes_of(const struct alert *alert, struct packet_notes *notes) {
    const struct handshake *handshake = alert->verdict->handshake;
    notes->count = 0;
    note_evidence(notes, alert->finding);
    note_hellos(notes, handshake);
    note_alerts(notes, handshake);
    note_suspects(notes, handshake);
    for (size_t i = 0; i < handshake->conflict_count && i < TRANSPORT_MAX_CONFLICTS; i++) {
        const struct conflict *conflict = &handshake->conflicts[i];
        note_version(notes, conflict, &conflict->first, &conflict->second);
        note_version(notes, conflict, &conflict->second, &conflict->first);
    }
}

bool packet_notes_comment(const struct packet_notes *notes, uint64_t packet,
                          struct comment *comment) {
    bool is_named = false;
    for (size_t i = 0; i < notes->count; i++) {
        if (notes->notes[i].packet != packet)
            continue;
        if (!is_named)
            comment_add(comment, "packet %llu:", (unsigned long long)packet);
        comment_add(comment, "\n%s", notes->notes[i].text);
        is_named = true;
    }
    return is_named;
}
