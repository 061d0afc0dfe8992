/*
 * rule.h - a rule is one file that defines one `const struct rule`, and one line in rules.c.
 *
 * A rule is a pure function of a finished handshake and the history; it keeps nothing, allocates
 * nothing, knows no clock. It returns RULE_HIT with a finding, RULE_PASS when the evidence says
 * there is nothing, RULE_UNKNOWN when evidence that it needs is missing: missing evidence is never
 * a pass and never a hit.
 *
 * The metadata is the documentation: `downgrd --rules` and `downgrdctl explain KIND` print it.
 */
#ifndef DOWNGRD_RULE_H
#define DOWNGRD_RULE_H

#include "handshake.h"
#include "history.h"

enum rule_class { RULE_ATTACK, RULE_POLICY, RULE_INFO };
enum rule_severity { RULE_SEVERITY_HIGH = 1, RULE_SEVERITY_MEDIUM = 2, RULE_SEVERITY_LOW = 3 };
enum rule_result { RULE_PASS, RULE_HIT, RULE_UNKNOWN };
enum rule_confidence { CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH };

enum { FINDING_MAX_EVIDENCE = 12, EVIDENCE_WHAT_SIZE = 48, EVIDENCE_TEXT_SIZE = 160 };

/* One compared fact. `packet` is the packet that shows it, 0 when no single one does. Text is
 * printable ASCII. */
struct evidence {
    char what[EVIDENCE_WHAT_SIZE];
    char expected[EVIDENCE_TEXT_SIZE];
    char observed[EVIDENCE_TEXT_SIZE];
    uint64_t packet;
};

struct finding {
    enum rule_confidence confidence;
    bool is_downgrade; /* it says that a version (or strength) both could do was not reached:
                          limiter becomes downgraded */
    size_t evidence_count;
    struct evidence evidence[FINDING_MAX_EVIDENCE];
};

/* What the configuration may change; rules_default_settings() gives the documented defaults. */
struct rule_settings {
    uint64_t fallback_window_us;    /* longest time between a failure and the lower try: 60 s */
    uint32_t regression_handshakes; /* better answers that make a lower one odd: 20 */
    uint32_t hybrid_handshakes;     /* post-quantum ones that make a classical one odd: 20 */
    uint32_t starttls_dialogues;    /* with TLS on offer that make one without odd: 3 */
    uint32_t dh_bits;               /* smaller Diffie-Hellman groups are weak: 1024 */
    enum tls_rank legacy_below;     /* legacy-version speaks of versions under this: TLS_RANK_1_2 */
};

/* One of them, as the rule that it belongs to declares it: `rules: KIND: NAME: VALUE` in the
 * configuration. The type says what lies at `field` of struct rule_settings. */
enum rule_threshold_type {
    THRESHOLD_DURATION, /* uint64_t, microseconds; written "60s" */
    THRESHOLD_COUNT,    /* uint32_t */
    THRESHOLD_VERSION,  /* enum tls_rank; written "tls1.2" */
};
struct rule_threshold {
    const char *name;
    enum rule_threshold_type type;
    size_t field;
    uint64_t min; /* in the field's units */
    uint64_t max;
    const char *meaning;
};

/* What a handshake and its history must have for a rule to hit: where it is not there, the rule
 * need not be asked. */
enum rule_need {
    NEED_OFFER = 1U << 0U,
    NEED_CHOICE = 1U << 1U,
    NEED_ANSWER = 1U << 2U,        /* a choice, or a retry */
    NEED_UNREACHED = 1U << 3U,     /* more was offered than was negotiated */
    NEED_BELOW_TLS_1_3 = 1U << 4U, /* no TLS 1.3 was offered */
    NEED_FALLBACK = 1U << 5U,      /* TLS_FALLBACK_SCSV was offered, or an alert was sent */
    NEED_HYBRID = 1U << 6U,        /* a key share for a post-quantum group was offered */
    NEED_SUSPECT = 1U << 7U,
    NEED_CONFLICT = 1U << 8U,
    NEED_DIALOGUE = 1U << 9U,
    NEED_MALFORMED = 1U << 10U,
    NEED_OTHER_OFFER = 1U << 11U, /* history: an earlier attempt that offered more or less */
    NEED_SERVER = 1U << 12U,      /* history: something is known of it */
    NEED_TWIN = 1U << 13U,
};
/* All of enum rule_need that is there. */
uint32_t rule_needs_met(const struct handshake *handshake, const struct history *history);

struct rule {
    const char *kind;      /* stable name, never reused: "downgrade-sentinel" */
    uint32_t signature_id; /* stable number for EVE's alert.signature_id */
    const char *title;     /* one line, what happened, for people */
    enum rule_class rule_class;
    enum rule_severity severity;
    bool on_by_default;
    const char *fires_when; /* prose for --rules and explain */
    const char *stays_silent_when;
    const char *confidence; /* how low, medium and high come about */
    const char *advice;     /* what the operator does next */
    const char *references; /* "RFC 8446 section 4.1.3; ATT&CK T1562.010" */

    /* Its evidence is what a TLS interception box leaves, too: not raised where the configuration
     * lists one. */
    bool is_left_by_interception;
    const struct rule_threshold *thresholds; /* NULL when it has none */
    size_t threshold_count;
    uint32_t needs; /* enum rule_need */
    enum rule_result (*check)(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding);
};

/* All rules, in the order they are run and printed. */
extern const struct rule *const rules_all[];
extern const size_t rules_count;

const struct rule *rules_find(const char *kind); /* NULL when there is none of that name */
void rules_default_settings(struct rule_settings *settings);

enum { RULE_VALUE_SIZE = 32, RULE_THRESHOLD_SIZE = 256 };
/* A threshold's value as the configuration writes it: "60s", "tls1.2", "3". Writes into a caller's
 * buffer and returns it. */
const char *rule_value_format(enum rule_threshold_type type, uint64_t value,
                              char buffer[RULE_VALUE_SIZE]);
/* "window: longest time between ...; 1s to 1h, default 60s" */
const char *rule_threshold_format(const struct rule_threshold *threshold,
                                  char buffer[RULE_THRESHOLD_SIZE]);
uint64_t rule_threshold_get(const struct rule_threshold *threshold,
                            const struct rule_settings *settings);
void rule_threshold_set(const struct rule_threshold *threshold, struct rule_settings *settings,
                        uint64_t value);

const char *rule_class_name(enum rule_class rule_class);           /* "attack", "policy", "info" */
const char *rule_confidence_name(enum rule_confidence confidence); /* "low", "medium", "high" */

/*
 * For rules: adds a line of evidence; `expected` and `observed` are formatted text, cut at
 * EVIDENCE_TEXT_SIZE. Past FINDING_MAX_EVIDENCE further lines are not kept. Bytes outside printable
 * ASCII become '?'.
 */
void finding_add(struct finding *finding, const char *what, uint64_t packet, const char *expected,
                 const char *observed);
/* printf-style helper for the texts: writes into a caller's buffer of EVIDENCE_TEXT_SIZE and
 * returns it. */
const char *finding_text(char buffer[EVIDENCE_TEXT_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
