#include "dns-providers/wish.h"

enum { REF_MAX = 255, SHOWN_MAX = 200, WORD_MAX = 64 * 1024 };

static const struct setting settings[] = {
    {.name = "argv",
     .kind = SETTING_ARGV,
     .required = true,
     .sentence = "The program, by absolute path or as a bare name, and its words. Words may hold "
                 "{action}, {owner}, "
                 "{value}, {zone} and {ttl}; when none does, `present OWNER VALUE` or `remove "
                 "OWNER VALUE` follows "
                 "them. No shell is involved."},
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

/* What an exit code says. Those of sysexits.h are taken at their word; an unknown one is taken for
 * a passing fault, because programs end with 1 for a lost connection as readily as for anything
 * else, and giving up costs a certificate. */
static const struct {
    int code;
    enum err_kind kind;
    const char *what;
} exits[] = {
    {64, ERR_REFUSED, "it was used wrongly"},
    {65, ERR_REFUSED, "it refuses this record"},
    {75, ERR_AGAIN, "try again later"},
    {77, ERR_DENIED, "permission denied"},
    {78, ERR_CONFIG, "its configuration is wrong"},
    {126, ERR_CONFIG, "a program cannot be run"},
    {127, ERR_CONFIG, "a program is missing"},
};

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
    (void)provider;
    const struct json *argv = json_find(checked, "argv");
    const char *program = json_as_text(json_at(argv, 0));
    if (program == NULL || program[0] == '\0')
        return err_set(err, ERR_CONFIG, "argv: the program is missing");
    if (program[0] != '/' && strchr(program, '/') != NULL)
        return err_set(err, ERR_CONFIG, "argv: \"%s\" must be an absolute path or a bare name",
                       program);
    for (size_t i = 1; i < json_len(argv); i++)
        if (!check_word(json_as_text(json_at(argv, i)), err))
            return false;
    return true;
}

static const char *action_of(const struct dns_job_record *record)
{
    return record->present ? "present" : "remove";
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

static const char *const *run_argv(const struct dns_job *job, const struct dns_job_record *record)
{
    const struct json *argv = json_find(job->settings, "argv");
    const char *with[PLACE_N] = {action_of(record), record->owner, record->value, job->zone,
                                 arena_printf(job->arena, "%u", record->ttl_s)};
    size_t n = json_len(argv);
    const char **words = arena_alloc(job->arena, (n + 4) * sizeof *words);
    for (size_t i = 0; i < n; i++) {
        const char *word = json_as_text(json_at(argv, i));
        words[i] = i == 0 ? word : word_fill(job, word, with);
    }
    if (!argv_has_place(argv))
        memcpy(words + n, with, 3 * sizeof *words); /* action, owner, value */
    return words;
}

static const char *const *run_environment(const struct dns_job *job,
                                          const struct dns_job_record *record)
{
    const char **lines = arena_alloc(job->arena, 7 * sizeof *lines);
    lines[0] = arena_printf(job->arena, "CHANCERY_ACTION=%s", action_of(record));
    lines[1] = arena_printf(job->arena, "CHANCERY_OWNER=%s", record->owner);
    lines[2] = arena_printf(job->arena, "CHANCERY_VALUE=%s", record->value);
    lines[3] = arena_printf(job->arena, "CHANCERY_ZONE=%s", job->zone);
    lines[4] = arena_printf(job->arena, "CHANCERY_TTL=%u", record->ttl_s);
    lines[5] = arena_printf(job->arena, "CHANCERY_REF=%s", record->ref != NULL ? record->ref : "");
    return lines;
}

static void wish_run(const struct dns_job *job, const struct dns_job_record *record,
                     struct dns_wish *ret_wish)
{
    *ret_wish = (struct dns_wish){
        .kind = DNS_WISH_RUN,
        .run = {.argv = run_argv(job, record),
                .environment = run_environment(job, record),
                .timeout_ms = json_int(job->settings, "timeout", 60 * 1000)},
    };
}

/* The last line with anything on it that starts with prefix. */
static struct str last_line(struct str output, struct str prefix)
{
    struct str line, last = STR_NONE;
    while (str_split(&output, '\n', &line)) {
        line = str_trim(line);
        if (line.len > 0 && str_starts(line, prefix))
            last = line;
    }
    return last;
}

static void wish_fail(const struct dns_job *job, const struct dns_job_record *record,
                      const struct dns_answer *answer, enum err_kind kind, const char *what,
                      struct dns_wish *ret_wish)
{
    AUTO(buf_fini)
    struct buf shown = BUF(4 * SHOWN_MAX + 16);
    text_escape(&shown, last_line(answer->body, STR("")), SHOWN_MAX);
    dns_wish_fail(ret_wish, kind, "%s %s %s: %s%s%s",
                  json_as_text(json_at(json_find(job->settings, "argv"), 0)), action_of(record),
                  record->owner, what, shown.len > 0 ? "; its last words: " : "", buf_cstr(&shown));
}

static void wish_fail_exit(const struct dns_job *job, const struct dns_job_record *record,
                           const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++)
        if (exits[i].code == answer->exit_code) {
            const char *what =
                arena_printf(job->arena, "exit code %d, %s", exits[i].code, exits[i].what);
            wish_fail(job, record, answer, exits[i].kind, what, ret_wish);
            return;
        }
    const char *what = arena_printf(job->arena, "exit code %d", answer->exit_code);
    wish_fail(job, record, answer, ERR_AGAIN, what, ret_wish);
}

