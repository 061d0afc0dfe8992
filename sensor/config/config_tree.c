/*
 * config_tree.c - libyaml's events put together (config_tree.h).
 *
 * libyaml says well where a text breaks off but not what to do about it: remedies[] adds that for
 * what people really get wrong.
 */
#include "config_tree.h"

#include <yaml.h>

struct open_node {
    struct config_node *node;
    const struct config_node **end; /* where the next child is linked */
};

struct builder {
    yaml_parser_t parser;
    const char *text;
    size_t size;
    struct config_arena *arena;
    struct config_errors *errors;
    struct open_node open[CONFIG_MAX_DEPTH];
    size_t depth;
    const struct config_node *root;
    size_t documents;
    bool is_done;
};

/* By what libyaml says, the more particular first. */
static const struct {
    const char *context;
    const char *problem;
    const char *remedy;
} remedies[] = {
    {"scanning an alias", "", "a text that begins with * needs quotes: \"*.example.org\""},
    {"scanning an anchor", "", "a text that begins with & needs quotes"},
    {"scanning for the next token", "cannot start any token",
     "indent with blanks, not tabs, and put a text that begins with a special character in quotes"},
    {"", "tab character", "indent with blanks, not tabs"},
    {"quoted scalar", "", "end the text with the same quote it began with"},
    {"", "mapping values are not allowed",
     "one 'key: value' a line, and quotes around a text with ': ' in it"},
    {"simple key", "", "write 'key: value' with a colon and a blank behind the key"},
    {"block mapping", "",
     "keys of one mapping begin in the same column; a list's items begin with '- '"},
    {"block collection", "",
     "items of one list begin in the same column, each with '- '; quotes around odd texts"},
    {"flow node", "", "put a text that begins with a special character in quotes, such as \"::1\""},
    {"flow sequence", "", "a list in brackets is [one, two], closed with ]"},
    {"flow mapping", "", "a mapping in braces is {key: value, key: value}, closed with }"},
    {"", "control characters", "the file holds bytes that are no text: save it as UTF-8"},
    {"", "UTF-8", "save the file as UTF-8"},
};

static unsigned place(size_t from_zero) {
    return from_zero < UINT32_MAX ? (unsigned)from_zero + 1 : UINT32_MAX;
}

static bool refuse(const struct builder *builder, const yaml_mark_t *mark, const char *text) {
    config_errors_add(builder->errors, place(mark->line), place(mark->column), "%s", text);
    return false;
}

/* Of bytes that are no text libyaml knows the offset only. */
static yaml_mark_t mark_at(const struct builder *builder, size_t offset) {
    yaml_mark_t mark = {.index = 0};
    for (size_t i = 0; i < offset && i < builder->size; i++) {
        mark.column++;
        if (builder->text[i] != '\n')
            continue;
        mark.line++;
        mark.column = 0;
    }
    return mark;
}

static bool refuse_syntax(const struct builder *builder) {
    const yaml_parser_t *parser = &builder->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "";
    const char *context = parser->context != NULL ? parser->context : "";
    const char *remedy = "compare with the sample configuration";
    if (parser->error == YAML_MEMORY_ERROR) {
        config_errors_add(builder->errors, 0, 0, "out of memory");
        return false;
    }
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
        if (strstr(context, remedies[i].context) != NULL &&
            strstr(problem, remedies[i].problem) != NULL) {
            remedy = remedies[i].remedy;
            break;
        }
    }
    yaml_mark_t mark = parser->error == YAML_READER_ERROR ? mark_at(builder, parser->problem_offset)
                                                          : parser->problem_mark;
    config_errors_add(builder->errors, place(mark.line), place(mark.column), "no YAML: %s%s%s; %s",
                      problem, context[0] != '\0' ? " " : "", context, remedy);
    return false;
}

static bool refuse_memory(const struct builder *builder) {
    config_errors_add(builder->errors, 0, 0, "out of memory");
    return false;
}

