#include "fake/ca_inner.h"

struct fake_account *fake_account_find(const struct fake_ca *ca, size_t id)
{
    return id == 0 || id > ca->n_accounts ? NULL : ca->accounts[id - 1];
}

void fake_account_free(struct fake_account *account)
{
    if (account == NULL)
        return;
    fake_jwk_fini(&account->jwk);
    json_free(account->contact);
    mem_free(account->orders);
    mem_free(account);
}

void fake_account_add_order(struct fake_account *account, size_t order)
{
    if (account->n_orders == account->cap_orders) {
        size_t cap = account->cap_orders == 0 ? 16 : account->cap_orders * 2;
        account->orders = mem_grow(account->orders, account->cap_orders, cap, sizeof(size_t));
        account->cap_orders = cap;
    }
    account->orders[account->n_orders++] = order;
}

static struct fake_account *account_new(struct fake_ca *ca, struct jwk *jwk)
{
    if (ca->n_accounts == ca->cap_accounts) {
        size_t cap = ca->cap_accounts == 0 ? 16 : ca->cap_accounts * 2;
        ca->accounts = mem_grow(ca->accounts, ca->cap_accounts, cap, sizeof(ca->accounts[0]));
        ca->cap_accounts = cap;
    }
    struct fake_account *account = NEW(struct fake_account);
    ca->accounts[ca->n_accounts++] = account;
    account->id = ca->n_accounts;
    account->status = STATUS_VALID;
    fake_jwk_move(&account->jwk, jwk);
    fake_map_put(&ca->accounts_by_key, account->jwk.thumbprint, account->id);
    return account;
}

static void account_show(struct call *c, const struct fake_account *account, int status)
{
    struct json *out = json_object();
    json_set_text(out, "status", fake_status_name(account->status));
    if (account->contact != NULL)
        json_set(out, "contact", json_copy(account->contact));
    json_set_bool(out, "termsOfServiceAgreed", true);
    if (c->ca->options.orders_list != 0)
        fake_json_set_url(out, "orders", c->ca, FAKE_KIND_ORDERS, account->id);
    AUTO(mem_fini)
    char *url = fake_ca_url(c->ca, FAKE_KIND_ACCOUNT, account->id);
    fake_call_header(c, "location", "%s", url);
    fake_call_json(c, status, out);
}

static bool contact_is_good(struct call *c, const struct json *contact)
{
    for (size_t i = 0; i < json_len(contact); i++) {
        const char *text = json_as_text(json_at(contact, i));
        if (text == NULL)
            return fake_call_problem(c, 400, "malformed", "contact[%zu] is no text", i);
        if (!str_starts(str_of(text), STR("mailto:")))
            return fake_call_problem(c, 400, "unsupportedContact", "%s is no mailto: URL", text);
        if (strchr(text, '@') == NULL || strchr(text, ',') != NULL || strchr(text, '?') != NULL)
            return fake_call_problem(c, 400, "invalidContact", "%s is no single address", text);
    }
    return true;
}

/* Takes over payload.contact when it is there and good. */
static bool contact_take(struct call *c, struct json **slot)
{
    const struct json *contact = json_find(c->payload, "contact");
    if (contact == NULL)
        return true;
    if (!json_is(contact, JSON_ARRAY))
        return fake_call_problem(c, 400, "malformed", "contact is no array");
    if (!contact_is_good(c, contact))
        return false;
    json_free(*slot);
    *slot = json_copy(contact);
    return true;
}

static bool binding_is_signed(struct call *c, const struct jws *binding)
{
    const char *kid = json_text(binding->header, "kid");
    const char *url = json_text(binding->header, "url");
    const char *key = kid != NULL ? json_text(c->ca->eab, kid) : NULL;
    AUTO(buf_fini)
    struct buf mac_key = BUF(4096);
    if (key == NULL || !base64_decode_any(&mac_key, str_of(key)))
        return fake_call_problem(c, 403, "unauthorized", "external account %s is unknown",
                                 kid != NULL ? kid : "(none)");
    if (json_find(binding->header, "nonce") != NULL ||
        strcmp(url, json_text(c->jws.header, "url")) != 0)
        return fake_call_problem(c, 400, "malformed",
                                 "externalAccountBinding: a nonce or another url");
    if (!fake_jws_is_mac_by(binding, buf_str(&mac_key)))
        return fake_call_problem(c, 403, "unauthorized",
                                 "externalAccountBinding: the MAC is wrong");
    return true;
}

