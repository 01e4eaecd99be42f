#include "dns-providers/script.h"

enum { REF_MAX = 255, WORD_MAX = 64 * 1024 };

static const struct setting settings[] = {
    {.name = "argv",
     .kind = SETTING_ARGV,
     .required = true,
     .sentence = "The program, by absolute path or as a bare name, and its words. Words may hold "
                 "{action}, {owner}, "
                 "{value}, {zone} and {ttl}; when none does, `present OWNER VALUE` or `remove "
                 "OWNER VALUE` follows "
                 "them. No shell is involved."},
    {.name = "protocol",
     .kind = SETTING_TEXT,
     .otherwise = "chancery",
     .choices = "chancery|lego|lego-raw|dehydrated",
     .sentence =
         "What the program is told. `lego`: `present OWNER. VALUE` or `cleanup OWNER. VALUE`, as "
         "lego's provider `exec` does. `lego-raw`: `present -- DOMAIN TOKEN KEYAUTH`, its mode "
         "RAW. "
         "`dehydrated`: `deploy_challenge DOMAIN TOKEN VALUE` or `clean_challenge ...`, as "
         "dehydrated calls its hooks."},
    SCRIPT_ENVIRONMENT,
    SCRIPT_SECRETS,
    {.name = "timeout",
     .kind = SETTING_DURATION,
     .otherwise = "60s",
     .min = 1000,
     .max = 3600 * 1000,
     .sentence =
         "After this long the program and its children are ended, and it is tried again later."},
};
static const struct section section = {
    .name = "providers.NAME",
    .sentence = "Settings of a provider of type `exec`.",
    .settings = settings,
    .n = sizeof settings / sizeof settings[0],
};

enum protocol {
    PROTOCOL_CHANCERY,
    PROTOCOL_LEGO,
    PROTOCOL_LEGO_RAW,
    PROTOCOL_DEHYDRATED,
    PROTOCOL_N
};
static const struct {
    const char *name, *add, *remove;
    bool needs_proof;
} protocols[PROTOCOL_N] = {
    [PROTOCOL_CHANCERY] = {"chancery", "present", "remove", false},
    [PROTOCOL_LEGO] = {"lego", "present", "cleanup", false},
    [PROTOCOL_LEGO_RAW] = {"lego-raw", "present", "cleanup", true},
    [PROTOCOL_DEHYDRATED] = {"dehydrated", "deploy_challenge", "clean_challenge", true},
};

static enum protocol protocol_of(const struct json *checked)
{
    const char *name = json_text(checked, "protocol");
    for (size_t i = 0; i < PROTOCOL_N && name != NULL; i++)
        if (strcmp(protocols[i].name, name) == 0)
            return (enum protocol)i;
    return PROTOCOL_CHANCERY;
}

enum { PLACE_ACTION, PLACE_OWNER, PLACE_VALUE, PLACE_ZONE, PLACE_TTL, PLACE_N };
static const char *const places[PLACE_N] = {"{action}", "{owner}", "{value}", "{zone}", "{ttl}"};

/* Index of the placeholder that text starts with, PLACE_N when it starts with none. */
static size_t place_at(struct str text)
{
    for (size_t i = 0; i < PLACE_N; i++)
        if (str_starts(text, str_of(places[i])))
            return i;
    return PLACE_N;
}

static bool word_has_place(struct str word)
{
    for (size_t i = 0; i < word.len; i++)
        if (place_at(str_mem(word.p + i, word.len - i)) < PLACE_N)
            return true;
    return false;
}

static bool argv_has_place(const struct json *argv)
{
    for (size_t i = 1; i < json_len(argv); i++)
        if (word_has_place(str_of(json_as_text(json_at(argv, i)))))
            return true;
    return false;
}

/* Length of "{letters}" at the start of text, 0 when it is something else. */
static size_t braces_len(struct str text)
{
    size_t n = 1;
    if (text.len < 3 || text.p[0] != '{')
        return 0;
    while (n < text.len && text.p[n] >= 'a' && text.p[n] <= 'z')
        n++;
    return n > 1 && n < text.len && text.p[n] == '}' ? n + 1 : 0;
}

