/* SEES: base io config crypto store acme dns-providers inventory dns renewal fakedns */
#include "dns/provider_host.h"

#include "fakedns/dns_server.h"
#include "io/dns_tsig.h"

#include "peer_dns.h"

#include "host_case.h"

/* ---- DNS UPDATE ---- */

static struct fake_dns *world;
static struct fake_host *ns1, *ns2;
static struct net_address at1, at2, nowhere;

static void world_begin(void)
{
    world = fake_dns_new();
    ns1 = fake_dns_host(world, "127.0.0.2", FAKE_AUTHORITATIVE);
    ns2 = fake_dns_host(world, "127.0.0.3", FAKE_AUTHORITATIVE);
    fake_dns_zone(world, "example.com");
    fake_host_take_updates(ns1, true);
    fake_host_take_updates(ns2, true);
    assert_true(net_address_parse(STR("127.0.0.2"), fake_dns_port(world), &at1));
    assert_true(net_address_parse(STR("127.0.0.3"), fake_dns_port(world), &at2));
    assert_true(net_address_parse(STR("127.0.0.9"), fake_dns_port(world), &nowhere));
}

static size_t n_values(void)
{
    return fake_dns_n_txt(world, "_acme-challenge.example.com") +
           fake_dns_n_txt(world, "_acme-challenge.www.example.com");
}

static struct outcome run_update(const struct zone_info *zone, const char *server)
{
    AUTO(json_fini)
    struct json *settings = settings_of("{}");
    script_is((struct dns_wish){.kind = DNS_WISH_UPDATE, .update = {.server = server, .n = 2}});
    return run_with(&scripted, settings, zone, two_records, 2);
}

static void test_update_when_no_server_is_named_then_it_goes_to_the_primary(void **state)
{
    (void)state;
    struct zone_info zone = plain_zone;
    world_begin();
    zone.primary_addresses = &at2;
    zone.n_primary_addresses = 1;
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_NONE);
    assert_int_equal(n_values(), 2);
    assert_int_equal(fake_host_n_updates(ns2), 1);
    fake_dns_free(world);
}

static void test_update_when_a_server_is_out_of_order_then_the_next_is_asked(void **state)
{
    (void)state;
    struct zone_info zone = plain_zone;
    world_begin();
    struct net_address three[] = {nowhere, at1, at2};
    zone.primary_addresses = three;
    zone.n_primary_addresses = 3;
    fake_host_say(ns1, NULL, FAKE_UPDATE, FAKE_SERVFAIL, 1);
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_NONE);
    assert_int_equal(fake_host_n_updates(ns2), 1);
    assert_int_equal(n_values(), 2);
    fake_host_say(ns1, NULL, FAKE_UPDATE, FAKE_REFUSED, 1);
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_DENIED); /* it speaks for the zone */
    assert_int_equal(fake_host_n_updates(ns2), 1);
    zone.n_primary_addresses = 1;
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_AGAIN);
    fake_dns_free(world);
}

static void test_update_when_all_servers_fail_then_each_is_named(void **state)
{
    (void)state;
    struct zone_info zone = plain_zone;
    world_begin();
    struct net_address two[] = {at1, at2};
    zone.primary_addresses = two;
    zone.n_primary_addresses = 2;
    fake_host_say(ns1, NULL, FAKE_UPDATE, FAKE_SERVFAIL, 0);
    fake_host_say(ns2, NULL, FAKE_UPDATE, FAKE_SERVFAIL, 0);
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_AGAIN);
    assert_non_null(strstr(script.err.text, "127.0.0.2"));
    assert_non_null(strstr(script.err.text, "; 127.0.0.3"));
    fake_dns_free(world);
}

static void test_update_when_the_primary_is_hidden_then_each_server_of_the_zone_is_tried(
    void **state)
{
    (void)state;
    struct zone_info zone = plain_zone;
    world_begin();
    struct zone_server servers[] = {{(char *)"ns1.example.com", &at1, 1},
                                    {(char *)"ns2.example.com", &at2, 1}};
    zone.servers = servers;
    zone.n_servers = 2;
    fake_host_say(ns1, NULL, FAKE_UPDATE, FAKE_NOTAUTH, 0);
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_NONE);
    assert_int_equal(n_values(), 2);
    zone.n_servers = 0;
    run_update(&zone, NULL);
    assert_int_equal(script.err.kind, ERR_ABSENT);
    assert_non_null(strstr(script.err.text, "set `server`"));
    fake_dns_free(world);
}

static void test_update_when_server_is_an_address_or_a_name_then_it_is_found(void **state)
{
    (void)state;
    char text[64];
    world = fake_dns_new();
    ns1 = fake_dns_host(world, "127.0.0.1", FAKE_AUTHORITATIVE);
    fake_dns_zone(world, "example.com");
    fake_host_take_updates(ns1, true);
    snprintf(text, sizeof text, "127.0.0.1:%u", fake_dns_port(world));
    run_update(&plain_zone, text);
    assert_int_equal(script.err.kind, ERR_NONE);
    snprintf(text, sizeof text, "localhost:%u",
             fake_dns_port(world)); /* ::1 comes first or not at all */
    run_update(&plain_zone, text);
    assert_int_equal(script.err.kind, ERR_NONE);
    assert_int_equal(fake_host_n_updates(ns1), 2);
    run_update(&plain_zone, "no-such-host.invalid");
    assert_true(script.err.kind == ERR_ABSENT || script.err.kind == ERR_AGAIN);
    assert_non_null(strstr(script.err.text, "no-such-host.invalid"));
    fake_dns_free(world);
}

