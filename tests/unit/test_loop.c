/* SEES: base io */
#include "io/loop_uv.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t wall(void)
{
    return clock_wall_ms(&clock_system);
}

static int n_descriptors(void)
{
    int n = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder) != NULL)
        n++;
    closedir(folder);
    return n;
}

struct note {
    char text[64];
    size_t len;
};
struct mark {
    struct note *note;
    char letter;
};

static void mark_down(void *arg)
{
    struct mark *mark = arg;
    mark->note->text[mark->note->len++] = mark->letter;
}

static void test_wait_when_nothing_happens_then_ends_at_the_deadline(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    int64_t start = wall();
    loop_wait(loop, start + 50);
    int64_t took = wall() - start;
    assert_in_range(took, 50, 1000);
    start = wall();
    loop_wait(loop, start - 1);
    loop_wait(loop, INT64_MIN);
    assert_in_range(wall() - start, 0, 500);
    loop_free(loop);
}

static void test_timers_when_due_together_then_fire_in_order(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct note note = {{0}, 0};
    struct mark a = {&note, 'a'}, b = {&note, 'b'}, c = {&note, 'c'}, d = {&note, 'd'};
    timer_start(loop, 300, mark_down, &c);
    timer_start(loop, 0, mark_down, &a);
    struct timer *never = timer_start(loop, 0, mark_down, &d);
    timer_start(loop, 0, mark_down, &b);
    timer_cancel(never);
    timer_cancel(NULL);
    assert_int_equal(note.len, 0); /* never from inside the starting call */
    loop_wait(loop, INT64_MAX);
    assert_string_equal(note.text, "ab");
    loop_wait(loop, INT64_MAX);
    assert_string_equal(note.text, "abc");
    loop_free(loop);
}

struct again {
    struct loop *loop;
    int n;
};

static void start_again(void *arg)
{
    struct again *again = arg;
    again->n++;
    timer_start(again->loop, 0, start_again, again);
}

static void test_timer_when_it_starts_itself_then_the_wait_still_ends(void **state)
{
    (void)state;
    struct again again = {loop_new(), 0};
    timer_start(again.loop, 0, start_again, &again);
    loop_wait(again.loop, INT64_MAX);
    assert_int_equal(again.n, 1);
    loop_wait(again.loop, INT64_MAX);
    assert_int_equal(again.n, 2);
    loop_free(again.loop); /* frees the third */
}

static void test_clock_when_the_loop_waited_then_callbacks_see_the_new_time(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct note note = {{0}, 0};
    struct mark a = {&note, 'a'};
    int64_t before = clock_wall_ms(loop_clock(loop)), boot = clock_boot_ms(loop_clock(loop));
    timer_start(loop, 60, mark_down, &a);
    loop_wait(loop, INT64_MAX);
    assert_in_range(clock_wall_ms(loop_clock(loop)) - before, 59, 5000);
    assert_in_range(clock_boot_ms(loop_clock(loop)) - boot, 59, 5000);
    assert_in_range(wall() - clock_wall_ms(loop_clock(loop)), 0, 1000);
    loop_free(loop);
}

static void test_clock_when_a_turn_takes_long_then_the_boot_clock_goes_on_and_the_wall_clock_stays(
    void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    const struct clock *clock = loop_clock(loop);
    int64_t wall_ms = clock_wall_ms(clock), boot_ms = clock_boot_ms(clock);
    nanosleep(&(struct timespec){.tv_nsec = 30 * 1000 * 1000}, NULL);
    assert_int_equal(clock_wall_ms(clock), wall_ms);
    assert_true(clock_boot_ms(clock) >= boot_ms + 29);
    loop_free(loop);
}

static void *wake_soon(void *arg)
{
    usleep(30000);
    loop_wake(arg);
    return NULL;
}

static void test_wait_when_another_thread_wakes_it_then_returns(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    pthread_t thread;
    int64_t start = wall();
    assert_int_equal(pthread_create(&thread, NULL, wake_soon, loop), 0);
    loop_wait(loop, start + 20000);
    pthread_join(thread, NULL);
    assert_in_range(wall() - start, 0, 10000);
    loop_wake(loop); /* kept for the next wait */
    loop_wait(loop, start + 20000);
    assert_in_range(wall() - start, 0, 10000);
    start = wall();
    loop_wait(loop, start + 30); /* and not for the one after */
    assert_in_range(wall() - start, 30, 10000);
    loop_free(loop);
}

struct sum {
    pthread_t where, told;
    int n, doubled;
};

static void sum_work(void *arg)
{
    struct sum *sum = arg;
    sum->where = pthread_self();
    sum->doubled = 2 * sum->n;
}

