/* Rows of the commands about accounts at the authorities. */
#include "cmd/command_rows.h"

#define ACTS_AT_A_CA NEED_CONFIG | NEED_STORE_WRITE | NEED_SEAL | NEED_NET

#define USAGE_MEANING                                                                              \
    {                                                                                              \
        EXIT_CODE_USAGE, "there is no authority of that name, or an option is wrong"               \
    }
#define HELD_MEANING                                                                               \
    {                                                                                              \
        EXIT_CODE_HELD, "another process leads; nothing was asked of the authority"                \
    }

/* ---- show, list ---- */

static const struct example account_show_examples[] = {
    {"chancery account show", "every account in the store, and what hinders it"},
    {"chancery account show letsencrypt", "those at one authority"},
};
static const struct meaning account_show_meanings[] = {
    {EXIT_CODE_DONE, "shown"},
    {EXIT_CODE_USAGE, "there is no authority of that name"},
};
const struct command command_account_show = {
    .name = "account",
    .sub = "show",
    .usage = "[AUTHORITY]",
    .sentence = "Show the accounts at the authorities, and what a person must see to.",
    .text = "An account is registered by the first order that needs it. What is shown is what the "
            "store knows; nobody is asked. An account that is held - new terms, a missing binding, "
            "deactivated - says why, since when, and where to go. Contacts that were changed in "
            "chancery.yaml are named until `account update` has sent them.",
    EXAMPLES(account_show_examples),
    MEANINGS(account_show_meanings),
    .max_words = 1,
    .needs = NEED_CONFIG | NEED_STORE_READ,
    .run = account_show_run,
};

static const struct example account_list_examples[] = {
    {"chancery account list", "one row an account"},
    {"chancery account list --json", "the same as `account show --json`"},
};
const struct command command_account_list = {
    .name = "account",
    .sub = "list",
    .usage = "",
    .sentence = "List the accounts, one a line.",
    EXAMPLES(account_list_examples),
    .needs = NEED_CONFIG | NEED_STORE_READ,
    .run = account_list_run,
};

/* ---- register ---- */

static const struct option account_register_options[] = {
    {"kind", 'k', "KIND",
     "kind of the key, if one has to be made: ecdsa-p256 (default), ecdsa-p384, rsa-2048, "
     "rsa-3072, "
     "rsa-4096"},
};
static const struct example account_register_examples[] = {
    {"chancery account register letsencrypt", "now, before the first order needs it"},
    {"chancery account register zerossl", "again, after `eab` was set or the terms were read"},
};
static const struct meaning account_register_meanings[] = {
    {EXIT_CODE_DONE, "the account is there and can be used"},
    {EXIT_CODE_FAILED, "the authority refused or could not be reached"},
    USAGE_MEANING,
    HELD_MEANING,
};
const struct command command_account_register = {
    .name = "account",
    .sub = "register",
    .usage = "AUTHORITY",
    .sentence = "Register the account of an authority, or find it again, and end a hold.",
    .text =
        "The key is made durable before the authority hears of it, so a repeated call finds the "
        "same account and registers no second one. Terms are agreed to by `agree_tos` in "
        "chancery.yaml, a binding is read from `eab`; both are needed only here.\n\n"
        "This is a person's word: an account that is held is tried again, and after a "
        "deactivation another one is registered, which nothing else does. All sets that "
        "waited are due then.",
    OPTIONS(account_register_options),
    EXAMPLES(account_register_examples),
    MEANINGS(account_register_meanings),
    .min_words = 1,
    .max_words = 1,
    .needs = ACTS_AT_A_CA,
    .run = account_register_run,
};

/* ---- update ---- */

static const struct option account_update_options[] = {
    {"agree-tos", 0, NULL, "agree to the terms of service as they are now"},
};
static const struct example account_update_examples[] = {
    {"chancery account update letsencrypt", "send the contacts of chancery.yaml"},
    {"chancery account update letsencrypt --agree-tos",
     "the new terms were read: agree, and go on with what waited"},
};
static const struct meaning account_update_meanings[] = {
    {EXIT_CODE_DONE, "the authority knows what it should, or knew it already"},
    {EXIT_CODE_FAILED, "the authority refused or could not be reached; or there is no account"},
    USAGE_MEANING,
    HELD_MEANING,
};
const struct command command_account_update = {
    .name = "account",
    .sub = "update",
    .usage = "AUTHORITY",
    .sentence = "Send changed contacts to an authority, or agree to its new terms.",
    .text = "Nothing is asked when the authority was told these contacts already. An empty list of "
            "contacts is sent as such: nobody is to be written to.",
    OPTIONS(account_update_options),
    EXAMPLES(account_update_examples),
    MEANINGS(account_update_meanings),
    .min_words = 1,
    .max_words = 1,
    .needs = ACTS_AT_A_CA,
    .run = account_update_run,
};

/* ---- rollover ---- */

