/* SEES: base crypto acme fake */
/* Orders against the fake authority: real keys, real signatures, virtual time, and a kill at every point where a process can
 * die. The driver here is as small as one can be; the real one is orchestrator/renewal. */
#include "acme/account.h"
#include "acme_case.h"
#include "fake/ca_core.h"

#define BASE "https://ca.test"

static const char *const wanted[] = {"www.example.com", "*.www.example.com", "example.org"};
enum { N_WANTED = 3, TURNS_MAX = 2000, EVENTS_MAX = 200 };

struct play {
    struct fake_ca *ca;
    struct acme_directory *directory;
    struct arena *arena;
    struct key *account, *leaf;
    char *kid, *nonce;
    struct order *order;
    int64_t now_ms;
    int event, kill_at; /* the n-th event at which the process dies; 0: never */
    bool failed;
    struct err failure;
    struct chain *chain;
    int n_txt_wanted;
};

/* ---- a client's wire ---- */

static void reply_read(struct play *p, const struct fake_reply *reply, struct acme_answer *ret)
{
    struct acme_header headers[FAKE_HEADERS_MAX];
    struct err why;
    if (reply->drop || reply->drop_stream || reply->cut_after >= 0) {
        err_set(&why, ERR_AGAIN, "the connection broke");
        acme_answer_lost(ret, &why, p->arena);
        return;
    }
    for (size_t i = 0; i < reply->n_headers; i++)
        headers[i] = (struct acme_header){arena_strdup(p->arena, reply->headers[i].name),
                                          arena_strdup(p->arena, reply->headers[i].value)};
    const char *nonce = acme_answer_nonce(headers, reply->n_headers);
    if (nonce != NULL)
        mem_set_str(&p->nonce, nonce);
    struct str body = buf_str(&reply->body);
    body.p = arena_strndup(p->arena, body.len > 0 ? body.p : "", body.len);
    acme_answer_read(ret, reply->status, headers, reply->n_headers, body, p->now_ms, p->arena);
}

static void ask_send(struct play *p, const char *method, const char *url, struct str body,
                     struct acme_answer *ret)
{
    struct fake_reply reply = {0};
    assert_int_equal(strncmp(url, BASE, strlen(BASE)), 0);
    const struct fake_request request = {.method = str_of(method),
                                         .path = str_of(url + strlen(BASE)),
                                         .content_type = STR("application/jose+json"),
                                         .user_agent = STR("test"),
                                         .body = body};
    fake_ca_answer(p->ca, &request, p->now_ms, &reply);
    reply_read(p, &reply, ret);
    fake_reply_fini(&reply);
}

static void ask_sign(struct play *p, const struct acme_ask *ask, struct buf *out)
{
    AUTO(json_fini)
    struct json *header = json_object();
    json_set_text(header, "nonce", p->nonce);
    json_set_text(header, "url", ask->url);
    if (ask->signer == ACME_SIGN_KID)
        json_set_text(header, "kid", p->kid);
    else
        json_set(header, "jwk", key_jwk(p->account));
    jws_sign(p->account, header, ask->method == ACME_POST ? ask->payload : STR(""), out);
}

static void ask_perform(struct play *p, const struct acme_ask *ask, struct acme_answer *ret)
{
    for (int i = 0; i < 20; i++) {
        AUTO(buf_fini)
        struct buf body = BUF(JSON_SIZE_MAX);
        if (p->nonce == NULL) {
            ask_send(p, "HEAD", p->directory->new_nonce, STR_NONE, ret);
            acme_answer_fini(ret);
        }
        ask_sign(p, ask, &body);
        mem_set_str(&p->nonce, NULL);
        ask_send(p, "POST", ask->url, buf_str(&body), ret);
        ret->slot = ask->slot;
        if (ret->problem == NULL || ret->problem->type != PROBLEM_BAD_NONCE)
            return;
        acme_answer_fini(ret);
    }
    fail_msg("badNonce for ever");
}

/* ---- a driver ---- */

static bool dies(struct play *p)
{
    return ++p->event == p->kill_at;
}

/* False when the process dies on the way: what was heard is then lost, what was asked is not. */
static bool asks_perform(struct play *p, const struct verdict *asked, struct verdict *ret)
{
    const struct acme_world world = {
        .now_ms = p->now_ms, .directory = p->directory, .arena = p->arena};
    for (size_t i = 0; i < asked->n_asks; i++) {
        struct acme_answer answer;
        if (dies(p))
            return false;
        ask_perform(p, &asked->asks[i], &answer);
        bool heard = !dies(p);
        if (heard)
            *ret = order_step_run(p->order, &world, &answer);
        acme_answer_fini(&answer);
        if (!heard)
            return false;
        if (ret->kind == VERDICT_AGAIN || ret->kind == VERDICT_FAIL)
            break;
    }
    assert_int_not_equal(ret->kind, VERDICT_WAIT);
    return !dies(p);
}

