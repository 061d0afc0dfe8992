/*
 * tls_certificate.c - a walk over just enough DER (X.690) to find a certificate's name.
 *
 * The message may have been cut. So a `struct der` knows two ends: what its enclosing length
 * claims, and how much of that is here. Running past the claim is damage, running past what is here
 * asks for more; either sticks, as in a reader. Every step eats at least two bytes, so the walk is
 * linear.
 *
 * Left out: everything that would be needed to trust the name, and names in two- and four-byte
 * string types.
 */
#include "tls_certificate.h"

enum {
    TAG_BOOLEAN = 0x01,
    TAG_OCTET_STRING = 0x04,
    TAG_OBJECT_IDENTIFIER = 0x06,
    TAG_UTF8_STRING = 0x0c,
    TAG_PRINTABLE_STRING = 0x13,
    TAG_TELETEX_STRING = 0x14,
    TAG_IA5_STRING = 0x16,
    TAG_SEQUENCE = 0x30,
    TAG_SET = 0x31,
    TAG_VERSION = 0xa0,    /* [0] EXPLICIT in TBSCertificate */
    TAG_EXTENSIONS = 0xa3, /* [3] EXPLICIT in TBSCertificate */
    TAG_DNS_NAME = 0x82,   /* [2] IMPLICIT in GeneralName */
    TAG_NUMBER_MASK = 0x1f,
};

static const uint8_t oid_common_name[] = {0x55, 0x04, 0x03};
static const uint8_t oid_subject_alt_name[] = {0x55, 0x1d, 0x11};

struct der {
    struct reader here;       /* the bytes that are there */
    size_t missing;           /* claimed behind them */
    enum parse_status status; /* PARSE_OK, PARSE_MORE or PARSE_MALFORMED: the first that happened */
};

static void der_fail(struct der *der, enum parse_status status) {
    if (der->status == PARSE_OK)
        der->status = status;
}

static bool der_ok(const struct der *der) {
    return der->status == PARSE_OK;
}

/* Is the next thing there to be read? At a cut nobody knows: then it is, and reading it says so. */
static bool der_has_next(const struct der *der) {
    return der_ok(der) && (reader_left(&der->here) != 0 || der->missing != 0);
}

/* The next tag without eating it; 0 at the end. */
static uint8_t der_peek(struct der *der) {
    if (!der_has_next(der))
        return 0;
    struct reader ahead = der->here;
    uint8_t tag = reader_u8(&ahead);
    if (!reader_ok(&ahead))
        der_fail(der, PARSE_MORE);
    return tag;
}

static uint8_t der_u8(struct der *der) {
    uint8_t value = reader_u8(&der->here);
    if (!reader_ok(&der->here))
        der_fail(der, der->missing != 0 ? PARSE_MORE : PARSE_MALFORMED);
    return value;
}

/* A length in its short or long form (up to four bytes); the indefinite one is not DER. */
static size_t der_length(struct der *der) {
    size_t length = der_u8(der);
    if (length < 0x80)
        return length;
    size_t count = length & 0x7fU;
    if (count == 0 || count > 4) {
        der_fail(der, PARSE_MALFORMED);
        return 0;
    }
    length = 0;
    for (size_t i = 0; i < count; i++)
        length = length << 8U | der_u8(der);
    return length;
}

/* Takes `size` bytes off as a thing of their own, of which some may be missing. */
static struct der der_take(struct der *der, size_t size) {
    size_t left = reader_left(&der->here);
    if (der_ok(der) && size > left && size - left > der->missing)
        der_fail(der, PARSE_MALFORMED);
    if (!der_ok(der))
        return (struct der){reader_of((struct span){NULL, 0}), 0, der->status};
    size_t here = size < left ? size : left;
    size_t missing = size - here;
    der->missing -= missing;
    return (struct der){reader_of(reader_take(&der->here, here)), missing, PARSE_OK};
}

/* der_next() for what may be cut, or damaged. */
static struct der der_next_carefully(struct der *der, uint8_t *tag) {
    *tag = der_u8(der);
    if ((*tag & TAG_NUMBER_MASK) == TAG_NUMBER_MASK) /* long tags stand nowhere on our way */
        der_fail(der, PARSE_MALFORMED);
    size_t length = der_length(der);
    return der_take(der, length);
}

/* Takes the next element: its tag, and its content to read on. Nearly all are whole, and shorter
 * than 64 KiB. */
static inline struct der der_next(struct der *der, uint8_t *tag) {
    enum { MOST_HEADER = 4 };
    const uint8_t *at = der->here.at;
    size_t left = reader_left(&der->here);
    if (left < MOST_HEADER || der->here.bad || !der_ok(der) ||
        (at[0] & TAG_NUMBER_MASK) == TAG_NUMBER_MASK)
        return der_next_carefully(der, tag);
    size_t header = at[1] < 0x80 ? 2 : at[1] - 0x80U + 2;
    size_t length = at[1];
    if (header == 3)
        length = at[2];
    else if (header == 4)
        length = (size_t)at[2] << 8U | at[3];
    if (at[1] == 0x80 || header > MOST_HEADER || length > left - header)
        return der_next_carefully(der, tag);
    *tag = at[0];
    der->here.at = at + header + length;
    return (struct der){{at + header, at + header + length, false}, 0, PARSE_OK};
}

/* Takes the next element, which must have that tag. */
static struct der der_expect(struct der *der, uint8_t wanted) {
    uint8_t tag = 0;
    struct der content = der_next(der, &tag);
    if (der_ok(der) && tag != wanted) {
        der_fail(der, PARSE_MALFORMED);
        content.status = der->status;
    }
    return content;
}

