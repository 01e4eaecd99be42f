#include "inventory/config_inside.h"

#include "acme/name.h"
#include "crypto/chain_choice.h"
#include "io/files.h"
#include "store/store.h"

#include <limits.h>
#include <unistd.h>

/* READING goes up when the same text would be read differently: then every set is read anew. */
enum { FILE_MAX = 1024 * 1024, READING = 1 };

static const char *environment_none(const char *name)
{
    (void)name;
    return NULL;
}

/* Absolute, because targets are named by their paths. */
static char *folder_of(const char *path)
{
    char here[PATH_MAX];
    const char *slash = strrchr(path, '/');
    AUTO(mem_fini)
    char *folder = slash == NULL ? mem_strdup(".") : mem_strndup(path, (size_t)(slash - path) + 1);
    return path_from(getcwd(here, sizeof here) != NULL ? here : "/", folder);
}

/* user:password@ before the host, or a parameter. */
static bool has_password(const char *url)
{
    struct str text = str_of(strstr(url, "://") + 3);
    struct str authority = str_mem(text.p, str_find_char(text, '/'));
    size_t at = str_find_char(authority, '@');
    return strstr(url, "password=") != NULL ||
           (at < authority.len && str_find_char(str_mem(authority.p, at), ':') < at);
}

const char *store_address_fault(const char *text)
{
    bool is_file = str_starts(str_of(text), STR("sqlite:")) && strlen(text) > strlen("sqlite:");
    if (!is_file && !store_is_server(text))
        return "sqlite:PATH or postgresql://user@host/database is expected, e.g. store: "
               "sqlite:/var/lib/chancery/chancery.db";
    if (!is_file && has_password(text))
        return "a password does not belong here: put it into ~/.pgpass or into a file that "
               "passfile= names, and take it out of the address";
    return NULL;
}

static void store_read(struct config *config, struct reader *r)
{
    const char *text = json_text(config->tree, "store"), *fault = store_address_fault(text);
    if (fault != NULL)
        reader_say(r, r->raw, "store", "store: %s", fault);
    else if (store_is_server(text))
        config->store_path = mem_strdup(text);
    else
        config->store_path = path_from(config->folder, text + strlen("sqlite:"));
}

/* A folder, one star, and an end. */
static void sets_read(struct config *config, struct reader *r)
{
    const char *text = json_text(config->tree, "sets");
    const char *star = strchr(text, '*');
    bool after_folder = star != NULL && (star == text || star[-1] == '/');
    if (!after_folder || star[1] != '.' || strpbrk(star + 1, "*/") != NULL || star[2] == '\0') {
        reader_say(r, r->raw, "sets",
                   "sets: a folder, \"/*\" and an end are expected, e.g. sets: sets.d/*.yaml");
        return;
    }
    AUTO(mem_fini)
    char *folder = mem_strndup(text, (size_t)(star - text));
    config->sets_folder = path_from(config->folder, folder);
    config->sets_suffix = mem_strdup(star + 1);
}

static void defaults_read(struct config *config, struct reader *r)
{
    const struct json *raw = json_find(r->raw, "defaults");
    config->defaults = json_copy(json_find(config->tree, "defaults"));
    const struct json *list = json_find(config->defaults, "authority");
    keys_verify(raw, "defaults.", r);
    profiles_verify(config, raw, "defaults.", r);
    for (size_t i = 0; i < json_len(list); i++) {
        const char *name = json_as_text(json_at(list, i));
        if (config_authority(config, name) == NULL)
            reader_say_item(r, raw, "authority", i,
                            "defaults.authority: there is no authority \"%.64s\"", name);
    }
    struct err why = {0};
    AUTO(mem_fini)
    char *wish = NULL;
    const char *chain = json_text(config->defaults, "chain");
    if (chain != NULL && !chain_wish_check(chain, &wish, &why))
        reader_say(r, raw, "chain", "defaults.chain: %s", why.text);
}

static void config_fill(struct config *config, struct reader *r)
{
    authorities_read(config, r);
    providers_read(config, r);
    store_read(config, r);
    sets_read(config, r);
    defaults_read(config, r);
    dnssec_read(config, r);
    http_read(config, r);
    config->seal = mem_strdup(json_text(config->tree, "seal"));
    const char *suffixes = json_text(config->tree, "public_suffix_list");
    config->suffixes_path = suffixes != NULL ? path_from(config->folder, suffixes) : NULL;
    struct json *whole = json_object();
    json_set_int(whole, "reading", READING);
    json_set_text(whole, "folder", config->folder);
    json_set(whole, "tree", json_copy(config->tree));
    json_set(whole, "manifests", manifests_print(config));
    config->fingerprint = print_of(whole);
}

/* The providers are looked at even when the rest is wrong: one run shows everything. */
static bool config_read(struct config *config, struct reader *r, struct err *err)
{
    config->tree = table_check(r->yaml, r->raw, config_section_main(), &r->complaints);
    manifests_read(config, r);
    struct json *providers = providers_check(config, r);
    if (config->tree != NULL) {
        json_set(config->tree, "providers", providers);
        config_fill(config, r);
    } else {
        json_free(providers);
    }
    return reader_is_content(r, err);
}

static bool config_text(const char *path, struct buf *text, struct err *err)
{
    if (file_read(path, FILE_MAX, false, text, err))
        return true;
    if (err != NULL && err->kind == ERR_ABSENT)
        return err_set(
            err, ERR_CONFIG,
            "there is no configuration at %s; `chancery init` writes one, --config names "
            "another",
            path);
    if (err != NULL)
        err->kind = ERR_CONFIG;
    return err_wrap(err, "read the configuration");
}

bool config_load(const char *path, const char *(*environment)(const char *), struct config **ret,
                 struct err *err)
{
    AUTO(buf_fini)
    struct buf text = BUF(FILE_MAX);
    AUTO(yaml_fini)
    struct yaml *yaml = NULL;
    if (!config_text(path, &text, err) || !yaml_parse(buf_str(&text), path, &yaml, err))
        return false;
    AUTO(reader_fini)
    struct reader r = {.file = path, .yaml = yaml, .raw = yaml_tree(yaml)};
    struct config *config = NEW(struct config);
    config->path = mem_strdup(path);
    config->folder = folder_of(path);
    config->environment = environment != NULL ? environment : environment_none;
    if (!config_read(config, &r, err)) {
        config_free(config);
        return false;
    }
    *ret = config;
    return true;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    authorities_free(config);
    providers_free(config);
    manifests_free(config);
    dnssec_config_free(config);
    limits_free(config);
    http_config_free(config);
    suffix_list_free(config->suffixes);
    mem_free(config->suffixes_path);
    mem_free(config->path);
    mem_free(config->folder);
    mem_free(config->store_path);
    mem_free(config->seal);
    mem_free(config->sets_folder);
    mem_free(config->sets_suffix);
    mem_free(config->fingerprint);
    json_free(config->defaults);
    json_free(config->tree);
    mem_free(config);
}

void config_document(struct buf *out)
{
    buf_add_cstr(
        out,
        "# Configuration\n\n"
        "Two kinds of files: `chancery.yaml`, and one file a domain set below `sets.d/`. Unknown "
        "keys are errors. Durations are a number and a unit (`90s`, `10m`, `12h`, `45d`); file "
        "modes "
        "stand in quotes (`\"0640\"`).\n\n");
    table_document(config_section_main(), 2, out);
    table_document(config_section_set(), 2, out);
}