/* A misspelt placeholder would reach the program as it stands and fail only at the next renewal. */
static bool check_word(const char *word, struct err *err)
{
    struct str rest = str_of(word);
    for (; rest.len > 0; rest = str_mem(rest.p + 1, rest.len - 1)) {
        size_t len = braces_len(rest);
        if (len > 0 && place_at(rest) == PLACE_N)
            return err_set(
                err, ERR_CONFIG,
                "argv: %.*s is unknown; there are {action}, {owner}, {value}, {zone} and {ttl}",
                (int)len, rest.p);
    }
    return true;
}

static bool check(const struct dns_provider *provider, const struct json *checked, struct err *err)
{
    static const char *const reserved[] = {"CHANCERY_", NULL};
    (void)provider;
    const struct json *argv = json_find(checked, "argv");
    enum protocol protocol = protocol_of(checked);
    if (!script_path_check("argv", json_as_text(json_at(argv, 0)), err))
        return false;
    if (protocol != PROTOCOL_CHANCERY && argv_has_place(argv))
        return err_set(err, ERR_CONFIG,
                       "argv: the protocol %s says what follows; placeholders are for `chancery`",
                       protocols[protocol].name);
    for (size_t i = 1; i < json_len(argv) && protocol == PROTOCOL_CHANCERY; i++)
        if (!check_word(json_as_text(json_at(argv, i)), err))
            return false;
    return script_variables_check(checked, reserved, err);
}

static const char *action_of(const struct dns_job *job, const struct dns_job_record *record)
{
    enum protocol protocol = protocol_of(job->settings);
    return record->present ? protocols[protocol].add : protocols[protocol].remove;
}

static const char *word_fill(const struct dns_job *job, const char *word,
                             const char *const with[PLACE_N])
{
    AUTO(buf_fini)
    struct buf out = BUF(WORD_MAX);
    for (struct str rest = str_of(word); rest.len > 0;) {
        size_t place = place_at(rest);
        size_t len = place < PLACE_N ? strlen(places[place]) : 1;
        buf_add_str(&out, place < PLACE_N ? str_of(with[place]) : str_mem(rest.p, 1));
        rest = str_mem(rest.p + len, rest.len - len);
    }
    return arena_strdup(job->arena, buf_cstr(&out));
}

/* What the protocol appends: at most five words, NULL-terminated. */
static void words_of(const struct dns_job *job, const struct dns_job_record *record,
                     const char *words[6])
{
    const char *domain = script_domain(record->owner), *proof = record->key_authorization;
    const char *token =
        proof != NULL ? arena_strndup(job->arena, proof, strcspn(proof, ".")) : NULL;
    const char *action = action_of(job, record);
    switch (protocol_of(job->settings)) {
    case PROTOCOL_LEGO:
        memcpy(words,
               (const char *[6]){action, arena_printf(job->arena, "%s.", record->owner),
                                 record->value},
               sizeof(const char *[6]));
        return;
    case PROTOCOL_LEGO_RAW:
        memcpy(words, (const char *[6]){action, "--", domain, token, proof},
               sizeof(const char *[6]));
        return;
    case PROTOCOL_DEHYDRATED:
        memcpy(words, (const char *[6]){action, domain, token, record->value},
               sizeof(const char *[6]));
        return;
    case PROTOCOL_CHANCERY:
    case PROTOCOL_N:
        memcpy(words, (const char *[6]){action, record->owner, record->value},
               sizeof(const char *[6]));
    }
}

static const char *const *run_argv(const struct dns_job *job, const struct dns_job_record *record)
{
    const struct json *argv = json_find(job->settings, "argv");
    const char *appended[6];
    const char *with[PLACE_N] = {action_of(job, record), record->owner, record->value, job->zone,
                                 arena_printf(job->arena, "%u", record->ttl_s)};
    bool is_plain = protocol_of(job->settings) != PROTOCOL_CHANCERY;
    size_t n = json_len(argv);
    const char **words = arena_alloc(job->arena, (n + 7) * sizeof *words);
    for (size_t i = 0; i < n; i++) {
        const char *word = json_as_text(json_at(argv, i));
        words[i] = i == 0 || is_plain ? word : word_fill(job, word, with);
    }
    words_of(job, record, appended);
    if (!argv_has_place(argv))
        memcpy(words + n, appended, sizeof appended);
    return words;
}

