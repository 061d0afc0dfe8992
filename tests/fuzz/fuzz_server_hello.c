/*
 * fuzz_server_hello.c - one input as a ServerHello, as a draft's HelloRetryRequest and as an SSLv2
 * SERVER-HELLO; everything that comes out is walked.
 */
#include "tls_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span input = exact_copy(data, size);
    struct server_hello hello;
    struct sslv2_server_hello sslv2_hello;
    size_t consumed = 0;
    if (server_hello_parse(input, &hello) == PARSE_OK)
        server_hello_walk(&hello, input);
    if (draft_hello_retry_request_parse(input, &hello) == PARSE_OK)
        server_hello_walk(&hello, input);
    if (sslv2_server_hello_parse(input, &sslv2_hello, &consumed) == PARSE_OK) {
        DEMAND(consumed <= size);
        span_walk(sslv2_hello.cipher_specs, input);
    }
    exact_free(input);
    return 0;
}
