/* Rows of the commands for DNS providers. */
#include "cmd/command_rows.h"

/* ---- provider ---- */

static const struct example provider_list_examples[] = {
    {"chancery provider list", "what this program can talk to, and what is configured"},
};
const struct command command_provider_list = {
    .name = "provider",
    .sub = "list",
    .usage = "",
    .sentence =
        "List the DNS providers: those that are configured, and the types this program knows.",
    .text = "For every type it says whether it is stable, on trial (nobody has told yet that it "
            "works with a live account) or closed, how it works (a model of manifests, or a module "
            "in C), and for those of the folder `manifests` from which file they come. A manifest "
            "that cannot be used is listed as broken, with the reason.",
    EXAMPLES(provider_list_examples),
    .run = provider_list_run,
};

static const struct example provider_show_examples[] = {
    {"chancery provider show rfc2136", "every setting of the type rfc2136, with an example"},
    {"chancery provider show corp", "how the configured provider corp is set up"},
    {"chancery provider show cloudflare --from-env",
     "the settings for a shell in which lego or acme.sh works"},
};
static const struct option provider_show_options[] = {
    {"from-env", 0, NULL,
     "write the lines of a configuration for what stands in the environment, as references"},
};
static const struct meaning provider_show_meanings[] = {
    {EXIT_CODE_DONE, "shown"},
    {EXIT_CODE_USAGE, "there is neither a configured provider nor a type of that name"},
};
const struct command command_provider_show = {
    .name = "provider",
    .sub = "show",
    .usage = "NAME",
    .sentence = "Show a configured DNS provider, or all settings of a type.",
    .text = "A name from the configuration comes first; else it is a type. Secrets are shown as "
            "the references they are.\n\n"
            "With --from-env the variables that lego knows for the type are looked up: those that "
            "are set become references `env:NAME`. Values are never shown.",
    OPTIONS(provider_show_options),
    EXAMPLES(provider_show_examples),
    MEANINGS(provider_show_meanings),
    .min_words = 1,
    .max_words = 1,
    .run = provider_show_run,
};

static const struct option provider_lint_options[] = {
    {"no-calls", 0, NULL, "only what is wrong or questionable, without the dry run"},
};
static const struct example provider_lint_examples[] = {
    {"chancery provider lint manifests.d/lantern.yaml",
     "is it well-formed, and what does it send?"},
    {"chancery provider lint hetzner", "the requests of a type that the program has"},
};
static const struct meaning provider_lint_meanings[] = {
    {EXIT_CODE_DONE, "it can be used; there may be warnings"},
    {EXIT_CODE_FAILED, "the file cannot be read"},
    {EXIT_CODE_USAGE, "it cannot be used; each complaint names file, line and column"},
};
const struct command command_provider_lint = {
    .name = "provider",
    .sub = "lint",
    .usage = "FILE | TYPE",
    .sentence = "Check a manifest, and print the requests it would make.",
    .text = "Complains about everything that keeps the manifest from being used, with line and "
            "column, and warns of what is likely to be a mistake: secrets in a URL, a removal that "
            "fails when the record is gone already, limits that contradict each other, "
            "credentials that are never used.\n\n"
            "Then the requests of adding and of removing one value are printed as they would stand "
            "on the wire, with secrets as {{name}}. Nothing is sent: the answers are made up of "
            "what the manifest looks for in them.",
    OPTIONS(provider_lint_options),
    EXAMPLES(provider_lint_examples),
    MEANINGS(provider_lint_meanings),
    .min_words = 1,
    .max_words = 1,
    .run = provider_lint_run,
};

static const struct option provider_new_options[] = {
    {"model", 0, "MODEL",
     "what adding and removing means there: record, value, rrset, document or single (default "
     "record)"},
    {"name", 0, "NAME", "the name of the type (default: that of the file)"},
};
static const struct example provider_new_examples[] = {
    {"chancery provider new --model rrset --name lantern manifests.d/lantern.yaml",
     "begin a manifest for a service whose values of a name go together"},
};
static const struct meaning provider_new_meanings[] = {
    {EXIT_CODE_DONE, "written, or printed"},
    {EXIT_CODE_FAILED, "the file cannot be written"},
    {EXIT_CODE_USAGE,
     "there is no such model, the name cannot be one, or the file is there already"},
};
const struct command command_provider_new = {
    .name = "provider",
    .sub = "new",
    .usage = "[FILE]",
    .sentence = "Write the first lines of a manifest, with a comment on each part.",
    .text =
        "What it writes passes `provider lint` as it is; put in what the API of your provider "
        "says. Models: record (each value is an object with an id), value (the service adds "
        "and removes by value), rrset (the values of a name are read and written together), "
        "document "
        "(all records of a zone are read, what differs is written), single (a name has room for "
        "one value).",
    OPTIONS(provider_new_options),
    EXAMPLES(provider_new_examples),
    MEANINGS(provider_new_meanings),
    .max_words = 1,
    .run = provider_new_run,
};

