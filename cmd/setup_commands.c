/* init, check: from nothing to a configuration that holds. */
#include "cmd/check.h"
#include "cmd/house_open.h"
#include "cmd/options.h"
#include "cmd/run_commands.h"

#include "io/files.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LETS_ENCRYPT         "https://acme-v02.api.letsencrypt.org/directory"
#define LETS_ENCRYPT_STAGING "https://acme-staging-v02.api.letsencrypt.org/directory"

/* ---- init ---- */

struct making {
    struct invocation *in;
    char *folder, *path; /* of chancery.yaml */
    struct json *made, *kept;
};

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void making_tell(struct making *m, bool made, const char *path)
{
    json_push_text(made ? m->made : m->kept, path);
    if (!m->in->json && option_common(m->in, "quiet") == NULL)
        printf("%s %s\n", made ? "made" : "kept", path);
}

/* A text as YAML takes it whatever it holds. */
static void yaml_text(struct buf *out, const char *text)
{
    AUTO(json_fini)
    struct json *tree = json_new_text(text);
    json_format(tree, out, false);
}

static void yaml_comment(struct buf *out, const char *text)
{
    struct str rest = str_of(text), line;
    while (text != NULL && str_split(&rest, '\n', &line))
        if (line.len > 0)
            buf_printf(out, "# %.*s\n", STR_ARG(line));
}

static void authority_write(struct buf *out, const struct invocation *in)
{
    const char *directory = option_value(in, "directory"), *contact = option_value(in, "contact");
    bool agrees = option_is_on(in, "agree-tos");
    buf_add_cstr(out,
                 "\n# The CAs. Sets name them in `authority`, or `defaults` does.\nauthorities:\n");
    buf_add_cstr(out, directory == NULL ? "  letsencrypt:\n    directory: "
                                        : "  main:\n    directory: ");
    yaml_text(out, directory == NULL ? LETS_ENCRYPT : directory);
    if (directory == NULL)
        buf_add_cstr(out,
                     "\n    staging: " LETS_ENCRYPT_STAGING "   # where `renew --dry-run` orders");
    buf_printf(out, "\n    agree_tos: %s%s\n", agrees ? "true" : "false",
               agrees ? ""
                      : "   # true: you have read the terms of service and agree; nobody is "
                        "registered without it");
    if (contact == NULL) {
        buf_add_cstr(out, "    # contact: [mailto:ops@example.com]\n");
        return;
    }
    AUTO(mem_fini)
    char *url = mem_printf("%s%s", strchr(contact, ':') == NULL ? "mailto:" : "", contact);
    buf_add_cstr(out, "    contact: [");
    yaml_text(out, url);
    buf_add_cstr(out, "]\n");
}

static void providers_write(struct buf *out)
{
    const struct dns_provider *example = dns_provider_find("rfc2136");
    buf_add_cstr(out, "\n# The DNS providers: who may write TXT records into which zones. "
                      "`chancery provider list` shows the types,\n"
                      "# `chancery provider show TYPE` all settings of one. Put yours in place of "
                      "{}, for instance:\n#\n# providers:\n");
    if (example != NULL)
        yaml_comment(out, example->example);
    buf_add_cstr(out, "providers: {}\n");
}

static void store_write(struct buf *out, const struct making *m)
{
    const char *given = option_value(m->in, "store");
    bool is_system = str_starts(str_of(m->folder), STR("/etc/"));
    const char *file = is_system ? "/var/lib/chancery/chancery.db" : "chancery.db";
    AUTO(mem_fini)
    char *text = mem_printf("sqlite:%s", given != NULL ? given : file);
    buf_add_cstr(out, "# The register: every key (sealed), certificate, order and event. On a "
                      "local disk; back it up.\nstore: ");
    yaml_text(out, text);
    buf_add_cstr(out, "\n\n# The key that seals private keys in the store. Without it they are "
                      "lost: back it up, apart from the store.\n"
                      "seal: file:seal.key\n\n# One file a domain set; the file's name is the "
                      "set's name.\nsets: sets.d/*.yaml\n");
}

