#include "inventory/config_inside.h"

#include <stdlib.h>

void set_config_free(struct set_config *set)
{
    if (set == NULL)
        return;
    profiles_free(set);
    mem_free(set->name);
    mem_free(set->file);
    texts_free(set->names);
    texts_free(set->authorities);
    texts_free(set->directories);
    mem_free(set->csr);
    mem_free(set->chain);
    mem_free(set->challenge_alias);
    deploys_free(set);
    endpoints_free(set);
    mem_free(set->want);
    mem_free(set);
}

/* ---- tree -> struct ---- */

/* The set's own value, else that of `defaults`. */
static const struct json *value_of(const struct config *config, const struct json *doc,
                                   const char *key)
{
    const struct json *own = json_find(doc, key);
    return own != NULL ? own : json_find(config->defaults, key);
}

static void authorities_choose(const struct config *config, const struct json *doc,
                               struct set_config *set)
{
    const struct json *list = value_of(config, doc, "authority");
    if (json_len(list) > 0) {
        set->authorities = texts_from(list);
    } else {
        set->authorities = NEW_N(2, char *);
        if (config->n_authorities == 1)
            set->authorities[0] = mem_strdup(config->authorities[0].name);
    }
    set->directories = NEW_N(texts_count(set->authorities) + 1, char *);
    for (size_t i = 0; set->authorities[i] != NULL; i++) {
        const struct authority_config *a = config_authority(config, set->authorities[i]);
        set->directories[i] = mem_strdup(a != NULL ? a->directory : "");
    }
}

static void alias_read(const struct json *doc, struct set_config *set, struct reader *r)
{
    struct err why = {0};
    const char *text = json_text(doc, "challenge_alias");
    if (text != NULL && !zone_normalise(text, &set->challenge_alias, &why))
        reader_say(r, r->raw, "challenge_alias", "challenge_alias: %s", why.text);
}

static int text_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct json *texts_json(char *const *texts, size_t n)
{
    struct json *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_push_text(list, texts[i]);
    return list;
}

static struct json *lanes_json(const struct set_config *set)
{
    struct json *list = json_array();
    for (size_t i = 0; i < set->n_lanes; i++)
        json_push_text(list, key_kind_name(set->lanes[i].key));
    return list;
}

/* The order in which names were written does not matter. */
static char *want_of(const struct set_config *set)
{
    char **sorted = NEW_N(set->n_names + 1, char *);
    for (size_t i = 0; i < set->n_names; i++)
        sorted[i] = set->names[i];
    qsort(sorted, set->n_names, sizeof *sorted, text_compare);
    struct json *want = json_object();
    json_set(want, "names", texts_json(sorted, set->n_names));
    if (set->n_lanes > 1)
        json_set(want, "keys", lanes_json(set));
    else
        json_set_text(want, "key",
                      set->csr != NULL        ? "csr"
                      : set->is_key_kind_free ? "keep"
                                              : key_kind_name(set->key));
    if (set->profiles != NULL)
        json_set(want, "profiles", profiles_json(set));
    else
        json_set_text(want, "profile", set->profile);
    json_set(want, "directories", texts_json(set->directories, texts_count(set->directories)));
    mem_free(sorted);
    return print_of(want);
}

struct set_config *set_fill(const struct config *config, const char *name, const char *file,
                            const struct json *doc, struct reader *r)
{
    struct set_config *set = NEW(struct set_config);
    set->name = mem_strdup(name);
    set->file = mem_strdup(file);
    set_names_read(doc, set, r);
    authorities_choose(config, doc, set);
    set_key_read(config, doc, set, r);
    keys_choose(config, doc, set);
    profiles_choose(config, doc, set);
    const char *challenge = json_as_text(value_of(config, doc, "challenge"));
    if (!challenge_find(challenge, &set->challenge))
        set->challenge = CHALLENGE_DNS_01;
    alias_read(doc, set, r);
    set->verify_every_ms = json_as_int(value_of(config, doc, "verify_every"), 6 * MS_HOUR);
    deploys_read(config, doc, set, r);
    endpoints_read(doc, set, r);
    set->want = want_of(set);
    return set;
}

