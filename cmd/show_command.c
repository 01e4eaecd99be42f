/* show: everything about one set, as one tree for people and programs. */
#include "cmd/chain_words.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/renewal_view.h"
#include "cmd/run_commands.h"

#include "inventory/held.h"
#include "inventory/plan.h"

enum { ORDERS_SHOWN = 10, VERSIONS_SHOWN = 10 };

struct showing {
    struct invocation *in;
    const char *name;
    struct set_row row;
    struct set_config *set;    /* NULL: never was good */
    struct certificate **unit; /* current ones, one a kind of key */
    size_t n_unit;
    struct json *tree;
};

/* ---- configuration ---- */

static struct json *texts_json(char *const *texts)
{
    struct json *list = json_array();
    for (; texts != NULL && *texts != NULL; texts++)
        json_push_text(list, *texts);
    return list;
}

static struct json *deploys_json(const struct set_config *set)
{
    struct json *list = json_array();
    for (size_t i = 0; i < set->n_deploys; i++) {
        const struct deploy_config *d = &set->deploys[i];
        struct json *one = json_set_text(json_object(), "dir", d->dir);
        AUTO(mem_fini)
        char *mode = mem_printf("%04o", (unsigned)d->mode);
        json_set_text(one, "mode", mode);
        json_set_text(one, "owner", d->owner);
        json_set_text(one, "group", d->group);
        json_set(one, "check", texts_json(d->check));
        json_set(one, "activate",
                 d->systemd_unit != NULL ? json_new_text(d->systemd_unit)
                                         : texts_json(d->activate));
        json_push(list, one);
    }
    return list;
}

static struct json *keys_json(const struct set_config *set)
{
    struct json *list = json_array();
    for (size_t i = 0; i < set->n_lanes; i++)
        json_push_text(list, key_kind_name(set->lanes[i].key));
    return list;
}

static void config_show(struct showing *s)
{
    struct json *tree = json_set_text(json_object(), "file", s->row.file);
    json_set_text(tree, "fault", s->row.fault);
    json_set_bool(tree, "removed", s->row.removed);
    if (s->set != NULL) {
        char every[TIME_TEXT_MAX];
        duration_format(s->set->verify_every_ms, every);
        json_set(tree, "names", texts_json(s->set->names));
        json_set(tree, "authorities", texts_json(s->set->authorities));
        json_set_text(tree, "key", s->set->csr != NULL ? "elsewhere" : key_kind_name(s->set->key));
        json_set_bool(tree, "keep_key", s->set->keep_key);
        json_set_text(tree, "csr", s->set->csr);
        json_set_text(tree, "chain", s->set->chain);
        if (s->set->n_lanes > 1)
            json_set(tree, "keys", keys_json(s->set));
        if (s->set->profiles != NULL)
            json_set(tree, "profiles", profiles_json(s->set));
        else
            json_set_text(tree, "profile", s->set->profile);
        json_set_text(tree, "challenge_alias", s->set->challenge_alias);
        json_set_text(tree, "verify_every", every);
        json_set(tree, "deploy", deploys_json(s->set));
    }
    json_set(s->tree, "configuration", tree);
}

/* ---- what comes next ---- */

static struct json *guilty_json(const char *text)
{
    struct json *list = NULL;
    if (text == NULL || !json_parse(str_of(text), JSON_SIZE_MAX, &list, NULL))
        return json_array();
    return list;
}

