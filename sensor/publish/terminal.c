/*
 * terminal.c - alerts for people, as they are found: what, who, how sure, which packets, what next.
 *
 * One block per alert, ended by an empty line, flushed at once. Everything that may come from the
 * wire or from a file name is escaped. Colour marks the severity only, so nothing is lost without.
 */
#include "terminal.h"

#include "terminal_text.h"

#include <stdlib.h>

enum { ALERT_INDENT = 6, ENDPOINT_SIZE = IP_ADDRESS_TEXT_SIZE + 16, NAME_SIZE = 4 * DOMAIN_SIZE };

static const char *severity_word(enum rule_severity severity) {
    switch (severity) {
    case RULE_SEVERITY_HIGH:
        return "HIGH";
    case RULE_SEVERITY_MEDIUM:
        return "MEDIUM";
    case RULE_SEVERITY_LOW:
        break;
    }
    return "LOW";
}

static const char *severity_colour(const struct terminal *terminal, enum rule_severity severity) {
    static const char *const colours[] = {
        [RULE_SEVERITY_HIGH] = "\033[1;31m",
        [RULE_SEVERITY_MEDIUM] = "\033[1;33m",
        [RULE_SEVERITY_LOW] = "\033[1;36m",
    };
    return terminal->config.colour ? colours[severity] : "";
}

static const char *endpoint_text(const struct endpoint *endpoint, uint8_t ip_version,
                                 char text[ENDPOINT_SIZE]) {
    char address[IP_ADDRESS_TEXT_SIZE];
    ip_address_format(&endpoint->address, ip_version, address);
    snprintf(text, ENDPOINT_SIZE, ip_version == 6 ? "[%s]:%u" : "%s:%u", address,
             (unsigned)endpoint->port);
    return text;
}

/* The domain; of a name that is none, the bytes that were sent. */
static void put_name(struct text_block *block, const struct verdict *verdict) {
    char text[NAME_SIZE];
    struct span name = span_of(verdict->domain.name, strlen(verdict->domain.name));
    text_unit(block, text_escape(name, text, sizeof(text)));
    const struct handshake *handshake = verdict->handshake;
    bool is_odd = strcmp(verdict->domain.name, "_invalid") == 0;
    if (is_odd && (handshake->has & HANDSHAKE_HAS_OFFER) && handshake->offer.server_name.size) {
        char sent[NAME_SIZE / 4];
        text_unit_format(block, "(sent: \"%s\")",
                         text_escape(handshake->offer.server_name, sent, sizeof(sent)));
    }
    if (verdict->domain.source == DOMAIN_FROM_ECH_OUTER)
        text_unit(block, "(outer name: the real one is encrypted)");
}

static void put_head(struct terminal *terminal, struct text_block *block,
                     const struct alert *alert) {
    const struct verdict *verdict = alert->verdict;
    const struct handshake *handshake = verdict->handshake;
    const struct rule *rule = alert->rule;
    char client[ENDPOINT_SIZE];
    char server[ENDPOINT_SIZE];
    char time[UTC_TEXT_SIZE];
    text_unit_coloured(block, severity_colour(terminal, alert->severity),
                       severity_word(alert->severity));
    text_unit(block, rule->kind);
    if (rule->rule_class != RULE_ATTACK)
        text_unit_format(block, "(%s)", rule_class_name(rule->rule_class));
    put_name(block, verdict);
    text_unit_format(block, "%s -> %s",
                     endpoint_text(&handshake->client, handshake->ip_version, client),
                     endpoint_text(&handshake->server, handshake->ip_version, server));
    text_unit_format(block, "confidence %s", rule_confidence_name(alert->finding->confidence));
    text_unit(block, utc_format_text(&terminal->date, handshake->started_us, time));
    if (alert->part > 1)
        text_unit_format(block, "part %u of incident %s", alert->part, alert->incident);
    if (alert->repeats > 1)
        text_unit_format(block, "seen %llu times", (unsigned long long)alert->repeats);
}

/* What is around the handshake, outermost first, in the words of EVE. Nothing for plain TLS over
 * TCP. */
