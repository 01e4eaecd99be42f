/* Which key a set's certificate is for, and which chain goes out with it. */
#include "inventory/config_inside.h"

#include "crypto/chain_choice.h"

static const struct json *value_of(const struct config *config, const struct json *doc,
                                   const char *key)
{
    const struct json *own = json_find(doc, key);
    return own != NULL ? own : json_find(config->defaults, key);
}

bool csr_reference_check(const char *reference, struct err *err)
{
    struct str text = str_of(reference), rest = STR_NONE;
    if (str_starts(text, STR("file:")) || str_starts(text, STR("exec:")))
        rest = str_trim(str_mem(text.p + 5, text.len - 5));
    return rest.len > 0 ||
           err_set(
               err, ERR_CONFIG,
               "file:PATH or exec:PROGRAM WORDS is expected, where the certificate request comes "
               "from");
}

/* With a request the kind of the key is the request's, and whether it stays is for whoever makes it. */
static void csr_read(const struct json *doc, struct set_config *set, struct reader *r)
{
    static const char *const idle[] = {"key", "keys", "keep_key"};
    struct err why = {0};
    const char *reference = json_text(doc, "csr");
    if (reference == NULL)
        return;
    set->csr = mem_strdup(reference);
    if (!csr_reference_check(reference, &why))
        reader_say(r, r->raw, "csr", "csr: %s", why.text);
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++)
        if (json_find(doc, idle[i]) != NULL)
            reader_say(r, r->raw, idle[i],
                       "%s: the key of this set is that of its certificate request (csr); remove "
                       "one of the two",
                       idle[i]);
}

static void kind_read(const struct config *config, const struct json *doc, struct set_config *set)
{
    const char *kind = json_text(doc, "key");
    bool keeps = kind != NULL && strcmp(kind, "keep") == 0;
    if (kind == NULL || keeps)
        kind = json_text(config->defaults, "key");
    if (kind == NULL || !key_kind_find(kind, &set->key))
        set->key = KEY_ECDSA_P256;
    set->is_key_kind_free = keeps;
    set->keep_key = keeps || json_as_bool(value_of(config, doc, "keep_key"), false);
}

void set_key_read(const struct config *config, const struct json *doc, struct set_config *set,
                  struct reader *r)
{
    struct err why = {0};
    const char *chain = json_as_text(value_of(config, doc, "chain"));
    kind_read(config, doc, set);
    csr_read(doc, set, r);
    if (set->csr != NULL)
        set->keep_key = set->is_key_kind_free = false;
    /* What stands in defaults was looked at there. */
    if (chain != NULL && !chain_wish_check(chain, &set->chain, &why) &&
        json_find(doc, "chain") != NULL)
        reader_say(r, r->raw, "chain", "chain: %s", why.text);
}
