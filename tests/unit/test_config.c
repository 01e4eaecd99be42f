/* SEES: base crypto io store config acme dns-providers inventory */
#include "house_fixture.h"

static struct config *load(const char *text)
{
    struct err err = {0};
    struct config *config = NULL;
    scratch_put("chancery.yaml", text, 0644);
    must(config_load(scratch("chancery.yaml"), no_environment, &config, &err), &err);
    return config;
}

/* The text of the refusal; "" is never one. */
static const char *refusal(const char *text)
{
    static struct err err;
    err = (struct err){0};
    struct config *config = NULL;
    scratch_put("chancery.yaml", text, 0644);
    if (config_load(scratch("chancery.yaml"), no_environment, &config, &err)) {
        config_free(config);
        fail_msg("accepted: %s", text);
    }
    assert_null(config);
    assert_int_equal(err.kind, ERR_CONFIG);
    return err.text;
}

#define SEAL      "seal: file:seal.key\n"
#define AUTHORITY "authorities: {one: {directory: https://one.example/dir}}\n"
#define PROVIDER  "providers: {corp: {type: exec, zones: [example.com], argv: [/bin/true]}}\n"

static void test_config_when_least_is_said_then_defaults_fill_the_rest(void **state)
{
    (void)state;
    struct config *c = load(SEAL AUTHORITY PROVIDER);
    assert_string_equal(c->store_path, "/var/lib/chancery/chancery.db");
    assert_string_equal(c->seal, "file:seal.key");
    assert_string_equal(c->folder, scratch_dir);
    assert_string_equal(c->sets_folder, scratch("sets.d"));
    assert_string_equal(c->sets_suffix, ".yaml");
    const struct authority_config *a = config_authority(c, "one");
    assert_non_null(a);
    assert_false(a->agree_tos);
    assert_false(a->is_private);
    assert_null(a->eab_kid);
    assert_null(a->contact[0]);
    assert_int_equal(a->parallel, 100);
    const struct provider_config *p = config_provider(c, "corp");
    assert_string_equal(p->provider->name, "exec");
    assert_int_equal(p->ttl_s, 60);
    assert_true(p->follow_cname);
    assert_int_equal(p->propagation.timeout_ms, 10 * MS_MINUTE);
    assert_int_equal(p->propagation.settle_ms, 0);
    assert_int_equal(p->authoritative_port, 53);
    assert_null(json_find(p->settings, "zones"));
    assert_int_equal(json_int(p->settings, "timeout", 0), 60 * MS_SECOND);
    assert_null(config_authority(c, "three"));
    assert_null(config_provider(c, "three"));
    config_free(c);
}

