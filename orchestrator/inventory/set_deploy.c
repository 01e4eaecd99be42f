#include "inventory/config_inside.h"

#define FORMATS(X)                                                                                 \
    X(KEY, "key")                                                                                  \
    X(CERT, "cert")                                                                                \
    X(CHAIN, "chain")                                                                              \
    X(FULLCHAIN, "fullchain")                                                                      \
    X(COMBINED, "combined")                                                                        \
    X(KEYFIRST, "keyfirst")                                                                        \
    X(PKCS12, "pkcs12")
static const struct {
    unsigned bit;
    const char *name;
} formats[] = {
#define X(bit, name) {FORMAT_##bit, name},
    FORMATS(X)
#undef X
};

static unsigned formats_read(const struct json *list)
{
    unsigned bits = 0;
    for (size_t i = 0; i < json_len(list); i++)
        for (size_t j = 0; j < sizeof formats / sizeof formats[0]; j++)
            if (json_is(json_at(list, i), JSON_TEXT) &&
                strcmp(json_as_text(json_at(list, i)), formats[j].name) == 0)
                bits |= formats[j].bit;
    return bits;
}

/* ---- raw form -> stored form of `activate`: {argv: [...]} or {systemd: unit} ---- */

static bool unit_fits(const char *unit)
{
    size_t len =
        strspn(unit, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\@-");
    return len > 0 && unit[len] == '\0' && unit[0] != '-';
}

static bool words_fit(const struct json *list)
{
    for (size_t i = 0; i < json_len(list); i++)
        if (json_as_text(json_at(list, i)) == NULL)
            return false;
    return json_len(list) > 0 && json_as_text(json_at(list, 0))[0] != '\0';
}

static struct json *activate_settle(const struct json *activate, const struct json *raw,
                                    struct reader *r)
{
    if (json_is(activate, JSON_ARRAY) && words_fit(activate))
        return json_set(json_object(), "argv", json_copy(activate));
    if (!json_is(activate, JSON_OBJECT)) {
        reader_say(r, raw, "activate",
                   "deploy.activate: a program with its words or a systemd unit is expected, e.g. "
                   "activate: [systemctl, reload, nginx] or activate: {systemd: nginx.service}");
        return NULL;
    }
    struct json *checked =
        table_check(r->yaml, json_find(raw, "activate"), &section_activate, &r->complaints);
    if (checked != NULL && !unit_fits(json_text(checked, "systemd")))
        reader_say(r, json_find(raw, "activate"), "systemd",
                   "deploy.activate.systemd: \"%.80s\" is no name of a unit",
                   json_text(checked, "systemd"));
    return checked;
}

/* Where the key lives elsewhere nothing that holds it can be delivered; what nobody asked for is left out. */
static void formats_settle(struct json *files, const struct json *raw, struct reader *r)
{
    const struct json *list = json_find(files, "formats");
    if (json_find(raw, "formats") == NULL) {
        struct json *all = json_array();
        json_push_text(all, "cert");
        json_push_text(all, "chain");
        json_push_text(all, "fullchain");
        json_set(files, "formats", all);
        return;
    }
    for (size_t i = 0; i < json_len(list); i++) {
        struct json *one = json_push(json_array(), json_copy(json_at(list, i)));
        if ((formats_read(one) & FORMATS_WITH_KEY) != 0)
            reader_say_item(r, raw, "formats", i,
                            "deploy.files.formats: %s holds the private key, which is elsewhere "
                            "(csr): only cert, chain and fullchain can be delivered",
                            json_as_text(json_at(list, i)));
        json_free(one);
    }
}

static struct json *deploy_settle_formats(struct json *deploy, const struct json *raw,
                                          struct reader *r)
{
    struct json *files = json_copy(json_find(deploy, "files"));
    formats_settle(files, json_find(raw, "files"), r);
    return json_set(deploy, "files", files);
}

void deploys_settle(struct json *doc, struct reader *r)
{
    const struct json *list = json_find(doc, "deploy"), *raws = json_find(r->raw, "deploy");
    if (list == NULL)
        return;
    struct json *out = json_array();
    for (size_t i = 0; i < json_len(list); i++) {
        struct json *deploy = json_copy(json_at(list, i));
        const struct json *activate = json_find(deploy, "activate");
        struct json *settled =
            activate != NULL ? activate_settle(activate, json_at(raws, i), r) : NULL;
        if (settled != NULL)
            json_set(deploy, "activate", settled);
        if (json_text(doc, "csr") != NULL)
            deploy_settle_formats(deploy, json_at(raws, i), r);
        json_push(out, deploy);
    }
    json_set(doc, "deploy", out);
}

/* ---- tree -> struct ---- */

static void dir_check(const struct deploy_config *deploys, size_t i, const struct json *raw,
                      const char *written, struct reader *r)
{
    const char *dir = deploys[i].dir;
    struct str rest = str_of(dir), part;
    for (const char *p = dir; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20) {
            reader_say(r, raw, "dir",
                       "deploy.files.dir: a control character cannot stand in a path");
            return;
        }
    while (str_split(&rest, '/', &part))
        if (str_eq(part, STR("..")))
            reader_say(r, raw, "dir", "deploy.files.dir: %s: write the path without \"..\"",
                       written);
    if (strcmp(dir, "/") == 0)
        reader_say(r, raw, "dir", "deploy.files.dir: / cannot hold a certificate; name a folder");
    for (size_t j = 0; j < i; j++)
        if (strcmp(deploys[j].dir, dir) == 0)
            reader_say(r, raw, "dir", "deploy.files.dir: %s is there twice in this set", dir);
}

/* What decides about the files in place and what takes them up; limits of time and number do not. */
static char *deploy_want(const struct json *deploy, const struct deploy_config *d)
{
    static const char *const keys[] = {"owner",    "group",           "mode",
                                       "dir_mode", "pkcs12_password", "pkcs12_legacy"};
    const struct json *files = json_find(deploy, "files");
    const struct json *activate = json_find(deploy, "activate");
    struct json *want = json_set_int(json_object(), "formats", (int64_t)d->formats);
    json_set_text(want, "dir", d->dir);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const struct json *value = json_find(files, keys[i]);
        if (value != NULL)
            json_set(want, keys[i], json_copy(value));
    }
    if (activate != NULL)
        json_set(want, "activate", json_copy(activate));
    return print_of(want);
}

