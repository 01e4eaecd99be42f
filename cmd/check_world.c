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
};

void check_fini(struct check *check)
{
    for (size_t i = 0; i < check->n_tried; i++)
        mem_free(check->tried[i]);
    mem_free(check->tried);
    findings_fini(&check->findings);
    yaml_free(check->doc);
    json_free(check->online);
    json_free(check->delegations);
    store_close(check->house.store);
}

bool check_was_tried(struct check *check, const char *reference)
{
    for (size_t i = 0; i < check->n_tried; i++)
        if (strcmp(check->tried[i], reference) == 0)
            return true;
    check->tried = mem_grow(check->tried, check->n_tried, check->n_tried + 1, sizeof *check->tried);
    check->tried[check->n_tried++] = mem_strdup(reference);
    return false;
}

static void secret_try(struct secrets *s, const struct json *object, const char *key)
{
    const char *reference = json_text(object, key);
    struct secret secret = {0};
    struct err err = {0};
    if (reference == NULL || check_was_tried(s->check, reference))
        return;
    if (!secret_resolve(s->check->in->config, reference, &secret, &err))
        findings_add_lines(&s->check->findings, s->file, place_of_value(s->doc, object, key),
                           err.text);
    secret_fini(&secret);
}

static void secrets_walk(struct secrets *s, const struct json *object,
                         const struct section *section);

static void setting_walk(struct secrets *s, const struct json *object,
                         const struct setting *setting)
{
    const struct json *value = json_find(object, setting->name), *member;
    void *position = NULL;
    const char *key;
    if (setting->kind == SETTING_SECRET)
        secret_try(s, object, setting->name);
    else if (setting->kind == SETTING_SECTION)
        secrets_walk(s, value, setting->section);
    else if (setting->kind == SETTING_SECRET_MAP && json_is(value, JSON_OBJECT))
        while (json_next(value, &position, &key, &member))
            secret_try(s, value, key);
    else if (setting->kind == SETTING_MAP && setting->section != NULL &&
             json_is(value, JSON_OBJECT))
        while (json_next(value, &position, &key, &member))
            secrets_walk(s, member, setting->section);
    else if (setting->kind == SETTING_SECTIONS && json_is(value, JSON_ARRAY))
        for (size_t i = 0; i < json_len(value); i++)
            secrets_walk(s, json_at(value, i), setting->section);
}

static void secrets_walk(struct secrets *s, const struct json *object,
                         const struct section *section)
{
    if (!json_is(object, JSON_OBJECT))
        return;
    for (size_t i = 0; i < section->n; i++)
        setting_walk(s, object, &section->settings[i]);
}

void check_secrets(struct check *check)
{
    const struct config *config = check->in->config;
    const struct json *root = yaml_tree(check->doc);
    struct secrets s = {.check = check, .doc = check->doc, .file = check->path};
    check_was_tried(check, config->seal); /* looked at with the store */
    secrets_walk(&s, root, config_section_main());
    for (size_t i = 0; i < config->n_providers; i++)
        secrets_walk(&s, json_find(json_find(root, "providers"), config->providers[i].name),
                     config->providers[i].provider->settings);
}

/* ---- sealing key and store ---- */

static bool seal_try(struct check *check, struct seal **ret, struct err *err)
{
    const struct config *config = check->in->config;
    struct secret key = {0};
    bool ok = secret_resolve(config, config->seal, &key, err) &&
              (seal_open(&key, ret, err) || err_wrap(err, "%s", config->seal));
    secret_fini(&key);
    return ok || err_wrap(err, "the sealing key cannot be used");
}

/* Any key of the store will do: all are sealed by the same one. */
static bool seal_fits(struct check *check, struct store *store, struct seal *seal, struct err *err)
{
    struct house house = {
        .clock = check->in->house.clock, .config = check->in->config, .store = store, .seal = seal};
    struct key *key = NULL;
    int64_t id = 0;
    if (!store_int(store, 0, &id, err, SQL_KEY_NEWEST, "") ||
        (id != 0 && !held_key_load(&house, id, &key, err)))
        return false;
    key_free(key);
    return true;
}

static void store_writable(struct check *check, struct place place)
{
    const char *path = check->in->config->store_path, *slash = strrchr(path, '/');
    AUTO(mem_fini)
    char *folder = slash != NULL ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
    const char *wrong = access(path, W_OK) != 0            ? path
                        : access(folder, W_OK | X_OK) != 0 ? folder
                                                           : NULL;
    if (wrong != NULL)
        findings_add(
            &check->findings, check->path, place,
            "the store can be read but not written: %s: %s; certificates that are there are safe, "
            "nothing new can be issued: check owner and mode, and how the disk is mounted",
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
        findings_add_lines(&check->findings, check->path,
                           place_of_value(check->doc, yaml_tree(check->doc), "seal"), err.text);
    store_close(store);
    if (!store_is_server(options.path))
        store_writable(check, place);
}

void check_store(struct check *check)
{
    const struct json *root = yaml_tree(check->doc);
    struct seal *seal = NULL;
    struct err err = {0};
    if (!seal_try(check, &seal, &err))
        findings_add_lines(&check->findings, check->path, place_of_value(check->doc, root, "seal"),
                           err.text);
    if (!store_exists(check->in->config->store_path))
        findings_note(&check->findings, "there is no store yet at %s; `chancery init` makes one",
                      check->in->config->store_path);
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

static void target_say(const struct target *t, const struct json *object, const char *key,
                       const char *what)
{
    findings_add(&t->check->findings, t->file, place_of_value(t->doc, object, key), "%s", what);
}

/* A folder that is not there yet is made by the first delivery, beside what is there. */
static void target_dir(const struct target *t)
{
    const struct json *files = json_find(t->raw, "files");
    const char *slash = strrchr(t->config->dir, '/');
    AUTO(mem_fini)
    char *parent =
        mem_strndup(t->config->dir,
                    slash != NULL && slash > t->config->dir ? (size_t)(slash - t->config->dir) : 1);
    struct stat st;
    bool exists = stat(t->config->dir, &st) == 0;
    const char *folder = exists ? t->config->dir : parent;
    AUTO(mem_fini)
    char *what = NULL;
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
    AUTO(mem_fini)
    char *what = mem_printf("deploy: %s: %s cannot be run: %s", key, argv[0], strerror(errno));
    target_say(t, t->raw, key, what);
}

/* The file is read again for the places of what is wrong. */
void check_set_world(struct check *check, const struct set_row *row, const struct set_config *set)
{
    check_set_request(check, row, set);
    AUTO(yaml_fini)
    struct yaml *doc = set->n_deploys > 0 ? check_yaml(row->file) : NULL;
    if (doc == NULL)
        return;
    struct secrets s = {.check = check, .doc = doc, .file = row->file};
    secrets_walk(&s, yaml_tree(doc), config_section_set());
    for (size_t i = 0; i < set->n_deploys; i++) {
        struct target t = {check, row->file, doc, json_at(json_find(yaml_tree(doc), "deploy"), i),
                           &set->deploys[i]};
        target_dir(&t);
        target_owner(&t);
        target_program(&t, "check", t.config->check);
        target_program(&t, "activate", t.config->activate);
    }
}
