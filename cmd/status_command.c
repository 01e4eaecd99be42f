/* status: how all sets stand. */
#include "cmd/limits_view.h"
#include "cmd/options.h"
#include "cmd/park_view.h"
#include "cmd/persist_view.h"
#include "cmd/run_commands.h"
#include "cmd/set_words.h"
#include "cmd/status.h"

#include "authority/lease.h"
#include "inventory/register.h"

#include <stdio.h>

enum { OUTPUT_MAX = 1024 * 1024 * 1024 };

struct status {
    struct invocation *in;
    int64_t now_ms;
    struct table *table;
    struct buf
        text; /* --json: an object a set, one a line; a tree of 100,000 would take a gigabyte */
    struct buf troubles;
    size_t n_sets, n_in_state[SET_STATE_N];
};

/* ---- one set ---- */

static void trouble_add(struct status *s, const struct set_view *v)
{
    const char *text = set_view_trouble(v);
    struct str rest = str_of(text), line;
    while (text != NULL && text[0] != '\0' && str_split(&rest, '\n', &line)) {
        buf_printf(&s->troubles, "%s: ", v->name);
        text_escape(&s->troubles, line, 2000);
        buf_add_char(&s->troubles, '\n');
    }
}

/* No trouble, but a CA that explains itself has a reason. */
static void explanation_add(struct status *s, const struct set_view *v)
{
    AUTO(buf_fini)
    struct buf text = BUF(2048);
    const struct certificate c = {.due_rule = (char *)(uintptr_t)v->due_rule,
                                  .ari_start_at_ms = v->ari_start_at_ms,
                                  .ari_end_at_ms = v->ari_end_at_ms,
                                  .ari_explanation = (char *)(uintptr_t)v->ari_explanation};
    if (v->certificate_id == 0 || v->ari_explanation == NULL)
        return;
    certificate_rule_format(&c, &text);
    buf_printf(&s->troubles, "%s: its renewal: %s\n", v->name, buf_cstr(&text));
}

/* Which CA issued, when it was not the first: said as long as that certificate is the current one. */
static void fallback_add(struct status *s, const struct set_view *v)
{
    if (v->fallback == NULL)
        return;
    buf_printf(&s->troubles, "%s: issued by %s, because ", v->name, v->authority);
    text_escape(&s->troubles, str_of(v->fallback), 1000);
    buf_add_char(&s->troubles, '\n');
}

static void hold_add(struct status *s, const struct set_view *v)
{
    if (v->hold != NULL)
        buf_printf(&s->troubles,
                   "%s: held until its file, chancery.yaml or the CA's directory changes, or "
                   "`chancery renew --retry %s`\n",
                   v->name, v->name);
}

static void view_row(struct status *s, const struct set_view *v)
{
    char until[TIME_TEXT_MAX] = "-", when[64] = "";
    int64_t at_ms;
    const char *next = set_view_next(v, &at_ms);
    table_cell(s->table, INK_BOLD, "%s", v->name);
    table_cell(s->table, set_state_ink(v->state), "%s", set_state_name(v->state));
    if (v->certificate_id != 0) {
        time_format(v->not_after_at_ms, false, until);
        table_cell(s->table, INK_NONE, "%.10s", until);
        table_cell(s->table, INK_NONE, "%d%%", set_view_life_left(v, s->now_ms));
    } else {
        table_cell(s->table, INK_DIM, "-");
        table_cell(s->table, INK_DIM, "-");
    }
    table_cell(s->table, v->n_delivered < v->n_targets ? INK_BAD : INK_NONE, "%zu/%zu",
               v->n_delivered, v->n_targets);
    table_cell(s->table, v->serving[0] != '\0' ? INK_BAD : INK_NONE, "%zu/%zu", v->n_match,
               v->n_endpoints);
    if (at_ms != 0)
        when_format(at_ms, s->now_ms, when);
    bool by_ari = at_ms != 0 && at_ms == v->due_at_ms && strcmp(v->due_rule, "ari") == 0;
    table_cell(s->table, INK_NONE, "%s%s%s%s", next, at_ms != 0 ? " " : "",
               at_ms <= s->now_ms && at_ms != 0 ? "now" : when, by_ari ? ", by ARI" : "");
}

