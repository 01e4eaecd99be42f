/* SEES: base fake */
/* The fake authority as a client meets it: what a good server does. Its misdeeds: test_fake_ca_faults.c. */
#include "fake/mini_client.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define BASE "https://ca.test"

static const char *const two_names[] = {"*.example.com", "example.com"};
static const char *const one_name[] = {"www.example.net"};
static int64_t start_ms;

struct world {
    struct fake_ca *ca;
    struct mini_client m;
};

static int world_open(void **state)
{
    struct world *w = NEW(struct world);
    start_ms = time_from_civil(2030, 1, 1, 0, 0, 0);
    w->ca = fake_ca_new(NULL);
    mini_client_init(&w->m, w->ca, BASE, "P-256", start_ms);
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

static void set(struct world *w, const char *json)
{
    struct err err = {0};
    if (!fake_ca_set(w->ca, str_of(json), &err))
        fail_msg("%s", err.text);
}

#define assert_problem(m, status_wanted, type)                                                     \
    do {                                                                                           \
        assert_string_equal(mini_problem(m), type);                                                \
        assert_int_equal((m)->reply.status, status_wanted);                                        \
    } while (0)

/* Every certificate of a PEM chain, leaf first. */
static STACK_OF(X509) * chain_read(const struct fake_reply *reply)
{
    BIO *bio = BIO_new_mem_buf(reply->body.p, (int)reply->body.len);
    STACK_OF(X509) *chain = sk_X509_new_null();
    X509 *x509;
    while ((x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        sk_X509_push(chain, x509);
    BIO_free(bio);
    return chain;
}

static int chain_verdict(struct world *w, STACK_OF(X509) * chain, size_t root)
{
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    assert_true(fake_ca_root_pem(w->ca, root, &pem));
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.len);
    X509 *trusted = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_add_cert(store, trusted);
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain);
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    X509_VERIFY_PARAM_set_time(param, (time_t)(w->m.now_ms / 1000));
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
    X509_verify_cert(ctx);
    int verdict = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(trusted);
    BIO_free(bio);
    return verdict;
}

static void test_order_when_all_goes_well_then_chain_verifies(void **state)
{
    struct world *w = *state;
    EVP_PKEY *key = mini_pkey_new();
    assert_true(mini_issue(&w->m, key, two_names, 2, ""));
    assert_string_equal(fake_reply_header(&w->m.reply, "content-type"),
                        "application/pem-certificate-chain");
    STACK_OF(X509) *chain = chain_read(&w->m.reply);
    X509 *leaf = sk_X509_value(chain, 0);
    assert_int_equal(sk_X509_num(chain), 2);
    assert_int_equal(chain_verdict(w, chain, 0), X509_V_OK);
    assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(leaf), key), 1);
    assert_int_equal(X509_check_host(leaf, "a.example.com", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(leaf, "example.com", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(leaf, "example.net", 0, 0, NULL), 0);
    assert_non_null(X509_get0_authority_key_id(leaf));
    EVP_PKEY_free(key);
    sk_X509_pop_free(chain, X509_free);
}

static void test_ledger_when_one_issued_then_names_key_and_counts(void **state)
{
    struct world *w = *state;
    AUTO(buf_fini)
    struct buf text = BUF(1024 * 1024);
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

static void test_directory_when_read_then_resources_meta_and_junk(void **state)
{
    struct world *w = *state;
    set(w, "{\"profiles\":{\"short\":500000}}");
    assert_int_equal(mini_get(&w->m, "GET", BASE "/directory"), 200);
    const struct json *meta = json_find(w->m.body, "meta");
    assert_string_equal(json_text(w->m.body, "newOrder"), BASE "/acme/new-order");
    assert_string_equal(json_text(w->m.body, "renewalInfo"), BASE "/acme/renewal-info");
    assert_non_null(json_text(meta, "termsOfService"));
    assert_string_equal(json_as_text(json_at(json_find(meta, "caaIdentities"), 0)), "ca.test");
    assert_non_null(json_text(json_find(meta, "profiles"), "short"));
    assert_int_equal(json_len(w->m.body), 8); /* six resources, meta, junk */
    assert_null(fake_reply_header(&w->m.reply, "replay-nonce"));
    assert_string_equal(fake_reply_header(&w->m.reply, "date"), "Tue, 01 Jan 2030 00:00:00 GMT");
}

static void test_new_nonce_when_head_or_get_then_200_or_204(void **state)
{
    struct world *w = *state;
    assert_int_equal(mini_get(&w->m, "HEAD", BASE "/acme/new-nonce"), 200);
    assert_non_null(fake_reply_header(&w->m.reply, "replay-nonce"));
    assert_string_equal(fake_reply_header(&w->m.reply, "cache-control"), "no-store");
    assert_int_equal(mini_get(&w->m, "GET", BASE "/acme/new-nonce"), 204);
    assert_int_equal(mini_get(&w->m, "GET", BASE "/acme/new-order"), 405);
}

static void test_nonce_when_used_twice_then_bad_nonce_and_fresh_one(void **state)
{
    struct world *w = *state;
    AUTO(mem_fini)
    char *nonce = mem_strdup(w->m.nonce);
    assert_int_equal(mini_post(&w->m, w->m.kid, ""), 200);
    mem_set_str(&w->m.nonce, nonce);
    mini_post(&w->m, w->m.kid, "");
    assert_problem(&w->m, 400, "badNonce");
    assert_string_not_equal(w->m.nonce, nonce);
    assert_int_equal(mini_post(&w->m, w->m.kid, ""), 200);
}

static void test_nonce_when_reject_knob_is_full_then_each_is_refused(void **state)
{
    struct world *w = *state;
    set(w, "{\"nonce_reject\":100}");
    mini_post(&w->m, w->m.kid, "");
    assert_problem(&w->m, 400, "badNonce");
    set(w, "{\"nonce_reject\":0}");
    assert_int_equal(mini_post(&w->m, w->m.kid, ""), 200);
    assert_int_equal(fake_ca_counts(w->ca)->bad_nonces, 1);
}

static void test_request_when_content_type_is_json_then_415(void **state)
{
    struct world *w = *state;
    AUTO(buf_fini)
    struct buf body = BUF(65536);
    mini_jws(w->m.key, w->m.kid, w->m.nonce, w->m.kid, "", &body);
    assert_int_equal(mini_send(&w->m, w->m.kid, "application/json", body.p), 415);
}

static void test_request_when_no_user_agent_then_400(void **state)
{
    struct world *w = *state;
    struct fake_request request = {.method = STR("GET"), .path = STR("/directory")};
    struct fake_reply reply = {0};
    fake_ca_answer(w->ca, &request, start_ms, &reply);
    assert_int_equal(reply.status, 400);
    fake_reply_fini(&reply);
}

static void test_request_when_signed_for_another_url_then_unauthorized(void **state)
{
    struct world *w = *state;
    AUTO(buf_fini)
    struct buf body = BUF(65536);
    mini_jws(w->m.key, w->m.kid, w->m.nonce, BASE "/acme/account/1/", "", &body);
    mini_send(&w->m, w->m.kid, "application/jose+json", body.p);
    assert_problem(&w->m, 401, "unauthorized");
}

static void test_request_when_base64_is_padded_then_malformed(void **state)
{
    struct world *w = *state;
    AUTO(buf_fini)
    struct buf body = BUF(65536);
    mini_jws(w->m.key, w->m.kid, w->m.nonce, w->m.kid, "{\"a\":1}", &body);
    struct str text = buf_str(&body), mark = STR("\",\"signature\"");
    size_t at = str_find(text, mark);
    AUTO(mem_fini)
    char *padded = mem_printf("%.*s==%s", (int)at, text.p, text.p + at);
    mini_send(&w->m, w->m.kid, "application/jose+json", padded);
    assert_problem(&w->m, 400, "malformed");
}

static void test_request_when_signature_is_of_another_key_then_malformed(void **state)
{
    struct world *w = *state;
    struct mini_key *other = mini_key_new("P-256");
    AUTO(buf_fini)
    struct buf body = BUF(65536);
    mini_jws(other, w->m.kid, w->m.nonce, w->m.kid, "", &body);
    mini_send(&w->m, w->m.kid, "application/jose+json", body.p);
    assert_problem(&w->m, 400, "malformed");
    mini_key_free(other);
}

static void test_request_when_jwk_stands_for_kid_then_malformed(void **state)
{
    struct world *w = *state;
    mem_set_str(&w->m.kid, NULL);
    mini_post(&w->m, BASE "/acme/new-order", "{}");
    assert_problem(&w->m, 400, "malformed");
    mem_set_str(&w->m.kid, BASE "/acme/account/99");
    mini_post(&w->m, BASE "/acme/new-order", "{}");
    assert_problem(&w->m, 400, "accountDoesNotExist");
}

static int register_with(struct fake_ca *ca, const char *kind, char ret_problem[64])
{
    struct mini_client m;
    mini_client_init(&m, ca, BASE, kind, start_ms);
    int status = mini_register(&m);
    snprintf(ret_problem, 64, "%s", mini_problem(&m));
    mini_client_fini(&m);
    return status;
}

static void test_account_when_key_kinds_then_three_taken_one_refused(void **state)
{
    struct world *w = *state;
    char problem[64];
    assert_int_equal(register_with(w->ca, "P-384", problem), 201);
    assert_int_equal(register_with(w->ca, "RSA", problem), 201);
    assert_int_equal(register_with(w->ca, "P-521", problem), 400);
    assert_string_equal(problem, "badSignatureAlgorithm");
}

static void test_account_when_known_then_200_and_same_url(void **state)
{
    struct world *w = *state;
    AUTO(mem_fini)
    char *kid = mem_strdup(w->m.kid);
    mem_set_str(&w->m.kid, NULL);
    assert_int_equal(mini_post(&w->m, BASE "/acme/new-account", "{\"onlyReturnExisting\":true}"),
                     200);
    assert_string_equal(fake_reply_header(&w->m.reply, "location"), kid);
}

static void test_account_when_unknown_or_no_terms_then_refused(void **state)
{
    struct world *w = *state;
    struct mini_client m;
    mini_client_init(&m, w->ca, BASE, "P-256", start_ms);
    mini_post(&m, BASE "/acme/new-account", "{\"onlyReturnExisting\":true}");
    assert_problem(&m, 400, "accountDoesNotExist");
    mini_post(&m, BASE "/acme/new-account", "{}");
    assert_problem(&m, 403, "userActionRequired");
    assert_non_null(json_text(m.body, "instance"));
    mini_post(&m, BASE "/acme/new-account",
              "{\"termsOfServiceAgreed\":true,\"contact\":[\"tel:1\"]}");
    assert_problem(&m, 400, "unsupportedContact");
    mini_client_fini(&m);
}

static int register_bound(struct mini_client *m, const char *kid, struct str mac_key)
{
    AUTO(buf_fini)
    struct buf binding = BUF(65536);
    mini_jws_mac(mac_key, kid, BASE "/acme/new-account", m->key->jwk, &binding);
    AUTO(mem_fini)
    char *payload =
        mem_printf("{\"termsOfServiceAgreed\":true,\"externalAccountBinding\":%s}", binding.p);
    return mini_post(m, BASE "/acme/new-account", payload);
}

static void test_account_when_binding_required_then_only_the_right_mac(void **state)
{
    struct world *w = *state;
    struct mini_client m;
    mini_client_init(&m, w->ca, BASE, "P-256", start_ms);
    set(w, "{\"eab_required\":1,\"eab\":{\"k1\":\"c2VjcmV0\"}}"); /* "secret" */
    mini_register(&m);
    assert_problem(&m, 403, "externalAccountRequired");
    assert_int_equal(register_bound(&m, "k1", STR("guess")), 403);
    assert_int_equal(register_bound(&m, "k2", STR("secret")), 403);
    assert_int_equal(register_bound(&m, "k1", STR("secret")), 201);
    mini_client_fini(&m);
}

static void test_account_when_deactivated_then_nothing_more(void **state)
{
    struct world *w = *state;
    assert_int_equal(mini_post(&w->m, w->m.kid, "{\"status\":\"deactivated\"}"), 200);
    mini_post(&w->m, w->m.kid, "");
    assert_problem(&w->m, 401, "unauthorized");
}

static void test_key_change_when_inner_is_right_then_new_key_signs(void **state)
{
    struct world *w = *state;
    struct mini_key *fresh = mini_key_new("P-384");
    AUTO(buf_fini)
    struct buf inner = BUF(65536);
    AUTO(mem_fini)
    char *payload = mem_printf("{\"account\":\"%s\",\"oldKey\":%s}", w->m.kid, w->m.key->jwk);
    mini_jws(fresh, NULL, NULL, BASE "/acme/key-change", payload, &inner);
    assert_int_equal(mini_post(&w->m, BASE "/acme/key-change", inner.p), 200);
    mini_post(&w->m, w->m.kid, "");
    assert_problem(&w->m, 400, "malformed");
    mini_key_free(w->m.key);
    w->m.key = fresh;
    assert_int_equal(mini_post(&w->m, w->m.kid, ""), 200);
    /* The key has an account now. */
    buf_clear(&inner);
    mini_jws(fresh, NULL, NULL, BASE "/acme/key-change", payload, &inner);
    mini_post(&w->m, BASE "/acme/key-change", inner.p);
    assert_int_not_equal(w->m.reply.status, 200);
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

static void test_profile_when_named_then_its_life_else_invalid(void **state)
{
    struct world *w = *state;
    set(w, "{\"profiles\":{\"classic\":7776000,\"short\":518400}}");
    assert_null(mini_order(&w->m, one_name, 1, ",\"profile\":\"none\""));
    assert_problem(&w->m, 400, "invalidProfile");
    assert_true(mini_issue(&w->m, NULL, one_name, 1, ",\"profile\":\"short\""));
    const struct fake_certificate *cert = fake_ca_certificate(w->ca, 0);
    assert_int_equal(cert->not_after_ms - cert->not_before_ms, 518399 * MS_SECOND);
    AUTO(mem_fini)
    char *url = mini_order(&w->m, one_name, 1, "");
    assert_string_equal(json_text(w->m.body, "profile"), "classic");
}

static void test_alternates_when_asked_then_each_chain_ends_at_its_root(void **state)
{
    struct world *w = *state;
    set(w, "{\"alternates\":2}");
    assert_true(mini_issue(&w->m, NULL, one_name, 1, ""));
    STACK_OF(X509) *first = chain_read(&w->m.reply);
    char path[128];
    snprintf(path, sizeof(path), "/acme/certificate/%s/2", fake_ca_certificate(w->ca, 0)->serial);
    assert_int_equal(mini_post(&w->m, mini_url(&w->m, path), ""), 200);
    STACK_OF(X509) *second = chain_read(&w->m.reply);
    assert_int_equal(X509_cmp(sk_X509_value(first, 0), sk_X509_value(second, 0)), 0);
    assert_int_equal(chain_verdict(w, first, 0), X509_V_OK);
    assert_int_equal(chain_verdict(w, second, 2), X509_V_OK);
    assert_int_not_equal(chain_verdict(w, second, 0), X509_V_OK);
    sk_X509_pop_free(first, X509_free);
    sk_X509_pop_free(second, X509_free);
}

static void test_issue_when_life_passes_2050_then_dates_still_right(void **state)
{
    struct world *w = *state;
    set(w, "{\"validity_s\":946080000}"); /* 30 years */
    assert_true(mini_issue(&w->m, NULL, one_name, 1, ""));
    STACK_OF(X509) *chain = chain_read(&w->m.reply);
    int days = 0, seconds = 0;
    ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(sk_X509_value(chain, 0)),
                   X509_get0_notAfter(sk_X509_value(chain, 0)));
    assert_int_equal(days * INT64_C(86400) + seconds, 946080000 - 1);
    assert_int_equal(chain_verdict(w, chain, 0), X509_V_OK);
    sk_X509_pop_free(chain, X509_free);
}

static void revocation_payload(const struct fake_certificate *cert, const char *more,
                               struct buf *out)
{
    buf_add_cstr(out, "{\"certificate\":\"");
    base64url_encode(out, cert->leaf_der.p, cert->leaf_der.len);
    buf_printf(out, "\"%s}", more);
}

static void test_revoke_when_by_account_then_once(void **state)
{
    struct world *w = *state;
    AUTO(buf_fini)
    struct buf payload = BUF(65536), odd = BUF(65536);
    assert_true(mini_issue(&w->m, NULL, one_name, 1, ""));
    revocation_payload(fake_ca_certificate(w->ca, 0), ",\"reason\":4", &payload);
    revocation_payload(fake_ca_certificate(w->ca, 0), ",\"reason\":3", &odd);
    mini_post(&w->m, BASE "/acme/revoke", odd.p);
    assert_problem(&w->m, 400, "badRevocationReason");
    assert_int_equal(mini_post(&w->m, BASE "/acme/revoke", payload.p), 200);
    assert_int_equal(w->m.reply.body.len, 0);
    assert_int_equal(fake_ca_certificate(w->ca, 0)->revoke_reason, 4);
    mini_post(&w->m, BASE "/acme/revoke", payload.p);
    assert_problem(&w->m, 400, "alreadyRevoked");
}

static void test_revoke_when_by_certificate_key_then_key_is_blocked(void **state)
{
    struct world *w = *state;
    AUTO(buf_fini)
    struct buf payload = BUF(65536);
    struct mini_client holder;
    mini_client_init(&holder, w->ca, BASE, "P-256", start_ms);
    assert_true(mini_issue(&w->m, holder.key->key, one_name, 1, ""));
    revocation_payload(fake_ca_certificate(w->ca, 0), "", &payload);
    assert_int_equal(mini_post(&holder, BASE "/acme/revoke", payload.p), 200);
    assert_int_equal(fake_ca_certificate(w->ca, 0)->revoke_reason, 1);
    assert_false(mini_issue(&w->m, holder.key->key, one_name, 1, ""));
    mini_client_fini(&holder);
}

/* The CertID of RFC 9773 4.1, made by OpenSSL's reading of the leaf. */
static char *cert_id(const struct fake_certificate *cert)
{
    AUTO(buf_fini)
    struct buf text = BUF(256);
    const unsigned char *p = (const unsigned char *)cert->leaf_der.p;
    unsigned char *der = NULL;
    X509 *leaf = d2i_X509(NULL, &p, (long)cert->leaf_der.len);
    const ASN1_OCTET_STRING *aki = X509_get0_authority_key_id(leaf);
    base64url_encode(&text, ASN1_STRING_get0_data(aki), (size_t)ASN1_STRING_length(aki));
    buf_add_char(&text, '.');
    int len = i2d_ASN1_INTEGER(X509_get_serialNumber(leaf), &der);
    base64url_encode(&text, der + 2, (size_t)len - 2);
    OPENSSL_free(der);
    X509_free(leaf);
    return buf_take(&text);
}

static void test_renewal_info_when_asked_then_window_at_two_thirds(void **state)
{
    struct world *w = *state;
    int64_t start = 0, end = 0;
    /* Enough certificates that some serial numbers have their high bit set. */
    for (size_t i = 0; i < 8; i++) {
        assert_true(mini_issue(&w->m, NULL, one_name, 1, ""));
        const struct fake_certificate *cert = fake_ca_certificate(w->ca, i);
        AUTO(mem_fini)
        char *id = cert_id(cert);
        AUTO(mem_fini)
        char *url = mem_printf(BASE "/acme/renewal-info/%s", id);
        assert_int_equal(mini_get(&w->m, "GET", url), 200);
        const struct json *window = json_find(w->m.body, "suggestedWindow");
        assert_true(time_parse(str_of(json_text(window, "start")), &start));
        assert_true(time_parse(str_of(json_text(window, "end")), &end));
        int64_t life = cert->not_after_ms - cert->not_before_ms;
        assert_in_range((start + end) / 2 - cert->not_before_ms, life / 3 * 2 - 2000,
                        life / 3 * 2 + 2000);
        assert_string_equal(fake_reply_header(&w->m.reply, "retry-after"), "21600");
        AUTO(mem_fini)
        char *padded = mem_printf("%s=", url);
        assert_int_equal(mini_get(&w->m, "GET", padded), 400);
    }
    assert_int_equal(mini_get(&w->m, "GET", BASE "/acme/renewal-info/AAAA.AAAA"), 404);
}

static void test_replaces_when_finalized_once_then_already_replaced(void **state)
{
    struct world *w = *state;
    static const char *const other[] = {"other.example.org"};
    assert_true(mini_issue(&w->m, NULL, one_name, 1, ""));
    AUTO(mem_fini)
    char *id = cert_id(fake_ca_certificate(w->ca, 0));
    AUTO(mem_fini)
    char *extra = mem_printf(",\"replaces\":\"%s\"", id);
    assert_null(mini_order(&w->m, other, 1, extra));
    AUTO(mem_fini)
    char *pending = mini_order(&w->m, one_name, 1, extra);
    assert_string_equal(json_text(w->m.body, "replaces"), id);
    assert_true(mini_issue(&w->m, NULL, one_name, 1, extra));
    assert_true(fake_ca_certificate(w->ca, 0)->replaced);
    assert_null(mini_order(&w->m, one_name, 1, extra));
    assert_problem(&w->m, 409, "alreadyReplaced");
}

static void test_authority_when_same_seed_then_same_tokens_and_serials(void **state)
{
    char serial[2][33];
    for (size_t i = 0; i < 2; i++) {
        void *one = NULL;
        world_open(&one);
        struct world *w = one;
        assert_true(mini_issue(&w->m, NULL, two_names, 2, ""));
        memcpy(serial[i], fake_ca_certificate(w->ca, 0)->serial, 33);
        world_close(&one);
    }
    assert_string_equal(serial[0], serial[1]);
    (void)state;
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

#define T(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_order_when_all_goes_well_then_chain_verifies),
        T(test_ledger_when_one_issued_then_names_key_and_counts),
        T(test_directory_when_read_then_resources_meta_and_junk),
        T(test_new_nonce_when_head_or_get_then_200_or_204),
        T(test_nonce_when_used_twice_then_bad_nonce_and_fresh_one),
        T(test_nonce_when_reject_knob_is_full_then_each_is_refused),
        T(test_request_when_content_type_is_json_then_415),
        T(test_request_when_no_user_agent_then_400),
        T(test_request_when_signed_for_another_url_then_unauthorized),
        T(test_request_when_base64_is_padded_then_malformed),
        T(test_request_when_signature_is_of_another_key_then_malformed),
        T(test_request_when_jwk_stands_for_kid_then_malformed),
        T(test_account_when_key_kinds_then_three_taken_one_refused),
        T(test_account_when_known_then_200_and_same_url),
        T(test_account_when_unknown_or_no_terms_then_refused),
        T(test_account_when_binding_required_then_only_the_right_mac),
        T(test_account_when_deactivated_then_nothing_more),
        T(test_key_change_when_inner_is_right_then_new_key_signs),
        T(test_order_when_times_pass_then_states_follow_the_knobs),
        T(test_retry_after_when_form_is_date_then_http_date),
        T(test_validation_when_record_is_absent_then_order_invalid),
        T(test_validation_when_asked_then_waits_for_the_answer),
        T(test_authz_when_wildcard_then_base_name_and_flag),
        T(test_finalize_when_csr_is_wrong_then_order_stays_ready),
        T(test_new_order_when_names_are_odd_then_refused),
        T(test_new_order_when_reuse_knobs_then_same_order_or_ready),
        T(test_order_when_old_or_foreign_then_invalid_or_404),
        T(test_orders_list_when_long_then_pages_hold_each_once),
        T(test_profile_when_named_then_its_life_else_invalid),
        T(test_alternates_when_asked_then_each_chain_ends_at_its_root),
        T(test_issue_when_life_passes_2050_then_dates_still_right),
        T(test_revoke_when_by_account_then_once),
        T(test_revoke_when_by_certificate_key_then_key_is_blocked),
        T(test_renewal_info_when_asked_then_window_at_two_thirds),
        T(test_replaces_when_finalized_once_then_already_replaced),
        T(test_authority_when_same_seed_then_same_tokens_and_serials),
        T(test_urls_when_odd_then_order_still_works_octet_for_octet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
