#include "distribution/served.h"

#include "distribution/bundle_inside.h"

#include <stdio.h>

enum { FILE_MAX = 1024 * 1024, VARIANTS_MAX = 1000, NAME_MAX_LEN = 128 };

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END   "-----END CERTIFICATE-----"

void served_fini(struct served *served)
{
    mem_free(served->version);
    cert_facts_fini(&served->leaf);
    certificate_free(served->held);
    *served = (struct served){0};
}

/* The first certificate among whatever a PEM file holds: a key may stand before or behind it. */
static bool leaf_parse(struct str text, struct cert_facts *ret)
{
    AUTO(chain_fini)
    struct chain *chain = NULL;
    size_t begin = str_find(text, STR(PEM_BEGIN));
    struct str rest = str_mem(text.p + begin, text.len - begin);
    size_t end = str_find(rest, STR(PEM_END));
    if (end == rest.len)
        return false;
    struct str block = str_mem(rest.p, end + sizeof PEM_END - 1);
    return chain_parse_pem(block, &chain, NULL) && chain_facts(chain, 0, ret, NULL);
}

/* suffix: of the kind of key, NULL for the preferred one. */
static bool leaf_read(const char *dir, const char *suffix, struct served *served)
{
    static const char *const names[] = {"cert.pem", "fullchain.pem", "combined.pem",
                                        "keyfirst.pem"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        AUTO(mem_fini)
        char *name = bundle_file_name(names[i], suffix);
        AUTO(mem_fini)
        char *path = mem_printf("%s/versions/%s/%s", dir, served->version, name);
        AUTO(buf_fini)
        struct buf bytes = BUF(FILE_MAX);
        if (file_read(path, FILE_MAX, false, &bytes, NULL) &&
            leaf_parse(buf_str(&bytes), &served->leaf))
            return true;
    }
    return false;
}

bool version_belongs(const char *version, const char *base)
{
    size_t len = strlen(base);
    return strncmp(version, base, len) == 0 && (version[len] == '\0' || version[len] == '.');
}

static bool is_served(const struct served *served, const struct certificate *certificate)
{
    AUTO(buf_fini)
    struct buf base = BUF(NAME_MAX_LEN);
    if (served->has_leaf)
        return strcmp(served->leaf.sha256_hex, certificate->sha256) == 0;
    bundle_version(certificate, &base);
    return version_belongs(served->version, buf_cstr(&base));
}

/* A target that holds nothing but PKCS#12 is known by the name of its generation. */
static void leaf_take(struct served *served, const struct certificate *certificate)
{
    served->is_revoked = certificate->revoked_at_ms != 0 || certificate->revoke_asked_at_ms != 0;
    if (served->has_leaf)
        return;
    served->has_leaf = true;
    snprintf(served->leaf.sha256_hex, sizeof served->leaf.sha256_hex, "%s", certificate->sha256);
    served->leaf.not_before_at_ms = certificate->not_before_at_ms;
    served->leaf.not_after_at_ms = certificate->not_after_at_ms;
    served->leaf.n_names = certificate->n_names;
    served->leaf.names = NEW_N(certificate->n_names + 1, char *);
    for (size_t i = 0; i < certificate->n_names; i++)
        served->leaf.names[i] = mem_strdup(certificate->names[i]);
}

static bool served_find(struct house *house, const char *set, struct served *served,
                        struct err *err)
{
    struct certificate **list = NULL;
    size_t n = 0;
    if (!held_versions(house, set, &list, &n, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (is_served(served, list[i])) {
            leaf_take(served, list[i]);
            served->held = list[i];
            list[i] = NULL;
            break;
        }
    certificates_free(list, n);
    return true;
}

bool served_look(struct house *house, const char *set, const char *dir, struct served *ret,
                 struct err *err)
{
    struct err why = {0};
    *ret = (struct served){0};
    if (!generation_current(dir, &ret->version, &why)) {
        if (why.kind != ERR_ABSENT)
            return err_set(err, why.kind, "%s", why.text);
        ret->version = mem_strdup("");
        return true;
    }
    ret->has_leaf = leaf_read(dir, NULL, ret);
    if (served_find(house, set, ret, err))
        return true;
    served_fini(ret);
    return false;
}

/* What cannot be read is known by nobody: the name of the version is that of another pair. */
bool served_look_beside(struct house *house, const char *set, const char *dir,
                        const struct served *first, const char *suffix, struct served *ret,
                        struct err *err)
{
    *ret = (struct served){.version = mem_strdup(first->version)};
    if (first->version[0] == '\0')
        return true;
    ret->has_leaf = leaf_read(dir, suffix, ret);
    if (!ret->has_leaf || served_find(house, set, ret, err))
        return true;
    served_fini(ret);
    return false;
}

bool version_choose(const char *dir, const char *base, const char *served, const char *previous,
                    const struct file_item *items, size_t n_items, char **ret_name, struct err *err)
{
    for (int i = 1; i <= VARIANTS_MAX; i++) {
        char *name = i == 1 ? mem_strdup(base) : mem_printf("%s.%d", base, i);
        bool is_equal = false;
        if (!generation_equals(dir, name, items, n_items, &is_equal, err)) {
            mem_free(name);
            return false;
        }
        if (is_equal ||
            (strcmp(name, served) != 0 && (previous == NULL || strcmp(name, previous) != 0))) {
            *ret_name = name;
            return true;
        }
        mem_free(name);
    }
    return err_set(err, ERR_BUG, "%s: no name for version %s is left", dir, base);
}

void version_words(const char *version, struct buf *out)
{
    size_t digits = strspn(version, "0123456789");
    if (version[0] == '\0')
        buf_add_cstr(out, "nothing");
    else if (digits > 0)
        buf_printf(out, "version %.*s", (int)digits, version);
    else
        buf_add_cstr(out, version);
}
