#include "inventory/config_inside.h"

#include "io/files.h"
#include "io/process.h"

enum { SECRET_MAX = 64 * 1024, WORDS_MAX = 32, EXEC_TIMEOUT_MS = 10 * 1000 };

/* What is wrong with a secret is for a person to mend, whatever the file system called it. */
static bool as_config(struct err *err)
{
    if (err != NULL && err->kind != ERR_DENIED)
        err->kind = ERR_CONFIG;
    return false;
}

static bool file_resolve(const char *folder, const char *path, struct secret *ret, struct err *err)
{
    AUTO(mem_fini)
    char *whole = path_from(folder, path);
    return file_read_secret(whole, SECRET_MAX, ret, err) || as_config(err);
}

static bool credential_resolve(const struct config *config, const char *name, struct secret *ret,
                               struct err *err)
{
    const char *folder = config->environment("CREDENTIALS_DIRECTORY");
    if (strchr(name, '/') != NULL || name[0] == '.')
        return err_set(err, ERR_CONFIG, "\"%.64s\" is no name of a credential", name);
    if (folder == NULL || folder[0] != '/')
        return err_set(err, ERR_CONFIG,
                       "systemd gave this process no credentials; run it as a service with "
                       "LoadCredential=%s:PATH",
                       name);
    return file_resolve(folder, name, ret, err);
}

static bool environment_resolve(const struct config *config, const char *name, struct secret *ret,
                                struct err *err)
{
    const char *value = config->environment(name);
    if (value == NULL)
        return err_set(err, ERR_CONFIG, "the environment variable %.64s is not set", name);
    secret_init(ret, value, strlen(value));
    return true;
}

struct run {
    struct secret *secret;
    struct err err;
    bool is_over, ok;
};

/* The output of a program that failed may be half a secret: it is told nowhere. What it complained of is. */
static void run_done(void *arg, const struct process_result *result, const struct err *err)
{
    struct run *run = arg;
    run->is_over = true;
    if (err != NULL)
        run->err = *err;
    else
        run->ok = process_result_check(result, &run->err);
    if (run->ok)
        secret_init(run->secret, result->output.p, result->output.len);
}

static bool program_run(const struct config *config, const char *const *argv, struct secret *ret,
                        struct err *err)
{
    struct run run = {.secret = ret};
    struct process_request request = {
        .argv = argv,
        .directory = config->folder,
        .timeout_ms = EXEC_TIMEOUT_MS,
        .errors_apart = true,
    };
    struct loop *loop = loop_new();
    process_start(loop, &request, run_done, &run);
    while (!run.is_over)
        loop_wait(loop, INT64_MAX);
    loop_free(loop);
    if (!run.ok)
        err_set(err, run.err.kind, "%s", run.err.text);
    return run.ok || as_config(err);
}

bool exec_words(const char *line, const char ***ret_argv, struct err *err)
{
    char *copy = mem_strdup(line), *p = copy + strspn(copy, " ");
    const char **argv = NEW_N(WORDS_MAX + 1, const char *);
    size_t n = 0;
    /* The first word stands at the start of what is to be freed. */
    memmove(copy, p, strlen(p) + 1);
    for (p = copy; *p != '\0' && n < WORDS_MAX; p += strspn(p, " ")) {
        argv[n++] = p;
        p += strcspn(p, " ");
        if (*p != '\0')
            *p++ = '\0';
    }
    if (n == 0 || n == WORDS_MAX) {
        mem_free(copy);
        mem_free(argv);
        return err_set(err, ERR_CONFIG, "a program and at most %d words are expected",
                       WORDS_MAX - 2);
    }
    *ret_argv = argv;
    return true;
}

static bool program_resolve(const struct config *config, const char *line, struct secret *ret,
                            struct err *err)
{
    const char **argv = NULL;
    if (!exec_words(line, &argv, err))
        return false;
    bool ok = program_run(config, argv, ret, err);
    mem_free((char *)(uintptr_t)argv[0]);
    mem_free(argv);
    return ok;
}

static bool reference_resolve(const struct config *config, struct str reference, struct secret *ret,
                              struct err *err)
{
    if (str_starts(reference, STR("file:")))
        return file_resolve(config->folder, reference.p + 5, ret, err);
    if (str_starts(reference, STR("cred:")))
        return credential_resolve(config, reference.p + 5, ret, err);
    if (str_starts(reference, STR("exec:")))
        return program_resolve(config, reference.p + 5, ret, err);
    if (str_starts(reference, STR("env:")))
        return environment_resolve(config, reference.p + 4, ret, err);
    return err_set(
        err, ERR_CONFIG,
        "a secret is given by reference: file:PATH, cred:NAME, exec:PROGRAM or env:NAME");
}

bool secret_resolve(const struct config *config, const char *reference, struct secret *ret,
                    struct err *err)
{
    struct secret secret = {0};
    bool is_reference = strchr(reference, ':') != NULL;
    if (!reference_resolve(config, str_of(reference), &secret, err))
        /* What is no reference may be the secret itself. */
        return is_reference ? err_wrap(err, "secret %.200s", reference) : false;
    if (secret.len > 0 && secret.p[secret.len - 1] == '\n')
        secret.p[--secret.len] = '\0';
    if (secret.len == 0) {
        secret_fini(&secret);
        return err_set(err, ERR_CONFIG, "secret %.200s: it is empty", reference);
    }
    *ret = secret;
    return true;
}
