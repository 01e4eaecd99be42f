/* Rows of the commands that act: order, revoke, deliver, look from outside, hand out. */
#include "cmd/command_rows.h"

#define WAIT_OPTIONS                                                                               \
    {"wait", 'w', "TIME",                                                                          \
     "how long to follow another process that leads and does it (default 10m)"},                   \
    {                                                                                              \
        "no-wait", 0, NULL, "ask nobody else: exit with 3 when another process leads"              \
    }

#define REQUEST_TEXT                                                                               \
    "\n\nWhile another process leads, it is asked to do this, and followed: what happens is "      \
    "shown "                                                                                       \
    "as if it happened here, with the same result, JSON and exit code. When it ends or dies, "     \
    "this "                                                                                        \
    "command leads itself and goes on. Interrupted, or when the time of --wait is over (exit "     \
    "code "                                                                                        \
    "3), the request stays: whoever leads carries it out."

#define OVERRIDE_OPTION                                                                            \
    {                                                                                              \
        "override", 0, "REASON",                                                                   \
            "order the named sets although a limit of their CA is used up; the reason is recorded" \
    }

/* ---- renew ---- */

static const struct option renew_options[] = {
    {"force", 'f', NULL, "renew the named sets even though they are not due"},
    {"retry", 0, NULL,
     "try the named sets now though they wait after a failure or are held; what is not due stays"},
    OVERRIDE_OPTION,
    {"dry-run", 0, NULL,
     "rehearse at the authorities' staging directories; nothing is stored or delivered"},
    WAIT_OPTIONS,
};
static const struct example renew_examples[] = {
    {"chancery renew", "all that is due; made for cron and systemd timers"},
    {"chancery renew --force shop", "a new certificate for set shop now"},
    {"chancery renew --retry shop", "you have mended what made set shop fail: try it now"},
    {"chancery renew --dry-run shop",
     "try the whole way of set shop without spending a rate limit"},
};
static const struct meaning renew_meanings[] = {
    {EXIT_CODE_DONE, "all is as it should be; often there was nothing to do"},
    {EXIT_CODE_FAILED, "a renewal failed, TXT records of ours are still published, a target has "
                       "not the newest certificate, or an endpoint "
                       "does not serve it; it is tried again by the next run. Also after a "
                       "signal: TERM or INT ends the run within 5 seconds, a second one at once "
                       "(128 and its number)"},
    {EXIT_CODE_HELD, "another process leads, and had not done it in the time of --wait. Or "
                     "somebody else holds the lock of "
                     "a name (docs/LOCK.md), and nothing else is left to do"},
    {EXIT_CODE_THROTTLED, "the authority asks to wait; the time is told"},
    {EXIT_CODE_PARTLY, "some sets were renewed, others failed"},
};
const struct command command_renew = {
    .name = "renew",
    .usage = "[SET ...]",
    .sentence = "Renew what is due, deliver what is new, look whether it is served.",
    .text =
        "The whole work in one command. It takes the lead, so that two runs never do the same "
        "twice; orders a certificate for each set that is due, proves control by DNS, stores "
        "the certificate and its key, delivers every version that a target lacks, and looks at "
        "every endpoint. Run it as often as you like: an idle run asks nothing of a CA.\n\n"
        "What it cannot finish it leaves in the store, and the next run goes on there. A run "
        "that was killed is resumed without a second order. Failures are repeated after 1, 10 "
        "and 100 minutes, then daily; the certificate that is served stays. What only a person can "
        "change is held instead: see docs/ERRORS.md. A set that lists several authorities gets "
        "its certificate from the next one when the first does not answer." REQUEST_TEXT,
    OPTIONS(renew_options),
    EXAMPLES(renew_examples),
    MEANINGS(renew_meanings),
    .max_words = -1,
    .needs = NEED_CONFIG | NEED_STORE_WRITE | NEED_REGISTER,
    .run = renew_run,
};

/* ---- issue ---- */

