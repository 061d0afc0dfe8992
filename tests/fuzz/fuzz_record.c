/*
 * fuzz_record.c - one input as a stream of records: headers, alerts, handshake headers, and the
 * names of whatever numbers turn up.
 */
#include "tls_messages.h"
#include "tls_names.h"
#include "tls_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_fragment(uint8_t type, struct span fragment) {
    char buffer[TLS_NAME_SIZE];
    struct tls_alert alert;
    struct tls_handshake_header header;
    if (type == TLS_ALERT && tls_alert_parse(fragment, &alert) == PARSE_OK)
        DEMAND(strlen(tls_alert_name(alert.description, buffer)) < TLS_NAME_SIZE);
    if (type == TLS_HANDSHAKE && tls_handshake_header_parse(fragment, &header) == PARSE_OK)
        DEMAND(header.length < 1U << 24U);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span input = exact_copy(data, size);
    struct span rest = input;
    struct tls_record_header header;
    while (tls_record_header_parse(rest, &header) == PARSE_OK) {
        char buffer[TLS_NAME_SIZE];
        rest = span_from(rest, TLS_RECORD_HEADER_SIZE);
        DEMAND(strlen(tls_version_name(header.version, buffer)) < TLS_NAME_SIZE);
        DEMAND(tls_version_rank(header.version) < TLS_RANK_COUNT);
        struct span fragment = exact_copy(rest.data, span_first(rest, header.length).size);
        walk_fragment(header.type, fragment);
        exact_free(fragment);
        rest = span_from(rest, header.length);
    }
    exact_free(input);
    return 0;
}
