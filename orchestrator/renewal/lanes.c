/*
 * A set with several kinds of keys: its lanes are ordered one after the other, in one run, because a CA that reuses pending orders
 * would hand two of them the same one. One that fails keeps no other from its turn.
 */
#include "renewal/renewal_inside.h"

#include "inventory/held.h"
#include "inventory/plan.h"
#include "inventory/register.h"

bool lanes_join(struct renewal *r, const char *set, const char *lane, bool by_hand, struct err *err)
{
    return held_unit_due_now(r->house, set, lane, by_hand, err);
}

bool lanes_rest(struct renewal *r, const char *set, const char *lane, struct err *err)
{
    return lane == NULL || lane[0] == '\0' || held_unit_release(r->house, set, err);
}

static unsigned lane_bit(const struct set_config *set, const char *lane)
{
    for (size_t i = 0; i < set->n_lanes; i++)
        if (strcmp(set->lanes[i].name, lane) == 0)
            return 1U << i;
    return 0;
}

/* What refuses everybody refuses the other lane, too: it would only cost a request. */
static bool failure_is_general(const struct err *failure)
{
    return failure != NULL && failure->kind == ERR_THROTTLED;
}

static bool lane_queue(struct renewal *r, const struct set_config *set, unsigned tried,
                       bool *ret_queued, struct err *err)
{
    struct plan_line line;
    *ret_queued = false;
    if (!plan_next_lane(r->house, set, tried, &line, err))
        return false;
    if (line.set != NULL && line.action != PLAN_NONE) {
        struct waiting *w = waiting_new_lane(set->name, line.lane, tried, line.why);
        list_push_front(&r->queue, &w->in_queue);
        *ret_queued = true;
    }
    plan_line_fini(&line);
    return true;
}

bool lanes_go_on(struct renewal *r, const struct job *job, const struct err *failure,
                 struct err *err)
{
    const char *name = job->record->order->set_name, *lane = job->record->lane;
    struct set_config *set = NULL;
    bool queued = false, ok = true;
    if (lane == NULL || lane[0] == '\0')
        return true;
    if (!failure_is_general(failure) && loop_n_stops(r->house->loop) == 0 &&
        register_set(r->house, name, &set, NULL))
        ok = lane_queue(r, set, job->lanes_tried | lane_bit(set, lane), &queued, err);
    set_config_free(set);
    return ok && (queued || lanes_rest(r, name, lane, err));
}