static void deploy_read(const struct config *config, const struct json *deploy,
                        struct deploy_config *d)
{
    const struct json *files = json_find(deploy, "files");
    const struct json *activate = json_find(deploy, "activate");
    *d = (struct deploy_config){
        .dir = path_from(config->folder, json_text(files, "dir")),
        .owner = mem_strdup(json_text(files, "owner")),
        .group = mem_strdup(json_text(files, "group")),
        .mode = json_int(files, "mode", 0640),
        .dir_mode = json_int(files, "dir_mode", 0750),
        .formats = formats_read(json_find(files, "formats")),
        .pkcs12_password = mem_strdup(json_text(files, "pkcs12_password")),
        .pkcs12_legacy = json_bool(files, "pkcs12_legacy", false),
        .keep = json_int(files, "keep", 3),
        .check = texts_from(json_find(deploy, "check")),
        .activate = texts_from(json_find(activate, "argv")),
        .systemd_unit = mem_strdup(json_text(activate, "systemd")),
        .timeout_ms = json_int(deploy, "timeout", 30 * MS_SECOND),
    };
    d->target = mem_printf("files:%s", d->dir);
    d->want = deploy_want(deploy, d);
}

void deploys_read(const struct config *config, const struct json *doc, struct set_config *set,
                  struct reader *r)
{
    const struct json *list = json_find(doc, "deploy"), *raws = json_find(r->raw, "deploy");
    set->n_deploys = json_len(list);
    set->deploys = NEW_N(set->n_deploys + 1, struct deploy_config);
    for (size_t i = 0; i < set->n_deploys; i++) {
        const struct json *deploy = json_at(list, i);
        deploy_read(config, deploy, &set->deploys[i]);
        dir_check(set->deploys, i, json_find(json_at(raws, i), "files"),
                  json_text(json_find(deploy, "files"), "dir"), r);
    }
}

void deploys_free(struct set_config *set)
{
    for (size_t i = 0; i < set->n_deploys; i++) {
        struct deploy_config *d = &set->deploys[i];
        mem_free(d->target);
        mem_free(d->dir);
        mem_free(d->owner);
        mem_free(d->group);
        mem_free(d->pkcs12_password);
        texts_free(d->check);
        texts_free(d->activate);
        mem_free(d->systemd_unit);
        mem_free(d->want);
    }
    mem_free(set->deploys);
}
