/* SEES: base crypto acme */
#include "acme/exchange.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DIRECTORY "https://ca.test/directory"
#define LOOPBACK  "http://127.0.0.1:14000/dir"

static bool may_be_asked(const char *url, const char *directory)
{
    struct err err = {0};
    bool may = acme_url_check(url, directory, &err);
    if (!may) {
        assert_int_equal(err.kind, ERR_BROKEN);
        assert_true(strlen(err.text) < 400);
    }
    return may;
}

static void test_url_when_https_then_may_be_asked(void **state)
{
    (void)state;
    const char *const urls[] = {
        "https://ca.test/a",
        "https://ca.test",
        "https://ca.test?x=1",
        "HTTPS://CA.TEST/A",
        "https://ca.test:8443/acme/%2Fauthz/1?q=%20&r=a/b",
        "https://192.0.2.7/x",
        "https://[2001:db8::1]:443/x",
        "https://a_b.test/~x!$&'()*+,;=:@",
        "https://ca.test/path@with-at",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        if (!may_be_asked(urls[i], DIRECTORY))
            fail_msg("%s was refused", urls[i]);
}

static void test_url_when_odd_then_refused(void **state)
{
    (void)state;
    const char *const urls[] = {
        "",
        "https://",
        "https:///path",
        "https:ca.test/",
        "//ca.test/",
        "/acme/order/1",
        "ftp://ca.test/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://user@ca.test/",
        "https://user:pw@ca.test/",
        "https://ca.test:@evil.test/",
        "https://ca.test\\@evil.test/",
        "https://ca.test/a b",
        "https://ca.test/a\tb",
        "https://ca.test/a\r\nHost: evil",
        "https://ca.test/\x01",
        "https://ca.test/\x7f",
        "https://ca.test/\xc3\xa9",
        "https://ca.test/#fragment",
        "https://ca.test/\"><script>",
        "https://ca.test:0/",
        "https://ca.test:65536/",
        "https://ca.test:80x/",
        "https://ca.test:/",
        "https://ca.test:-1/",
        "https://[2001:db8::1/",
        "https://[2001:db8::1]x/",
        "https://[]/",
        "https://[::1%25eth0]/",
        "https://ca.te%73t/",
        "https://ca,test/",
        "https://:443/",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        if (may_be_asked(urls[i], DIRECTORY))
            fail_msg("\"%s\" was accepted", urls[i]);
    assert_false(may_be_asked(NULL, DIRECTORY));
}

static void test_url_when_http_then_only_between_loopbacks(void **state)
{
    (void)state;
    assert_false(may_be_asked("http://ca.test/x", DIRECTORY));
    assert_false(may_be_asked("http://127.0.0.1/x", DIRECTORY));
    assert_false(may_be_asked("http://127.0.0.1/x", NULL));
    assert_true(may_be_asked("http://127.0.0.1:14000/x", LOOPBACK));
    assert_true(may_be_asked("http://localhost:14000/x", LOOPBACK));
    assert_true(may_be_asked("http://[::1]:14000/x", LOOPBACK));
    assert_true(may_be_asked("https://ca.test/x", LOOPBACK));
    assert_true(may_be_asked(LOOPBACK, LOOPBACK));
    assert_false(may_be_asked("http://192.0.2.1/x", LOOPBACK));
    assert_false(may_be_asked("http://127.0.0.1.evil.test/x", LOOPBACK));
    assert_false(may_be_asked("http://127.1/x", LOOPBACK));
    assert_false(may_be_asked("http://169.254.169.254/latest", LOOPBACK));
    assert_false(may_be_asked("http://127.0.0.1/x", "http://ca.test/dir"));
    assert_false(may_be_asked("http://ca.test/x", "http://ca.test/dir"));
}

static void test_url_when_long_then_refused_beyond_2048(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf url = BUF(4096);
    buf_add_cstr(&url, "https://ca.test/");
    while (url.len < 2048)
        buf_add_char(&url, 'a');
    assert_true(may_be_asked(buf_cstr(&url), DIRECTORY));
    buf_add_char(&url, 'a');
    assert_false(may_be_asked(buf_cstr(&url), DIRECTORY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url_when_https_then_may_be_asked),
        cmocka_unit_test(test_url_when_odd_then_refused),
        cmocka_unit_test(test_url_when_http_then_only_between_loopbacks),
        cmocka_unit_test(test_url_when_long_then_refused_beyond_2048),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
