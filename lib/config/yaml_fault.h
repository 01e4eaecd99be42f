/*
 * What libyaml says of a broken file, in words for the person who wrote it: the commonest slips
 * (a tab, an unquoted wildcard, a missing quote, a wrong indentation) each have a sentence that
 * says how to write it instead.
 */
#ifndef CONFIG_YAML_FAULT_H
#define CONFIG_YAML_FAULT_H

#include "base/buf.h"

#include <yaml.h>

/* Both return false; kind CONFIG, text "file:line:column: ...". */
bool yaml_fault(const yaml_parser_t *parser, struct str text, const char *file, struct err *err);
/* A text that begins with a letter YAML keeps for itself, at this 0-based mark: "*.example.com". */
bool yaml_fault_indicator(struct str text, const char *file, yaml_mark_t mark, struct err *err);
/* Place of a byte, 1-based, columns in characters. */
void yaml_fault_place(struct str text, size_t offset, int *ret_line, int *ret_column);

#endif
