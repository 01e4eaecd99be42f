/* What is held follows the kinds of keys that are wanted: every current certificate finds its lane, or is retired. */
#include "inventory/register_inside.h"

#include "inventory/plan.h"

enum { LANE_NONE = -1 };

/* Which lane each certificate goes to; one that stays has the first claim on its lane. */
struct lane_choice {
    const struct set_config *set;
    struct certificate *const *unit;
    size_t n;
    int *lane; /* of each certificate */
    bool taken[LANES_MAX];
};

static void choice_claim(struct lane_choice *choice, size_t i, size_t lane)
{
    if (choice->lane[i] != LANE_NONE || choice->taken[lane])
        return;
    choice->lane[i] = (int)lane;
    choice->taken[lane] = true;
}

static bool kind_fits(const struct certificate *c, const struct lane_config *lane, bool exactly)
{
    enum key_kind kind;
    if (c->key_kind == NULL || !key_kind_find(c->key_kind, &kind))
        return false;
    return exactly ? kind == lane->key
                   : strcmp(key_kind_family(kind), key_kind_family(lane->key)) == 0;
}

static void choice_make(struct lane_choice *choice)
{
    const struct set_config *set = choice->set;
    for (size_t i = 0; i < choice->n; i++)
        choice->lane[i] = LANE_NONE;
    for (size_t i = 0; i < choice->n; i++)
        for (size_t l = 0; l < set->n_lanes; l++)
            if (strcmp(choice->unit[i]->lane, set->lanes[l].name) == 0)
                choice_claim(choice, i, l);
    for (int exactly = 1; exactly >= 0; exactly--)
        for (size_t i = 0; i < choice->n; i++)
            for (size_t l = 0; l < set->n_lanes; l++)
                if (kind_fits(choice->unit[i], &set->lanes[l], exactly == 1))
                    choice_claim(choice, i, l);
    /* Whatever its kind: a set with one lane is served on by what it has. */
    if (set->n_lanes == 1 && choice->n > 0)
        choice_claim(choice, 0, 0);
}

static bool choice_write(struct house *house, const struct lane_choice *choice, bool *ret_changed,
                         struct err *err)
{
    for (size_t i = 0; i < choice->n; i++) {
        const struct certificate *c = choice->unit[i];
        if (choice->lane[i] != LANE_NONE)
            continue;
        *ret_changed = true;
        if (!store_run(house->store, NULL, err, SQL_CERTIFICATE_RETIRE_ONE, "i", c->id))
            return false;
    }
    for (size_t i = 0; i < choice->n; i++) {
        const struct certificate *c = choice->unit[i];
        if (choice->lane[i] == LANE_NONE ||
            strcmp(c->lane, choice->set->lanes[choice->lane[i]].name) == 0)
            continue;
        *ret_changed = true;
        if (!store_run(house->store, NULL, err, SQL_CERTIFICATE_SET_LANE, "it", c->id,
                       choice->set->lanes[choice->lane[i]].name))
            return false;
    }
    return true;
}

bool lanes_follow(struct house *house, const struct set_config *set, bool *ret_changed,
                  struct err *err)
{
    struct certificate **unit = NULL;
    size_t n = 0;
    *ret_changed = false;
    if (!held_unit(house, set->name, false, &unit, &n, err))
        return false;
    struct lane_choice choice = {.set = set, .unit = unit, .n = n, .lane = NEW_N(n + 1, int)};
    choice_make(&choice);
    bool ok = choice_write(house, &choice, ret_changed, err);
    mem_free(choice.lane);
    certificates_free(unit, n);
    return ok;
}