static bool binding_is_of_key(struct call *c, const struct jws *binding)
{
    struct jwk jwk = {0};
    AUTO(json_fini)
    struct json *tree = NULL;
    bool good = json_parse(buf_str(&binding->payload), JSON_SIZE_MAX, &tree, NULL) &&
                fake_jwk_read(tree, &jwk, NULL) && strcmp(jwk.thumbprint, c->jwk.thumbprint) == 0;
    fake_jwk_fini(&jwk);
    return good ||
           fake_call_problem(c, 400, "malformed", "externalAccountBinding: payload is not the jwk");
}

static bool binding_is_good(struct call *c)
{
    struct err err = {0};
    struct jws binding = {0};
    const struct json *tree = json_find(c->payload, "externalAccountBinding");
    if (tree == NULL && c->ca->options.eab_required == 0)
        return true;
    if (tree == NULL)
        return fake_call_problem(c, 403, "externalAccountRequired",
                                 "an external account binding is required");
    if (!fake_jws_read(tree, &binding, &err))
        return fake_call_problem(c, 400, "malformed", "externalAccountBinding: %s", err.text);
    bool good = binding_is_signed(c, &binding) && binding_is_of_key(c, &binding);
    fake_jws_fini(&binding);
    return good;
}

void fake_answer_new_account(struct call *c)
{
    if (!fake_call_authenticate(c, SIGNER_JWK) || !fake_call_wants_payload(c))
        return;
    size_t known = fake_map_get(&c->ca->accounts_by_key, c->jwk.thumbprint);
    if (known != 0 && fake_account_find(c->ca, known)->status != STATUS_VALID) {
        fake_call_problem(c, 403, "unauthorized", "the account of this key is deactivated");
        return;
    }
    if (known != 0) {
        account_show(c, fake_account_find(c->ca, known), 200);
        return;
    }
    if (json_bool(c->payload, "onlyReturnExisting", false)) {
        fake_call_problem(c, 400, "accountDoesNotExist", "no account has this key");
        return;
    }
    if (c->ca->options.terms_needed != 0 && !json_bool(c->payload, "termsOfServiceAgreed", false)) {
        fake_call_problem(c, 403, "userActionRequired", "the terms of service must be agreed to");
        return;
    }
    AUTO(json_fini)
    struct json *contact = NULL;
    if (!contact_take(c, &contact) || !binding_is_good(c))
        return;
    struct fake_account *account = account_new(c->ca, &c->jwk);
    account->contact = contact;
    contact = NULL;
    account_show(c, account, 201);
}

void fake_answer_account(struct call *c)
{
    size_t id = fake_call_id(c);
    if (!fake_call_authenticate(c, SIGNER_KID))
        return;
    if (c->account->id != id) {
        fake_call_problem(c, 403, "unauthorized", "this is another account");
        return;
    }
    const char *status = json_text(c->payload, "status");
    if (status != NULL && strcmp(status, "deactivated") != 0) {
        fake_call_problem(c, 400, "malformed", "status can only become deactivated");
        return;
    }
    if (!contact_take(c, &c->account->contact))
        return;
    if (status != NULL)
        c->account->status = STATUS_DEACTIVATED;
    account_show(c, c->account, 200);
}

static struct json *orders_page(struct call *c, size_t page, bool *ret_more)
{
    struct json *list = json_array();
    size_t per_page =
        (size_t)(c->ca->options.orders_per_page > 0 ? c->ca->options.orders_per_page : 1);
    size_t seen = 0;
    *ret_more = false;
    for (size_t i = 0; i < c->account->n_orders; i++) {
        struct fake_order *order = fake_order_find(c->ca, c->account->orders[i]);
        if (order == NULL)
            continue;
        fake_order_refresh(c->ca, order, c->now_ms);
        if (order->status == STATUS_INVALID || seen++ / per_page < page)
            continue;
        if ((seen - 1) / per_page > page) {
            *ret_more = true;
            break;
        }
        AUTO(mem_fini)
        char *url = fake_ca_url(c->ca, FAKE_KIND_ORDER, order->id);
        json_push_text(list, url);
    }
    return list;
}

