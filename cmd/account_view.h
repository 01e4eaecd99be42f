/* Accounts as people see them: what the store knows, beside what is configured. */
#ifndef CMD_ACCOUNT_VIEW_H
#define CMD_ACCOUNT_VIEW_H

#include "cmd/command.h"

/* CONFIG with the nearest name when there is no authority of that name. */
bool authority_word_check(struct invocation *in, const char *name);

/* All accounts, oldest first, or those at one authority: an array of objects. A held authority without an account is listed, too. NULL with
 * in->err set. The caller frees. */
struct json *accounts_view(struct invocation *in, const char *authority);

#endif
