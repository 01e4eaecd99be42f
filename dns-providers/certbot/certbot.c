#include "dns-providers/script.h"

enum { PRINTED_MAX = 4096 };

static const struct setting settings[] = {
    {.name = "auth_hook",
     .kind = SETTING_ARGV,
     .required = true,
     .sentence = "The program of `--manual-auth-hook`, by absolute path or as a bare name, and its "
                 "words. No shell is involved: a command line for a shell is `[sh, -c, ...]`."},
    {.name = "cleanup_hook",
     .kind = SETTING_ARGV,
     .sentence = "The program of `--manual-cleanup-hook`. Without it the records stay, and each is "
                 "reported as left behind."},
    SCRIPT_ENVIRONMENT,
    SCRIPT_SECRETS,
    {.name = "timeout",
     .kind = SETTING_DURATION,
     .otherwise = "15m",
     .min = 1000,
     .max = 3600 * 1000,
     .sentence = "After this long a hook and its children are ended, and it is tried again later. "
                 "Many hooks wait by themselves until the record is served."},
};
static const struct section section = {
    .name = "providers.NAME",
    .sentence = "Settings of a provider of type `certbot`.",
    .settings = settings,
    .n = sizeof settings / sizeof settings[0],
};

static bool check(const struct dns_provider *provider, const struct json *checked, struct err *err)
{
    static const char *const reserved[] = {"CERTBOT_", NULL};
    (void)provider;
    const struct json *auth = json_find(checked, "auth_hook");
    const struct json *cleanup = json_find(checked, "cleanup_hook");
    return script_path_check("auth_hook", json_as_text(json_at(auth, 0)), err) &&
           (cleanup == NULL ||
            script_path_check("cleanup_hook", json_as_text(json_at(cleanup, 0)), err)) &&
           script_variables_check(checked, reserved, err);
}

static const char *which_hook(const struct dns_job_record *record)
{
    return record->present ? "auth_hook" : "cleanup_hook";
}

static const char *doing(const struct dns_job *job, const struct dns_job_record *record)
{
    return arena_printf(job->arena, "%s for %s", which_hook(record), record->owner);
}

/* Hooks that wait for their records do so when nothing is left to come. */
static size_t n_to_come(const struct dns_job *job, const struct dns_job_record *record)
{
    size_t n = 0;
    for (const struct dns_job_record *r = record + 1; r < job->records + job->n_records; r++)
        n += r->present == record->present ? 1 : 0;
    return n;
}

static bool domain_is_first(const struct dns_job *job, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(job->records[j].owner, job->records[i].owner) == 0)
            return false;
    return true;
}

static const char *all_domains(const struct dns_job *job)
{
    AUTO(buf_fini)
    struct buf out = BUF(1024 * 1024);
    for (size_t i = 0; i < job->n_records; i++) {
        const char *domain = script_domain(job->records[i].owner);
        if (domain != NULL && domain_is_first(job, i))
            buf_printf(&out, "%s%s", out.len > 0 ? "," : "", domain);
    }
    return arena_strdup(job->arena, buf_cstr(&out));
}

static const char *const *call_environment(const struct dns_job *job,
                                           const struct dns_job_record *record)
{
    struct arena *arena = job->arena;
    const char *own[6] = {
        arena_printf(arena, "CERTBOT_DOMAIN=%s", script_domain(record->owner)),
        arena_printf(arena, "CERTBOT_VALIDATION=%s", record->value),
        arena_printf(arena, "CERTBOT_ALL_DOMAINS=%s", all_domains(job)),
        arena_printf(arena, "CERTBOT_REMAINING_CHALLENGES=%zu", n_to_come(job, record)),
    };
    if (!record->present)
        own[4] =
            arena_printf(arena, "CERTBOT_AUTH_OUTPUT=%s", record->ref != NULL ? record->ref : "");
    return script_environment(job, own);
}

static const char *const *call_argv(const struct dns_job *job, const struct json *hook)
{
    const char **words = arena_alloc(job->arena, (json_len(hook) + 1) * sizeof *words);
    for (size_t i = 0; i < json_len(hook); i++)
        words[i] = json_as_text(json_at(hook, i));
    return words;
}

static void wish_run(const struct dns_job *job, const struct dns_job_record *record,
                     struct dns_wish *ret_wish)
{
    const struct json *hook = json_find(job->settings, which_hook(record));
    if (script_domain(record->owner) == NULL)
        dns_wish_fail(ret_wish, ERR_CONFIG,
                      "hooks of certbot write only below _acme-challenge. of a domain, and %s is "
                      "elsewhere: a CNAME or challenge_alias may lead only to such a name",
                      record->owner);
    else if (hook == NULL)
        dns_wish_fail(ret_wish, ERR_CONFIG,
                      "there is no cleanup_hook: remove the TXT value %s at %s by hand",
                      record->value, record->owner);
    else
        *ret_wish = (struct dns_wish){
            .kind = DNS_WISH_RUN,
            .run = {.argv = call_argv(job, hook),
                    .environment = call_environment(job, record),
                    .secret_environment = script_secrets(job),
                    .timeout_ms = json_int(job->settings, "timeout", 15 * 60 * 1000),
                    .errors_apart = true},
        };
}

/* What an auth hook printed - often an id - its clean-up is told: it is kept with the record. */
static bool printed_keep(const struct dns_job *job, struct dns_job_record *record,
                         const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    struct str printed = str_trim(answer->body);
    (void)job;
    (void)ret_wish;
    printed.len = str_find_char(printed, '\0');
    if (printed.len > PRINTED_MAX)
        printed.len = PRINTED_MAX;
    mem_free(record->ref);
    record->ref = record->present && printed.len > 0 ? mem_strndup(printed.p, printed.len) : NULL;
    return true;
}

static void step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    static const struct script_protocol protocol = {3, doing, wish_run, printed_keep};
    script_step(&protocol, job, answer, ret_wish);
}

extern const struct dns_provider dns_provider_certbot;
const struct dns_provider dns_provider_certbot = {
    .struct_size = sizeof(struct dns_provider),
    .abi_major = DNS_PROVIDER_ABI_MAJOR,
    .abi_minor = DNS_PROVIDER_ABI_MINOR,
    .name = "certbot",
    .title = "Manual hooks of certbot",
    .sentence =
        "Runs the programs of certbot's `--manual-auth-hook` and `--manual-cleanup-hook` as "
        "they are.",
    .link = "https://eff-certbot.readthedocs.io/en/stable/using.html#hooks",
    .capabilities = DNS_CAN_BATCH,
    .settings = &section,
    .check = check,
    .step = step,
    .example = "  hooks:\n"
               "    type: certbot\n"
               "    zones: [example.org]\n"
               "    auth_hook: [/etc/letsencrypt/authenticator.sh]\n"
               "    cleanup_hook: [/etc/letsencrypt/cleanup.sh]\n"
               "    secrets: {API_KEY: file:/etc/chancery/dns.key}\n",
    .rights = "The hooks run as the user of Chancery, without a shell, in the folder `/`, with an "
              "environment that holds\n"
              "only PATH, LANG, the CERTBOT_ names, and what `environment` and `secrets` say.\n",
};