/* Adds a node to the list or mapping that is open. */
static bool add_node(struct builder *builder, enum config_node_kind kind, const yaml_mark_t *mark,
                     struct config_node **added) {
    struct open_node *parent = builder->depth > 0 ? &builder->open[builder->depth - 1] : NULL;
    bool is_key =
        parent != NULL && parent->node->kind == CONFIG_NODE_MAP && parent->node->count % 2 == 0;
    if (is_key && kind != CONFIG_NODE_TEXT)
        return refuse(builder, mark,
                      "a key is a list or a mapping; write a word there, as in 'key: value'");
    struct config_node *node = config_arena_take(builder->arena, 1, sizeof *node);
    if (node == NULL)
        return refuse_memory(builder);
    node->kind = kind;
    node->line = place(mark->line);
    node->column = place(mark->column);
    if (parent != NULL) {
        *parent->end = node;
        parent->end = &node->next;
        parent->node->count++;
    } else {
        builder->root = node;
    }
    *added = node;
    return true;
}

static bool open_node(struct builder *builder, enum config_node_kind kind,
                      const yaml_mark_t *mark) {
    struct config_node *node = NULL;
    if (builder->depth == CONFIG_MAX_DEPTH)
        return refuse(builder, mark,
                      "lists and mappings lie too deep in each other; nothing in a configuration "
                      "needs more than 4");
    if (!add_node(builder, kind, mark, &node))
        return false;
    builder->open[builder->depth++] = (struct open_node){node, &node->first};
    return true;
}

static bool take_text(struct builder *builder, const yaml_event_t *event) {
    const char *value = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    struct config_node *node = NULL;
    if (memchr(value, '\0', size) != NULL)
        return refuse(builder, &event->start_mark, "a text holds a NUL byte; take it out");
    if (!add_node(builder, CONFIG_NODE_TEXT, &event->start_mark, &node))
        return false;
    node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text = config_arena_copy(builder->arena, value, size);
    return node->text != NULL || refuse_memory(builder);
}

static bool has_properties(const yaml_char_t *anchor, const yaml_char_t *tag) {
    return anchor != NULL || tag != NULL;
}

static bool take_event(struct builder *builder, const yaml_event_t *event) {
    static const char no_properties[] =
        "anchors (&name), aliases (*name) and tags (!name) are not read; write the value itself, "
        "in quotes if it begins with one of these characters";
    const yaml_mark_t *mark = &event->start_mark;
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (builder->documents++ > 0)
            return refuse(builder, mark, "a second document begins; leave the line '---' out");
        return true;
    case YAML_SCALAR_EVENT:
        if (has_properties(event->data.scalar.anchor, event->data.scalar.tag))
            return refuse(builder, mark, no_properties);
        return take_text(builder, event);
    case YAML_SEQUENCE_START_EVENT:
        if (has_properties(event->data.sequence_start.anchor, event->data.sequence_start.tag))
            return refuse(builder, mark, no_properties);
        return open_node(builder, CONFIG_NODE_LIST, mark);
    case YAML_MAPPING_START_EVENT:
        if (has_properties(event->data.mapping_start.anchor, event->data.mapping_start.tag))
            return refuse(builder, mark, no_properties);
        return open_node(builder, CONFIG_NODE_MAP, mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        builder->depth--;
        return true;
    case YAML_ALIAS_EVENT:
        return refuse(builder, mark, no_properties);
    case YAML_STREAM_END_EVENT:
        builder->is_done = true;
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return true;
}

bool config_tree_parse(const char *text, size_t size, struct config_arena *arena,
                       struct config_errors *errors, const struct config_node **root) {
    struct builder builder = {.text = text, .size = size, .arena = arena, .errors = errors};
    bool is_good = true;
    *root = NULL;
    if (!yaml_parser_initialize(&builder.parser))
        return refuse_memory(&builder);
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, size);
    while (is_good && !builder.is_done) {
        yaml_event_t event;
        if (!yaml_parser_parse(&builder.parser, &event)) {
            is_good = refuse_syntax(&builder);
            break;
        }
        is_good = take_event(&builder, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&builder.parser);
    if (is_good)
        *root = builder.root;
    return is_good;
}

bool config_node_is_empty(const struct config_node *node) {
    return node->kind == CONFIG_NODE_TEXT && !node->is_quoted &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
            strcmp(node->text, "null") == 0);
}

const char *config_node_kind_name(const struct config_node *node) {
    static const char *const names[] = {
        [CONFIG_NODE_TEXT] = "a text",
        [CONFIG_NODE_LIST] = "a list",
        [CONFIG_NODE_MAP] = "a mapping",
    };
    return names[node->kind];
}
