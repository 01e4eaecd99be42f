/* SEES: base fake */
/* The fake authority as it misbehaves: knobs, faults, wrong certificates. */
#include "fake/mini_client.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define BASE "https://ca.test"

static const char *const names[] = {"a.example.com", "b.example.com"};

struct world {
    struct fake_ca *ca;
    struct mini_client m;
};

static int world_open(void **state)
{
    struct world *w = NEW(struct world);
    w->ca = fake_ca_new(NULL);
    mini_client_init(&w->m, w->ca, BASE, "P-256", time_from_civil(2030, 1, 1, 0, 0, 0));
    assert_int_equal(mini_register(&w->m), 201);
    *state = w;
    return 0;
}

static int world_close(void **state)
{
    struct world *w = *state;
    mini_client_fini(&w->m);
    fake_ca_free(w->ca);
    mem_free(w);
    return 0;
}

static void fault(struct world *w, const char *members)
{
    struct err err = {0};
    AUTO(mem_fini)
    char *json = mem_printf("{\"faults\":[{%s}]}", members);
    if (!fake_ca_set(w->ca, str_of(json), &err))
        fail_msg("%s", err.text);
}

static void test_set_when_any_member_is_wrong_then_nothing_changes(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    assert_false(fake_ca_set(w->ca, STR("{\"validity_s\":60,\"validty\":1}"), &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "validty"));
    assert_false(fake_ca_set(w->ca, STR("{\"validity_s\":\"60\"}"), &err));
    assert_false(fake_ca_set(w->ca, STR("{\"validity_s\":60,\"faults\":[{\"on\":\"x\"}]}"), &err));
    assert_false(
        fake_ca_set(w->ca, STR("{\"faults\":[{\"on\":\"order\",\"act\":\"nap\"}]}"), &err));
    assert_non_null(strstr(err.text, "faults[0]"));
    assert_true(mini_issue(&w->m, NULL, names, 2, ""));
    const struct fake_certificate *cert = fake_ca_certificate(w->ca, 0);
    assert_int_equal(cert->not_after_ms - cert->not_before_ms, 7775999 * MS_SECOND);
}

static void test_set_when_posted_then_knobs_are_shown(void **state)
{
    struct world *w = *state;
    mini_send(&w->m, BASE "/ca-set", "application/json", "{\"latency_ms\":25}");
    assert_int_equal(w->m.reply.status, 200);
    assert_int_equal(json_int(w->m.body, "latency_ms", 0), 25);
    assert_int_equal(w->m.reply.delay_ms, 0);
    mini_get(&w->m, "GET", BASE "/directory");
    assert_int_equal(w->m.reply.delay_ms, 25);
    mini_send(&w->m, BASE "/ca-set", "application/json", "{\"latency\":25}");
    assert_int_equal(w->m.reply.status, 400);
}

static void test_fault_when_503_then_no_effect_and_retry_after(void **state)
{
    struct world *w = *state;
    fault(w, "\"on\":\"newOrder\",\"act\":\"503\",\"retry_after\":\"120\"");
    assert_null(mini_order(&w->m, names, 2, ""));
    assert_int_equal(w->m.reply.status, 503);
    assert_string_equal(fake_reply_header(&w->m.reply, "retry-after"), "120");
    assert_int_equal(fake_ca_counts(w->ca)->orders_made, 0);
    assert_int_equal(fake_ca_counts(w->ca)->faults, 1);
    AUTO(mem_fini)
    char *url = mini_order(&w->m, names, 2, "");
    assert_non_null(url);
}

static void test_fault_when_429_then_problem_link_and_nonce(void **state)
{
    struct world *w = *state;
    fault(w, "\"on\":\"newOrder\",\"act\":\"429\"");
    assert_null(mini_order(&w->m, names, 2, ""));
    assert_string_equal(mini_problem(&w->m), "rateLimited");
    assert_null(fake_reply_header(&w->m.reply, "retry-after"));
    assert_non_null(fake_reply_header(&w->m.reply, "replay-nonce"));
}

