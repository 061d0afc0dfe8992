/*
 * dialogue_xmpp.c - XMPP's streams (RFC 6120 sections 4 and 5), read tag by tag.
 *
 * A tag ends with '>'; what stands before its '<' is text that nobody needs here. The server lists
 * what it offers in <stream:features/>; TLS is asked for with <starttls/> and granted with
 * <proceed/>.
 */
#include "dialogue_row.h"

enum { STEP_NOTHING, STEP_DECLARED, STEP_STREAM };

struct xmpp_tag {
    struct span text; /* from '<' to before '>' */
    struct span name; /* without the prefix of its namespace */
    bool is_closing;
    bool is_empty; /* opening and closing in one */
};

static bool xmpp_read_tag(struct span message, struct xmpp_tag *tag) {
    while (message.size && message.data[0] != '<')
        message = span_from(message, 1);
    if (message.size == 0)
        return false;
    struct span rest = span_from(message, 1);
    tag->text = message;
    tag->is_closing = rest.size && rest.data[0] == '/';
    tag->is_empty = !tag->is_closing && message.data[message.size - 1] == '/';
    struct span name = span_from(rest, tag->is_closing);
    name = word_next(&name);
    if (name.size && name.data[name.size - 1] == '/')
        name = span_first(name, name.size - 1);
    const uint8_t *colon = name.size ? memchr(name.data, ':', name.size) : NULL;
    tag->name = colon ? span_from(name, (size_t)(colon - name.data) + 1) : name;
    return true;
}

/* Both ends begin alike; who offers or asks is known. */
static void xmpp_tell_ends(struct dialogue_turn *turn, struct span name) {
    if (turn->reader->knows_client)
        return;
    bool is_request = word_equal(name, "starttls") || word_equal(name, "auth");
    if (is_request || word_equal(name, "features"))
        dialogue_set_client(turn, is_request);
}

static void xmpp_client_tag(struct dialogue_turn *turn, const struct xmpp_tag *tag) {
    if (word_equal(tag->name, "starttls")) {
        dialogue_note_asked(turn);
    } else if (word_equal(tag->name, "auth")) {
        turn->reader->memory.has_login = true;
        if (word_find(tag->text, "PLAIN") || word_find(tag->text, "OAUTH"))
            dialogue_note_login(turn);
    }
}

static void xmpp_server_tag(struct dialogue_turn *turn, const struct xmpp_tag *tag) {
    struct dialogue_memory *memory = &turn->reader->memory;
    bool is_features = word_equal(tag->name, "features");
    bool is_proceed = word_equal(tag->name, "proceed");
    if (word_equal(tag->name, "stream") && !tag->is_closing)
        dialogue_note(turn, DIALOGUE_GREETED);
    if (is_features && !tag->is_closing)
        dialogue_list_begin(turn);
    else if (memory->is_list && !tag->is_closing)
        dialogue_list_word(turn, tag->name, "starttls");
    if (is_features && (tag->is_closing || tag->is_empty))
        dialogue_list_end(turn);
    if (memory->is_asking && (is_proceed || word_equal(tag->name, "failure")))
        dialogue_note_answer(turn, is_proceed, tag->text);
}

static enum dialogue_status xmpp_message(struct dialogue_turn *turn) {
    static const char *const last[] = {"success", "iq", "message", "presence"};
    struct xmpp_tag tag = {0};
    if (!xmpp_read_tag(turn->message, &tag))
        return DIALOGUE_FOREIGN;
    if (word_begins(tag.text, "<?xml "))
        turn->end->step = STEP_DECLARED;
    else if (word_equal(tag.name, "stream"))
        turn->end->step = STEP_STREAM;
    else if (turn->end->step != STEP_STREAM)
        return DIALOGUE_FOREIGN;
    for (size_t i = 0; i < sizeof last / sizeof *last; i++)
        if (word_equal(tag.name, last[i]))
            return DIALOGUE_ENDED;
    xmpp_tell_ends(turn, tag.name);
    if (turn->reader->knows_client && turn->from_client)
        xmpp_client_tag(turn, &tag);
    else if (turn->reader->knows_client)
        xmpp_server_tag(turn, &tag);
    return DIALOGUE_GOES_ON;
}

static enum dialogue_match xmpp_match(struct span bytes) {
    enum dialogue_match declared = word_match(bytes, "<?xml ", MATCH_EITHER);
    enum dialogue_match bare = word_match(bytes, "<stream:stream ", MATCH_EITHER);
    return declared > bare ? declared : bare;
}

const struct dialogue_row dialogue_xmpp = {
    .protocol = DIALOGUE_XMPP,
    .first = {'<', '<'},
    .terminator = '>',
    .match = xmpp_match,
    .message = xmpp_message,
};
