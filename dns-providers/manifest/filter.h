/* One filter of a template applied to one value; for template.c only. */
#ifndef MANIFEST_FILTER_H
#define MANIFEST_FILTER_H

#include "dns-providers/manifest/template.h"

enum { FILTER_ARGUMENTS_MAX = 32 };
enum filter {
#define X(id, name, n_least, n_most, sentence) FILTER_##id,
#include "dns-providers/manifest/filters.def"
#undef X
    FILTER_N
};
bool filter_find(struct str name, enum filter *ret);
const char *filter_name(enum filter filter);
/* Has it so many arguments, and are they of the right kind (a number, a known algorithm)? Kind CONFIG. */
bool filter_check(enum filter filter, const struct str *arguments, size_t n, struct err *err);
/* Which argument names a variable; FILTER_ARGUMENTS_MAX: none. */
size_t filter_variable(enum filter filter);
/* value is changed in place; NONE is refused by all but OR, UUID and NONCE. Kind CONFIG. */
bool filter_apply(const struct template_context *context, enum filter filter,
                  const struct str *arguments, size_t n, struct value *value, struct err *err);

#endif
