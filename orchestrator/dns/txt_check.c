/* Is what was published served, and what was removed gone? */
#include "dns/txt_wish.h"

#include "dns/propagation.h"

struct txt_check {
    struct list in_desk;
    struct txt_zone *zone;
    struct propagation_check *check;
    struct txt_wish **wishes; /* NULL where one was dropped */
    size_t n;
};

/* Often while the wish is young, ever more seldom later: a twentieth of its age, 100 ms to 10 s. */
static int64_t wish_check_pause_ms(const struct txt_wish *w)
{
    int64_t age_ms = house_now(w->desk->house) - w->state_at_ms;
    int64_t pause_ms = age_ms / 20;
    return pause_ms < 100 ? 100 : pause_ms > 10 * MS_SECOND ? 10 * MS_SECOND : pause_ms;
}

static void wish_is_shown(struct txt_wish *w)
{
    if (w->provider->settle_ms > 0) {
        w->settling = true;
        txt_wish_sleep(w, house_now(w->desk->house) + w->provider->settle_ms);
        return;
    }
    txt_wish_enter(w, WISH_SERVED);
}

static void wish_is_not_shown(struct txt_wish *w)
{
    int64_t now_ms = house_now(w->desk->house);
    int64_t patience_ms = w->provider->propagation_timeout_ms;
    /* Since it was published: how long the order had to wait before does not count. */
    if (now_ms - w->state_at_ms < patience_ms) {
        if (now_ms - w->state_at_ms > 3 * MS_SECOND)
            house_say(w->desk->house, w->set, "dns", "waiting for %s: %s", w->owner, w->seen);
        txt_wish_sleep(w, now_ms + wish_check_pause_ms(w));
        return;
    }
    struct err err;
    err_set(&err, ERR_AGAIN, "TXT at %s is not shown by every name server of %s after %lld s: %s",
            w->owner, w->zone->info->zone, (long long)((now_ms - w->state_at_ms) / MS_SECOND),
            w->seen);
    txt_wish_fail(w, &err);
}

static void wish_is_still_there(struct txt_wish *w)
{
    int64_t now_ms = house_now(w->desk->house);
    if (txt_wish_heir(w) != NULL) {
        txt_wish_enter(w, WISH_GONE);
        return;
    }
    if (now_ms - w->state_at_ms > MS_MINUTE) {
        /* The provider said done and the record stays: ask it again. */
        w->n_tries++;
        txt_wish_enter(w, WISH_REMOVING);
        txt_wish_sleep(w, now_ms + txt_back_off_ms(w->n_tries));
        return;
    }
    txt_wish_sleep(w, now_ms + wish_check_pause_ms(w));
}

static void wish_checked(struct txt_wish *w, const struct propagation_view *view)
{
    w->busy = false;
    mem_set_str(&w->seen, view->text);
    if (w->state == WISH_SET && !w->present)
        txt_wish_enter(w, WISH_REMOVING);
    else if (w->state == WISH_SET && view->is_served)
        wish_is_shown(w);
    else if (w->state == WISH_SET)
        wish_is_not_shown(w);
    else if (w->state == WISH_REMOVED && view->n_as_wished > 0)
        txt_wish_enter(w, WISH_GONE);
    else if (w->state == WISH_REMOVED)
        wish_is_still_there(w);
}

static void check_free(struct txt_check *check)
{
    list_remove(&check->in_desk);
    mem_free(check->wishes);
    mem_free(check);
}

static void check_done(void *arg, const struct propagation_report *report)
{
    struct txt_check *check = arg;
    check->zone->desk->n_under_way--;
    for (size_t i = 0; i < check->n && i < report->n; i++) {
        if (check->wishes[i] != NULL)
            wish_checked(check->wishes[i], &report->views[i]);
    }
    check_free(check);
}

void txt_checks_free(struct txt_desk *desk)
{
    LIST_EACH (it, &desk->checks) {
        struct txt_check *check = LIST_OWNER(it, struct txt_check, in_desk);
        propagation_cancel(check->check);
        desk->n_under_way--;
        check_free(check);
    }
}

void txt_checks_drop(struct txt_desk *desk, const struct txt_wish *wish)
{
    LIST_EACH (it, &desk->checks) {
        struct txt_check *check = LIST_OWNER(it, struct txt_check, in_desk);
        for (size_t i = 0; i < check->n; i++) {
            if (check->wishes[i] == wish)
                check->wishes[i] = NULL;
        }
    }
}

static bool wish_is_for_check(const struct txt_wish *w)
{
    return txt_wish_is_awake(w) && !w->settling &&
           (w->state == WISH_SET || w->state == WISH_REMOVED);
}

void txt_checks_start(struct txt_desk *desk, struct txt_zone *zone)
{
    struct txt_check *check = NULL;
    struct propagation_want *wants = NULL;
    size_t n = 0;

    LIST_EACH (it, &zone->wishes) {
        struct txt_wish *w = LIST_OWNER(it, struct txt_wish, in_zone);
        if (!wish_is_for_check(w))
            continue;
        if (check == NULL)
            check = NEW(struct txt_check);
        wants = mem_grow(wants, n, n + 1, sizeof(*wants));
        check->wishes = mem_grow(check->wishes, n, n + 1, sizeof(struct txt_wish *));
        wants[n] = (struct propagation_want){
            .owner = w->owner, .value = w->value, .present = w->state == WISH_SET};
        check->wishes[n++] = w;
        w->busy = true;
    }
    if (check == NULL)
        return;
    check->zone = zone;
    check->n = n;
    list_push_back(&desk->checks, &check->in_desk);
    desk->n_under_way++;
    check->check = propagation_start(desk->house->loop, desk->house->dns, zone->info, wants, n,
                                     NULL, check_done, check);
    mem_free(wants);
}
