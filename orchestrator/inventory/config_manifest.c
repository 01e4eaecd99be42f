/*
 * The folder of manifests: types of DNS providers that an administrator adds without building anything.
 *
 * Read with chancery.yaml and kept with it. What is wrong with one file is kept beside it and costs its type: the rest of the configuration
 * is used, the sets of that type are told (set_config.c), and `check` and `provider list` show all of it.
 */
#include "inventory/config_inside.h"

#include "io/folder_trusted.h"

static const struct setting manifests_settings[] = {
    {.name = "folder",
     .kind = SETTING_TEXT,
     .required = true,
     .min = 1,
     .max = 1024,
     .sentence = "The folder, e.g. `manifests.d`; each file NAME.yaml in it is the type `NAME`. It "
                 "and the files "
                 "must belong to root or to the user of Chancery, and nobody else may write them."},
    {.name = "override",
     .kind = SETTING_TEXTS,
     .max = 100,
     .sentence = "Types of the program that a file of the folder replaces; without it such a file "
                 "is refused."},
    {.name = "sha256",
     .kind = SETTING_TEXTS,
     .max = 1000,
     .sentence = "When given: only files with one of these SHA-256 sums (hex) are taken."},
};
const struct section section_manifests = {
    .name = "manifests",
    .sentence =
        "Types of DNS providers of your own, as manifests: see docs/WRITING_PROVIDERS.md. A "
        "file that cannot "
        "be used costs its own type; `chancery check` and `chancery provider list` tell.",
    .settings = manifests_settings,
    .n = sizeof manifests_settings / sizeof manifests_settings[0]};

enum { MANIFEST_MAX = 256 * 1024 };

struct reading {
    struct config *config;
    const struct json *setting;
};

static bool list_has(const struct json *list, const char *text)
{
    for (size_t i = 0; i < json_len(list); i++)
        if (str_eq_nocase(str_of(json_as_text(json_at(list, i))), str_of(text)))
            return true;
    return false;
}

static struct manifest_file *file_add(struct config *config, const char *file)
{
    size_t n = config->n_manifests++;
    config->manifests =
        mem_grow(config->manifests, n, config->n_manifests, sizeof(*config->manifests));
    struct manifest_file *m = &config->manifests[n];
    m->path = mem_printf("%s/%s", config->manifests_folder, file);
    m->name = mem_strndup(file, strlen(file) - strlen(".yaml"));
    return m;
}

/* What hinders the file before its text is looked at. */
static bool file_is_accepted(const struct reading *reading, struct manifest_file *m,
                             struct str bytes, const struct err *why, struct err *err)
{
    const struct json *sums = json_find(reading->setting, "sha256");
    if (why != NULL)
        return err_set(err, why->kind, "%s: %s", m->path, why->text);
    sha256_hex(bytes.p, bytes.len, m->sha256);
    if (!provider_name_fits(m->name))
        return err_set(err, ERR_CONFIG,
                       "%s: a type is named by its file: 1 to 64 letters, digits, \"-\" and \"_\" "
                       "before .yaml",
                       m->path);
    return json_len(sums) == 0 || list_has(sums, m->sha256) ||
           err_set(err, ERR_DENIED,
                   "%s: its SHA-256 sum %s is not among those of manifests.sha256 in %s", m->path,
                   m->sha256, reading->config->path);
}

/* A refused file with the name of a built-in type changes nothing unless it was to replace it. */
static void file_refuse(const struct reading *reading, struct manifest_file *m,
                        const struct err *why)
{
    bool replaces = list_has(json_find(reading->setting, "override"), m->name);
    m->fault = mem_strdup(why->text);
    if (replaces || dns_provider_find(m->name) == NULL)
        catalogue_refuse(reading->config->types, m->name, m->path, m->fault);
}

static void file_visit_one(void *arg, const char *file, struct str bytes, const struct err *why)
{
    const struct reading *reading = arg;
    struct manifest_file *m = file_add(reading->config, file);
    bool replaces = list_has(json_find(reading->setting, "override"), m->name);
    struct err err = {0};
    if (!file_is_accepted(reading, m, bytes, why, &err) ||
        !catalogue_add(reading->config->types, m->name, bytes, m->path, replaces, &err))
        file_refuse(reading, m, &err);
}

void manifests_read(struct config *config, struct reader *r)
{
    const struct json *whole = config->tree != NULL ? config->tree : r->raw;
    struct reading reading = {.config = config, .setting = json_find(whole, "manifests")};
    const char *folder = json_text(reading.setting, "folder");
    struct err err = {0};
    config->types = catalogue_new();
    if (folder == NULL)
        return;
    config->manifests_folder = path_from(config->folder, folder);
    if (!folder_read_trusted(config->manifests_folder, ".yaml", MANIFEST_MAX, file_visit_one,
                             &reading, &err))
        config->manifests_fault = mem_printf("manifests: %s", err.text);
}

/* As a file that cannot be used: one that is lost must not cost the sets of other types. */
static void file_is_lost(struct config *config, const char *type)
{
    char *file = mem_printf("%s.yaml", type);
    struct manifest_file *m = file_add(config, file);
    m->fault = mem_printf("%s: there is no such file, and no type \"%s\" in the program: put it "
                          "there, or mend the `type` of the provider",
                          m->path, type);
    catalogue_refuse(config->types, type, m->path, m->fault);
    mem_free(file);
}

/* A type that nobody knows, while the folder that may hold it cannot be read or has lost it: it is not known to be a slip. */
const struct dns_provider *manifest_missing(struct config *config, const char *type,
                                            bool resembles_another)
{
    if (config->manifests_fault != NULL)
        catalogue_refuse(config->types, type, config->manifests_folder, config->manifests_fault);
    else if (config->manifests_folder != NULL && !resembles_another && provider_name_fits(type))
        file_is_lost(config, type);
    else
        return NULL;
    return catalogue_find(config->types, type);
}

struct json *manifests_print(const struct config *config)
{
    struct json *list = json_array();
    for (size_t i = 0; i < config->n_manifests; i++) {
        const struct manifest_file *m = &config->manifests[i];
        struct json *one = json_set_text(json_object(), "name", m->name);
        json_set_text(one, "sha256", m->sha256);
        json_push(list, json_set_text(one, "fault", m->fault));
    }
    if (config->manifests_fault != NULL)
        json_push_text(list, config->manifests_fault);
    return list;
}

void manifests_free(struct config *config)
{
    for (size_t i = 0; i < config->n_manifests; i++) {
        mem_free(config->manifests[i].path);
        mem_free(config->manifests[i].name);
        mem_free(config->manifests[i].fault);
    }
    mem_free(config->manifests);
    mem_free(config->manifests_folder);
    mem_free(config->manifests_fault);
    catalogue_free(config->types);
}
