#include "cmd/set_words.h"

#include "inventory/register.h"

static bool as_usage(struct invocation *in)
{
    if (in->err.kind == ERR_ABSENT)
        in->err.kind = ERR_CONFIG;
    return false;
}

bool set_words_check(struct invocation *in)
{
    for (size_t i = 0; i < in->n_words; i++) {
        struct set_row row = {0};
        if (!register_row(&in->house, in->words[i], &row, &in->err))
            return as_usage(in);
        set_row_fini(&row);
    }
    return true;
}

/* "1, 2 and 5": which there are. */
static void versions_list(struct certificate *const *list, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n && i < 10; i++)
        buf_printf(out, "%s%lld", i == 0 ? "" : ", ", (long long)list[i]->version);
    if (n > 10)
        buf_add_cstr(out, " ...");
}

static bool version_find(struct invocation *in, int64_t version, int64_t *ret_id)
{
    struct certificate **list = NULL;
    AUTO(buf_fini)
    struct buf known = BUF(1024);
    size_t n = 0;
    int64_t id = 0;
    if (!held_versions(&in->house, in->words[0], &list, &n, &in->err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (list[i]->version == version)
            id = list[i]->id;
    versions_list(list, n, &known);
    certificates_free(list, n);
    *ret_id = id;
    return id != 0 ||
           err_set(&in->err, ERR_CONFIG, "set %s has no certificate of version %lld; it has: %s",
                   in->words[0], (long long)version, n > 0 ? buf_cstr(&known) : "none");
}

/* By its kind ("rsa-2048") or its family ("rsa"). */
static bool kind_is(const struct certificate *c, const char *word)
{
    enum key_kind kind;
    return strcmp(c->key_kind, word) == 0 ||
           (key_kind_find(c->key_kind, &kind) && strcmp(key_kind_family(kind), word) == 0);
}

static bool kind_find(struct invocation *in, const char *word, int64_t *ret_id)
{
    struct certificate **unit = NULL;
    AUTO(buf_fini)
    struct buf known = BUF(256);
    size_t n = 0;
    int64_t id = 0;
    if (!held_unit(&in->house, in->words[0], false, &unit, &n, &in->err))
        return false;
    for (size_t i = 0; i < n; i++) {
        buf_printf(&known, "%s%s", i == 0 ? "" : ", ", unit[i]->key_kind);
        if (kind_is(unit[i], word))
            id = unit[i]->id;
    }
    certificates_free(unit, n);
    *ret_id = id;
    return id != 0 ||
           err_set(&in->err, ERR_CONFIG,
                   "set %s has no current certificate with a key of kind \"%.40s\"; it has: %s",
                   in->words[0], word, known.len > 0 ? buf_cstr(&known) : "none");
}

bool set_words_certificate(struct invocation *in, struct certificate **ret)
{
    const char *word = option_value(in, "version"), *kind = option_value(in, "key-kind");
    int64_t version = 0, id = 0;
    if (!set_words_check(in))
        return false;
    if (word != NULL && (!str_to_i64(str_of(word), &version) || version <= 0))
        return err_set(&in->err, ERR_CONFIG,
                       "--version takes the number of a version, not \"%.40s\"", word);
    if (word != NULL && kind != NULL)
        return err_set(&in->err, ERR_CONFIG,
                       "--version names one certificate, whatever its key: leave out --key-kind");
    if (kind != NULL)
        return kind_find(in, kind, &id) && held_certificate(&in->house, id, true, ret, &in->err);
    if (word != NULL)
        return version_find(in, version, &id) &&
               held_certificate(&in->house, id, true, ret, &in->err);
    return held_current(&in->house, in->words[0], true, ret, &in->err) || as_usage(in);
}