static void set_tell(void *arg, const struct set_view *v)
{
    struct status *s = arg;
    s->n_sets++;
    s->n_in_state[v->state]++;
    if (s->in->json) {
        AUTO(json_fini)
        struct json *tree = set_view_json(v, s->now_ms);
        buf_add_cstr(&s->text, s->n_sets > 1 ? ",\n" : "\n");
        json_format(tree, &s->text, false);
        return;
    }
    view_row(s, v);
    trouble_add(s, v);
    explanation_add(s, v);
    hold_add(s, v);
    fallback_add(s, v);
}

/* ---- what concerns all ---- */

struct whole {
    int64_t n_orders, n_txt_left, n_by_hand;
    int64_t config_at_ms; /* what is in force is in force since; 0: nothing is */
    struct register_result changes;
    struct lease_holder leader;
    bool has_leader;
    struct json *standing; /* records that stand and need a person */
    struct json *parked;   /* DNS providers that are left alone for a while */
    struct json *limits;   /* of CAs, nearly used up */
};

static bool whole_read(struct status *s, struct whole *ret)
{
    struct house *house = &s->in->house;
    struct err err = {0};
    ret->has_leader = lease_holder(house, "leader", &ret->leader, &err) && !ret->leader.is_free;
    /* A folder of sets that cannot be read is the business of `check`. Walking it is not worth it for single sets. */
    if (s->in->n_words > 0 || !register_look(house, &ret->changes, &err))
        ret->changes = (struct register_result){0};
    return register_config_at(house, &ret->config_at_ms, &s->in->err) &&
           persist_troubles(s->in, house, &ret->standing) && parks_list(s->in, &ret->parked) &&
           limits_list(s->in, true, &ret->limits) &&
           store_int(house->store, 0, &ret->n_orders, &s->in->err, SQL_ORDER_N_OPEN, "") &&
           store_int(house->store, 0, &ret->n_by_hand, &s->in->err, SQL_TXT_N_BY_HAND, "") &&
           store_int(house->store, 0, &ret->n_txt_left, &s->in->err, SQL_TXT_N_LEFT, "");
}

static void whole_json(const struct status *s, const struct whole *w, struct json *tree)
{
    struct json *leader = json_new_null(), *counts = json_object();
    if (w->has_leader) {
        json_free(leader);
        leader = json_set_text(json_object(), "purpose", w->leader.purpose);
        json_set_int(leader, "pid", w->leader.pid);
        json_set_text(leader, "host", w->leader.host);
    }
    for (int i = 0; i < SET_STATE_N; i++)
        json_set_int(counts, set_state_name((enum set_state)i), (int64_t)s->n_in_state[i]);
    json_set(tree, "states", counts);
    json_set_int(tree, "open_orders", w->n_orders);
    json_set_int(tree, "txt_left", w->n_txt_left);
    json_set_int(tree, "txt_by_hand", w->n_by_hand);
    json_set(tree, "standing_troubles", json_copy(w->standing));
    json_set(tree, "providers_parked", json_copy(w->parked));
    json_set(tree, "limits", json_copy(w->limits));
    json_set_int(tree, "files_changed", (int64_t)w->changes.n_changed);
    json_set_int(tree, "files_removed", (int64_t)w->changes.n_removed);
    json_set_time(tree, "config_in_force_since_at", w->config_at_ms);
    json_set_bool(tree, "config_changed", w->changes.is_other_config);
    json_set(tree, "leader", leader);
}

/* What the files say by now and what is in force may differ: whoever leads reads them when he is told to. */
static void changes_print(const struct whole *w)
{
    bool is_served = w->has_leader && strcmp(w->leader.purpose, "serve") == 0;
    const char *how = is_served ? "a HUP to the daemon takes" : "`chancery plan` takes";
    char since[TIME_TEXT_MAX];
    time_format(w->config_at_ms, false, since);
    if (w->changes.is_other_config && w->config_at_ms != 0)
        printf("chancery.yaml was changed; what is in force is so since %s; %s it up\n", since,
               how);
    else if (w->changes.n_changed + w->changes.n_removed > 0)
        printf("%zu set files changed and %zu vanished since the last run; %s them up\n",
               w->changes.n_changed, w->changes.n_removed, how);
}

