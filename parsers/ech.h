/*
 * ech.h - the encrypted_client_hello extension of a ClientHello (RFC 9849 section 5).
 *
 * A ClientHelloOuter carries the real hello, sealed, in `payload`; nothing here opens it. A
 * ClientHelloInner bears the same extension without content: on the wire it is met only between a
 * client-facing server and the backend that it hands the connection to (RFC 9849 section 3.1).
 */
#ifndef DOWNGRD_ECH_H
#define DOWNGRD_ECH_H

#include "span.h"

enum ech_type { ECH_TYPE_OUTER = 0, ECH_TYPE_INNER = 1 };

struct ech_extension {
    enum ech_type type;
    /* of an outer one; zero and absent otherwise */
    uint16_t kdf_id;
    uint16_t aead_id;
    uint8_t config_id;
    struct span enc;     /* the HPKE share; empty in the hello after a HelloRetryRequest that took
                            the offer */
    struct span payload; /* the sealed hello, its tag included */
};

/*
 * `data` is the extension's data. PARSE_OK, or PARSE_MALFORMED for an unknown type, a field that
 * does not fit, an empty payload, or bytes left over.
 */
enum parse_status ech_extension_parse(struct span data, struct ech_extension *ech);

/* Is the payload as long as the padding of RFC 9849 section 6.1.3 makes it, a multiple of 32 bytes,
 * and the 16 bytes of the tag, which all AEADs of HPKE share? */
bool ech_extension_is_padded(const struct ech_extension *ech);

#endif
