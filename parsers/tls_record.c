#include "tls_record.h"

static bool may_begin_record(struct span bytes) {
    if (bytes.size >= 1 &&
        (bytes.data[0] < TLS_CHANGE_CIPHER_SPEC || bytes.data[0] > TLS_HEARTBEAT))
        return false;
    return bytes.size < 2 || bytes.data[1] == 0x03 || bytes.data[1] == 0x7f;
}

enum parse_status tls_record_header_parse(struct span bytes, struct tls_record_header *header) {
    if (!may_begin_record(bytes))
        return PARSE_FOREIGN;
    if (bytes.size < TLS_RECORD_HEADER_SIZE)
        return PARSE_MORE;
    struct reader reader = {bytes.data, bytes.data + TLS_RECORD_HEADER_SIZE, false};
    uint8_t type = reader_u8(&reader);
    uint16_t version = reader_u16(&reader);
    uint16_t length = reader_u16(&reader);
    if (length > TLS_RECORD_MAX_FRAGMENT)
        return PARSE_FOREIGN;
    *header = (struct tls_record_header){type, version, length};
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
