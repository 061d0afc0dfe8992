/*
 * config_lists.c - see config_lists.h.
 */
#include "config_lists.h"

#include <arpa/inet.h>

/* The items of a list: its children, or the text itself. Complains of what is neither. */
static bool open_list(const struct config_reader *reader, const char *path,
                      const struct config_node *node, const struct config_node **first,
                      size_t *count) {
    *first = node->kind == CONFIG_NODE_LIST ? node->first : node;
    *count = node->kind == CONFIG_NODE_LIST ? node->count : 1;
    if (node->kind == CONFIG_NODE_MAP) {
        config_complain(reader, node, path,
                        "a mapping stands where a list belongs; write [ONE, TWO]");
        return false;
    }
    if (*count == 0 || config_node_is_empty(node)) {
        config_complain(reader, node, path,
                        "the list is empty; put something in or leave the key out");
        return false;
    }
    if (*count > CONFIG_MAX_ITEMS) {
        config_complain(reader, node, path, "%zu items; %d at most", *count, CONFIG_MAX_ITEMS);
        return false;
    }
    return true;
}

static bool is_item(const struct config_reader *reader, const char *path,
                    const struct config_node *item) {
    if (item->kind == CONFIG_NODE_TEXT && item->text[0] != '\0')
        return true;
    config_complain(reader, item, path, "%s stands where one word belongs; take it out",
                    item->kind == CONFIG_NODE_TEXT ? "nothing" : config_node_kind_name(item));
    return false;
}

static bool read_rule(const struct config_reader *reader, const char *path,
                      const struct config_node *item, uint32_t *rules) {
    const char *kinds[JUDGE_MAX_RULES];
    char hint[CONFIG_HINT_SIZE];
    if (!is_item(reader, path, item))
        return false;
    for (size_t i = 0; i < rules_count && i < JUDGE_MAX_RULES; i++) {
        kinds[i] = rules_all[i]->kind;
        if (strcmp(item->text, kinds[i]) != 0)
            continue;
        *rules |= 1U << i;
        return true;
    }
    if (strcmp(item->text, "all") == 0) {
        *rules |= (uint32_t)((UINT64_C(1) << rules_count) - 1U);
        return true;
    }
    config_complain(reader, item, path, "there is no rule '%.40s'; %s", item->text,
                    config_hint(item->text, kinds, rules_count, hint));
    return false;
}

bool config_read_rules(const struct config_reader *reader, const char *path,
                       const struct config_node *node, uint32_t *rules) {
    const struct config_node *item = NULL;
    size_t count = 0;
    *rules = 0;
    if (!open_list(reader, path, node, &item, &count))
        return false;
    bool is_good = true;
    for (; count > 0; count--, item = item->next)
        is_good = read_rule(reader, path, item, rules) && is_good;
    return is_good;
}

/* ---- networks ---- */

/* Clears what lies past the prefix; true when anything did. */
static bool clear_host_bits(struct ip_net *net) {
    bool had_any = false;
    size_t size = net->ip_version == 4 ? 4 : 16;
    for (size_t i = 0; i < size; i++) {
        unsigned kept = net->bits > 8 * i ? net->bits - 8U * (unsigned)i : 0;
        uint8_t mask = (uint8_t)(kept >= 8 ? 0xffU : 0xff00U >> kept);
        had_any = had_any || (net->address.bytes[i] & ~(unsigned)mask) != 0;
        net->address.bytes[i] = (uint8_t)(net->address.bytes[i] & mask);
    }
    return had_any;
}

static bool read_address(const char *text, size_t size, struct ip_net *net) {
    char address[IP_ADDRESS_TEXT_SIZE];
    if (size >= sizeof address)
        return false;
    memcpy(address, text, size);
    address[size] = '\0';
    net->ip_version = 4;
    if (inet_pton(AF_INET, address, net->address.bytes) == 1)
        return true;
    net->ip_version = 6;
    return inet_pton(AF_INET6, address, net->address.bytes) == 1;
}

