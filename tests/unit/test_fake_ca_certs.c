/* SEES: base fake */
/* The fake authority: chains, lives, revocation, renewal information. */
#include "fake_world.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

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
    assert_non_null(url);
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

static void test_issue_when_no_common_name_then_names_are_critical(void **state)
{
    struct world *w = *state;
    set(w, "{\"common_name\":0}");
    assert_true(mini_issue(&w->m, NULL, two_names, 2, ""));
    STACK_OF(X509) *chain = chain_read(&w->m.reply);
    X509 *leaf = sk_X509_value(chain, 0);
    assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(leaf)), 0);
    assert_int_equal(chain_verdict(w, chain, 0), X509_V_OK); /* strict: RFC 5280 4.2.1.6 */
    sk_X509_pop_free(chain, X509_free);
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
    assert_non_null(pending);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_order_when_all_goes_well_then_chain_verifies),
        T(test_profile_when_named_then_its_life_else_invalid),
        T(test_alternates_when_asked_then_each_chain_ends_at_its_root),
        T(test_issue_when_no_common_name_then_names_are_critical),
        T(test_issue_when_life_passes_2050_then_dates_still_right),
        T(test_revoke_when_by_account_then_once),
        T(test_revoke_when_by_certificate_key_then_key_is_blocked),
        T(test_renewal_info_when_asked_then_window_at_two_thirds),
        T(test_replaces_when_finalized_once_then_already_replaced),
        T(test_authority_when_same_seed_then_same_tokens_and_serials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
