/* SEES: base crypto io store config acme dns-providers inventory */
#include "house_fixture.h"

/* Through both doors: the text to a tree, the tree to a struct. */
static struct set_config *read_ok(const char *text)
{
    struct err err = {0};
    struct json *doc = NULL;
    struct set_config *set = NULL;
    must(set_file_parse(house.config, "sets.d/shop.yaml", str_of(text), &doc, &err), &err);
    must(set_config_read(house.config, "shop", "sets.d/shop.yaml", doc, &set, &err), &err);
    json_free(doc);
    return set;
}

static const char *refusal(const char *text)
{
    static struct err err;
    err = (struct err){0};
    struct json *doc = NULL;
    if (set_file_parse(house.config, "sets.d/shop.yaml", str_of(text), &doc, &err)) {
        json_free(doc);
        fail_msg("accepted: %s", text);
    }
    assert_null(doc);
    assert_int_equal(err.kind, ERR_CONFIG);
    return err.text;
}

static void test_set_when_it_holds_only_names_then_defaults_fill_the_rest(void **state)
{
    (void)state;
    struct set_config *set = read_ok("names: WWW.Example.com.\n");
    assert_string_equal(set->name, "shop");
    assert_int_equal(set->n_names, 1);
    assert_string_equal(set->names[0], "www.example.com");
    assert_null(set->names[1]);
    assert_string_equal(set->authorities[0], "one");
    assert_string_equal(set->directories[0], "https://one.example/dir");
    assert_null(set->authorities[1]);
    assert_int_equal(set->key, KEY_ECDSA_P256);
    assert_null(set->profile);
    assert_null(set->challenge_alias);
    assert_int_equal(set->n_deploys, 0);
    assert_int_equal(set->n_endpoints, 0);
    assert_int_equal(set->verify_every_ms, 6 * MS_HOUR);
    set_config_free(set);
}

static void test_set_when_everything_is_said_then_everything_is_read(void **state)
{
    (void)state;
    struct set_config *set =
        read_ok("names: [shop.example.com, \"*.shop.example.com\"]\n"
                "authority: [two, one]\nkey: rsa-2048\nprofile: tlsserver\nverify_every: 10m\n"
                "challenge_alias: _x.example.net\n"
                "deploy:\n"
                "  - files: {dir: /etc//ssl/./shop/, owner: root, group: ssl-cert, mode: \"0644\", "
                "dir_mode: \"0755\",\n"
                "            formats: [combined, pkcs12], pkcs12_password: file:p12, "
                "pkcs12_legacy: true, keep: 5}\n"
                "    check: [nginx, -t]\n"
                "    activate: {systemd: nginx.service}\n"
                "    timeout: 1m\n"
                "  - files: {dir: out}\n"
                "    activate: [/usr/bin/touch, done]\n"
                "endpoints:\n"
                "  - shop.example.com:443\n"
                "  - {endpoint: \"[2001:db8::1]:25\", starttls: smtp, connect: 127.0.0.1}\n");
    assert_string_equal(set->authorities[0], "two");
    assert_string_equal(set->directories[1], "https://one.example/dir");
    assert_int_equal(set->key, KEY_RSA_2048);
    assert_string_equal(set->profile, "tlsserver");
    assert_string_equal(set->challenge_alias, "_x.example.net");
    assert_int_equal(set->verify_every_ms, 10 * MS_MINUTE);
    assert_int_equal(set->n_deploys, 2);
    const struct deploy_config *d = &set->deploys[0];
    assert_string_equal(d->target, "files:/etc/ssl/shop");
    assert_string_equal(d->owner, "root");
    assert_string_equal(d->group, "ssl-cert");
    assert_int_equal(d->mode, 0644);
    assert_int_equal(d->dir_mode, 0755);
    assert_int_equal(d->formats, FORMAT_COMBINED | FORMAT_PKCS12);
    assert_string_equal(d->pkcs12_password, "file:p12");
    assert_true(d->pkcs12_legacy);
    assert_int_equal(d->keep, 5);
    assert_string_equal(d->check[1], "-t");
    assert_null(d->check[2]);
    assert_null(d->activate);
    assert_string_equal(d->systemd_unit, "nginx.service");
    assert_int_equal(d->timeout_ms, MS_MINUTE);
    d = &set->deploys[1];
    assert_string_equal(d->dir, scratch("out"));
    assert_null(d->owner);
    assert_int_equal(d->mode, 0640);
    assert_int_equal(d->dir_mode, 0750);
    assert_int_equal(d->formats, FORMAT_KEY | FORMAT_CERT | FORMAT_CHAIN | FORMAT_FULLCHAIN);
    assert_int_equal(d->keep, 3);
    assert_null(d->check);
    assert_string_equal(d->activate[0], "/usr/bin/touch");
    assert_null(d->systemd_unit);
    assert_int_equal(d->timeout_ms, 30 * MS_SECOND);
    assert_int_equal(set->n_endpoints, 2);
    assert_string_equal(set->endpoints[0].host, "shop.example.com");
    assert_int_equal(set->endpoints[0].port, 443);
    assert_null(set->endpoints[0].starttls);
    assert_string_equal(set->endpoints[1].host, "2001:db8::1");
    assert_int_equal(set->endpoints[1].port, 25);
    assert_string_equal(set->endpoints[1].starttls, "smtp");
    assert_string_equal(set->endpoints[1].connect, "127.0.0.1");
    set_config_free(set);
}

