/*
 * fuzz_config.c - one input as a configuration file: it is refused with at least one error, each in
 * its place and printable, or it is taken, and then every value lies in its range and every list
 * can be used.
 */
#include "config_sections.h"
#include "tls_messages.h"

#include <ctype.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct config_errors errors;

static void check_errors(size_t size) {
    DEMAND(errors.count > 0);
    for (size_t i = 0; i < errors.count && i < CONFIG_MAX_ERRORS; i++) {
        const struct config_error *error = &errors.kept[i];
        DEMAND(error->text[0] != '\0');
        DEMAND(error->line <= size + 2 && error->column <= size + 2);
        DEMAND(i == 0 || error->line >= errors.kept[i - 1].line);
        for (const char *byte = error->text; *byte != '\0'; byte++)
            DEMAND(*byte >= ' ' && *byte <= '~');
    }
}

static void check_value(const struct config_key *key) {
    uint64_t value = key->min;
    const char *text = "";
    if (key->type == CONFIG_COUNT)
        value = *(const size_t *)key->target;
    if (key->type == CONFIG_DEPTH)
        value = *(const unsigned *)key->target;
    if (key->type == CONFIG_DURATION)
        value = *(const uint64_t *)key->target;
    if (key->type == CONFIG_THRESHOLD)
        value = rule_threshold_get(key->threshold, key->target);
    if (key->type == CONFIG_TEXT && *(const char *const *)key->target != NULL)
        text = *(const char *const *)key->target;
    DEMAND(value >= key->min && value <= key->max);
    DEMAND(strlen(text) <= CONFIG_MAX_TEXT);
}

static void check_nets(const struct net_list *list) {
    for (size_t i = 0; i < list->count; i++) {
        const struct ip_net *net = &list->nets[i];
        DEMAND(net->ip_version == 4 || net->ip_version == 6);
        DEMAND(net->bits <= (net->ip_version == 4 ? 32 : 128));
        DEMAND(ip_net_contains(net, &net->address, net->ip_version));
        for (size_t bit = net->bits; bit < 128; bit++)
            DEMAND(!(net->address.bytes[bit / 8] & 0x80U >> bit % 8));
    }
}

static void check_selector(const struct selector *where) {
    check_nets(&where->clients);
    check_nets(&where->servers);
    for (size_t i = 0; i < where->domains.count; i++) {
        const struct domain_pattern *pattern = &where->domains.patterns[i];
        DEMAND(pattern->size == strlen(pattern->name) && pattern->size > 0);
        DEMAND(pattern->is_suffix == (pattern->name[0] == '.'));
        for (size_t at = 0; at < pattern->size; at++)
            DEMAND(!isupper((unsigned char)pattern->name[at]));
    }
}

static bool is_anywhere(const struct selector *where) {
    return where->clients.count + where->servers.count + where->domains.count == 0;
}

static void check_entries(const struct judge_config *judge) {
    static const struct handshake handshake = {.ip_version = 4};
    static const struct domain domain = {.name = "www.example.org"};
    for (size_t i = 0; i < judge->exceptions.count; i++) {
        const struct exception *exception = &judge->exceptions.list[i];
        check_selector(&exception->where);
        DEMAND(exception->rules != 0 && exception->rules >> rules_count == 0);
        DEMAND(exception->reason != NULL);
        DEMAND(!is_anywhere(&exception->where) || exception->ja4_count > 0);
        for (size_t at = 0; at < exception->ja4_count; at++)
            DEMAND(strlen(exception->ja4[at]) == 36);
    }
    for (size_t i = 0; i < judge->expectations.count; i++) {
        const struct expected_server *server = &judge->expectations.list[i];
        check_selector(&server->where);
        DEMAND(!is_anywhere(&server->where) && server->reason != NULL);
        DEMAND(server->range.min >= TLS_RANK_SSLV2 && server->range.max <= TLS_RANK_1_3);
        DEMAND(server->range.min <= server->range.max && server->range.pool != NULL);
    }
    (void)exceptions_find(&judge->exceptions, NULL, 0, &handshake, &domain);
    (void)expectations_find(&judge->expectations, &handshake, &domain);
}

static void check_config(struct config *config) {
    struct config_section sections[CONFIG_SECTION_COUNT];
    config_sections_bind(config, sections);
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++)
        for (size_t j = 0; j < sections[i].key_count; j++)
            check_value(&sections[i].keys[j]);
    for (size_t i = 0; i < rules_count; i++) {
        struct config_key keys[CONFIG_SECTION_KEYS];
        bool is_on = false;
        size_t count = config_rule_keys(config, i, &is_on, keys);
        for (size_t j = 0; j < count; j++)
            check_value(&keys[j]);
        enum rule_severity severity = config->pipeline.judge.severities[i];
        DEMAND(severity >= RULE_SEVERITY_HIGH && severity <= RULE_SEVERITY_LOW);
    }
    DEMAND(config->pipeline.judge.rules_on >> rules_count == 0);
    DEMAND(config_is_name(config->pipeline.sensor));
    DEMAND(config->pipeline.flow.handshakes <= config->pipeline.flow.flows);
    check_entries(&config->pipeline.judge);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct span input = exact_copy(data, size);
    struct config *config = config_parse((const char *)input.data, input.size, &errors);
    exact_free(input); /* a config points into nothing of its text */
    if (config != NULL) {
        DEMAND(errors.count == 0);
        check_config(config);
    } else {
        check_errors(size);
    }
    config_delete(config);
    return 0;
}