static const struct option account_rollover_options[] = {
    {"kind", 'k', "KIND", "kind of the new key (default: as the present one)"},
    {"force", 'f', NULL,
     "though orders are open: what they published names the old key, and they "
     "are placed again"},
};
static const struct example account_rollover_examples[] = {
    {"chancery account rollover letsencrypt", "another key, the same account"},
    {"chancery account rollover letsencrypt --kind ecdsa-p384 --force",
     "the old key became known: do not wait for open orders"},
};
static const struct meaning account_rollover_meanings[] = {
    {EXIT_CODE_DONE, "the account has another key"},
    {EXIT_CODE_FAILED,
     "it keeps its key - the authority offers no rollover, refuses the new key, or "
     "orders are open -, or it is not known yet; it can be used in any case"},
    USAGE_MEANING,
    HELD_MEANING,
};
const struct command command_account_rollover = {
    .name = "account",
    .sub = "rollover",
    .usage = "AUTHORITY",
    .sentence = "Give an account another key (RFC 8555 7.3.5).",
    .text = "The account's address stays, and with it CAA records that name it. The new key is "
            "durable before the authority hears of it. Whatever cuts the conversation off - a "
            "kill, a lost answer -, the account can be used: its next use, by this command or by "
            "`renew`, asks the authority which of the two keys it knows.\n\n"
            "Some authorities offer no rollover (ZeroSSL, SSL.com); then nothing is asked.",
    OPTIONS(account_rollover_options),
    EXAMPLES(account_rollover_examples),
    MEANINGS(account_rollover_meanings),
    .min_words = 1,
    .max_words = 1,
    .needs = ACTS_AT_A_CA,
    .run = account_rollover_run,
};

/* ---- deactivate ---- */

static const struct option account_deactivate_options[] = {
    {"yes", 'y', NULL, "do not ask"},
};
static const struct example account_deactivate_examples[] = {
    {"chancery account deactivate letsencrypt", "leave this authority"},
};
static const struct meaning account_deactivate_meanings[] = {
    {EXIT_CODE_DONE, "deactivated, or it was deactivated already"},
    {EXIT_CODE_FAILED, "the authority refused or could not be reached; or there is no account"},
    {EXIT_CODE_USAGE, "there is no authority of that name; or not confirmed"},
    HELD_MEANING,
};
const struct command command_account_deactivate = {
    .name = "account",
    .sub = "deactivate",
    .usage = "AUTHORITY",
    .sentence = "Deactivate an account, for good.",
    .text = "This cannot be undone: the authority takes no order of the account any more, and open "
            "orders die. Certificates stay valid, are served and delivered on. On a terminal you "
            "are asked first; elsewhere --yes is needed.\n\n"
            "Nothing is ordered at this authority from then on: sets that need it wait, and "
            "`account register` is the only thing that makes another account.",
    OPTIONS(account_deactivate_options),
    EXAMPLES(account_deactivate_examples),
    MEANINGS(account_deactivate_meanings),
    .min_words = 1,
    .max_words = 1,
    .needs = ACTS_AT_A_CA,
    .run = account_deactivate_run,
};

/* ---- import ---- */

static const struct option account_import_options[] = {
    {"replace", 0, NULL, "though another account is in use here"},
};
static const struct example account_import_examples[] = {
    {"chancery account import letsencrypt "
     "/etc/letsencrypt/accounts/acme-v02.api.letsencrypt.org/directory/0123456789abcdef/"
     "private_key.json",
     "go on with the account of certbot"},
    {"chancery account import letsencrypt "
     "~/.lego/accounts/acme-v02.api.letsencrypt.org/ops@example.com/keys/ops@example.com.key",
     "go on with the account of lego"},
};
static const struct meaning account_import_meanings[] = {
    {EXIT_CODE_DONE, "the account is used from now on"},
    {EXIT_CODE_FAILED,
     "the authority knows no account of this key or could not be reached, the key "
     "is a certificate's, or another account is in use; nothing was changed"},
    {EXIT_CODE_USAGE, "there is no authority of that name, or the file holds no usable key"},
    HELD_MEANING,
};
const struct command command_account_import = {
    .name = "account",
    .sub = "import",
    .usage = "AUTHORITY FILE",
    .sentence = "Go on with an account that another program registered.",
    .text =
        "The authority is asked which account the key has; nothing there is changed. Its limits, "
        "its bindings and CAA records that name it go on to count. The file is not needed "
        "afterwards. Stop the other program: two programs with one account do not see each "
        "other's orders.",
    OPTIONS(account_import_options),
    EXAMPLES(account_import_examples),
    MEANINGS(account_import_meanings),
    .min_words = 2,
    .max_words = 2,
    .needs = ACTS_AT_A_CA,
    .run = account_import_run,
};

/* ---- export ---- */

static const struct option account_export_options[] = {
    {"out", 'o', "FILE", "write to this file, readable by you alone"},
    {"format", 0, "FORMAT", "pem (default) or jwk"},
    {"stdout", 0, NULL, "show the key although standard output is a terminal"},
};
static const struct example account_export_examples[] = {
    {"chancery account export letsencrypt --out account.pem", "for another ACME program"},
    {"chancery account export letsencrypt --format jwk --out private_key.json", "for certbot"},
};
static const struct meaning account_export_meanings[] = {
    {EXIT_CODE_DONE, "written"},
    {EXIT_CODE_FAILED, "there is no account, or the file cannot be written"},
    {EXIT_CODE_USAGE, "there is no authority or format of that name, or the key would be shown"},
};
const struct command command_account_export = {
    .name = "account",
    .sub = "export",
    .usage = "AUTHORITY",
    .sentence = "Hand out the private key of an account.",
    .text =
        "Who has the key can order, revoke and deactivate. It goes to a file with mode 0600, or "
        "to a pipe; to a terminal only with --stdout, and never into JSON.",
    OPTIONS(account_export_options),
    EXAMPLES(account_export_examples),
    MEANINGS(account_export_meanings),
    .min_words = 1,
    .max_words = 1,
    .needs = NEED_CONFIG | NEED_STORE_READ | NEED_SEAL,
    .run = account_export_run,
};