static void put_way(struct text_block *block, const struct handshake *handshake) {
    for (size_t i = 0; i < handshake->tunnel_count && i < PACKET_MAX_TUNNELS; i++)
        text_unit_format(block, "inside %s",
                         tunnel_type_name((enum tunnel_type)handshake->tunnels[i].type));
    if (handshake->carrier != CARRIER_DIRECT)
        text_unit_format(block, "carrier %s", handshake_carrier_name(handshake));
    if (handshake->protocol == HANDSHAKE_QUIC)
        text_unit(block, "over QUIC");
}

/* Whether data flowed over the weaker version decides how urgent it is. */
static void put_versions(struct text_block *block, const struct handshake *handshake) {
    char offered[TLS_NAME_SIZE];
    char got[TLS_NAME_SIZE];
    char suite[TLS_NAME_SIZE];
    uint16_t version = handshake_negotiated_version(handshake);
    text_unit_format(block, "offered up to %s, got %s%s%s, %s",
                     handshake->has & HANDSHAKE_HAS_OFFER
                         ? tls_version_name(handshake_highest_offered_version(handshake), offered)
                         : "(no ClientHello seen)",
                     version != 0 ? tls_version_name(version, got) : "no ServerHello",
                     handshake->has & HANDSHAKE_HAS_CHOICE ? " with " : "",
                     handshake->has & HANDSHAKE_HAS_CHOICE
                         ? tls_cipher_suite_name(handshake->choice.cipher_suite, suite)
                         : "",
                     handshake_outcome_name(handshake->outcome));
}

/* What became of the connection. */
static void put_handshake(struct text_block *block, const struct verdict *verdict) {
    const struct handshake *handshake = verdict->handshake;
    char file[NAME_SIZE];
    text_line(block);
    if (handshake_has_hello(handshake))
        put_versions(block, handshake);
    else
        text_unit(block, "no TLS came of it");
    put_way(block, handshake);
    struct span name = span_of(verdict->source->name, strlen(verdict->source->name));
    text_unit_format(
        block, "packets %llu-%llu of %s", (unsigned long long)handshake->started_packet,
        (unsigned long long)handshake->ended_packet, text_escape(name, file, sizeof(file)));
}

static void put_evidence(struct text_block *block, const struct evidence *evidence) {
    char text[4 * EVIDENCE_TEXT_SIZE];
    text_line(block);
    text_unit_format(
        block,
        "%s:", text_escape(span_of(evidence->what, strlen(evidence->what)), text, sizeof(text)));
    text_unit_format(
        block, "expected: %s",
        text_escape(span_of(evidence->expected, strlen(evidence->expected)), text, sizeof(text)));
    text_unit_format(
        block, "observed: %s",
        text_escape(span_of(evidence->observed, strlen(evidence->observed)), text, sizeof(text)));
    if (evidence->packet != 0)
        text_unit_format(block, "packet %llu", (unsigned long long)evidence->packet);
}

static void put_file(struct text_block *block, const char *path) {
    char text[NAME_SIZE];
    text_line(block);
    text_unit_format(block, "packets kept in %s",
                     text_escape(span_of(path, strlen(path)), text, sizeof(text)));
}

static void on_alert(void *context, const struct alert *alert) {
    struct terminal *terminal = context;
    FILE *out = terminal->config.out;
    if (terminal->config.quiet)
        return;
    struct text_block block = text_block_of(out, ALERT_INDENT);
    put_head(terminal, &block, alert);
    text_line(&block);
    text_unit(&block, alert->rule->title);
    put_handshake(&block, alert->verdict);
    for (size_t i = 0; i < alert->finding->evidence_count; i++)
        put_evidence(&block, &alert->finding->evidence[i]);
    text_line(&block);
    text_unit(&block, "next:");
    text_words(&block, alert->rule->advice);
    text_line(&block);
    text_unit_format(&block, "alert id %s", alert->id);
    if (alert->evidence_file)
        put_file(&block, alert->evidence_file);
    text_end(&block);
    fputc('\n', out);
    fflush(out);
}

struct terminal *terminal_new(const struct terminal_config *config) {
    struct terminal *terminal = calloc(1, sizeof(*terminal));
    if (!terminal)
        return NULL;
    terminal->config = *config;
    terminal->sink = (struct sink){.context = terminal, .alert = on_alert};
    return terminal;
}

const struct sink *terminal_sink(struct terminal *terminal) {
    return &terminal->sink;
}

void terminal_delete(struct terminal *terminal) {
    free(terminal);
}