static void test_set_when_something_is_wrong_then_place_and_cure_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"key: ecdsa-p256\n", "\"names\" is missing"},
        {"names: []\n", "at least one is needed"},
        {"names: [www.example.com, 10.0.0.1]\n",
         "sets.d/shop.yaml:1:26: the name \"10.0.0.1\" is an address"},
        {"names: [localhost]\n", "single label"},
        {"names: [www.example.com, WWW.example.com]\n",
         "sets.d/shop.yaml:1:26: www.example.com is there twice"},
        {"names:\n  - \"*.example.com\"\n  - www.example.com\n",
         "sets.d/shop.yaml:3:5: *.example.com already covers www.example.com; CAs refuse both in "
         "one order"},
        {"names: [www.example.com, \"*.example.com\"]\n",
         "*.example.com already covers www.example.com"},
        {"names: [*.example.com]\n", "sets.d/shop.yaml:1:"},
        {"names: [www.example.org]\n",
         "no provider of chancery.yaml has a zone of www.example.org"},
        {"names: [www.example.org]\nchallenge_alias: x.example.org\n",
         "sets.d/shop.yaml:2:18: challenge_alias: no provider"},
        {"names: [www.example.org]\nchallenge_alias: \"a b\"\n", "no name in the DNS"},
        {"names: [www.example.com]\nauthority: tow\n",
         "no authority \"tow\" in chancery.yaml; did you mean \"two\"?"},
        {"names: [www.example.com]\nkey: rsa-2084\n", "did you mean \"rsa-2048\"?"},
        {"names: [www.example.com]\nchallenge: dns-persit-01\n",
         "did you mean \"dns-persist-01\"?"},
        {"names: [www.example.org]\nchallenge: dns-account-01\n", "no provider of chancery.yaml"},
        {"names: [www.example.com]\nautority: one\n", "did you mean \"authority\"?"},
        {"names: [www.example.com]\nverify_every: 5\n", "without a unit"},
        {"names: [www.example.com]\ndeploy: [{check: [x]}]\n", "\"files\" is missing"},
        {"names: [www.example.com]\ndeploy: [{files: {}}]\n", "\"dir\" is missing"},
        {"names: [www.example.com]\ndeploy: [{files: {dir: /a/../b}}]\n",
         "sets.d/shop.yaml:2:24: deploy.files.dir: /a/../b: write the path without"},
        {"names: [www.example.com]\ndeploy: [{files: {dir: /}}]\n", "name a folder"},
        {"names: [www.example.com]\ndeploy: [{files: {dir: \"/a\\nb\"}}]\n", "control character"},
        {"names: [www.example.com]\ndeploy: [{files: {dir: /a}}, {files: {dir: /a/}}]\n",
         "sets.d/shop.yaml:2:44: deploy.files.dir: /a is there twice"},
        {"names: [www.example.com]\ndeploy: [{files: {dir: /a, mode: 0640}}]\n", "quotes"},
        {"names: [www.example.com]\ndeploy: [{files: {dir: /a, formats: [der]}}]\n",
         "one of key, cert"},
        {"names: [www.example.com]\ndeploy: [{files: {dir: /a, pkcs12_password: hunter2}}]\n",
         "never bare"},
        {"names: [www.example.com]\ndeploy: [{files: {dir: /a, keep: 0}}]\n",
         "must lie between 1 and 100"},
        {"names: [www.example.com]\ndeploy: [{files: {dir: /a}, activate: reload}]\n",
         "sets.d/shop.yaml:2:39: deploy.activate: a program with its words or a systemd unit"},
        {"names: [www.example.com]\ndeploy: [{files: {dir: /a}, activate: [x, 1]}]\n",
         "a program with its words"},
        {"names: [www.example.com]\ndeploy: [{files: {dir: /a}, activate: {sytemd: x}}]\n",
         "did you mean \"systemd\"?"},
        {"names: [www.example.com]\ndeploy: [{files: {dir: /a}, activate: {systemd: \"-x;y\"}}]\n",
         "no name of a unit"},
        {"names: [www.example.com]\ndeploy: [{files: {dir: /a}, check: []}]\n", "check"},
        {"names: [www.example.com]\nendpoints: [shop.example.com]\n",
         "sets.d/shop.yaml:2:13: endpoints: \"shop.example.com\""},
        {"names: [www.example.com]\nendpoints: [\"shop.example.com:0\"]\n", "is no host:port"},
        {"names: [www.example.com]\nendpoints: [\"2001:db8::1:443\"]\n", "[2001:db8::1]:443"},
        {"names: [www.example.com]\nendpoints: [\"sh op:443\"]\n", "is no host:port"},
        {"names: [www.example.com]\nendpoints: [7]\n", "host:port is expected"},
        {"names: [www.example.com]\nendpoints: {a: b}\n", "a list is expected"},
        {"names: [www.example.com]\nendpoints: [\"a.example:1\", \"a.example:1\"]\n",
         "is there twice"},
        {"names: [www.example.com]\nendpoints: [{endpoint: \"a.example:1\", starttls: xmpp}]\n",
         "one of smtp"},
        {"names: [www.example.com]\nendpoints: [{endpoint: \"a.example:1\", connect: b.example}]\n",
         "is no address"},
        {"names: [www.example.com]\nnames: [x.example.com]\n", "sets.d/shop.yaml:2:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        has_words(refusal(cases[i].text), cases[i].words);
}

