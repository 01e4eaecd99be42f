/* SEES: base fake */
/* The fake authority: orders, authorizations, validation, finalize, the ledger. */
#include "fake_world.h"

static void test_ledger_when_one_issued_then_names_key_and_counts(void **state)
{
    struct world *w = *state;
    AUTO(json_fini)
    struct json *ledger = NULL;
    assert_true(mini_issue(&w->m, NULL, two_names, 2, ""));
    assert_int_equal(mini_get(&w->m, "GET", mini_url(&w->m, "/ca-ledger")), 200);
    assert_true(json_parse(buf_str(&w->m.reply.body), SIZE_MAX, &ledger, NULL));
    const struct json *cert = json_at(json_find(ledger, "certificates"), 0);
    const struct json *order = json_at(json_find(ledger, "orders"), 0);
    assert_int_equal(json_len(json_find(ledger, "certificates")), 1);
    assert_int_equal(json_len(json_find(cert, "names")), 2);
    assert_int_equal(strlen(json_text(cert, "serial")), 32);
    assert_int_equal(strlen(json_text(cert, "spki_sha256")), 64);
    assert_string_equal(json_text(order, "certificate"), json_text(cert, "serial"));
    assert_string_equal(json_text(order, "status"), "valid");
    assert_int_equal(json_int(order, "finalized_at_ms", 0), start_ms);
    const struct json *counts = json_find(ledger, "counts");
    const struct json *requests = json_find(ledger, "requests");
    assert_int_equal(json_int(counts, "orders_made", 0), 1);
    assert_int_equal(json_int(counts, "orders_finalized", 0), 1);
    assert_int_equal(json_int(counts, "validations_ok", 0), 2);
    assert_int_equal(json_int(requests, "newOrder", 0), 1);
    assert_int_equal(json_int(requests, "challenge", 0), 2);
    assert_int_equal(json_int(requests, "certificate", 0), 1);
}

static void test_order_when_times_pass_then_states_follow_the_knobs(void **state)
{
    struct world *w = *state;
    EVP_PKEY *key = mini_pkey_new();
    set(w, "{\"validate_ms\":5000,\"issue_ms\":3000,\"retry_after_s\":7}");
    AUTO(mem_fini)
    char *url = mini_order(&w->m, one_name, 1, "");
    mini_answer_all(&w->m, url);
    assert_string_equal(json_text(w->m.body, "status"), "processing");
    assert_string_equal(fake_reply_header(&w->m.reply, "retry-after"), "7");
    assert_int_equal(fake_ca_next_at_ms(w->ca), start_ms + 5000);
    assert_int_equal(mini_finalize(&w->m, url, key, one_name, 1), 403);
    assert_problem(&w->m, 403, "orderNotReady");
    w->m.now_ms += 5000;
    assert_int_equal(mini_finalize(&w->m, url, key, one_name, 1), 200);
    assert_string_equal(json_text(w->m.body, "status"), "processing");
    assert_null(fake_reply_header(&w->m.reply, "location"));
    w->m.now_ms += 2999;
    mini_post(&w->m, url, "");
    assert_null(json_text(w->m.body, "certificate"));
    w->m.now_ms += 1;
    mini_post(&w->m, url, "");
    assert_string_equal(json_text(w->m.body, "status"), "valid");
    assert_non_null(json_text(w->m.body, "certificate"));
    assert_int_equal(fake_ca_next_at_ms(w->ca), INT64_MAX);
    EVP_PKEY_free(key);
}

static void test_retry_after_when_form_is_date_then_http_date(void **state)
{
    struct world *w = *state;
    int64_t at_ms = 0;
    set(w, "{\"validate_ms\":5000,\"retry_after_s\":7,\"retry_after_form\":1}");
    AUTO(mem_fini)
    char *url = mini_order(&w->m, one_name, 1, "");
    mini_answer_all(&w->m, url);
    const char *text = fake_reply_header(&w->m.reply, "retry-after");
    assert_true(time_parse_http(str_of(text), &at_ms));
    assert_in_range(at_ms, start_ms + 7000, start_ms + 7999);
}

static bool lookup_says(void *ctx, const char *owner, const char *value)
{
    (void)owner;
    (void)value;
    return *(bool *)ctx;
}

static void test_validation_when_record_is_absent_then_order_invalid(void **state)
{
    struct world *w = *state;
    bool found = false;
    struct fake_ca_options options = fake_ca_options_default();
    options.txt_lookup = lookup_says;
    options.ctx = &found;
    struct fake_ca *ca = fake_ca_new(&options);
    struct mini_client m;
    mini_client_init(&m, ca, BASE, "P-256", start_ms);
    mini_register(&m);
    AUTO(mem_fini)
    char *url = mini_order(&m, one_name, 1, "");
    mini_answer_all(&m, url);
    mini_post(&m, url, "");
    const struct json *error = json_find(m.body, "error");
    assert_string_equal(json_text(m.body, "status"), "invalid");
    assert_string_equal(json_text(error, "type"), "urn:ietf:params:acme:error:unauthorized");
    assert_string_equal(
        json_text(json_find(json_at(json_find(error, "subproblems"), 0), "identifier"), "value"),
        one_name[0]);
    found = true;
    assert_true(mini_issue(&m, NULL, one_name, 1, ""));
    assert_int_equal(fake_ca_counts(ca)->validations_failed, 1);
    mini_client_fini(&m);
    fake_ca_free(ca);
    (void)w;
}

