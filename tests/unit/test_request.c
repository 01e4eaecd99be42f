/* SEES: base crypto io store config acme dns-providers inventory authority dns renewal distribution monitoring leader */
#include "house_fixture.h"

#include "inventory/asks.h"
#include "leader/request.h"
#include "leader/request_desk.h"

static struct concerns concerns;
static struct request_desk *desk;
static struct concern front;

static const char *const shop[] = {"shop", NULL};
static const char *const shop_and_blog[] = {"shop", "blog", NULL};

static int64_t file(const struct leader_options *options)
{
    struct err err = {0};
    int64_t id = 0;
    must(request_file(&house, options, &id, &err), &err);
    return id;
}

static int64_t issue(const char *const *sets)
{
    const struct leader_options options = {
        .request = REQUEST_ISSUE, .only = sets, .forced = true, .patience_ms = MS_MINUTE};
    return file(&options);
}

static void leader_begins(void)
{
    static const struct leader_options all = {
        .renews = true, .delivers = true, .verifies = true, .patience_ms = 1000};
    if (house.loop == NULL)
        house.loop = loop_new();
    house.fencing++;
    concerns.asks = asks_new(NULL, ASK_RENEW | ASK_DELIVER | ASK_VERIFY, false, false, true);
    desk = request_desk_new(&house, &concerns, &all, true);
    front = request_desk_concern(desk);
}

/* Whether the leader died or went: what it had in memory is gone. */
static void leader_ends(void)
{
    request_desk_free(desk);
    asks_free(concerns.asks);
    desk = NULL;
    concerns.asks = NULL;
}

static int end(void **state)
{
    if (desk != NULL)
        leader_ends();
    loop_free(house.loop);
    house.loop = NULL;
    return house_remove(state);
}

static void collect(void)
{
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    must(front.collect(front.self, &err), &err);
    must(store_commit(house.store, &err), &err);
}

static void look_and_take(void)
{
    struct err err = {0};
    fixture_clock.wall_now_ms += 1000;
    fixture_clock.boot_now_ms += 1000;
    must(request_desk_look(desk, &err), &err);
    collect();
}

static struct request load(int64_t id)
{
    struct err err = {0};
    struct request request = {0};
    must(request_load(&house, id, &request, &err), &err);
    return request;
}

static bool is_done(int64_t id)
{
    struct request request = load(id);
    bool done = request.is_done;
    request_fini(&request);
    return done;
}

static void test_request_when_filed_then_the_row_says_all_of_it(void **state)
{
    (void)state;
    const struct leader_options options = {.request = REQUEST_RENEW,
                                           .only = shop_and_blog,
                                           .retries = true,
                                           .override_reason = "the shop is down",
                                           .patience_ms = 4711};
    struct request request = load(file(&options));
    assert_int_equal(request.kind, REQUEST_RENEW);
    assert_string_equal(request.sets[0], "shop");
    assert_string_equal(request.sets[1], "blog");
    assert_null(request.sets[2]);
    assert_false(request.forced);
    assert_true(request.retries);
    assert_string_equal(request.override_reason, "the shop is down");
    assert_int_equal(request.patience_ms, 4711);
    assert_int_equal(request.pid, getpid());
    assert_false(request.is_done);
    request_fini(&request);
}

static void test_desk_when_nothing_is_filed_then_it_is_not_busy_and_waits_for_nothing(void **state)
{
    (void)state;
    leader_begins();
    look_and_take();
    assert_false(front.is_busy(desk));
    assert_true(front.next_at_ms(desk) == INT64_MAX);
}

static void test_desk_when_requests_are_open_then_their_sets_are_asked_for_until_they_rest(
    void **state)
{
    (void)state;
    int64_t first = issue(shop), second = issue(shop);
    leader_begins();
    look_and_take();
    assert_true(front.is_busy(desk));
    assert_true(asks_by_hand(concerns.asks, "shop"));
    assert_false(asks_by_hand(concerns.asks, "blog"));
    struct request request = load(first);
    assert_int_equal(request.taken_by, house.fencing);
    request_fini(&request);
    /* Here no concern has anything to do: at rest is done, for both. */
    collect();
    assert_true(is_done(first));
    assert_true(is_done(second));
    assert_false(asks_by_hand(concerns.asks, "shop"));
    assert_false(front.is_busy(desk));
}

