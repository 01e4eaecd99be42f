/* SEES: base crypto io store config acme dns-providers inventory authority dns renewal fakedns */
#include "dns_world.h"
#include "house_fixture.h"

#include "dns/delegation.h"

#define WWW "_acme-challenge.www.example.com"

/* example.com is ours (corp), example.net too (alias); example.org is nobody's. All are served by name servers of the little world. */
static struct dns_world net;
static struct config config;
static struct provider_config providers[2];
static struct net_address resolver;
static char *zones_corp[] = {(char *)"example.com", NULL};
static char *zones_alias[] = {(char *)"example.net", NULL};
static const struct dns_provider type = {.struct_size = sizeof(struct dns_provider), .name = "t"};
static struct zone_finders *finders;

static struct provider_config provider_of(const char *name, char **zones)
{
    return (struct provider_config){.name = (char *)(uintptr_t)name,
                                    .provider = &type,
                                    .zones = zones,
                                    .follow_cname = true,
                                    .resolvers = &resolver,
                                    .n_resolvers = 1,
                                    .authoritative_port = net.port};
}

static int setup(void **state)
{
    if (house_make(state) != 0)
        return -1;
    world_init(&net);
    resolver = world_address(&net, "127.0.0.1");
    providers[0] = provider_of("corp", zones_corp);
    providers[1] = provider_of("alias", zones_alias);
    fake_dns_zone(net.fake, "example.org");
    world_add(&net, "example.org", "example.org", "NS", "ns.example.org");
    world_add(&net, "example.org", "ns.example.org", "A", "127.0.0.4");
    fake_host_serve(net.other, "example.org");
    config = (struct config){.path = (char *)"chancery.yaml",
                             .providers = providers,
                             .n_providers = 2,
                             .environment = no_environment};
    config_free(house.config);
    house.config = &config;
    house.loop = net.loop;
    house.clock = loop_clock(net.loop);
    house.dns = net.dns;
    finders = zone_finders_new(&house);
    return 0;
}

static int teardown(void **state)
{
    zone_finders_free(finders);
    house.config = NULL;
    world_fini(&net);
    return house_remove(state);
}

struct got {
    size_t n;
    enum delegation_state state;
    char owner[300], zone[300], provider[64], text[1200], record[600], way[600];
    enum err_kind kind;
};

static void text_keep(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "");
}

static void told(void *arg, const struct delegation_view *view)
{
    struct got *got = arg;
    got->n++;
    got->state = view->state;
    got->kind = view->err.kind;
    text_keep(got->owner, sizeof got->owner, view->owner);
    text_keep(got->zone, sizeof got->zone, view->zone);
    text_keep(got->provider, sizeof got->provider,
              view->provider != NULL ? view->provider->name : NULL);
    text_keep(got->text, sizeof got->text, view->text);
    text_keep(got->record, sizeof got->record, view->record);
    got->way[0] = '\0';
    for (size_t i = 0; i < view->n_hops; i++)
        snprintf(got->way + strlen(got->way), sizeof got->way - strlen(got->way), "%s ",
                 view->hops[i]);
}

static void look(const char *challenge, const char *alias, struct got *got)
{
    const struct delegation_name name = {challenge, alias};
    *got = (struct got){0};
    assert_true(delegation_survey(&house, finders, &name, 1, told, got));
    assert_int_equal(got->n, 1);
}

static void assert_state(const struct got *got, enum delegation_state state)
{
    if (got->state != state)
        fail_msg("%s: %s", delegation_state_name(got->state), got->text);
}

static void assert_has(const char *text, const char *words)
{
    if (strstr(text, words) == NULL)
        fail_msg("\"%s\" is not in: %s", words, text);
}

static void cname(const char *zone, const char *owner, const char *target)
{
    world_add(&net, zone, owner, "CNAME", target);
}

static void test_survey_when_nothing_is_delegated_then_zone_and_provider(void **state)
{
    (void)state;
    struct got got;
    look(WWW, NULL, &got);
    assert_state(&got, DELEGATION_DIRECT);
    assert_string_equal(got.owner, WWW);
    assert_string_equal(got.zone, "example.com");
    assert_string_equal(got.provider, "corp");
    assert_string_equal(got.text, "");
}

static void test_survey_when_a_cname_leads_to_another_provider_then_that_one(void **state)
{
    (void)state;
    struct got got;
    cname("example.com", WWW, "a.example.com");
    cname("example.com", "a.example.com", "proofs.example.net");
    look(WWW, NULL, &got);
    assert_state(&got, DELEGATION_FOLLOWED);
    assert_string_equal(got.owner, "proofs.example.net");
    assert_string_equal(got.provider, "alias");
    assert_string_equal(got.way, WWW " a.example.com ");
}

static void test_survey_when_a_cname_leads_to_a_zone_of_nobody_then_told(void **state)
{
    (void)state;
    struct got got;
    cname("example.com", WWW, "proofs.example.org");
    look(WWW, NULL, &got);
    assert_state(&got, DELEGATION_UNSERVED);
    assert_string_equal(got.provider, "");
    assert_has(got.text, "leads to proofs.example.org");
    assert_has(got.text, "has the zone example.org");
}