static void key_make(struct play *p)
{
    struct err err = {0};
    key_free(p->leaf);
    p->leaf = key_new(KEY_ECDSA_P256);
    assert_true(csr_new(p->leaf, (const char *const *)p->order->names, p->order->n_names,
                        &p->order->csr, &err));
    key_spki(p->leaf, p->order->spki);
    p->order->has_key = true;
}

static void order_go(struct play *p, enum order_step next)
{
    assert_true(order_step_may_follow(p->order->step, next));
    if (p->order->step == ORDER_FETCH) {
        p->chain = p->order->chain;
        p->order->chain = NULL;
    }
    p->order->step = next;
    p->order->step_at_ms = p->now_ms;
    p->order->n_polls = 0;
}

static void order_fails(struct play *p, const struct err *why)
{
    p->failure = *why;
    p->failed = p->order->failed = true;
    order_go(p, ORDER_TIDY);
}

static void obey(struct play *p, const struct verdict *v)
{
    switch (v->kind) {
    case VERDICT_GO:
        order_go(p, v->next);
        break;
    case VERDICT_SLEEP:
        assert_true(v->until_ms >= p->now_ms && v->until_ms <= p->now_ms + MS_DAY);
        p->now_ms = v->until_ms;
        break;
    case VERDICT_AGAIN:
        p->now_ms += 10 * MS_SECOND;
        if (p->now_ms - p->order->step_at_ms > order_step_patience_ms(p->order->step))
            order_fails(p, &v->err);
        break;
    case VERDICT_FAIL:
        order_fails(p, &v->err);
        break;
    case VERDICT_WANT_KEY:
        key_make(p);
        break;
    case VERDICT_WANT_TXT:
        p->n_txt_wanted++;
        p->order->published = true;
        break;
    case VERDICT_ASK:
    case VERDICT_WAIT:
        fail_msg("not here");
    }
}

static void order_play(struct play *p)
{
    for (int turn = 0; p->order->step != ORDER_DONE; turn++) {
        assert_true(turn < TURNS_MAX);
        const struct acme_world world = {
            .now_ms = p->now_ms, .directory = p->directory, .arena = p->arena};
        struct verdict v = order_step_run(p->order, &world, NULL);
        if (v.kind != VERDICT_ASK) {
            obey(p, &v);
            continue;
        }
        struct order *committed = order_of_row(p->order);
        struct verdict heard = {.kind = VERDICT_WAIT};
        if (asks_perform(p, &v, &heard)) {
            order_free(committed);
            obey(p, &heard);
        } else {
            order_free(p->order);
            p->order = committed;
        }
        p->now_ms += 10;
    }
}

/* ---- the stage ---- */

static bool txt_is_ours(void *ctx, const char *owner_name, const char *value)
{
    const struct play *p = ctx;
    for (size_t i = 0; i < p->order->n_authz; i++) {
        AUTO(buf_fini)
        struct buf name = BUF(512);
        const struct authz *authz = &p->order->authz[i];
        if (authz->value == NULL)
            continue;
        order_challenge_name(p->order, authz, &name);
        if (strcmp(buf_cstr(&name), owner_name) == 0 && strcmp(authz->value, value) == 0)
            return true;
    }
    return false;
}

static void knob(struct play *p, const char *json)
{
    struct err err = {0};
    if (!fake_ca_set(p->ca, str_of(json), &err))
        fail_msg("%s", err.text);
}

static void directory_fetch(struct play *p)
{
    struct acme_answer answer;
    struct err err = {0};
    ask_send(p, "GET", BASE "/directory", STR_NONE, &answer);
    if (!acme_directory_read(BASE "/directory", answer.tree, &p->directory, &err))
        fail_msg("%s", err.text);
    acme_answer_fini(&answer);
}

static void account_register(struct play *p)
{
    struct acme_ask ask;
    struct acme_answer answer;
    struct acme_account_facts facts;
    struct err err = {0};
    const struct acme_account_wish wish = {.agree_terms = true};
    assert_true(acme_account_ask_new(p->directory, p->account, &wish, p->arena, &ask, &err));
    ask_perform(p, &ask, &answer);
    if (!acme_account_hear(&answer, p->directory, p->arena, &facts, &err))
        fail_msg("%s", err.text);
    assert_true(facts.was_new);
    p->kid = mem_strdup(facts.url);
    acme_answer_fini(&answer);
}