static void test_config_when_everything_is_said_then_everything_is_read(void **state)
{
    (void)state;
    struct config *c = load(
        "store: sqlite:state/c.db\nseal: env:SEAL\nsets: ./more//sets/*.conf.yml\n"
        "authorities:\n"
        "  big: {directory: https://big.example/dir, staging: https://try.big.example/dir, "
        "agree_tos: true,\n"
        "        contact: [mailto:a@example.com, mailto:b@example.com], ca_file: pki/root.pem, "
        "parallel: 7,\n"
        "        eab: {kid: file:kid, key: cred:mac, algorithm: HS512}}\n"
        "  lab: {directory: http://127.0.0.1:14000/dir, private: false}\n"
        "  net: {directory: https://ca.corp.example/dir, private: true}\n"
        "  ten: {directory: https://10.1.2.3/dir}\n"
        "providers:\n"
        "  corp: {type: rfc2136, zones: [Example.COM., sub.example.com], server: 192.0.2.1, ttl: "
        "30,\n"
        "         follow_cname: false, propagation: {timeout: 5m, settle: 30s},\n"
        "         tsig: {name: k., secret: file:tsig},\n"
        "         resolvers: [192.0.2.53, \"[2001:db8::1]:5353\"], authoritative: [127.0.0.1],\n"
        "         authoritative_port: 5300}\n"
        "  pers: {type: exec, zones: [_acme-challenge.www.example.com], argv: [/bin/true]}\n"
        "defaults: {authority: [big, lab], key: rsa-2048, profile: tlsserver, verify_every: 1h}\n");
    assert_string_equal(c->store_path, scratch("state/c.db"));
    assert_string_equal(c->sets_folder, scratch("more/sets"));
    assert_string_equal(c->sets_suffix, ".conf.yml");
    const struct authority_config *big = config_authority(c, "big");
    assert_string_equal(big->staging, "https://try.big.example/dir");
    assert_string_equal(big->ca_file, scratch("pki/root.pem"));
    assert_string_equal(big->contact[1], "mailto:b@example.com");
    assert_string_equal(big->eab_kid, "file:kid");
    assert_string_equal(big->eab_key, "cred:mac");
    assert_string_equal(big->eab_algorithm, "HS512");
    assert_int_equal(big->parallel, 7);
    assert_false(big->is_private);
    assert_true(config_authority(c, "lab")->is_private);
    assert_true(config_authority(c, "net")->is_private);
    assert_true(config_authority(c, "ten")->is_private);
    const struct provider_config *p = config_provider(c, "corp");
    assert_string_equal(p->zones[0], "example.com");
    assert_int_equal(p->ttl_s, 30);
    assert_false(p->follow_cname);
    assert_int_equal(p->propagation.timeout_ms, 5 * MS_MINUTE);
    assert_int_equal(p->propagation.settle_ms, 30 * MS_SECOND);
    assert_int_equal(p->n_resolvers, 2);
    assert_int_equal(p->resolvers[0].port, 53);
    assert_int_equal(p->resolvers[1].port, 5353);
    assert_int_equal(p->n_authoritative, 1);
    assert_int_equal(p->authoritative[0].port, 5300);
    assert_string_equal(json_text(p->settings, "server"), "192.0.2.1");
    assert_string_equal(json_text(json_find(p->settings, "tsig"), "secret"), "file:tsig");
    assert_null(json_find(p->settings, "follow_cname"));
    config_free(c);
}

static void test_dnssec_when_said_then_read_and_its_faults_are_told(void **state)
{
    (void)state;
    struct config *c = load(SEAL AUTHORITY PROVIDER);
    assert_true(c->dnssec.check);
    assert_true(c->dnssec.is_default);
    assert_int_equal(c->dnssec.n_resolvers, 0);
    assert_true(config_authority(c, "one")->checks_caa);
    config_free(c);
    scratch_put("anchor.key", ". IN DS 1 8 2 00\n", 0644);
    c = load(SEAL "authorities: {one: {directory: https://one.example/dir, caa: ignore}}\n" PROVIDER
                  "dnssec: {check: false, trust_anchor: anchor.key, resolvers: [192.0.2.1, "
                  "'[2001:db8::1]:5353']}\n");
    assert_false(c->dnssec.check);
    assert_false(c->dnssec.is_default);
    assert_string_equal(c->dnssec.trust_anchor, scratch("anchor.key"));
    assert_int_equal(c->dnssec.n_resolvers, 2);
    assert_int_equal(c->dnssec.resolvers[0].port, 53);
    assert_int_equal(c->dnssec.resolvers[1].port, 5353);
    assert_false(config_authority(c, "one")->checks_caa);
    config_free(c);
    const char *text =
        refusal(SEAL AUTHORITY PROVIDER "dnssec: {trust_anchor: absent.key, resolvers: [nine]}\n");
    assert_non_null(strstr(text, "chancery.yaml:4:24: dnssec.trust_anchor: "));
    assert_non_null(strstr(text, "absent.key cannot be read"));
    assert_non_null(strstr(text, "chancery.yaml:4:48: dnssec.resolvers: \"nine\" is no address"));
}

