#include "io/loop_uv.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* The wall clock may step and the machine may sleep while libuv counts monotonic time, so no single nap is
 * longer than this; then the wall clock is looked at again. */
enum { NAP_MAX_MS = 10000, DRAIN_POLLS_MAX = 16 };

struct loop_clock {
    struct clock clock;
    struct loop *loop;
};

struct loop {
    uv_loop_t uv;
    uv_timer_t alarm; /* bounds each poll: the first timer, the deadline or the longest nap */
    uv_async_t waker;
    struct loop_clock clock;
    uint64_t clock_stamp; /* uv_now when the clock was read */
    int64_t wall_ms;
    struct heap timers;
    struct list things, laters;
    int64_t slice_ms, cut_at_ns; /* INT64_MAX: no bound */
    atomic_bool woken;
    bool waiting, polling, reported;
    bool has_signals;
    struct sigaction before[3];
};

/* One loop of the process catches signals; a handler cannot be handed an argument. */
static struct loop *_Atomic signal_loop;
static atomic_int n_stops, n_hups;
static const int caught_signals[3] = {SIGTERM, SIGINT, SIGHUP};

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

/* The first look after a poll reads the clock, later ones in the same turn see the same instant. */
static int64_t loop_wall_ms(const struct clock *clock)
{
    struct loop *loop = ((const struct loop_clock *)(const void *)clock)->loop;
    uint64_t now = uv_now(&loop->uv);
    if (loop->clock_stamp != now) {
        loop->clock_stamp = now;
        loop->wall_ms = clock_wall_ms(&clock_system);
    }
    return loop->wall_ms;
}

/* Who asks how long something lasts - is the lead still sure? - must not be told the beginning of the turn: in between the process may
 * have been frozen. */
static int64_t loop_boot_ms(const struct clock *clock)
{
    (void)clock;
    return clock_boot_ms(&clock_system);
}

const struct clock *loop_clock(const struct loop *loop)
{
    return &loop->clock.clock;
}

static void alarm_rang(uv_timer_t *timer)
{
    /* libuv before 1.45 runs timers ahead of the poll: without the stop it would then wait for ever. */
    uv_stop(timer->loop);
}

static void waker_rang(uv_async_t *async)
{
    struct loop *loop = async->data;
    atomic_store(&loop->woken, true);
}

struct loop *loop_new(void)
{
    struct loop *loop = NEW(struct loop);
    CHECK(uv_loop_init(&loop->uv) == 0);
    CHECK(uv_timer_init(&loop->uv, &loop->alarm) == 0);
    CHECK(uv_async_init(&loop->uv, &loop->waker, waker_rang) == 0);
    loop->waker.data = loop;
    loop->clock = (struct loop_clock){{loop_wall_ms, loop_boot_ms}, loop};
    loop->clock_stamp = UINT64_MAX;
    loop->slice_ms = INT64_MAX;
    heap_init(&loop->timers);
    list_init(&loop->things);
    list_init(&loop->laters);
    signal(SIGPIPE, SIG_IGN);
    return loop;
}

void loop_report(struct loop *loop)
{
    loop->reported = true;
    if (loop->polling)
        uv_stop(&loop->uv); /* do not sleep once more before loop_wait can see the report */
}

void loop_wake(struct loop *loop)
{
    uv_async_send(&loop->waker);
}

void loop_set_slice(struct loop *loop, int64_t slice_ms)
{
    loop->slice_ms = slice_ms;
}

void loop_thing_add(struct loop *loop, struct loop_thing *thing,
                    void (*cancel)(struct loop_thing *thing))
{
    thing->cancel = cancel;
    list_push_back(&loop->things, &thing->link);
}

void loop_thing_remove(struct loop_thing *thing)
{
    list_remove(&thing->link);
}

void loop_later(struct loop *loop, struct loop_later *later, void (*run)(struct loop_later *later))
{
    later->run = run;
    list_remove(&later->link);
    list_push_back(&loop->laters, &later->link);
}

void loop_later_clear(struct loop_later *later)
{
    list_remove(&later->link);
}

/* The slice begins when the poll is over. */
static void slice_begin(struct loop *loop)
{
    loop->cut_at_ns =
        loop->slice_ms == INT64_MAX ? INT64_MAX : (int64_t)uv_hrtime() + loop->slice_ms * 1000000;
}

static bool slice_is_over(const struct loop *loop)
{
    return loop->cut_at_ns != INT64_MAX && (int64_t)uv_hrtime() >= loop->cut_at_ns;
}

static void laters_move(struct list *from, struct list *to)
{
    for (struct list *link; (link = list_pop_front(from)) != NULL;)
        list_push_back(to, link);
}

