/* SEES: base crypto acme */
/* FETCH with a CA that offers several chains. Certificates are real, URLs and answers are literal. */
#include "acme_case.h"

#include "little_ca.h"

#define PEM_TYPE  "Content-Type: application/pem-certificate-chain"
#define MAIN_URL  "https://ca.test/cert/1"
#define OTHER_URL "https://ca.test/cert/1/alternate/1"
#define THIRD_URL "https://ca.test/cert/1/alternate/2"
#define LINK(url) "\nLink: <" url ">;rel=\"alternate\""

/* leaf <- issuer <- Root A or Root B; and a leaf for another key. */
static EVP_PKEY *leaf_key, *issuer_key, *root_key;
static struct buf main_pem, other_pem, foreign_pem, broken_pem;
static char leaf_spki[SPKI_HEX_MAX];

static void pem_make(struct buf *pem, const struct buf *leaf, const char *root, EVP_PKEY *signer)
{
    *pem = BUF(CHAIN_PEM_MAX);
    buf_add_str(pem, buf_str(leaf));
    cert_add(
        pem,
        &(struct cert_plan){
            .subject = "Issuer", .issuer = root, .key = signer, .signer = root_key, .is_ca = true});
}

static int pems_make(void **state)
{
    (void)state;
    AUTO(key_fini)
    struct key *key = key_new(KEY_ECDSA_P256), *other = key_new(KEY_ECDSA_P256);
    AUTO(buf_fini)
    struct buf leaf = BUF(CHAIN_PEM_MAX), foreign = BUF(CHAIN_PEM_MAX);
    leaf_key = ca_pkey(key);
    issuer_key = EVP_EC_gen("P-256");
    root_key = EVP_EC_gen("P-256");
    key_spki(key, leaf_spki);
    struct cert_plan plan = {.subject = "",
                             .issuer = "Issuer",
                             .names = "DNS:www.example.com,DNS:*.example.com",
                             .key = leaf_key,
                             .signer = issuer_key};
    cert_add(&leaf, &plan);
    EVP_PKEY *other_key = ca_pkey(other);
    plan.key = other_key;
    cert_add(&foreign, &plan);
    EVP_PKEY_free(other_key);
    pem_make(&main_pem, &leaf, "Root A", issuer_key);
    pem_make(&other_pem, &leaf, "Root B", issuer_key);
    pem_make(&foreign_pem, &foreign, "Root B", issuer_key);
    pem_make(&broken_pem, &leaf, "Root B", root_key); /* this issuer did not sign it */
    return 0;
}

static int pems_free(void **state)
{
    struct buf *const pems[] = {&main_pem, &other_pem, &foreign_pem, &broken_pem};
    (void)state;
    for (size_t i = 0; i < 4; i++)
        buf_fini(pems[i]);
    EVP_PKEY_free(leaf_key);
    EVP_PKEY_free(issuer_key);
    EVP_PKEY_free(root_key);
    return 0;
}

static void at_fetch(struct acme_case *c)
{
    c->order->certificate_url = mem_strdup(MAIN_URL);
    strcpy(c->order->spki, leaf_spki);
    case_at(c, ORDER_FETCH);
    assert_verdict(case_ask(c), VERDICT_ASK);
}

static struct verdict hear_pem(struct acme_case *c, int slot, const char *headers,
                               const struct buf *pem)
{
    return case_hear_with(c, slot, 200, headers, buf_cstr(pem));
}

/* The main chain came, and one more is offered: it is asked for in the same step. */
static void at_alternate(struct acme_case *c)
{
    at_fetch(c);
    struct verdict v = hear_pem(c, 0, PEM_TYPE LINK(OTHER_URL), &main_pem);
    assert_verdict(v, VERDICT_ASK);
    assert_int_equal(v.n_asks, 1);
    assert_string_equal(v.asks[0].url, OTHER_URL);
    assert_int_equal(v.asks[0].slot, 1);
    assert_true(v.asks[0].wants_pem);
    assert_non_null(c->order->chain);
}

static const char *left_out(const struct acme_case *c)
{
    assert_non_null(c->order->chain);
    assert_int_equal(c->order->n_alternates, 1);
    assert_null(c->order->alternates[0].chain);
    return c->order->alternates[0].failure;
}

static void test_fetch_when_no_other_chain_is_offered_then_nothing_more_is_asked(void **state)
{
    struct acme_case *c = *state;
    at_fetch(c);
    case_go(c, hear_pem(c, 0, PEM_TYPE, &main_pem), ORDER_TIDY);
    assert_int_equal(c->order->n_alternates, 0);
}

static void test_fetch_when_others_are_offered_then_all_are_held_in_any_order(void **state)
{
    struct acme_case *c = *state;
    at_fetch(c);
    struct verdict v = hear_pem(
        c, 0, PEM_TYPE LINK(OTHER_URL) LINK(MAIN_URL) LINK(OTHER_URL) LINK(THIRD_URL), &main_pem);
    assert_verdict(v, VERDICT_ASK);
    assert_int_equal(v.n_asks, 2); /* itself and a double are no others */
    assert_string_equal(v.asks[1].url, THIRD_URL);
    assert_int_equal(v.asks[1].slot, 2);
    assert_verdict(hear_pem(c, 2, PEM_TYPE, &other_pem), VERDICT_WAIT);
    case_go(c, hear_pem(c, 1, PEM_TYPE, &other_pem), ORDER_TIDY);
    assert_int_equal(c->order->n_alternates, 2);
    assert_non_null(c->order->alternates[0].chain);
    assert_non_null(c->order->alternates[1].chain);
}