static void test_provider_when_a_rate_is_said_then_it_stands_for_that_of_the_type(void **state)
{
    (void)state;
    struct config *c = load(
        SEAL AUTHORITY
        "providers:\n"
        "  a: {type: cloudflare, zones: [a.example], token: file:token, rate: [2/1s, 100/1h]}\n"
        "  b: {type: cloudflare, zones: [b.example], token: file:token}\n");
    const struct dns_limits *own = config_provider(c, "a")->limits;
    assert_int_equal(own->n_rates, 2);
    assert_int_equal(own->rates[1].count, 100);
    assert_int_equal(own->rates[1].period_ms, MS_HOUR);
    assert_int_equal(own->parallel, config_provider(c, "a")->provider->limits->parallel);
    assert_null(config_provider(c, "b")->limits);
    assert_int_equal(config_provider(c, "b")->provider->limits->rates[0].count, 1200);
    config_free(c);
    const char *wrong[] = {"0/1h", "10", "ten/1h", "10/1", "10/1ms", "-1/1h"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        AUTO(mem_fini)
        char *text = mem_printf(SEAL AUTHORITY "providers:\n  a: {type: exec, zones: [a.example], "
                                               "argv: [/bin/true], rate: \"%s\"}\n",
                                wrong[i]);
        const char *said = refusal(text);
        if (strstr(said, "is no rate; write how many in how long") == NULL)
            fail_msg("%s: %s", wrong[i], said);
    }
}