struct asked {
    char owner[128], value[64];
    size_t ticket;
};

static void txt_note(void *ctx, const char *owner, const char *value, size_t ticket)
{
    struct asked *a = ctx;
    snprintf(a->owner, sizeof(a->owner), "%s", owner);
    snprintf(a->value, sizeof(a->value), "%s", value);
    a->ticket = ticket;
}

static void test_validation_when_asked_then_waits_for_the_answer(void **state)
{
    struct world *w = *state;
    struct asked asked = {0};
    AUTO(buf_fini)
    struct buf value = BUF(64);
    static const char *const names[] = {"*.example.org"};
    struct fake_ca_options options = fake_ca_options_default();
    options.txt_ask = txt_note;
    options.ctx = &asked;
    struct fake_ca *ca = fake_ca_new(&options);
    struct mini_client m;
    mini_client_init(&m, ca, BASE, "P-256", start_ms);
    mini_register(&m);
    AUTO(mem_fini)
    char *url = mini_order(&m, names, 1, "");
    mini_answer_all(&m, url);
    mini_txt(m.key, json_text(m.body, "token"), &value);
    mini_post(&m, url, "");
    assert_string_equal(json_text(m.body, "status"), "pending");
    assert_string_equal(asked.owner, "_acme-challenge.example.org");
    assert_string_equal(asked.value, value.p);
    fake_ca_txt_heard(ca, asked.ticket, true, start_ms);
    mini_post(&m, url, "");
    assert_string_equal(json_text(m.body, "status"), "ready");
    mini_client_fini(&m);
    fake_ca_free(ca);
    (void)w;
}

static void test_authz_when_wildcard_then_base_name_and_flag(void **state)
{
    struct world *w = *state;
    AUTO(mem_fini)
    char *url = mini_order(&w->m, two_names, 2, "");
    AUTO(mem_fini)
    char *first = mem_strdup(json_as_text(json_at(json_find(w->m.body, "authorizations"), 0)));
    mini_post(&w->m, first, "");
    assert_string_equal(json_text(json_find(w->m.body, "identifier"), "value"), "example.com");
    assert_true(json_bool(w->m.body, "wildcard", false));
    assert_int_equal(json_len(json_find(w->m.body, "challenges")), 2); /* dns-01 and an unknown */
    mini_post(&w->m, first, "{\"status\":\"deactivated\"}");
    mini_post(&w->m, url, "");
    assert_string_equal(json_text(w->m.body, "status"), "invalid");
}

static void test_finalize_when_csr_is_wrong_then_order_stays_ready(void **state)
{
    struct world *w = *state;
    EVP_PKEY *key = mini_pkey_new();
    AUTO(mem_fini)
    char *url = mini_order(&w->m, two_names, 2, "");
    mini_answer_all(&w->m, url);
    mini_finalize(&w->m, url, key, two_names, 1);
    assert_problem(&w->m, 400, "badCSR");
    mini_finalize(&w->m, url, w->m.key->key, two_names, 2);
    assert_problem(&w->m, 400, "badCSR");
    assert_int_equal(mini_finalize(&w->m, url, key, two_names, 2), 200);
    mini_finalize(&w->m, url, key, two_names, 2);
    assert_problem(&w->m, 403, "orderNotReady");
    assert_int_equal(fake_ca_counts(w->ca)->orders_finalized, 1);
    EVP_PKEY_free(key);
}

static void test_finalize_when_csr_signature_is_bent_then_bad_csr(void **state)
{
    struct world *w = *state;
    AUTO(buf_fini)
    struct buf csr = BUF(8192), payload = BUF(16384);
    EVP_PKEY *key = mini_pkey_new();
    AUTO(mem_fini)
    char *url = mini_order(&w->m, one_name, 1, "");
    mini_answer_all(&w->m, url);
    mini_csr(key, one_name, 1, &csr);
    csr.p[csr.len - 1] ^= 1;
    buf_add_cstr(&payload, "{\"csr\":\"");
    base64url_encode(&payload, csr.p, csr.len);
    buf_add_cstr(&payload, "\"}");
    mini_post(&w->m, url, "");
    AUTO(mem_fini)
    char *finalize = mem_strdup(json_text(w->m.body, "finalize"));
    mini_post(&w->m, finalize, payload.p);
    assert_problem(&w->m, 400, "badCSR");
    assert_int_equal(fake_ca_counts(w->ca)->orders_finalized, 0);
    EVP_PKEY_free(key);
}

