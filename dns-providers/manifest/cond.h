/*
 * Conditions of manifests: `{set: zone.kind}`, `{var: out.state, is: done}`, `{ptr: /success, is: true}`, `{not: ...}`, `{all: [...]}`, `{any: [...]}`.
 *
 * Tests: is, in, starts, empty. Values are compared as texts, so 4001 and "4001" are equal.
 */
#ifndef MANIFEST_COND_H
#define MANIFEST_COND_H

#include "dns-providers/manifest/template.h"

/* answer: what `ptr` looks into, or NULL. A condition that looks at a secret beyond whether it is set is refused. Kind CONFIG. */
bool cond_holds(const struct template_context *context, const struct json *cond,
                const struct json *answer, bool *ret, struct err *err);

#endif
