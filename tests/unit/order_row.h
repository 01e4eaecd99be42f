/*
 * A kill and a start of the process, as an order lives through it: only what the columns of its row hold comes back. A misuse
 * stops the process, so that unit tests and fuzz targets can share it.
 */
#ifndef TESTS_ORDER_ROW_H
#define TESTS_ORDER_ROW_H

#include "acme/order.h"

static inline void authz_reload(struct authz *to, const struct authz *from)
{
    to->url = mem_strdup(from->url);
    to->identifier = mem_strdup(from->identifier);
    to->wildcard = from->wildcard;
    CHECK(authz_status_find(authz_status_name(from->status), &to->status));
    to->challenge_url = mem_strdup(from->challenge_url);
    to->token = mem_strdup(from->token);
    to->value = mem_strdup(from->value);
    to->answered = from->answered;
    to->failure = mem_strdup(from->failure);
    to->offer = mem_strdup(from->offer);
}

/* What the columns of the row hold, and nothing else. */
static inline struct order *order_of_row(const struct order *old)
{
    AUTO(buf_fini)
    struct buf memory = BUF(65536);
    struct err err = {0};
    struct order *order = order_new(old->set_name, (const char *const *)old->names, old->n_names);
    order_memory_format(old, &memory);
    CHECK(order_memory_parse(order, buf_cstr(&memory), &err));
    CHECK(order_step_find(order_step_name(old->step), &order->step));
    order->id = old->id;
    order->authority = mem_strdup(old->authority);
    order->directory = mem_strdup(old->directory);
    order->profile = mem_strdup(old->profile);
    order->replaces = mem_strdup(old->replaces);
    order->failed = old->failed;
    order->url = mem_strdup(old->url);
    order->finalize_url = mem_strdup(old->finalize_url);
    order->certificate_url = mem_strdup(old->certificate_url);
    order->expires_at_ms = old->expires_at_ms;
    order->n_authz = old->n_authz;
    order->authz = NEW_N(old->n_authz, struct authz);
    for (size_t i = 0; i < old->n_authz; i++)
        authz_reload(&order->authz[i], &old->authz[i]);
    order->has_key = old->has_key;
    memcpy(order->spki, old->spki, sizeof order->spki);
    memcpy(order->thumbprint, old->thumbprint, sizeof order->thumbprint);
    buf_add_str(&order->csr, buf_str(&old->csr));
    order->started_at_ms = old->started_at_ms;
    order->step_at_ms = old->step_at_ms;
    return order;
}

#endif