static void test_set_when_it_has_more_than_100_names_then_it_is_refused_and_100_are_taken(
    void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf text = BUF(64 * 1024);
    buf_add_cstr(&text, "names:\n");
    for (int i = 0; i < 100; i++)
        buf_printf(&text, "  - host%d.example.com\n", i);
    struct set_config *set = read_ok(buf_cstr(&text));
    assert_int_equal(set->n_names, 100);
    set_config_free(set);
    buf_add_cstr(&text, "  - one-too-many.example.com\n");
    has_words(refusal(buf_cstr(&text)), "101 names are too many");
}

static void test_set_when_several_things_are_wrong_then_one_reading_tells_all(void **state)
{
    (void)state;
    const char *text = refusal(
        "names: [www.example.org, x.example.com]\nauthority: three\nchallenge_alias: a..b\n");
    has_words(text, ":2:12: authority:");
    has_words(text, ":3:18: challenge_alias:");
}

static void test_set_when_one_authority_is_configured_then_it_need_not_be_named(void **state)
{
    (void)state;
    struct config *before = house.config;
    house.config = NULL;
    scratch_put("chancery.yaml",
                "seal: file:k\nauthorities: {only: {directory: https://only.example/d}}\n"
                "providers: {p: {type: exec, zones: [example.com], argv: [/bin/true]}}\n",
                0644);
    config_again();
    struct set_config *set = read_ok("names: www.example.com\n");
    assert_string_equal(set->authorities[0], "only");
    set_config_free(set);
    scratch_put("chancery.yaml",
                "seal: file:k\nauthorities: {a: {directory: https://a.example/d}, b: {directory: "
                "https://b.example/d}}\n"
                "providers: {p: {type: exec, zones: [example.com], argv: [/bin/true]}}\n",
                0644);
    config_again();
    has_words(refusal("names: www.example.com\n"), "there are several in chancery.yaml");
    config_free(house.config);
    house.config = before;
    scratch_put("chancery.yaml", FIXTURE_YAML, 0644);
}

