/* Rows of the exposed lock: lock, locks. */
#include "cmd/command_rows.h"

static const struct option lock_options[] = {
    {"wait", 'w', "TIME", "how long to wait while another holds it (default 10m)"},
    {"no-wait", 0, NULL, "do not wait: exit with 75 when another holds it"},
    {"ttl", 't', "TIME",
     "how long the lock outlives its last beat (default 1m; 5s to 24h); beats come three times as "
     "often"},
    {"order", 'o', "NAMES",
     "names that will be ordered, separated by commas: asks the ledger, and reserves"},
    {"authority", 'a', "NAME",
     "where: an authority of the configuration (default: that of `defaults`)"},
    {"server", 's', "URL",
     "over the HTTP face of another host; no store or configuration is needed"},
    {"token", 0, "FILE", "with --server: holds the token (see `chancery token new`)"},
    {"cacert", 0, "FILE", "with --server: trust for its certificate, PEM (default: the system's)"},
    {"break", 0, NULL, "end the lock of somebody else; needs --reason"},
    {"reason", 'r', "TEXT", "why it is broken: stays in the history"},
    {"yes", 'y', NULL, "do not ask"},
};
static const struct example lock_examples[] = {
    {"chancery lock www.example.com -- certbot renew --cert-name www.example.com",
     "certbot, but never while another renewer works on this name"},
    {"chancery lock --no-wait --order 'example.com,*.example.com' example.com -- lego ... renew",
     "only if the CA's limits allow the order, and only if the lock is free"},
    {"chancery lock --server https://cert1.example.com:8443 --token /etc/lock.token "
     "www.example.com -- certbot renew",
     "on a host that has nothing but the program and a token"},
    {"chancery lock --break www.example.com --reason 'web1 was scrapped'",
     "the holder is gone for good, and its host cannot say so"},
};
static const struct meaning lock_meanings[] = {
    {EXIT_CODE_DONE, "the command ended with 0; otherwise with its own code, or 128 and the number "
                     "of the signal that ended it"},
    {EXIT_CODE_USAGE, "the command line or the configuration is wrong; or the command says 2"},
    {EXIT_CODE_LOCK_BUSY, "another holds the lock, asked for it earlier, or an order of ours is in "
                          "flight for the name; the holder is named; nothing was started"},
    {EXIT_CODE_LOCK_LOST, "the lock was lost - broken, or not renewed in time - and the command "
                          "was ended"},
    {EXIT_CODE_LOCK_REFUSED, "the ledger refuses the order; the time at which it would go is "
                             "named; nothing was started"},
    {EXIT_CODE_LOCK_STORE, "the store, or the server, cannot be used; nothing was started"},
};
const struct command command_lock = {
    .name = "lock",
    .usage = "DOMAIN -- COMMAND [ARGUMENT ...] | --break DOMAIN --reason TEXT",
    .sentence = "Run a command while nobody else renews for a domain.",
    .text =
        "Takes the lock of a name, runs the command, and gives it back. While it is held no other "
        "`chancery lock` gets it, on no host that shares the store, and no order of ours begins "
        "for "
        "a set with that name; while an order of ours is in flight the lock is not given. A "
        "wildcard and its base share one lock. Who waits is served in the order of asking.\n\n"
        "The command gets standard input, output and the terminal, a process group of its own, and "
        "in its environment LOCK_NAME, LOCK_TOKEN (the fencing number: it only grows), "
        "LOCK_EXPIRES (when the lock would end without a further beat) and, with --order, "
        "LOCK_HEADROOM (how many more such orders the tightest known limit leaves). TERM, INT, "
        "HUP, QUIT, USR1 and USR2 are passed on to its group.\n\n"
        "It never outlives the lock on this host: when the lock cannot be renewed - the store is "
        "away, this process is stopped - its group gets TERM when a quarter of the time to live "
        "is left and KILL when a twelfth is; when this process is killed the group is killed at "
        "once, and the lock is free for others of this host. With --order the outcome is counted: "
        "code 0 as one certificate, anything else as an order of which nobody knows. "
        "docs/LOCK.md tells what is promised and what only the fencing number can.\n\n"
        "With --server the lock is asked for over HTTP (docs/HTTP.md) and kept the same way; "
        "--authority "
        "is then a name that the server knows or the URL of a directory. A holder on another host "
        "that "
        "dies keeps its lock to the end of its time to live.\n\n"
        "With --json the command's output goes to standard error, and standard output holds one "
        "document that tells how it went.",
    OPTIONS(lock_options),
    EXAMPLES(lock_examples),
    MEANINGS(lock_meanings),
    .min_words = 1,
    .max_words = -1,
    .run = lock_run,
};

static const struct example locks_examples[] = {
    {"chancery locks", "who holds which lock, and how many wait for it"},
    {"chancery locks www.example.com --json", "one name, for scripts; also when it is free"},
};
static const struct meaning locks_meanings[] = {
    {EXIT_CODE_DONE, "told"},
};
const struct command command_locks = {
    .name = "locks",
    .usage = "[DOMAIN]",
    .sentence = "Show who holds exposed locks.",
    .text = "One line a lock that is held: its name, holder, host, process, since when, until "
            "when without a further beat, its fencing number, and how many wait. Of a "
            "DOMAIN also when nobody holds it, and whether an order of ours is in flight for it.",
    EXAMPLES(locks_examples),
    MEANINGS(locks_meanings),
    .max_words = 1,
    .needs = NEED_CONFIG | NEED_STORE_READ,
    .run = locks_list_run,
};