static void sum_done(void *arg)
{
    struct sum *sum = arg;
    sum->told = pthread_self();
}

static void test_work_when_queued_then_runs_elsewhere_and_reports_here(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct sum sum = {.n = 21};
    loop_work(loop, sum_work, sum_done, &sum);
    while (sum.told == 0)
        loop_wait(loop, wall() + 5000);
    assert_int_equal(sum.doubled, 42);
    assert_true(pthread_equal(sum.told, pthread_self()));
    assert_false(pthread_equal(sum.where, pthread_self()));
    loop_free(loop);
}

static void test_work_when_the_loop_is_freed_then_it_is_finished_first(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct sum sums[20] = {{0}};
    for (int i = 0; i < 20; i++) {
        sums[i].n = i;
        loop_work(loop, sum_work, sum_done, &sums[i]);
    }
    loop_free(loop);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(sums[i].doubled, 2 * i);
        assert_true(sums[i].told != 0);
    }
}

struct thing {
    struct loop_thing thing;
    uv_timer_t handle;
    struct note *note;
};

static void thing_closed(uv_handle_t *handle)
{
    struct thing *thing = handle->data;
    thing->note->text[thing->note->len++] = 'x';
    mem_free(thing);
}

static void thing_cancel(struct loop_thing *t)
{
    struct thing *thing = LIST_OWNER(t, struct thing, thing);
    thing->note->text[thing->note->len++] = 'c';
    uv_close((uv_handle_t *)&thing->handle, thing_closed);
}

static void handle_fired(uv_timer_t *handle)
{
    struct thing *thing = handle->data;
    thing->note->text[thing->note->len++] = 'f';
}

static void test_loop_when_freed_then_its_things_are_cancelled_and_no_descriptor_is_left(
    void **state)
{
    (void)state;
    loop_free(loop_new()); /* libuv keeps a pipe of its own from the first loop on */
    loop_free(NULL);
    int before = n_descriptors();
    struct loop *loop = loop_new();
    struct note note = {{0}, 0};
    struct mark m = {&note, 't'};
    struct thing *thing = NEW(struct thing);
    thing->note = &note;
    uv_timer_init(loop_uv(loop), &thing->handle);
    thing->handle.data = thing;
    uv_timer_start(&thing->handle, handle_fired, 60000, 0);
    loop_thing_add(loop, &thing->thing, thing_cancel);
    timer_start(loop, 60000, mark_down, &m);
    assert_true(n_descriptors() > before);
    loop_free(loop);
    assert_string_equal(note.text, "cx");
    assert_int_equal(n_descriptors(), before);
}

static void later_run(struct loop_later *later)
{
    later->run = NULL;
}

static void test_later_when_put_off_then_runs_inside_the_wait_only_once(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct loop_later one = {0}, cleared = {0};
    loop_later(loop, &one, later_run);
    loop_later(loop, &cleared, later_run);
    loop_later_clear(&cleared);
    assert_non_null(one.run);
    loop_wait(loop, 0);
    assert_null(one.run);
    assert_non_null(cleared.run);
    assert_false(list_is_linked(&one.link));
    loop_free(loop);
}

static struct loop *sliced;
static struct note late;

struct slow {
    struct loop_later later;
    char letter;
};

/* Longer than any slice here; the first one puts another off. */
static void slow_run(struct loop_later *later)
{
    struct slow *slow = LIST_OWNER(later, struct slow, later);
    static struct slow d = {.letter = 'd'};
    late.text[late.len++] = slow->letter;
    if (slow->letter == 'a')
        loop_later(sliced, &d.later, slow_run);
    nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
}

static void slows_put_off(struct slow slows[3], int64_t slice_ms)
{
    sliced = loop_new();
    late = (struct note){{0}, 0};
    loop_set_slice(sliced, slice_ms);
    for (size_t i = 0; i < 3; i++)
        loop_later(sliced, &slows[i].later, slow_run);
}

static void test_slice_when_used_up_then_the_rest_is_for_the_next_wait_in_order(void **state)
{
    (void)state;
    static const char *const after[] = {"a", "ab", "abc", "abcd"};
    struct slow slows[] = {{.letter = 'a'}, {.letter = 'b'}, {.letter = 'c'}};
    slows_put_off(slows, 0);
    for (size_t i = 0; i < 4; i++) {
        loop_wait(sliced, wall()); /* one turn */
        assert_string_equal(late.text, after[i]);
    }
    loop_free(sliced);
}