/* a and b mean the same certificate. */
static bool same_want(const char *a, const char *b)
{
    struct set_config *x = read_ok(a), *y = read_ok(b);
    bool same = strcmp(x->want, y->want) == 0;
    set_config_free(x);
    set_config_free(y);
    return same;
}

static void test_want_when_only_delivery_differs_then_it_is_the_same(void **state)
{
    (void)state;
    assert_true(same_want("names: [a.example.com, b.example.com]\n",
                          "names: [B.example.com, a.example.com]\ndeploy: [{files: {dir: /x}}]\n"));
    assert_false(same_want("names: a.example.com\n", "names: b.example.com\n"));
    assert_false(same_want("names: a.example.com\n", "names: a.example.com\nkey: rsa-2048\n"));
    assert_false(same_want("names: a.example.com\n", "names: a.example.com\nprofile: x\n"));
    assert_false(same_want("names: a.example.com\n", "names: a.example.com\nauthority: two\n"));
    assert_false(same_want("names: a.example.com\nprofiles: {one: x}\n",
                           "names: a.example.com\nprofiles: {one: y}\n"));
}

static void test_profiles_when_they_differ_by_authority_then_each_has_its_own(void **state)
{
    (void)state;
    struct set_config *set = read_ok("names: a.example.com\nauthority: [two, one]\n"
                                     "profiles: {one: shortlived}\n");
    assert_null(set->profile);
    assert_string_equal(set_profile_of(set, "one", "https://one.example/dir"), "shortlived");
    assert_null(set_profile_of(set, "two", "https://two.example/dir"));
    assert_string_equal(set_profile_of(set, "its old name", "https://one.example/dir"),
                        "shortlived");
    assert_null(set_profile_of(set, "another", "https://another.example/dir"));
    set_config_free(set);
}

static void test_profiles_when_wrong_then_told_with_the_place(void **state)
{
    (void)state;
    has_words(refusal("names: a.example.com\nprofiles: {three: x}\n"),
              "there is no authority \"three\"");
    has_words(refusal("names: a.example.com\nprofiles: {one: x}\nprofile: y\n"),
              "write one of them");
    has_words(refusal("names: a.example.com\nprofiles: {one: 7}\n"), "put it in quotes");
    has_words(refusal("names: a.example.com\nprofiles: [x]\n"), "profiles");
}

static bool same_deploy(const char *a, const char *b)
{
    AUTO(mem_fini)
    char *one = mem_printf("names: a.example.com\ndeploy: [%s]\n", a);
    AUTO(mem_fini)
    char *two = mem_printf("names: a.example.com\ndeploy: [%s]\n", b);
    struct set_config *x = read_ok(one), *y = read_ok(two);
    bool same = strcmp(x->deploys[0].want, y->deploys[0].want) == 0;
    set_config_free(x);
    set_config_free(y);
    return same;
}

static void test_deploy_want_when_what_lies_in_the_folder_differs_then_it_differs(void **state)
{
    (void)state;
    assert_true(
        same_deploy("{files: {dir: /x}}", "{files: {dir: /x, keep: 9}, check: [a], timeout: 9s}"));
    assert_false(same_deploy("{files: {dir: /x}}", "{files: {dir: /x, mode: \"0600\"}}"));
    assert_false(same_deploy("{files: {dir: /x}}", "{files: {dir: /x, group: staff}}"));
    assert_false(same_deploy("{files: {dir: /x}}", "{files: {dir: /x, formats: key}}"));
    assert_false(same_deploy("{files: {dir: /x}}", "{files: {dir: /x}, activate: {systemd: a}}"));
}

static void test_key_when_it_is_kept_then_kind_and_keeping_can_both_be_said(void **state)
{
    (void)state;
    struct set_config *set = read_ok("names: a.example.com\nkey: keep\n");
    assert_true(set->keep_key && set->is_key_kind_free);
    assert_int_equal(set->key, KEY_ECDSA_P256);
    set_config_free(set);
    set = read_ok("names: a.example.com\nkey: rsa-3072\nkeep_key: true\n");
    assert_true(set->keep_key);
    assert_false(set->is_key_kind_free);
    assert_int_equal(set->key, KEY_RSA_3072);
    set_config_free(set);
    set = read_ok("names: a.example.com\n");
    assert_false(set->keep_key);
    set_config_free(set);
    /* Whether it stays reissues nothing. */
    assert_true(same_want("names: a.example.com\n", "names: a.example.com\nkeep_key: true\n"));
}

