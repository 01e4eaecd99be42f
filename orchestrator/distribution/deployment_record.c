#include "distribution/deployment_record.h"

#include "distribution/distribution.h"

static const char *const stage_names[] = {
#define X(stage, name, what) [DEPLOY_##stage] = name,
    DEPLOY_STAGES(X)
#undef X
};

const char *deploy_stage_name(enum deploy_stage stage)
{
    return stage_names[stage];
}

/* What nobody knows begins anew: every stage may be repeated. */
static enum deploy_stage stage_find(const char *name)
{
    for (size_t i = 0; i < DEPLOY_STAGE_N; i++)
        if (name != NULL && strcmp(stage_names[i], name) == 0)
            return (enum deploy_stage)i;
    return DEPLOY_WAITING;
}

void deployment_record_free(struct deployment_record *record)
{
    if (record == NULL)
        return;
    mem_free(record->set);
    mem_free(record->target);
    mem_free(record->previous);
    mem_free(record->want);
    mem_free(record);
}

/* The columns of DEPLOYMENT_LOAD. */
static struct deployment_record *record_read(int64_t id, const struct rows *rows)
{
    struct deployment_record *r = NEW(struct deployment_record);
    r->id = id;
    r->set = mem_strdup(rows_text(rows, 0));
    r->target = mem_strdup(rows_text(rows, 1));
    r->wanted_id = rows_int(rows, 2);
    r->done_id = rows_int(rows, 3);
    r->stage = stage_find(rows_text(rows, 4));
    r->previous = mem_strdup(rows_text(rows, 5));
    r->n_tries = rows_int(rows, 6);
    r->want = mem_strdup(rows_text(rows, 7));
    if (rows_text(rows, 9) != NULL)
        err_set(&r->failure, err_kind_find(rows_text(rows, 8)), "%s", rows_text(rows, 9));
    r->failed_at_ms = rows_int(rows, 10);
    return r;
}

/* A newer certificate than the one that was under way: what was done for that one does not count,
 * but what was served before it stays remembered. */
static void record_turn_to(struct deployment_record *r, int64_t certificate_id)
{
    bool is_other = r->wanted_id != certificate_id;
    r->wanted_id = certificate_id;
    if (is_other || r->stage == DEPLOY_HELD || r->stage == DEPLOY_DONE ||
        (r->stage != DEPLOY_WAITING && r->previous == NULL))
        r->stage = DEPLOY_WAITING;
    r->stored_stage = r->stage;
    r->n_tries = is_other ? 1 : r->n_tries + 1;
}

static bool record_load(struct house *house, int64_t id, struct deployment_record **ret,
                        int64_t *ret_current_id, struct err *err)
{
    struct rows rows;
    if (!store_query(house->store, &rows, err, SQL_DEPLOYMENT_LOAD, "i", id))
        return false;
    if (rows_next(&rows)) {
        *ret_current_id = rows_int(&rows, 11);
        *ret = record_read(id, &rows);
    }
    return rows_end(&rows, err);
}

bool deployment_record_take(struct house *house, int64_t id, struct deployment_record **ret,
                            struct err *err)
{
    struct deployment_record *r = NULL;
    int64_t current_id = 0;
    bool ok = record_load(house, id, &r, &current_id, err);
    if (ok && current_id == 0) {
        ok = store_run(house->store, NULL, err, SQL_DEPLOYMENT_REST, "i", id);
        deployment_record_free(r);
        return ok;
    }
    if (ok) {
        record_turn_to(r, current_id);
        ok = store_run(house->store, NULL, err, SQL_DEPLOYMENT_TAKE, "iiti", id, r->wanted_id,
                       deploy_stage_name(r->stage), r->n_tries);
    }
    if (!ok) {
        deployment_record_free(r);
        return false;
    }
    *ret = r;
    return true;
}

bool deployment_record_save(struct house *house, struct deployment_record *r, bool *ret_is_ours,
                            struct err *err)
{
    int64_t n = 0;
    bool rolls_back = r->stage == DEPLOY_ROLLBACK;
    if (!store_run(house->store, &n, err, SQL_DEPLOYMENT_SAVE, "iiittttt", r->id, r->wanted_id,
                   r->n_tries, deploy_stage_name(r->stored_stage), deploy_stage_name(r->stage),
                   r->previous, rolls_back ? err_kind_name(r->failure.kind) : NULL,
                   rolls_back ? r->failure.text : NULL))
        return false;
    r->stored_stage = r->stage;
    *ret_is_ours = n > 0;
    return n > 0 || store_run(house->store, NULL, err, SQL_DEPLOYMENT_SAVE_PREVIOUS, "it", r->id,
                              r->previous);
}

bool deployment_record_done(struct house *house, struct deployment_record *r, const char *want,
                            bool *ret_is_ours, struct err *err)
{
    int64_t n = 0, now_ms = house_now(house);
    if (!store_run(house->store, &n, err, SQL_DEPLOYMENT_DONE, "iiitit", r->id, r->wanted_id,
                   r->n_tries, deploy_stage_name(r->stored_stage), now_ms, want))
        return false;
    *ret_is_ours = n > 0;
    return n > 0 || store_run(house->store, NULL, err, SQL_DEPLOYMENT_DONE_STILL_DUE, "iiit", r->id,
                              r->wanted_id, now_ms, want);
}

bool deployment_record_failed(struct house *house, struct deployment_record *r, int64_t next_at_ms,
                              bool *ret_is_ours, struct err *err)
{
    int64_t n = 0;
    if (!store_run(house->store, &n, err, SQL_DEPLOYMENT_FAILED, "iiitttitti", r->id, r->wanted_id,
                   r->n_tries, deploy_stage_name(r->stored_stage), deploy_stage_name(r->stage),
                   r->previous, next_at_ms, err_kind_name(r->failure.kind), r->failure.text,
                   house_now(house)))
        return false;
    *ret_is_ours = n > 0;
    return n > 0 || store_run(house->store, NULL, err, SQL_DEPLOYMENT_SAVE_PREVIOUS, "it", r->id,
                              r->previous);
}
