#include "cmd/command_rows.h"

const struct command *const commands[] = {
#define X(name) &command_##name,
    COMMANDS(X)
#undef X
};
const size_t n_commands = sizeof(commands) / sizeof(commands[0]);
