/*
 * Commands: one table {name, usage, sentence, options, run} gives dispatch, help, man pages and completions.
 *
 * A command parses nothing and decides nothing: options arrive checked, the house is opened for what the row says it needs, policy
 * lives in orchestrator/. Results go to standard output - plain lines or a table for people, one JSON document with --json;
 * progress and complaints go to standard error.
 */
#ifndef CMD_COMMAND_H
#define CMD_COMMAND_H

#include "inventory/config.h"
#include "inventory/house.h"

/* Exit codes; tested and documented in chancery(1). */
#define EXIT_CODES(X)                                                                              \
    X(DONE, 0, "done, or nothing to do")                                                           \
    X(FAILED, 1, "something failed: a renewal, a delivery or a check")                             \
    X(USAGE, 2, "the command line or the configuration is wrong")                                  \
    X(HELD, 3, "led or locked elsewhere; the holder is named")                                     \
    X(THROTTLED, 4, "refused or postponed by a rate limit; the time is named")                     \
    X(STORE, 5, "the store or the sealing key cannot be used")                                     \
    X(PARTLY, 6, "partly done: some sets are fine, others failed")                                 \
    X(LOCK_BUSY, 75, "`lock` only: another holds it; the holder is named")                         \
    X(LOCK_LOST, 76, "`lock` only: the lock was lost, the command was ended")                      \
    X(LOCK_REFUSED, 77, "`lock` only: the ledger refuses the order; the time is named")            \
    X(LOCK_STORE, 78, "`lock` only: the store, or the server, cannot be reached")
enum exit_code {
#define X(name, value, what) EXIT_CODE_##name = value,
    EXIT_CODES(X)
#undef X
};

/* What a command needs opened before it runs. */
enum need {
    NEED_CONFIG = 1 << 0,
    NEED_STORE_READ = 1 << 1, /* read-only: works beside a running leader */
    NEED_STORE_WRITE = 1 << 2,
    NEED_SEAL = 1 << 3,
    NEED_NET = 1 << 4,      /* loop, HTTP, DNS */
    NEED_REGISTER = 1 << 5, /* set files compared with the store (with STORE_WRITE) */
};

/* What an exit code means for one command. */
struct meaning {
    enum exit_code code;
    const char *sentence;
};
struct example {
    const char *line, *sentence;
};
struct option {
    const char *name;  /* "json": --json */
    char letter;       /* 'j' or 0 */
    const char *value; /* placeholder of its value, "FILE"; NULL: a switch */
    const char *sentence;
};
struct invocation;
struct command {
    const char *name, *sub; /* "provider", "list"; sub NULL for most */
    const char *usage;      /* "[SET ...]" */
    const char *sentence;
    const char *text; /* paragraphs for help and man page, parted by an empty line; NULL */
    const struct example *examples;
    size_t n_examples;
    const struct meaning *meanings; /* exit codes that mean something of their own here */
    size_t n_meanings;
    bool hidden; /* for the build, not for people: no help, no completion */
    const struct option *options;
    size_t n_options;
    int min_words, max_words; /* of the words after the command; max -1: any number */
    unsigned needs;
    enum exit_code (*run)(struct invocation *in);
};
extern const struct command *const commands[];
extern const size_t n_commands;
extern const struct option common_options[];
extern const size_t n_common_options;

struct invocation {
    const struct command *command;
    const char *program;
    char **words; /* NULL-terminated */
    size_t n_words;
    const char **values; /* by option of the command, NULL when absent, "" for a switch */
    const char **common; /* by common option */
    bool json, color, terminal;
    unsigned umask_before; /* of who started us: for programs that are a person's own */
    struct house house;
    struct config *config;
    bool is_stopped; /* by a signal: known when the house is closed */
    struct err err;  /* what a failing command leaves for main to tell */
};
/* The value of an option of this command, by name; NULL when it was not given. CHECKs the name. */
const char *option_value(const struct invocation *in, const char *name);
static inline bool option_is_on(const struct invocation *in, const char *name)
{
    return option_value(in, name) != NULL;
}
/* NULL-terminated words when some were given, else NULL ("all"). */
const char *const *invocation_sets(const struct invocation *in);

/* By the kind of in->err: CONFIG and REFUSED-by-us -> USAGE, HELD, THROTTLED, STORE, else FAILED. */
enum exit_code exit_code_of(const struct err *err);
const char *exit_code_text(enum exit_code code);

#endif
