/* Row of the command that moves the store. */
#include "cmd/command_rows.h"

static const struct option store_copy_options[] = {
    {"keep-source", 0, NULL,
     "leave the source as it is, for a rehearsal; it must not be used beside the copy"},
};
static const struct example store_copy_examples[] = {
    {"chancery store copy sqlite:/var/lib/chancery/chancery.db "
     "postgresql://chancery@db1.example.com/chancery",
     "from one host to several"},
    {"chancery store copy postgresql://chancery@db1.example.com/chancery "
     "sqlite:/var/lib/chancery/again.db",
     "and back, into a new file"},
};
static const struct meaning store_copy_meanings[] = {
    {EXIT_CODE_DONE, "copied, compared, and the source is marked as moved (unless it is kept)"},
    {EXIT_CODE_USAGE, "an address cannot be read, or the target holds rows already; nothing was "
                      "changed"},
    {EXIT_CODE_HELD, "another process leads: stop `chancery serve` and runs from cron on all hosts "
                     "first"},
    {EXIT_CODE_STORE, "one of the stores cannot be used; the text says what stands where"},
};
const struct command command_store_copy = {
    .name = "store",
    .sub = "copy",
    .usage = "FROM TO",
    .sentence = "Copy the whole register from a file to a PostgreSQL server, or back.",
    .text =
        "FROM and TO are addresses as `store:` of chancery.yaml takes them; a relative path "
        "starts at the current folder. TO is a file that does not exist yet or a blank database "
        "(or schema); its tables are made. Nobody may lead: stop the daemon on all hosts.\n\n"
        "Everything is copied in one transaction - ids, fencing numbers, histories, keys as they "
        "are sealed -, read back and compared. Then FROM is marked as moved: whoever opens it is "
        "told where the register is now. The sealing key is not in the store: copy it to every "
        "host yourself. chancery.yaml is not changed: what to write there is printed. See "
        "docs/SCALING.md.",
    OPTIONS(store_copy_options),
    EXAMPLES(store_copy_examples),
    MEANINGS(store_copy_meanings),
    .min_words = 2,
    .max_words = 2,
    .run = store_copy_run,
};
