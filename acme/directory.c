#include "acme/directory.h"

enum { URL_MAX = 2048, IDENTITIES_MAX = 32, IDENTITY_MAX = 253, PROFILES_MAX = 100 };

static const struct json_field url_fields[] = {
    {"newNonce", JSON_FIELD_TEXT, offsetof(struct acme_directory, new_nonce), true, URL_MAX},
    {"newAccount", JSON_FIELD_TEXT, offsetof(struct acme_directory, new_account), true, URL_MAX},
    {"newOrder", JSON_FIELD_TEXT, offsetof(struct acme_directory, new_order), true, URL_MAX},
    {"revokeCert", JSON_FIELD_TEXT, offsetof(struct acme_directory, revoke_cert), false, URL_MAX},
    {"keyChange", JSON_FIELD_TEXT, offsetof(struct acme_directory, key_change), false, URL_MAX},
    {"renewalInfo", JSON_FIELD_TEXT, offsetof(struct acme_directory, renewal_info), false, URL_MAX},
};
enum { N_URL_FIELDS = sizeof url_fields / sizeof url_fields[0] };

static bool urls_check(const struct acme_directory *directory, struct err *err)
{
    for (size_t i = 0; i < N_URL_FIELDS; i++) {
        const char *const *slot =
            (const char *const *)(const void *)((const char *)directory + url_fields[i].offset);
        if (*slot != NULL && !acme_url_check(*slot, directory->url, err))
            return err_wrap(err, "%s", url_fields[i].name);
    }
    return true;
}

/* What is only shown to people: escaped, and absent when it is no text. */
static char *text_for_people(const struct json *meta, const char *key)
{
    AUTO(buf_fini)
    struct buf safe = BUF(URL_MAX + 8);
    const char *text = json_text(meta, key);
    if (text == NULL)
        return NULL;
    text_escape(&safe, str_of(text), URL_MAX);
    return buf_take(&safe);
}

/* Names that could be no issuer of a CAA record are left out. */
static bool identity_is_good(const char *text)
{
    if (text == NULL || text[0] == '\0' || strlen(text) > IDENTITY_MAX)
        return false;
    for (const char *p = text; *p != '\0'; p++)
        if (*p <= 0x20 || *p >= 0x7f || *p == ';' || *p == '"' || *p == '\\')
            return false;
    return true;
}

static void identities_read(const struct json *list, char ***ret, size_t *ret_n)
{
    size_t n = json_is(list, JSON_ARRAY) ? json_len(list) : 0;
    if (n > IDENTITIES_MAX)
        n = IDENTITIES_MAX;
    if (n > 0)
        *ret = NEW_N(n, char *);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_as_text(json_at(list, i));
        if (identity_is_good(text))
            (*ret)[(*ret_n)++] = mem_strdup(text);
    }
}

/* It stands in a parameter of a record: only what may. */
static char *hash_prefix_of(const struct json *meta)
{
    const char *text = json_text(meta, "accountHashPrefix");
    return text != NULL && identity_is_good(text) ? mem_strdup(text) : NULL;
}

static void meta_read(struct acme_directory *directory, const struct json *meta)
{
    directory->terms = text_for_people(meta, "termsOfService");
    directory->website = text_for_people(meta, "website");
    directory->eab_required = json_bool(meta, "externalAccountRequired", false);
    identities_read(json_find(meta, "caaIdentities"), &directory->caa_identities,
                    &directory->n_caa_identities);
    identities_read(json_find(meta, "issuerDomainNames"), &directory->issuer_names,
                    &directory->n_issuer_names);
    directory->account_hash_prefix = hash_prefix_of(meta);
    const struct json *profiles = json_find(meta, "profiles");
    if (json_is(profiles, JSON_OBJECT) && json_len(profiles) <= PROFILES_MAX)
        directory->profiles = json_copy(profiles);
}

bool acme_directory_read(const char *url, const struct json *tree, struct acme_directory **ret,
                         struct err *err)
{
    struct acme_directory *directory = NEW(struct acme_directory);
    directory->url = mem_strdup(url);
    if (!json_read(tree, "directory", url_fields, N_URL_FIELDS, directory, err) ||
        !urls_check(directory, err)) {
        acme_directory_free(directory);
        return err_wrap(err, "the CA's directory %s", url);
    }
    meta_read(directory, json_find(tree, "meta"));
    *ret = directory;
    return true;
}

void acme_directory_free(struct acme_directory *directory)
{
    if (directory == NULL)
        return;
    for (size_t i = 0; i < N_URL_FIELDS; i++)
        mem_fini((char *)directory + url_fields[i].offset);
    for (size_t i = 0; i < directory->n_caa_identities; i++)
        mem_free(directory->caa_identities[i]);
    mem_free(directory->caa_identities);
    for (size_t i = 0; i < directory->n_issuer_names; i++)
        mem_free(directory->issuer_names[i]);
    mem_free(directory->issuer_names);
    mem_free(directory->account_hash_prefix);
    mem_free(directory->terms);
    mem_free(directory->website);
    mem_free(directory->url);
    json_free(directory->profiles);
    mem_free(directory);
}