static bool plan_show(struct showing *s)
{
    struct house *house = &s->in->house;
    struct plan_line line;
    int64_t order_id = 0;
    if (!store_int(house->store, 0, &order_id, &s->in->err, SQL_ORDER_OPEN_OF_SET, "t", s->name))
        return false;
    struct json *tree = json_object();
    if (s->set != NULL || s->row.fault != NULL) {
        plan_judge_unit(s->set, &s->row, s->unit, s->n_unit, order_id != 0, house_now(house),
                        &line);
        json_set_text(tree, "action", plan_action_name(line.action));
        json_set_text(tree, "why", line.why);
        json_set_time(tree, "when_at", line.at_ms);
        plan_line_fini(&line);
    }
    json_set_int(tree, "failures", s->row.n_failures);
    json_set_time(tree, "failed_at", s->row.n_failures > 0 ? s->row.failed_at_ms : 0);
    json_set_text(tree, "failure", s->row.failure);
    json_set_text(tree, "hold", s->row.hold);
    json_set(tree, "names_at_fault", guilty_json(s->row.guilty));
    json_set(s->tree, "next", tree);
    return true;
}

/* ---- certificates ---- */

static int64_t life_left_percent(const struct certificate *c, int64_t now_ms)
{
    int64_t life_ms = c->not_after_at_ms - c->not_before_at_ms,
            left_ms = c->not_after_at_ms - now_ms;
    return life_ms <= 0 || left_ms <= 0 ? 0 : left_ms >= life_ms ? 100 : left_ms * 100 / life_ms;
}

static struct json *certificate_json(const struct certificate *c, int64_t now_ms)
{
    struct json *tree = json_set_int(json_object(), "version", c->version), *names = json_array();
    for (size_t i = 0; i < c->n_names; i++)
        json_push_text(names, c->names[i]);
    json_set(tree, "names", names);
    json_set_text(tree, "authority", c->authority);
    json_set_text(tree, "fallback", c->fallback);
    json_set_text(tree, "issuer", c->issuer);
    json_set_text(tree, "serial", c->serial);
    json_set_text(tree, "sha256", c->sha256);
    json_set_text(tree, "spki_sha256", c->spki);
    json_set_text(tree, "key", c->key_kind);
    json_set_text(tree, "key_is",
                  c->key_id != 0 ? "here" : "elsewhere: it was made from a certificate request");
    json_set_text(tree, "profile", c->profile);
    json_set_time(tree, "not_before_at", c->not_before_at_ms);
    json_set_time(tree, "not_after_at", c->not_after_at_ms);
    json_set_int(tree, "life_left_percent", life_left_percent(c, now_ms));
    json_set_time(tree, "issued_at", c->issued_at_ms);
    json_set_time(tree, "renewal_due_at", c->due_at_ms);
    json_set_text(tree, "renewal_due_rule", c->due_rule);
    json_set_time(tree, "revoked_at", c->revoked_at_ms);
    return tree;
}

/* That of the preferred kind of key first; the others, where there are any, beside it. */
static bool ari_show(struct showing *s)
{
    struct json *ari = renewal_ari_json(&s->in->house, s->unit[0], &s->in->err);
    if (ari != NULL)
        json_set(s->tree, "ari", ari);
    return ari != NULL;
}

static bool current_show(struct showing *s)
{
    int64_t now_ms = house_now(&s->in->house);
    if (!held_unit(&s->in->house, s->name, false, &s->unit, &s->n_unit, &s->in->err))
        return false;
    json_set(s->tree, "certificate",
             s->n_unit > 0 ? certificate_json(s->unit[0], now_ms) : json_new_null());
    struct json *chains =
        s->n_unit > 0 ? chains_json(&s->in->house, s->unit[0], &s->in->err) : json_array();
    if (chains == NULL)
        return false;
    if (s->n_unit > 0)
        json_set(s->tree, "chains", chains);
    else
        json_free(chains);
    if (s->n_unit > 0 && !ari_show(s))
        return false;
    if (s->n_unit < 2)
        return true;
    struct json *others = json_array();
    for (size_t i = 1; i < s->n_unit; i++)
        json_push(others, certificate_json(s->unit[i], now_ms));
    json_set(s->tree, "other_certificates", others);
    return true;
}