static void test_fault_when_drop_reply_then_effect_and_no_reply(void **state)
{
    struct world *w = *state;
    fault(w, "\"on\":\"newOrder\",\"act\":\"drop-reply\"");
    mem_free(mini_order(&w->m, names, 2, ""));
    assert_true(w->m.reply.drop);
    assert_int_equal(fake_ca_counts(w->ca)->orders_made, 1);
    fault(w, "\"on\":\"newOrder\",\"act\":\"drop-request\"");
    mem_free(mini_order(&w->m, names, 2, ""));
    assert_true(w->m.reply.drop);
    assert_int_equal(fake_ca_counts(w->ca)->orders_made, 1);
}

static void test_fault_when_nth_and_times_then_only_those(void **state)
{
    struct world *w = *state;
    static const int wanted[] = {204, 500, 500, 204, 204};
    fault(w, "\"on\":\"newNonce\",\"act\":\"500\",\"nth\":2,\"times\":2");
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(mini_get(&w->m, "GET", BASE "/acme/new-nonce"), wanted[i]);
    fault(w, "\"on\":\"any\",\"act\":\"500\",\"times\":0");
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(mini_get(&w->m, "GET", BASE "/acme/new-nonce"), 500);
}

static void test_fault_when_percent_then_about_so_many(void **state)
{
    struct world *w = *state;
    fault(w, "\"on\":\"newNonce\",\"act\":\"500\",\"times\":0,\"percent\":30");
    for (size_t i = 0; i < 1000; i++)
        mini_get(&w->m, "GET", BASE "/acme/new-nonce");
    assert_in_range(fake_ca_counts(w->ca)->faults, 240, 360);
}

static void test_fault_when_named_then_only_orders_with_that_name(void **state)
{
    struct world *w = *state;
    static const char *const other[] = {"other.example.com"};
    fault(w, "\"on\":\"any\",\"act\":\"500\",\"times\":0,\"name\":\"b.example.com\"");
    assert_true(mini_issue(&w->m, NULL, other, 1, ""));
    assert_null(mini_order(&w->m, names, 2, ""));
    assert_int_equal(w->m.reply.status, 500);
    fault(w, "\"on\":\"challenge\",\"act\":\"500\",\"times\":0,\"name\":\"b.example.com\"");
    assert_false(mini_issue(&w->m, NULL, names, 2, ""));
    assert_int_equal(fake_ca_counts(w->ca)->validations_ok, 2);
}

static void test_fault_when_problem_is_spelled_out_then_that_one(void **state)
{
    struct world *w = *state;
    fault(w, "\"on\":\"order\",\"act\":\"problem:403:userActionRequired:new terms\"");
    mini_post(&w->m, BASE "/acme/order/1", "");
    assert_int_equal(w->m.reply.status, 403);
    assert_string_equal(mini_problem(&w->m), "userActionRequired");
    assert_string_equal(json_text(w->m.body, "detail"), "new terms");
    assert_non_null(json_text(w->m.body, "instance"));
}

static void test_fault_when_authz_invalid_then_order_too(void **state)
{
    struct world *w = *state;
    fault(w, "\"on\":\"challenge\",\"act\":\"invalid-authz\"");
    AUTO(mem_fini)
    char *url = mini_order(&w->m, names, 2, "");
    mini_answer_all(&w->m, url);
    mini_post(&w->m, url, "");
    assert_string_equal(json_text(w->m.body, "status"), "invalid");
    assert_non_null(json_find(w->m.body, "error"));
}

