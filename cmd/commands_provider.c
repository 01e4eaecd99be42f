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

static const struct option provider_test_options[] = {
    {"wait", 'w', "TIME", "how long to wait while another process leads (default: not at all)"},
};
static const struct example provider_test_examples[] = {
    {"chancery provider test corp www.example.com",
     "can provider corp prove control of www.example.com?"},
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
    .usage = "NAME HOSTNAME",
    .sentence = "Try a DNS provider for real: publish a TXT record, see it served, remove it.",
    .text =
        "Publishes a random value at _acme-challenge.HOSTNAME, follows a delegation as an order "
        "would, asks every authoritative name server until all show it, removes it and sees it "
        "gone. No CA is asked. If the process dies, the next run of `renew` removes the record.",
    OPTIONS(provider_test_options),
    EXAMPLES(provider_test_examples),
    MEANINGS(provider_test_meanings),
    .min_words = 2,
    .max_words = 2,
    .needs = NEED_CONFIG | NEED_STORE_WRITE | NEED_NET,
    .run = provider_test_run,
};
