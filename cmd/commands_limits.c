/* The row of `limits`. */
#include "cmd/command_rows.h"

static const struct option limits_options[] = {
    {"near", 0, NULL, "only what is nearly used up, or closed by the CA's word"},
};
static const struct example limits_examples[] = {
    {"chancery limits", "what is used of every limit that is in use"},
    {"chancery limits --near --json", "for a monitoring system"},
};
static const struct meaning limits_meanings[] = {
    {EXIT_CODE_DONE, "shown"},
};
const struct command command_limits = {
    .name = "limits",
    .usage = "",
    .sentence = "Show the limits of the CAs, and how much of them is left.",
    .text = "One row a limit and what it counts for - an account, a registered domain, an exact "
            "set of names, a name that failed -: how much is used, what is left, when the next "
            "ordinary order may go, and when all of it is free again. What was never used has no "
            "row. Orders under way count as used. Below stand the sets that wait for a limit, and "
            "the date of the list by which registered domains are told.\n\n"
            "Limits are known for CAs that publish them, learnt when a CA refuses, and may be set "
            "in `authorities.NAME.limits`: see docs/LEDGER.md.",
    OPTIONS(limits_options),
    EXAMPLES(limits_examples),
    MEANINGS(limits_meanings),
    .max_words = 0,
    .needs = NEED_CONFIG | NEED_STORE_READ,
    .run = limits_run,
};
