#include "wire.h"

#include "crypto/key.h"

#include <stdio.h>
#include <stdlib.h>

/* Bytes that some secret of some API is made of. The first holds what URL, header, JSON and form each have to encode. */
enum {
    FORM_TEXT,
    FORM_BASE64,
    FORM_HEX,
    FORM_BASE32,
    FORM_RSA,
    FORM_ACCOUNT,
    FORM_ACCOUNT_64,
    FORM_REGISTRATIONS,
    FORM_LIST,
    FORM_N
};
static char *forms[FORM_N];

static char *rsa_make(void)
{
    struct key *key = key_new(KEY_RSA_2048);
    struct secret pem;
    key_to_pem(key, &pem);
    char *text = mem_strndup((const char *)pem.p, pem.len);
    secret_fini(&pem);
    key_free(key);
    return text;
}

/* Service accounts of the clouds, all in one. */
static char *account_make(const char *rsa)
{
    static const char *const names[] = {"client_email", "private_key_id",     "id",
                                        "key_id",       "service_account_id", "user",
                                        "tenancy",      "fingerprint"};
    AUTO(json_fini)
    struct json *account = json_set_text(json_object(), "private_key", rsa);
    struct buf text = BUF(64 * 1024);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_set_text(account, names[i], names[i]);
    json_format(account, &text, true);
    return buf_take(&text);
}

/* Of acme-dns, by domain. */
static char *registrations_make(void)
{
    static const char *const domains[] = {"example.org", "www.example.org"};
    AUTO(json_fini)
    struct json *file = json_object();
    struct buf text = BUF(64 * 1024);
    for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++) {
        struct json *one = json_set_text(json_object(), "username", "cAn4ry-user");
        json_set(file, domains[i], json_set_text(one, "password", "cAn4ry-password"));
    }
    json_format(file, &text, true);
    return buf_take(&text);
}

static char *in_base64(const char *text)
{
    struct buf out = BUF(64 * 1024);
    base64_encode(&out, text, strlen(text));
    return buf_take(&out);
}

