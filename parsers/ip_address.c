/*
 * ip_address.c - addresses as text, written by hand: it is done for every line of output, and must
 * not depend on the C library's taste.
 */
#include "packet.h"

enum { IPV6_GROUPS = 8 };

static const char digits[] = "0123456789abcdef";

static char *write_decimal(char *at, unsigned byte) {
    if (byte >= 100)
        *at++ = digits[byte / 100];
    if (byte >= 10)
        *at++ = digits[byte / 10 % 10];
    *at++ = digits[byte % 10];
    return at;
}

static char *write_ipv4(char *at, const uint8_t *bytes) {
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            *at++ = '.';
        at = write_decimal(at, bytes[i]);
    }
    return at;
}

static char *write_group(char *at, unsigned group) {
    for (unsigned shift = 12; shift > 0; shift -= 4)
        if (group >> shift != 0)
            *at++ = digits[(group >> shift) & 0x0fU];
    *at++ = digits[group & 0x0fU];
    return at;
}

/* The first of the longest runs of zero groups; a single zero is not shortened. */
static unsigned find_zero_run(const unsigned groups[IPV6_GROUPS], unsigned *length) {
    unsigned best = 0;
    *length = 1;
    for (unsigned start = 0; start < IPV6_GROUPS; start++) {
        unsigned run = 0;
        while (start + run < IPV6_GROUPS && groups[start + run] == 0)
            run++;
        if (run > *length) {
            best = start;
            *length = run;
        }
    }
    if (*length == 1)
        *length = 0;
    return best;
}

static char *write_ipv6(char *at, const uint8_t *bytes) {
    unsigned groups[IPV6_GROUPS];
    for (size_t i = 0; i < IPV6_GROUPS; i++)
        groups[i] = ((unsigned)bytes[2 * i] << 8U) | bytes[2 * i + 1];
    unsigned run = 0;
    unsigned start = find_zero_run(groups, &run);
    /* RFC 5952 section 5: addresses with an IPv4 address inside show it (::ffff:0:0/96). */
    bool mapped = start == 0 && run == 5 && groups[5] == 0xffff;
    unsigned end = mapped ? 6 : IPV6_GROUPS;
    for (unsigned i = 0; i < end;) {
        if (run > 0 && i == start) {
            *at++ = ':';
            *at++ = ':';
            i += run;
            continue;
        }
        if (i > 0 && (run == 0 || i != start + run))
            *at++ = ':';
        at = write_group(at, groups[i++]);
    }
    if (!mapped)
        return at;
    *at++ = ':';
    return write_ipv4(at, bytes + 12);
}

void ip_address_format(const struct ip_address *address, unsigned ip_version,
                       char text[IP_ADDRESS_TEXT_SIZE]) {
    char *end =
        ip_version == 4 ? write_ipv4(text, address->bytes) : write_ipv6(text, address->bytes);
    *end = '\0';
}
