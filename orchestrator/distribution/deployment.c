#include "distribution/deployment.h"

#include "base/failpoint.h"
#include "io/generation_unlink.h"

#include <inttypes.h>

enum { STAMP_MODE = 0644 };

static void deployment_entered(void *arg, const struct err *refusal);
static char **deployment_environment(void *arg);
static void deployment_activated(void *arg, const struct err *failure, bool should_try_alone);

/* Behind `checked` an activation may have been started before a kill; so may one of a version that
 * a newer one has overtaken. */
static bool may_be_activated(const struct deployment_record *record)
{
    switch (record->stage) {
    case DEPLOY_WAITING:
    case DEPLOY_HELD:
        return record->previous != NULL;
    case DEPLOY_CHECKED:
    case DEPLOY_ACTIVATED:
    case DEPLOY_ROLLBACK:
        return true;
    case DEPLOY_WRITTEN:
    case DEPLOY_SWITCHED:
    case DEPLOY_DONE:
    case DEPLOY_STAGE_N:
        break;
    }
    return false;
}

struct deployment *deployment_new(struct deliveries *deliveries,
                                  struct deployment_record *take_record)
{
    struct deployment *d = NEW(struct deployment);
    d->deliveries = deliveries;
    d->record = take_record;
    d->forced = asks_force(deliveries->asks, ASK_DELIVER, take_record->set);
    d->had_previous = take_record->previous != NULL;
    d->may_be_activated = may_be_activated(take_record);
    d->failure_before = take_record->failure;
    d->failed_before_at_ms = take_record->failed_at_ms;
    d->again_at_ms = INT64_MAX;
    d->visit = (struct server_visit){.set = take_record->set,
                                     .n_tries = take_record->n_tries,
                                     .arg = d,
                                     .entered = deployment_entered,
                                     .environment = deployment_environment,
                                     .activated = deployment_activated};
    list_push_back(&deliveries->ready, &d->in_ready);
    return d;
}

void deployment_forget(struct deployment *d)
{
    set_config_free(d->set);
    certificate_free(d->certificate);
    certificates_free(d->unit, d->n_unit);
    served_fini(&d->served);
    mem_free(d->print);
    mem_free(d->version);
    d->set = NULL;
    d->how = NULL;
    d->certificate = NULL;
    d->unit = NULL;
    d->n_unit = 0;
    d->print = d->version = NULL;
}

void deployment_free(struct deployment *d)
{
    if (d == NULL)
        return;
    process_cancel(d->check);
    server_leave(&d->visit);
    list_remove(&d->in_run);
    list_remove(&d->in_dirty);
    list_remove(&d->in_ready);
    deployment_record_free(d->record);
    deployment_forget(d);
    mem_free(d);
}

void deployment_touch(struct deployment *d, bool steps)
{
    d->steps = steps;
    if (!list_is_linked(&d->in_dirty))
        list_push_back(&d->deliveries->dirty, &d->in_dirty);
}

void deployment_end(struct deployment *d, enum deploy_end end)
{
    server_leave(&d->visit);
    d->end = end;
    deployment_touch(d, false);
}

/* ---- what programs are told ---- */

static char **deployment_environment(void *arg)
{
    struct deployment *d = arg;
    struct certificate **list = NULL;
    size_t n = 0;
    if (d->record->stage != DEPLOY_ROLLBACK)
        return hook_environment(d->certificate, d->set->name, d->how->dir, d->version,
                                d->record->n_tries);
    /* The one that goes back is told, not the one that failed. */
    const char *previous = d->record->previous;
    struct certificate unknown = {.serial = (char *)(uintptr_t) ""};
    const struct certificate *back = &unknown;
    held_versions(d->deliveries->house, d->record->set, &list, &n, NULL);
    for (size_t i = 0; i < n; i++) {
        AUTO(buf_fini)
        struct buf base = BUF(1024);
        bundle_version(list[i], &base);
        if (version_belongs(previous, buf_cstr(&base)))
            back = list[i];
    }
    char **environment =
        hook_environment(back, d->set->name, d->how->dir, previous, d->record->n_tries);
    certificates_free(list, n);
    return environment;
}

