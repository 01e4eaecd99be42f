#include "inventory/plan.h"

#include "inventory/held_inside.h"
#include "inventory/register_inside.h"

#include <stdio.h>

enum { WHY_MAX = 16 * 1024, NAMES_SHOWN = 10 };

const char *plan_action_name(enum plan_action action)
{
    static const char *const names[] = {
#define X(action, name) [PLAN_##action] = name,
        PLAN_ACTIONS(X)
#undef X
    };
    _Static_assert(sizeof names / sizeof names[0] == PLAN_ACTION_N, "a name for each action");
    return names[action];
}

void plan_line_fini(struct plan_line *line)
{
    mem_free(line->set);
    mem_free(line->lane);
    mem_free(line->why);
    mem_free(line->due_rule);
    mem_free(line->explanation);
    *line = (struct plan_line){0};
}

/* ---- what a certificate does not fulfil ---- */

static bool texts_hold(char *const *texts, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(texts[i], text) == 0)
            return true;
    return false;
}

/* " +a +b" for what stands in `has` and not in `lacks`; long lists are cut, but counted. */
static size_t names_differ(char *const *has, size_t n_has, char *const *lacks, size_t n_lacks,
                           char sign, struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < n_has; i++) {
        if (texts_hold(lacks, n_lacks, has[i]))
            continue;
        if (n++ < NAMES_SHOWN)
            buf_printf(out, " %c%s", sign, has[i]);
    }
    if (n > NAMES_SHOWN)
        buf_printf(out, " (%c%zu more)", sign, n - NAMES_SHOWN);
    return n;
}

static void reason_begin(struct buf *out, const char *what)
{
    buf_printf(out, "%s%s changed:", out->len > 0 ? "; " : "", what);
}

static void drift_names(const struct set_config *set, const struct certificate *c, struct buf *out)
{
    size_t before = out->len;
    reason_begin(out, "names");
    size_t n = names_differ(set->names, set->n_names, c->names, c->n_names, '+', out);
    n += names_differ(c->names, c->n_names, set->names, set->n_names, '-', out);
    if (n == 0)
        buf_cut(out, before);
}

static void drift_text(const char *what, const char *held, const char *wanted, struct buf *out)
{
    held = held != NULL ? held : "none";
    wanted = wanted != NULL ? wanted : "none";
    if (strcmp(held, wanted) == 0)
        return;
    reason_begin(out, what);
    buf_printf(out, " %s -> %s", held, wanted);
}

/* The directory decides: a name that now stands for another CA does not make its old certificate fit. */
static void drift_authority(const struct set_config *set, const struct certificate *c,
                            struct buf *out)
{
    for (size_t i = 0; set->directories[i] != NULL; i++)
        if (strcmp(set->directories[i], c->directory) == 0)
            return;
    if (set->authorities[0] != NULL && strcmp(set->authorities[0], c->authority) == 0)
        drift_text("directory of the authority", c->directory, set->directories[0], out);
    else
        drift_text("authority", c->authority, set->authorities[0], out);
}

/* Whose key it is matters more than its kind, and of a kept or a foreign key any kind is right. */
static void drift_key(const struct set_config *set, const struct certificate *c, struct buf *out)
{
    bool is_elsewhere = c->key_id == 0;
    if (is_elsewhere != (set->csr != NULL))
        drift_text("key", is_elsewhere ? "that of a certificate request" : "ours",
                   is_elsewhere ? "ours" : "that of the certificate request", out);
    else if (set->csr == NULL && !set->is_key_kind_free)
        drift_text("key type", c->key_kind, key_kind_name(set->key), out);
}

bool plan_drift(const struct set_config *set, const struct certificate *c, struct buf *out)
{
    size_t before = out->len;
    drift_names(set, c, out);
    drift_key(set, c, out);
    drift_text("profile", c->profile, set_profile_of(set, c->authority, c->directory), out);
    drift_authority(set, c, out);
    return out->len > before;
}

/* ---- judgement ---- */

static void span_format(int64_t ms, int64_t scale_ms, char out[TIME_TEXT_MAX])
{
    if (scale_ms >= 2 * MS_DAY)
        snprintf(out, TIME_TEXT_MAX, "%lld day%s", (long long)(ms / MS_DAY),
                 ms / MS_DAY == 1 ? "" : "s");
    else
        duration_format(ms, out);
}

static const char *life_part(const struct certificate *c)
{
    return c->not_after_at_ms - c->not_before_at_ms < 10 * MS_DAY ? "half" : "2/3";
}

