/* SEES: base crypto io store config acme dns-providers inventory */
#include "house_fixture.h"

static void chain_is_whole(int64_t n_expected)
{
    struct err err = {0};
    int64_t n = -1;
    must(event_chain_check(&house, &n, &err), &err);
    assert_int_equal(n, n_expected);
}

static void test_event_when_written_then_log_and_history_say_the_same(void **state)
{
    (void)state;
    int fd = open(scratch("log"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    house.log = log_new(fd, LOG_LEVEL_DEBUG, false, house.clock);
    assert_true(event_write(&house, EVENT_ORDER_RETRY, "shop", 17, "CA %s: %d", "one", 503));
    log_free(house.log);
    house.log = NULL;
    close(fd);
    has_words(scratch_get("log"), "order.retry set=shop order=17 CA one: 503");
    assert_string_equal(
        sql_text("SELECT level || '|' || event || '|' || set_name || '|' || order_id || '|' || text"
                 " FROM event"),
        "warning|order.retry|shop|17|CA one: 503");
    assert_int_equal(sql_int(0, "SELECT at_ms FROM event"), fixture_clock.wall_now_ms);
}

static void test_event_when_inside_a_transaction_then_it_goes_with_it(void **state)
{
    (void)state;
    struct err err = {0};
    must(store_begin(house.store, &err), &err);
    assert_true(event_write(&house, EVENT_SET_NEW, "a", 0, "one"));
    store_rollback(house.store);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM event"), 0);
    must(store_begin(house.store, &err), &err);
    assert_true(event_write(&house, EVENT_SET_NEW, "a", 0, "one"));
    must(store_commit(house.store, &err), &err);
    chain_is_whole(1);
}

static void test_event_when_there_is_neither_set_nor_order_then_both_are_null(void **state)
{
    (void)state;
    assert_true(event_write(&house, EVENT_STORE_TROUBLE, NULL, 0, "full"));
    assert_int_equal(sql_int(0, "SELECT set_name IS NULL AND order_id IS NULL FROM event"), 1);
    chain_is_whole(1);
}

static void test_event_when_the_text_is_long_or_wild_then_the_row_is_short_and_plain(void **state)
{
    (void)state;
    AUTO(mem_fini)
    char *text = mem_new(9000, 1);
    memset(text, 'x', 8999);
    memcpy(text, "\x1b[31m\n\xff", 7);
    assert_true(event_write(&house, EVENT_SET_BROKEN, "a", 0, "%s", text));
    assert_int_equal(sql_int(0, "SELECT length(CAST(text AS BLOB)) FROM event"), 1024);
    has_words(sql_text("SELECT text FROM event"), "\\x1b[31m\\x0a\\xffxxx");
    chain_is_whole(1);
}

static void test_chain_when_a_row_is_altered_then_the_first_that_does_not_fit_is_named(void **state)
{
    (void)state;
    static const char *const tampering[] = {
        "UPDATE event SET text = 'nothing happened' WHERE id = 3",
        "UPDATE event SET set_name = 'b' WHERE id = 3",
        "UPDATE event SET at_ms = at_ms + 1 WHERE id = 3",
        "UPDATE event SET level = 'info' WHERE id = 3",
        "UPDATE event SET event = 'set.new' WHERE id = 3",
        "UPDATE event SET order_id = 4 WHERE id = 3",
        "DELETE FROM event WHERE id = 2",
    };
    for (size_t i = 0; i < sizeof tampering / sizeof tampering[0]; i++) {
        struct err err = {0};
        int64_t n = -1;
        sql_run("DELETE FROM event");
        for (int j = 0; j < 5; j++)
            assert_true(event_write(&house, EVENT_DEPLOY_FAILED, "a", 3, "try %d", j));
        chain_is_whole(5);
        sql_run(tampering[i]);
        assert_false(event_chain_check(&house, &n, &err));
        assert_int_equal(n, -1);
        assert_int_equal(err.kind, ERR_BROKEN);
        has_words(err.text, "row 3");
    }
}

static void test_event_when_the_store_refuses_then_the_log_still_speaks(void **state)
{
    (void)state;
    int fd = open(scratch("log"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    house.log = log_new(fd, LOG_LEVEL_DEBUG, false, house.clock);
    sql_run("DROP TABLE event");
    assert_false(event_write(&house, EVENT_STORE_TROUBLE, NULL, 0, "the disk is full"));
    has_words(scratch_get("log"), "the disk is full");
    assert_false(store_in_transaction(house.store));
    log_free(house.log);
    house.log = NULL;
    close(fd);
}

struct said {
    char text[2048];
    bool is_end, is_fault;
};

static void said_take(void *arg, const struct progress_note *note)
{
    struct said *said = arg;
    snprintf(said->text, sizeof said->text, "%s/%s/%s", note->set, note->stage, note->text);
    said->is_end = note->is_end;
    said->is_fault = note->is_fault;
}

static void test_say_when_somebody_listens_then_the_note_reaches_him(void **state)
{
    (void)state;
    struct said said = {0};
    house_say(&house, "shop", "dns", "nobody listens");
    house.progress = (struct progress){said_take, &said};
    house_say(&house, "shop", "dns", "waiting for %d servers", 2);
    assert_string_equal(said.text, "shop/dns/waiting for 2 servers");
    assert_false(said.is_end);
    house_say_end(&house, "shop", "order", true, "failed");
    assert_string_equal(said.text, "shop/order/failed");
    assert_true(said.is_end && said.is_fault);
}

static void test_document_when_written_then_every_event_has_its_line(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf out = BUF(64 * 1024);
    event_document(&out);
    for (int id = 0; id < EVENT_N; id++) {
        AUTO(mem_fini)
        char *row = mem_printf("| `%s` | %s | ", event_name((enum event_id)id),
                               log_level_name(event_level((enum event_id)id)));
        has_words(buf_cstr(&out), row);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, house_make, house_remove)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_event_when_written_then_log_and_history_say_the_same),
        TEST(test_event_when_inside_a_transaction_then_it_goes_with_it),
        TEST(test_event_when_there_is_neither_set_nor_order_then_both_are_null),
        TEST(test_event_when_the_text_is_long_or_wild_then_the_row_is_short_and_plain),
        TEST(test_chain_when_a_row_is_altered_then_the_first_that_does_not_fit_is_named),
        TEST(test_event_when_the_store_refuses_then_the_log_still_speaks),
        TEST(test_say_when_somebody_listens_then_the_note_reaches_him),
        TEST(test_document_when_written_then_every_event_has_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