static void test_fetch_when_an_alternate_is_lost_then_it_is_asked_for_once_more(void **state)
{
    struct acme_case *c = *state;
    at_alternate(c);
    struct verdict v = case_lose(c, 1);
    assert_verdict(v, VERDICT_ASK);
    assert_string_equal(v.asks[0].url, OTHER_URL);
    case_go(c, hear_pem(c, 1, PEM_TYPE, &other_pem), ORDER_TIDY);
    assert_non_null(c->order->alternates[0].chain);
}

static void test_fetch_when_an_alternate_cannot_be_had_then_it_is_left_out(void **state)
{
    struct acme_case *c = *state;
    at_alternate(c);
    assert_verdict(case_problem(c, 1, 503, "serverInternal", "busy"), VERDICT_ASK);
    case_go(c, case_problem(c, 1, 503, "serverInternal", "busy"), ORDER_TIDY);
    assert_has(left_out(c), "busy");
}

static void test_fetch_when_an_alternate_is_refused_then_it_is_not_asked_again(void **state)
{
    struct acme_case *c = *state;
    at_alternate(c);
    case_go(c, case_problem(c, 1, 404, "malformed", "no such chain"), ORDER_TIDY);
    assert_has(left_out(c), "no such chain");
}

static void test_fetch_when_an_alternate_is_bad_then_it_is_left_out(void **state)
{
    struct acme_case *c = *state;
    at_alternate(c);
    case_go(c, hear_pem(c, 1, PEM_TYPE, &foreign_pem), ORDER_TIDY);
    assert_has(left_out(c), "another certificate");
}

static void test_fetch_when_an_alternate_does_not_chain_then_it_is_left_out(void **state)
{
    struct acme_case *c = *state;
    at_alternate(c);
    case_go(c, hear_pem(c, 1, PEM_TYPE, &broken_pem), ORDER_TIDY);
    assert_has(left_out(c), "not signed by the next one");
}

static void test_fetch_when_an_alternate_is_no_chain_then_it_is_left_out(void **state)
{
    struct acme_case *c = *state;
    at_alternate(c);
    case_go(c, case_hear_with(c, 1, 200, PEM_TYPE, "<html>"), ORDER_TIDY);
    assert_non_null(left_out(c));
}

static void test_fetch_when_an_alternates_url_may_not_be_asked_then_it_is_left_out(void **state)
{
    struct acme_case *c = *state;
    at_fetch(c);
    case_go(c, hear_pem(c, 0, PEM_TYPE LINK("http://evil.test/\x1b[31m"), &main_pem), ORDER_TIDY);
    assert_non_null(left_out(c));
    assert_null(strchr(c->order->alternates[0].url, '\x1b'));
}

static void test_fetch_when_killed_among_alternates_then_all_is_downloaded_again(void **state)
{
    struct acme_case *c = *state;
    at_alternate(c);
    case_kill(c);
    struct verdict v = case_ask(c);
    assert_verdict(v, VERDICT_ASK);
    assert_string_equal(v.asks[0].url, MAIN_URL);
    assert_int_equal(c->order->n_alternates, 0);
}

static void test_fetch_when_it_is_put_off_then_only_what_is_missing_is_asked(void **state)
{
    struct acme_case *c = *state;
    at_alternate(c);
    struct verdict v = case_ask(c);
    assert_verdict(v, VERDICT_ASK);
    assert_int_equal(v.n_asks, 1);
    assert_string_equal(v.asks[0].url, OTHER_URL);
}

static int close_case_of(void **state)
{
    case_close(*state);
    mem_free(*state);
    return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_case, close_case_of)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_fetch_when_no_other_chain_is_offered_then_nothing_more_is_asked),
        T(test_fetch_when_others_are_offered_then_all_are_held_in_any_order),
        T(test_fetch_when_an_alternate_is_lost_then_it_is_asked_for_once_more),
        T(test_fetch_when_an_alternate_cannot_be_had_then_it_is_left_out),
        T(test_fetch_when_an_alternate_is_refused_then_it_is_not_asked_again),
        T(test_fetch_when_an_alternate_is_bad_then_it_is_left_out),
        T(test_fetch_when_an_alternate_does_not_chain_then_it_is_left_out),
        T(test_fetch_when_an_alternate_is_no_chain_then_it_is_left_out),
        T(test_fetch_when_an_alternates_url_may_not_be_asked_then_it_is_left_out),
        T(test_fetch_when_killed_among_alternates_then_all_is_downloaded_again),
        T(test_fetch_when_it_is_put_off_then_only_what_is_missing_is_asked),
    };
    return cmocka_run_group_tests(tests, pems_make, pems_free);
}