/* The whole content of an element. */
static struct span der_bytes(struct der *der) {
    if (der->missing != 0)
        der_fail(der, PARSE_MORE);
    return reader_take_rest(&der->here);
}

/* What went wrong in the inner one went wrong in the outer one. */
static void der_join(struct der *outer, const struct der *inner) {
    if (!der_ok(inner))
        der_fail(outer, inner->status);
}

static void der_skip(struct der *der) {
    uint8_t tag = 0;
    (void)der_next(der, &tag);
}

static bool is_byte_string(uint8_t tag) {
    return tag == TAG_UTF8_STRING || tag == TAG_PRINTABLE_STRING || tag == TAG_TELETEX_STRING ||
           tag == TAG_IA5_STRING;
}

/* Name (RFC 5280 section 4.1.2.4): the last commonName is the most specific. */
static struct span read_common_name(struct der *subject) {
    struct span name = {NULL, 0};
    while (der_has_next(subject)) {
        struct der relative = der_expect(subject, TAG_SET);
        while (der_has_next(&relative)) {
            struct der attribute = der_expect(&relative, TAG_SEQUENCE);
            struct der type = der_expect(&attribute, TAG_OBJECT_IDENTIFIER);
            uint8_t tag = 0;
            struct der value = der_next(&attribute, &tag);
            struct span type_bytes = der_bytes(&type);
            struct span value_bytes = der_bytes(&value);
            der_join(&attribute, &type);
            der_join(&attribute, &value);
            der_join(&relative, &attribute);
            if (der_ok(&relative) && is_byte_string(tag) && value_bytes.size != 0 &&
                span_equal(type_bytes, span_of(oid_common_name, sizeof(oid_common_name))))
                name = value_bytes;
        }
        der_join(subject, &relative);
    }
    return name;
}

/* GeneralNames (RFC 5280 section 4.2.1.6): the first dNSName. */
static struct span read_dns_name(struct der *value) {
    struct der names = der_expect(value, TAG_SEQUENCE);
    struct span found = {NULL, 0};
    while (span_is_absent(found) && der_has_next(&names)) {
        uint8_t tag = 0;
        struct der name = der_next(&names, &tag);
        if (tag != TAG_DNS_NAME)
            continue;
        struct span bytes = der_bytes(&name);
        der_join(&names, &name);
        if (der_ok(&names) && bytes.size != 0)
            found = bytes;
    }
    der_join(value, &names);
    return found;
}

/* Extensions (RFC 5280 section 4.1): the first dNSName of subjectAltName. */
static struct span read_extensions(struct der *outer) {
    struct der list = der_expect(outer, TAG_SEQUENCE);
    struct span found = {NULL, 0};
    while (span_is_absent(found) && der_has_next(&list)) {
        struct der extension = der_expect(&list, TAG_SEQUENCE);
        struct der type = der_expect(&extension, TAG_OBJECT_IDENTIFIER);
        struct span type_bytes = der_bytes(&type);
        der_join(&extension, &type);
        if (der_ok(&extension) &&
            span_equal(type_bytes, span_of(oid_subject_alt_name, sizeof(oid_subject_alt_name)))) {
            if (der_peek(&extension) == TAG_BOOLEAN) /* critical */
                der_skip(&extension);
            struct der value = der_expect(&extension, TAG_OCTET_STRING);
            found = read_dns_name(&value);
            der_join(&extension, &value);
        }
        der_join(&list, &extension);
    }
    der_join(outer, &list);
    return found;
}

/* TBSCertificate (RFC 5280 section 4.1). */
static struct span read_name(struct der *certificate) {
    struct der body = der_expect(certificate, TAG_SEQUENCE);
    struct der signed_part = der_expect(&body, TAG_SEQUENCE);
    if (der_peek(&signed_part) == TAG_VERSION)
        der_skip(&signed_part);
    for (int i = 0; i < 4; i++) /* serialNumber, signature, issuer, validity */
        der_skip(&signed_part);
    struct der subject = der_expect(&signed_part, TAG_SEQUENCE);
    struct span common_name = read_common_name(&subject);
    der_join(&signed_part, &subject);
    der_skip(&signed_part); /* subjectPublicKeyInfo */
    struct span dns_name = {NULL, 0};
    while (span_is_absent(dns_name) && der_has_next(&signed_part)) {
        uint8_t tag = 0;
        struct der optional = der_next(&signed_part, &tag);
        if (tag == TAG_EXTENSIONS)
            dns_name = read_extensions(&optional);
        der_join(&signed_part, &optional);
    }
    der_join(&body, &signed_part);
    der_join(certificate, &body);
    return span_is_absent(dns_name) ? common_name : dns_name;
}

enum parse_status certificate_name_parse(struct span body, struct span *name) {
    struct reader reader = reader_of(body);
    size_t list_size = reader_u24(&reader);
    if (reader_ok(&reader) && list_size == 0) {
        *name = (struct span){NULL, 0};
        return PARSE_OK;
    }
    size_t size = reader_u24(&reader);
    if (!reader_ok(&reader))
        return PARSE_MORE;
    if (size == 0 || list_size < 3 || size > list_size - 3)
        return PARSE_MALFORMED;
    struct der list = {reader, size > reader_left(&reader) ? size - reader_left(&reader) : 0,
                       PARSE_OK};
    struct der certificate = der_take(&list, size);
    struct span found = read_name(&certificate);
    if (!der_ok(&certificate))
        return certificate.status;
    *name = found;
    return PARSE_OK;
}