static void test_fault_when_processing_forever_then_never_valid(void **state)
{
    struct world *w = *state;
    fault(w, "\"on\":\"finalize\",\"act\":\"processing-forever\"");
    assert_false(mini_issue(&w->m, NULL, names, 2, ""));
    w->m.now_ms += MS_DAY;
    mini_post(&w->m, BASE "/acme/order/1", "");
    assert_string_equal(json_text(w->m.body, "status"), "processing");
    fault(w, "\"on\":\"challenge\",\"act\":\"processing-forever\"");
    AUTO(mem_fini)
    char *url = mini_order(&w->m, names, 1, "");
    mini_answer_all(&w->m, url);
    w->m.now_ms += MS_HOUR;
    mini_post(&w->m, url, "");
    assert_string_equal(json_text(w->m.body, "status"), "pending");
}

static void test_fault_when_body_is_spoiled_then_as_described(void **state)
{
    struct world *w = *state;
    const char *url = BASE "/directory";
    fault(w, "\"on\":\"directory\",\"act\":\"empty\"");
    assert_int_equal(mini_get(&w->m, "GET", url), 200);
    assert_int_equal(w->m.reply.body.len, 0);
    fault(w, "\"on\":\"directory\",\"act\":\"deep\"");
    mini_get(&w->m, "GET", url);
    assert_int_equal(w->m.reply.body.len, 100000);
    fault(w, "\"on\":\"directory\",\"act\":\"huge\"");
    mini_get(&w->m, "GET", url);
    assert_int_equal(w->m.reply.filler_len, INT64_C(1) << 30);
    fault(w, "\"on\":\"directory\",\"act\":\"truncate\"");
    mini_get(&w->m, "GET", url);
    assert_in_range(w->m.reply.cut_after, 1, w->m.reply.body.len - 1);
    fault(w, "\"on\":\"directory\",\"act\":\"duplicate-key\"");
    mini_get(&w->m, "GET", url);
    assert_null(w->m.body); /* our parser refuses doubles */
    assert_non_null(strstr(w->m.reply.body.p, "\"status\":\"valid\",\"status\""));
    fault(w, "\"on\":\"directory\",\"act\":\"set:newOrder=file:///etc/passwd\"");
    mini_get(&w->m, "GET", url);
    assert_string_equal(json_text(w->m.body, "newOrder"), "file:///etc/passwd");
    fault(w, "\"on\":\"directory\",\"act\":\"remove:newOrder\"");
    mini_get(&w->m, "GET", url);
    assert_null(json_find(w->m.body, "newOrder"));
    fault(w, "\"on\":\"directory\",\"act\":\"page\"");
    mini_get(&w->m, "GET", url);
    assert_null(w->m.body);
    assert_string_equal(fake_reply_header(&w->m.reply, "content-type"), "text/html");
    fault(w, "\"on\":\"directory\",\"act\":\"raw:\\\"n\\\":1e400,\"");
    mini_get(&w->m, "GET", url);
    assert_true(strncmp(w->m.reply.body.p, "{\"n\":1e400,", 11) == 0);
    fault(w, "\"on\":\"directory\",\"act\":\"header:location=http://127.0.0.1/=\","
             "\"retry_after\":\"1\\n2\"");
    mini_get(&w->m, "GET", url);
    assert_string_equal(fake_reply_header(&w->m.reply, "location"), "http://127.0.0.1/=");
    assert_string_equal(fake_reply_header(&w->m.reply, "retry-after"), "1");
    assert_string_equal(w->m.reply.headers[w->m.reply.n_headers - 2].value, "2");
    fault(w, "\"on\":\"newNonce\",\"act\":\"no-header:replay-nonce\"");
    mini_get(&w->m, "GET", BASE "/acme/new-nonce");
    assert_null(fake_reply_header(&w->m.reply, "replay-nonce"));
}

