/* SEES: base fake */
/* The fake authority as a client meets it: requests, accounts, keys. Its misdeeds: test_fake_ca_faults.c. */
#include "fake_world.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
