/*
 * ech.c - ECHClientHello (RFC 9849 section 5).
 */
#include "ech.h"

enum { PADDING_STEP = 32, TAG_SIZE = 16 };

enum parse_status ech_extension_parse(struct span data, struct ech_extension *ech) {
    struct reader reader = reader_of(data);
    struct ech_extension read = {.type = ECH_TYPE_INNER};
    uint8_t type = reader_u8(&reader);
    if (type == ECH_TYPE_OUTER) {
        read.type = ECH_TYPE_OUTER;
        read.kdf_id = reader_u16(&reader);
        read.aead_id = reader_u16(&reader);
        read.config_id = reader_u8(&reader);
        read.enc = reader_vector16(&reader);
        read.payload = reader_vector16(&reader);
    }
    bool is_known = type == ECH_TYPE_INNER || (type == ECH_TYPE_OUTER && read.payload.size != 0);
    if (!reader_done(&reader) || !is_known)
        return PARSE_MALFORMED;
    *ech = read;
    return PARSE_OK;
}

bool ech_extension_is_padded(const struct ech_extension *ech) {
    return ech->payload.size % PADDING_STEP == TAG_SIZE;
}