static void whole_print(const struct status *s, const struct whole *w)
{
    printf("%zu set%s", s->n_sets, s->n_sets == 1 ? "" : "s");
    for (int i = 0; i < SET_STATE_N; i++) {
        if (s->n_in_state[i] == 0)
            continue;
        printf(", ");
        ink_print(s->in, set_state_ink((enum set_state)i), "%zu %s", s->n_in_state[i],
                  set_state_name((enum set_state)i));
    }
    printf("; %lld open order%s, %lld TXT record%s of ours to be removed\n", (long long)w->n_orders,
           w->n_orders == 1 ? "" : "s", (long long)w->n_txt_left, w->n_txt_left == 1 ? "" : "s");
    if (w->n_by_hand > 0)
        printf("%lld TXT record%s by hand; `chancery provider txt list` shows %s, and what is "
               "served\n",
               (long long)w->n_by_hand, w->n_by_hand == 1 ? "" : "s",
               w->n_by_hand == 1 ? "it" : "them");
    changes_print(w);
    if (w->has_leader)
        printf("led by `%s`, pid %lld on %s\n", w->leader.purpose, (long long)w->leader.pid,
               w->leader.host);
}

static bool needs_person(const struct status *s)
{
    for (int i = SET_IS_UNDELIVERED; i < SET_STATE_N; i++)
        if (s->n_in_state[i] > 0)
            return true;
    return false;
}

static void status_print(struct status *s, const struct whole *w)
{
    bool quiet = option_common(s->in, "quiet") != NULL;
    if (s->in->json) {
        AUTO(json_fini)
        struct json *tree = json_object();
        AUTO(buf_fini)
        struct buf rest = BUF(64 * 1024);
        whole_json(s, w, tree);
        json_format(tree, &rest, false);
        printf("{\"sets\": [%s\n],\n%s\n", buf_cstr(&s->text), buf_cstr(&rest) + 1);
        return;
    }
    if (!quiet || needs_person(s))
        table_print(s->table, s->in);
    if (s->troubles.len > 0 || json_len(w->standing) > 0 || json_len(w->parked) > 0 ||
        json_len(w->limits) > 0)
        printf("\n%s", buf_cstr(&s->troubles));
    persist_troubles_print(w->standing);
    parks_print(w->parked);
    limits_print(w->limits);
    if (!quiet)
        printf("%s", s->in->terminal || s->troubles.len > 0 ? "\n" : "");
    if (!quiet)
        whole_print(s, w);
}

/* ---- the command ---- */

static bool names_print(struct invocation *in)
{
    struct rows rows;
    AUTO(json_fini)
    struct json *list = json_array();
    if (!store_query(in->house.store, &rows, &in->err, SQL_SET_ALL_NAMES, ""))
        return false;
    while (rows_next(&rows)) {
        if (in->json)
            json_push_text(list, rows_text(&rows, 0));
        else
            printf("%s\n", rows_text(&rows, 0));
    }
    if (in->json)
        json_print(list);
    return rows_end(&rows, &in->err);
}

/* One consistent view over all walks. */
static bool status_read(struct status *s, struct whole *whole)
{
    struct house *house = &s->in->house;
    if (!store_begin(house->store, &s->in->err))
        return false;
    bool ok = status_each(house, invocation_sets(s->in), set_tell, s, &s->in->err) &&
              whole_read(s, whole);
    store_rollback(house->store);
    return ok;
}

enum exit_code status_run(struct invocation *in)
{
    static const char *const headings[] = {"SET",     "STATE",  "UNTIL", "LEFT",
                                           "TARGETS", "SERVED", "NEXT"};
    struct whole whole = {0};
    struct status s = {.in = in,
                       .now_ms = house_now(&in->house),
                       .text = BUF(OUTPUT_MAX),
                       .troubles = BUF(OUTPUT_MAX)};
    if (option_is_on(in, "names"))
        return names_print(in) ? EXIT_CODE_DONE : exit_code_of(&in->err);
    s.table = table_new(headings, sizeof headings / sizeof headings[0]);
    bool ok = set_words_check(in) && status_read(&s, &whole);
    if (ok)
        status_print(&s, &whole);
    bool complains = ok && option_is_on(in, "strict") && needs_person(&s);
    table_free(s.table);
    buf_fini(&s.text);
    buf_fini(&s.troubles);
    json_free(whole.standing);
    json_free(whole.parked);
    json_free(whole.limits);
    lease_holder_fini(&whole.leader);
    return !ok ? exit_code_of(&in->err) : complains ? EXIT_CODE_FAILED : EXIT_CODE_DONE;
}
