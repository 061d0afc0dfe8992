/*
 * fuzz_fingerprint.c - one input as a ClientHello and as a ServerHello, and what JA3, JA3S and JA4
 * make of it: always of their shape, whatever the lists hold, and the same twice.
 */
#include "fingerprint.h"
#include "tls_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand_hex(const char *text, size_t digits) {
    DEMAND(strspn(text, "0123456789abcdef") >= digits);
}

static void demand_ja3(const struct ja3 *ja3) {
    DEMAND(strlen(ja3->hash) == JA3_HASH_SIZE - 1);
    demand_hex(ja3->hash, JA3_HASH_SIZE - 1);
    DEMAND(ja3->text_size <= JA3_TEXT_SIZE);
    for (size_t i = 0; i < ja3->text_size; i++)
        DEMAND((ja3->text[i] >= '0' && ja3->text[i] <= '9') || ja3->text[i] == ',' ||
               ja3->text[i] == '-');
}

static void demand_ja4(const char *ja4) {
    DEMAND(strlen(ja4) == JA4_SIZE - 1 && ja4[10] == '_' && ja4[23] == '_');
    DEMAND(strspn(ja4 + 4, "0123456789") >= 4);
    demand_hex(ja4 + 11, 12);
    demand_hex(ja4 + 24, 12);
    for (size_t i = 0; i < 10; i++)
        DEMAND((ja4[i] >= '0' && ja4[i] <= '9') || (ja4[i] >= 'A' && ja4[i] <= 'Z') ||
               (ja4[i] >= 'a' && ja4[i] <= 'z'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct fingerprinter *fingerprinter;
    static struct fingerprints first;
    static struct fingerprints second;
    if (fingerprinter == NULL)
        fingerprinter = fingerprinter_new();
    DEMAND(fingerprinter != NULL);
    struct span input = exact_copy(data, size);
    struct handshake handshake = {.protocol = HANDSHAKE_DTLS};
    if (client_hello_parse(input, false, &handshake.offer) == PARSE_OK)
        handshake.has |= HANDSHAKE_HAS_OFFER;
    if (server_hello_parse(input, &handshake.choice) == PARSE_OK)
        handshake.has |= HANDSHAKE_HAS_CHOICE;
    fingerprints_of(fingerprinter, &handshake, &first);
    fingerprints_of(fingerprinter, &handshake, &second);
    DEMAND(first.has_ja3 == ((handshake.has & HANDSHAKE_HAS_OFFER) != 0));
    DEMAND(first.has_ja4 == first.has_ja3);
    DEMAND(first.has_ja3s == ((handshake.has & HANDSHAKE_HAS_CHOICE) != 0));
    if (first.has_ja3) {
        demand_ja3(&first.ja3);
        DEMAND(strcmp(first.ja3.hash, second.ja3.hash) == 0);
    }
    if (first.has_ja3s)
        demand_ja3(&first.ja3s);
    if (first.has_ja4) {
        demand_ja4(first.ja4);
        DEMAND(strcmp(first.ja4, second.ja4) == 0);
    }
    exact_free(input);
    return 0;
}
