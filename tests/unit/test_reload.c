/* SEES: base crypto io store config acme dns-providers inventory authority dns renewal distribution monitoring leader */
#include "house_fixture.h"

#include "leader/reload.h"

#include <signal.h>

/* What the hooks saw. */
static struct {
    int n_begun, n_ended, n_swapped;
    bool is_refused;
    char text[2048];
} seen;

static void begun(void *arg)
{
    (void)arg;
    seen.n_begun++;
}

static void swapped(void *arg, const struct config *before, struct buf *ret_kept)
{
    (void)arg;
    assert_ptr_not_equal(before, house.config);
    assert_non_null(before->fingerprint);
    buf_add_cstr(ret_kept, "face: stays as it was: no such file\n");
    seen.n_swapped++;
}

static void ended(void *arg, bool is_refused, const char *text)
{
    (void)arg;
    seen.n_ended++;
    seen.is_refused = is_refused;
    snprintf(seen.text, sizeof seen.text, "%s", text);
}

static const struct reload_hooks hooks = {NULL, begun, swapped, ended};

static struct reload *reload_of_house(void)
{
    memset(&seen, 0, sizeof seen);
    return reload_new(&house, &hooks);
}

static void main_put(const char *text)
{
    unlink(scratch("chancery.yaml"));
    scratch_put("chancery.yaml", text, 0644);
}

static void later(int64_t ms)
{
    clock_manual_advance(&fixture_clock, ms);
}

/* Asks, waits until it is due, loads, applies. */
static bool reloaded(struct reload *r, bool leads)
{
    struct err err = {0};
    reload_ask(r);
    later(60 * 1000);
    assert_true(reload_is_due(r));
    if (!reload_load(r, leads))
        return false;
    must(reload_apply(r, leads, &err), &err);
    return true;
}

static void test_reload_when_nothing_changed_then_nothing_is_written(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\n");
    refresh();
    struct reload *r = reload_of_house();
    struct config *before = house.config;
    int64_t commits = store_n_commits(house.store);
    assert_false(reloaded(r, true));
    assert_ptr_equal(house.config, before);
    assert_int_equal(store_n_commits(house.store), commits);
    assert_int_equal(seen.n_begun, 1);
    assert_int_equal(seen.n_ended, 1);
    assert_false(seen.is_refused);
    has_words(seen.text, "nothing was changed");
    reload_free(r);
}

static void test_reload_when_the_main_file_changed_then_all_of_it_is_in_force(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\n");
    refresh();
    struct reload *r = reload_of_house();
    main_put(FIXTURE_YAML "dnssec: {check: false}\n");
    set_put("mail", "names: mail.example.com\n");
    assert_true(house.config->dnssec.check);
    assert_true(reloaded(r, true));
    assert_false(house.config->dnssec.check);
    assert_int_equal(seen.n_swapped, 1);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM domain_set"), 2);
    assert_string_equal(sql_text("SELECT value FROM meta WHERE name = 'config'"),
                        house.config->fingerprint);
    assert_int_equal(n_events("config.taken"), 1);
    has_words(seen.text, "2 sets, 1 changed, 0 removed, 0 broken");
    has_words(sql_text("SELECT text FROM event WHERE event = 'config.kept'"),
              "face: stays as it was: no such file");
    assert_false(reloaded(r, true));
    reload_free(r);
}

static void test_reload_when_the_main_file_is_broken_then_nothing_of_it_is_taken(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\n");
    refresh();
    struct reload *r = reload_of_house();
    struct config *before = house.config;
    main_put(FIXTURE_YAML "dnssec: {check: false, chek: true}\nunheard: 1\n");
    set_put("mail", "names: mail.example.com\n");
    for (int i = 0; i < 5; i++)
        assert_false(reloaded(r, true));
    assert_ptr_equal(house.config, before);
    assert_true(house.config->dnssec.check);
    assert_int_equal(seen.n_swapped, 0);
    assert_int_equal(seen.n_ended, 5);
    assert_true(seen.is_refused);
    has_words(seen.text, "chancery.yaml:9:");
    has_words(seen.text, "chek");
    has_words(seen.text, "stays in force");
    has_words(seen.text, "and 1 more");
    assert_int_equal(n_events("config.refused"), 1);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM domain_set"), 1);
    /* Mended, it is taken up; broken again in the same way, it is told again. */
    main_put(FIXTURE_YAML);
    assert_true(reloaded(r, true));
    assert_int_equal(sql_int(0, "SELECT count(*) FROM domain_set"), 2);
    main_put(FIXTURE_YAML "dnssec: {check: false, chek: true}\nunheard: 1\n");
    assert_false(reloaded(r, true));
    assert_int_equal(n_events("config.refused"), 2);
    reload_free(r);
}