static const char *const *run_environment(const struct dns_job *job,
                                          const struct dns_job_record *record)
{
    const char *const own[] = {
        arena_printf(job->arena, "CHANCERY_ACTION=%s", record->present ? "present" : "remove"),
        arena_printf(job->arena, "CHANCERY_OWNER=%s", record->owner),
        arena_printf(job->arena, "CHANCERY_VALUE=%s", record->value),
        arena_printf(job->arena, "CHANCERY_ZONE=%s", job->zone),
        arena_printf(job->arena, "CHANCERY_TTL=%u", record->ttl_s),
        arena_printf(job->arena, "CHANCERY_REF=%s", record->ref != NULL ? record->ref : ""),
        NULL,
    };
    return script_environment(job, own);
}

/* Such a program works the name and the value out by itself, from a domain and the token; it cannot be told others. */
static bool record_can_be_told(const struct dns_job *job, const struct dns_job_record *record,
                               struct dns_wish *ret_wish)
{
    enum protocol protocol = protocol_of(job->settings);
    if (!protocols[protocol].needs_proof)
        return true;
    if (script_domain(record->owner) == NULL)
        dns_wish_fail(ret_wish, ERR_CONFIG,
                      "the protocol %s writes only below _acme-challenge. of a domain, and %s is "
                      "elsewhere: use `lego` or `chancery`",
                      protocols[protocol].name, record->owner);
    else if (record->key_authorization == NULL)
        dns_wish_fail(ret_wish, ERR_CONFIG,
                      "the protocol %s needs the token of a challenge, and the value at %s is none "
                      "of such: use `lego` or `chancery`",
                      protocols[protocol].name, record->owner);
    else
        return true;
    return false;
}

static void wish_run(const struct dns_job *job, const struct dns_job_record *record,
                     struct dns_wish *ret_wish)
{
    if (!record_can_be_told(job, record, ret_wish))
        return;
    *ret_wish = (struct dns_wish){
        .kind = DNS_WISH_RUN,
        .run = {.argv = run_argv(job, record),
                .environment = run_environment(job, record),
                .secret_environment = script_secrets(job),
                .timeout_ms = json_int(job->settings, "timeout", 60 * 1000)},
    };
}

static const char *doing(const struct dns_job *job, const struct dns_job_record *record)
{
    return arena_printf(job->arena, "%s %s %s",
                        json_as_text(json_at(json_find(job->settings, "argv"), 0)),
                        action_of(job, record), record->owner);
}

static bool ref_is_sane(struct str ref)
{
    for (size_t i = 0; i < ref.len; i++)
        if (ref.p[i] < 0x21 || ref.p[i] > 0x7e)
            return false;
    return ref.len > 0 && ref.len <= REF_MAX;
}

/* The record is as wished even when its ref cannot be used: it counts as done by then. */
static bool hear_success(const struct dns_job *job, struct dns_job_record *record,
                         const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    if (!record->present) {
        mem_set_str(&record->ref, NULL);
        return true;
    }
    struct str line = script_last_line(answer->body, STR("ref="));
    if (line.len == 0)
        return true;
    struct str ref = str_mem(line.p + 4, line.len - 4);
    if (!ref_is_sane(ref)) {
        script_fail(answer, doing(job, record), 1, ERR_BROKEN,
                    "its ref is not 1 to 255 printable ASCII characters without blanks", ret_wish);
        return false;
    }
    mem_free(record->ref);
    record->ref = mem_strndup(ref.p, ref.len);
    return true;
}

static void step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    static const struct script_protocol protocol = {1, doing, wish_run, hear_success};
    script_step(&protocol, job, answer, ret_wish);
}

extern const struct dns_provider dns_provider_exec;
const struct dns_provider dns_provider_exec = {
    .struct_size = sizeof(struct dns_provider),
    .abi_major = DNS_PROVIDER_ABI_MAJOR,
    .abi_minor = DNS_PROVIDER_ABI_MINOR,
    .name = "exec",
    .title = "A program of your own",
    .sentence = "Runs a program once for each TXT record that shall appear or go.",
    .link = NULL,
    .settings = &section,
    .check = check,
    .step = step,
    .example = "  own:\n"
               "    type: exec\n"
               "    zones: [example.org]\n"
               "    argv: [/usr/local/sbin/change-txt, --zone, \"{zone}\", \"{action}\", "
               "\"{owner}\", \"{value}\"]\n"
               "    timeout: 2m\n",
    .rights = "The program runs as the user of Chancery, without a shell, in the folder `/`, with "
              "an environment that holds\n"
              "only PATH, LANG, the CHANCERY_ names, and what `environment` and `secrets` say.\n",
};
