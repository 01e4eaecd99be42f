#include "fake/mini_client.h"

#define ERROR_URN "urn:ietf:params:acme:error:"

void mini_client_init(struct mini_client *m, struct fake_ca *ca, const char *base_url,
                      const char *key_kind, int64_t now_ms)
{
    *m = (struct mini_client){.ca = ca,
                              .key = mini_key_new(key_kind),
                              .base_url = mem_strdup(base_url),
                              .now_ms = now_ms};
}

static void forget_reply(struct mini_client *m)
{
    fake_reply_fini(&m->reply);
    json_free(m->body);
    m->body = NULL;
}

void mini_client_fini(struct mini_client *m)
{
    forget_reply(m);
    mini_key_free(m->key);
    mem_free(m->base_url);
    mem_free(m->kid);
    mem_free(m->nonce);
    *m = (struct mini_client){0};
}

const char *mini_url(const struct mini_client *m, const char *path)
{
    static char texts[4][512];
    static unsigned next;
    char *text = texts[next++ % 4];
    snprintf(text, sizeof(texts[0]), "%s%s", m->base_url, path);
    return text;
}

static int ask(struct mini_client *m, const char *method, const char *url, struct str content_type,
               struct str body)
{
    struct str path = str_of(url);
    if (str_starts(path, str_of(m->base_url)))
        path = str_of(url + strlen(m->base_url));
    struct fake_request request = {.method = str_of(method),
                                   .path = path,
                                   .content_type = content_type,
                                   .user_agent = STR("mini-client/1"),
                                   .body = body};
    forget_reply(m);
    fake_ca_answer(m->ca, &request, m->now_ms, &m->reply);
    const char *nonce = fake_reply_header(&m->reply, "replay-nonce");
    if (nonce != NULL)
        mem_set_str(&m->nonce, nonce);
    if (m->reply.body.len > 0 && m->reply.body.p[0] == '{' &&
        !json_parse(buf_str(&m->reply.body), SIZE_MAX, &m->body, NULL))
        m->body = NULL;
    return m->reply.status;
}

int mini_get(struct mini_client *m, const char *method, const char *url)
{
    AUTO(mem_fini)
    char *copy = mem_strdup(url);
    return ask(m, method, copy, STR_NONE, STR_NONE);
}

int mini_send(struct mini_client *m, const char *url, const char *content_type, const char *body)
{
    AUTO(mem_fini)
    char *copy = mem_strdup(url); /* it may point into the reply that goes */
    return ask(m, "POST", copy, str_of(content_type), str_of(body));
}

int mini_post(struct mini_client *m, const char *url, const char *payload)
{
    AUTO(buf_fini)
    struct buf body = BUF(1024 * 1024);
    if (m->nonce == NULL) {
        AUTO(mem_fini)
        char *copy = mem_strdup(url);
        ask(m, "HEAD", "/acme/new-nonce", STR_NONE, STR_NONE);
        return mini_post(m, copy, payload);
    }
    mini_jws(m->key, m->kid, m->nonce, url, payload, &body);
    return mini_send(m, url, "application/jose+json", body.p);
}

const char *mini_problem(const struct mini_client *m)
{
    const char *type = json_text(m->body, "type");
    if (type == NULL || !str_starts(str_of(type), STR(ERROR_URN)))
        return "";
    return type + strlen(ERROR_URN);
}

int mini_register(struct mini_client *m)
{
    int status = mini_post(m, mini_url(m, "/acme/new-account"), "{\"termsOfServiceAgreed\":true}");
    if (status == 200 || status == 201)
        mem_set_str(&m->kid, fake_reply_header(&m->reply, "location"));
    return status;
}

char *mini_order(struct mini_client *m, const char *const *names, size_t n, const char *extra)
{
    AUTO(buf_fini)
    struct buf payload = BUF(256 * 1024);
    buf_add_cstr(&payload, "{\"identifiers\":[");
    for (size_t i = 0; i < n; i++)
        buf_printf(&payload, "%s{\"type\":\"dns\",\"value\":\"%s\"}", i > 0 ? "," : "", names[i]);
    buf_printf(&payload, "]%s}", extra);
    if (mini_post(m, mini_url(m, "/acme/new-order"), payload.p) != 201)
        return NULL;
    return mem_strdup(fake_reply_header(&m->reply, "location"));
}

static void answer_authz(struct mini_client *m, const char *url)
{
    mini_post(m, url, "");
    const struct json *list = json_find(m->body, "challenges");
    for (size_t i = 0; i < json_len(list); i++) {
        const char *type = json_text(json_at(list, i), "type");
        if (type == NULL || strcmp(type, "dns-01") != 0)
            continue;
        AUTO(mem_fini)
        char *challenge = mem_strdup(json_text(json_at(list, i), "url"));
        mini_post(m, challenge, "{}");
        return;
    }
}

void mini_answer_all(struct mini_client *m, const char *order_url)
{
    mini_post(m, order_url, "");
    AUTO(json_fini)
    struct json *order = m->body;
    m->body = NULL;
    const struct json *list = json_find(order, "authorizations");
    for (size_t i = 0; i < json_len(list); i++)
        answer_authz(m, json_as_text(json_at(list, i)));
}

int mini_finalize(struct mini_client *m, const char *order_url, EVP_PKEY *key,
                  const char *const *names, size_t n)
{
    AUTO(buf_fini)
    struct buf csr = BUF(64 * 1024), payload = BUF(128 * 1024);
    mini_csr(key, names, n, &csr);
    buf_add_cstr(&payload, "{\"csr\":\"");
    base64url_encode(&payload, csr.p, csr.len);
    buf_add_cstr(&payload, "\"}");
    mini_post(m, order_url, "");
    if (json_text(m->body, "finalize") == NULL)
        return m->reply.status;
    return mini_post(m, json_text(m->body, "finalize"), payload.p);
}

bool mini_issue(struct mini_client *m, EVP_PKEY *key, const char *const *names, size_t n,
                const char *extra)
{
    AUTO(mem_fini)
    char *url = mini_order(m, names, n, extra);
    if (url == NULL)
        return false;
    EVP_PKEY *own = key == NULL ? mini_pkey_new() : NULL;
    mini_answer_all(m, url);
    mini_finalize(m, url, key != NULL ? key : own, names, n);
    EVP_PKEY_free(own);
    mini_post(m, url, "");
    const char *certificate = json_text(m->body, "certificate");
    return certificate != NULL && mini_post(m, certificate, "") == 200;
}