static void test_forget_when_orders_then_404_and_account_stays(void **state)
{
    struct world *w = *state;
    assert_true(fake_ca_set(w->ca, STR("{\"validate_ms\":1000}"), NULL));
    AUTO(mem_fini)
    char *url = mini_order(&w->m, names, 2, "");
    mini_answer_all(&w->m, url);
    assert_true(fake_ca_set(w->ca, STR("{\"forget\":\"orders\",\"validate_ms\":0}"), NULL));
    w->m.now_ms += 5000;
    assert_int_equal(mini_post(&w->m, url, ""), 404);
    assert_true(mini_issue(&w->m, NULL, names, 2, ""));
    assert_true(fake_ca_set(w->ca, STR("{\"forget\":\"accounts\"}"), NULL));
    mini_post(&w->m, w->m.kid, "");
    assert_string_equal(mini_problem(&w->m), "accountDoesNotExist");
}

/* --- wrong certificates ------------------------------------------------------------------------ */

struct seen {
    int n;          /* certificates in the chain */
    int leaf_first; /* the first is no authority */
    int key_is_ours, covers_both, covers_stranger, started, ended;
    int links; /* the first is signed by the second */
};

static struct seen look(const struct fake_reply *reply, EVP_PKEY *key, int64_t now_ms)
{
    struct seen s = {0};
    time_t now = (time_t)(now_ms / 1000);
    BIO *bio = BIO_new_mem_buf(reply->body.p, (int)reply->body.len);
    X509 *first = NULL, *x509;
    while ((x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
        if (s.n++ == 1)
            s.links = X509_verify(first, X509_get0_pubkey(x509)) == 1;
        if (first == NULL)
            first = x509;
        else
            X509_free(x509);
    }
    BIO_free(bio);
    ERR_clear_error();
    if (first == NULL)
        return s;
    s.leaf_first = X509_check_ca(first) == 0;
    s.key_is_ours = EVP_PKEY_eq(X509_get0_pubkey(first), key) == 1;
    s.covers_both = X509_check_host(first, names[0], 0, 0, NULL) == 1 &&
                    X509_check_host(first, names[1], 0, 0, NULL) == 1;
    s.covers_stranger = X509_check_host(first, "nobody-asked.example.org", 0, 0, NULL) == 1;
    s.started = X509_cmp_time(X509_get0_notBefore(first), &now) < 0;
    s.ended = X509_cmp_time(X509_get0_notAfter(first), &now) < 0;
    X509_free(first);
    return s;
}

static struct seen fetch(struct world *w, EVP_PKEY *key, const char *kind)
{
    char members[128];
    snprintf(members, sizeof(members), "\"on\":\"certificate\",\"act\":\"wrong-cert:%s\"", kind);
    fault(w, members);
    snprintf(members, sizeof(members), BASE "/acme/certificate/%s",
             fake_ca_certificate(w->ca, 0)->serial);
    assert_int_equal(mini_post(&w->m, members, ""), 200);
    return look(&w->m.reply, key, w->m.now_ms);
}

static void test_wrong_cert_when_each_kind_then_wrong_in_that_way_only(void **state)
{
    struct world *w = *state;
    EVP_PKEY *key = mini_pkey_new();
    static const struct {
        const char *kind;
        struct seen want;
    } rows[] = {
        {"none", {2, true, true, true, false, true, false, true}},
        {"other-key", {2, true, false, true, false, true, false, true}},
        {"missing-name", {2, true, true, false, false, true, false, true}},
        {"extra-name", {2, true, true, true, true, true, false, true}},
        {"other-names", {2, true, true, false, true, true, false, true}},
        {"expired", {2, true, true, true, false, true, true, true}},
        {"future", {2, true, true, true, false, false, false, true}},
        {"no-chain", {1, true, true, true, false, true, false, false}},
        {"shuffled", {2, false, false, false, false, true, false, false}},
        {"wrong-issuer", {2, true, true, true, false, true, false, false}},
        {"garbage", {0, false, false, false, false, false, false, false}},
        {"1000-links", {1001, true, true, true, false, true, false, true}},
        {"truncated", {0, false, false, false, false, false, false, false}},
    };
    assert_true(mini_issue(&w->m, key, names, 2, ""));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct seen got = fetch(w, key, rows[i].kind);
        if (memcmp(&got, &rows[i].want, sizeof(got)) != 0)
            fail_msg("%s: n %d leaf_first %d key %d names %d stranger %d started %d ended %d "
                     "links %d",
                     rows[i].kind, got.n, got.leaf_first, got.key_is_ours, got.covers_both,
                     got.covers_stranger, got.started, got.ended, got.links);
    }
    EVP_PKEY_free(key);
}

