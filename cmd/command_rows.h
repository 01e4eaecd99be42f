/*
 * How a row of the command table is written. The rows stand in files by what people do: commands_setup.c (set up, ask), commands_provider.c (DNS providers),
 * commands_look.c (look, change nothing), commands_act.c (act), commands_lock.c (the exposed lock), commands_account.c (accounts); commands.c puts them in order.
 *
 * Every list of a row is a static array whose name begins with the command's: renew_options, renew_examples, renew_meanings.
 */
#ifndef CMD_COMMAND_ROWS_H
#define CMD_COMMAND_ROWS_H

#include "cmd/run_commands.h"

#define OPTIONS(array)  .options = (array), .n_options = sizeof(array) / sizeof((array)[0])
#define EXAMPLES(array) .examples = (array), .n_examples = sizeof(array) / sizeof((array)[0])
#define MEANINGS(array) .meanings = (array), .n_meanings = sizeof(array) / sizeof((array)[0])

/* name of the C object, in the order of help */
#define COMMANDS(X)                                                                                \
    X(init)                                                                                        \
    X(check)                                                                                       \
    X(plan)                                                                                        \
    X(renew)                                                                                       \
    X(issue)                                                                                       \
    X(revoke)                                                                                      \
    X(status)                                                                                      \
    X(show)                                                                                        \
    X(history)                                                                                     \
    X(limits)                                                                                      \
    X(export)                                                                                      \
    X(deploy)                                                                                      \
    X(verify)                                                                                      \
    X(lock)                                                                                        \
    X(locks)                                                                                       \
    X(serve)                                                                                       \
    X(provider_list)                                                                               \
    X(provider_show)                                                                               \
    X(provider_lint)                                                                               \
    X(provider_new)                                                                                \
    X(provider_test)                                                                               \
    X(provider_txt)                                                                                \
    X(account_show)                                                                                \
    X(account_list)                                                                                \
    X(account_register)                                                                            \
    X(account_update)                                                                              \
    X(account_rollover)                                                                            \
    X(account_deactivate)                                                                          \
    X(account_import)                                                                              \
    X(account_export)                                                                              \
    X(token_new)                                                                                   \
    X(store_copy)                                                                                  \
    X(persist)                                                                                     \
    X(documents)
#define X(name) extern const struct command command_##name;
COMMANDS(X)
#undef X

#endif
