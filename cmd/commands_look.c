/* Rows of the commands that look and change nothing outside the store. */
#include "cmd/command_rows.h"

/* ---- plan ---- */

static const struct option plan_options[] = {
    {"all", 'a', NULL, "every set, not only those that are due now"},
};
static const struct example plan_examples[] = {
    {"chancery plan", "what `chancery renew` would do now"},
    {"chancery plan --all --json", "when each set is due, for another program"},
};
static const struct meaning plan_meanings[] = {
    {EXIT_CODE_DONE, "the plan was made, whether anything is due or not"},
};
const struct command command_plan = {
    .name = "plan",
    .usage = "[SET ...]",
    .sentence = "Tell what `renew` would do now, and why.",
    .text = "Reads the set files that changed, compares what is wanted with what is held and "
            "prints one line a set: what would be done, why, and since when it is due. Nothing is "
            "asked of a CA or a DNS server.\n\n"
            "With names of sets, only these are shown, due or not. When the store cannot be "
            "written, changed files cannot be taken up: then the plan is made from what was read "
            "last, and says so.",
    OPTIONS(plan_options),
    EXAMPLES(plan_examples),
    MEANINGS(plan_meanings),
    .max_words = -1,
    .needs = NEED_CONFIG,
    .run = plan_run,
};

/* ---- status ---- */

static const struct option status_options[] = {
    {"names", 0, NULL, "only the names of the sets, one a line"},
    {"strict", 0, NULL, "exit with 1 when a set needs a person"},
};
static const struct example status_examples[] = {
    {"chancery status", "one row a set"},
    {"chancery status --strict --quiet shop",
     "for a monitoring system: silent while set shop is fine"},
    {"chancery status --json", "everything the table shows, and more, as JSON"},
};
static const struct meaning status_meanings[] = {
    {EXIT_CODE_DONE, "the state was shown"},
    {EXIT_CODE_FAILED, "with --strict: a set needs a person"},
};
const struct command command_status = {
    .name = "status",
    .usage = "[SET ...]",
    .sentence =
        "Show how all sets stand: certificates, deliveries, endpoints, and what comes next.",
    .text = "One row a set: its state, until when its certificate is valid and how much of its "
            "life is left, how many targets have it, how many endpoints were seen serving it, and "
            "what happens next. Below the table stands what is wrong, and how many orders are open "
            "and TXT records of ours are still in a zone.\n\n"
            "States: fine; new (no certificate yet); due; ordering; undelivered (a target has not "
            "the newest certificate); unserved (an endpoint does not serve it); failed (the last "
            "try failed and is repeated); broken (its file cannot be used); revoked; expired. From "
            "undelivered on a set needs a person, or at least an eye.\n\n"
            "Only the store is read, so this works beside a running leader and without the sealing "
            "key.",
    OPTIONS(status_options),
    EXAMPLES(status_examples),
    MEANINGS(status_meanings),
    .max_words = -1,
    .needs = NEED_CONFIG | NEED_STORE_READ,
    .run = status_run,
};

/* ---- show ---- */

static const struct example show_examples[] = {
    {"chancery show shop", "all that is known of set shop"},
};
static const struct meaning show_meanings[] = {
    {EXIT_CODE_DONE, "shown"},
    {EXIT_CODE_USAGE, "there is no set of that name"},
};
const struct command command_show = {
    .name = "show",
    .usage = "SET",
    .sentence = "Show everything about one set.",
    .text = "Its configuration, the current certificate and the versions before it, its latest "
            "orders with their failures, every target with the stage of its delivery, every "
            "endpoint with what was seen at each address, and its TXT records.\n\n"
            "Private keys are not shown; `chancery export` writes them to a file.",
    EXAMPLES(show_examples),
    MEANINGS(show_meanings),
    .min_words = 1,
    .max_words = 1,
    .needs = NEED_CONFIG | NEED_STORE_READ,
    .run = show_run,
};

/* ---- history ---- */

static const struct option history_options[] = {
    {"all", 'a', NULL, "the events of every set, and those of no set"},
    {"lines", 'n', "N", "the last N events (default 50; 0: all)"},
    {"check", 0, NULL, "recompute the chain of hashes over the whole history"},
};
static const struct example history_examples[] = {
    {"chancery history shop", "what happened to set shop lately"},
    {"chancery history --all -n 0 --json", "the whole history, for an archive"},
    {"chancery history --check", "was the history altered?"},
};
static const struct meaning history_meanings[] = {
    {EXIT_CODE_DONE, "shown; with --check: every event is as it was written"},
    {EXIT_CODE_FAILED, "with --check: an event was altered or removed; the first one is named"},
};
const struct command command_history = {
    .name = "history",
    .usage = "SET | --all | --check",
    .sentence = "Show what happened to a set, or to all of them.",
    .text = "Events stand in the order in which they happened. Each carries a hash over itself and "
            "the one before, so that --check finds an event that was altered or removed later; it "
            "cannot find that the newest ones were cut off.",
    OPTIONS(history_options),
    EXAMPLES(history_examples),
    MEANINGS(history_meanings),
    .max_words = 1,
    .needs = NEED_CONFIG | NEED_STORE_READ,
    .run = history_run,
};