/* One to three digits up to `most`. */
static bool read_bits(const char *text, unsigned most, uint8_t *bits) {
    unsigned number = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 3 || text[digits] != '\0')
        return false;
    for (size_t i = 0; i < digits; i++)
        number = number * 10 + (unsigned)(text[i] - '0');
    *bits = (uint8_t)number;
    return number <= most;
}

static bool read_net(const struct config_reader *reader, const char *path,
                     const struct config_node *item, struct ip_net *net) {
    if (!is_item(reader, path, item))
        return false;
    const char *text = item->text;
    size_t size = strcspn(text, "/");
    if (!read_address(text, size, net)) {
        config_complain(reader, item, path,
                        "'%.60s' is no network; write an address with a prefix length, such as "
                        "192.0.2.0/24 or 2001:db8::/32 (names go under 'domain')",
                        text);
        return false;
    }
    unsigned most = net->ip_version == 4 ? 32 : 128;
    net->bits = (uint8_t)most;
    if (text[size] == '/' && !read_bits(text + size + 1, most, &net->bits)) {
        config_complain(reader, item, path,
                        "'%.60s' has no good prefix length; it goes from 0 to %u", text, most);
        return false;
    }
    struct ip_net whole = *net;
    if (clear_host_bits(net)) {
        char meant[IP_ADDRESS_TEXT_SIZE];
        char one[IP_ADDRESS_TEXT_SIZE];
        ip_address_format(&net->address, net->ip_version, meant);
        ip_address_format(&whole.address, net->ip_version, one);
        config_complain(reader, item, path,
                        "'%.60s' has bits set past its prefix; write %s/%u for the network, %s for "
                        "the one address",
                        text, meant, (unsigned)net->bits, one);
        return false;
    }
    return true;
}

bool config_read_nets(const struct config_reader *reader, const char *path,
                      const struct config_node *node, struct net_list *list) {
    const struct config_node *item = NULL;
    size_t count = 0;
    if (!open_list(reader, path, node, &item, &count))
        return false;
    struct ip_net *nets = config_arena_take(reader->arena, count, sizeof *nets);
    if (nets == NULL) {
        config_complain(reader, node, path, "out of memory");
        return false;
    }
    bool is_good = true;
    *list = (struct net_list){nets, count};
    for (; count > 0; count--, item = item->next)
        is_good = read_net(reader, path, item, nets++) && is_good;
    return is_good;
}

/* ---- domains ---- */

/* Why this cannot be a name; NULL when it can. `name` is without the "*." and the last dot. */
static const char *find_fault(const char *name, size_t size) {
    enum { MAX_NAME = 253, MAX_LABEL = 63 };
    size_t label = 0;
    if (size == 0 || size > MAX_NAME)
        return "names have 1 to 253 characters; to mean every name leave the key out";
    for (size_t i = 0; i < size; i++) {
        char byte = name[i];
        bool is_letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        if (byte == '*')
            return "a star stands only at the beginning, for whole labels, as in *.example.org";
        if ((byte & 0x80) != 0)
            return "write it as it is on the wire, in ASCII: xn--...";
        if (byte == '/' || byte == ':')
            return "write only the name, without scheme, port or path; addresses go under 'server'";
        if (byte == '.' && label == 0)
            return "two dots follow each other, or one stands first; take it out";
        if (byte != '.' && byte != '-' && byte != '_' && !is_letter && (byte < '0' || byte > '9'))
            return "names have letters, digits, '-', '_' and dots";
        label = byte == '.' ? 0 : label + 1;
        if (label > MAX_LABEL)
            return "between two dots are 63 characters at most";
    }
    struct ip_net unused;
    if (read_address(name, size, &unused))
        return "that is an address; it goes under 'server'";
    return NULL;
}

