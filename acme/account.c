#include "acme/account.h"

static struct str json_to_arena(const struct json *tree, struct arena *arena)
{
    AUTO(buf_fini)
    struct buf text = BUF(JSON_SIZE_MAX);
    json_format(tree, &text, false);
    return str_mem(arena_strndup(arena, buf_cstr(&text), text.len), text.len);
}

/* An empty list is not sent: some CAs read it as "contacts are required". */
static void contact_set(struct json *payload, const char *const *contact)
{
    if (contact == NULL || contact[0] == NULL)
        return;
    struct json *list = json_array();
    for (size_t i = 0; contact[i] != NULL; i++)
        json_push_text(list, contact[i]);
    json_set(payload, "contact", list);
}

static bool eab_algorithm_is_good(const char *alg)
{
    return strcmp(alg, "HS256") == 0 || strcmp(alg, "HS384") == 0 || strcmp(alg, "HS512") == 0;
}

/* RFC 8555 7.3.4: the account's public key, signed with the MAC key the CA handed out; the url is
 * the outer one, and there is no nonce. */
static bool eab_set(struct json *payload, const struct acme_directory *directory,
                    const struct key *key, const struct acme_account_wish *wish, struct err *err)
{
    const char *alg = wish->eab_algorithm != NULL ? wish->eab_algorithm : "HS256";
    if (!eab_algorithm_is_good(alg))
        return err_set(err, ERR_CONFIG,
                       "external account binding: \"%.20s\" is none of HS256, "
                       "HS384, HS512",
                       alg);
    if (wish->eab_key == NULL || wish->eab_key->len == 0)
        return err_set(err, ERR_CONFIG,
                       "external account binding: the key id is configured, but "
                       "the MAC key is missing");
    AUTO(json_fini)
    struct json *header = json_object();
    AUTO(json_fini)
    struct json *jwk = key_jwk(key);
    AUTO(buf_fini)
    struct buf jwk_text = BUF(JSON_SIZE_MAX), jws = BUF(JSON_SIZE_MAX);
    json_set_text(header, "kid", wish->eab_kid);
    json_set_text(header, "url", directory->new_account);
    json_format(jwk, &jwk_text, false);
    jws_hmac(alg, wish->eab_key, header, buf_str(&jwk_text), &jws);
    struct json *binding = NULL;
    if (!json_parse(buf_str(&jws), JSON_SIZE_MAX, &binding, err))
        return err_set(err, ERR_BUG, "external account binding: our own JWS is no JSON");
    json_set(payload, "externalAccountBinding", binding);
    return true;
}

static bool wish_check(const struct acme_directory *directory, const struct acme_account_wish *wish,
                       struct err *err)
{
    if (directory->terms != NULL && !wish->agree_terms)
        return err_set(err, ERR_CONFIG,
                       "the CA asks to agree to its terms of service, %s: read them, then set "
                       "agree_tos: true for this authority",
                       directory->terms);
    if (directory->eab_required && wish->eab_kid == NULL && !wish->is_bound)
        return err_set(err, ERR_CONFIG,
                       "the CA binds accounts to a customer: set eab (kid and key, as handed out "
                       "by the CA) for this authority");
    return true;
}

static void ask_account(struct acme_ask *ask, const char *what, enum acme_signer signer,
                        const char *url, const struct json *payload, struct arena *arena)
{
    *ask = (struct acme_ask){.method = ACME_POST,
                             .signer = signer,
                             .what = what,
                             .url = arena_strdup(arena, url),
                             .payload = json_to_arena(payload, arena)};
}

bool acme_account_ask_new(const struct acme_directory *directory, const struct key *key,
                          const struct acme_account_wish *wish, struct arena *arena,
                          struct acme_ask *ret_ask, struct err *err)
{
    AUTO(json_fini)
    struct json *payload = json_object();
    if (!wish_check(directory, wish, err))
        return false;
    if (wish->agree_terms)
        json_set_bool(payload, "termsOfServiceAgreed", true);
    contact_set(payload, wish->contact);
    if (wish->eab_kid != NULL && !wish->is_bound && !eab_set(payload, directory, key, wish, err))
        return false;
    ask_account(ret_ask, "newAccount", ACME_SIGN_JWK, directory->new_account, payload, arena);
    return true;
}

/* Neither contact nor agreement go along: this must change nothing (RFC 8555 7.3.1). */
void acme_account_ask_find(const struct acme_directory *directory, struct arena *arena,
                           struct acme_ask *ret_ask)
{
    AUTO(json_fini)
    struct json *payload = json_object();
    json_set_bool(payload, "onlyReturnExisting", true);
    ask_account(ret_ask, "newAccount", ACME_SIGN_JWK, directory->new_account, payload, arena);
}

void acme_account_ask_deactivate(const char *account_url, struct arena *arena,
                                 struct acme_ask *ret_ask)
{
    AUTO(json_fini)
    struct json *payload = json_object();
    json_set_text(payload, "status", "deactivated");
    ask_account(ret_ask, "account", ACME_SIGN_KID, account_url, payload, arena);
}

/* Here an empty list is a wish: forget the contacts. */
void acme_account_ask_update(const char *account_url, const char *const *contact, bool agree_terms,
                             struct arena *arena, struct acme_ask *ret_ask)
{
    AUTO(json_fini)
    struct json *payload = json_object();
    if (contact != NULL)
        json_set(payload, "contact", json_array());
    contact_set(payload, contact);
    if (agree_terms)
        json_set_bool(payload, "termsOfServiceAgreed", true);
    ask_account(ret_ask, "account", ACME_SIGN_KID, account_url, payload, arena);
}

