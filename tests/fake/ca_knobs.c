#include "fake/ca_inner.h"

static const struct knob {
    const char *name;
    size_t offset;
    const char *what;
} knobs[] = {
#define X(name, otherwise, what) {#name, offsetof(struct fake_ca_options, name), what},
    FAKE_KNOBS(X)
#undef X
};
enum { KNOBS_N = sizeof(knobs) / sizeof(knobs[0]) };

static int64_t *knob_slot(struct fake_ca_options *options, const char *name)
{
    for (size_t i = 0; i < KNOBS_N; i++) {
        if (strcmp(knobs[i].name, name) == 0)
            return (int64_t *)(void *)((char *)options + knobs[i].offset);
    }
    return NULL;
}

/* What a JSON asks for, made whole before anything of the authority is touched. */
struct setting {
    struct fake_ca_options options;
    const struct json *profiles, *eab, *blocked;
    const char *forget;
    struct fault *faults;
    size_t n_faults;
    bool replace_faults;
};

static bool faults_read(struct setting *s, const struct json *list, bool replace, struct err *err)
{
    size_t n = json_len(list);
    if (!json_is(list, JSON_ARRAY))
        return err_set(err, ERR_CONFIG, "faults: no array");
    s->faults = mem_grow(s->faults, s->n_faults, s->n_faults + n, sizeof(s->faults[0]));
    for (size_t i = 0; i < n; i++) {
        if (!fake_fault_read(json_at(list, i), &s->faults[s->n_faults], err))
            return err_wrap(err, "faults[%zu]", i);
        s->n_faults++;
    }
    s->replace_faults = s->replace_faults || replace;
    return true;
}

static bool tree_read(const char *key, const struct json *value, enum json_type type,
                      const struct json **ret_slot, struct err *err)
{
    if (!json_is(value, type))
        return err_set(err, ERR_CONFIG, "%s: must be of type %s", key, json_type_name(type));
    *ret_slot = value;
    return true;
}

static bool member_read(struct setting *s, const char *key, const struct json *value,
                        struct err *err)
{
    int64_t *knob = knob_slot(&s->options, key);
    if (knob != NULL && !json_is(value, JSON_INT))
        return err_set(err, ERR_CONFIG, "%s: must be an integer", key);
    if (knob != NULL) {
        *knob = json_as_int(value, 0);
        return true;
    }
    if (strcmp(key, "profiles") == 0)
        return tree_read(key, value, JSON_OBJECT, &s->profiles, err);
    if (strcmp(key, "eab") == 0)
        return tree_read(key, value, JSON_OBJECT, &s->eab, err);
    if (strcmp(key, "blocked") == 0)
        return tree_read(key, value, JSON_ARRAY, &s->blocked, err);
    if (strcmp(key, "faults") == 0)
        return faults_read(s, value, true, err);
    if (strcmp(key, "more_faults") == 0)
        return faults_read(s, value, false, err);
    s->forget = strcmp(key, "forget") == 0 ? json_as_text(value) : NULL;
    if (s->forget == NULL ||
        (strcmp(s->forget, "orders") != 0 && strcmp(s->forget, "accounts") != 0))
        return err_set(err, ERR_CONFIG, "%s: unknown, or forgets what nobody knows", key);
    return true;
}

static void tree_take(struct json **slot, const struct json *tree)
{
    if (tree == NULL)
        return;
    json_free(*slot);
    *slot = json_copy(tree);
}

static void orders_forget(struct fake_ca *ca)
{
    for (size_t i = 0; i < ca->n_orders; i++) {
        if (ca->orders[i] != NULL)
            heap_remove(&ca->issuances, &ca->orders[i]->due);
        fake_order_free(ca->orders[i]);
        ca->orders[i] = NULL;
    }
    for (size_t i = 0; i < ca->n_authzs; i++) {
        if (ca->authzs[i] != NULL)
            heap_remove(&ca->validations, &ca->authzs[i]->due);
        fake_authz_free(ca->authzs[i]);
        ca->authzs[i] = NULL;
    }
    fake_map_fini(&ca->orders_by_key);
    fake_map_fini(&ca->authzs_by_name);
}

static void accounts_forget(struct fake_ca *ca)
{
    for (size_t i = 0; i < ca->n_accounts; i++) {
        fake_account_free(ca->accounts[i]);
        ca->accounts[i] = NULL;
    }
    fake_map_fini(&ca->accounts_by_key);
}

static void faults_take(struct fake_ca *ca, struct setting *s)
{
    for (size_t i = 0; s->replace_faults && i < ca->n_faults; i++)
        fake_fault_fini(&ca->faults[i]);
    if (s->replace_faults)
        ca->n_faults = 0;
    ca->faults =
        mem_grow(ca->faults, ca->n_faults, ca->n_faults + s->n_faults, sizeof(ca->faults[0]));
    for (size_t i = 0; i < s->n_faults; i++)
        ca->faults[ca->n_faults++] = s->faults[i];
    s->n_faults = 0;
}

static void setting_apply(struct fake_ca *ca, struct setting *s)
{
    ca->options = s->options;
    tree_take(&ca->profiles, s->profiles);
    tree_take(&ca->eab, s->eab);
    tree_take(&ca->blocked, s->blocked);
    if (s->replace_faults || s->n_faults > 0)
        faults_take(ca, s);
    if (s->forget != NULL)
        orders_forget(ca);
    if (s->forget != NULL && strcmp(s->forget, "accounts") == 0)
        accounts_forget(ca);
}

bool fake_ca_set(struct fake_ca *ca, struct str json, struct err *err)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    struct setting setting = {.options = ca->options};
    if (!json_parse(json, JSON_SIZE_MAX, &tree, err))
        return err_wrap(err, "ca-set");
    bool good = json_is(tree, JSON_OBJECT) || err_set(err, ERR_CONFIG, "ca-set: no object");
    const char *key;
    const struct json *value;
    for (size_t i = 0; good && json_member(tree, i, &key, &value); i++)
        good = member_read(&setting, key, value, err);
    if (good)
        setting_apply(ca, &setting);
    for (size_t i = 0; i < setting.n_faults; i++)
        fake_fault_fini(&setting.faults[i]);
    mem_free(setting.faults);
    return good;
}

static void knobs_show(struct call *c)
{
    struct json *out = json_object();
    for (size_t i = 0; i < KNOBS_N; i++)
        json_set_int(out, knobs[i].name, *knob_slot(&c->ca->options, knobs[i].name));
    json_set_int(out, "n_faults", (int64_t)c->ca->n_faults);
    fake_call_json(c, 200, out);
}

void fake_answer_set(struct call *c)
{
    struct err err = {0};
    if (str_eq(c->request->method, STR("POST")) && !fake_ca_set(c->ca, c->request->body, &err)) {
        fake_call_json(c, 400, json_set_text(json_object(), "error", err.text));
        return;
    }
    knobs_show(c);
}