static const struct option issue_options[] = {
    OVERRIDE_OPTION,
    WAIT_OPTIONS,
};
static const struct example issue_examples[] = {
    {"chancery issue shop", "a certificate for set shop now, after its file was written"},
};
static const struct meaning issue_meanings[] = {
    {EXIT_CODE_DONE, "the sets have new certificates, delivered and served"},
    {EXIT_CODE_FAILED, "an order, a delivery or a check failed"},
    {EXIT_CODE_THROTTLED, "the authority asks to wait; the time is told"},
};
const struct command command_issue = {
    .name = "issue",
    .usage = "SET ...",
    .sentence = "Order new certificates for the named sets now, and wait for them.",
    .text = "As `renew --force`, but for a person who waits: it bears slow validation and slow DNS "
            "for up to ten minutes instead of leaving them to the next run, and it does not wait "
            "for the time of a repeated try. Certificates that are still good are replaced, which "
            "counts against the authority's rate limits." REQUEST_TEXT,
    OPTIONS(issue_options),
    EXAMPLES(issue_examples),
    MEANINGS(issue_meanings),
    .min_words = 1,
    .max_words = -1,
    .needs = NEED_CONFIG | NEED_STORE_WRITE | NEED_REGISTER,
    .run = issue_run,
};

/* ---- deploy ---- */

static const struct option deploy_options[] = {
    {"force", 'f', NULL, "deliver again what is already there"},
    WAIT_OPTIONS,
};
static const struct example deploy_examples[] = {
    {"chancery deploy", "deliver whatever a target lacks"},
    {"chancery deploy --force shop",
     "write and activate set shop again, for instance after a restore"},
};
static const struct meaning deploy_meanings[] = {
    {EXIT_CODE_DONE, "every target has the newest certificate"},
    {EXIT_CODE_FAILED, "a target has not; it keeps its old certificate and is tried again"},
    {EXIT_CODE_PARTLY, "some deliveries succeeded, others failed"},
};
const struct command command_deploy = {
    .name = "deploy",
    .usage = "[SET ...]",
    .sentence = "Deliver the newest certificates to the targets that lack them.",
    .text = "Nothing is ordered. A version is written completely beside the old one, one link is "
            "switched, `check` and `activate` are run; when one of them fails the link is switched "
            "back. A pair goes out only when key and certificate belong together, cover the set's "
            "names, are valid now and end later than what is there." REQUEST_TEXT,
    OPTIONS(deploy_options),
    EXAMPLES(deploy_examples),
    MEANINGS(deploy_meanings),
    .max_words = -1,
    .needs = NEED_CONFIG | NEED_STORE_WRITE | NEED_REGISTER,
    .run = deploy_run,
};

/* ---- verify ---- */

static const struct option verify_options[] = {
    WAIT_OPTIONS,
};
static const struct example verify_examples[] = {
    {"chancery verify", "look at every endpoint now"},
};
static const struct meaning verify_meanings[] = {
    {EXIT_CODE_DONE, "every endpoint serves the newest certificate at every address"},
    {EXIT_CODE_FAILED, "one does not; what it serves is told"},
};
const struct command command_verify = {
    .name = "verify",
    .usage = "[SET ...]",
    .sentence = "Look from outside whether the newest certificates are really served.",
    .text = "A handshake with every address of every endpoint, and a comparison of what is "
            "presented with what is held: the very leaf, its names, its chain, the time it has "
            "left. Nothing is ordered or delivered." REQUEST_TEXT,
    OPTIONS(verify_options),
    EXAMPLES(verify_examples),
    MEANINGS(verify_meanings),
    .max_words = -1,
    .needs = NEED_CONFIG | NEED_STORE_WRITE | NEED_REGISTER,
    .run = verify_run,
};

/* ---- revoke ---- */

