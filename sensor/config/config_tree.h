/*
 * config_tree.h - YAML text as a tree of nodes that know their places. libyaml's owner.
 *
 * Texts, lists and mappings, that is all: what a node means is its reader's business. What would
 * make a file mean something other than it seems to is refused with the place and a remedy: anchors
 * and aliases, tags, several documents, keys that are no plain texts, NUL in a text.
 */
#ifndef DOWNGRD_CONFIG_TREE_H
#define DOWNGRD_CONFIG_TREE_H

#include "config_arena.h"
#include "config_errors.h"

enum config_node_kind { CONFIG_NODE_TEXT, CONFIG_NODE_LIST, CONFIG_NODE_MAP };

enum { CONFIG_MAX_DEPTH = 8 }; /* of lists and mappings in each other; the deepest in use is 4 */

struct config_node {
    enum config_node_kind kind;
    bool is_quoted; /* a text in quotes, or a block of lines */
    unsigned line;  /* from 1 */
    unsigned column;
    const char *text;                /* of texts */
    const struct config_node *first; /* of lists, and of mappings: key, value, key, value, ... */
    const struct config_node *next;  /* after it in the same list or mapping */
    size_t count;                    /* of nodes from `first` on */
};

/*
 * The root in *root, or NULL there for a file without any content. False after an error, which is
 * then in *errors (one: what follows a syntax error means nothing). Nodes and texts live in
 * `arena`.
 */
bool config_tree_parse(const char *text, size_t size, struct config_arena *arena,
                       struct config_errors *errors, const struct config_node **root);

/* Nothing behind a key: `key:` or `key: ~`. */
bool config_node_is_empty(const struct config_node *node);
const char *config_node_kind_name(const struct config_node *node); /* "a text", "a list", ... */

#endif
