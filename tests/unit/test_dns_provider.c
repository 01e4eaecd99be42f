/* SEES: base config dns-providers */
#include "dns-providers/dns_provider.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* What providers ask and hear is tested by their talks; here is what is common to all of them. */

static void test_all_when_listed_then_in_name_order_and_complete(void **state)
{
    (void)state;
    size_t n;
    const struct dns_provider *const *all = dns_provider_all(&n);
    assert_true(n >= 2);
    for (size_t i = 0; i < n; i++) {
        const struct dns_provider *p = all[i];
        assert_true(i == 0 || strcmp(all[i - 1]->name, p->name) < 0);
        assert_ptr_equal(dns_provider_find(p->name), p);
        assert_int_equal(p->abi_major, DNS_PROVIDER_ABI_MAJOR);
        assert_int_equal(p->struct_size, sizeof *p);
        assert_non_null(p->step);
        assert_true((p->begin == NULL) == (p->end == NULL));
        assert_true(strlen(p->title) > 0 && strlen(p->sentence) > 0);
    }
}

static void test_find_when_unknown_then_null(void **state)
{
    (void)state;
    assert_ptr_equal(dns_provider_find("powerdns"), dns_provider_find("pdns"));
    assert_null(dns_provider_find("rfc213"));
    assert_null(dns_provider_find("rfc21366"));
    assert_null(dns_provider_find(""));
}

/* The configuration owns these words in every provider's section. */
static const char *const common[] = {
    "type",        "zones",     "ttl",           "follow_cname",
    "propagation", "resolvers", "authoritative", "authoritative_port"};

static void check_names(const struct section *section)
{
    for (size_t i = 0; i < section->n; i++) {
        const struct setting *s = &section->settings[i];
        for (size_t j = 0; j < sizeof common / sizeof common[0]; j++)
            assert_string_not_equal(s->name, common[j]);
        assert_true(strlen(s->sentence) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(s->name, section->settings[j].name);
        if (s->kind == SETTING_SECTION)
            check_names(s->section);
    }
}

static void test_settings_when_any_provider_then_named_once_and_explained(void **state)
{
    (void)state;
    size_t n;
    const struct dns_provider *const *all = dns_provider_all(&n);
    for (size_t i = 0; i < n; i++)
        check_names(all[i]->settings);
}

/* type and zones belong to the configuration and are taken off before a provider sees its section. */
static void test_example_when_any_provider_then_its_own_table_takes_it(void **state)
{
    (void)state;
    size_t n;
    const struct dns_provider *const *all = dns_provider_all(&n);
    for (size_t i = 0; i < n; i++) {
        AUTO(yaml_fini)
        struct yaml *doc = NULL;
        AUTO(json_fini)
        struct json *section = NULL, *checked = NULL;
        AUTO(buf_fini)
        struct buf wrong = BUF(4096);
        struct complaints complaints = {0};
        struct err err = {0};
        const char *name;
        const struct json *written;
        assert_non_null(all[i]->example);
        assert_true(yaml_parse(str_of(all[i]->example), "example", &doc, &err));
        assert_true(json_member(yaml_tree(doc), 0, &name, &written));
        assert_string_equal(json_text(written, "type"), all[i]->name);
        assert_true(json_len(json_find(written, "zones")) > 0);
        section = json_copy(written);
        json_remove(section, "type");
        json_remove(section, "zones");
        checked = table_check(doc, section, all[i]->settings, &complaints);
        complaints_format(&complaints, &wrong);
        complaints_fini(&complaints);
        if (checked == NULL)
            fail_msg("%s: %s", all[i]->name, buf_cstr(&wrong));
        if (all[i]->check != NULL)
            assert_true(all[i]->check(all[i], checked, &err));
    }
}

static void test_document_when_made_then_holds_settings_example_and_rights(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf page = BUF(1 << 16);
    dns_provider_document(dns_provider_find("rfc2136"), &page);
    assert_true(str_starts(buf_str(&page), STR("# rfc2136\n")));
    static const char *const words[] = {
        "update-policy",       "type: rfc2136", "applied whole or not at all",
        "providers.NAME.tsig", "hmac-sha512",   "https://www.rfc-editor.org/rfc/rfc2136"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strstr(buf_cstr(&page), words[i]) == NULL)
            fail_msg("\"%s\" is not in:\n%s", words[i], buf_cstr(&page));
    buf_clear(&page);
    dns_provider_document(dns_provider_find("exec"), &page);
    assert_non_null(strstr(buf_cstr(&page), "One record at a time."));
    assert_null(strstr(buf_cstr(&page), "Described at"));
}

static void test_document_when_module_is_of_an_older_abi_then_newer_members_are_not_read(
    void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf page = BUF(1 << 16);
    struct dns_provider old = *dns_provider_find("exec");
    old.struct_size = offsetof(struct dns_provider, example);
    old.example = old.rights = (const char *)1;
    dns_provider_document(&old, &page);
    assert_null(strstr(buf_cstr(&page), "Example"));
}

static void test_hosts_when_a_row_has_a_star_then_it_is_any_one_label(void **state)
{
    (void)state;
    static const char *const good[] = {"dns.eu-1.example.net", "DNS.x.Example.NET"};
    static const char *const bad[] = {"dns.example.net",     "dns..example.net",
                                      "dns.a.b.example.net", "dns.eu.example.net.evil",
                                      "eu.example.net",      "dns.eu.example.net:8443",
                                      "xdns.eu.example.net", "dns.eu:1.example.net",
                                      "dns.eu.example.org",  "evil/dns.eu.example.net"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(dns_provider_host_fits("dns.*.example.net", good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (dns_provider_host_fits("dns.*.example.net", bad[i]))
            fail_msg("%s was taken", bad[i]);
    assert_true(dns_provider_host_fits("api.example.net", "API.example.net"));
    assert_false(dns_provider_host_fits("api.example.net", "api.example.net.evil"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_when_listed_then_in_name_order_and_complete),
        cmocka_unit_test(test_find_when_unknown_then_null),
        cmocka_unit_test(test_hosts_when_a_row_has_a_star_then_it_is_any_one_label),
        cmocka_unit_test(test_settings_when_any_provider_then_named_once_and_explained),
        cmocka_unit_test(test_example_when_any_provider_then_its_own_table_takes_it),
        cmocka_unit_test(test_document_when_made_then_holds_settings_example_and_rights),
        cmocka_unit_test(
            test_document_when_module_is_of_an_older_abi_then_newer_members_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
