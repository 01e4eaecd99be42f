#include "fake/ca_inner.h"

#include "fake/ca_der.h"

static struct json *counts_json(const struct fake_counts *counts)
{
    struct json *out = json_object();
    json_set_int(out, "connections", counts->connections);
    json_set_int(out, "orders_made", counts->orders_made);
    json_set_int(out, "orders_reused", counts->orders_reused);
    json_set_int(out, "orders_finalized", counts->orders_finalized);
    json_set_int(out, "authz_reused", counts->authz_reused);
    json_set_int(out, "validations_ok", counts->validations_ok);
    json_set_int(out, "validations_failed", counts->validations_failed);
    json_set_int(out, "certificates", counts->certificates);
    json_set_int(out, "revoked", counts->revoked);
    json_set_int(out, "bad_nonces", counts->bad_nonces);
    json_set_int(out, "problems", counts->problems);
    json_set_int(out, "limited", counts->limited);
    json_set_int(out, "overrun", counts->overrun);
    return json_set_int(out, "faults", counts->faults);
}

static struct json *requests_json(const struct fake_counts *counts)
{
    struct json *out = json_object();
    int64_t total = 0;
    for (int kind = 0; kind < FAKE_KIND_N; kind++) {
        json_set_int(out, fake_kind_name((enum fake_kind)kind), counts->requests[kind]);
        total += counts->requests[kind];
    }
    return json_set_int(out, "total", total);
}

static struct json *names_json(char *const *names, size_t n)
{
    struct json *out = json_array();
    for (size_t i = 0; i < n; i++)
        json_push_text(out, names[i]);
    return out;
}

static struct json *account_json(const struct fake_account *account)
{
    struct json *out = json_object();
    json_set_int(out, "id", (int64_t)account->id);
    json_set_text(out, "thumbprint", account->jwk.thumbprint);
    return json_set_text(out, "status", fake_status_name(account->status));
}

static struct json *order_json(const struct fake_ca *ca, const struct fake_order *order)
{
    struct json *out = json_object();
    json_set_int(out, "id", (int64_t)order->id);
    json_set_int(out, "account", (int64_t)order->account);
    json_set(out, "names", names_json(order->names, order->n_names));
    json_set_text(out, "status", fake_status_name(order->status));
    json_set_int(out, "made_at_ms", order->made_at_ms);
    if (order->finalized_at_ms != 0)
        json_set_int(out, "finalized_at_ms", order->finalized_at_ms);
    if (order->replaces != NULL)
        json_set_text(out, "replaces", order->replaces);
    if (order->certificate != 0)
        json_set_text(out, "certificate", ca->certs[order->certificate - 1]->public.serial);
    return out;
}

static struct json *certificate_json(const struct fake_cert *cert)
{
    const struct fake_certificate *public = &cert->public;
    struct json *out = json_object();
    json_set_text(out, "serial", public->serial);
    json_set_text(out, "spki_sha256", public->spki_sha256);
    json_set(out, "names", names_json(public->names, public->n_names));
    json_set_int(out, "order", (int64_t) public->order);
    json_set_int(out, "account", (int64_t) public->account);
    json_set_int(out, "issued_at_ms", public->issued_at_ms);
    json_set_int(out, "not_before_ms", public->not_before_ms);
    json_set_int(out, "not_after_ms", public->not_after_ms);
    json_set_bool(out, "revoked", public->revoked);
    if (public->revoked)
        json_set_int(out, "reason", public->revoke_reason);
    json_set_bool(out, "replaced", public->replaced);
    if (cert->replaces != NULL)
        json_set_text(out, "replaces", cert->replaces);
    return out;
}

static void lists_put(const struct fake_ca *ca, struct json *out)
{
    struct json *accounts = json_array(), *orders = json_array(), *certs = json_array();
    for (size_t i = 0; i < ca->n_accounts; i++) {
        if (ca->accounts[i] != NULL)
            json_push(accounts, account_json(ca->accounts[i]));
    }
    for (size_t i = 0; i < ca->n_orders; i++) {
        if (ca->orders[i] != NULL)
            json_push(orders, order_json(ca, ca->orders[i]));
    }
    for (size_t i = 0; i < ca->n_certs; i++)
        json_push(certs, certificate_json(ca->certs[i]));
    json_set(out, "accounts", accounts);
    json_set(out, "orders", orders);
    json_set(out, "certificates", certs);
}

void fake_ca_ledger(const struct fake_ca *ca, bool with_lists, struct buf *out)
{
    AUTO(json_fini)
    struct json *tree = json_object();
    json_set_int(tree, "now_ms", ca->now_ms);
    json_set(tree, "counts", counts_json(&ca->counts));
    json_set(tree, "requests", requests_json(&ca->counts));
    if (with_lists)
        lists_put(ca, tree);
    json_format(tree, out, false);
}

void fake_answer_ledger(struct call *c)
{
    struct str path = c->request->path;
    c->reply->status = 200;
    c->reply->body.max = SIZE_MAX / 2;
    fake_call_header(c, "content-type", "application/json");
    fake_ca_ledger(c->ca, !str_ends(path, STR("?brief")), &c->reply->body);
}

size_t fake_ca_n_certificates(const struct fake_ca *ca)
{
    return ca->n_certs;
}

const struct fake_certificate *fake_ca_certificate(const struct fake_ca *ca, size_t i)
{
    return i < ca->n_certs ? &ca->certs[i]->public : NULL;
}

bool fake_ca_root_pem(const struct fake_ca *ca, size_t n, struct buf *out)
{
    if (n >= ROOTS_MAX || (int64_t)n > ca->options.alternates)
        return false;
    buf_add_str(out, buf_str(&ca->roots[n].pem));
    return true;
}
