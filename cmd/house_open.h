/*
 * Opening and closing the house for one command, by what its row says it needs.
 */
#ifndef CMD_HOUSE_OPEN_H
#define CMD_HOUSE_OPEN_H

#include "cmd/command.h"

bool house_open(struct invocation *in, struct err *err);
/* What the row cannot say beforehand: an enum need of what is opened now, once. */
bool house_open_needs(struct invocation *in, unsigned needs, struct err *err);
void house_close(struct invocation *in); /* also half-open */
/* For commands that open things in an order of their own (init, check, dry runs). */
bool house_open_store(struct invocation *in, const char *path, bool create, bool read_only,
                      struct err *err);
/* Sets up the heap for private keys; house_open_seal does it by itself. Says so when it cannot be had. */
void house_protect_keys(const struct invocation *in);
bool house_open_seal(struct invocation *in, struct err *err);
void house_open_net(struct invocation *in);
/* The process environment, for references to secrets. */
const char *environment_get(const char *name);
const char *config_path(const struct invocation *in);

#endif