static void order_begin(struct play *p, const char *const *names, size_t n)
{
    order_free(p->order);
    chain_free(p->chain);
    p->chain = NULL;
    p->order = order_new("shop", names, n);
    p->order->authority = mem_strdup("testca");
    p->order->directory = mem_strdup(BASE "/directory");
    p->order->started_at_ms = p->order->step_at_ms = p->now_ms;
    key_thumbprint(p->account, p->order->thumbprint);
    p->event = p->kill_at = 0;
    p->failed = false;
    p->n_txt_wanted = 0;
}

static void play_open(struct play *p)
{
    struct fake_ca_options options = fake_ca_options_default();
    *p = (struct play){.arena = arena_new(), .now_ms = CASE_NOW};
    options.txt_lookup = txt_is_ours;
    options.ctx = p;
    p->ca = fake_ca_new(&options);
    p->account = key_new(KEY_ECDSA_P256);
    directory_fetch(p);
    account_register(p);
    order_begin(p, wanted, N_WANTED);
}

static void play_close(struct play *p)
{
    fake_ca_free(p->ca);
    acme_directory_free(p->directory);
    order_free(p->order);
    chain_free(p->chain);
    key_free(p->account);
    key_free(p->leaf);
    mem_free(p->kid);
    mem_free(p->nonce);
    arena_free(p->arena);
}

static void assert_issued(struct play *p)
{
    if (p->failed)
        fail_msg("%s", p->failure.text);
    assert_non_null(p->chain);
    size_t last = fake_ca_n_certificates(p->ca) - 1;
    const struct fake_certificate *certificate = fake_ca_certificate(p->ca, last);
    assert_string_equal(certificate->spki_sha256, p->order->spki);
    assert_int_equal(certificate->n_names, p->order->n_names);
}

static int64_t requests(const struct play *p, enum fake_kind kind)
{
    return fake_ca_counts(p->ca)->requests[kind];
}

/* ---- tests ---- */

static void test_order_when_nothing_goes_wrong_then_fewest_requests(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    order_play(&p);
    assert_issued(&p);
    assert_int_equal(p.n_txt_wanted, 1);
    assert_int_equal(requests(&p, FAKE_KIND_NEW_ORDER), 1);
    assert_int_equal(requests(&p, FAKE_KIND_AUTHZ), 3);
    assert_int_equal(requests(&p, FAKE_KIND_CHALLENGE), 3);
    assert_int_equal(requests(&p, FAKE_KIND_FINALIZE), 1);
    assert_int_equal(requests(&p, FAKE_KIND_CERTIFICATE), 1);
    assert_true(requests(&p, FAKE_KIND_ORDER) <= 2);
    assert_int_equal(fake_ca_counts(p.ca)->problems, 0);
    play_close(&p);
}

static void test_order_when_killed_at_any_point_then_exactly_one_certificate(void **state)
{
    (void)state;
    int kill_at = 1;
    for (bool was_killed = true; was_killed; kill_at++) {
        struct play p;
        assert_true(kill_at < EVENTS_MAX);
        play_open(&p);
        p.kill_at = kill_at;
        order_play(&p);
        assert_issued(&p);
        was_killed = p.event >= kill_at;
        const struct fake_counts *counts = fake_ca_counts(p.ca);
        if (counts->certificates != 1 || counts->orders_made > 2 || counts->orders_finalized != 1)
            fail_msg("killed at %d: %lld certificates, %lld orders", kill_at,
                     (long long)counts->certificates, (long long)counts->orders_made);
        play_close(&p);
    }
    assert_true(kill_at > 20);
}