/* The inner JWS: signed by the new key with its jwk, the url of the outer one, no nonce. */
static void key_change_inner(const char *url, const char *account_url, const struct key *old_key,
                             const struct key *new_key, struct buf *jws)
{
    AUTO(json_fini)
    struct json *header = json_object();
    AUTO(json_fini)
    struct json *payload = json_object();
    AUTO(buf_fini)
    struct buf text = BUF(JSON_SIZE_MAX);
    json_set(header, "jwk", key_jwk(new_key));
    json_set_text(header, "url", url);
    json_set_text(payload, "account", account_url);
    json_set(payload, "oldKey", key_jwk(old_key));
    json_format(payload, &text, false);
    jws_sign(new_key, header, buf_str(&text), jws);
}

bool acme_account_ask_key_change(const struct acme_directory *directory, const char *account_url,
                                 const struct key *old_key, const struct key *new_key,
                                 struct arena *arena, struct acme_ask *ret_ask, struct err *err)
{
    AUTO(buf_fini)
    struct buf jws = BUF(JSON_SIZE_MAX);
    if (directory->key_change == NULL)
        return err_set(err, ERR_REFUSED,
                       "the CA offers no key rollover (its directory has no keyChange): the "
                       "account keeps its key; to change it, register another account");
    key_change_inner(directory->key_change, account_url, old_key, new_key, &jws);
    *ret_ask = (struct acme_ask){.method = ACME_POST,
                                 .signer = ACME_SIGN_KID,
                                 .what = "keyChange",
                                 .url = arena_strdup(arena, directory->key_change),
                                 .payload = str_mem(arena_strndup(arena, jws.p, jws.len), jws.len)};
    return true;
}

/* What every answer about an account must pass: heard, no problem, an object. */
static bool answer_check(const struct acme_answer *answer, struct err *err)
{
    if (answer->status == 0) {
        err_set(err, ERR_AGAIN, "no answer");
        if (err != NULL && answer->lost != NULL)
            *err = *answer->lost;
        return err_wrap(err, "account");
    }
    if (answer->problem != NULL) {
        acme_problem_err(answer->problem, "account", answer->retry_at_ms, err);
        const char *link =
            answer->problem->instance != NULL ? answer->problem->instance : answer->terms_link;
        if (answer->problem->type == PROBLEM_USER_ACTION_REQUIRED && link != NULL && err != NULL) {
            AUTO(buf_fini)
            struct buf shown = BUF(512);
            text_escape(&shown, str_of(link), 300);
            err_wrap(err, "a person must visit %s", buf_cstr(&shown));
        }
        return false;
    }
    if (answer->status != 200 && answer->status != 201)
        return err_set(err, ERR_BROKEN, "account: the CA answered with status %d", answer->status);
    return true;
}

bool acme_account_hear_key_change(const struct acme_answer *answer, struct err *err)
{
    AUTO(buf_fini)
    struct buf shown = BUF(512);
    if (answer->status != 409)
        return answer_check(answer, err) || err_wrap(err, "key rollover");
    text_escape(&shown, str_of(answer->location != NULL ? answer->location : "which is not named"),
                300);
    return err_set(err, ERR_REFUSED, "key rollover: the new key has an account already, %s",
                   buf_cstr(&shown));
}

/* Some CAs keep no contacts, and say nothing of them. */
static const char *contact_text(const struct json *tree, struct arena *arena)
{
    const struct json *contact = json_find(tree, "contact");
    return json_is(contact, JSON_ARRAY) ? json_to_arena(contact, arena).p : "[]";
}

static void facts_fill(const struct acme_answer *answer, const char *url, const char *status,
                       const struct acme_directory *directory, struct arena *arena,
                       struct acme_account_facts *ret_facts)
{
    /* A list that may not be asked is as good as none: most CAs have none. */
    const char *orders = json_text(answer->tree, "orders");
    if (orders != NULL && !acme_url_check(orders, directory->url, NULL))
        orders = NULL;
    *ret_facts = (struct acme_account_facts){.url = arena_strdup(arena, url),
                                             .status = status,
                                             .orders_url = arena_strdup(arena, orders),
                                             .contact = contact_text(answer->tree, arena),
                                             .was_new = answer->status == 201};
}

/* RFC 8555 7.1.2; NULL for anything else. Constant texts, so nothing of the CA's is passed on. */
static const char *status_read(const struct json *tree)
{
    static const char *const known[] = {"valid", "deactivated", "revoked"};
    const char *status = json_text(tree, "status");
    if (status == NULL)
        return "valid";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(status, known[i]) == 0)
            return known[i];
    return NULL;
}

bool acme_account_hear(const struct acme_answer *answer, const struct acme_directory *directory,
                       struct arena *arena, struct acme_account_facts *ret_facts, struct err *err)
{
    if (!answer_check(answer, err))
        return false;
    const char *status = status_read(answer->tree);
    if (status == NULL)
        return err_set(err, ERR_BROKEN, "account: its status is none of RFC 8555 7.1.2");
    if (strcmp(status, "valid") != 0)
        return err_set(err, ERR_DENIED, "account: the CA says that it is %s", status);
    if (!acme_url_check(answer->location, directory->url, err))
        return err_wrap(err, "account: Location");
    facts_fill(answer, answer->location, status, directory, arena, ret_facts);
    return true;
}

bool acme_account_hear_change(const struct acme_answer *answer, const char *account_url,
                              const struct acme_directory *directory, struct arena *arena,
                              struct acme_account_facts *ret_facts, struct err *err)
{
    if (!answer_check(answer, err))
        return false;
    const char *status = status_read(answer->tree);
    if (status == NULL)
        return err_set(err, ERR_BROKEN, "account: its status is none of RFC 8555 7.1.2");
    facts_fill(answer, account_url, status, directory, arena, ret_facts);
    return true;
}