static void test_slice_when_taken_back_then_one_wait_runs_all(void **state)
{
    (void)state;
    struct slow slows[] = {{.letter = 'x'}, {.letter = 'y'}, {.letter = 'z'}};
    slows_put_off(slows, 1);
    loop_wait(sliced, wall());
    assert_string_equal(late.text, "x");
    loop_set_slice(sliced, INT64_MAX);
    loop_wait(sliced, wall());
    assert_string_equal(late.text, "xyz");
    loop_free(sliced);
}

static void mark_slowly(void *arg)
{
    mark_down(arg);
    nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
}

static void test_slice_when_timers_are_due_together_then_no_wait_sleeps_before_all_fired(
    void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct note note = {{0}, 0};
    struct mark marks[] = {{&note, 'a'}, {&note, 'b'}, {&note, 'c'}};
    loop_set_slice(loop, 2);
    for (size_t i = 0; i < 3; i++)
        timer_start(loop, 0, mark_slowly, &marks[i]);
    for (size_t i = 1; i <= 3; i++) {
        loop_wait(loop, INT64_MAX); /* would sleep for ever */
        assert_int_equal(note.len, i);
    }
    assert_string_equal(note.text, "abc");
    loop_free(loop);
}

static void test_signals_when_sent_then_counted_and_put_back(void **state)
{
    (void)state;
    struct sigaction before, after;
    sigaction(SIGTERM, NULL, &before);
    struct loop *loop = loop_new();
    loop_catch_signals(loop);
    assert_int_equal(loop_n_stops(loop), 0);
    int64_t start = wall();
    kill(getpid(), SIGHUP);
    loop_wait(loop, start + 20000);
    assert_int_equal(loop_n_hups(loop), 1);
    assert_int_equal(loop_n_stops(loop), 0);
    kill(getpid(), SIGTERM);
    loop_wait(loop, start + 20000);
    assert_in_range(wall() - start, 0, 10000);
    assert_int_equal(loop_n_stops(loop), 1);
    loop_free(loop);
    sigaction(SIGTERM, NULL, &after);
    assert_ptr_equal(before.sa_handler, after.sa_handler);
    kill(getpid(), SIGHUP); /* harmless also now */
}

static void test_signal_when_it_comes_twice_then_the_process_exits_at_once(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct loop *loop = loop_new();
        loop_catch_signals(loop);
        raise(SIGTERM);
        raise(SIGINT);
        _exit(99); /* a hanging call, seen from the loop */
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 128 + SIGINT);
}

static void test_uv_error_when_told_then_kind_fits(void **state)
{
    (void)state;
    struct err err;
    assert_false(err_uv(&err, UV_ECONNREFUSED, "connect to %s", "192.0.2.1"));
    assert_int_equal(err.kind, ERR_AGAIN);
    assert_string_equal(err.text, "connect to 192.0.2.1: Connection refused");
    assert_false(err_uv(&err, UV_EOF, "read"));
    assert_int_equal(err.kind, ERR_AGAIN);
    assert_false(err_uv(&err, UV_EAI_NONAME, "host.invalid"));
    assert_int_equal(err.kind, ERR_ABSENT);
    assert_false(err_uv(&err, UV_EAI_AGAIN, "host.invalid"));
    assert_int_equal(err.kind, ERR_AGAIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait_when_nothing_happens_then_ends_at_the_deadline),
        cmocka_unit_test(test_timers_when_due_together_then_fire_in_order),
        cmocka_unit_test(test_timer_when_it_starts_itself_then_the_wait_still_ends),
        cmocka_unit_test(test_clock_when_the_loop_waited_then_callbacks_see_the_new_time),
        cmocka_unit_test(
            test_clock_when_a_turn_takes_long_then_the_boot_clock_goes_on_and_the_wall_clock_stays),
        cmocka_unit_test(test_wait_when_another_thread_wakes_it_then_returns),
        cmocka_unit_test(test_work_when_queued_then_runs_elsewhere_and_reports_here),
        cmocka_unit_test(test_work_when_the_loop_is_freed_then_it_is_finished_first),
        cmocka_unit_test(
            test_loop_when_freed_then_its_things_are_cancelled_and_no_descriptor_is_left),
        cmocka_unit_test(test_later_when_put_off_then_runs_inside_the_wait_only_once),
        cmocka_unit_test(test_slice_when_used_up_then_the_rest_is_for_the_next_wait_in_order),
        cmocka_unit_test(test_slice_when_taken_back_then_one_wait_runs_all),
        cmocka_unit_test(
            test_slice_when_timers_are_due_together_then_no_wait_sleeps_before_all_fired),
        cmocka_unit_test(test_signals_when_sent_then_counted_and_put_back),
        cmocka_unit_test(test_signal_when_it_comes_twice_then_the_process_exits_at_once),
        cmocka_unit_test(test_uv_error_when_told_then_kind_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