static void test_order_when_any_reply_is_lost_then_exactly_one_certificate(void **state)
{
    (void)state;
    const char *const kinds[] = {"newOrder", "authz",    "challenge",
                                 "order",    "finalize", "certificate"};
    const char *const acts[] = {"drop-reply", "drop-request", "500", "503", "html", "truncate"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (size_t k = 0; k < sizeof acts / sizeof acts[0]; k++) {
            struct play p;
            play_open(&p);
            knob(&p, arena_printf(p.arena,
                                  "{\"issue_ms\":900,\"faults\":[{\"on\":\"%s\",\"act\":\"%s\","
                                  "\"nth\":1}]}",
                                  kinds[i], acts[k]));
            order_play(&p);
            assert_issued(&p);
            assert_int_equal(fake_ca_counts(p.ca)->certificates, 1);
            assert_int_equal(fake_ca_counts(p.ca)->faults, 1);
            play_close(&p);
        }
}

static void test_order_when_the_ca_is_slow_then_polled_sparingly(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    knob(&p, "{\"validate_ms\":20000,\"issue_ms\":600000,\"retry_after_s\":15,"
             "\"retry_after_form\":2}");
    order_play(&p);
    assert_issued(&p);
    assert_true(requests(&p, FAKE_KIND_ORDER) < 60);
    play_close(&p);
}

static void test_order_when_authorizations_are_reused_then_no_record_is_wanted(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    knob(&p, "{\"authz_reuse\":100}");
    order_play(&p);
    assert_issued(&p);
    order_begin(&p, wanted, N_WANTED);
    order_play(&p);
    assert_issued(&p);
    assert_int_equal(p.n_txt_wanted, 0);
    assert_int_equal(fake_ca_counts(p.ca)->certificates, 2);
    play_close(&p);
}

static void test_order_when_predecessor_was_replaced_then_placed_without(void **state)
{
    (void)state;
    struct play p;
    struct cert_facts facts = {0};
    struct err err = {0};
    play_open(&p);
    order_play(&p);
    assert_true(chain_facts(p.chain, 0, &facts, &err));
    for (int i = 0; i < 2; i++) {
        order_begin(&p, wanted, N_WANTED);
        p.order->replaces = mem_strdup(facts.ari_id);
        order_play(&p);
        assert_issued(&p);
        assert_int_equal(p.order->without_replaces, i == 1);
    }
    assert_int_equal(requests(&p, FAKE_KIND_NEW_ORDER), 4);
    cert_facts_fini(&facts);
    play_close(&p);
}

static void test_order_when_profile_is_unknown_then_config(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    knob(&p, "{\"profiles\":{\"classic\":7776000}}");
    p.order->profile = mem_strdup("tlsclient");
    order_play(&p);
    assert_true(p.failed);
    assert_int_equal(p.failure.kind, ERR_CONFIG);
    /* The directory in hand is judged by; the driver sees to it that it is a fresh one. */
    assert_has(p.failure.text, "the CA offers no profiles");
    assert_int_equal(requests(&p, FAKE_KIND_NEW_ORDER), 0);
    play_close(&p);
}

static void test_order_when_validation_fails_then_told_and_nothing_is_left_pending(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    knob(
        &p,
        "{\"faults\":[{\"on\":\"challenge\",\"act\":\"invalid-authz\",\"name\":\"example.org\"}]}");
    order_play(&p);
    assert_true(p.failed);
    assert_int_equal(p.failure.kind, ERR_REFUSED);
    assert_has(p.failure.text, "example.org: ");
    assert_null(strstr(p.failure.text, "www.example.com: "));
    assert_true(p.order->tidied);
    assert_int_equal(fake_ca_counts(p.ca)->certificates, 0);
    play_close(&p);
}

static void test_order_when_the_ca_forgets_everything_then_fails_to_begin_anew(void **state)
{
    (void)state;
    struct play p;
    play_open(&p);
    knob(&p, "{\"faults\":[{\"on\":\"order\",\"act\":\"404\",\"times\":0}]}");
    order_play(&p);
    assert_true(p.failed);
    assert_int_equal(p.failure.kind, ERR_AGAIN);
    assert_has(p.failure.text, "forgot");
    play_close(&p);
}

static void test_order_when_the_certificate_is_wrong_then_held_back(void **state)
{
    (void)state;
    const char *const wrongs[] = {"other-key", "missing-name", "extra-name", "other-names",
                                  "expired",   "future",       "no-chain",   "shuffled",
                                  "garbage",   "wrong-issuer", "1000-links", "truncated"};
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        struct play p;
        play_open(&p);
        knob(&p, arena_printf(p.arena,
                              "{\"faults\":[{\"on\":\"certificate\",\"act\":\"wrong-cert:%s\","
                              "\"times\":0}]}",
                              wrongs[i]));
        order_play(&p);
        if (!p.failed)
            fail_msg("%s was taken", wrongs[i]);
        assert_int_equal(p.failure.kind, ERR_BROKEN);
        assert_has(p.failure.text, "held back");
        assert_null(p.chain);
        play_close(&p);
    }
}

