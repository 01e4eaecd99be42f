/*
 * What a request line asks for: the words of its path and the fields of its query, decoded. Pure.
 *
 * "/v1/locks/a%2Eb?wait_s=5" -> words v1, locks, a.b; wait_s = 5. Refused (CONFIG): what is no path, broken or doubled escapes of control bytes,
 * what is no UTF-8, too many words or fields, a field twice.
 */
#ifndef CMD_HTTP_TARGET_H
#define CMD_HTTP_TARGET_H

#include "base/buf.h"
#include "base/err.h"

enum { TARGET_WORDS_MAX = 6, TARGET_FIELDS_MAX = 8, TARGET_TEXT_MAX = 300 };
struct target {
    char words[TARGET_WORDS_MAX][TARGET_TEXT_MAX + 1];
    size_t n_words;
    struct {
        char name[32], value[TARGET_TEXT_MAX + 1];
    } fields[TARGET_FIELDS_MAX];
    size_t n_fields;
};
bool target_parse(struct str text, struct target *ret, struct err *err);
/* NULL when it was not given. */
const char *target_field(const struct target *target, const char *name);

#endif
