#include "dns-providers/script.h"

enum { SHOWN_MAX = 200, LINES_MAX = 4 };

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

/* ---- settings ---- */

static bool variable_name_is_good(const char *name)
{
    if (name[0] >= '0' && name[0] <= '9')
        return false;
    return strchr(name, '-') == NULL; /* the table has seen to the rest */
}

static bool names_check(const char *setting, const struct json *variables,
                        const char *const *reserved, struct err *err)
{
    const char *name;
    const struct json *value;
    for (void *at = NULL; json_next(variables, &at, &name, &value);) {
        if (!variable_name_is_good(name))
            return err_set(err, ERR_CONFIG, "%s: \"%s\" cannot be the name of a variable", setting,
                           name);
        for (const char *const *r = reserved; *r != NULL; r++)
            if (str_starts(str_of(name), str_of(*r)))
                return err_set(err, ERR_CONFIG, "%s: %s is set for each record, not here", setting,
                               name);
    }
    return true;
}

bool script_variables_check(const struct json *settings, const char *const *reserved,
                            struct err *err)
{
    const struct json *plain = json_find(settings, "environment"), *value;
    const struct json *secrets = json_find(settings, "secrets");
    const char *name;
    for (void *at = NULL; json_next(plain, &at, &name, &value);)
        if (json_find(secrets, name) != NULL)
            return err_set(err, ERR_CONFIG, "%s is in environment and in secrets", name);
    return names_check("environment", plain, reserved, err) &&
           names_check("secrets", secrets, reserved, err);
}

bool script_path_check(const char *what, const char *program, struct err *err)
{
    if (program == NULL || program[0] == '\0')
        return err_set(err, ERR_CONFIG, "%s: the program is missing", what);
    if (program[0] != '/' && strchr(program, '/') != NULL)
        return err_set(err, ERR_CONFIG, "%s: \"%s\" must be an absolute path or a bare name", what,
                       program);
    return true;
}

/* ---- what it is given ---- */

const char *const *script_environment(const struct dns_job *job, const char *const *own)
{
    const struct json *variables = json_find(job->settings, "environment"), *value;
    const char *name;
    size_t n = 0;
    while (own[n] != NULL)
        n++;
    const char **lines = arena_alloc(job->arena, (n + json_len(variables) + 1) * sizeof *lines);
    memcpy(lines, own, n * sizeof *lines);
    for (void *at = NULL; json_next(variables, &at, &name, &value);)
        lines[n++] = arena_printf(job->arena, "%s=%s", name, json_as_text(value));
    return lines;
}

const char *const *script_secrets(const struct dns_job *job)
{
    const struct json *secrets = json_find(job->settings, "secrets"), *value;
    const char *name;
    size_t n = 0;
    if (json_len(secrets) == 0)
        return NULL;
    const char **lines = arena_alloc(job->arena, (json_len(secrets) + 1) * sizeof *lines);
    for (void *at = NULL; json_next(secrets, &at, &name, &value);)
        lines[n++] = arena_printf(job->arena, "%s=secrets.%s", name, name);
    return lines;
}

const char *script_domain(const char *owner)
{
    static const struct str label = {"_acme-challenge.", 16};
    return str_starts(str_of(owner), label) && owner[label.len] != '\0' ? owner + label.len : NULL;
}

/* ---- how it ended ---- */

struct str script_last_line(struct str output, struct str prefix)
{
    struct str line, last = STR_NONE;
    while (str_split(&output, '\n', &line)) {
        line = str_trim(line);
        if (line.len > 0 && str_starts(line, prefix))
            last = line;
    }
    return last;
}

/* From the n-th but last line with anything on it to the end. */
static struct str last_lines(struct str output, size_t n)
{
    const char *starts[LINES_MAX] = {NULL};
    struct str rest = str_trim(output), line;
    size_t i = 0;
    const char *end = rest.p + rest.len;
    if (rest.len == 0)
        return rest;
    while (str_split(&rest, '\n', &line))
        if (str_trim(line).len > 0)
            starts[i++ % n] = line.p;
    const char *from = i < n ? starts[0] : starts[i % n];
    return str_mem(from, (size_t)(end - from));
}

static void words_add(const struct dns_answer *answer, size_t n_lines, struct buf *out)
{
    struct str said = str_trim(answer->errors).len > 0 ? answer->errors : answer->body;
    struct str lines = last_lines(said, n_lines), line;
    while (lines.len > 0 && str_split(&lines, '\n', &line)) {
        line = str_trim(line);
        buf_add_cstr(out, line.len > 0 && out->len > 0 ? " / " : "");
        text_escape(out, line, SHOWN_MAX);
    }
}

void script_fail(const struct dns_answer *answer, const char *doing, size_t n_lines,
                 enum err_kind kind, const char *what, struct dns_wish *ret_wish)
{
    AUTO(buf_fini)
    struct buf shown = BUF(LINES_MAX * (4 * SHOWN_MAX + 16));
    CHECK(n_lines > 0 && n_lines <= LINES_MAX);
    words_add(answer, n_lines, &shown);
    dns_wish_fail(ret_wish, kind, "%s: %s%s%s", doing, what,
                  shown.len > 0 ? "; its last words: " : "", buf_cstr(&shown));
}

static void exit_fail(const struct dns_answer *answer, const char *doing, size_t n_lines,
                      struct dns_wish *ret_wish)
{
    enum err_kind kind = ERR_AGAIN;
    const char *means = NULL;
    for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++)
        if (exits[i].code == answer->exit_code) {
            kind = exits[i].kind;
            means = exits[i].what;
        }
    AUTO(mem_fini)
    char *what = mem_printf("exit code %d%s%s", answer->exit_code, means != NULL ? ", " : "",
                            means != NULL ? means : "");
    script_fail(answer, doing, n_lines, kind, what, ret_wish);
}

bool script_hear(const struct dns_answer *answer, const char *doing, size_t n_lines,
                 struct dns_wish *ret_wish)
{
    if (answer->err != NULL)
        dns_wish_fail_as(ret_wish, answer->err, "%s", doing);
    else if (answer->timed_out)
        script_fail(answer, doing, n_lines, ERR_AGAIN, "it took too long and was ended", ret_wish);
    else if (answer->exit_code < 0)
        script_fail(answer, doing, n_lines, ERR_AGAIN, "it was killed", ret_wish);
    else if (answer->exit_code > 0)
        exit_fail(answer, doing, n_lines, ret_wish);
    else
        return true;
    return false;
}

void script_step(const struct script_protocol *protocol, struct dns_job *job,
                 const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    if (answer == NULL)
        dns_job_start(job);
    struct dns_job_record *record = dns_job_next(job);
    if (answer != NULL && record != NULL) {
        if (!script_hear(answer, protocol->doing(job, record), protocol->n_lines, ret_wish))
            return;
        record->done = true;
        if (!protocol->hear(job, record, answer, ret_wish))
            return;
        record = dns_job_next(job);
    }
    if (record == NULL)
        dns_wish_done(ret_wish);
    else
        protocol->run(job, record, ret_wish);
}