static void test_reload_when_the_main_file_is_gone_then_the_old_stays(void **state)
{
    (void)state;
    struct reload *r = reload_of_house();
    struct config *before = house.config;
    unlink(scratch("chancery.yaml"));
    assert_false(reloaded(r, true));
    assert_ptr_equal(house.config, before);
    assert_true(seen.is_refused);
    has_words(seen.text, "there is no configuration at");
    reload_free(r);
}

static void test_reload_when_the_folder_of_sets_is_gone_then_no_set_is_removed(void **state)
{
    (void)state;
    set_put("shop", "names: www.example.com\n");
    refresh();
    struct reload *r = reload_of_house();
    struct config *before = house.config;
    main_put(FIXTURE_YAML "sets: elsewhere.d/*.yaml\n");
    assert_false(reloaded(r, true));
    assert_ptr_equal(house.config, before);
    assert_true(seen.is_refused);
    has_words(seen.text, "elsewhere.d");
    assert_int_equal(sql_int(0, "SELECT count(*) FROM domain_set WHERE removed_at_ms IS NOT NULL"),
                     0);
    reload_free(r);
}

static void test_reload_when_a_set_file_is_broken_then_it_costs_that_set(void **state)
{
    (void)state;
    set_put("a", "names: a.example.com\n");
    set_put("b", "names: b.example.com\n");
    refresh();
    struct reload *r = reload_of_house();
    struct config *before = house.config;
    set_put("a", "names: [a.example.com, x.example.com]\n");
    set_put("b", "names: [\n");
    assert_true(reloaded(r, true));
    assert_ptr_equal(house.config, before);
    assert_int_equal(seen.n_swapped, 0);
    assert_false(seen.is_refused);
    has_words(seen.text, "set files were changed; 2 sets, 2 changed, 0 removed, 1 broken");
    assert_int_equal(n_events("set.broken"), 1);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM set_name WHERE set_name = 'a'"), 2);
    set_drop("a");
    assert_true(reloaded(r, true));
    assert_int_equal(
        sql_int(0, "SELECT removed_at_ms IS NOT NULL FROM domain_set WHERE name = 'a'"), 1);
    reload_free(r);
}

static void test_reload_when_store_or_seal_changed_then_told_and_kept(void **state)
{
    (void)state;
    struct reload *r = reload_of_house();
    main_put("store: sqlite:other.db\n"
             "seal: file:other.key\n"
             "authorities:\n"
             "  one: {directory: https://one.example/dir, agree_tos: true}\n"
             "providers:\n"
             "  corp: {type: exec, zones: [example.com], argv: [/bin/true]}\n"
             "defaults: {authority: one}\n");
    assert_true(reloaded(r, true));
    assert_string_equal(house.config->store_path, scratch("c.db"));
    assert_string_equal(house.config->seal, "file:seal.key");
    assert_int_equal(house.config->n_authorities, 1);
    assert_int_equal(n_events("config.kept"), 3);
    has_words(sql_text("SELECT text FROM event WHERE event = 'config.kept'"), "store: stays ");
    has_words(sql_text("SELECT text FROM event WHERE event = 'config.kept'"),
              "c.db until chancery is restarted");
    reload_free(r);
}

static void test_reload_when_a_credential_file_changed_then_taken_up(void **state)
{
    (void)state;
    struct reload *r = reload_of_house();
    scratch_put("seal.key", "another", 0400);
    assert_true(reloaded(r, true));
    assert_int_equal(seen.n_swapped, 1);
    has_words(seen.text, "files it names were changed");
    assert_false(reloaded(r, true));
    reload_free(r);
}

static void test_standby_when_reloaded_then_the_register_is_left_to_who_leads(void **state)
{
    (void)state;
    refresh();
    struct reload *r = reload_of_house();
    char *known = mem_strdup(sql_text("SELECT value FROM meta WHERE name = 'config'"));
    set_put("shop", "names: www.example.com\n");
    assert_false(reloaded(r, false));
    main_put(FIXTURE_YAML "dnssec: {check: false}\n");
    assert_true(reloaded(r, false));
    assert_false(house.config->dnssec.check);
    assert_string_equal(sql_text("SELECT value FROM meta WHERE name = 'config'"), known);
    assert_int_equal(sql_int(0, "SELECT count(*) FROM domain_set"), 0);
    mem_free(known);
    reload_free(r);
}

