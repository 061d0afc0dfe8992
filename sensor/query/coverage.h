/* coverage.h - how much of the traffic behind a share was seen, and what the sensors lost: what
 * stands under every table of shares. */
#ifndef DOWNGRD_COVERAGE_H
#define DOWNGRD_COVERAGE_H

#include "health.h"
#include "usage_sums.h"

struct coverage {
    uint64_t handshakes;
    uint64_t negotiated;
    uint64_t legacy;
    uint64_t half_seen;
    uint64_t inconclusive;
    uint64_t clients_lost;
    bool is_of_all; /* of all domains, not of the rows that are shown only */
    struct health health;
    struct sensor_health total; /* of the sensors */
};

/* Of the sums' figures, and of the sensors' in the range. 0 or -errno. */
int coverage_read(const struct query *query, const struct usage_sums *sums,
                  struct coverage *coverage);
void coverage_deinit(struct coverage *coverage);

void coverage_print(const struct query *query, const struct coverage *coverage);
struct json_t *coverage_json(const struct coverage *coverage);

#endif
