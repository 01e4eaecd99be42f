#include "cmd/check.h"

#include "inventory/held.h"
#include "io/files.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- secrets ---- */

struct secrets { /* the walk over the settings of one file */
    struct check *check;
    const struct yaml *doc;
    const char *file;
    char **known; /* references that were tried */
    size_t n_known;
};

static bool is_known(struct secrets *s, const char *reference)
{
    for (size_t i = 0; i < s->n_known; i++)
        if (strcmp(s->known[i], reference) == 0)
            return true;
    s->known = mem_grow(s->known, s->n_known, s->n_known + 1, sizeof *s->known);
    s->known[s->n_known++] = mem_strdup(reference);
    return false;
}

static void secret_try(struct secrets *s, const struct json *object, const char *key)
{
    const char *reference = json_text(object, key);
    struct secret secret = {0};
    struct err err = {0};
    if (reference == NULL || is_known(s, reference))
        return;
    if (!secret_resolve(s->check->in->config, reference, &secret, &err))
        findings_add_lines(&s->check->findings, s->file, place_of_value(s->doc, object, key), err.text);
    secret_fini(&secret);
}

static void secrets_walk(struct secrets *s, const struct json *object, const struct section *section);

static void setting_walk(struct secrets *s, const struct json *object, const struct setting *setting)
{
    const struct json *value = json_find(object, setting->name), *member;
    void *position = NULL;
    const char *key;
    if (setting->kind == SETTING_SECRET)
        secret_try(s, object, setting->name);
    else if (setting->kind == SETTING_SECTION)
        secrets_walk(s, value, setting->section);
    else if (setting->kind == SETTING_MAP && json_is(value, JSON_OBJECT))
        while (json_next(value, &position, &key, &member))
            secrets_walk(s, member, setting->section);
    else if (setting->kind == SETTING_SECTIONS && json_is(value, JSON_ARRAY))
        for (size_t i = 0; i < json_len(value); i++)
            secrets_walk(s, json_at(value, i), setting->section);
}

static void secrets_walk(struct secrets *s, const struct json *object, const struct section *section)
{
    if (!json_is(object, JSON_OBJECT))
        return;
    for (size_t i = 0; i < section->n; i++)
        setting_walk(s, object, &section->settings[i]);
}

/* Sets have secrets only for PKCS#12; their files are read again only where one is named. */
static bool set_secrets(void *arg, const struct set_row *row)
{
    struct secrets *s = arg;
    struct set_config *set = NULL;
    bool has = false;
    if (row->fault != NULL || !register_set(&s->check->house, row->name, &set, NULL))
        return true;
    for (size_t i = 0; i < set->n_deploys; i++)
        has = has || set->deploys[i].pkcs12_password != NULL;
    set_config_free(set);
    if (!has)
        return true;
    AUTO(yaml_fini) struct yaml *doc = check_yaml(row->file);
    s->doc = doc;
    s->file = row->file;
    if (doc != NULL)
        secrets_walk(s, yaml_tree(doc), config_section_set());
    return true;
}

void check_secrets(struct check *check)
{
    const struct config *config = check->in->config;
    const struct json *root = yaml_tree(check->doc);
    struct secrets s = {.check = check, .doc = check->doc, .file = check->path};
    is_known(&s, config->seal); /* looked at with the store */
    secrets_walk(&s, root, config_section_main());
    for (size_t i = 0; i < config->n_providers; i++)
        secrets_walk(&s, json_find(json_find(root, "providers"), config->providers[i].name),
                     config->providers[i].provider->settings);
    if (check->house.store != NULL)
        register_each(&check->house, set_secrets, &s, NULL);
    for (size_t i = 0; i < s.n_known; i++)
        mem_free(s.known[i]);
    mem_free(s.known);
}

/* ---- sealing key and store ---- */

static bool seal_try(struct check *check, struct seal **ret, struct err *err)
{
    const struct config *config = check->in->config;
    struct secret key = {0};
    bool ok = secret_resolve(config, config->seal, &key, err) && (seal_open(&key, ret, err) || err_wrap(err, "%s", config->seal));
    secret_fini(&key);
    return ok || err_wrap(err, "the sealing key cannot be used");
}

/* Any key of the store will do: all are sealed by the same one. */
static bool seal_fits(struct check *check, struct store *store, struct seal *seal, struct err *err)
{
    struct house house = {.clock = check->in->house.clock, .config = check->in->config, .store = store, .seal = seal};
    struct key *key = NULL;
    int64_t id = 0;
    if (!store_int(store, 0, &id, err, SQL_KEY_NEWEST, "") || (id != 0 && !held_key_load(&house, id, &key, err)))
        return false;
    key_free(key);
    return true;
}

