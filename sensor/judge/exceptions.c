/*
 * exceptions.c - asked for each finding, which are few (exceptions.h). A fingerprint costs as much
 * as reading the hello did, so it is computed only when all else fits.
 */
#include "exceptions.h"

#include "fingerprint.h"

bool exceptions_want_ja4(const struct exceptions *exceptions) {
    for (size_t i = 0; i < exceptions->count; i++) {
        if (exceptions->list[i].ja4_count > 0)
            return true;
    }
    return false;
}

/* The fingerprint of the handshake at hand, once it was asked for. */
struct asked {
    struct fingerprinter *fingerprinter;
    const struct handshake *handshake;
    bool is_known;
    struct fingerprints fingerprints;
};

static bool ja4_matches(const struct exception *exception, struct asked *asked) {
    if (exception->ja4_count == 0)
        return true;
    if (asked->fingerprinter == NULL)
        return false;
    if (!asked->is_known)
        fingerprints_of(asked->fingerprinter, asked->handshake, &asked->fingerprints);
    asked->is_known = true;
    for (size_t i = 0; asked->fingerprints.has_ja4 && i < exception->ja4_count; i++) {
        if (strcmp(exception->ja4[i], asked->fingerprints.ja4) == 0)
            return true;
    }
    return false;
}

const struct exception *exceptions_find(const struct exceptions *exceptions,
                                        struct fingerprinter *fingerprinter, size_t rule,
                                        const struct handshake *handshake,
                                        const struct domain *domain) {
    struct asked asked = {.fingerprinter = fingerprinter, .handshake = handshake};
    for (size_t i = 0; i < exceptions->count; i++) {
        const struct exception *exception = &exceptions->list[i];
        if ((exception->rules >> rule & 1U) != 0 &&
            selector_matches(&exception->where, handshake, domain) &&
            ja4_matches(exception, &asked))
            return exception;
    }
    return NULL;
}
