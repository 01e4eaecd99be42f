#include "dns-providers/builtin.h"
#include "dns-providers/script.h"

enum { SAVED_MAX = 8192, NAME_MAX_LEN = 100 };

static const struct setting settings[] = {
    {.name = "script",
     .kind = SETTING_TEXT,
     .required = true,
     .sentence = "The script, by absolute path: `/usr/share/acme.sh/dnsapi/dns_NAME.sh`. Chancery "
                 "brings none along."},
    {.name = "shell",
     .kind = SETTING_TEXT,
     .otherwise = "sh",
     .choices = "sh|dash|bash",
     .sentence = "What runs it. Scripts that call themselves `bash` in their first line may need "
                 "that."},
    SCRIPT_ENVIRONMENT,
    SCRIPT_SECRETS,
    {.name = "timeout",
     .kind = SETTING_DURATION,
     .otherwise = "5m",
     .min = 1000,
     .max = 3600 * 1000,
     .sentence = "After this long the script and its children are ended, and it is tried again "
                 "later."},
};
static const struct section section = {
    .name = "providers.NAME",
    .sentence = "Settings of a provider of type `acmesh`.",
    .settings = settings,
    .n = sizeof settings / sizeof settings[0],
};

/* "dns_cf" of "/somewhere/dns_cf.sh"; len 0 when it cannot be the name of a function. */
static struct str script_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct str name = str_of(slash != NULL ? slash + 1 : path);
    if (!str_starts(name, STR("dns_")) || !str_ends(name, STR(".sh")))
        return STR_NONE;
    name.len -= 3;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '_')
            return STR_NONE;
    }
    return name.len > 4 && name.len <= NAME_MAX_LEN ? name : STR_NONE;
}

static bool check(const struct dns_provider *provider, const struct json *checked, struct err *err)
{
    static const char *const reserved[] = {"CHANCERY_", "HTTP_HEADER", "DOMAIN_CONF", NULL};
    (void)provider;
    const char *path = json_text(checked, "script");
    if (path[0] != '/')
        return err_set(err, ERR_CONFIG, "script: \"%s\" must be an absolute path", path);
    if (script_name(path).len == 0)
        return err_set(err, ERR_CONFIG,
                       "script: \"%s\" is no dns_NAME.sh, whose functions would be dns_NAME_add "
                       "and dns_NAME_rm",
                       path);
    return script_variables_check(checked, reserved, err);
}

static const char *function_of(const struct dns_job *job, const struct dns_job_record *record)
{
    struct str name = script_name(json_text(job->settings, "script"));
    return arena_printf(job->arena, "%.*s_%s", STR_ARG(name), record->present ? "add" : "rm");
}

static const char *doing(const struct dns_job *job, const struct dns_job_record *record)
{
    return arena_printf(job->arena, "%s %s", function_of(job, record), record->owner);
}

static const char *const *call_argv(const struct dns_job *job, const struct dns_job_record *record)
{
    const char *words[] = {json_text(job->settings, "shell"),
                           "-s",
                           "--",
                           json_text(job->settings, "script"),
                           function_of(job, record),
                           record->owner,
                           record->value,
                           NULL};
    const char **argv = arena_alloc(job->arena, sizeof words);
    memcpy(argv, words, sizeof words);
    return argv;
}

static const char *const *call_environment(const struct dns_job *job,
                                           const struct dns_job_record *record)
{
    const char *own[] = {
        record->ref != NULL ? arena_printf(job->arena, "CHANCERY_SAVED=%s", record->ref) : NULL,
        NULL};
    return script_environment(job, own);
}

static void wish_run(const struct dns_job *job, const struct dns_job_record *record,
                     struct dns_wish *ret_wish)
{
    *ret_wish = (struct dns_wish){
        .kind = DNS_WISH_RUN,
        .run = {.argv = call_argv(job, record),
                .environment = call_environment(job, record),
                .secret_environment = script_secrets(job),
                .input = str_mem(builtin_acmesh[0].text, builtin_acmesh[0].len),
                .timeout_ms = json_int(job->settings, "timeout", 5 * 60 * 1000),
                .errors_apart = true},
    };
}

static bool saved_is_good(struct str saved)
{
    AUTO(buf_fini)
    struct buf out = BUF(SAVED_MAX);
    return saved.len > 0 && saved.len <= SAVED_MAX && base64_decode_any(&out, saved);
}

/* What the script saved for the domain, often the id of the record; without it some cannot remove what they added. */
static bool saved_keep(const struct dns_job *job, struct dns_job_record *record,
                       const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    (void)job;
    (void)ret_wish;
    static const struct str mark = {"chancery-saved=", 15};
    struct str line = script_last_line(answer->body, mark);
    struct str saved = line.len > 0 ? str_mem(line.p + mark.len, line.len - mark.len) : STR_NONE;
    bool keeps = record->present && saved_is_good(saved);
    mem_free(record->ref);
    record->ref = keeps ? mem_strndup(saved.p, saved.len) : NULL;
    return true;
}

static void step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    static const struct script_protocol protocol = {3, doing, wish_run, saved_keep};
    script_step(&protocol, job, answer, ret_wish);
}

extern const struct dns_provider dns_provider_acmesh;
const struct dns_provider dns_provider_acmesh = {
    .struct_size = sizeof(struct dns_provider),
    .abi_major = DNS_PROVIDER_ABI_MAJOR,
    .abi_minor = DNS_PROVIDER_ABI_MINOR,
    .name = "acmesh",
    .title = "A dnsapi script of acme.sh",
    .sentence = "Runs a script of acme.sh's folder `dnsapi` as it is, without acme.sh.",
    .link = "https://github.com/acmesh-official/acme.sh/wiki/dnsapi",
    .settings = &section,
    .check = check,
    .step = step,
    .example = "  script:\n"
               "    type: acmesh\n"
               "    zones: [example.org]\n"
               "    script: /usr/share/acme.sh/dnsapi/dns_example.sh\n"
               "    environment: {EXAMPLE_Account: ops@example.org}\n"
               "    secrets: {EXAMPLE_Key: file:/etc/chancery/example.key}\n",
    .rights = "The script runs as the user of Chancery, with an environment that holds only PATH, "
              "LANG, and what\n"
              "`environment` and `secrets` say. It is somebody's program with your credentials: "
              "read it before you use it.\n",
};
