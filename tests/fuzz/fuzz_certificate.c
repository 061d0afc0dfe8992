/*
 * fuzz_certificate.c - one input as a Certificate message. A name that is found must lie inside,
 * and bytes that follow must not change it.
 */
#include "tls_certificate.h"
#include "tls_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span input = exact_copy(data, size);
    struct span name;
    enum parse_status status = certificate_name_parse(input, &name);
    DEMAND(status != PARSE_FOREIGN);
    if (status == PARSE_OK) {
        span_walk(name, input);
        uint8_t *bytes = malloc(size + 1);
        DEMAND(bytes != NULL);
        memcpy(bytes, data, size);
        bytes[size] = 0x30;
        struct span longer = span_of(bytes, size + 1);
        struct span again;
        DEMAND(certificate_name_parse(longer, &again) == PARSE_OK);
        DEMAND(span_equal(name, again));
        free(bytes);
    }
    exact_free(input);
    return 0;
}