/* ---- the end of a good try ---- */

static bool stamp_write(const struct deployment *d, struct err *err)
{
    AUTO(mem_fini)
    char *path = mem_printf("%s/deploy.stamp", d->how->dir);
    AUTO(mem_fini)
    char *text = NULL;
    char now[TIME_TEXT_MAX];
    struct file_owner owner = {0};
    time_format(house_now(d->deliveries->house), true, now);
    text = mem_printf("%s %s\n", d->version, now);
    return file_owner_find(d->how->owner, d->how->group, &owner, err) &&
           file_replace(path, str_of(text), STAMP_MODE, &owner, err);
}

/* The newest versions of the set, and the one that was served before, which may be another delivery
 * of the same certificate. */
static bool versions_prune(const struct deployment *d, struct err *err)
{
    struct certificate **list = NULL;
    size_t n = 0, n_keep = 0, most = (size_t)d->how->keep;
    char **keep = NEW_N(most + 2, char *);
    if (!held_versions(d->deliveries->house, d->record->set, &list, &n, err)) {
        mem_free(keep);
        return false;
    }
    keep[n_keep++] = mem_strdup(d->version);
    if (most > 1 && d->record->previous != NULL && strcmp(d->record->previous, d->version) != 0)
        keep[n_keep++] = mem_strdup(d->record->previous);
    for (size_t i = 0; i < n && n_keep < most; i++) {
        struct buf base = BUF(1024);
        bundle_version(list[i], &base);
        if (version_belongs(keep[0], buf_cstr(&base)) ||
            (n_keep > 1 && version_belongs(keep[1], buf_cstr(&base))))
            buf_fini(&base);
        else
            keep[n_keep++] = buf_take(&base);
    }
    bool ok = generation_prune(d->how->dir, (const char *const *)keep, n_keep, err);
    for (size_t i = 0; i < n_keep; i++)
        mem_free(keep[i]);
    mem_free(keep);
    certificates_free(list, n);
    return ok;
}

/* What is served is proven now. Old folders that cannot be removed harm nobody; a stamp that is
 * missing hides the news from those who watch it. */
static void deployment_finish(struct deployment *d)
{
    struct err err = {0};
    if (!stamp_write(d, &err)) {
        deployment_fail(d, &err);
        return;
    }
    if (!versions_prune(d, &err))
        house_say(d->deliveries->house, d->record->set, "deliver", "%s", err.text);
    deployment_end(d, DEPLOY_ENDS_DONE);
}

/* ---- switch and check ---- */

/* Between writing and switching somebody else may have come: another leader while we were frozen,
 * or a person. */
static bool served_is_as_seen(const struct deployment *d, struct err *err)
{
    AUTO(mem_fini)
    char *now = NULL;
    struct err why = {0};
    if (!generation_current(d->how->dir, &now, &why) && why.kind != ERR_ABSENT)
        return err_set(err, why.kind, "%s", why.text);
    if (strcmp(now != NULL ? now : "", d->served.version) == 0)
        return true;
    return err_set(err, ERR_AGAIN, "%s/current was changed by somebody else meanwhile",
                   d->how->dir);
}

static bool link_switch(const struct deployment *d, struct err *err)
{
    if (FAILPOINT_ERROR("deploy.switch.before"))
        return err_set(err, ERR_LOCAL, "switch %s: failpoint", d->how->dir);
    if (!served_is_as_seen(d, err) || !generation_switch(d->how->dir, d->version, err))
        return false;
    FAILPOINT("deploy.switch.after");
    return true;
}