/* What is put off by a call that runs here waits for the next turn, so nothing can starve the poll. */
static void laters_run(struct loop *loop)
{
    struct list now;
    list_init(&now);
    laters_move(&loop->laters, &now);
    for (struct list *link; (link = list_pop_front(&now)) != NULL;) {
        struct loop_later *later = LIST_OWNER(link, struct loop_later, link);
        later->run(later);
        if (slice_is_over(loop))
            break;
    }
    laters_move(&loop->laters, &now); /* behind what is left */
    laters_move(&now, &loop->laters);
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t after_ms,
                    void (*fired)(struct loop_timer *timer))
{
    /* uv_now is the start of this turn; a long turn must not make the timer fire early. */
    int64_t now_ms = (int64_t)((uv_hrtime() + (after_ms > 0 ? 999999 : 0)) / 1000000);
    if ((int64_t)uv_now(&loop->uv) > now_ms)
        now_ms = (int64_t)uv_now(&loop->uv);
    int64_t after = after_ms > 0 ? after_ms : 0;
    timer->fired = fired;
    heap_put(&loop->timers, &timer->node, after < INT64_MAX - now_ms ? now_ms + after : INT64_MAX);
}

void loop_timer_clear(struct loop *loop, struct loop_timer *timer)
{
    heap_remove(&loop->timers, &timer->node);
}

static void timers_run(struct loop *loop)
{
    uint64_t next_seq = loop->timers.next_seq; /* those set from here on wait for the next turn */
    for (struct heap_node *first; (first = heap_first(&loop->timers)) != NULL;) {
        if (first->at_ms > (int64_t)uv_now(&loop->uv) || first->seq >= next_seq)
            return;
        heap_remove(&loop->timers, first);
        struct loop_timer *timer = LIST_OWNER(first, struct loop_timer, node);
        timer->fired(timer);
        if (slice_is_over(loop))
            return;
    }
}

static int64_t nap_ms(const struct loop *loop, int64_t wait_ms)
{
    if (!list_is_empty(&loop->laters))
        return 0;
    const struct heap_node *first = heap_first(&loop->timers);
    int64_t ms = wait_ms < NAP_MAX_MS ? wait_ms : NAP_MAX_MS;
    if (first != NULL && first->at_ms - (int64_t)uv_now(&loop->uv) < ms)
        ms = first->at_ms - (int64_t)uv_now(&loop->uv);
    return ms > 0 ? ms : 0;
}

/* One poll of at most wait_ms and all that it made ready. */
static void loop_poll(struct loop *loop, int64_t wait_ms)
{
    uv_update_time(&loop->uv);
    int64_t nap = nap_ms(loop, wait_ms);
    if (nap > 0)
        uv_timer_start(&loop->alarm, alarm_rang, (uint64_t)nap, 0);
    loop->clock_stamp = UINT64_MAX;
    loop->polling = true;
    uv_run(&loop->uv, nap > 0 ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    loop->polling = false;
    uv_timer_stop(&loop->alarm);
}

static void loop_turn(struct loop *loop, int64_t wait_ms)
{
    loop_poll(loop, wait_ms);
    slice_begin(loop);
    timers_run(loop);
    laters_run(loop);
}

/* What came in meanwhile goes along, as long as there is more and it does not become for ever: the caller commits once
 * for all of it, and each commit waits for the disk. Where somebody waits for the caller, one look is enough. */
static void loop_drain(struct loop *loop)
{
    int n_polls = loop->slice_ms == INT64_MAX ? DRAIN_POLLS_MAX : 1;
    for (int i = 0; i < n_polls && loop->reported; i++) {
        loop->reported = false;
        loop_poll(loop, 0);
        laters_run(loop);
    }
}

void loop_wait(struct loop *loop, int64_t until_ms)
{
    CHECK(!loop->waiting);
    loop->waiting = true;
    loop->reported = false;
    int64_t now_ms = clock_wall_ms(&clock_system);
    do {
        loop_turn(loop, until_ms > now_ms ? until_ms - now_ms : 0);
        now_ms = clock_wall_ms(&clock_system);
    } while (!loop->reported && !atomic_load(&loop->woken) && now_ms < until_ms);
    loop_drain(loop);
    atomic_store(&loop->woken, false);
    loop->waiting = false;
}

static void signal_came(int signum)
{
    struct loop *loop = atomic_load(&signal_loop);
    if (signum == SIGHUP)
        atomic_fetch_add(&n_hups, 1);
    else if (atomic_fetch_add(&n_stops, 1) >= 1)
        _exit(128 + signum); /* at once, even when the loop hangs in a call */
    if (loop != NULL)
        uv_async_send(&loop->waker);
}

void loop_catch_signals(struct loop *loop)
{
    CHECK(atomic_load(&signal_loop) == NULL);
    atomic_store(&n_stops, 0);
    atomic_store(&n_hups, 0);
    atomic_store(&signal_loop, loop);
    loop->has_signals = true;
    struct sigaction action = {.sa_handler = signal_came, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < 3; i++)
        CHECK(sigaction(caught_signals[i], &action, &loop->before[i]) == 0);
}

/* SIGHUP stays harmless: it must not end at its last step a run that it did not end before. */
static void signals_drop(struct loop *loop)
{
    if (loop->has_signals && loop->before[2].sa_handler == SIG_DFL)
        loop->before[2].sa_handler = SIG_IGN;
    for (int i = 0; i < 3 && loop->has_signals; i++)
        CHECK(sigaction(caught_signals[i], &loop->before[i], NULL) == 0);
    if (loop->has_signals)
        atomic_store(&signal_loop, NULL);
    loop->has_signals = false;
}

int loop_n_stops(const struct loop *loop)
{
    return loop->has_signals ? atomic_load(&n_stops) : 0;
}

int loop_n_hups(const struct loop *loop)
{
    return loop->has_signals ? atomic_load(&n_hups) : 0;
}

static void things_cancel(struct loop *loop)
{
    for (struct list *link; (link = list_pop_front(&loop->things)) != NULL;) {
        struct loop_thing *thing = LIST_OWNER(link, struct loop_thing, link);
        thing->cancel(thing);
    }
}

void loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    CHECK(!loop->waiting);
    signals_drop(loop);
    uv_unref((uv_handle_t *)&loop->alarm);
    uv_unref((uv_handle_t *)&loop->waker);
    /* Work on the thread pool comes to its end here, and its done may start something once more. */
    for (things_cancel(loop); uv_loop_alive(&loop->uv); things_cancel(loop))
        loop_turn(loop, NAP_MAX_MS);
    uv_close((uv_handle_t *)&loop->alarm, NULL);
    uv_close((uv_handle_t *)&loop->waker, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop->uv) == 0);
    heap_fini(&loop->timers);
    mem_free(loop);
}