static void test_request_when_it_is_configured_then_only_what_is_public_is_delivered(void **state)
{
    (void)state;
    struct set_config *set = read_ok(
        "names: a.example.com\ncsr: file:a.csr\ndeploy: [{files: {dir: /x}}, {files: {dir: /y, "
        "formats: cert}}]\n");
    assert_string_equal(set->csr, "file:a.csr");
    assert_int_equal(set->deploys[0].formats, FORMAT_CERT | FORMAT_CHAIN | FORMAT_FULLCHAIN);
    assert_int_equal(set->deploys[1].formats, FORMAT_CERT);
    set_config_free(set);
    has_words(refusal("names: a.example.com\ncsr: file:a.csr\n"
                      "deploy: [{files: {dir: /x, formats: [cert, pkcs12]}}]\n"),
              "shop.yaml:3:44: deploy.files.formats: pkcs12 holds the private key");
    has_words(refusal("names: a.example.com\nkey: keep\ncsr: exec:show-csr a\n"),
              "shop.yaml:2:6: key: the key of this set is that of its certificate request");
    has_words(refusal("names: a.example.com\ncsr: /etc/a.csr\n"),
              "shop.yaml:2:6: csr: file:PATH or exec:PROGRAM WORDS");
    has_words(refusal("names: a.example.com\ncsr: \"exec: \"\n"), "csr: file:PATH or exec:");
    /* Where the request lies reissues nothing; that the key moves does. */
    assert_true(same_want("names: a.example.com\ncsr: file:a.csr\n",
                          "names: a.example.com\ncsr: exec:b\n"));
    assert_false(same_want("names: a.example.com\ncsr: file:a.csr\n", "names: a.example.com\n"));
}

static void test_chain_when_it_is_wished_for_then_it_reissues_nothing(void **state)
{
    (void)state;
    struct set_config *set = read_ok("names: a.example.com\nchain: \" ISRG Root X1 \"\n");
    assert_string_equal(set->chain, "ISRG Root X1");
    set_config_free(set);
    has_words(refusal("names: a.example.com\nchain: sha256:12:34\n"),
              "shop.yaml:2:8: chain: sha256: and the 64 hexadecimal digits");
    assert_true(same_want("names: a.example.com\n", "names: a.example.com\nchain: X\n"));
}

static void test_chain_when_defaults_name_one_then_a_set_may_name_another(void **state)
{
    struct err err = {0};
    struct config *config = NULL;
    (void)state;
    scratch_put("chancery.yaml", FIXTURE_YAML, 0644);
    scratch_put("other.yaml",
                "store: sqlite:c.db\nseal: file:seal.key\nauthorities:\n"
                "  one: {directory: https://one.example/dir}\n"
                "providers:\n  corp: {type: exec, zones: [example.com], argv: [/bin/true]}\n"
                "defaults: {chain: Root A, keep_key: true}\n",
                0644);
    struct config *before = house.config;
    must(config_load(scratch("other.yaml"), no_environment, &house.config, &err), &err);
    struct set_config *set = read_ok("names: a.example.com\n");
    assert_string_equal(set->chain, "Root A");
    assert_true(set->keep_key);
    set_config_free(set);
    set = read_ok("names: a.example.com\nchain: Root B\nkeep_key: false\n");
    assert_string_equal(set->chain, "Root B");
    assert_false(set->keep_key);
    set_config_free(set);
    set = read_ok("names: a.example.com\ncsr: file:a\n");
    assert_false(set->keep_key);
    set_config_free(set);
    config_free(house.config);
    house.config = before;
    scratch_put("other.yaml",
                "store: sqlite:c.db\nseal: file:seal.key\nauthorities:\n"
                "  one: {directory: https://one.example/dir}\n"
                "providers:\n  corp: {type: exec, zones: [example.com], argv: [/bin/true]}\n"
                "defaults: {chain: \"sha256:1\"}\n",
                0644);
    assert_false(config_load(scratch("other.yaml"), no_environment, &config, &err));
    has_words(err.text, "other.yaml:7:19: defaults.chain: sha256:");
}