static void test_order_when_bodies_are_spoiled_then_fails_or_issues_but_never_harms(void **state)
{
    (void)state;
    const char *const kinds[] = {"newOrder", "authz", "challenge", "order", "finalize"};
    const char *const acts[] = {"cut-body", "garbage",       "deep",          "empty",       "nul",
                                "huge",     "duplicate-key", "remove:status", "set:status=7"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (size_t k = 0; k < sizeof acts / sizeof acts[0]; k++) {
            struct play p;
            play_open(&p);
            knob(&p,
                 arena_printf(p.arena, "{\"faults\":[{\"on\":\"%s\",\"act\":\"%s\",\"nth\":1}]}",
                              kinds[i], acts[k]));
            order_play(&p);
            assert_true(p.failed == (p.chain == NULL));
            /* Once a certificate may exist, one spoiled answer does not lose it. */
            if (strcmp(kinds[i], "finalize") == 0 || strcmp(kinds[i], "order") == 0)
                assert_issued(&p);
            assert_true(fake_ca_counts(p.ca)->certificates <= 1);
            play_close(&p);
        }
}

static void test_account_when_used_with_the_ca_then_every_verb_works(void **state)
{
    (void)state;
    struct play p;
    struct acme_ask ask;
    struct acme_answer answer;
    struct acme_account_facts facts;
    struct err err = {0};
    const char *const contact[] = {"mailto:ops@example.com", NULL};
    play_open(&p);
    acme_account_ask_find(p.directory, p.arena, &ask);
    ask_perform(&p, &ask, &answer);
    assert_true(acme_account_hear(&answer, p.directory, p.arena, &facts, &err));
    assert_string_equal(facts.url, p.kid);
    assert_false(facts.was_new);
    acme_answer_fini(&answer);
    acme_account_ask_update(p.kid, contact, false, p.arena, &ask);
    ask_perform(&p, &ask, &answer);
    assert_true(acme_account_hear_change(&answer, p.kid, p.directory, p.arena, &facts, &err));
    acme_answer_fini(&answer);
    acme_account_ask_deactivate(p.kid, p.arena, &ask);
    ask_perform(&p, &ask, &answer);
    assert_true(acme_account_hear_change(&answer, p.kid, p.directory, p.arena, &facts, &err));
    assert_string_equal(facts.status, "deactivated");
    acme_answer_fini(&answer);
    order_play(&p);
    assert_true(p.failed);
    assert_int_equal(p.failure.kind, ERR_DENIED);
    play_close(&p);
}

static void test_revoke_when_asked_twice_then_done_both_times(void **state)
{
    (void)state;
    struct play p;
    struct acme_ask ask;
    struct err err = {0};
    AUTO(buf_fini)
    struct buf der = BUF(65536);
    play_open(&p);
    order_play(&p);
    chain_cert_der(p.chain, 0, &der);
    for (int i = 0; i < 2; i++) {
        struct acme_answer answer;
        acme_revoke_ask(p.directory, buf_str(&der), 4, false, p.arena, &ask);
        ask_perform(&p, &ask, &answer);
        if (!acme_revoke_hear(&answer, &err))
            fail_msg("%s", err.text);
        acme_answer_fini(&answer);
    }
    assert_true(fake_ca_certificate(p.ca, 0)->revoked);
    assert_int_equal(fake_ca_certificate(p.ca, 0)->revoke_reason, 4);
    play_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_when_nothing_goes_wrong_then_fewest_requests),
        cmocka_unit_test(test_order_when_killed_at_any_point_then_exactly_one_certificate),
        cmocka_unit_test(test_order_when_any_reply_is_lost_then_exactly_one_certificate),
        cmocka_unit_test(test_order_when_the_ca_is_slow_then_polled_sparingly),
        cmocka_unit_test(test_order_when_authorizations_are_reused_then_no_record_is_wanted),
        cmocka_unit_test(test_order_when_predecessor_was_replaced_then_placed_without),
        cmocka_unit_test(test_order_when_profile_is_unknown_then_config),
        cmocka_unit_test(test_order_when_validation_fails_then_told_and_nothing_is_left_pending),
        cmocka_unit_test(test_order_when_the_ca_forgets_everything_then_fails_to_begin_anew),
        cmocka_unit_test(test_order_when_the_certificate_is_wrong_then_held_back),
        cmocka_unit_test(test_order_when_bodies_are_spoiled_then_fails_or_issues_but_never_harms),
        cmocka_unit_test(test_account_when_used_with_the_ca_then_every_verb_works),
        cmocka_unit_test(test_revoke_when_asked_twice_then_done_both_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