static bool read_domain(const struct config_reader *reader, const char *path,
                        const struct config_node *item, struct domain_pattern *pattern) {
    if (!is_item(reader, path, item))
        return false;
    const char *text = item->text;
    bool is_suffix = strncmp(text, "*.", 2) == 0;
    const char *name = is_suffix ? text + 2 : text;
    size_t size = strlen(name);
    size -= size > 0 && name[size - 1] == '.';
    const char *fault = find_fault(name, size);
    if (fault != NULL) {
        config_complain(reader, item, path, "'%.60s' is no domain; %s", text, fault);
        return false;
    }
    size_t offset = is_suffix ? 1 : 0; /* the dot stays */
    char *copy = config_arena_copy(reader->arena, name - offset, size + offset);
    if (copy == NULL) {
        config_complain(reader, item, path, "out of memory");
        return false;
    }
    for (char *byte = copy; *byte != '\0'; byte++)
        *byte = (char)(*byte >= 'A' && *byte <= 'Z' ? *byte - 'A' + 'a' : *byte);
    *pattern = (struct domain_pattern){copy, size + offset, is_suffix};
    return true;
}

bool config_read_domains(const struct config_reader *reader, const char *path,
                         const struct config_node *node, struct domain_list *list) {
    const struct config_node *item = NULL;
    size_t count = 0;
    if (!open_list(reader, path, node, &item, &count))
        return false;
    struct domain_pattern *patterns = config_arena_take(reader->arena, count, sizeof *patterns);
    if (patterns == NULL) {
        config_complain(reader, node, path, "out of memory");
        return false;
    }
    bool is_good = true;
    *list = (struct domain_list){patterns, count};
    for (; count > 0; count--, item = item->next)
        is_good = read_domain(reader, path, item, patterns++) && is_good;
    return is_good;
}

/* ---- fingerprints ---- */

/* By its letters: d digit, x hexadecimal digit, a letter or digit; any other stands for itself. */
static bool has_form(const char *text, const char *form) {
    static const char *const classes[] = {
        ['d'] = "0123456789",
        ['x'] = "0123456789abcdef",
        ['a'] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        ['t'] = "tqd",
        ['i'] = "di",
    };
    size_t size = strlen(form);
    for (size_t i = 0; i < size; i++) {
        const char *wanted = form[i] == '_' ? "_" : classes[(unsigned char)form[i]];
        if (text[i] == '\0' || strchr(wanted, text[i]) == NULL)
            return false;
    }
    return text[size] == '\0';
}

static bool read_fingerprint(const struct config_reader *reader, const char *path,
                             const struct config_node *item, const char **ja4) {
    if (!is_item(reader, path, item))
        return false;
    if (!has_form(item->text, "taaiddddaa_xxxxxxxxxxxx_xxxxxxxxxxxx")) {
        config_complain(reader, item, path,
                        "'%.60s' is no JA4; copy it from tls.ja4 of an EVE line, such as "
                        "t13d1516h2_8daaf6152771_02713d6af862",
                        item->text);
        return false;
    }
    *ja4 = config_arena_copy(reader->arena, item->text, strlen(item->text));
    if (*ja4 == NULL)
        config_complain(reader, item, path, "out of memory");
    return *ja4 != NULL;
}

bool config_read_ja4(const struct config_reader *reader, const char *path,
                     const struct config_node *node, struct config_texts *list) {
    const struct config_node *item = NULL;
    size_t count = 0;
    if (!open_list(reader, path, node, &item, &count))
        return false;
    const char **texts = config_arena_take(reader->arena, count, sizeof *texts);
    if (texts == NULL) {
        config_complain(reader, node, path, "out of memory");
        return false;
    }
    bool is_good = true;
    *list = (struct config_texts){texts, count};
    for (; count > 0; count--, item = item->next)
        is_good = read_fingerprint(reader, path, item, texts++) && is_good;
    return is_good;
}
