/* Row of the daemon. */
#include "cmd/command_rows.h"

static const struct example serve_examples[] = {
    {"chancery serve", "in the foreground, as systemd wants it; Ctrl-C ends it"},
    {"systemctl reload chancery", "take up what was changed in the configuration (SIGHUP)"},
};
static const struct meaning serve_meanings[] = {
    {EXIT_CODE_DONE, "a signal (TERM or INT) ended it, within 5 seconds; what was under way goes "
                     "on with the next start. A second signal ends it at once (128 and its "
                     "number)"},
    {EXIT_CODE_USAGE, "the configuration cannot be used at the start; later it would only be told"},
    {EXIT_CODE_STORE, "the store or the sealing key cannot be used at the start"},
};
const struct command command_serve = {
    .name = "serve",
    .usage = "",
    .sentence = "Run as a daemon: renew, deliver and verify by itself, whenever something is due.",
    .text =
        "It takes the lead whenever no other process has it, and does what `renew` does at the "
        "moment it becomes due. Another one that is started beside it, on this host or on another "
        "with the same PostgreSQL store, stands by and goes on when the first one ends: within 2 "
        "seconds on the same host, else when its lease is over (30 seconds). A lost store, a lost "
        "lead and a clock that is not set are outlived and told.\n\n"
        "HUP takes up what was changed in the configuration, all of it or nothing: when "
        "chancery.yaml cannot be used, what was in force stays in force, and the journal names "
        "file, line and key. A broken set file costs its own set. Orders under way keep their "
        "identifiers. `store` and `seal` change with a restart only.\n\n"
        "What it does is told on standard error, one line each, with the time unless it writes to "
        "the journal; --verbose tells more. Under systemd (Type=notify) it tells that it is ready, "
        "what it does, and that it lives: see examples/systemd and docs/SERVE.md.",
    EXAMPLES(serve_examples),
    MEANINGS(serve_meanings),
    .needs = NEED_CONFIG,
    .run = serve_run,
};