/* ---- against chancery.yaml ---- */

static void authorities_verify(const struct config *config, const struct set_config *set,
                               struct reader *r)
{
    const char **known = NEW_N(config->n_authorities + 1, const char *);
    for (size_t i = 0; i < config->n_authorities; i++)
        known[i] = config->authorities[i].name;
    if (set->authorities[0] == NULL)
        reader_say(r, r->raw, "authority",
                   "authority: there are several in chancery.yaml; name one here or in defaults");
    for (size_t i = 0; set->authorities[i] != NULL; i++) {
        const char *name = set->authorities[i];
        if (config_authority(config, name) != NULL)
            continue;
        const char *near = table_suggest(name, known, config->n_authorities);
        reader_say_item(r, r->raw, "authority", i,
                        "authority: there is no authority \"%.64s\" in chancery.yaml%s%s%s", name,
                        near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                        near != NULL ? "\"?" : "");
    }
    mem_free(known);
}

/* The set cannot prove anything: it is left as it is, and the others go on. */
static bool provider_verify(const struct config *config, const char *challenge, const char *key,
                            struct reader *r)
{
    const struct provider_config *p = config_provider_for(config, challenge);
    const char *fault = p != NULL ? dns_provider_fault(p->provider) : NULL;
    if (fault != NULL)
        reader_say(r, r->raw, key, "provider %s cannot be used: %s", p->name, fault);
    return fault == NULL;
}

/* Where the TXT record of a name goes, as far as the configuration tells. */
static const struct provider_config *record_place(const struct config *config,
                                                  const struct set_config *set, size_t i,
                                                  struct buf *out)
{
    buf_clear(out);
    if (set->challenge_alias != NULL)
        buf_add_cstr(out, set->challenge_alias);
    else
        challenge_owner(set->challenge, set->names[i], NULL, out);
    return config_provider_for(config, buf_cstr(out));
}

static void room_verify(const struct config *config, const struct set_config *set,
                        const struct provider_config *p, const char *place, struct reader *r)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n_names; i++) {
        AUTO(buf_fini)
        struct buf other = BUF(512);
        const struct provider_config *q = record_place(config, set, i, &other);
        n += q != NULL && strcmp(dns_provider_place(q->provider, buf_cstr(&other)), place) == 0;
    }
    if (n > p->provider->values_max)
        reader_say(r, r->raw, "names",
                   "%zu names of this set need a TXT value at %s at once, but provider %s (%s) "
                   "holds %u there: give them sets of their own, a name and its wildcard too, or "
                   "delegate with challenge_alias to a zone of another provider",
                   n, place, p->name, p->provider->name, p->provider->values_max);
}

/* An order needs its values at once: what has no room for them would never be had. Told once a place. */
static void rooms_verify(const struct config *config, const struct set_config *set,
                         struct reader *r)
{
    AUTO(buf_fini)
    struct buf last = BUF(512);
    for (size_t i = 0; i < set->n_names && !challenge_stands(set->challenge); i++) {
        AUTO(buf_fini)
        struct buf owner = BUF(512);
        const struct provider_config *p = record_place(config, set, i, &owner);
        if (p == NULL || p->provider->values_max == 0)
            continue;
        const char *place = dns_provider_place(p->provider, buf_cstr(&owner));
        if (last.len > 0 && strcmp(buf_cstr(&last), place) == 0)
            continue;
        buf_clear(&last);
        buf_add_cstr(&last, place);
        room_verify(config, set, p, place, r);
    }
}

void set_verify(const struct config *config, const struct set_config *set, struct reader *r)
{
    authorities_verify(config, set, r);
    rooms_verify(config, set, r);
    if (set->challenge_alias != NULL) {
        if (config_provider_for(config, set->challenge_alias) == NULL)
            reader_say(r, r->raw, "challenge_alias",
                       "challenge_alias: no provider of chancery.yaml has a zone of %s",
                       set->challenge_alias);
        provider_verify(config, set->challenge_alias, "challenge_alias", r);
        return;
    }
    /* A record that stands may have been put there by a person, into a zone that nobody else may change. */
    bool usable = true; /* told once, not for every name */
    for (size_t i = 0; i < set->n_names && !challenge_stands(set->challenge); i++) {
        AUTO(buf_fini)
        struct buf challenge = BUF(512);
        challenge_owner(set->challenge, set->names[i], NULL, &challenge);
        usable = usable && provider_verify(config, buf_cstr(&challenge), "names", r);
        if (config_provider_for(config, buf_cstr(&challenge)) == NULL)
            reader_say_item(
                r, r->raw, "names", i,
                "no provider of chancery.yaml has a zone of %s; add its zone to one, or "
                "give this set a challenge_alias",
                set->names[i]);
    }
}