static void age_format(const struct certificate *c, int64_t now_ms, struct buf *out)
{
    char left[TIME_TEXT_MAX], whole[TIME_TEXT_MAX];
    int64_t life_ms = c->not_after_at_ms - c->not_before_at_ms;
    int64_t left_ms = c->not_after_at_ms - now_ms;
    span_format(left_ms < 0 ? -left_ms : left_ms, life_ms, left);
    span_format(life_ms, life_ms, whole);
    if (left_ms <= 0)
        buf_printf(out, "expired %s ago", left);
    else
        buf_printf(out, "%s of its life is over (%s of %s left)", life_part(c), left, whole);
}

/* Which rule decided. What has expired is due by any. */
static void due_format(const struct certificate *c, int64_t now_ms, struct buf *out)
{
    size_t before = out->len;
    if (c->not_after_at_ms > now_ms)
        certificate_rule_format(c, out);
    if (out->len == before)
        age_format(c, now_ms, out);
}

/* Why a certificate is needed now; PLAN_NONE when none is. */
static enum plan_action need_find(const struct set_config *set, const struct set_row *row,
                                  const struct certificate *c, int64_t now_ms, struct buf *why)
{
    if (c == NULL) {
        buf_add_cstr(why, "no certificate yet");
        return PLAN_ISSUE;
    }
    if (certificate_is_ended(c) && (set == NULL || strcmp(set->want, c->want) == 0))
        return PLAN_NONE;
    if (c->revoked_at_ms != 0)
        buf_add_cstr(why, "revoked");
    else if (c->revoke_asked_at_ms != 0)
        buf_printf(why, "to be revoked (%s)", revoke_reason_name(c->revoke_reason));
    else if (c->n_names == 0)
        buf_add_cstr(why, "its certificate's record in the store is damaged");
    else if (set != NULL && strcmp(set->want, c->want) != 0 && plan_drift(set, c, why))
        return PLAN_RENEW;
    else if (c->due_at_ms <= now_ms)
        due_format(c, now_ms, why);
    else if (row->next_at_ms <= now_ms && strcmp(row->why, "forced") == 0)
        buf_add_cstr(why, "forced");
    else if (row->n_failures > 0 && strcmp(row->why, "retry") == 0)
        buf_add_cstr(why, "asked for, and not done yet");
    else
        return PLAN_NONE;
    return PLAN_RENEW;
}

static void line_set(struct plan_line *line, enum plan_action action, int64_t at_ms, bool is_now,
                     const struct buf *why)
{
    line->action = action;
    line->at_ms = at_ms;
    line->is_now = is_now;
    line->why = mem_strdup(buf_cstr(why));
}

static void judge_later(const struct certificate *c, int64_t now_ms, struct buf *why)
{
    char date[TIME_TEXT_MAX], left[TIME_TEXT_MAX];
    time_format(c->due_at_ms, false, date);
    span_format(c->due_at_ms - now_ms, c->not_after_at_ms - c->not_before_at_ms, left);
    buf_printf(why, "to be renewed in %s, at %s: ", left, date);
    size_t before = why->len;
    certificate_rule_format(c, why);
    if (why->len == before)
        buf_printf(why, "%s of its life is over then", life_part(c));
    if (c->fallback != NULL)
        buf_printf(why, "; issued by %s, because %.400s", c->authority, c->fallback);
}

/* Needed, but only a person can bring it on. */
static void judge_held(const struct set_row *row, struct buf *why, struct plan_line *line)
{
    buf_printf(
        why,
        "; held: %.600s. What to do: %s It is taken up again when its file, chancery.yaml or "
        "the CA's directory changes, or by `chancery renew --retry %s`",
        row->failure != NULL ? row->failure : "unknown", row->hold, row->name);
    line_set(line, PLAN_HELD, row->next_at_ms, false, why);
}

/* Needed, but failed before or put off. */
static void judge_need(const struct set_row *row, enum plan_action action, int64_t now_ms,
                       struct buf *why, struct plan_line *line)
{
    bool waits = row->next_at_ms > now_ms && row->next_at_ms != INT64_MAX;
    if (row->n_failures > 0)
        buf_printf(why, "; %s: %.600s", waits ? "waits after failure" : "retry after failure",
                   row->failure != NULL ? row->failure : "unknown");
    else if (waits && strcmp(row->why, "held") == 0)
        buf_add_cstr(why, "; waits until a person has seen to the account at its authority: "
                          "`chancery account show`");
    else if (waits && strcmp(row->why, "limit") == 0)
        buf_printf(why, "; put off: %.600s",
                   row->limited != NULL ? row->limited : "a limit of its CA is used up");
    else if (waits && row->why[0] != '\0')
        buf_printf(why, "; %s%s",
                   strcmp(row->why, "due") == 0 ? "left until it is " : "put off: ", row->why);
    line_set(line, waits ? PLAN_RETRY : action, waits ? row->next_at_ms : now_ms, !waits, why);
}

