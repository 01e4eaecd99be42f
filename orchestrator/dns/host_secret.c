#include "dns/host_inner.h"

static const struct setting *section_find(const struct section *section, struct str name)
{
    for (size_t i = 0; section != NULL && i < section->n; i++)
        if (str_eq(str_of(section->settings[i].name), name))
            return &section->settings[i];
    return NULL;
}

/* One step down a path: a setting of the section, an item of a list ("accounts.0"), a member of a map. */
struct place {
    const struct setting *setting; /* NULL: there is none */
    const struct section *section; /* of what stands there; NULL: it has no members */
    const struct json *value;
    bool is_secret;
};

static struct place place_below(const struct place *at, struct str name)
{
    AUTO(mem_fini)
    char *key = mem_strndup(name.p, name.len);
    enum setting_kind kind = at->setting != NULL ? at->setting->kind : SETTING_SECTION;
    int64_t i;
    struct place below = {.setting = at->setting, .section = at->section};
    if (kind == SETTING_SECTIONS || kind == SETTING_MAP || kind == SETTING_SECRET_MAP) {
        below.value = kind != SETTING_SECTIONS         ? json_find(at->value, key)
                      : str_to_i64(name, &i) && i >= 0 ? json_at(at->value, (size_t)i)
                                                       : NULL;
        below.is_secret = kind == SETTING_SECRET_MAP;
        below.setting = NULL; /* a section, or the secret itself */
        return below;
    }
    below.setting = section_find(at->section, name);
    below.section = below.setting != NULL ? below.setting->section : NULL;
    below.value = json_find(at->value, key);
    below.is_secret = below.setting != NULL && below.setting->kind == SETTING_SECRET;
    return below;
}

/* What the settings hold at path, when the table of the provider says that it is a secret. */
static bool reference_find(const struct host_job *job, struct str path, const char **ret,
                           struct err *err)
{
    struct place at = {.section = job->provider->provider->settings,
                       .value = job->provider->settings};
    struct str rest = path, name;
    while (str_split(&rest, '.', &name))
        at = place_below(&at, name);
    if (!at.is_secret)
        return err_set(err, ERR_BROKEN,
                       "its module asks for the secret \"%.*s\", which is none of its settings",
                       STR_ARG(path));
    if (json_as_text(at.value) == NULL)
        return err_set(err, ERR_CONFIG, "%.*s is not configured", STR_ARG(path));
    *ret = json_as_text(at.value);
    return true;
}

static struct host_secret *secret_known(const struct host_job *job, struct str path)
{
    LIST_EACH (it, &job->host->secrets) {
        struct host_secret *secret = LIST_OWNER(it, struct host_secret, in_host);
        if (secret->provider == job->provider && str_eq(str_of(secret->path), path))
            return secret;
    }
    return NULL;
}

static bool form_check(const struct host_job *job, struct str path, const struct secret *bytes,
                       struct err *err)
{
    const struct dns_provider *provider = job->provider->provider;
    AUTO(mem_fini)
    char *setting = mem_strndup(path.p, path.len);
    return provider->secret_check == NULL ||
           provider->secret_check(provider, setting, secret_str(bytes), err);
}

bool host_secret_find(struct host_job *job, struct str path, const struct secret **ret,
                      struct err *err)
{
    struct host_secret *known = secret_known(job, path);
    const char *reference;
    struct secret bytes;
    if (known == NULL) {
        if (!reference_find(job, path, &reference, err))
            return false;
        if (!secret_resolve(job->host->house->config, reference, &bytes, err))
            return err_wrap(err, "%.*s", STR_ARG(path));
        if (!form_check(job, path, &bytes, err)) {
            secret_fini(&bytes);
            return err_wrap(err, "%.*s", STR_ARG(path));
        }
        known = NEW(struct host_secret);
        known->provider = job->provider;
        known->path = mem_strndup(path.p, path.len);
        known->bytes = bytes;
        list_push_back(&job->host->secrets, &known->in_host);
        host_secret_mask(job->host, secret_str(&bytes));
    }
    *ret = &known->bytes;
    return true;
}

void host_secret_mask(struct provider_host *host, struct str bytes)
{
    redactor_add(&host->redactor, bytes);
    if (host->house->log != NULL)
        log_mask(host->house->log, bytes);
}

void host_secrets_free(struct provider_host *host)
{
    LIST_EACH (it, &host->secrets) {
        struct host_secret *secret = LIST_OWNER(it, struct host_secret, in_host);
        secret_fini(&secret->bytes);
        mem_free(secret->path);
        mem_free(secret);
    }
    redactor_fini(&host->redactor);
}

void host_secret_hide(const struct provider_host *host, struct err *err)
{
    AUTO(buf_fini)
    struct buf out = BUF(8 * ERR_TEXT_MAX);
    int64_t until_ms = err->until_ms;
    redactor_apply(&host->redactor, str_of(err->text), &out);
    if (out.overflow)
        buf_clear(&out);
    err_set(err, err->kind, "%s", buf_cstr(&out));
    err->until_ms = until_ms;
}

/* ---- filling in ---- */

static bool secret_for(void *arg, struct str name, const struct secret **ret, struct err *err)
{
    return host_secret_find(arg, name, ret, err);
}

bool host_text_fill(struct host_job *job, struct str text, enum veiled_place place, struct buf *out,
                    struct err *err)
{
    return veiled_fill(text, place, secret_for, job, out, err);
}
