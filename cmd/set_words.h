/* Words of the command line that name sets, and one version of a set. */
#ifndef CMD_SET_WORDS_H
#define CMD_SET_WORDS_H

#include "cmd/command.h"

#include "inventory/held.h"

/* Every word names a set of the store; else in->err is CONFIG with the nearest name. */
bool set_words_check(struct invocation *in);
/* The certificate that the first word and --version (absent: the current one) mean, with its chain. CONFIG when there is none. */
bool set_words_certificate(struct invocation *in, struct certificate **ret);

#endif