void plan_judge(const struct set_config *set, const struct set_row *row,
                const struct certificate *certificate, bool has_open_order, int64_t now_ms,
                struct plan_line *ret)
{
    AUTO(buf_fini)
    struct buf why = BUF(WHY_MAX);
    *ret = (struct plan_line){.set = mem_strdup(row->name)};
    if (certificate != NULL) {
        ret->due_rule = mem_strdup(certificate->due_rule);
        ret->explanation = mem_strdup(certificate->ari_explanation);
    }
    if (row->removed || row->fault != NULL) {
        buf_add_cstr(&why, row->removed ? "its file is gone" : row->fault);
        line_set(ret, row->removed ? PLAN_NONE : PLAN_BROKEN, INT64_MAX, false, &why);
        return;
    }
    enum plan_action action = need_find(set, row, certificate, now_ms, &why);
    if (has_open_order) {
        buf_printf(&why, "%san order is open", why.len > 0 ? "; " : "");
        line_set(ret, PLAN_CONTINUE, now_ms, true, &why);
    } else if (action == PLAN_NONE && certificate_is_ended(certificate)) {
        buf_add_cstr(&why, "revoked because its service has ended: nothing takes its place; remove "
                           "the set's file");
        line_set(ret, PLAN_NONE, INT64_MAX, false, &why);
    } else if (action == PLAN_NONE) {
        judge_later(certificate, now_ms, &why);
        line_set(ret, PLAN_NONE, certificate->due_at_ms, false, &why);
    } else if (row->hold != NULL) {
        judge_held(row, &why, ret);
    } else {
        judge_need(row, action, now_ms, &why, ret);
    }
}

/* ---- all sets ---- */

enum { AT_DOC = 0, AT_OPEN = 1, AT_ROW = 2, AT_CERTIFICATE = AT_ROW + SET_ROW_COLUMNS_N };

static bool has_lanes(const struct set_row *row)
{
    return row->lane != NULL && row->lane[0] != '\0';
}

/* The configuration is read only where it decides: where the certificate was not made for it, or there are several. */
static bool needs_config(const struct set_row *row, const struct certificate *c)
{
    return row->fault == NULL && (has_lanes(row) || (c != NULL && strcmp(c->want, row->want) != 0));
}

/* A unit that cannot be read is judged by the one certificate that could. */
static void lanes_line(struct house *house, const struct set_config *set, const struct set_row *row,
                       struct certificate *c, bool has_open_order, struct plan_line *ret)
{
    struct certificate **unit = NULL;
    size_t n = 0;
    bool known = has_lanes(row) && held_unit(house, row->name, false, &unit, &n, NULL);
    plan_judge_unit(set, row, known ? unit : &c, known ? n : c != NULL, has_open_order,
                    house_now(house), ret);
    certificates_free(unit, n);
}

static bool line_judge(struct house *house, const struct rows *rows, plan_visit *visit, void *arg)
{
    struct set_row row = {0};
    struct set_config *set = NULL;
    struct certificate *c =
        rows_is_null(rows, AT_CERTIFICATE) ? NULL : certificate_read(rows, AT_CERTIFICATE);
    struct plan_line line;
    set_row_read(house, rows, AT_ROW, &row);
    /* A set that cannot be read is judged without: what is wrong with it shows when it is taken up. */
    if (needs_config(&row, c))
        set_load(house, &row, rows_text(rows, AT_DOC), &set, NULL);
    lanes_line(house, set, &row, c, rows_int(rows, AT_OPEN) != 0, &line);
    bool on = visit(arg, &line);
    plan_line_fini(&line);
    set_config_free(set);
    set_row_fini(&row);
    certificate_free(c);
    return on;
}

static bool rows_judge(struct house *house, struct rows *rows, plan_visit *visit, void *arg,
                       struct err *err)
{
    bool on = true;
    while (on && rows_next(rows))
        on = line_judge(house, rows, visit, arg);
    return rows_end(rows, err);
}

bool plan_each(struct house *house, bool all, plan_visit *visit, void *arg, struct err *err)
{
    struct rows rows;
    if (!all)
        return plan_each_due(house, INT64_MIN, visit, arg, err);
    return store_query(house->store, &rows, err, SQL_PLAN_ALL, "") &&
           rows_judge(house, &rows, visit, arg, err);
}

bool plan_each_due(struct house *house, int64_t from_ms, plan_visit *visit, void *arg,
                   struct err *err)
{
    struct rows rows;
    return store_query(house->store, &rows, err, SQL_PLAN_DUE, "ii", house_now(house), from_ms) &&
           rows_judge(house, &rows, visit, arg, err);
}

bool plan_set(struct house *house, const char *set, plan_visit *visit, void *arg, struct err *err)
{
    struct rows rows;
    return store_query(house->store, &rows, err, SQL_PLAN_OF_SET, "t", set) &&
           rows_judge(house, &rows, visit, arg, err);
}
