#include "distribution/hook.h"

#include "io/files.h"

#include <inttypes.h>

enum { LINE_SHOWN = 300, VARIABLES_MAX = 10, SCRIPT_MAX = 256 * 1024 };

static void names_join(const struct certificate *certificate, struct buf *out)
{
    for (size_t i = 0; i < certificate->n_names; i++)
        buf_printf(out, "%s%s", i > 0 ? " " : "", certificate->names[i]);
}

char **hook_environment(const struct certificate *certificate, const char *set, const char *dir,
                        const char *version, int64_t n_tries)
{
    char **list = NEW_N(VARIABLES_MAX + 1, char *);
    char ends[TIME_TEXT_MAX];
    AUTO(buf_fini)
    struct buf names = BUF(JSON_SIZE_MAX);
    size_t n = 0;
    names_join(certificate, &names);
    time_format(certificate->not_after_at_ms, false, ends);
    list[n++] = mem_printf("CHANCERY_SET=%s", set);
    list[n++] = mem_printf("CHANCERY_SETS=%s", set);
    list[n++] = mem_printf("CHANCERY_VERSION=%" PRId64, certificate->version);
    list[n++] = mem_printf("CHANCERY_DIR=%s/versions/%s", dir, version);
    list[n++] = mem_printf("CHANCERY_CURRENT=%s/current", dir);
    list[n++] = mem_printf("CHANCERY_SERIAL=%s", certificate->serial);
    list[n++] = mem_printf("CHANCERY_NAMES=%s", buf_cstr(&names));
    list[n++] = mem_printf("CHANCERY_NOT_AFTER=%s", ends);
    list[n++] = mem_printf("CHANCERY_TRY=%" PRId64, n_tries);
    CHECK(n <= VARIABLES_MAX);
    return list;
}

char **hook_environment_shared(const char *sets, int64_t n_tries)
{
    char **list = NEW_N(VARIABLES_MAX + 1, char *);
    list[0] = mem_printf("CHANCERY_SETS=%s", sets);
    list[1] = mem_printf("CHANCERY_TRY=%" PRId64, n_tries);
    return list;
}

void hook_environment_free(char **environment)
{
    for (char **text = environment; text != NULL && *text != NULL; text++)
        mem_free(*text);
    mem_free(environment);
}

void hook_name(const char *const *argv, struct buf *out)
{
    AUTO(buf_fini)
    struct buf words = BUF(JSON_SIZE_MAX);
    for (size_t i = 0; argv[i] != NULL; i++)
        buf_printf(&words, "%s%s", i > 0 ? " " : "", argv[i]);
    text_escape(out, buf_str(&words), HOOK_TEXT_MAX);
}

/* ---- whom it is for ---- */

struct mentions {
    bool some, sets;
};

static void mentions_find(struct str text, struct mentions *m)
{
    m->some |= str_find(text, STR("CHANCERY_")) < text.len;
    m->sets |= str_find(text, STR("CHANCERY_SETS")) < text.len;
}

/* A text that begins with "#!", or has no NUL; binaries and what cannot be read say nothing. */
static void file_mentions_find(const char *path, struct mentions *m)
{
    AUTO(buf_fini)
    struct buf text = BUF(SCRIPT_MAX);
    if (file_read(path, SCRIPT_MAX, false, &text, NULL) &&
        str_find_char(buf_str(&text), '\0') == text.len)
        mentions_find(buf_str(&text), m);
}

bool hook_is_personal(const char *const *argv)
{
    static const char *const folders[] = {"/usr/sbin", "/usr/bin",        "/sbin",
                                          "/bin",      "/usr/local/sbin", "/usr/local/bin"};
    struct mentions m = {false, false};
    for (size_t i = 0; argv[i] != NULL; i++) {
        mentions_find(str_of(argv[i]), &m);
        if (argv[i][0] == '/')
            file_mentions_find(argv[i], &m);
    }
    for (size_t i = 0; strchr(argv[0], '/') == NULL && i < sizeof folders / sizeof folders[0];
         i++) {
        AUTO(mem_fini)
        char *path = mem_printf("%s/%s", folders[i], argv[0]);
        file_mentions_find(path, &m);
    }
    return m.some && !m.sets;
}

/* The last line that says something: programs complain at their end. */
static void last_line(struct str output, struct buf *out)
{
    struct str rest = output, line, last = STR_NONE;
    while (str_split(&rest, '\n', &line))
        if (str_trim(line).len > 0)
            last = str_trim(line);
    if (last.len > 0)
        buf_add_cstr(out, ": ");
    text_escape(out, last, LINE_SHOWN);
}

bool hook_verdict(const char *what, const char *const *argv, int64_t timeout_ms,
                  const struct process_result *result, const struct err *start_err, struct err *err)
{
    AUTO(buf_fini)
    struct buf name = BUF(1024), said = BUF(1024);
    char limit[TIME_TEXT_MAX];
    if (process_result_ok(result))
        return true;
    hook_name(argv, &name);
    if (result == NULL)
        return err_set(err, start_err->kind, "%s %s: %s", what, buf_cstr(&name), start_err->text);
    last_line(result->output, &said);
    duration_format(timeout_ms, limit);
    if (result->timed_out)
        return err_set(err, ERR_AGAIN, "%s %s: did not end within %s%s", what, buf_cstr(&name),
                       limit, buf_cstr(&said));
    if (result->signal != 0)
        return err_set(err, ERR_REFUSED, "%s %s: ended by signal %d%s", what, buf_cstr(&name),
                       result->signal, buf_cstr(&said));
    if (result->exit_code == HOOK_TRY_LATER)
        return err_set(err, ERR_AGAIN, "%s %s: asks to be tried later (exit code %d)%s", what,
                       buf_cstr(&name), HOOK_TRY_LATER, buf_cstr(&said));
    return err_set(err, ERR_REFUSED, "%s %s: exit code %d%s", what, buf_cstr(&name),
                   result->exit_code, buf_cstr(&said));
}