static bool ref_is_sane(struct str ref)
{
    for (size_t i = 0; i < ref.len; i++)
        if (ref.p[i] < 0x21 || ref.p[i] > 0x7e)
            return false;
    return ref.len > 0 && ref.len <= REF_MAX;
}

/* The record is as wished even when its ref cannot be used, so it counts as done before that is
 * complained about. */
static bool hear_success(const struct dns_job *job, struct dns_job_record *record,
                         const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    record->done = true;
    if (!record->present) {
        mem_set_str(&record->ref, NULL);
        return true;
    }
    struct str line = last_line(answer->body, STR("ref="));
    if (line.len == 0)
        return true;
    struct str ref = str_mem(line.p + 4, line.len - 4);
    if (!ref_is_sane(ref)) {
        wish_fail(job, record, answer, ERR_BROKEN,
                  "its ref is not 1 to 255 printable ASCII characters without blanks", ret_wish);
        return false;
    }
    mem_free(record->ref);
    record->ref = mem_strndup(ref.p, ref.len);
    return true;
}

/* False: *ret_wish says why the job fails. */
static bool hear(const struct dns_job *job, struct dns_job_record *record,
                 const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    if (answer->err != NULL)
        dns_wish_fail_as(ret_wish, answer->err, "%s %s", action_of(record), record->owner);
    else if (answer->timed_out)
        wish_fail(job, record, answer, ERR_AGAIN, "it took too long and was ended", ret_wish);
    else if (answer->exit_code < 0)
        wish_fail(job, record, answer, ERR_AGAIN, "it was killed", ret_wish);
    else if (answer->exit_code > 0)
        wish_fail_exit(job, record, answer, ret_wish);
    else
        return hear_success(job, record, answer, ret_wish);
    return false;
}

static void step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    if (answer == NULL)
        dns_job_start(job);
    struct dns_job_record *record = dns_job_next(job);
    if (answer != NULL && record != NULL) {
        if (!hear(job, record, answer, ret_wish))
            return;
        record = dns_job_next(job);
    }
    if (record == NULL)
        dns_wish_done(ret_wish);
    else
        wish_run(job, record, ret_wish);
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
              "only PATH, LANG and the CHANCERY_ names. It gets no secret of ours: it has to know "
              "its own.\n",
};
