/* Row of the command persist. */
#include "cmd/command_rows.h"

static const struct option persist_options[] = {
    {"publish", 'p', NULL,
     "publish the records through the set's DNS provider, and wait until every name server shows "
     "them"},
    {"until", 0, "TIME",
     "when the permission ends (persistUntil), as 2027-06-01 or 2027-06-01T12:00:00Z"},
    {"for", 0, "LENGTH", "the same from now on, as 90d"},
    {"wildcard", 0, NULL,
     "permit wildcards of every name (policy=wildcard), not only of those the set has"},
    {"remove", 0, NULL, "remove every record that was published for the set"},
    {"wait", 'w', "TIME", "how long to wait while another process leads (default 10m)"},
    {"no-wait", 0, NULL, "do not wait: exit with 3 when another process leads"},
};
static const struct example persist_examples[] = {
    {"chancery persist shop", "show the records, for a person to publish"},
    {"chancery persist shop --publish --for 365d", "publish them for a year"},
    {"chancery persist shop --publish",
     "again: what stands is left alone; near its end it gets another year"},
    {"chancery persist shop --remove", "no order of shop succeeds by dns-persist-01 any more"},
};
static const struct meaning persist_meanings[] = {
    {EXIT_CODE_DONE, "printed, or published and shown by every name server, or removed"},
    {EXIT_CODE_FAILED, "not every name server shows it, or it could not be removed; repeat it"},
    {EXIT_CODE_USAGE,
     "no such set; no account at the authority yet; or the CA's name is not known before an order"},
    {EXIT_CODE_HELD, "another process leads; nothing was changed"},
};
const struct command command_persist = {
    .name = "persist",
    .usage = "SET",
    .sentence = "Show, publish or remove the standing TXT records of dns-persist-01.",
    .text =
        "A set with `challenge: dns-persist-01` needs a record at _validation-persist.NAME for "
        "each "
        "name and authority. It names the CA and the account there, and lets that account issue "
        "for the name for as long as it stands: orders change nothing in DNS. Without an option "
        "the records are printed in the form of a zone file, for somebody else to publish.\n\n"
        "With --publish they go out through the set's DNS provider. Records of others at the same "
        "name stay; records of this set that are not needed any more - an older form, an earlier "
        "end, a name that is gone - are removed after the new ones are seen everywhere. `status`, "
        "`plan` and `check --online` warn before one ends. docs/CHALLENGES.md tells what such a "
        "record risks.",
    OPTIONS(persist_options),
    EXAMPLES(persist_examples),
    MEANINGS(persist_meanings),
    .min_words = 1,
    .max_words = 1,
    .needs = NEED_CONFIG | NEED_STORE_WRITE | NEED_SEAL | NEED_NET | NEED_REGISTER,
    .run = persist_run,
};
