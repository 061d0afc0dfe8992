/*
 * fuzz_client_hello.c - one input as a ClientHello of TLS, of DTLS and in SSLv2 framing; everything
 * that comes out is walked and must keep what tls_handshake.h promises.
 */
#include "tls_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span input = exact_copy(data, size);
    struct client_hello hello;
    size_t consumed = 0;
    if (client_hello_parse(input, false, &hello) == PARSE_OK)
        client_hello_walk(&hello, input);
    if (client_hello_parse(input, true, &hello) == PARSE_OK)
        client_hello_walk(&hello, input);
    if (client_hello_parse_sslv2(input, &hello, &consumed) == PARSE_OK) {
        DEMAND(consumed <= size && hello.is_sslv2);
        client_hello_walk(&hello, input);
    }
    exact_free(input);
    return 0;
}