static void test_survey_when_cnames_go_round_then_a_loop_is_told(void **state)
{
    (void)state;
    struct got got;
    cname("example.com", WWW, "a.example.com");
    cname("example.com", "a.example.com", WWW);
    look(WWW, NULL, &got);
    assert_state(&got, DELEGATION_UNKNOWN);
    assert_int_equal(got.kind, ERR_REFUSED);
    assert_has(got.text, "a loop");
    look(WWW, "proofs.example.net", &got); /* with an alias the cure is known */
    assert_state(&got, DELEGATION_UNKNOWN);
    assert_string_equal(got.record, WWW ". IN CNAME proofs.example.net.");
}

static void test_survey_when_a_wildcard_makes_the_cname_up_then_not_followed_and_told(void **state)
{
    (void)state;
    struct got got;
    cname("example.com", "*.deep.example.com", "web.example.org");
    look("_acme-challenge.deep.example.com", NULL, &got);
    assert_state(&got, DELEGATION_DIRECT);
    assert_string_equal(got.provider, "corp");
    assert_has(got.text, "a wildcard made it up");
}

static void test_survey_when_the_alias_is_led_to_then_good(void **state)
{
    (void)state;
    struct got got;
    cname("example.com", WWW, "proofs.example.net");
    look(WWW, "Proofs.Example.net.", &got);
    assert_state(&got, DELEGATION_FOLLOWED);
    assert_string_equal(got.owner, "proofs.example.net");
    assert_string_equal(got.provider, "alias");
    assert_string_equal(got.record, "");
    /* The alias may be a CNAME in its turn. */
    cname("example.net", "proofs.example.net", "end.example.net");
    look(WWW, "proofs.example.net", &got);
    assert_state(&got, DELEGATION_FOLLOWED);
    assert_string_equal(got.owner, "end.example.net");
}

static void test_survey_when_the_zone_of_the_challenge_is_nobody_s_then_the_alias_does(void **state)
{
    (void)state;
    struct got got;
    look("_acme-challenge.example.org", "proofs.example.net", &got);
    assert_state(&got, DELEGATION_MISSING);
    assert_string_equal(got.record, "_acme-challenge.example.org. IN CNAME proofs.example.net.");
    assert_string_equal(got.provider, "alias");
    cname("example.org", "_acme-challenge.example.org", "proofs.example.net");
    look("_acme-challenge.example.org", "proofs.example.net", &got);
    assert_state(&got, DELEGATION_FOLLOWED);
}

static void test_survey_when_it_leads_away_from_the_alias_then_the_right_record_is_told(
    void **state)
{
    (void)state;
    struct got got;
    cname("example.com", WWW, "old.example.net");
    look(WWW, "proofs.example.net", &got);
    assert_state(&got, DELEGATION_ELSEWHERE);
    assert_has(got.text, "leads to old.example.net, not to the challenge_alias proofs.example.net");
    assert_string_equal(got.record, WWW ". IN CNAME proofs.example.net.");
}

static void test_survey_when_a_wildcard_leads_to_the_alias_or_elsewhere_then_told_apart(
    void **state)
{
    (void)state;
    struct got got;
    cname("example.com", "*.deep.example.com", "proofs.example.net");
    look("_acme-challenge.deep.example.com", "proofs.example.net", &got);
    assert_state(&got, DELEGATION_FOLLOWED);
    assert_has(got.text, "a wildcard makes up its CNAME");
    look("_acme-challenge.deep.example.com", "other.example.net", &got);
    assert_state(&got, DELEGATION_MISSING);
    assert_has(got.text, "a wildcard leads it to proofs.example.net instead");
    assert_string_equal(got.record,
                        "_acme-challenge.deep.example.com. IN CNAME other.example.net.");
}

static void test_survey_when_nobody_answers_then_unknown_in_passing(void **state)
{
    (void)state;
    struct got got;
    fake_host_say(net.ns1, NULL, 0, FAKE_REFUSED, 0);
    fake_host_say(net.ns2, NULL, 0, FAKE_SERVFAIL, 0);
    look(WWW, NULL, &got);
    assert_state(&got, DELEGATION_UNKNOWN);
    assert_int_equal(got.kind, ERR_AGAIN);
    assert_has(got.text, "ns1.example.com");
}

static void test_survey_when_many_names_then_each_is_told_in_order(void **state)
{
    (void)state;
    struct got got = {0};
    const struct delegation_name names[] = {
        {WWW, NULL}, {"_acme-challenge.example.net", NULL}, {"_acme-challenge.example.com", NULL}};
    assert_true(delegation_survey(&house, finders, names, 3, told, &got));
    assert_int_equal(got.n, 3);
    assert_string_equal(got.owner, "_acme-challenge.example.com");
    assert_true(delegation_survey(&house, finders, names, 0, told, &got));
    assert_int_equal(got.n, 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_survey_when_nothing_is_delegated_then_zone_and_provider),
        T(test_survey_when_a_cname_leads_to_another_provider_then_that_one),
        T(test_survey_when_a_cname_leads_to_a_zone_of_nobody_then_told),
        T(test_survey_when_cnames_go_round_then_a_loop_is_told),
        T(test_survey_when_a_wildcard_makes_the_cname_up_then_not_followed_and_told),
        T(test_survey_when_the_alias_is_led_to_then_good),
        T(test_survey_when_the_zone_of_the_challenge_is_nobody_s_then_the_alias_does),
        T(test_survey_when_it_leads_away_from_the_alias_then_the_right_record_is_told),
        T(test_survey_when_a_wildcard_leads_to_the_alias_or_elsewhere_then_told_apart),
        T(test_survey_when_nobody_answers_then_unknown_in_passing),
        T(test_survey_when_many_names_then_each_is_told_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