/* ---- doors ---- */

/* A tree from the store may be damaged: what everything else rests on must be there. */
static bool doc_is_sound(const struct json *doc)
{
    const struct json *names = json_find(doc, "names"), *deploys = json_find(doc, "deploy");
    const struct json *endpoints = json_find(doc, "endpoints");
    bool sound = json_is(names, JSON_ARRAY) && json_len(names) > 0;
    for (size_t i = 0; sound && i < json_len(names); i++)
        sound = json_as_text(json_at(names, i)) != NULL;
    for (size_t i = 0; sound && i < json_len(deploys); i++)
        sound = json_text(json_find(json_at(deploys, i), "files"), "dir") != NULL;
    for (size_t i = 0; sound && i < json_len(endpoints); i++)
        sound = json_text(json_at(endpoints, i), "endpoint") != NULL;
    return sound;
}

static bool doc_check(const char *name, const char *file, const struct json *doc, struct err *err)
{
    return doc_is_sound(doc) ||
           err_set(err, ERR_BROKEN,
                   "set %s: its record in the store is damaged; touch %s to have it read again",
                   name, file);
}

static bool set_give(struct set_config *set, struct reader *r, struct set_config **ret,
                     struct err *err)
{
    if (!reader_is_content(r, err)) {
        set_config_free(set);
        return false;
    }
    *ret = set;
    return true;
}

bool set_config_read(const struct config *config, const char *name, const char *file,
                     const struct json *doc, struct set_config **ret, struct err *err)
{
    if (!doc_check(name, file, doc, err))
        return false;
    AUTO(reader_fini)
    struct reader r = {.file = file};
    struct set_config *set = set_fill(config, name, file, doc, &r);
    set_verify(config, set, &r);
    return set_give(set, &r, ret, err);
}

bool set_config_recall(const struct config *config, const char *name, const char *file,
                       const struct json *doc, struct set_config **ret, struct err *err)
{
    if (!doc_check(name, file, doc, err))
        return false;
    AUTO(reader_fini)
    struct reader r = {.file = file};
    return set_give(set_fill(config, name, file, doc, &r), &r, ret, err);
}

bool set_file_read(const struct config *config, const char *name, const char *file, struct str text,
                   struct json **ret_doc, struct set_config **ret_set, struct err *err)
{
    AUTO(yaml_fini)
    struct yaml *yaml = NULL;
    if (!yaml_parse(text, file, &yaml, err))
        return false;
    AUTO(reader_fini)
    struct reader r = {.file = file, .yaml = yaml, .raw = yaml_tree(yaml)};
    AUTO(json_fini)
    struct json *doc = table_check(yaml, r.raw, config_section_set(), &r.complaints);
    struct set_config *set = NULL;
    if (doc != NULL) {
        keys_verify(r.raw, "", &r);
        profiles_verify(config, r.raw, "", &r);
        deploys_settle(doc, &r);
        endpoints_settle(doc, &r);
    }
    if (doc != NULL && r.complaints.n == 0) {
        set = set_fill(config, name, file, doc, &r);
        set_verify(config, set, &r);
    }
    if (!set_give(set, &r, ret_set, err))
        return false;
    *ret_doc = doc;
    doc = NULL;
    return true;
}

bool set_file_parse(const struct config *config, const char *file, struct str text,
                    struct json **ret_doc, struct err *err)
{
    struct set_config *set = NULL;
    if (!set_file_read(config, "", file, text, ret_doc, &set, err))
        return false;
    set_config_free(set);
    return true;
}
