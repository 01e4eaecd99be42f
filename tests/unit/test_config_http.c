/* SEES: base crypto io store config acme dns-providers inventory */
/* The section `http` of chancery.yaml: who may ask for what, and what is refused because it would show more than was meant. */
#include "house_fixture.h"

#define HASH  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HASH2 "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define REST                                                                                       \
    "seal: file:seal.key\n"                                                                        \
    "authorities: {one: {directory: https://one.example/dir}}\n"                                   \
    "providers: {corp: {type: exec, zones: [example.com], argv: [/bin/true]}}\n"

static struct config *load(const char *http)
{
    struct err err = {0};
    struct config *config = NULL;
    AUTO(mem_fini)
    char *text = mem_printf("%s%s", REST, http);
    scratch_put("chancery.yaml", text, 0644);
    must(config_load(scratch("chancery.yaml"), no_environment, &config, &err), &err);
    return config;
}

static void refused(const char *http, const char *part)
{
    struct err err = {0};
    struct config *config = NULL;
    AUTO(mem_fini)
    char *text = mem_printf("%s%s", REST, http);
    scratch_put("chancery.yaml", text, 0644);
    if (config_load(scratch("chancery.yaml"), no_environment, &config, &err)) {
        config_free(config);
        fail_msg("accepted: %s", http);
    }
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, err.text);
}

static void test_http_when_absent_then_off_and_when_empty_then_loopback_without_passes(void **state)
{
    (void)state;
    struct config *c = load("");
    assert_false(c->http.is_on);
    config_free(c);
    c = load("http: {listen: 127.0.0.1}\n");
    assert_true(c->http.is_on);
    assert_true(net_address_is_loopback(&c->http.listen));
    assert_int_equal(c->http.listen.port, 9443);
    assert_int_equal(c->http.n_passes, 0);
    config_free(c);
}

static void test_passes_when_read_then_names_and_rights_are_theirs(void **state)
{
    (void)state;
    struct config *c = load(
        "http:\n"
        "  tls: {certificate: http.pem, key: file:http.key, client_ca: ca.pem}\n"
        "  listen: 0.0.0.0:9443\n"
        "  tokens: [{name: web1, sha256: " HASH
        ", names: [Example.com, \"*.shop.Example.com.\"], may: [lock, status]}]\n"
        "  clients:\n"
        "    - {name: prom, fingerprint: \"01:23:45:67:89:ab:cd:ef:01:23:45:67:89:AB:CD:EF:01:23:"
        "45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef\", may: metrics}\n"
        "    - {name: edge, subject: \"CN=edge1,O=Example\", names: \"*\", may: [lock]}\n");
    assert_int_equal(c->http.n_passes, 3);
    const struct http_pass *web = &c->http.passes[0], *prom = &c->http.passes[1],
                           *edge = &c->http.passes[2];
    assert_int_equal(web->may, HTTP_MAY_LOCK | HTTP_MAY_STATUS);
    assert_int_equal(web->sha256[1], 0x23);
    static const struct {
        const char *name;
        bool fits;
    } cases[] = {{"example.com", true},        {"www.example.com", false},
                 {"a.shop.example.com", true}, {"b.a.shop.example.com", true},
                 {"shop.example.com", false},  {"xshop.example.com", false},
                 {"other.org", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(http_pass_is_for(web, cases[i].name), cases[i].fits);
    assert_string_equal(prom->fingerprint, HASH);
    assert_int_equal(prom->may, HTTP_MAY_METRICS);
    assert_false(http_pass_is_for(prom, "example.com"));
    assert_string_equal(edge->subject, "CN=edge1,O=Example");
    assert_true(http_pass_is_for(edge, "anything.at.all"));
    assert_true(str_ends(str_of(c->http.certificate), STR("/http.pem")));
    config_free(c);
}

static void test_http_when_it_would_show_too_much_then_refused_with_what_to_do(void **state)
{
    (void)state;
    refused("http: {listen: \"0.0.0.0:9443\"}\n", "set http.tls, or listen on 127.0.0.1");
    refused("http: {listen: \"[2001:db8::1]:9443\"}\n", "can be reached from elsewhere");
    refused("http: {listen: nowhere}\n", "is no address");
    refused("http: {tokens: [{name: a, sha256: " HASH ", may: lock}]}\n", "`names` is missing");
    refused("http: {tokens: [{name: a, sha256: " HASH ", names: [\"*.*.com\"], may: lock}]}\n",
            "http: ");
    refused("http: {tokens: [{name: a, sha256: "
            "zz23456789abcdef0123456789abcdef0123456789abcdef0123456789"
            "abcdef, names: a.com, may: lock}]}\n",
            "64 hex digits");
    refused("http: {tokens: [{name: a b, sha256: " HASH ", may: metrics}]}\n", "printable ASCII");
    refused("http: {tokens: [{name: a, sha256: " HASH ", may: metrics}, {name: b, sha256: " HASH
            ", may: metrics}]}\n",
            "are the same token");
    refused("http: {tokens: [{name: a, sha256: " HASH ", may: metrics}, {name: a, sha256: " HASH2
            ", may: metrics}]}\n",
            "is there twice");
    refused("http: {clients: [{name: a, subject: CN=a, may: metrics}]}\n", "client_ca");
    refused("http: {tls: {certificate: a, key: file:b, client_ca: c}, clients: [{name: a, may: "
            "metrics}]}\n",
            "either `fingerprint` or `subject`");
    refused("http: {tokens: [{name: a, sha256: " HASH ", may: write}]}\n", "may");
    refused("http: {tls: {certificate: a, key: plain}}\n", "key");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_http_when_absent_then_off_and_when_empty_then_loopback_without_passes),
        cmocka_unit_test(test_passes_when_read_then_names_and_rights_are_theirs),
        cmocka_unit_test(test_http_when_it_would_show_too_much_then_refused_with_what_to_do),
    };
    return cmocka_run_group_tests(tests, house_make, house_remove);
}