static void main_file_write(const struct making *m, struct buf *out)
{
    buf_add_cstr(out, "# Chancery. Every setting is told in docs/CONFIG.md; `chancery check` says "
                      "what is wrong with this file.\n"
                      "# Relative paths start at this folder. Secrets are references: file:PATH, "
                      "cred:NAME, exec:PROGRAM or env:NAME.\n\n");
    store_write(out, m);
    authority_write(out, m->in);
    providers_write(out);
    buf_add_cstr(out,
                 "\n# What holds for sets that say nothing else.\ndefaults:\n  key: ecdsa-p256\n"
                 "\n# A set, as it would stand in sets.d/shop.yaml:\n#\n"
                 "# names: [shop.example.com, \"*.shop.example.com\"]\n# deploy:\n#   - files: "
                 "{dir: /etc/ssl/shop, mode: \"0640\"}\n"
                 "#     check: [nginx, -t]\n#     activate: {systemd: nginx.service}\n# endpoints: "
                 "[\"shop.example.com:443\"]\n");
}

/* What cannot be read back is not left behind. */
static bool main_file_make(struct making *m)
{
    struct invocation *in = m->in;
    AUTO(buf_fini)
    struct buf text = BUF(64 * 1024);
    bool is_new = !is_there(m->path);
    if (!is_new && (option_is_on(in, "directory") || option_is_on(in, "contact") ||
                    option_is_on(in, "agree-tos") || option_is_on(in, "store")))
        return err_set(&in->err, ERR_CONFIG,
                       "there is a configuration already: %s; nothing was changed: edit it, or "
                       "name another folder",
                       m->path);
    main_file_write(m, &text);
    if (is_new && (!folder_make(m->folder, 0755, &in->err) ||
                   !file_replace(m->path, buf_str(&text), 0644, NULL, &in->err)))
        return false;
    if (!config_load(m->path, environment_get, &in->config, &in->err)) {
        if (is_new)
            unlink(m->path);
        return false;
    }
    in->house.config = in->config;
    making_tell(m, is_new, m->path);
    return true;
}

/* A new key beside an old store would only hide that the old key is lost. */
static bool seal_make(struct making *m)
{
    struct invocation *in = m->in;
    struct str reference = str_of(in->config->seal);
    struct secret key = {0};
    if (!str_starts(reference, STR("file:")))
        return true;
    const char *file = reference.p + strlen("file:");
    AUTO(mem_fini)
    char *path = file[0] == '/' ? mem_strdup(file) : mem_printf("%s/%s", in->config->folder, file);
    if (is_there(path)) {
        making_tell(m, false, path);
        return true;
    }
    if (store_exists(in->config->store_path))
        return err_set(&in->err, ERR_STORE,
                       "the store %s is there, but its sealing key %s is not: put the key back "
                       "from its backup; a new one could not open the private keys in that store",
                       in->config->store_path, path);
    seal_make_key(&key);
    bool ok = file_replace(path, secret_str(&key), 0400, NULL, &in->err);
    secret_fini(&key);
    if (ok)
        making_tell(m, true, path);
    return ok;
}

static bool sets_make(struct making *m)
{
    const char *folder = m->in->config->sets_folder;
    bool is_new = !is_there(folder);
    if (is_new && !folder_make(folder, 0755, &m->in->err))
        return false;
    making_tell(m, is_new, folder);
    return true;
}

static bool store_make(struct making *m)
{
    struct invocation *in = m->in;
    bool is_new = !store_exists(in->config->store_path);
    if (!house_open_store(in, in->config->store_path, true, false, &in->err))
        return false;
    making_tell(m, is_new, in->config->store_path);
    return true;
}

static void next_tell(const struct making *m)
{
    if (m->in->json || option_common(m->in, "quiet") != NULL || json_len(m->made) == 0)
        return;
    bool is_usual = strcmp(m->path, "/etc/chancery/chancery.yaml") == 0;
    const char *option = is_usual ? "" : " --config ", *path = is_usual ? "" : m->path;
    const char *slash = strrchr(m->path, '/');
    /* cron has a folder of its own. */
    AUTO(mem_fini)
    char *whole = mem_printf("%s/%s", m->in->config->folder, slash != NULL ? slash + 1 : m->path);
    /* At the full hour, and in the first second of a minute, CAs hear from everybody. */
    int minute = 1 + (int)random_below(59), second = 3 + (int)random_below(55);
    printf(
        "\nNext: enter authorities and providers in %s,\nwrite a file for each set into %s, then\n"
        "  chancery check%s%s    is all in order?\n  chancery plan%s%s     what would be done, and "
        "why\n"
        "  chancery renew%s%s    do it\n"
        "From then on let `chancery serve` run, or put this line into /etc/cron.d/chancery; its "
        "minute and second were drawn for this host:\n"
        "  %d * * * *  root  sleep %d; chancery renew --quiet --config %s\n"
        "Back up the sealing key, apart from the store.\n",
        m->path, m->in->config->sets_folder, option, path, option, path, option, path, minute,
        second, whole);
}

