#include "inventory/config_inside.h"

#include "acme/name.h"
#include "base/clock.h"
#include "inventory/ca_limits.h"
#include "io/files.h"

enum { LIMITS_FILE_MAX = 64 * 1024, SUFFIXES_MAX = 8 * 1024 * 1024 };

static const struct setting limits_settings[] = {
    {.name = "file",
     .kind = SETTING_TEXT,
     .sentence =
         "A file of limits, in the form of docs/LEDGER.md, instead of what Chancery knows."},
    {.name = "kept",
     .kind = SETTING_INT,
     .otherwise = "10",
     .min = 0,
     .max = 90,
     .sentence = "Per cent of the shared limits (`orders`, `domain`, `set`) kept for certificates "
                 "about to expire or revoked, and for what a person asks for."},
#define X(limit, key, is_shared, what)                                                             \
    {.name = (key),                                                                                \
     .kind = SETTING_TEXT,                                                                         \
     .sentence = "How many " what " in how long, e.g. `300/3h`; `none`: no such limit."},
#include "inventory/ca_limits.def"
#undef X
};
const struct section section_limits = {
    .name = "authorities.NAME.limits",
    .sentence = "What this CA limits for you, for instance because it raised a limit on request. "
                "What is not said stays as it is known.",
    .settings = limits_settings,
    .n = sizeof limits_settings / sizeof limits_settings[0]};

/* ---- of an authority ---- */

static void limits_file_read(const struct config *config, struct reader *r, const struct json *raw,
                             const char *path, struct authority_config *a)
{
    struct err why = {0};
    AUTO(buf_fini)
    struct buf text = BUF(LIMITS_FILE_MAX);
    AUTO(mem_fini)
    char *whole = path_from(config->folder, path);
    if (!file_read(whole, LIMITS_FILE_MAX, false, &text, &why) ||
        !ca_limits_parse(buf_str(&text), whole, a->limits, NULL, &why))
        reader_say(r, raw, "file", "authorities.%s.limits.file: %.800s", a->name, why.text);
}

static void limit_override(struct reader *r, const struct json *raw, const char *name,
                           const char *text, struct ca_rate *rate, const char *authority)
{
    if (strcmp(text, "none") == 0)
        *rate = (struct ca_rate){0};
    else if (!ca_rate_parse(text, rate))
        reader_say(r, raw, name,
                   "authorities.%s.limits.%s: \"%.40s\" is no rate; write how many in how long, "
                   "e.g. 300/3h, or none",
                   authority, name, text);
}

void authority_limits_read(const struct config *config, struct reader *r, const struct json *raw,
                           const struct json *checked, struct authority_config *a)
{
    const struct json *said = json_find(checked, "limits");
    const struct json *raw_said = json_find(raw, "limits");
    const char *file = json_text(said, "file");
    if (said == NULL)
        return;
    a->limits = NEW(struct ca_limits);
    if (file != NULL)
        limits_file_read(config, r, raw_said, file, a);
    else
        ca_limits_builtin(a->directory, a->limits);
    for (size_t i = 0; i < CA_LIMIT_N; i++) {
        const char *name = ca_limit_name((enum ca_limit)i);
        if (json_text(said, name) != NULL)
            limit_override(r, raw_said, name, json_text(said, name), &a->limits->rates[i], a->name);
    }
    a->limits->kept_percent = json_int(said, "kept", a->limits->kept_percent);
}

void authority_limits_free(struct authority_config *a)
{
    if (a->limits != NULL)
        ca_limits_fini(a->limits);
    mem_free(a->limits);
}

/* ---- of a directory ---- */

/* Made when it is asked for: a run that orders nothing reads no limits. */
struct directory_limits {
    struct directory_limits *next;
    char *directory;
    struct ca_limits limits;
};

const struct ca_limits *config_limits(struct config *config, const char *directory)
{
    for (size_t i = 0; i < config->n_authorities; i++)
        if (config->authorities[i].limits != NULL &&
            strcmp(config->authorities[i].directory, directory) == 0)
            return config->authorities[i].limits;
    for (struct directory_limits *d = config->limits; d != NULL; d = d->next)
        if (strcmp(d->directory, directory) == 0)
            return &d->limits;
    struct directory_limits *d = NEW(struct directory_limits);
    d->directory = mem_strdup(directory);
    ca_limits_builtin(directory, &d->limits);
    d->next = config->limits;
    config->limits = d;
    return &d->limits;
}

void limits_free(struct config *config)
{
    while (config->limits != NULL) {
        struct directory_limits *d = config->limits;
        config->limits = d->next;
        ca_limits_fini(&d->limits);
        mem_free(d->directory);
        mem_free(d);
    }
}

/* ---- registered domains ---- */

const struct suffix_list *config_suffixes(struct config *config)
{
    AUTO(buf_fini)
    struct buf text = BUF(SUFFIXES_MAX);
    if (config->suffixes_path == NULL || config->has_suffixes)
        return config->suffixes;
    config->has_suffixes = true;
    if (!file_read(config->suffixes_path, SUFFIXES_MAX, false, &text, &config->suffixes_fault) ||
        !suffix_list_load(buf_str(&text), &config->suffixes, &config->suffixes_fault))
        err_wrap(&config->suffixes_fault, "public_suffix_list %s", config->suffixes_path);
    return config->suffixes;
}