static void test_wrong_cert_when_set_at_finalize_then_every_download(void **state)
{
    struct world *w = *state;
    EVP_PKEY *key = mini_pkey_new();
    fault(w, "\"on\":\"finalize\",\"act\":\"wrong-cert:other-key\"");
    assert_true(mini_issue(&w->m, key, names, 2, ""));
    assert_false(look(&w->m.reply, key, w->m.now_ms).key_is_ours);
    AUTO(mem_fini)
    char *url = mem_printf(BASE "/acme/certificate/%s", fake_ca_certificate(w->ca, 0)->serial);
    mini_post(&w->m, url, "");
    assert_false(look(&w->m.reply, key, w->m.now_ms).key_is_ours);
    EVP_PKEY_free(key);
}

static void test_fault_when_ari_acts_then_windows_as_named(void **state)
{
    struct world *w = *state;
    static const char *const acts[] = {"ari-inverted", "ari-past", "ari-future"};
    assert_true(mini_issue(&w->m, NULL, names, 2, ""));
    const struct fake_certificate *cert = fake_ca_certificate(w->ca, 0);
    const unsigned char *p = (const unsigned char *)cert->leaf_der.p;
    X509 *leaf = d2i_X509(NULL, &p, (long)cert->leaf_der.len);
    AUTO(buf_fini)
    struct buf url = BUF(512);
    unsigned char *der = NULL;
    int len = i2d_ASN1_INTEGER(X509_get_serialNumber(leaf), &der);
    buf_add_cstr(&url, BASE "/acme/renewal-info/");
    base64url_encode(&url, ASN1_STRING_get0_data(X509_get0_authority_key_id(leaf)), 20);
    buf_add_char(&url, '.');
    base64url_encode(&url, der + 2, (size_t)len - 2);
    for (size_t i = 0; i < 3; i++) {
        char members[128];
        int64_t start = 0, end = 0;
        snprintf(members, sizeof(members), "\"on\":\"renewalInfo\",\"act\":\"%s\"", acts[i]);
        fault(w, members);
        assert_int_equal(mini_get(&w->m, "GET", url.p), 200);
        const struct json *window = json_find(w->m.body, "suggestedWindow");
        assert_true(time_parse(str_of(json_text(window, "start")), &start));
        assert_true(time_parse(str_of(json_text(window, "end")), &end));
        assert_true(i == 0 ? end < start : i == 1 ? end < w->m.now_ms : start > cert->not_after_ms);
    }
    OPENSSL_free(der);
    X509_free(leaf);
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_set_when_any_member_is_wrong_then_nothing_changes),
        T(test_set_when_posted_then_knobs_are_shown),
        T(test_fault_when_503_then_no_effect_and_retry_after),
        T(test_fault_when_429_then_problem_link_and_nonce),
        T(test_fault_when_drop_reply_then_effect_and_no_reply),
        T(test_fault_when_nth_and_times_then_only_those),
        T(test_fault_when_percent_then_about_so_many),
        T(test_fault_when_named_then_only_orders_with_that_name),
        T(test_fault_when_problem_is_spelled_out_then_that_one),
        T(test_fault_when_authz_invalid_then_order_too),
        T(test_fault_when_processing_forever_then_never_valid),
        T(test_fault_when_body_is_spoiled_then_as_described),
        T(test_forget_when_orders_then_404_and_account_stays),
        T(test_wrong_cert_when_each_kind_then_wrong_in_that_way_only),
        T(test_wrong_cert_when_set_at_finalize_then_every_download),
        T(test_fault_when_ari_acts_then_windows_as_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
