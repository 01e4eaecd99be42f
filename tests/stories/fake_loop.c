/* lib/io/loop.h in virtual time. */
#include "world.h"

enum { WAITS_MAX = 200000, WORK_MS = 300 };

struct loop {
    struct clock clock;
    bool is_woken;
    bool has_slices;
};

static int64_t clock_wall(const struct clock *clock)
{
    (void)clock;
    return world_wall_ms();
}

static int64_t clock_boot(const struct clock *clock)
{
    (void)clock;
    return world.now_ms - world.started_at_ms + MS_HOUR;
}

struct loop *loop_new(void)
{
    struct loop *loop = NEW(struct loop);
    loop->clock = (struct clock){clock_wall, clock_boot};
    return loop;
}

const struct clock *loop_clock(const struct loop *loop)
{
    return &loop->clock;
}

/* Nothing here takes time: a slice is one event. */
void loop_set_slice(struct loop *loop, int64_t slice_ms)
{
    loop->has_slices = slice_ms != INT64_MAX;
}

void loop_wake(struct loop *loop)
{
    loop->is_woken = true;
}

void loop_catch_signals(struct loop *loop)
{
    (void)loop;
}

int loop_n_stops(const struct loop *loop)
{
    (void)loop;
    return world.n_stops;
}

int loop_n_hups(const struct loop *loop)
{
    (void)loop;
    return 0;
}

/* What became ready while others happened waits for the next call, so that a program that answers at once gets its turn. */
static void happen_all(uint64_t before_seq, int64_t most)
{
    for (int64_t n = 1; n <= most; n++) {
        struct heap_node *first = heap_first(&world.events);
        if (first == NULL || first->at_ms > world.now_ms || first->seq >= before_seq ||
            world.is_killed)
            return;
        heap_remove(&world.events, first);
        struct event *event = LIST_OWNER(first, struct event, node);
        if (n > world.most_at_once)
            world.most_at_once = n;
        event->happen(event);
    }
}

static bool wait_is_sane(const struct heap_node *first, int64_t until_ms)
{
    if (++world.n_waits > WAITS_MAX)
        world_wrong("the run turns for ever");
    if (first == NULL && until_ms == INT64_MAX)
        world_wrong("the run waits for nothing");
    if (world.now_ms > world.give_up_at_ms)
        world_wrong("the run does not end");
    return world.wrong[0] == '\0';
}

/* Who waits for the dead store to come back shall give up; world_wake sets the time right again. */
static void dead_wait(int64_t until_ms)
{
    if (until_ms != INT64_MAX && until_ms - world.skew_ms > world.now_ms)
        world.now_ms = until_ms - world.skew_ms;
}

/* A story that went wrong ends like a kill: everything unwinds. */
void loop_wait(struct loop *loop, int64_t until_ms)
{
    struct heap_node *first = heap_first(&world.events);
    if (world.is_killed) {
        dead_wait(until_ms);
        return;
    }
    if (!wait_is_sane(first, until_ms)) {
        world_kill();
        return;
    }
    int64_t at_ms = until_ms == INT64_MAX ? INT64_MAX : until_ms - world.skew_ms;
    if (first != NULL && first->at_ms < at_ms)
        at_ms = first->at_ms;
    if (!loop->is_woken && at_ms > world.now_ms)
        world.now_ms = at_ms;
    loop->is_woken = false;
    happen_all(world.events.next_seq, loop->has_slices ? 1 : INT64_MAX);
}

/* ---- timers ---- */

struct timer {
    struct event event;
    void (*fired)(void *arg);
    void *arg;
};

static void timer_happens(struct event *event)
{
    struct timer *timer = (struct timer *)event;
    void (*fired)(void *arg) = timer->fired;
    void *arg = timer->arg;
    mem_free(timer);
    fired(arg);
}

struct timer *timer_start(struct loop *loop, int64_t after_ms, void (*fired)(void *arg), void *arg)
{
    struct timer *timer = NEW(struct timer);
    (void)loop;
    timer->event.happen = timer_happens;
    timer->fired = fired;
    timer->arg = arg;
    world_later(&timer->event, after_ms);
    return timer;
}

void timer_cancel(struct timer *timer)
{
    if (timer == NULL)
        return;
    world_cancel(&timer->event);
    mem_free(timer);
}

/* ---- work ---- */

struct work {
    struct event event;
    void (*done)(void *arg);
    void *arg;
};

static void work_done(struct event *event)
{
    struct work *work = (struct work *)event;
    void (*done)(void *arg) = work->done;
    void *arg = work->arg;
    mem_free(work);
    done(arg);
}

void loop_work(struct loop *loop, void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
    struct work *work = NEW(struct work);
    (void)loop;
    work->event.happen = work_done;
    work->done = done;
    work->arg = arg;
    run(arg);
    world_later(&work->event, WORK_MS);
}

/* Work cannot be cancelled: who gave it up waits for its end. */
void loop_free(struct loop *loop)
{
    for (;;) {
        struct heap_node *first = heap_first(&world.events);
        struct event *event = first != NULL ? LIST_OWNER(first, struct event, node) : NULL;
        if (event == NULL || event->happen != work_done)
            break;
        world_cancel(event);
        work_done(event);
    }
    mem_free(loop);
}
