#include "openvpn.h"

#include "tls_handshake.h"
#include "tls_record.h"

enum { KEY_ID_MASK = 0x07, OPCODE_SHIFT = 3 };

enum parse_status openvpn_packet_parse(struct span bytes, size_t auth_size,
                                       struct openvpn_packet *packet) {
    struct reader reader = reader_of(bytes);
    uint8_t first = reader_u8(&reader);
    struct openvpn_packet read = {.opcode = (uint8_t)(first >> OPCODE_SHIFT),
                                  .key_id = first & KEY_ID_MASK};
    switch ((enum openvpn_opcode)read.opcode) {
    case OPENVPN_HARD_RESET_CLIENT_V1:
    case OPENVPN_HARD_RESET_SERVER_V1:
    case OPENVPN_SOFT_RESET_V1:
    case OPENVPN_CONTROL_V1:
    case OPENVPN_ACK_V1:
    case OPENVPN_HARD_RESET_CLIENT_V2:
    case OPENVPN_HARD_RESET_SERVER_V2:
        break;
    case OPENVPN_DATA_V1:
    case OPENVPN_DATA_V2:
    default:
        return PARSE_FOREIGN;
    }
    read.session_id = reader_take(&reader, OPENVPN_SESSION_ID_SIZE);
    reader_skip(&reader, auth_size);
    size_t count = reader_u8(&reader);
    read.acknowledged = reader_take(&reader, count * sizeof(uint32_t));
    reader_skip(&reader, count ? OPENVPN_SESSION_ID_SIZE : 0); /* the other side's */
    if (read.opcode != OPENVPN_ACK_V1)
        read.message_id = reader_u32(&reader);
    read.payload = reader_take_rest(&reader);
    if (!reader_ok(&reader) || count > OPENVPN_MAX_ACKS)
        return PARSE_MALFORMED;
    *packet = read;
    return PARSE_OK;
}

bool openvpn_is_from_client(const struct openvpn_packet *packet) {
    return packet->opcode != OPENVPN_HARD_RESET_SERVER_V1 &&
           packet->opcode != OPENVPN_HARD_RESET_SERVER_V2;
}

/* A record that begins with a ClientHello. */
static bool begins_client_hello(struct span payload) {
    struct tls_record_header header;
    return tls_record_header_parse(payload, &header) == PARSE_OK && header.type == TLS_HANDSHAKE &&
           payload.size > TLS_RECORD_HEADER_SIZE &&
           payload.data[TLS_RECORD_HEADER_SIZE] == TLS_CLIENT_HELLO;
}

/* With this much between, is everything in its place? */
static bool opens_session_with(struct span bytes, size_t auth_size) {
    struct openvpn_packet packet;
    uint32_t acknowledged = 0;
    if (openvpn_packet_parse(bytes, auth_size, &packet) != PARSE_OK)
        return false;
    if (packet.opcode == OPENVPN_CONTROL_V1)
        return packet.message_id == 1 && begins_client_hello(packet.payload);
    struct reader list = reader_of(packet.acknowledged);
    if (!openvpn_is_from_client(&packet)) /* answers message 0 */
        acknowledged = reader_u32(&list);
    return reader_done(&list) && acknowledged == 0 && packet.message_id == 0 &&
           packet.payload.size == 0;
}

bool openvpn_opens_session(struct span bytes, size_t *auth_size) {
    /* None, or HMACs of MD5, SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512, each with packet number
     * and time. */
    static const uint8_t sizes[] = {0, 16 + 8, 20 + 8, 28 + 8, 32 + 8, 48 + 8, 64 + 8};
    static const uint8_t nothing[OPENVPN_SESSION_ID_SIZE];
    struct reader reader = reader_of(bytes);
    uint8_t first = reader_u8(&reader);
    uint8_t opcode = (uint8_t)(first >> OPCODE_SHIFT);
    if ((first & KEY_ID_MASK) != 0 ||
        (opcode != OPENVPN_HARD_RESET_CLIENT_V1 && opcode != OPENVPN_HARD_RESET_SERVER_V1 &&
         opcode != OPENVPN_HARD_RESET_CLIENT_V2 && opcode != OPENVPN_HARD_RESET_SERVER_V2 &&
         opcode != OPENVPN_CONTROL_V1))
        return false;
    struct span session_id = reader_take(&reader, OPENVPN_SESSION_ID_SIZE);
    if (span_equal(session_id, span_of(nothing, sizeof nothing)))
        return false;
    for (size_t i = 0; i < sizeof sizes; i++) {
        if (!opens_session_with(bytes, sizes[i]))
            continue;
        *auth_size = sizes[i];
        return true;
    }
    return false;
}