static void test_provider_for_when_zones_nest_then_the_longest_on_a_label_border_wins(void **state)
{
    (void)state;
    struct config *c =
        load(SEAL AUTHORITY
             "providers:\n"
             "  a: {type: exec, zones: [example.com], argv: [/bin/true]}\n"
             "  b: {type: exec, zones: [sub.example.com, lan], argv: [/bin/true]}\n"
             "  c: {type: exec, zones: [_acme-challenge.www.example.com], argv: [/bin/true]}\n");
    static const struct {
        const char *name, *provider;
    } cases[] = {{"example.com", "a"},
                 {"www.example.com", "a"},
                 {"sub.example.com", "b"},
                 {"*.deep.sub.example.com", "b"},
                 {"notsub.example.com", "a"},
                 {"_acme-challenge.www.example.com", "c"},
                 {"printer.lan", "b"},
                 {"notexample.com", NULL},
                 {"com", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct provider_config *p = config_provider_for(c, cases[i].name);
        if (cases[i].provider == NULL)
            assert_null(p);
        else
            assert_string_equal(p->name, cases[i].provider);
    }
    config_free(c);
}

static void test_config_when_something_is_wrong_then_place_and_cure_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {AUTHORITY PROVIDER, "\"seal\" is missing"},
        {SEAL PROVIDER, "\"authorities\" is missing"},
        {SEAL AUTHORITY, "\"providers\" is missing"},
        {SEAL "authorities: {}\n" PROVIDER, "at least one is needed"},
        {"seal: MDEyMzQ1Njc4\n" AUTHORITY PROVIDER, "never bare"},
        {SEAL AUTHORITY PROVIDER "stroe: sqlite:x\n", "did you mean \"store\"?"},
        {SEAL AUTHORITY PROVIDER "store: postgresql://cert:word@db/x\n",
         "a password does not belong here"},
        {SEAL AUTHORITY PROVIDER "store: postgresql://db/x?password=word\n", "~/.pgpass"},
        {SEAL AUTHORITY PROVIDER "store: mysql://db/x\n", "sqlite:PATH or postgresql://"},
        {SEAL AUTHORITY PROVIDER "store: /var/x.db\n",
         "sqlite:PATH or postgresql://user@host/database is expected"},
        {SEAL AUTHORITY PROVIDER "store: \"sqlite:\"\n",
         "sqlite:PATH or postgresql://user@host/database is expected"},
        {SEAL AUTHORITY PROVIDER "sets: sets.d\n", "e.g. sets: sets.d/*.yaml"},
        {SEAL AUTHORITY PROVIDER "sets: sets.d/a*.yaml\n", "e.g. sets: sets.d/*.yaml"},
        {SEAL AUTHORITY PROVIDER "sets: \"*/x.yaml\"\n", "e.g. sets: sets.d/*.yaml"},
        {SEAL AUTHORITY PROVIDER "defaults: {authority: tow}\n", "no authority \"tow\""},
        {SEAL AUTHORITY PROVIDER "defaults: {key: rsa-1024}\n", "chancery.yaml:4:17"},
        {SEAL "authorities: {one: {directory: http://ca.example/dir}}\n" PROVIDER,
         "this machine only"},
        {SEAL "authorities: {one: {directory: \"https://u:p@ca.example/dir\"}}\n" PROVIDER,
         "user name"},
        {SEAL "authorities: {one: {directory: ca.example}}\n" PROVIDER,
         "authorities.one.directory: forbidden URL"},
        {SEAL "authorities: {one: {directory: https://ca.example/d, contact: "
              "ops@example.com}}\n" PROVIDER,
         "write mailto:ops@example.com"},
        {SEAL "authorities: {one: {directory: https://ca.example/d, eab: {kid: abc, key: "
              "file:x}}}\n" PROVIDER,
         "never bare"},
        {SEAL "authorities: {\"a b\": {directory: https://ca.example/d}}\n" PROVIDER,
         "cannot be a name"},
        {SEAL AUTHORITY "providers: [x]\n", "a block of names"},
        {SEAL AUTHORITY "providers: {corp: 7}\n", "providers.corp: a block of settings"},
        {SEAL AUTHORITY "providers: {corp: {zones: [example.com]}}\n", "\"type\" is missing"},
        {SEAL AUTHORITY "providers: {corp: {type: rfc2163, zones: [example.com]}}\n",
         "did you mean \"rfc2136\"?"},
        {SEAL AUTHORITY "providers: {corp: {type: exec, argv: [/bin/true]}}\n",
         "\"zones\" is missing"},
        {SEAL AUTHORITY "providers: {corp: {type: exec, zones: [example.com]}}\n",
         "\"argv\" is missing"},
        {SEAL AUTHORITY "providers: {corp: {type: exec, zones: [a b], argv: [/bin/true]}}\n",
         "no name in the DNS"},
        {SEAL AUTHORITY
         "providers: {corp: {type: exec, zones: [example.com, EXAMPLE.com], argv: [/bin/true]}}\n",
         "zone example.com already belongs to provider corp"},
        {SEAL AUTHORITY "providers: {corp: {type: exec, zones: [a.example], argv: [/bin/true], "
                        "folow_cname: true}}\n",
         "did you mean \"follow_cname\"?"},
        {SEAL AUTHORITY "providers: {corp: {type: exec, zones: [a.example], argv: [/bin/true], "
                        "resolvers: [ns1.example]}}\n",
         "no address; write 192.0.2.1"},
        {SEAL AUTHORITY
         "providers: {corp: {type: rfc2136, zones: [a.example], server: \"ns1.example:53\"}}\n",
         "providers.corp: server:"},
        {SEAL AUTHORITY
         "providers: {\"a/b\": {type: exec, zones: [a.example], argv: [/bin/true]}}\n",
         "cannot be a name"},
        {SEAL AUTHORITY PROVIDER "\tx: 1\n", "a tab cannot indent YAML"},
        {"- 1\n", "a block of settings"},
        {"", "chancery.yaml"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        has_words(refusal(cases[i].text), cases[i].words);
}

static void test_config_when_several_things_are_wrong_then_one_run_tells_all_line_by_line(
    void **state)
{
    (void)state;
    const char *text = refusal("seal: file:seal.key\n"
                               "authorities: {one: {directory: ftp://x.example}}\n"
                               "providers:\n"
                               "  a: {type: exec, zones: [example.com], argv: [/bin/true]}\n"
                               "  b: {type: exec, zones: [example.com], argv: [/bin/true]}\n"
                               "sets: nowhere\n");
    has_words(text, "chancery.yaml:2:32: authorities.one.directory: forbidden URL");
    has_words(text, "\n");
    has_words(
        text,
        "chancery.yaml:5:27: providers.b.zones: zone example.com already belongs to provider a");
    has_words(text, "chancery.yaml:6:7: sets:");
}

static void test_config_when_there_are_too_many_faults_then_the_rest_is_counted(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf text = BUF(64 * 1024);
    buf_add_cstr(&text, SEAL AUTHORITY PROVIDER);
    for (int i = 0; i < 60; i++)
        buf_printf(&text, "unknown_setting_number_%d: 1\n", i);
    has_words(refusal(buf_cstr(&text)), " more");
}

static void test_config_when_the_file_is_absent_then_the_text_says_what_to_do(void **state)
{
    (void)state;
    struct err err = {0};
    struct config *config = NULL;
    assert_false(config_load(scratch("nothing.yaml"), no_environment, &config, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    has_words(err.text, "chancery init");
}

static void test_fingerprint_when_only_comments_change_then_it_stays(void **state)
{
    (void)state;
    struct config *a = load(SEAL AUTHORITY PROVIDER);
    struct config *b = load("# moved about\n" PROVIDER "\n" AUTHORITY SEAL);
    struct config *c = load(SEAL AUTHORITY PROVIDER "defaults: {key: rsa-2048}\n");
    assert_string_equal(a->fingerprint, b->fingerprint);
    assert_string_not_equal(a->fingerprint, c->fingerprint);
    config_free(a);
    config_free(b);
    config_free(c);
}

static void test_document_when_written_then_every_setting_is_in_it(void **state)
{
    (void)state;
    static const char *const words[] = {"`directory`",    "`staging`",         "`eab`",
                                        "`follow_cname`", "`settle`",          "`seal`",
                                        "`verify_every`", "`challenge_alias`", "`pkcs12_password`",
                                        "`systemd`",      "`starttls`",        "`connect`",
                                        "`keep`",         "`dir_mode`"};
    AUTO(buf_fini)
    struct buf out = BUF(256 * 1024);
    config_document(&out);
    assert_false(out.overflow);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        has_words(buf_cstr(&out), words[i]);
}

/* The choices of `key` are written out in the tables. */
static void test_tables_when_a_key_kind_exists_then_it_can_be_chosen(void **state)
{
    (void)state;
    for (int kind = 0; kind < KEY_KIND_N; kind++) {
        AUTO(mem_fini)
        char *text = mem_printf(SEAL AUTHORITY PROVIDER "defaults: {key: %s}\n",
                                key_kind_name((enum key_kind)kind));
        config_free(load(text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_when_least_is_said_then_defaults_fill_the_rest),
        cmocka_unit_test(test_config_when_everything_is_said_then_everything_is_read),
        cmocka_unit_test(test_dnssec_when_said_then_read_and_its_faults_are_told),
        cmocka_unit_test(test_provider_when_a_rate_is_said_then_it_stands_for_that_of_the_type),
        cmocka_unit_test(test_provider_for_when_zones_nest_then_the_longest_on_a_label_border_wins),
        cmocka_unit_test(test_config_when_something_is_wrong_then_place_and_cure_are_told),
        cmocka_unit_test(
            test_config_when_several_things_are_wrong_then_one_run_tells_all_line_by_line),
        cmocka_unit_test(test_config_when_there_are_too_many_faults_then_the_rest_is_counted),
        cmocka_unit_test(test_config_when_the_file_is_absent_then_the_text_says_what_to_do),
        cmocka_unit_test(test_fingerprint_when_only_comments_change_then_it_stays),
        cmocka_unit_test(test_document_when_written_then_every_setting_is_in_it),
        cmocka_unit_test(test_tables_when_a_key_kind_exists_then_it_can_be_chosen),
    };
    return cmocka_run_group_tests(tests, house_make, house_remove);
}
