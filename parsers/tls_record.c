#include "tls_record.h"

enum parse_status tls_record_header_parse(struct span bytes, struct tls_record_header *header) {
    struct reader reader = reader_of(bytes);
    uint8_t type = reader_u8(&reader);
    uint8_t major = reader_u8(&reader);
    uint8_t minor = reader_u8(&reader);
    uint16_t length = reader_u16(&reader);
    if (bytes.size >= 1 && (type < TLS_CHANGE_CIPHER_SPEC || type > TLS_HEARTBEAT))
        return PARSE_FOREIGN;
    if (bytes.size >= 2 && major != 0x03 && major != 0x7f)
        return PARSE_FOREIGN;
    if (!reader_ok(&reader))
        return PARSE_MORE;
    if (length > TLS_RECORD_MAX_FRAGMENT)
        return PARSE_FOREIGN;
    *header = (struct tls_record_header){type, (uint16_t)((unsigned)major << 8U | minor), length};
    return PARSE_OK;
}

enum parse_status tls_alert_parse(struct span fragment, struct tls_alert *alert) {
    struct reader reader = reader_of(fragment);
    uint8_t level = reader_u8(&reader);
    uint8_t description = reader_u8(&reader);
    if (!reader_done(&reader) || level < 1 || level > 2)
        return PARSE_MALFORMED;
    *alert = (struct tls_alert){level, description};
    return PARSE_OK;
}
