/*
 * domain.c - the name under which a handshake is counted.
 *
 * Names come from the wire and go into keys, tables and terminals: only what can be a host name
 * passes. Names that begin with '_' and have one label are kept for the counters of our own
 * ("_none", "_invalid", "_other"), so a client cannot write into those.
 */
#include "judge.h"

#include "handshake_ech.h"
#include "siphash.h"

enum { MAX_NAME = 253, MAX_LABEL = 63, LANE_DOMAIN = 10 };

static uint8_t lower(uint8_t byte) {
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

static bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

static bool is_name_byte(uint8_t byte) {
    uint8_t small = lower(byte);
    return (small >= 'a' && small <= 'z') || is_digit(byte) || byte == '-' || byte == '_';
}

/* Four decimal numbers up to 255. */
static bool is_ipv4_literal(struct span name) {
    unsigned numbers = 1;
    unsigned value = 0;
    size_t digits = 0;
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '.') {
            if (digits == 0)
                return false;
            numbers++;
            digits = 0;
            value = 0;
            continue;
        }
        if (!is_digit(name.data[i]) || ++digits > 3)
            return false;
        value = value * 10U + (unsigned)(name.data[i] - '0');
        if (value > 255)
            return false;
    }
    return numbers == 4 && digits > 0;
}

/* Hexadecimal groups with at least two colons; may end in an IPv4 address. */
static bool is_ipv6_literal(struct span name) {
    size_t colons = 0;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = lower(name.data[i]);
        if (byte == ':')
            colons++;
        else if (!is_digit(byte) && !(byte >= 'a' && byte <= 'f') && byte != '.')
            return false;
    }
    return colons >= 2;
}

/* Labels of 1 to 63 name bytes, the last not all digits (RFC 3696 section 2: it could be taken for
 * an address); a first label that is just '*' is a certificate's wildcard. */
static bool is_host_name(struct span name, bool may_be_wildcard) {
    size_t label = 0;
    size_t digits = 0;
    size_t start = 0;
    if (name.size == 0 || name.size > MAX_NAME)
        return false;
    if (may_be_wildcard && name.size > 2 && name.data[0] == '*' && name.data[1] == '.')
        start = 2;
    for (size_t i = start; i < name.size; i++) {
        if (name.data[i] == '.') {
            if (label == 0)
                return false;
            label = 0;
            digits = 0;
        } else if (!is_name_byte(name.data[i]) || ++label > MAX_LABEL) {
            return false;
        } else if (is_digit(name.data[i])) {
            digits++;
        }
    }
    if (name.data[0] == '_' && memchr(name.data, '.', name.size) == NULL)
        return false;
    return label > digits;
}

uint64_t domain_hash(const char *name) {
    return siphash(name, strlen(name), LANE_DOMAIN);
}

static void set_name(struct domain *domain, const char *name, enum domain_source source) {
    size_t size = strlen(name);
    memcpy(domain->name, name, size + 1);
    domain->source = source;
    domain->hash = domain_hash(name);
}

/* Names that are there for no other purpose than to stand in front of others: the public names of
 * ECH providers (RFC 9849 section 4). */
static bool is_cover_name(const char *name) {
    static const char *const covers[] = {"cloudflare-ech.com", "cover.defo.ie",
                                         "public.tls-ech.dev"};
    for (size_t i = 0; i < sizeof(covers) / sizeof(covers[0]); i++)
        if (strcmp(name, covers[i]) == 0)
            return true;
    return false;
}

bool domain_is_outer(const struct handshake *handshake, const char *name) {
    switch (handshake_ech(handshake)) {
    case HANDSHAKE_ECH_ACCEPTED:
        return true;
    case HANDSHAKE_ECH_OFFERED: /* nobody greased encrypted_server_name */
        return !span_is_absent(handshake->offer.encrypted_server_name) || is_cover_name(name);
    case HANDSHAKE_ECH_NONE:
    case HANDSHAKE_ECH_GREASE:
    case HANDSHAKE_ECH_REFUSED:
    case HANDSHAKE_ECH_INNER:
        break;
    }
    return false;
}

void domain_of_handshake(const struct handshake *handshake, struct domain *domain) {
    struct span name = {0};
    enum domain_source source = DOMAIN_FROM_SNI;
    if (handshake->has & HANDSHAKE_HAS_OFFER)
        name = handshake->offer.server_name;
    if (name.size == 0) {
        name = span_of(handshake->certificate_name, strlen(handshake->certificate_name));
        source = DOMAIN_FROM_CERTIFICATE;
    }
    if (name.size == 0 || is_ipv4_literal(name) || is_ipv6_literal(name)) {
        set_name(domain, "_none", DOMAIN_FROM_IP);
        return;
    }
    if (name.data[name.size - 1] == '.')
        name.size--;
    if (!is_host_name(name, source == DOMAIN_FROM_CERTIFICATE)) {
        set_name(domain, "_invalid", source);
        return;
    }
    for (size_t i = 0; i < name.size; i++)
        domain->name[i] = (char)lower(name.data[i]);
    domain->name[name.size] = '\0';
    domain->source = source;
    domain->hash = domain_hash(domain->name);
    if (source == DOMAIN_FROM_SNI && domain_is_outer(handshake, domain->name))
        domain->source = DOMAIN_FROM_ECH_OUTER;
}