void fake_answer_orders(struct call *c)
{
    size_t id = fake_call_id(c), page = fake_call_id(c);
    bool more = false;
    if (!fake_call_authenticate(c, SIGNER_KID) || !fake_call_wants_no_payload(c))
        return;
    if (c->account->id != id || c->ca->options.orders_list == 0) {
        fake_call_problem(c, 404, "malformed", "there is no such list");
        return;
    }
    struct json *out = json_object();
    json_set(out, "orders", orders_page(c, page, &more));
    if (more) {
        AUTO(mem_fini)
        char *next =
            mem_printf("%s%s%zu/%zu", c->ca->base_url, fake_kind_path(c->kind), id, page + 1);
        fake_call_link(c, "next", next);
    }
    fake_call_json(c, 200, out);
}

/* Reads the inner JWS and the new key it brings. */
static bool new_key_read(struct call *c, struct jws *inner, struct jwk *ret_new)
{
    struct err err = {0};
    if (!fake_jws_read(c->payload, inner, &err))
        return fake_call_problem(c, 400, "malformed", "inner JWS: %s", err.text);
    const struct json *jwk = json_find(inner->header, "jwk");
    if (jwk == NULL || json_find(inner->header, "nonce") != NULL ||
        strcmp(json_text(inner->header, "url"), json_text(c->jws.header, "url")) != 0)
        return fake_call_problem(c, 400, "malformed",
                                 "inner JWS: wants jwk, the same url, no nonce");
    if (!fake_jwk_read(jwk, ret_new, &err))
        return fake_call_problem(c, 400, err.kind == ERR_REFUSED ? "badPublicKey" : "malformed",
                                 "%s", err.text);
    if (!fake_jws_is_signed_by(inner, ret_new))
        return fake_call_problem(c, 400, "malformed", "inner JWS: not signed by the new key");
    return true;
}

static bool new_key_is_meant(struct call *c, const struct jws *inner)
{
    struct jwk old = {0};
    AUTO(json_fini)
    struct json *payload = NULL;
    const char *kid = json_text(c->jws.header, "kid");
    if (!json_parse(buf_str(&inner->payload), JSON_SIZE_MAX, &payload, NULL))
        return fake_call_problem(c, 400, "malformed", "inner JWS: payload is no JSON");
    const char *account = json_text(payload, "account");
    bool good = account != NULL && strcmp(account, kid) == 0 &&
                fake_jwk_read(json_find(payload, "oldKey"), &old, NULL) &&
                strcmp(old.thumbprint, c->account->jwk.thumbprint) == 0;
    fake_jwk_fini(&old);
    return good ||
           fake_call_problem(c, 400, "malformed", "inner JWS: account or oldKey is not ours");
}

static bool new_key_is_free(struct call *c, const struct jwk *key)
{
    size_t owner = fake_map_get(&c->ca->accounts_by_key, key->thumbprint);
    if (owner == 0)
        return true;
    AUTO(mem_fini)
    char *url = fake_ca_url(c->ca, FAKE_KIND_ACCOUNT, owner);
    fake_call_header(c, "location", "%s", url);
    return fake_call_problem(c, 409, "malformed", "the new key has an account already");
}

void fake_answer_key_change(struct call *c)
{
    struct jws inner = {0};
    struct jwk key = {0};
    if (fake_call_authenticate(c, SIGNER_KID) && fake_call_wants_payload(c) &&
        new_key_read(c, &inner, &key) && new_key_is_meant(c, &inner) && new_key_is_free(c, &key)) {
        fake_map_put(&c->ca->accounts_by_key, c->account->jwk.thumbprint, 0);
        fake_jwk_move(&c->account->jwk, &key);
        fake_map_put(&c->ca->accounts_by_key, c->account->jwk.thumbprint, c->account->id);
        account_show(c, c->account, 200);
    }
    fake_jws_fini(&inner);
    fake_jwk_fini(&key);
}
