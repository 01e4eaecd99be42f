/*
 * Hooks: the programs `check` and `activate` of a target. What they are told, and what their end
 * means.
 */
#ifndef DISTRIBUTION_HOOK_H
#define DISTRIBUTION_HOOK_H

#include "inventory/config.h"
#include "inventory/held.h"
#include "io/process.h"

enum { HOOK_TRY_LATER = 75, HOOK_TEXT_MAX = 200 };

/* What one delivery tells: fresh texts, NULL-terminated; release with hook_environment_free. */
char **hook_environment(const struct certificate *certificate, const char *set, const char *dir,
                        const char *version, int64_t n_tries);
/* What several deliveries that share an activation tell. sets: by blanks. */
char **hook_environment_shared(const char *sets, int64_t n_tries);
void hook_environment_free(char **environment);

/* "nginx -t", for a person: words by blanks, escaped, cut. */
void hook_name(const char *const *argv, struct buf *out);
/* True when the words, or a script among them, speak of the CHANCERY_ variables that only one
 * delivery has, and not of CHANCERY_SETS: then the program asks which delivery it runs for. It
 * looks at text only; what another program asks on its behalf is not seen. */
bool hook_is_personal(const char *const *argv);
/* True when the program did what it was asked to; else why: AGAIN (exit code 75, the deadline),
 * REFUSED (any other end; the last line that it said is in the text) or the kind of start_err,
 * which is given when result is NULL. */
bool hook_verdict(const char *what, const char *const *argv, int64_t timeout_ms,
                  const struct process_result *result, const struct err *start_err,
                  struct err *err);

#endif