struct work {
    uv_work_t request;
    struct loop *loop;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

static void work_run(uv_work_t *request)
{
    struct work *work = request->data;
    work->work(work->arg);
}

static void work_ended(uv_work_t *request, int status)
{
    struct work *work = request->data;
    (void)status; /* never cancelled */
    loop_report(work->loop);
    work->done(work->arg);
    mem_free(work);
}

void loop_work(struct loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
    struct work *w = NEW(struct work);
    *w = (struct work){.loop = loop, .work = work, .done = done, .arg = arg};
    w->request.data = w;
    CHECK(uv_queue_work(&loop->uv, &w->request, work_run, work_ended) == 0);
}

struct timer {
    struct loop_thing thing;
    struct loop_timer timer;
    struct loop *loop;
    void (*fired)(void *arg);
    void *arg;
};

static void timer_fired(struct loop_timer *inner)
{
    struct timer *timer = LIST_OWNER(inner, struct timer, timer);
    void (*fired)(void *arg) = timer->fired;
    void *arg = timer->arg;
    loop_report(timer->loop);
    timer_cancel(timer);
    fired(arg);
}

static void timer_drop(struct loop_thing *thing)
{
    timer_cancel(LIST_OWNER(thing, struct timer, thing));
}

struct timer *timer_start(struct loop *loop, int64_t after_ms, void (*fired)(void *arg), void *arg)
{
    struct timer *timer = NEW(struct timer);
    timer->loop = loop;
    timer->fired = fired;
    timer->arg = arg;
    loop_thing_add(loop, &timer->thing, timer_drop);
    loop_timer_set(loop, &timer->timer, after_ms, timer_fired);
    return timer;
}

void timer_cancel(struct timer *timer)
{
    if (timer == NULL)
        return;
    loop_thing_remove(&timer->thing);
    loop_timer_clear(timer->loop, &timer->timer);
    mem_free(timer);
}

bool err_uv(struct err *err, int code, const char *fmt, ...)
{
    char context[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    if (code == UV_EOF)
        return err_set(err, ERR_AGAIN, "%s: connection closed by the peer", context);
    if (code == UV_ECANCELED)
        return err_set(err, ERR_AGAIN, "%s: cancelled", context);
    if (code == UV_EAI_NONAME || code == UV_EAI_NODATA)
        return err_set(err, ERR_ABSENT, "%s: no such host name", context);
    if (code <= UV_EAI_ADDRFAMILY && code >= UV_EAI_PROTOCOL)
        return err_set(err, ERR_AGAIN, "%s: %s", context, uv_strerror(code));
    return err_errno(err, -code, "%s", context);
}
