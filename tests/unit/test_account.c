/* SEES: base crypto acme */
#include "acme/account.h"

#include "acme_case.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

static struct arena *arena;
static struct key *key;
static const char *const contact[] = {"mailto:ops@example.com", NULL};

static int shared_open(void **state)
{
    (void)state;
    arena = arena_new();
    key = key_new(KEY_ECDSA_P256);
    return 0;
}

static int shared_close(void **state)
{
    (void)state;
    arena_free(arena);
    key_free(key);
    return 0;
}

#define TERMS ",\"meta\":{\"termsOfService\":\"https://ca.test/tos-2029\"}"
#define EAB   ",\"meta\":{\"externalAccountRequired\":true}"

static bool ask_new(const char *meta, const struct acme_account_wish *wish, struct acme_ask *ask,
                    struct err *err)
{
    struct acme_directory *directory = case_directory(meta);
    bool good = acme_account_ask_new(directory, key, wish, arena, ask, err);
    acme_directory_free(directory);
    return good;
}

static void test_new_when_terms_agreed_then_contact_and_agreement_go_along(void **state)
{
    (void)state;
    struct acme_ask ask;
    struct err err = {0};
    const struct acme_account_wish wish = {.contact = contact, .agree_terms = true};
    assert_true(ask_new(TERMS, &wish, &ask, &err));
    assert_int_equal(ask.method, ACME_POST);
    assert_int_equal(ask.signer, ACME_SIGN_JWK);
    assert_string_equal(ask.url, "https://ca.test/account");
    assert_string_equal(ask.payload.p, "{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:ops@"
                                       "example.com\"]}");
}

static void test_new_when_no_contact_then_none_is_sent(void **state)
{
    (void)state;
    struct acme_ask ask;
    struct err err = {0};
    const char *const none[] = {NULL};
    assert_true(ask_new("", &(struct acme_account_wish){0}, &ask, &err));
    assert_string_equal(ask.payload.p, "{}");
    assert_true(ask_new("", &(struct acme_account_wish){.contact = none}, &ask, &err));
    assert_string_equal(ask.payload.p, "{}");
}

