/*
 * fuzz_key_exchange.c - two bytes of cipher suite, then a ServerKeyExchange message.
 */
#include "tls_key_exchange.h"
#include "tls_messages.h"
#include "tls_names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    uint16_t suite = (uint16_t)((unsigned)data[0] << 8U | data[1]);
    struct span input = exact_copy(data + 2, size - 2);
    struct key_exchange read;
    char buffer[TLS_NAME_SIZE];
    DEMAND(strlen(tls_cipher_suite_name(suite, buffer)) < TLS_NAME_SIZE);
    if (key_exchange_parse(input, suite, &read) == PARSE_OK) {
        DEMAND(read.size_bits <= input.size * 8);
        DEMAND(read.kind == KEY_EXCHANGE_UNKNOWN || tls_cipher_suite_traits(suite) != 0);
        DEMAND(strlen(tls_group_name(read.group, buffer)) < TLS_NAME_SIZE);
    }
    exact_free(input);
    return 0;
}
