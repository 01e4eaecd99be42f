#include "distribution/deployment.h"

#include "base/failpoint.h"
#include "distribution/bundle_inside.h"
#include "inventory/held_chain.h"
#include "inventory/register.h"

enum { ITEMS_MAX = 16 };

/* ---- what is wanted, what is there ---- */

static const struct deploy_config *how_find(const struct set_config *set, const char *target)
{
    for (size_t i = 0; i < set->n_deploys; i++)
        if (strcmp(set->deploys[i].target, target) == 0)
            return &set->deploys[i];
    return NULL;
}

static bool deployment_load(struct deployment *d, struct err *err)
{
    struct house *house = d->deliveries->house;
    const struct deployment_record *record = d->record;
    if (!register_set(house, record->set, &d->set, err))
        return false;
    d->how = how_find(d->set, record->target);
    if (d->how == NULL)
        return err_set(err, ERR_CONFIG, "%s is not in its configuration any more", record->target);
    d->visit.how = d->how;
    d->visit.is_personal =
        d->how->activate != NULL && hook_is_personal((const char *const *)d->how->activate);
    if (!held_certificate(house, record->wanted_id, true, &d->certificate, err))
        return false;
    mem_free(d->print);
    d->print = delivery_print(d->how, d->certificate);
    return deployment_load_unit(d, err) &&
           served_look(house, record->set, d->how->dir, &d->served, err);
}

/* One that was switched to before a kill, and must not be served now, goes back like one that its
 * check refused. */
static void deployment_hold(struct deployment *d, const struct err *why)
{
    bool is_in_place = d->record->stage != DEPLOY_WAITING && d->record->stage != DEPLOY_HELD &&
                       d->version != NULL && strcmp(d->served.version, d->version) == 0;
    d->record->failure = *why;
    if (is_in_place && d->record->previous != NULL &&
        strcmp(d->record->previous, d->version) != 0) {
        d->record->stage = DEPLOY_ROLLBACK;
        deployment_touch(d, true);
        return;
    }
    deployment_end(d, DEPLOY_ENDS_HELD);
}

/* ---- the files ---- */

static bool files_write(struct deployment *d, const char *base, const struct bundle *bundle,
                        struct err *err)
{
    struct file_item items[ITEMS_MAX];
    struct file_owner owner = {0};
    size_t n = bundle_n(bundle);
    CHECK(n <= ITEMS_MAX);
    for (size_t i = 0; i < n; i++)
        items[i] = (struct file_item){bundle_name(bundle, i), bundle_bytes(bundle, i),
                                      (uint32_t)d->how->mode};
    mem_set_str(&d->version, NULL);
    if (FAILPOINT_ERROR("deploy.write.before"))
        return err_set(err, ERR_LOCAL, "write in %s: failpoint", d->how->dir);
    if (!file_owner_find(d->how->owner, d->how->group, &owner, err) ||
        !version_choose(d->how->dir, base, d->served.version, d->record->previous, items, n,
                        &d->version, err) ||
        !generation_write(d->how->dir, d->version, (uint32_t)d->how->dir_mode, &owner, items, n,
                          err))
        return false;
    FAILPOINT("deploy.write.after");
    return true;
}

/* ---- where to begin ---- */

static bool is_all_in_place(const struct deployment *d)
{
    const struct deployment_record *record = d->record;
    return record->stage == DEPLOY_WAITING && record->previous == NULL &&
           record->done_id == record->wanted_id && !d->forced &&
           strcmp(d->served.version, d->version) == 0 &&
           strcmp(record->want != NULL ? record->want : "", d->print) == 0;
}

static void stage_settle(struct deployment *d)
{
    struct deployment_record *record = d->record;
    bool is_in_place = strcmp(d->served.version, d->version) == 0;
    switch (record->stage) {
    case DEPLOY_SWITCHED:
    case DEPLOY_CHECKED:
    case DEPLOY_ACTIVATED:
        if (!is_in_place)
            record->stage = DEPLOY_WRITTEN;
        break;
    case DEPLOY_WRITTEN:
        if (is_in_place)
            record->stage = DEPLOY_SWITCHED;
        break;
    case DEPLOY_WAITING:
    case DEPLOY_HELD:
    case DEPLOY_ROLLBACK:
    case DEPLOY_DONE:
    case DEPLOY_STAGE_N:
        record->stage = DEPLOY_WRITTEN;
        if (!d->had_previous)
            mem_set_str(&record->previous, d->served.version);
        break;
    }
}

static bool deployment_write(struct deployment *d, const char *base, struct err *ret_hold,
                             struct err *err)
{
    struct bundle *bundle = NULL;
    bool ok =
        deployment_bundle(d, base, &bundle, ret_hold, err) && files_write(d, base, bundle, err);
    bundle_free(bundle);
    return ok;
}

/* The rollback needs no pair: what failed is told by its name. */
static bool deployment_prepare_rollback(struct deployment *d, const char *base)
{
    bool is_ours = version_belongs(d->served.version, base);
    d->version = mem_strdup(is_ours ? d->served.version : base);
    return true;
}

/* A store that failed for a moment is no fault of the target: when it has taken the next change, all is looked up once more. Where that fails
 * as well, what the store holds is damaged. */
static bool prepare_failed(struct deployment *d, const struct err *why)
{
    if (why->kind != ERR_STORE || d->has_asked_again) {
        deployment_fail_early(d, why);
        return false;
    }
    deployment_forget(d);
    d->has_asked_again = true;
    deployment_touch(d, true);
    return false;
}

bool deployment_prepare(struct deployment *d)
{
    struct err err = {0}, hold = {0};
    AUTO(buf_fini)
    struct buf base = BUF(1024);
    enum deploy_stage before = d->record->stage;
    if (!deployment_load(d, &err))
        return prepare_failed(d, &err);
    bundle_version(d->certificate, &base);
    if (before == DEPLOY_ROLLBACK)
        return deployment_prepare_rollback(d, buf_cstr(&base));
    if (version_belongs(d->served.version, buf_cstr(&base)))
        mem_set_str(&d->version, d->served.version);
    house_say(d->deliveries->house, d->record->set, "deliver", "version %s to %s", buf_cstr(&base),
              d->record->target);
    if (!deployment_write(d, buf_cstr(&base), &hold, &err)) {
        if (hold.kind == ERR_NONE)
            return prepare_failed(d, &err);
        deployment_hold(d, &hold);
        return false;
    }
    if (is_all_in_place(d)) {
        deployment_end(d, DEPLOY_ENDS_UNCHANGED);
        return false;
    }
    stage_settle(d);
    if (server_is_known(d->how))
        server_expect(d->deliveries->servers, &d->visit);
    if (d->record->stage == before)
        return true;
    deployment_touch(d, true);
    return false;
}
