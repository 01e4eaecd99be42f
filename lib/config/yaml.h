/*
 * YAML with line marks. The only door to libyaml.
 *
 * A document becomes one JSON tree (plain scalars true/false, null and decimal integers get
 * their JSON type, all else is text; quoted scalars are always text) plus the line and column of
 * every node, so that each later complaint can say where. Capped: 1 MiB, depth 32, 100,000
 * nodes; anchors, aliases, tags, merge keys, duplicate keys and several documents are refused
 * with their place. A tab in the indentation gets a sentence of its own.
 */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include "base/json.h"

struct yaml;
/* file is only a name for messages. Kind CONFIG: "sets.d/shop.yaml:3:1: a tab cannot indent
 * YAML; use spaces". */
bool yaml_parse(struct str text, const char *file, struct yaml **ret_doc, struct err *err);
void yaml_free(struct yaml *doc);
void yaml_fini(struct yaml **doc);
const struct json *yaml_tree(const struct yaml *doc);
const char *yaml_file(const struct yaml *doc);
/* Places are 1-based; 0 when unknown. doc may be NULL, and a node need not come from it: then
 * the place is unknown. All true, all false and all null values of a tree are one node each,
 * so a place of theirs can only be told from the container: ask yaml_value_place or
 * yaml_item_place wherever the container is at hand. yaml_place knows them only when the
 * value stands once in the document. */
void yaml_place(const struct yaml *doc, const struct json *node, int *ret_line, int *ret_column);
void yaml_key_place(const struct yaml *doc, const struct json *object, const char *key,
                    int *ret_line, int *ret_column);
void yaml_value_place(const struct yaml *doc, const struct json *object, const char *key,
                      int *ret_line, int *ret_column);
void yaml_item_place(const struct yaml *doc, const struct json *array, size_t i, int *ret_line,
                     int *ret_column);
/* True when the text stood without quotes: 0640, not "0640". */
bool yaml_is_plain(const struct yaml *doc, const struct json *node);

#endif