static void making_begin(struct making *m, struct invocation *in)
{
    const char *path = config_path(in), *slash = strrchr(path, '/');
    *m = (struct making){.in = in, .made = json_array(), .kept = json_array()};
    if (in->n_words > 0) {
        size_t len = strlen(in->words[0]);
        while (len > 1 && in->words[0][len - 1] == '/')
            len--;
        m->folder = mem_strndup(in->words[0], len);
        m->path = mem_printf("%s/chancery.yaml", m->folder);
    } else {
        m->folder = slash == NULL ? mem_strdup(".")
                                  : mem_strndup(path, slash == path ? 1 : (size_t)(slash - path));
        m->path = mem_strdup(path);
    }
}

enum exit_code init_run(struct invocation *in)
{
    struct making m;
    making_begin(&m, in);
    house_protect_keys(in);
    bool ok = main_file_make(&m) && seal_make(&m) && sets_make(&m) &&
              house_open_seal(in, &in->err) && store_make(&m);
    AUTO(json_fini)
    struct json *tree = json_set(json_object(), "made", m.made);
    json_set(tree, "kept", m.kept);
    if (ok && in->json)
        json_print(tree);
    if (ok)
        next_tell(&m);
    mem_free(m.folder);
    mem_free(m.path);
    return ok ? EXIT_CODE_DONE : exit_code_of(&in->err);
}

/* ---- check ---- */

static void check_all(struct check *check)
{
    if (!check_main_file(check)) {
        check_set_shapes(check);
        return;
    }
    check_types(check);
    if (!check->files_only) {
        check_accounts(check);
        check_secrets(check);
        check_suffixes(check);
        check_store(check);
    }
    check_set_files(check);
    if (option_is_on(check->in, "online"))
        check_online(check);
}

static void check_tell(struct check *check, enum exit_code code)
{
    const struct invocation *in = check->in;
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = json_set_bool(json_object(), "ok", code == EXIT_CODE_DONE);
        json_set_text(tree, "config", check->path);
        json_set_int(tree, "sets", (int64_t)check->n_sets);
        json_set(tree, "findings", findings_json(&check->findings));
        if (check->online != NULL)
            json_set(tree, "online", json_copy(check->online));
        if (check->delegations != NULL)
            json_set(tree, "delegations", json_copy(check->delegations));
        json_print(tree);
        return;
    }
    findings_print(&check->findings, in);
    if (check->findings.n_errors > 0)
        ink_print(in, INK_BAD, "%zu complaint%s\n", check->findings.n_errors,
                  check->findings.n_errors == 1 ? "" : "s");
    else if (option_common(in, "quiet") == NULL)
        ink_print(in, INK_GOOD, "all in order: %zu set%s with %zu name%s\n", check->n_sets,
                  check->n_sets == 1 ? "" : "s", check->n_names, check->n_names == 1 ? "" : "s");
}

enum exit_code check_run(struct invocation *in)
{
    struct check check = {.in = in, .files_only = option_is_on(in, "files-only")};
    if (check.files_only && option_is_on(in, "online")) {
        err_set(&in->err, ERR_CONFIG,
                "--online looks at the world, --files-only does not: one of them");
        return EXIT_CODE_USAGE;
    }
    house_protect_keys(in);
    check_all(&check);
    findings_sort(&check.findings, check.path);
    enum exit_code code = check.findings.n_errors > 0 ? EXIT_CODE_USAGE : EXIT_CODE_DONE;
    check_tell(&check, code);
    check_fini(&check);
    return code;
}