static void test_update_when_records_are_not_of_the_job_then_refused(void **state)
{
    (void)state;
    script_is((struct dns_wish){.kind = DNS_WISH_UPDATE, .update = {.from = 1, .n = 2}});
    struct outcome outcome = run_script("{}");
    assert_failed(&outcome, ERR_BROKEN, "records that the job does not have");
}

/* Signs its answers with KEY, over the MAC of the request: a client with another secret does not believe it. */
static size_t sign_with_key(struct peer_dns *p, const uint8_t *query, size_t len, bool by_tcp,
                            uint8_t *out)
{
    static const struct secret secret = {(unsigned char *)(uintptr_t)KEY, 32};
    uint8_t room[4096], mac[TSIG_MAC_MAX];
    struct tsig_key key;
    struct err err;
    (void)p;
    (void)by_tcp;
    if (!tsig_key_init(&key, "chancery", "hmac-sha256", &secret, &err))
        abort();
    struct wire w = wire_reply(out, query, len, 0, 0), all = {room, 0};
    uint64_t now_s = (uint64_t)(clock_wall_ms(&clock_system) / 1000);
    wire_number(&all, 32, 2);
    wire_add(&all, query + len - 6 - 32, 32);
    wire_add(&all, w.p, w.len);
    for (int i = 0; i < 2; i++) {
        struct wire *to = i == 0 ? &all : &w;
        wire_name(to, "chancery");
        if (i == 1)
            wire_number(to, 250, 2);
        wire_number(to, 255, 2);
        wire_number(to, 0, 4);
        if (i == 1)
            wire_number(to, 13 + 16 + 32, 2);
        wire_name(to, "hmac-sha256");
        wire_number(to, now_s, 6);
        wire_number(to, 300, 2);
        if (i == 0) {
            wire_number(to, 0, 4);
            tsig_hmac(&key, str_mem(room, all.len), mac);
            continue;
        }
        wire_number(to, 32, 2);
        wire_add(to, mac, 32);
        wire_add(to, query, 2);
        wire_number(to, 0, 4);
        to->p[11]++;
    }
    tsig_key_fini(&key);
    return w.len;
}

static struct outcome run_rfc2136(const char *settings, const struct dns_job_record *records,
                                  size_t n)
{
    AUTO(json_fini)
    struct json *tree = settings_of(settings);
    return run_with(dns_provider_find("rfc2136"), tree, &plain_zone, records, n);
}

static void test_rfc2136_when_signed_then_the_secret_is_the_decoded_one(void **state)
{
    (void)state;
    char settings[512];
    struct peer_dns *signer = peer_dns_new(sign_with_key, NULL, true);
    snprintf(settings, sizeof settings,
             "{\"server\": \"127.0.0.1:%u\", \"tsig\": {\"name\": \"chancery\", \"algorithm\": "
             "\"hmac-sha256\", \"secret\": "
             "\"env:KEY\"}}",
             peer_dns_address(signer).port);
    struct outcome outcome = run_rfc2136(settings, two_records, 2);
    assert_string_equal(outcome.err.text, "");
    assert_int_equal(outcome.n_records_done, 2);
    assert_int_equal(atomic_load(&signer->n_tcp), 1);
    snprintf(settings, sizeof settings,
             "{\"server\": \"127.0.0.1:%u\", \"tsig\": {\"name\": \"chancery\", \"algorithm\": "
             "\"hmac-sha256\", \"secret\": "
             "\"env:TOKEN\"}}",
             signer->port);
    outcome = run_rfc2136(settings, two_records, 2);
    assert_failed(&outcome, ERR_CONFIG, "tsig.secret is not a secret in base64");
    peer_dns_stop(signer);
}

static void test_rfc2136_when_values_come_and_go_then_others_stay(void **state)
{
    (void)state;
    char settings[128];
    world_begin();
    fake_dns_add(world, "example.com", "_acme-challenge.example.com", "TXT", "not ours", 60);
    snprintf(settings, sizeof settings, "{\"server\": \"127.0.0.2:%u\"}", fake_dns_port(world));
    struct outcome outcome = run_rfc2136(settings, two_records, 2);
    assert_string_equal(outcome.err.text, "");
    assert_int_equal(n_values(), 3);
    struct dns_job_record back[2] = {two_records[0], two_records[1]};
    back[0].present = back[1].present = false;
    outcome = run_rfc2136(settings, back, 2);
    assert_string_equal(outcome.err.text, "");
    assert_int_equal(n_values(), 1);
    outcome = run_rfc2136(settings, back, 2); /* after a crash */
    assert_string_equal(outcome.err.text, "");
    fake_host_say(ns1, NULL, FAKE_UPDATE, FAKE_REFUSED, 0);
    outcome = run_rfc2136(settings, two_records, 2);
    assert_failed(&outcome, ERR_DENIED,
                  "provider corp (rfc2136), zone example.com: DNS UPDATE of example.com");
    assert_int_equal(outcome.n_records_done, 0);
    fake_dns_free(world);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(test_update_when_no_server_is_named_then_it_goes_to_the_primary),
        T(test_update_when_a_server_is_out_of_order_then_the_next_is_asked),
        T(test_update_when_all_servers_fail_then_each_is_named),
        T(test_update_when_the_primary_is_hidden_then_each_server_of_the_zone_is_tried),
        T(test_update_when_server_is_an_address_or_a_name_then_it_is_found),
        T(test_update_when_records_are_not_of_the_job_then_refused),
        T(test_rfc2136_when_signed_then_the_secret_is_the_decoded_one),
        T(test_rfc2136_when_values_come_and_go_then_others_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