static bool versions_show(struct showing *s)
{
    struct certificate **list = NULL;
    size_t n = 0;
    struct json *tree = json_array();
    if (!held_versions(&s->in->house, s->name, &list, &n, &s->in->err)) {
        json_free(tree);
        return false;
    }
    for (size_t i = 0; i < n && i < VERSIONS_SHOWN; i++) {
        struct json *one = json_set_int(json_object(), "version", list[i]->version);
        json_set_bool(one, "current", list[i]->is_current);
        json_set_text(one, "key", list[i]->key_kind);
        json_set_text(one, "serial", list[i]->serial);
        json_set_text(one, "authority", list[i]->authority);
        json_set_time(one, "not_after_at", list[i]->not_after_at_ms);
        json_set_time(one, "revoked_at", list[i]->revoked_at_ms);
        json_push(tree, one);
    }
    certificates_free(list, n);
    json_set(s->tree, "versions", tree);
    return true;
}

/* ---- rows of other tables, each by one query ---- */

enum column_kind { COLUMN_TEXT, COLUMN_INT, COLUMN_TIME };
struct column {
    const char *name;
    enum column_kind kind;
    int at;
};

static struct json *row_json(const struct rows *rows, const struct column *columns, size_t n)
{
    struct json *one = json_object();
    for (size_t i = 0; i < n; i++) {
        const struct column *c = &columns[i];
        if (c->kind == COLUMN_TEXT)
            json_set_text(one, c->name, rows_text(rows, c->at));
        else if (c->kind == COLUMN_TIME)
            json_set_time(one, c->name, rows_is_null(rows, c->at) ? 0 : rows_int(rows, c->at));
        else
            json_set(one, c->name,
                     rows_is_null(rows, c->at) ? json_new_null()
                                               : json_new_int(rows_int(rows, c->at)));
    }
    return one;
}

static bool rows_show(struct showing *s, const char *title, struct rows *rows,
                      const struct column *columns, size_t n)
{
    struct json *list = json_array();
    while (rows_next(rows))
        json_push(list, row_json(rows, columns, n));
    json_set(s->tree, title, list);
    return rows_end(rows, &s->in->err);
}
#define ROWS_SHOW(s, title, rows, columns)                                                         \
    rows_show(s, title, rows, columns, sizeof(columns) / sizeof((columns)[0]))

static bool orders_show(struct showing *s)
{
    static const struct column columns[] = {
        {"id", COLUMN_INT, 0},        {"authority", COLUMN_TEXT, 1}, {"why", COLUMN_TEXT, 2},
        {"step", COLUMN_TEXT, 3},     {"outcome", COLUMN_TEXT, 4},   {"started_at", COLUMN_TIME, 5},
        {"ended_at", COLUMN_TIME, 6}, {"failure", COLUMN_TEXT, 7},   {"fallback", COLUMN_TEXT, 8},
        {"held_pem", COLUMN_TEXT, 9},
    };
    /* A certificate that was held back is for programs: it would burst a table. */
    size_t n = sizeof(columns) / sizeof(columns[0]) - (s->in->json ? 0 : 1);
    struct rows rows;
    return store_query(s->in->house.store, &rows, &s->in->err, SQL_ORDER_LIST_OF_SET, "ti", s->name,
                       (int64_t)ORDERS_SHOWN) &&
           rows_show(s, "orders", &rows, columns, n);
}

static bool deployments_show(struct showing *s)
{
    static const struct column columns[] = {
        {"target", COLUMN_TEXT, 0},  {"stage", COLUMN_TEXT, 1},   {"tries", COLUMN_INT, 7},
        {"done_at", COLUMN_TIME, 6}, {"next_at", COLUMN_TIME, 5}, {"failure", COLUMN_TEXT, 2},
    };
    struct rows rows;
    return store_query(s->in->house.store, &rows, &s->in->err, SQL_DEPLOYMENT_VIEWS, "t",
                       s->name) &&
           ROWS_SHOW(s, "deployments", &rows, columns);
}

