/*
 * What the commands `provider ...` share: the types and accounts a person may name.
 */
#ifndef CMD_PROVIDER_WORDS_H
#define CMD_PROVIDER_WORDS_H

#include "cmd/command.h"

/* Reads the configuration into in->config; nothing at all is fine unless --config was given. CONFIG. */
bool config_maybe(struct invocation *in);
/* The types that the configuration knows; NULL without one: those of the build. */
const struct catalogue *types_of(const struct invocation *in);
/* Fills in->err with what was perhaps meant; returns false. */
bool provider_unknown(struct invocation *in, const char *name);

/* The provider that an order for that name would use must be the one that was named. */
bool provider_fits(struct invocation *in, const char *provider, const char *name);
/* Work with the lead held and progress shown. HELD when another process leads for longer than that. */
bool provider_lead(struct invocation *in, const char *purpose, int64_t wait_ms,
                   bool (*work)(struct invocation *in, void *arg), void *arg);
/* Puts "; " and what else a person should know behind the complaint, whose kind stays. Returns false. */
bool provider_advise(struct invocation *in, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