static const struct option revoke_options[] = {
    {"reason", 'r', "REASON",
     "why: unspecified, key-compromise, superseded or cessation-of-operation (or 0, 1, 4, 5 of RFC "
     "5280); CAs take no other from subscribers"},
    {"version", 0, "N", "this version instead of the current one; `chancery show SET` lists them"},
    {"key-kind", 0, "KIND", "of a set with several kinds of keys the current one of this kind"},
    {"now", 0, NULL,
     "the emergency: revoke at once, though it is still served, and replace and deliver "
     "afterwards"},
    {"by-key", 0, NULL,
     "sign with the certificate's own key instead of the account's: for instance when another "
     "account ordered it"},
    {"yes", 'y', NULL, "do not ask"},
    WAIT_OPTIONS,
};
static const struct example revoke_examples[] = {
    {"chancery revoke shop --reason superseded",
     "replace the current certificate of set shop, deliver, look, and then revoke the old one"},
    {"chancery revoke shop --reason key-compromise --now", "its key became known"},
    {"chancery revoke shop --version 3 --reason superseded", "one that was replaced long ago"},
};
static const struct meaning revoke_meanings[] = {
    {EXIT_CODE_DONE, "revoked, or it was revoked already; a current one was replaced"},
    {EXIT_CODE_FAILED,
     "not yet: the replacement, a target or the authority stands in the way, which is told; the "
     "wish stands and each `renew` goes on. Or it is revoked and still in place somewhere"},
    {EXIT_CODE_USAGE, "no such set, version or reason; or not confirmed"},
    {EXIT_CODE_HELD,
     "another process leads, and had not done it in the time of --wait; the wish stands"},
};
const struct command command_revoke = {
    .name = "revoke",
    .usage = "SET --reason REASON",
    .sentence = "Replace a certificate, deliver the new one, and revoke the old one.",
    .text =
        "Revocation cannot be undone. On a terminal you are asked first; elsewhere --yes is "
        "needed.\n\nA current certificate is replaced first: a new one is ordered, delivered and "
        "seen to be served, and only then the old one is revoked, so that nobody ever meets a "
        "revoked certificate. What stands in the way is told; the wish is kept, and each later "
        "`renew` goes on with it. With --now it is revoked at once, and replaced and delivered "
        "afterwards in the same run. With reason key-compromise the key is never used again, "
        "whatever `keep_key` says. With cessation-of-operation nothing takes its place: the set "
        "ends, and its file should be removed. An older version is revoked without a "
        "replacement, once no target serves it." REQUEST_TEXT,
    OPTIONS(revoke_options),
    EXAMPLES(revoke_examples),
    MEANINGS(revoke_meanings),
    .min_words = 1,
    .max_words = 1,
    .needs = NEED_CONFIG | NEED_STORE_WRITE | NEED_SEAL | NEED_NET,
    .run = revoke_run,
};

/* ---- export ---- */

static const struct option export_options[] = {
    {"format", 0, "FORMAT",
     "fullchain (default), cert, chain, key, combined (certificate, chain, key), keyfirst (key, "
     "certificate, chain), p12, or pem: key, cert, chain and fullchain as four files"},
    {"version", 0, "N", "this version instead of the current one; `chancery show SET` lists them"},
    {"chain", 0, "NAME",
     "the stored chain that ends at this root, or holds the certificate sha256:FINGERPRINT; "
     "`chancery show SET` lists them (default: the one that is delivered)"},
    {"key-kind", 0, "KIND",
     "of a set with several kinds of keys that of this one: ecdsa, rsa, or as in `keys` (default: "
     "the "
     "preferred one)"},
    {"out", 'o', "PATH", "the file to write (mode 0600), or a folder to write into"},
    {"password", 0, "REF",
     "password of p12 as a reference: file:PATH, env:NAME, cred:NAME or exec:PROGRAM (default: "
     "empty)"},
    {"legacy", 0, NULL, "make p12 with 3DES and SHA-1, for programs that know nothing newer"},
    {"stdout", 0, NULL, "write a private key to the terminal all the same"},
};
static const struct example export_examples[] = {
    {"chancery export shop", "certificate and chain of set shop on standard output"},
    {"chancery export shop --format combined --out /root/shop.pem",
     "all in one file that only root may read"},
    {"chancery export shop --format p12 --password file:/root/p12 --out .",
     "bundle.p12 in this folder"},
    {"chancery export shop --chain \"ISRG Root X1\"", "with another of the chains the CA offered"},
};
static const struct meaning export_meanings[] = {
    {EXIT_CODE_DONE, "written"},
    {EXIT_CODE_FAILED, "the file cannot be written"},
    {EXIT_CODE_USAGE,
     "no such set, version, chain or format; a private key would have gone to a terminal or into "
     "JSON, or is not here"},
    {EXIT_CODE_STORE, "the sealing key does not open the private key"},
};
const struct command command_export = {
    .name = "export",
    .usage = "SET",
    .sentence = "Write a certificate, or its private key, to a file.",
    .text = "For moving a certificate to a place no target covers. Files are written with mode "
            "0600 in one step, so that nobody sees half of one. Private keys go to files and "
            "pipes; to a terminal only with --stdout, and never into JSON.",
    OPTIONS(export_options),
    EXAMPLES(export_examples),
    MEANINGS(export_meanings),
    .min_words = 1,
    .max_words = 1,
    .needs = NEED_CONFIG | NEED_STORE_READ,
    .run = export_run,
};
