#include "renewal/host_inner.h"

static const struct setting *section_find(const struct section *section, struct str name)
{
    for (size_t i = 0; section != NULL && i < section->n; i++)
        if (str_eq(str_of(section->settings[i].name), name))
            return &section->settings[i];
    return NULL;
}

/* What the settings hold at path, when the table of the provider says that it is a secret. */
static bool reference_find(const struct host_job *job, struct str path, const char **ret,
                           struct err *err)
{
    const struct section *section = job->provider->provider->settings;
    const struct json *value = job->provider->settings;
    const struct setting *setting = NULL;
    struct str rest = path, name;
    while (str_split(&rest, '.', &name)) {
        AUTO(mem_fini)
        char *key = mem_strndup(name.p, name.len);
        setting = section_find(section, name);
        section = setting != NULL ? setting->section : NULL;
        value = json_find(value, key);
    }
    if (setting == NULL || setting->kind != SETTING_SECRET)
        return err_set(err, ERR_BROKEN,
                       "its module asks for the secret \"%.*s\", which is none of its settings",
                       STR_ARG(path));
    if (json_as_text(value) == NULL)
        return err_set(err, ERR_CONFIG, "%.*s is not configured", STR_ARG(path));
    *ret = json_as_text(value);
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

/* ---- placeholders ---- */

/* Length of "{{path}}" at the start of text, 0 when it is something else: braces are at home in JSON. */
static size_t place_len(struct str text, struct str *ret_path)
{
    size_t end = 2;
    if (!str_starts(text, STR("{{")))
        return 0;
    while (end < text.len && (text.p[end] == '_' || text.p[end] == '.' || text.p[end] == '-' ||
                              (text.p[end] >= 'a' && text.p[end] <= 'z') ||
                              (text.p[end] >= '0' && text.p[end] <= '9')))
        end++;
    if (end == 2 || !str_starts(str_mem(text.p + end, text.len - end), STR("}}")))
        return 0;
    *ret_path = str_mem(text.p + 2, end - 2);
    return end + 2;
}

bool host_text_has_secret(struct str text)
{
    struct str path;
    for (size_t i = 0; i < text.len; i++)
        if (place_len(str_mem(text.p + i, text.len - i), &path) > 0)
            return true;
    return false;
}

static void add_percent(struct buf *out, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool is_plain = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') ||
                        (c != '\0' && strchr("-._~", c) != NULL);
        if (is_plain) {
            buf_add_char(out, (char)c);
            continue;
        }
        buf_add_char(out, '%');
        buf_add_char(out, hex[c >> 4]);
        buf_add_char(out, hex[c & 15]);
    }
}

static void add_json(struct buf *out, struct str text)
{
    AUTO(buf_fini)
    struct buf quoted = BUF(8 * JSON_SIZE_MAX);
    struct json *value = json_new_text_str(text);
    json_format(value, &quoted, false);
    json_free(value);
    if (quoted.len >= 2)
        buf_add(out, quoted.p + 1, quoted.len - 2);
}

static bool fits_header(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.p[i] < ' ' || text.p[i] == 0x7f)
            return false;
    return true;
}

static bool add_encoded(struct buf *out, struct str secret, struct str path, enum host_place place,
                        struct err *err)
{
    switch (place) {
    case HOST_IN_URL:
    case HOST_IN_FORM:
        add_percent(out, secret);
        return true;
    case HOST_IN_JSON:
        add_json(out, secret);
        return true;
    case HOST_IN_HEADER:
        if (!fits_header(secret))
            return err_set(
                err, ERR_CONFIG,
                "%.*s holds a line break or another control byte and cannot stand in a header",
                STR_ARG(path));
        break;
    case HOST_IN_BODY:
        break;
    }
    buf_add_str(out, secret);
    return true;
}

bool host_text_fill(struct host_job *job, struct str text, enum host_place place, struct buf *out,
                    struct err *err)
{
    const struct secret *secret;
    struct str path;
    for (size_t i = 0; i < text.len;) {
        size_t len = place_len(str_mem(text.p + i, text.len - i), &path);
        if (len == 0) {
            buf_add_char(out, text.p[i++]);
            continue;
        }
        if (!host_secret_find(job, path, &secret, err) ||
            !add_encoded(out, secret_str(secret), path, place, err))
            return false;
        i += len;
    }
    return !out->overflow || err_set(err, ERR_BROKEN, "the request is too large");
}