static void test_new_order_when_names_are_odd_then_refused(void **state)
{
    struct world *w = *state;
    static const char *const upper[] = {"Example.com"}, *const dot[] = {"example.com."},
                             *const single[] = {"com"}, *const inner[] = {"a.*.example.com"},
                             *const bad[] = {"a.bad.example", "good.example"};
    assert_null(mini_order(&w->m, upper, 1, ""));
    assert_problem(&w->m, 400, "malformed");
    assert_null(mini_order(&w->m, dot, 1, ""));
    assert_null(mini_order(&w->m, single, 1, ""));
    assert_null(mini_order(&w->m, inner, 1, ""));
    set(w, "{\"blocked\":[\"bad.example\"]}");
    assert_null(mini_order(&w->m, bad, 2, ""));
    assert_problem(&w->m, 400, "rejectedIdentifier");
    assert_int_equal(json_len(json_find(w->m.body, "subproblems")), 1);
}

static void test_new_order_when_reuse_knobs_then_same_order_or_ready(void **state)
{
    struct world *w = *state;
    set(w, "{\"order_reuse\":1,\"authz_reuse\":100}");
    AUTO(mem_fini)
    char *first = mini_order(&w->m, one_name, 1, "");
    AUTO(mem_fini)
    char *second = mini_order(&w->m, one_name, 1, "");
    assert_string_equal(first, second);
    assert_true(mini_issue(&w->m, NULL, one_name, 1, ""));
    AUTO(mem_fini)
    char *third = mini_order(&w->m, one_name, 1, "");
    assert_string_not_equal(first, third);
    assert_string_equal(json_text(w->m.body, "status"), "ready");
    assert_int_equal(fake_ca_counts(w->ca)->orders_made, 2);
    assert_int_equal(fake_ca_counts(w->ca)->orders_reused, 2);
}

static void test_order_when_old_or_foreign_then_invalid_or_404(void **state)
{
    struct world *w = *state;
    struct mini_client other;
    AUTO(mem_fini)
    char *url = mini_order(&w->m, one_name, 1, "");
    mini_client_init(&other, w->ca, BASE, "P-256", start_ms);
    mini_register(&other);
    assert_int_equal(mini_post(&other, url, ""), 404);
    mini_client_fini(&other);
    w->m.now_ms += 8 * MS_DAY;
    mini_post(&w->m, url, "");
    assert_string_equal(json_text(w->m.body, "status"), "invalid");
}

static void test_orders_list_when_long_then_pages_hold_each_once(void **state)
{
    struct world *w = *state;
    set(w, "{\"orders_per_page\":2}");
    for (int i = 0; i < 5; i++)
        mem_free(mini_order(&w->m, one_name, 1, ""));
    size_t seen = 0;
    AUTO(mem_fini)
    char *url = mem_strdup(BASE "/acme/orders/1");
    while (url != NULL) {
        assert_int_equal(mini_post(&w->m, url, ""), 200);
        seen += json_len(json_find(w->m.body, "orders"));
        mem_set_str(&url, NULL);
        for (size_t i = 0; i < w->m.reply.n_headers; i++) {
            struct str link = str_of(w->m.reply.headers[i].value);
            if (str_ends(link, STR(">;rel=\"next\"")))
                url = mem_strndup(link.p + 1, str_find_char(link, '>') - 1);
        }
    }
    assert_int_equal(seen, 5);
}

static void test_urls_when_odd_then_order_still_works_octet_for_octet(void **state)
{
    struct world *w = *state;
    set(w, "{\"odd_urls\":1}");
    struct mini_client m;
    mini_client_init(&m, w->ca, BASE, "P-256", start_ms);
    assert_int_equal(mini_register(&m), 201);
    assert_non_null(strchr(m.kid, '?'));
    assert_true(mini_issue(&m, NULL, two_names, 2, ""));
    mini_client_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_ledger_when_one_issued_then_names_key_and_counts),
        T(test_order_when_times_pass_then_states_follow_the_knobs),
        T(test_retry_after_when_form_is_date_then_http_date),
        T(test_validation_when_record_is_absent_then_order_invalid),
        T(test_validation_when_asked_then_waits_for_the_answer),
        T(test_authz_when_wildcard_then_base_name_and_flag),
        T(test_finalize_when_csr_is_wrong_then_order_stays_ready),
        T(test_finalize_when_csr_signature_is_bent_then_bad_csr),
        T(test_new_order_when_names_are_odd_then_refused),
        T(test_new_order_when_reuse_knobs_then_same_order_or_ready),
        T(test_order_when_old_or_foreign_then_invalid_or_404),
        T(test_orders_list_when_long_then_pages_hold_each_once),
        T(test_urls_when_odd_then_order_still_works_octet_for_octet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