static void test_new_when_terms_not_agreed_then_config_names_their_url(void **state)
{
    (void)state;
    struct acme_ask ask;
    struct err err = {0};
    assert_false(ask_new(TERMS, &(struct acme_account_wish){.contact = contact}, &ask, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_has(err.text, "https://ca.test/tos-2029");
}

static void test_new_when_eab_is_needed_and_missing_then_config(void **state)
{
    (void)state;
    struct acme_ask ask;
    struct err err = {0};
    assert_false(ask_new(EAB, &(struct acme_account_wish){0}, &ask, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_has(err.text, "eab");
    assert_false(ask_new(EAB, &(struct acme_account_wish){.eab_kid = "kid-1"}, &ask, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    struct secret mac;
    secret_init(&mac, "0123456789abcdef", 16);
    assert_false(ask_new(
        EAB, &(struct acme_account_wish){.eab_kid = "k", .eab_key = &mac, .eab_algorithm = "none"},
        &ask, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    secret_fini(&mac);
}

/* RFC 8555 7.3.4: what the CA checks of a binding. */
static void assert_binding(const struct json *binding, const struct secret *mac)
{
    AUTO(buf_fini)
    struct buf header = BUF(4096), payload = BUF(4096), signature = BUF(64), input = BUF(8192);
    AUTO(json_fini)
    struct json *tree = NULL, *sent_jwk = NULL, *jwk = key_jwk(key);
    struct err err = {0};
    unsigned char expected[64];
    unsigned n = 0;
    assert_true(base64url_decode(&header, str_of(json_text(binding, "protected"))));
    assert_true(base64url_decode(&payload, str_of(json_text(binding, "payload"))));
    assert_true(base64url_decode(&signature, str_of(json_text(binding, "signature"))));
    assert_true(json_parse(buf_str(&header), 4096, &tree, &err));
    assert_string_equal(json_text(tree, "alg"), "HS384");
    assert_string_equal(json_text(tree, "kid"), "kid-1");
    assert_string_equal(json_text(tree, "url"), "https://ca.test/account");
    assert_int_equal(json_len(tree), 3);
    assert_true(json_parse(buf_str(&payload), 4096, &sent_jwk, &err));
    assert_true(json_equal(sent_jwk, jwk));
    buf_printf(&input, "%s.%s", json_text(binding, "protected"), json_text(binding, "payload"));
    HMAC(EVP_sha384(), mac->p, (int)mac->len, (const unsigned char *)buf_cstr(&input), input.len,
         expected, &n);
    assert_int_equal(signature.len, n);
    assert_memory_equal(signature.p, expected, n);
}

static void test_new_when_eab_then_the_binding_verifies(void **state)
{
    (void)state;
    struct acme_ask ask;
    struct err err = {0};
    struct secret mac;
    AUTO(json_fini)
    struct json *tree = NULL;
    secret_init(&mac, "0123456789abcdef0123456789abcdef", 32);
    const struct acme_account_wish wish = {
        .eab_kid = "kid-1", .eab_key = &mac, .eab_algorithm = "HS384"};
    assert_true(ask_new(EAB, &wish, &ask, &err));
    assert_true(json_parse(ask.payload, JSON_SIZE_MAX, &tree, &err));
    assert_binding(json_find(tree, "externalAccountBinding"), &mac);
    secret_fini(&mac);
}

static void test_find_when_asked_then_changes_nothing(void **state)
{
    (void)state;
    struct acme_ask ask;
    struct acme_directory *directory = case_directory(TERMS);
    acme_account_ask_find(directory, arena, &ask);
    assert_string_equal(ask.payload.p, "{\"onlyReturnExisting\":true}");
    assert_int_equal(ask.signer, ACME_SIGN_JWK);
    acme_directory_free(directory);
}

static void test_account_when_changed_then_signed_by_kid(void **state)
{
    (void)state;
    struct acme_ask ask;
    const char *const none[] = {NULL};
    acme_account_ask_deactivate("https://ca.test/account/7", arena, &ask);
    assert_string_equal(ask.payload.p, "{\"status\":\"deactivated\"}");
    assert_string_equal(ask.url, "https://ca.test/account/7");
    assert_int_equal(ask.signer, ACME_SIGN_KID);
    acme_account_ask_update("https://ca.test/account/7", contact, false, arena, &ask);
    assert_string_equal(ask.payload.p, "{\"contact\":[\"mailto:ops@example.com\"]}");
    acme_account_ask_update("https://ca.test/account/7", none, false, arena, &ask);
    assert_string_equal(ask.payload.p, "{\"contact\":[]}");
}

struct heard {
    struct acme_case c;
    struct acme_account_facts facts;
    struct err err;
    bool good;
};

static struct heard hear(int status, const char *headers, const char *body, bool is_change)
{
    struct heard h = {0};
    struct acme_directory *directory = case_directory("");
    h.c.arena = arena;
    h.c.world.now_ms = CASE_NOW;
    case_answer(&h.c, 0, status, headers, body);
    h.good = is_change ? acme_account_hear_change(&h.c.answer, "https://ca.test/account/7",
                                                  directory, arena, &h.facts, &h.err)
                       : acme_account_hear(&h.c.answer, directory, arena, &h.facts, &h.err);
    acme_answer_fini(&h.c.answer);
    acme_directory_free(directory);
    return h;
}

#define ACCOUNT_AT "Location: https://ca.test/account/7%2F?x"

static void test_hear_when_made_or_found_then_url_is_the_location(void **state)
{
    (void)state;
    struct heard h = hear(201, ACCOUNT_AT,
                          "{\"status\":\"valid\",\"orders\":\"https://ca.test/orders/7\"}", false);
    assert_true(h.good);
    assert_true(h.facts.was_new);
    assert_string_equal(h.facts.url, "https://ca.test/account/7%2F?x");
    assert_string_equal(h.facts.status, "valid");
    assert_string_equal(h.facts.orders_url, "https://ca.test/orders/7");
    h = hear(200, ACCOUNT_AT, "{\"status\":\"valid\",\"orders\":\"file:///x\"}", false);
    assert_true(h.good);
    assert_false(h.facts.was_new);
    assert_null(h.facts.orders_url);
}

static void test_hear_when_account_is_gone_then_denied_or_absent(void **state)
{
    (void)state;
    struct heard h = hear(200, ACCOUNT_AT, "{\"status\":\"deactivated\"}", false);
    assert_false(h.good);
    assert_int_equal(h.err.kind, ERR_DENIED);
    h = hear(200, ACCOUNT_AT, "{\"status\":\"revoked\"}", false);
    assert_int_equal(h.err.kind, ERR_DENIED);
    h = hear(400, NULL,
             "{\"type\":\"urn:ietf:params:acme:error:accountDoesNotExist\",\"detail\":\"none\"}",
             false);
    assert_int_equal(h.err.kind, ERR_ABSENT);
}

static void test_hear_when_terms_changed_then_the_address_is_told(void **state)
{
    (void)state;
    struct heard h = hear(403, "Link: <https://ca.test/tos-2030>;rel=\"terms-of-service\"",
                          "{\"type\":\"urn:ietf:params:acme:error:userActionRequired\","
                          "\"detail\":\"terms\",\"instance\":\"https://ca.test/agree?t=1\"}",
                          false);
    assert_int_equal(h.err.kind, ERR_DENIED);
    assert_has(h.err.text, "https://ca.test/agree?t=1");
    h = hear(403, "Link: <https://ca.test/tos-2030>;rel=\"terms-of-service\"",
             "{\"type\":\"urn:ietf:params:acme:error:userActionRequired\"}", false);
    assert_has(h.err.text, "https://ca.test/tos-2030");
}

static void test_hear_when_ca_breaks_the_protocol_then_broken(void **state)
{
    (void)state;
    assert_int_equal(hear(201, NULL, "{\"status\":\"valid\"}", false).err.kind, ERR_BROKEN);
    assert_int_equal(hear(201, "Location: /account/7", "{}", false).err.kind, ERR_BROKEN);
    assert_int_equal(hear(201, "Location: http://ca.test/7", "{}", false).err.kind, ERR_BROKEN);
    assert_int_equal(hear(201, ACCOUNT_AT, "{\"status\":\"vivid\"}", false).err.kind, ERR_BROKEN);
    assert_int_equal(hear(201, ACCOUNT_AT, "nonsense", false).err.kind, ERR_BROKEN);
    assert_int_equal(hear(302, "Location: https://evil.test/", "", false).err.kind, ERR_BROKEN);
}

static void test_hear_when_lost_then_again(void **state)
{
    (void)state;
    struct acme_answer answer;
    struct acme_account_facts facts;
    struct err why, err = {0};
    err_set(&why, ERR_AGAIN, "connection reset");
    acme_answer_lost(&answer, &why, arena);
    struct acme_directory *directory = case_directory("");
    assert_false(acme_account_hear(&answer, directory, arena, &facts, &err));
    assert_int_equal(err.kind, ERR_AGAIN);
    assert_has(err.text, "connection reset");
    acme_directory_free(directory);
}

static void test_hear_change_when_deactivated_then_no_error_and_url_kept(void **state)
{
    (void)state;
    struct heard h = hear(200, NULL, "{\"status\":\"deactivated\"}", true);
    assert_true(h.good);
    assert_string_equal(h.facts.status, "deactivated");
    assert_string_equal(h.facts.url, "https://ca.test/account/7");
    h = hear(403, NULL, "{\"type\":\"urn:ietf:params:acme:error:unauthorized\"}", true);
    assert_false(h.good);
    assert_int_equal(h.err.kind, ERR_DENIED);
}

/* The inner JWS stands as JSON in the payload; its parts are read back. */
static struct json *part_of(const struct json *jws, const char *member)
{
    AUTO(buf_fini)
    struct buf text = BUF(JSON_SIZE_MAX);
    struct json *tree = NULL;
    struct err err = {0};
    assert_true(base64url_decode(&text, str_of(json_text(jws, member))));
    assert_true(json_parse(buf_str(&text), JSON_SIZE_MAX, &tree, &err));
    return tree;
}

static void test_key_change_when_asked_then_the_new_key_signs_inside_without_nonce(void **state)
{
    (void)state;
    struct acme_ask ask;
    struct err err = {0};
    AUTO(key_fini)
    struct key *next = key_new(KEY_ECDSA_P384);
    AUTO(json_fini)
    struct json *jws = NULL;
    struct acme_directory *directory =
        case_directory(",\"keyChange\":\"https://ca.test/key-change\"");
    assert_true(acme_account_ask_key_change(directory, "https://ca.test/account/7", key, next,
                                            arena, &ask, &err));
    assert_int_equal(ask.signer, ACME_SIGN_KID);
    assert_string_equal(ask.url, "https://ca.test/key-change");
    assert_true(json_parse(ask.payload, JSON_SIZE_MAX, &jws, &err));
    AUTO(json_fini)
    struct json *header = part_of(jws, "protected");
    AUTO(json_fini)
    struct json *payload = part_of(jws, "payload");
    AUTO(json_fini)
    struct json *old_jwk = key_jwk(key);
    AUTO(json_fini)
    struct json *new_jwk = key_jwk(next);
    assert_string_equal(json_text(header, "alg"), "ES384");
    assert_string_equal(json_text(header, "url"), "https://ca.test/key-change");
    assert_null(json_find(header, "nonce"));
    assert_null(json_find(header, "kid"));
    assert_string_equal(json_text(json_find(header, "jwk"), "x"), json_text(new_jwk, "x"));
    assert_string_equal(json_text(payload, "account"), "https://ca.test/account/7");
    assert_string_equal(json_text(json_find(payload, "oldKey"), "x"), json_text(old_jwk, "x"));
    acme_directory_free(directory);
}

static void test_key_change_when_not_offered_then_refused(void **state)
{
    (void)state;
    struct acme_ask ask;
    struct err err = {0};
    struct acme_directory *directory = case_directory("");
    assert_false(acme_account_ask_key_change(directory, "https://ca.test/account/7", key, key,
                                             arena, &ask, &err));
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_non_null(strstr(err.text, "no key rollover"));
    acme_directory_free(directory);
}

static struct err key_change_err(int status, const char *headers, const char *body)
{
    struct acme_case c = {.arena = arena, .world.now_ms = CASE_NOW};
    struct err err = {0};
    case_answer(&c, 0, status, headers, body);
    if (acme_account_hear_key_change(&c.answer, &err))
        assert_int_equal(err.kind, ERR_NONE);
    acme_answer_fini(&c.answer);
    return err;
}

static void test_key_change_when_heard_then_judged(void **state)
{
    (void)state;
    assert_int_equal(key_change_err(200, "", "{\"status\":\"valid\"}").kind, ERR_NONE);
    struct err err = key_change_err(409, "Location: https://ca.test/account/8\n", "{}");
    assert_int_equal(err.kind, ERR_REFUSED);
    assert_non_null(strstr(err.text, "https://ca.test/account/8"));
    err = key_change_err(400, "",
                         "{\"type\":\"urn:ietf:params:acme:error:badSignatureAlgorithm\","
                         "\"algorithms\":[\"RS256\",7,\"ES\\u001b512\"]}");
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.text, "the CA takes RS256, ES\\x1b512"));
    assert_int_equal(key_change_err(503, "", "").kind, ERR_AGAIN);
}

static void test_update_when_terms_are_agreed_to_then_said_and_contacts_stay(void **state)
{
    (void)state;
    struct acme_ask ask;
    acme_account_ask_update("https://ca.test/account/7", NULL, true, arena, &ask);
    assert_string_equal(ask.payload.p, "{\"termsOfServiceAgreed\":true}");
}

static void test_new_when_bound_already_then_no_binding_is_sent_or_missed(void **state)
{
    (void)state;
    struct acme_ask ask;
    struct err err = {0};
    struct acme_account_wish wish = {.is_bound = true};
    assert_true(ask_new(EAB, &wish, &ask, &err));
    wish.eab_kid = "kid-1"; /* its key is gone */
    assert_true(ask_new(EAB, &wish, &ask, &err));
    assert_null(strstr(ask.payload.p, "externalAccountBinding"));
    wish.is_bound = false;
    assert_false(ask_new(EAB, &wish, &ask, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_when_terms_agreed_then_contact_and_agreement_go_along),
        cmocka_unit_test(test_new_when_no_contact_then_none_is_sent),
        cmocka_unit_test(test_new_when_terms_not_agreed_then_config_names_their_url),
        cmocka_unit_test(test_new_when_eab_is_needed_and_missing_then_config),
        cmocka_unit_test(test_new_when_eab_then_the_binding_verifies),
        cmocka_unit_test(test_find_when_asked_then_changes_nothing),
        cmocka_unit_test(test_account_when_changed_then_signed_by_kid),
        cmocka_unit_test(test_hear_when_made_or_found_then_url_is_the_location),
        cmocka_unit_test(test_hear_when_account_is_gone_then_denied_or_absent),
        cmocka_unit_test(test_hear_when_terms_changed_then_the_address_is_told),
        cmocka_unit_test(test_hear_when_ca_breaks_the_protocol_then_broken),
        cmocka_unit_test(test_hear_when_lost_then_again),
        cmocka_unit_test(test_hear_change_when_deactivated_then_no_error_and_url_kept),
        cmocka_unit_test(test_key_change_when_asked_then_the_new_key_signs_inside_without_nonce),
        cmocka_unit_test(test_key_change_when_not_offered_then_refused),
        cmocka_unit_test(test_key_change_when_heard_then_judged),
        cmocka_unit_test(test_update_when_terms_are_agreed_to_then_said_and_contacts_stay),
        cmocka_unit_test(test_new_when_bound_already_then_no_binding_is_sent_or_missed),
    };
    return cmocka_run_group_tests(tests, shared_open, shared_close);
}
