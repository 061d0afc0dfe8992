#include "dialogue_play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct play {
    struct dialogue_reader reader;
    uint8_t tls[2][256]; /* the first bytes that were left to TLS */
    size_t tls_size[2];
    uint64_t tls_at[2];
    uint64_t ended_at;
    enum dialogue_status ended;
};

static void keep_tls(struct play *play, unsigned end, struct span bytes) {
    size_t room = sizeof play->tls[end] - play->tls_size[end];
    bytes = span_first(bytes, room);
    if (bytes.size)
        memcpy(play->tls[end] + play->tls_size[end], bytes.data, bytes.size);
    play->tls_size[end] += bytes.size;
}

/* One call, from a block of its exact size. */
static void feed(struct play *play, const struct line *line, size_t from, size_t to,
                 uint64_t number) {
    if (play->ended_at || from == to)
        return;
    uint8_t *block = test_malloc(to - from);
    memcpy(block, line->bytes + from, to - from);
    struct span bytes = span_of(block, to - from);
    size_t eaten = 0;
    bool had_tls = play->tls_at[line->end] != 0;
    enum dialogue_status status =
        dialogue_read(&play->reader, line->end, bytes, number, number * 1000, &eaten);
    assert_true(eaten <= bytes.size);
    if (status == DIALOGUE_GOES_ON)
        assert_int_equal(eaten, bytes.size);
    if (status == DIALOGUE_TLS_BEGINS) {
        if (!had_tls) {
            play->tls_at[line->end] = number;
            keep_tls(play, line->end, dialogue_kept(&play->reader, line->end));
        }
        keep_tls(play, line->end, span_from(bytes, eaten));
    } else if (status != DIALOGUE_GOES_ON) {
        play->ended = status;
        play->ended_at = number;
    }
    test_free(block);
}

__attribute__((format(printf, 2, 3))) static void add(char text[PLAY_TEXT_SIZE], const char *format,
                                                      ...) {
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + used, PLAY_TEXT_SIZE - used, format, arguments);
    va_end(arguments);
}

void dialogue_tell(const struct dialogue *facts, char text[PLAY_TEXT_SIZE]) {
    static const char *const names[DIALOGUE_FACT_COUNT] = {
        "greeted", "advertised", "not-advertised", "garbled", "asked",
        "granted", "refused",    "early",          "login",
    };
    text[0] = '\0';
    add(text, "%s", facts->protocol ? dialogue_protocol_name(facts->protocol) : "unknown");
    for (unsigned protocol = 0; protocol < DIALOGUE_PROTOCOL_COUNT; protocol++)
        if (facts->passed & (1U << protocol))
            add(text, " via:%s", dialogue_protocol_name((enum dialogue_protocol)protocol));
    for (unsigned fact = 0; fact < DIALOGUE_FACT_COUNT; fact++)
        if (dialogue_has(facts, (enum dialogue_fact)fact))
            add(text, " %s:%u", names[fact], (unsigned)facts->packet[fact]);
    if (facts->garbled[0])
        add(text, " (%s)", facts->garbled);
    if (facts->answer[0])
        add(text, " [%s]", facts->answer);
}

static void tell(const struct play *play, char text[PLAY_TEXT_SIZE]) {
    const struct dialogue *facts = &play->reader.facts;
    dialogue_tell(facts, text);
    for (unsigned fact = 0; fact < DIALOGUE_FACT_COUNT; fact++)
        if (dialogue_has(facts, (enum dialogue_fact)fact))
            assert_int_equal(facts->time_us[fact], facts->packet[fact] * 1000);
    for (unsigned end = 0; end < 2; end++)
        if (play->tls_at[end])
            add(text, " %s:%u", end == CLIENT ? "tls-c" : "tls-s", (unsigned)play->tls_at[end]);
    if (play->ended_at)
        add(text, " %s:%u", play->ended == DIALOGUE_ENDED ? "ended" : "foreign",
            (unsigned)play->ended_at);
}