static void deployment_checked(struct deployment *d)
{
    d->record->stage = DEPLOY_CHECKED;
    if (!server_is_activated(d->how)) {
        d->record->stage = DEPLOY_ACTIVATED;
        deployment_finish(d);
        return;
    }
    if (!d->visit.is_alone)
        server_expect(d->deliveries->servers, &d->visit);
    deployment_touch(d, true);
}

static void check_heard(void *arg, const struct process_result *result, const struct err *start_err)
{
    struct deployment *d = arg;
    struct err failure = {0};
    d->check = NULL;
    if (hook_verdict("check", (const char *const *)d->how->check, d->how->timeout_ms, result,
                     start_err, &failure)) {
        deployment_checked(d);
        return;
    }
    if (result == NULL || result->timed_out)
        server_refuse(&d->visit, &failure);
    deployment_fail(d, &failure);
}

static void check_start(struct deployment *d)
{
    struct house *house = d->deliveries->house;
    const char *const *argv = (const char *const *)d->how->check;
    char **environment = deployment_environment(d);
    AUTO(buf_fini)
    struct buf name = BUF(1024);
    struct process_request request = {.argv = argv,
                                      .environment = (const char *const *)environment,
                                      .timeout_ms = d->how->timeout_ms};
    hook_name(argv, &name);
    house_say(house, d->record->set, "deliver", "check: %s", buf_cstr(&name));
    FAILPOINT("deploy.check.before");
    d->check = process_start(house->loop, &request, check_heard, d);
    hook_environment_free(environment);
}

static void deployment_switch(struct deployment *d)
{
    struct err err = {0};
    if (!link_switch(d, &err)) {
        deployment_fail(d, &err);
        return;
    }
    d->record->stage = DEPLOY_SWITCHED;
    if (d->how->check == NULL) {
        deployment_checked(d);
        return;
    }
    deployment_touch(d, false);
    check_start(d);
}

/* ---- when it fails ---- */

/* The same round once more, from what is served now. */
static void deployment_go_alone(struct deployment *d)
{
    const char *now = d->is_put_back ? d->record->previous : d->version;
    mem_set_str(&d->served.version, now);
    d->goes_alone = d->is_put_back = false;
    d->visit.is_alone = true;
    d->record->failure = (struct err){0};
    d->record->stage = DEPLOY_WRITTEN;
    server_expect(d->deliveries->servers, &d->visit);
    deployment_touch(d, true);
}

/* The try is over, or its round in company is. */
static void deployment_give_up(struct deployment *d)
{
    if (d->goes_alone)
        deployment_go_alone(d);
    else
        deployment_end(d, DEPLOY_ENDS_FAILED);
}

/* Where there is nothing to go back to, files that were checked are better than none. */
static bool can_go_back(const struct deployment *d)
{
    const char *previous = d->record->previous;
    bool is_checked = d->record->stage == DEPLOY_CHECKED && d->how->check != NULL;
    return strcmp(previous, d->version) != 0 && !(previous[0] == '\0' && is_checked);
}

static void deployment_turn_back(struct deployment *d)
{
    d->record->stage = DEPLOY_ROLLBACK;
    if (!d->visit.is_inside && server_is_known(d->how))
        server_expect(d->deliveries->servers, &d->visit);
    deployment_touch(d, true);
}

void deployment_fail(struct deployment *d, const struct err *why)
{
    d->record->failure = *why;
    switch (d->record->stage) {
    case DEPLOY_SWITCHED:
    case DEPLOY_CHECKED:
        if (can_go_back(d))
            deployment_turn_back(d);
        else
            deployment_give_up(d);
        break;
    case DEPLOY_WAITING:
    case DEPLOY_WRITTEN:
    case DEPLOY_ACTIVATED:
    case DEPLOY_ROLLBACK:
    case DEPLOY_HELD:
    case DEPLOY_DONE:
    case DEPLOY_STAGE_N:
        deployment_end(d, DEPLOY_ENDS_FAILED);
        break;
    }
}

void deployment_fail_early(struct deployment *d, const struct err *why)
{
    d->record->failure = *why;
    d->is_early = true;
    deployment_end(d, DEPLOY_ENDS_FAILED);
}

