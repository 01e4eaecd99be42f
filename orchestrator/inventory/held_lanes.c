/* A certificate was born: which lane of the set it belongs to, and what the set still lacks then. */
#include "inventory/held_inside.h"

#include "inventory/plan.h"

/* How long a delivery waits for the other kind of key when nobody says that it will not come. */
enum { OTHER_LANE_MS = 15 * 60 * 1000 };

/* The kinds of keys may have been changed while the order was under way. */
static const char *lane_now(const struct set_config *set, const struct certificate_birth *b,
                            const char *lane)
{
    enum key_kind kind;
    if (set_lane(set, lane) != NULL)
        return lane;
    if (!key_kind_find(b->key_kind, &kind))
        return NULL;
    if (set->n_lanes == 1)
        return kind == set->key ? "" : NULL;
    return set_lane(set, key_kind_family(kind)) != NULL ? key_kind_family(kind) : NULL;
}

bool birth_lane(struct house *house, const struct certificate_birth *b, struct set_config **ret_set,
                const char **ret_lane)
{
    const char *lane = b->lane != NULL ? b->lane : "";
    struct set_row row = {0};
    struct set_config *set = NULL;
    bool same = !register_row(house, b->set_name, &row, NULL) ||
                (lane[0] == '\0' && strcmp(row.want, b->want) == 0);
    set_row_fini(&row);
    *ret_set = NULL;
    *ret_lane = lane;
    if (same || !register_set(house, b->set_name, &set, NULL))
        return true;
    *ret_set = set;
    *ret_lane = lane_now(set, b, lane);
    return *ret_lane != NULL;
}

/* The other lane's order ended without a certificate, and the set waits to try it again. */
static bool lane_has_failed(struct house *house, const struct set_config *set, size_t lane,
                            bool *ret, struct err *err)
{
    int64_t failed = 0;
    if (!store_int(house->store, 0, &failed, err, SQL_ORDER_LAST_HAS_FAILED, "tt", set->name,
                   set->lanes[lane].name))
        return false;
    *ret = failed != 0;
    return true;
}

bool lanes_stand(struct house *house, const struct set_config *set, const char *born,
                 struct lanes_standing *ret, struct err *err)
{
    struct certificate **unit = NULL;
    size_t n = 0;
    int64_t now_ms = house_now(house), n_failures = 0;
    bool ok = held_unit(house, set->name, false, &unit, &n, err) &&
              store_int(house->store, 0, &n_failures, err, SQL_SET_N_FAILURES, "t", set->name);
    *ret = (struct lanes_standing){.due_at_ms = INT64_MAX};
    for (size_t i = 0; ok && i < set->n_lanes; i++) {
        const struct certificate *c = unit_lane(unit, n, set->lanes[i].name);
        bool is_due = plan_lane_is_due(set, i, c, now_ms), has_failed = false;
        bool is_other = strcmp(set->lanes[i].name, born) != 0;
        if (c != NULL && c->due_at_ms < ret->due_at_ms)
            ret->due_at_ms = c->due_at_ms;
        if (is_due && is_other && n_failures > 0)
            ok = lane_has_failed(house, set, i, &has_failed, err);
        ret->is_due = ret->is_due || is_due;
        ret->waits = ret->waits || (is_due && is_other && !has_failed);
        ret->has_failed = ret->has_failed || has_failed;
    }
    certificates_free(unit, n);
    return ok;
}

/* What failed waits on; what is lacking otherwise is due at once; then the set rests. */
static bool lanes_schedule(struct house *house, const char *set, const struct lanes_standing *st,
                           struct err *err)
{
    if (st->has_failed)
        return true;
    return register_succeeded(house, set, st->due_at_ms, err) &&
           (!st->is_due || register_schedule(house, set, house_now(house), "lanes", err));
}

bool lane_born(struct house *house, const struct set_config *set, const char *lane, int64_t id,
               struct err *err)
{
    struct lanes_standing st;
    return lanes_stand(house, set, lane, &st, err) &&
           others_wake(house, set->name, id,
                       house_now(house) + (st.waits && !st.has_failed ? OTHER_LANE_MS : 0), err) &&
           lanes_schedule(house, set->name, &st, err);
}

bool held_unit_release(struct house *house, const char *set, struct err *err)
{
    return store_run(house->store, NULL, err, SQL_SET_DEPLOYMENTS_RELEASE, "ti", set,
                     house_now(house));
}

bool held_unit_due_now(struct house *house, const char *set, const char *but, bool all,
                       struct err *err)
{
    struct certificate **unit = NULL;
    size_t n = 0;
    int64_t now_ms = house_now(house);
    bool ok = held_unit(house, set, false, &unit, &n, err);
    for (size_t i = 0; ok && i < n; i++)
        if (unit[i]->lane[0] != '\0' && strcmp(unit[i]->lane, but) != 0 &&
            unit[i]->due_at_ms > now_ms && (all || lane_is_in_step(unit[i], now_ms)))
            ok = store_run(house->store, NULL, err, SQL_CERTIFICATE_DUE_NOW, "ii", unit[i]->id,
                           now_ms);
    certificates_free(unit, n);
    return ok;
}