/* What was left to TLS is the whole beginning of it. */
static void demand_tls(const struct play *play) {
    static const struct {
        const char *bytes;
        size_t size;
    } beginnings[] = {{TLS_OFFER_BYTES, sizeof TLS_OFFER_BYTES - 1},
                      {TLS_CHOICE_BYTES, sizeof TLS_CHOICE_BYTES - 1},
                      {TLS_ALERT_BYTES, sizeof TLS_ALERT_BYTES - 1},
                      {SSLV2_OFFER_BYTES, sizeof SSLV2_OFFER_BYTES - 1}};
    for (unsigned end = 0; end < 2; end++) {
        bool is_whole = play->tls_size[end] == 0;
        for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings && !is_whole; i++)
            is_whole = play->tls_size[end] >= beginnings[i].size &&
                       memcmp(play->tls[end], beginnings[i].bytes, beginnings[i].size) == 0;
        assert_true(is_whole);
    }
}

static void play_lines(const struct script *script, long cut, bool is_sound,
                       char text[PLAY_TEXT_SIZE]) {
    struct play play;
    size_t before = 0;
    memset(&play, 0, sizeof play);
    memset(&play.reader, 0xa5, sizeof play.reader); /* all of it is to be set */
    dialogue_init(&play.reader, script->no_syn ? -1 : CLIENT);
    for (size_t i = 0; i < SCRIPT_MAX_LINES && script->lines[i].bytes; i++) {
        const struct line *line = &script->lines[i];
        if (cut == PLAY_BYTES) {
            for (size_t at = 0; at < line->size; at++)
                feed(&play, line, at, at + 1, i + 1);
            continue;
        }
        size_t at = 0;
        if (cut >= 0 && (size_t)cut > before && (size_t)cut < before + line->size)
            at = (size_t)cut - before;
        feed(&play, line, 0, at, i + 1);
        feed(&play, line, at, line->size, i + 1);
        before += line->size;
    }
    tell(&play, text);
    if (is_sound)
        demand_tls(&play);
}

void play_script(const struct script *script, long cut, char text[PLAY_TEXT_SIZE]) {
    play_lines(script, cut, true, text);
}

void demand_same_however_cut(const struct script *script) {
    static char whole[PLAY_TEXT_SIZE];
    static char bytes[PLAY_TEXT_SIZE];
    play_lines(script, PLAY_WHOLE, false, whole);
    play_lines(script, PLAY_BYTES, false, bytes);
    if (strcmp(whole, bytes) != 0)
        fail_msg("%s\n whole:    %s\n by bytes: %s", script->name, whole, bytes);
}

/* Each byte becomes another one: whatever comes of it, cuts change nothing. */
static void demand_changed_bytes(const struct script *script) {
    static uint8_t copy[8192];
    struct script changed = *script;
    for (size_t i = 0; i < SCRIPT_MAX_LINES && script->lines[i].bytes; i++) {
        const struct line *line = &script->lines[i];
        assert_true(line->size <= sizeof copy);
        memcpy(copy, line->bytes, line->size);
        changed.lines[i].bytes = (const char *)copy;
        for (size_t at = 0; at < line->size; at++) {
            const uint8_t others[] = {0, 0xff, '\n', (uint8_t)(copy[at] ^ 1U)};
            uint8_t was = copy[at];
            for (size_t other = 0; other < sizeof others; other++) {
                copy[at] = others[other];
                demand_same_however_cut(&changed);
            }
            copy[at] = was;
        }
        changed.lines[i] = *line;
    }
}

static bool script_holds(const struct script *script, long cut) {
    char text[PLAY_TEXT_SIZE];
    play_script(script, cut, text);
    if (strcmp(text, script->expected) == 0)
        return true;
    print_error("%s (cut %ld)\n expected: %s\n found:    %s\n", script->name, cut, script->expected,
                text);
    return false;
}

void demand_script(const struct script *script) {
    size_t size = 0;
    for (size_t i = 0; i < SCRIPT_MAX_LINES && script->lines[i].bytes; i++)
        size += script->lines[i].size;
    bool holds = script_holds(script, PLAY_WHOLE) && script_holds(script, PLAY_BYTES);
    for (size_t cut = 1; cut < size && holds; cut++)
        holds = script_holds(script, (long)cut);
    assert_true(holds);
    demand_changed_bytes(script);
}

void demand_scripts(const struct script *scripts, size_t count) {
    size_t failures = 0;
    for (size_t i = 0; i < count; i++)
        failures += !script_holds(&scripts[i], PLAY_WHOLE);
    assert_int_equal(failures, 0);
    for (size_t i = 0; i < count; i++)
        demand_script(&scripts[i]);
}