static void store_writable(struct check *check, struct place place)
{
    const char *path = check->in->config->store_path, *slash = strrchr(path, '/');
    AUTO(mem_fini) char *folder = slash != NULL ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
    const char *wrong = access(path, W_OK) != 0 ? path : access(folder, W_OK | X_OK) != 0 ? folder : NULL;
    if (wrong != NULL)
        findings_add(&check->findings, check->path, place,
                     "the store can be read but not written: %s: %s; certificates that are there are safe, nothing new can be issued: "
                     "check owner and mode, and how the disk is mounted",
                     wrong, strerror(errno));
}

static void store_try(struct check *check, struct seal *seal, struct place place)
{
    struct store_options options = {.path = check->in->config->store_path, .read_only = true};
    struct store *store = NULL;
    struct err err = {0};
    if (!store_open(&options, &store, &err)) {
        findings_add_lines(&check->findings, check->path, place, err.text);
        return;
    }
    if (seal != NULL && !seal_fits(check, store, seal, &err))
        findings_add_lines(&check->findings, check->path, place_of_value(check->doc, yaml_tree(check->doc), "seal"), err.text);
    store_close(store);
    store_writable(check, place);
}

void check_store(struct check *check)
{
    const struct json *root = yaml_tree(check->doc);
    struct seal *seal = NULL;
    struct err err = {0};
    struct stat st;
    if (!seal_try(check, &seal, &err))
        findings_add_lines(&check->findings, check->path, place_of_value(check->doc, root, "seal"), err.text);
    if (lstat(check->in->config->store_path, &st) != 0 && errno == ENOENT)
        findings_note(&check->findings, "there is no store yet at %s; `chancery init` makes one", check->in->config->store_path);
    else
        store_try(check, seal, place_of_value(check->doc, root, "store"));
    seal_close(seal);
}

/* ---- targets ---- */

struct target { /* one block of `deploy` beside what was read from it */
    struct check *check;
    const char *file;
    const struct yaml *doc;
    const struct json *raw;
    const struct deploy_config *config;
};

static void target_say(const struct target *t, const struct json *object, const char *key, const char *what)
{
    findings_add(&t->check->findings, t->file, place_of_value(t->doc, object, key), "%s", what);
}

/* A folder that is not there yet is made by the first delivery, beside what is there. */
static void target_dir(const struct target *t)
{
    const struct json *files = json_find(t->raw, "files");
    const char *slash = strrchr(t->config->dir, '/');
    AUTO(mem_fini) char *parent = mem_strndup(t->config->dir, slash != NULL && slash > t->config->dir ? (size_t)(slash - t->config->dir) : 1);
    struct stat st;
    bool exists = stat(t->config->dir, &st) == 0;
    const char *folder = exists ? t->config->dir : parent;
    AUTO(mem_fini) char *what = NULL;
    if (exists && !S_ISDIR(st.st_mode))
        what = mem_printf("deploy: %s is not a folder", folder);
    else if (access(folder, W_OK | X_OK) != 0)
        what = mem_printf("deploy: nothing can be written into %s: %s", folder, strerror(errno));
    if (what != NULL)
        target_say(t, files, "dir", what);
}

static void target_owner(const struct target *t)
{
    struct file_owner owner;
    struct err err = {0};
    if (!file_owner_find(t->config->owner, NULL, &owner, &err))
        target_say(t, json_find(t->raw, "files"), "owner", err.text);
    if (!file_owner_find(NULL, t->config->group, &owner, &err))
        target_say(t, json_find(t->raw, "files"), "group", err.text);
}

/* Bare words are looked up when they are run, by the path of that process. */
static void target_program(const struct target *t, const char *key, char *const *argv)
{
    if (argv == NULL || argv[0][0] != '/' || access(argv[0], X_OK) == 0)
        return;
    AUTO(mem_fini) char *what = mem_printf("deploy: %s: %s cannot be run: %s", key, argv[0], strerror(errno));
    target_say(t, t->raw, key, what);
}

static bool set_targets(void *arg, const struct set_row *row)
{
    struct check *check = arg;
    struct set_config *set = NULL;
    if (row->fault != NULL || !register_set(&check->house, row->name, &set, NULL))
        return true;
    AUTO(yaml_fini) struct yaml *doc = set->n_deploys > 0 ? check_yaml(row->file) : NULL;
    for (size_t i = 0; doc != NULL && i < set->n_deploys; i++) {
        struct target t = {check, row->file, doc, json_at(json_find(yaml_tree(doc), "deploy"), i), &set->deploys[i]};
        target_dir(&t);
        target_owner(&t);
        target_program(&t, "check", t.config->check);
        target_program(&t, "activate", t.config->activate);
    }
    set_config_free(set);
    return true;
}

void check_targets(struct check *check)
{
    if (check->house.store != NULL)
        register_each(&check->house, set_targets, check, NULL);
}
