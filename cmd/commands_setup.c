/* Rows of the commands that set up and ask around. */
#include "cmd/command_rows.h"

/* ---- init ---- */

static const struct option init_options[] = {
    {"directory", 0, "URL", "ACME directory of the first authority (default: Let's Encrypt)"},
    {"contact", 0, "MAIL", "where the authority may write to"},
    {"agree-tos", 0, NULL, "you have read the authority's terms of service and agree"},
    {"store", 0, "FILE",
     "where the store goes (default: /var/lib/chancery/chancery.db for a folder below /etc, else "
     "chancery.db in the folder)"},
};
static const struct example init_examples[] = {
    {"chancery init", "set up /etc/chancery"},
    {"chancery init play --directory https://ca.example.net/acme/directory",
     "set up a folder for trying things out"},
};
static const struct meaning init_meanings[] = {
    {EXIT_CODE_DONE, "all is there"},
    {EXIT_CODE_FAILED,
     "a file or folder cannot be made; what was made before it stays and is used by the next try"},
    {EXIT_CODE_USAGE,
     "the configuration that is there already is wrong, or options for a new one were given"},
    {EXIT_CODE_STORE, "the store cannot be used, or it is there and its sealing key is not"},
};
const struct command command_init = {
    .name = "init",
    .usage = "[FOLDER]",
    .sentence = "Write a first configuration, a sealing key and an empty store.",
    .text =
        "FOLDER is the folder of the configuration by default: /etc/chancery. It gets "
        "chancery.yaml with a comment on every part, an empty folder sets.d, and seal.key (mode "
        "0400): the key that seals private keys in the store. Back the sealing key up, apart from "
        "the store: without it the keys in the store are lost.\n\n"
        "Nothing that exists is overwritten. With a configuration that is already there, only what "
        "it names and what is missing is made: the sealing key, the folder of the sets, the store.",
    OPTIONS(init_options),
    EXAMPLES(init_examples),
    MEANINGS(init_meanings),
    .max_words = 1,
    .run = init_run,
};

/* ---- check ---- */

static const struct option check_options[] = {
    {"files-only", 0, NULL,
     "only the files: no secrets, no store, no folders; for a repository or a build"},
    {"online", 0, NULL,
     "also ask DNS what the CAs would find: CAA and DNSSEC, and the CAA records that would suit"},
};
static const struct example check_examples[] = {
    {"chancery check", "is everything in order on this host?"},
    {"chancery check --config chancery.yaml --files-only --json",
     "in a pipeline, before the files are rolled out"},
    {"chancery check --online", "would the CAs issue, as DNS stands now?"},
};
static const struct meaning check_meanings[] = {
    {EXIT_CODE_DONE, "nothing is wrong"},
    {EXIT_CODE_USAGE, "something is wrong; each complaint names file, line and column"},
};
const struct command command_check = {
    .name = "check",
    .usage = "",
    .sentence = "Check the configuration and all set files, and report everything that is wrong.",
    .text =
        "Reads chancery.yaml and every set file and reports each complaint with file, line and "
        "column: unknown keys (with the nearest known one), names that are no names, authorities "
        "that do not exist, zones nobody serves, two sets that want the same names or the same "
        "folder. Then looks whether each secret can be had, whether the sealing key opens the "
        "store, whether the store can be used, and whether targets can be written by this user.\n\n"
        "With --online the name servers of each set are asked for CAA records, the chains of trust "
        "are judged, and directories of CAs that the store does not know are fetched: what would "
        "keep a CA from issuing is a complaint about the set (docs/PREFLIGHT.md). It also tells "
        "where "
        "the TXT records of each set go - zone, provider, CNAMEs - and which record is missing on "
        "the "
        "way (docs/PROPAGATION.md).\n\n"
        "Programs behind exec: references are run. Nothing is written, and without --online "
        "nothing "
        "is asked of a CA or a DNS server.",
    OPTIONS(check_options),
    EXAMPLES(check_examples),
    MEANINGS(check_meanings),
    .run = check_run,
};

static const struct example token_new_examples[] = {
    {"chancery token new web1", "a token, and the lines of chancery.yaml that let it in"},
};
static const struct meaning token_new_meanings[] = {
    {EXIT_CODE_DONE, "printed"},
    {EXIT_CODE_USAGE, "the name cannot be one"},
};
const struct command command_token_new = {
    .name = "token",
    .sub = "new",
    .usage = "NAME",
    .sentence =
        "Make a token for the HTTP interface, and the lines of chancery.yaml that let it in.",
    .text =
        "The token is 256 random bits. It is printed once and kept nowhere: chancery.yaml gets "
        "only its SHA-256. Put the printed lines under `http`, set the names it is for and what "
        "it may do, and reload `chancery serve`. For a time two tokens may stand side by side, "
        "so that clients can change over; whoever is taken out is refused from the reload on. "
        "See docs/HTTP.md.",
    EXAMPLES(token_new_examples),
    MEANINGS(token_new_meanings),
    .min_words = 1,
    .max_words = 1,
    .run = token_new_run,
};

/* ---- documents: run by the build ---- */

const struct command command_documents = {
    .name = "documents",
    .usage = "FOLDER",
    .sentence = "Write man pages, completion, reference documents and JSON schemas into a folder.",
    .hidden = true,
    .min_words = 1,
    .max_words = 1,
    .run = documents_run,
};
