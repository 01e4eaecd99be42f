/*
 * A client in the same process as the fake authority: signs, asks, reads the reply, in virtual
 * time.
 *
 * For tests of the authority itself and for stories that need a second party ("another host
 * ordered the same names"). After each request the reply and its JSON (NULL when there is none)
 * stay readable until the next.
 */
#ifndef FAKE_MINI_CLIENT_H
#define FAKE_MINI_CLIENT_H

#include "fake/ca_core.h"
#include "fake/mini_acme.h"

#include "base/json.h"

struct mini_client {
    struct fake_ca *ca;
    struct mini_key *key;
    char *base_url;
    char *kid; /* NULL before mini_register */
    char *nonce;
    int64_t now_ms; /* moved by the owner */
    struct fake_reply reply;
    struct json *body;
};
void mini_client_init(struct mini_client *m, struct fake_ca *ca, const char *base_url,
                      const char *key_kind, int64_t now_ms);
void mini_client_fini(struct mini_client *m);

/* All give the status. */
int mini_get(struct mini_client *m, const char *method, const char *url);
/* Signed by kid, or by jwk before the account exists. payload "" is POST-as-GET. */
int mini_post(struct mini_client *m, const char *url, const char *payload);
/* A body made elsewhere. */
int mini_send(struct mini_client *m, const char *url, const char *content_type, const char *body);
/* base_url + path, in a few rotating buffers. */
const char *mini_url(const struct mini_client *m, const char *path);
/* "malformed" of the problem in the reply, "" when it is none. */
const char *mini_problem(const struct mini_client *m);

int mini_register(struct mini_client *m);
/* newOrder; the order's URL is fresh memory, NULL when refused. extra: "" or more members of the
 * payload, beginning with a comma. */
char *mini_order(struct mini_client *m, const char *const *names, size_t n, const char *extra);
/* Reads each authorization of the order in m->body and answers its dns-01 challenge. */
void mini_answer_all(struct mini_client *m, const char *order_url);
/* Reads the order and sends a CSR for these names. */
int mini_finalize(struct mini_client *m, const char *order_url, EVP_PKEY *key,
                  const char *const *names, size_t n);
/* All of it for a CA that waits for nothing; the chain stays in m->reply. key NULL: a fresh one. */
bool mini_issue(struct mini_client *m, EVP_PKEY *key, const char *const *names, size_t n,
                const char *extra);

#endif
