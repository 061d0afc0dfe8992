#include "packet.h"

const char *tunnel_type_name(enum tunnel_type type) {
    static const char *const names[TUNNEL_TYPE_COUNT] = {
        "ipip", "gre", "erspan", "vxlan", "geneve", "gtp-u", "capwap", "teredo", "pppoe"};
    return names[type];
}
