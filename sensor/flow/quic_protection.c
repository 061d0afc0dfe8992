#include "quic_protection.h"

#include <stdlib.h>

struct quic_protection {
    int unused;
};

struct quic_protection *quic_protection_new(void) {
    return calloc(1, sizeof(struct quic_protection));
}

void quic_protection_delete(struct quic_protection *protection) {
    free(protection);
}