static void test_reload_when_the_store_fails_then_the_wish_stands(void **state)
{
    (void)state;
    struct err err = {0};
    set_put("shop", "names: www.example.com\n");
    refresh();
    struct reload *r = reload_of_house();
    struct config *before = house.config;
    main_put(FIXTURE_YAML "dnssec: {check: false}\n");
    reload_ask(r);
    assert_true(reload_load(r, true));
    sql_run("ALTER TABLE meta RENAME TO meta_away");
    assert_false(reload_apply(r, true, &err));
    assert_int_equal(err.kind, ERR_STORE);
    assert_ptr_equal(house.config, before);
    assert_int_equal(n_events("config.refused"), 0);
    assert_false(reload_is_due(r));
    later(60 * 1000);
    assert_true(reload_is_due(r));
    assert_false(reload_load(r, true));
    sql_run("ALTER TABLE meta_away RENAME TO meta");
    later(60 * 1000);
    assert_true(reload_is_due(r));
    assert_true(reload_load(r, true));
    must(reload_apply(r, true, &err), &err);
    assert_false(house.config->dnssec.check);
    reload_free(r);
}

static void test_storm_when_it_does_not_end_then_reloads_come_seldomer(void **state)
{
    (void)state;
    struct err err = {0};
    struct reload *r = reload_of_house();
    int n_applied = 0;
    assert_int_equal(reload_next_at_ms(r), INT64_MAX);
    for (int64_t ms = 0; ms < 120 * 1000; ms += 100) {
        reload_ask(r);
        if (reload_is_due(r)) {
            main_put(n_applied % 2 == 0 ? FIXTURE_YAML "dnssec: {check: false}\n" : FIXTURE_YAML);
            assert_true(reload_load(r, true));
            must(reload_apply(r, true, &err), &err);
            assert_int_equal(house.config->dnssec.check, n_applied % 2);
            n_applied++;
        } else {
            assert_true(reload_next_at_ms(r) > fixture_clock.wall_now_ms);
            assert_true(reload_next_at_ms(r) <= fixture_clock.wall_now_ms + 8 * 1000);
        }
        later(100);
    }
    assert_in_range(n_applied, 12, 20);
    later(5 * 60 * 1000);
    reload_ask(r);
    assert_true(reload_is_due(r));
    main_put(n_applied % 2 == 0 ? FIXTURE_YAML "dnssec: {check: false}\n" : FIXTURE_YAML);
    assert_true(reload_load(r, true));
    must(reload_apply(r, true, &err), &err);
    reload_ask(r);
    assert_true(reload_next_at_ms(r) <= fixture_clock.wall_now_ms + 1000);
    reload_free(r);
}

static void test_hup_when_it_comes_then_a_reload_is_due_once(void **state)
{
    (void)state;
    const struct clock *clock = house.clock;
    house.loop = loop_new();
    house.clock = loop_clock(house.loop);
    loop_catch_signals(house.loop);
    struct reload *r = reload_of_house();
    assert_false(reload_is_due(r));
    for (int i = 0; i < 3; i++)
        raise(SIGHUP);
    loop_wait(house.loop, clock_wall_ms(&clock_system) + 1000);
    assert_true(reload_is_due(r));
    assert_true(reload_next_at_ms(r) <= house_now(&house));
    assert_false(reload_load(r, false));
    assert_false(reload_is_due(r));
    assert_int_equal(reload_next_at_ms(r), INT64_MAX);
    reload_free(r);
    loop_free(house.loop);
    house.loop = NULL;
    house.clock = clock;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, house_make, house_remove)
        T(test_reload_when_nothing_changed_then_nothing_is_written),
        T(test_reload_when_the_main_file_changed_then_all_of_it_is_in_force),
        T(test_reload_when_the_main_file_is_broken_then_nothing_of_it_is_taken),
        T(test_reload_when_the_main_file_is_gone_then_the_old_stays),
        T(test_reload_when_the_folder_of_sets_is_gone_then_no_set_is_removed),
        T(test_reload_when_a_set_file_is_broken_then_it_costs_that_set),
        T(test_reload_when_store_or_seal_changed_then_told_and_kept),
        T(test_reload_when_a_credential_file_changed_then_taken_up),
        T(test_standby_when_reloaded_then_the_register_is_left_to_who_leads),
        T(test_reload_when_the_store_fails_then_the_wish_stands),
        T(test_storm_when_it_does_not_end_then_reloads_come_seldomer),
        T(test_hup_when_it_comes_then_a_reload_is_due_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