static void test_desk_when_the_leader_is_gone_then_the_next_takes_it_up_again(void **state)
{
    (void)state;
    int64_t id = issue(shop);
    leader_begins();
    look_and_take();
    leader_ends();
    leader_begins();
    look_and_take();
    assert_true(asks_force(concerns.asks, ASK_RENEW, "shop"));
    struct request request = load(id);
    assert_int_equal(request.taken_by, house.fencing);
    assert_false(request.is_done);
    request_fini(&request);
}

static void test_desk_when_it_was_issued_before_the_leader_died_then_it_is_not_forced_again(
    void **state)
{
    (void)state;
    set_put("shop", "names: [www.example.com]\n");
    refresh();
    issue(shop);
    certificate_bear("shop", fixture_clock.wall_now_ms - MS_DAY,
                     fixture_clock.wall_now_ms + MS_DAY);
    leader_begins();
    look_and_take();
    assert_true(asks_want(concerns.asks, ASK_RENEW, "shop"));
    assert_false(asks_force(concerns.asks, ASK_RENEW, "shop"));
    leader_ends();
    /* Who asks now wants another. */
    issue(shop);
    leader_begins();
    look_and_take();
    assert_true(asks_force(concerns.asks, ASK_RENEW, "shop"));
}

static void test_desk_when_the_kind_is_unknown_then_it_is_left_alone(void **state)
{
    (void)state;
    int64_t id = issue(shop);
    sql_run("UPDATE request SET kind = 'of-a-newer-program'");
    leader_begins();
    look_and_take();
    collect();
    assert_false(is_done(id));
    assert_false(front.is_busy(desk));
}

static void test_result_when_a_certificate_came_since_then_it_counts_and_older_ones_do_not(
    void **state)
{
    (void)state;
    struct err err = {0};
    struct leader_result result;
    int64_t now_ms = fixture_clock.wall_now_ms;
    set_put("shop", "names: [www.example.com]\n");
    refresh();
    certificate_bear("shop", now_ms - MS_DAY, now_ms + 80 * MS_DAY);
    int64_t id = issue(shop);
    struct request request = load(id);
    must(request_result(&house, &request, &result, &err), &err);
    assert_int_equal(result.renewal.n_issued, 0);
    certificate_bear("shop", now_ms - MS_DAY, now_ms + 80 * MS_DAY);
    event_write(&house, EVENT_DEPLOY_DONE, "shop", 0, "to a target");
    event_write(&house, EVENT_DEPLOY_DONE, "blog", 0, "of another set");
    must(request_result(&house, &request, &result, &err), &err);
    assert_int_equal(result.renewal.n_issued, 1);
    assert_int_equal(result.distribution.n_done, 1);
    assert_int_equal(result.renewal.n_failed, 0);
    request_fini(&request);
}

static void test_result_when_the_set_failed_since_then_it_is_told_with_its_kind(void **state)
{
    (void)state;
    struct err err = {0};
    struct leader_result result;
    set_put("shop", "names: [www.example.com]\n");
    refresh();
    struct request request = load(issue(shop));
    event_write(&house, EVENT_ORDER_FAILED, "shop", 0, "no quota");
    sql_run("UPDATE domain_set SET n_failures = 1, failure_kind = 'throttled', why = 'retry', "
            "next_at_ms = 1924992000000");
    must(request_result(&house, &request, &result, &err), &err);
    assert_int_equal(result.renewal.n_failed, 1);
    assert_int_equal(result.renewal.n_undone, 1);
    assert_int_equal(result.renewal.n_throttled, 1);
    assert_true(result.renewal.throttled_until_ms == INT64_C(1924992000000));
    request_fini(&request);
}

#define T(name) cmocka_unit_test_setup_teardown(name, house_make, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_request_when_filed_then_the_row_says_all_of_it),
        T(test_desk_when_nothing_is_filed_then_it_is_not_busy_and_waits_for_nothing),
        T(test_desk_when_requests_are_open_then_their_sets_are_asked_for_until_they_rest),
        T(test_desk_when_the_leader_is_gone_then_the_next_takes_it_up_again),
        T(test_desk_when_it_was_issued_before_the_leader_died_then_it_is_not_forced_again),
        T(test_desk_when_the_kind_is_unknown_then_it_is_left_alone),
        T(test_result_when_a_certificate_came_since_then_it_counts_and_older_ones_do_not),
        T(test_result_when_the_set_failed_since_then_it_is_told_with_its_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
