/* The judgement of a set with several kinds of keys: each lane by itself, the most urgent one speaks for the set. */
#include "inventory/plan.h"

#include "inventory/register_inside.h"

enum { STEP_PARTS = 10, WHY_MAX = 16 * 1024 };
/* A set without a certificate queues as if so much were left (plan.h). */
#define LEFT_WHEN_MISSING 0.1

const struct certificate *unit_lane(struct certificate *const *unit, size_t n, const char *lane)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(unit[i]->lane != NULL ? unit[i]->lane : "", lane) == 0)
            return unit[i];
    return NULL;
}

const struct certificate *unit_newest(struct certificate *const *unit, size_t n)
{
    const struct certificate *newest = NULL;
    for (size_t i = 0; i < n; i++)
        if (newest == NULL || unit[i]->id > newest->id)
            newest = unit[i];
    return newest;
}

/* The set as if this were its only kind of key. */
static struct set_config lane_view(const struct set_config *set, size_t lane)
{
    struct set_config view = *set;
    view.key = set->lanes[lane].key;
    return view;
}

bool plan_lane_drift(const struct set_config *set, const struct certificate *c, struct buf *out)
{
    for (size_t i = 0; i < set->n_lanes; i++) {
        if (strcmp(set->lanes[i].name, c->lane != NULL ? c->lane : "") != 0)
            continue;
        struct set_config view = lane_view(set, i);
        return plan_drift(&view, c, out);
    }
    return plan_drift(set, c, out);
}

bool plan_lane_is_due(const struct set_config *set, size_t lane, const struct certificate *c,
                      int64_t now_ms)
{
    struct plan_line line;
    struct set_config view = lane_view(set, lane);
    const struct set_row calm = {
        .name = set->name, .why = (char *)(uintptr_t) "", .next_at_ms = INT64_MAX};
    plan_judge(&view, &calm, c, false, now_ms, &line);
    bool due = line.action != PLAN_NONE;
    plan_line_fini(&line);
    return due;
}

bool lane_is_in_step(const struct certificate *c, int64_t now_ms)
{
    int64_t life_ms = c->not_after_at_ms - c->not_before_at_ms;
    return c->due_at_ms <= now_ms + life_ms / STEP_PARTS;
}

static double life_left(const struct certificate *c, int64_t now_ms)
{
    if (c == NULL)
        return LEFT_WHEN_MISSING;
    double life = (double)(c->not_after_at_ms - c->not_before_at_ms);
    double left = (double)(c->not_after_at_ms - now_ms);
    return c->revoked_at_ms != 0 || left <= 0 || life <= 0 ? 0.0 : left / life;
}

/* Needed before not needed, then the least left, then the earlier. */
static bool is_more_urgent(const struct plan_line *a, double left_a, const struct plan_line *b,
                           double left_b)
{
    bool needs_a = a->action != PLAN_NONE, needs_b = b->action != PLAN_NONE;
    if (needs_a != needs_b)
        return needs_a;
    return needs_a ? left_a < left_b : a->at_ms < b->at_ms;
}

static void line_name(struct plan_line *line, const char *lane)
{
    char *why = mem_printf("%s: %s", lane, line->why);
    mem_free(line->why);
    line->why = why;
    mem_set_str(&line->lane, lane);
}

static void lanes_judge(const struct set_config *set, const struct set_row *row,
                        struct certificate *const *unit, size_t n_unit, bool has_open_order,
                        int64_t now_ms, unsigned but, struct plan_line *ret)
{
    double left = 0;
    bool has = false;
    for (size_t i = 0; i < set->n_lanes; i++) {
        struct plan_line line;
        struct set_config view = lane_view(set, i);
        const struct certificate *c = unit_lane(unit, n_unit, set->lanes[i].name);
        if ((but & (1U << i)) != 0)
            continue;
        plan_judge(&view, row, c, has_open_order, now_ms, &line);
        line_name(&line, set->lanes[i].name);
        if (has && !is_more_urgent(&line, life_left(c, now_ms), ret, left)) {
            plan_line_fini(&line);
            continue;
        }
        if (has)
            plan_line_fini(ret);
        *ret = line;
        left = life_left(c, now_ms);
        has = true;
    }
}

void plan_judge_unit(const struct set_config *set, const struct set_row *row,
                     struct certificate *const *unit, size_t n_unit, bool has_open_order,
                     int64_t now_ms, struct plan_line *ret)
{
    bool has_lanes = set != NULL && set->n_lanes > 1 && !row->removed && row->fault == NULL;
    if (has_lanes)
        lanes_judge(set, row, unit, n_unit, has_open_order, now_ms, 0, ret);
    else
        plan_judge(set, row, n_unit > 0 ? unit[0] : NULL, has_open_order, now_ms, ret);
}

bool plan_next_lane(struct house *house, const struct set_config *set, unsigned but,
                    struct plan_line *ret, struct err *err)
{
    struct certificate **unit = NULL;
    size_t n_unit = 0;
    const struct set_row calm = {
        .name = set->name, .why = (char *)(uintptr_t) "", .next_at_ms = INT64_MAX};
    if (!held_unit(house, set->name, false, &unit, &n_unit, err))
        return false;
    *ret = (struct plan_line){0};
    if (set->n_lanes > 1)
        lanes_judge(set, &calm, unit, n_unit, false, house_now(house), but, ret);
    certificates_free(unit, n_unit);
    return true;
}