static bool endpoints_show(struct showing *s)
{
    static const struct column columns[] = {
        {"endpoint", COLUMN_TEXT, 0},   {"verdict", COLUMN_TEXT, 1}, {"since_at", COLUMN_TIME, 3},
        {"checked_at", COLUMN_TIME, 2}, {"next_at", COLUMN_TIME, 4}, {"failure", COLUMN_TEXT, 5},
    };
    static const struct column seen[] = {
        {"endpoint", COLUMN_TEXT, 0},      {"address", COLUMN_TEXT, 1},
        {"asked_for_key", COLUMN_TEXT, 8}, {"verdict", COLUMN_TEXT, 2},
        {"not_after_at", COLUMN_TIME, 4},  {"life_left_percent", COLUMN_INT, 5},
        {"sha256", COLUMN_TEXT, 3},        {"detail", COLUMN_TEXT, 6},
    };
    struct rows rows;
    struct store *store = s->in->house.store;
    return store_query(store, &rows, &s->in->err, SQL_ENDPOINT_VIEWS, "t", s->name) &&
           ROWS_SHOW(s, "endpoints", &rows, columns) &&
           store_query(store, &rows, &s->in->err, SQL_OBSERVATION_VIEWS, "t", s->name) &&
           ROWS_SHOW(s, "observations", &rows, seen);
}

static bool txt_show(struct showing *s)
{
    static const struct column columns[] = {
        {"challenge", COLUMN_TEXT, 0}, {"value", COLUMN_TEXT, 1},   {"provider", COLUMN_TEXT, 2},
        {"owner", COLUMN_TEXT, 3},     {"wish", COLUMN_TEXT, 4},    {"state", COLUMN_TEXT, 5},
        {"since_at", COLUMN_TIME, 7},  {"failure", COLUMN_TEXT, 6},
    };
    /* Those that no run removes: `chancery persist`. */
    static const struct column standing[] = {
        {"authority", COLUMN_TEXT, 2}, {"challenge", COLUMN_TEXT, 5}, {"value", COLUMN_TEXT, 7},
        {"wish", COLUMN_TEXT, 12},     {"state", COLUMN_TEXT, 13},    {"until", COLUMN_TIME, 8},
        {"since_at", COLUMN_TIME, 17}, {"failure", COLUMN_TEXT, 14},
    };
    struct rows rows;
    struct store *store = s->in->house.store;
    return store_query(store, &rows, &s->in->err, SQL_TXT_VIEWS, "t", s->name) &&
           ROWS_SHOW(s, "txt", &rows, columns) &&
           store_query(store, &rows, &s->in->err, SQL_PERSIST_OF_SET, "t", s->name) &&
           ROWS_SHOW(s, "standing", &rows, standing);
}

/* ---- the command ---- */

static bool set_read(struct showing *s)
{
    struct house *house = &s->in->house;
    struct err why = {0};
    if (!register_row(house, s->name, &s->row, &s->in->err)) {
        if (s->in->err.kind == ERR_ABSENT)
            s->in->err.kind = ERR_CONFIG;
        return false;
    }
    /* Of a set that never could be used only the fault is told. */
    if (!register_set(house, s->name, &s->set, &why) && s->row.fault == NULL)
        s->row.fault = mem_strdup(why.text);
    return true;
}

static bool set_show(struct showing *s)
{
    json_set_text(s->tree, "name", s->name);
    config_show(s);
    return current_show(s) && plan_show(s) && deployments_show(s) && endpoints_show(s) &&
           orders_show(s) && txt_show(s) && versions_show(s);
}

enum exit_code show_run(struct invocation *in)
{
    AUTO(json_fini)
    struct json *tree = json_object();
    struct showing s = {.in = in, .name = in->words[0], .tree = tree};
    struct store *store = in->house.store;
    bool ok = store_begin(store, &in->err) && set_read(&s) && set_show(&s);
    store_rollback(store);
    if (ok && in->json)
        json_print(tree);
    else if (ok)
        tree_print(in, tree);
    certificates_free(s.unit, s.n_unit);
    set_config_free(s.set);
    set_row_fini(&s.row);
    return ok ? EXIT_CODE_DONE : exit_code_of(&in->err);
}