/* Only our own switch is undone. */
static bool link_put_back(const struct deployment *d, struct err *err)
{
    AUTO(mem_fini)
    char *now = NULL;
    struct err why = {0};
    const char *previous = d->record->previous;
    if (FAILPOINT_ERROR("deploy.rollback.before"))
        return err_set(err, ERR_LOCAL, "switch %s back: failpoint", d->how->dir);
    if (!generation_current(d->how->dir, &now, &why) && why.kind != ERR_ABSENT)
        return err_set(err, why.kind, "%s", why.text);
    bool is_ours = now != NULL && strcmp(now, d->version) == 0;
    if (is_ours && !(previous[0] != '\0' ? generation_switch(d->how->dir, previous, err)
                                         : generation_unlink(d->how->dir, err)))
        return false;
    FAILPOINT("deploy.rollback.after");
    return true;
}

static void deployment_put_back(struct deployment *d)
{
    struct err err = {0}, cause = d->record->failure;
    if (!link_put_back(d, &err)) {
        d->goes_alone = false;
        err_set(&d->record->failure, cause.kind, "%.400s; and it cannot be switched back: %.400s",
                cause.text, err.text);
        deployment_end(d, DEPLOY_ENDS_FAILED);
        return;
    }
    d->is_put_back = true;
    if (d->may_be_activated && d->record->previous[0] != '\0' && server_is_activated(d->how))
        server_activate(d->deliveries->servers, &d->visit);
    else
        deployment_give_up(d);
}

/* ---- activate ---- */

static void deployment_activated(void *arg, const struct err *failure, bool should_try_alone)
{
    struct deployment *d = arg;
    if (d->record->stage == DEPLOY_ROLLBACK) {
        if (failure != NULL)
            err_wrap(&d->record->failure, "activating the old version failed, too (%.200s)",
                     failure->text);
        deployment_give_up(d);
    } else if (failure != NULL) {
        d->goes_alone = should_try_alone && !d->visit.is_alone;
        deployment_fail(d, failure);
    } else {
        d->record->stage = DEPLOY_ACTIVATED;
        deployment_finish(d);
    }
}

/* ---- step by step ---- */

static void deployment_entered(void *arg, const struct err *refusal)
{
    struct deployment *d = arg;
    struct err err = {0};
    if (d->record->stage == DEPLOY_ROLLBACK) {
        deployment_put_back(d);
    } else if (refusal != NULL) {
        err_set(&err, refusal->kind, "%s (tried for others a moment ago)", refusal->text);
        deployment_fail(d, &err);
    } else {
        deployment_switch(d);
    }
}

/* Inside a server others do not disturb; where there is none nobody can be disturbed. */
static void deployment_enter(struct deployment *d, bool first)
{
    if (!server_is_known(d->how))
        deployment_entered(d, NULL);
    else if (d->visit.is_inside)
        deployment_entered(d, NULL);
    else
        server_enter(d->deliveries->servers, &d->visit, first);
}

void deployment_step(struct deployment *d)
{
    if (d->set == NULL && !deployment_prepare(d))
        return;
    switch (d->record->stage) {
    case DEPLOY_WRITTEN:
    case DEPLOY_SWITCHED:
        deployment_enter(d, false);
        break;
    case DEPLOY_CHECKED:
        if (server_is_activated(d->how)) {
            d->may_be_activated = true;
            server_activate(d->deliveries->servers, &d->visit);
            break;
        }
        d->record->stage = DEPLOY_ACTIVATED;
        deployment_finish(d);
        break;
    case DEPLOY_ACTIVATED:
        deployment_finish(d);
        break;
    case DEPLOY_ROLLBACK:
        deployment_enter(d, true);
        break;
    case DEPLOY_WAITING:
    case DEPLOY_HELD:
    case DEPLOY_DONE:
    case DEPLOY_STAGE_N:
        break;
    }
}