static void forms_make(void)
{
    if (forms[FORM_TEXT] != NULL)
        return;
    forms[FORM_TEXT] = mem_strdup("cAn4ry+/= \"&%<'x>\\?#:;{{y}}");
    forms[FORM_BASE64] = mem_strdup("Y2FuYXJ5LWNhbmFyeS1jYW5hcnktY2FuYXJ5LTAxMjM=");
    forms[FORM_HEX] = mem_strdup("63616e6172792d63616e6172792d63616e6172792d63616e617279");
    forms[FORM_BASE32] = mem_strdup("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    forms[FORM_RSA] = rsa_make();
    forms[FORM_ACCOUNT] = account_make(forms[FORM_RSA]);
    forms[FORM_ACCOUNT_64] = in_base64(forms[FORM_ACCOUNT]);
    forms[FORM_REGISTRATIONS] = registrations_make();
}

/* One line a name of the talk: with and without the challenge label. */
void wire_forms_name(const struct json *talk)
{
    const struct json *records = json_find(talk, "records");
    struct buf out = BUF(64 * 1024);
    buf_printf(&out, "%s=cAn4ry-zone\n", json_text(talk, "zone"));
    for (size_t i = 0; i < json_len(records); i++) {
        const char *owner = json_text(json_at(records, i), "owner");
        const char *bare = owner != NULL ? strchr(owner, '.') : NULL;
        if (bare != NULL)
            buf_printf(&out, "%s=cAn4ry-%zu\n%s=cAn4ry-%zu\n", owner, i, bare + 1, i);
    }
    forms_make();
    mem_free(forms[FORM_LIST]);
    forms[FORM_LIST] = buf_take(&out);
}

void wire_forms_free(void)
{
    for (size_t i = 0; i < FORM_N; i++) {
        mem_free(forms[i]);
        forms[i] = NULL;
    }
}

/* The items of a list of sections. */
static void items_take(struct wire_secrets *secrets, const struct setting *setting,
                       struct json *settings, const char *path)
{
    const struct json *value = json_find(settings, setting->name);
    struct json *list = json_array();
    for (size_t i = 0; i < json_len(value); i++) {
        AUTO(mem_fini)
        char *below = mem_printf("%s.%zu.", path, i);
        struct json *copy = json_copy(json_at(value, i));
        wire_secrets_take(secrets, setting->section, copy, below);
        json_push(list, copy);
    }
    json_set(settings, setting->name, list);
}

void wire_secrets_take(struct wire_secrets *secrets, const struct section *section,
                       struct json *settings, const char *above)
{
    for (size_t i = 0; i < section->n; i++) {
        const struct setting *setting = &section->settings[i];
        const struct json *value = json_find(settings, setting->name);
        char *path = mem_printf("%s%s", above, setting->name), reference[24];
        if (value != NULL && setting->kind == SETTING_SECTION) {
            AUTO(mem_fini)
            char *below = mem_printf("%s.", path);
            struct json *copy = json_copy(value);
            wire_secrets_take(secrets, setting->section, copy, below);
            json_set(settings, setting->name, copy);
        }
        if (value != NULL && setting->kind == SETTING_SECTIONS)
            items_take(secrets, setting, settings, path);
        if (value == NULL || setting->kind != SETTING_SECRET) {
            mem_free(path);
            continue;
        }
        CHECK(secrets->n < WIRE_SECRETS_MAX);
        snprintf(reference, sizeof reference, "env:S%zu", secrets->n);
        json_set_text(settings, setting->name, reference);
        secrets->items[secrets->n++].path = path;
    }
}

void wire_secrets_fini(struct wire_secrets *secrets)
{
    for (size_t i = 0; i < secrets->n; i++)
        mem_free(secrets->items[i].path);
}

const char *wire_secret_of(const struct wire_secrets *secrets, const char *variable)
{
    size_t i = variable[0] == 'S' ? (size_t)atoi(variable + 1) : secrets->n;
    forms_make();
    return i < secrets->n ? forms[secrets->items[i].form] : NULL;
}

/* ---- filling in ---- */

struct filling {
    const struct wire_secrets *secrets;
    struct secret bytes[WIRE_SECRETS_MAX];
};

static bool secret_for(void *arg, struct str name, const struct secret **ret, struct err *err)
{
    struct filling *f = arg;
    for (size_t i = 0; i < f->secrets->n; i++)
        if (str_eq(str_of(f->secrets->items[i].path), name)) {
            *ret = &f->bytes[i];
            return true;
        }
    return err_set(err, ERR_BROKEN, "the talk has no secret %.*s", STR_ARG(name));
}

bool wire_secrets_fill(const struct wire_secrets *secrets, struct str text, enum veiled_place place,
                       struct buf *out, struct err *err)
{
    struct filling f = {.secrets = secrets};
    forms_make();
    for (size_t i = 0; i < secrets->n; i++)
        secret_init(&f.bytes[i], forms[secrets->items[i].form],
                    strlen(forms[secrets->items[i].form]));
    bool ok = veiled_fill(text, place, secret_for, &f, out, err);
    for (size_t i = 0; i < secrets->n; i++)
        secret_fini(&f.bytes[i]);
    return ok;
}

/* ---- choosing ---- */

static bool text_fits(const struct wire_secrets *secrets, const char *text, enum veiled_place place,
                      struct err *err)
{
    AUTO(buf_fini)
    struct buf out = BUF(JSON_SIZE_MAX);
    return text == NULL || wire_secrets_fill(secrets, str_of(text), place, &out, err);
}

static bool http_fits(const struct wire_secrets *secrets, const struct json *http, struct err *err)
{
    const struct json *headers = json_find(http, "headers"), *json = json_find(http, "json");
    AUTO(buf_fini)
    struct buf body = BUF(JSON_SIZE_MAX);
    bool ok = text_fits(secrets, json_text(http, "url"), VEILED_IN_URL, err) &&
              text_fits(secrets, json_text(http, "body"), VEILED_IN_BODY, err);
    for (size_t i = 0; ok && i < json_len(headers); i++)
        ok = text_fits(secrets, json_as_text(json_at(headers, i)), VEILED_IN_HEADER, err);
    if (ok && json != NULL)
        json_format(json, &body, false);
    return ok && text_fits(secrets, buf_cstr(&body), VEILED_IN_BODY, err);
}

static bool lines_fit(const struct wire_secrets *secrets, const struct json *lines, struct err *err)
{
    for (size_t i = 0; i < json_len(lines); i++) {
        const struct json *http = json_find(json_find(json_at(lines, i), "wish"), "http");
        if (http != NULL && !http_fits(secrets, http, err))
            return false;
    }
    return true;
}

/* Counts through all combinations. */
static bool next_forms(struct wire_secrets *secrets)
{
    for (size_t i = 0; i < secrets->n; i++) {
        if (++secrets->items[i].form < FORM_N)
            return true;
        secrets->items[i].form = 0;
    }
    return false;
}

bool wire_secrets_choose(struct wire_secrets *secrets, const struct json *lines, struct err *err)
{
    struct err first = {0}, other = {0};
    if (lines_fit(secrets, lines, &first))
        return true;
    while (next_forms(secrets))
        if (lines_fit(secrets, lines, &other))
            return true;
    return err_set(err, first.kind, "no form of a secret in wire_secret.c fits these requests: %s",
                   first.text);
}