static const struct option provider_test_options[] = {
    {"zone", 0, "ZONE", "where to try it (default: the first zone of the provider)"},
    {"wait", 'w', "TIME", "how long to wait while another process leads (default: not at all)"},
};
static const struct example provider_test_examples[] = {
    {"chancery provider test corp", "does provider corp work?"},
    {"chancery provider test corp www.example.com",
     "can it prove control of www.example.com, with the delegation that stands there?"},
};
static const struct meaning provider_test_meanings[] = {
    {EXIT_CODE_DONE, "the value was published, seen at every name server, and removed again"},
    {EXIT_CODE_FAILED, "it was not; who answered what is told"},
    {EXIT_CODE_USAGE, "there is no such provider, or it is not the one for that name"},
    {EXIT_CODE_HELD, "another process leads"},
};
const struct command command_provider_test = {
    .name = "provider",
    .sub = "test",
    .usage = "NAME [HOSTNAME]",
    .sentence = "Try a DNS provider for real: publish a TXT record, see it served, remove it.",
    .text =
        "Publishes a random value at a name of its own, _chancery-test-..., in a zone of the "
        "provider; asks every authoritative name server until all show it; removes it and sees "
        "it gone. No challenge name is touched and no CA is asked.\n\n"
        "With HOSTNAME the name is _acme-challenge.HOSTNAME, and a delegation is followed as an "
        "order would follow it. If the process dies, the next run of `renew` removes the "
        "record.",
    OPTIONS(provider_test_options),
    EXAMPLES(provider_test_examples),
    MEANINGS(provider_test_meanings),
    .min_words = 1,
    .max_words = 2,
    .needs = NEED_CONFIG | NEED_STORE_WRITE | NEED_NET,
    .run = provider_test_run,
};

static const struct option provider_txt_options[] = {
    {"for", 0, "LENGTH",
     "add: how long it is wanted, as 1h; then a run of `renew` removes it (default: for ever)"},
    {"no-propagation", 0, NULL,
     "add: do not wait until every name server shows it; the provider's word is enough"},
    {"wait", 'w', "TIME", "how long to wait while another process leads (default 10m)"},
    {"no-wait", 0, NULL, "do not wait: exit with 3 when another process leads"},
};
static const struct example provider_txt_examples[] = {
    {"chancery provider txt add corp _acme-challenge.www.example.com gfj9Xq...Rg85nM --for 1h",
     "for another ACME client, from its hook"},
    {"chancery provider txt remove corp _acme-challenge.www.example.com gfj9Xq...Rg85nM",
     "and away with it"},
    {"chancery provider txt list", "what was published by hand"},
};
static const struct meaning provider_txt_meanings[] = {
    {EXIT_CODE_DONE, "published and served; removed, or never published from here; listed"},
    {EXIT_CODE_FAILED,
     "the provider or a name server does not do as wished; what may stand is listed"},
    {EXIT_CODE_USAGE,
     "there is no such provider, it is not the one for that name, or a value cannot be one"},
    {EXIT_CODE_HELD, "another process leads; nothing was changed"},
};
const struct command command_provider_txt = {
    .name = "provider",
    .sub = "txt",
    .usage = "add PROVIDER NAME VALUE ... | remove PROVIDER NAME [VALUE ...] | list",
    .sentence = "Publish and remove TXT records by hand, or from a script.",
    .text = "`add` publishes values at a name through a configured provider and waits until every "
            "authoritative name server shows them; other values at the name stay. A CNAME is "
            "followed as the provider's `follow_cname` says. Adding what is there already is a "
            "success.\n\n"
            "What was added is kept until it is removed, or until the end given by --for: no run "
            "sweeps it before. It is written down before the provider is asked, so a command that "
            "was killed leaves a row in `list`, and `add` or `remove` settles it. `remove` without "
            "values removes all that was added at that name; what was not added from here is left "
            "alone, and that is a success, too.",
    OPTIONS(provider_txt_options),
    EXAMPLES(provider_txt_examples),
    MEANINGS(provider_txt_meanings),
    .min_words = 1,
    .max_words = -1,
    .needs = NEED_CONFIG | NEED_STORE_WRITE | NEED_NET,
    .run = provider_txt_run,
};