static void test_challenge_when_chosen_then_zones_are_asked_for_only_where_orders_publish(
    void **state)
{
    (void)state;
    struct set_config *set = read_ok("names: [shop.example.com]\n");
    AUTO(mem_fini)
    char *want = mem_strdup(set->want);
    assert_int_equal(set->challenge, CHALLENGE_DNS_01);
    set_config_free(set);
    set = read_ok("names: [shop.example.com]\nchallenge: dns-account-01\n");
    assert_int_equal(set->challenge, CHALLENGE_DNS_ACCOUNT_01);
    assert_string_equal(set->want, want); /* no certificate is made anew for it */
    set_config_free(set);
    /* A person publishes its record. */
    set = read_ok("names: [www.example.org]\nchallenge: dns-persist-01\n");
    assert_int_equal(set->challenge, CHALLENGE_DNS_PERSIST_01);
    set_config_free(set);
}

/* Where a name holds one value, an order that needs two at once would never be served. */
static void test_names_when_they_need_more_values_than_there_is_room_for_then_told_before_any_order(
    void **state)
{
    (void)state;
    struct err err = {0};
    struct config *before = house.config;
    scratch_put("other.yaml",
                "store: sqlite:c.db\nseal: file:seal.key\nauthorities:\n"
                "  one: {directory: https://one.example/dir}\n"
                "providers:\n"
                "  corp: {type: exec, zones: [example.com], argv: [/bin/true]}\n"
                "  he: {type: hurricane, zones: [example.net], tokens: file:he}\n"
                "  duck: {type: duckdns, zones: [mine.duckdns.org], token: file:duck}\n",
                0644);
    must(config_load(scratch("other.yaml"), no_environment, &house.config, &err), &err);
    set_config_free(read_ok("names: [example.net, www.example.net]\n"));
    set_config_free(read_ok("names: [\"*.example.net\"]\n"));
    set_config_free(read_ok("names: [mine.duckdns.org]\n"));
    set_config_free(read_ok("names: [a.example.com, \"*.a.example.com\"]\n"));
    set_config_free(
        read_ok("names: [example.net, \"*.example.net\"]\nchallenge_alias: x.example.com\n"));
    has_words(refusal("names: [example.net, \"*.example.net\"]\n"),
              "2 names of this set need a TXT value at _acme-challenge.example.net at once, but "
              "provider he (hurricane) holds 1 there");
    has_words(refusal("names: [mine.duckdns.org, www.mine.duckdns.org]\n"),
              "at mine.duckdns.org at once");
    has_words(refusal("names: [a.example.com, b.example.com]\nchallenge_alias: x.example.net\n"),
              "at x.example.net at once");
    config_free(house.config);
    house.config = before;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_when_it_holds_only_names_then_defaults_fill_the_rest),
        cmocka_unit_test(test_set_when_everything_is_said_then_everything_is_read),
        cmocka_unit_test(test_set_when_something_is_wrong_then_place_and_cure_are_told),
        cmocka_unit_test(
            test_set_when_it_has_more_than_100_names_then_it_is_refused_and_100_are_taken),
        cmocka_unit_test(test_set_when_several_things_are_wrong_then_one_reading_tells_all),
        cmocka_unit_test(test_set_when_one_authority_is_configured_then_it_need_not_be_named),
        cmocka_unit_test(test_want_when_only_delivery_differs_then_it_is_the_same),
        cmocka_unit_test(test_profiles_when_they_differ_by_authority_then_each_has_its_own),
        cmocka_unit_test(test_profiles_when_wrong_then_told_with_the_place),
        cmocka_unit_test(test_deploy_want_when_what_lies_in_the_folder_differs_then_it_differs),
        cmocka_unit_test(test_key_when_it_is_kept_then_kind_and_keeping_can_both_be_said),
        cmocka_unit_test(test_request_when_it_is_configured_then_only_what_is_public_is_delivered),
        cmocka_unit_test(
            test_names_when_they_need_more_values_than_there_is_room_for_then_told_before_any_order),
        cmocka_unit_test(
            test_challenge_when_chosen_then_zones_are_asked_for_only_where_orders_publish),
        cmocka_unit_test(test_chain_when_it_is_wished_for_then_it_reissues_nothing),
        cmocka_unit_test(test_chain_when_defaults_name_one_then_a_set_may_name_another),
    };
    return cmocka_run_group_tests(tests, house_make, house_remove);
}
