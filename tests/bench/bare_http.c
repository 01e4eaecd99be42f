#include "bare_http.h"

#include <stdlib.h>

enum { BODY_MAX = 4 * 1024 * 1024, TRIES_MAX = 10 };

struct request {
    struct list link; /* in waiting */
    struct bare_http *http;
    CURL *easy;
    char *url, *payload; /* payload NULL: GET, or HEAD when is_nonce */
    bool is_nonce;
    int tries;
    bare_done *done;
    void *ctx;
    struct buf sent, body;
    char *location, *nonce;
    int64_t retry_after_ms;
};

static struct curl_slist *jose_headers;

void bare_http_init(struct bare_http *h, const char *ca_file)
{
    *h = (struct bare_http){.multi = curl_multi_init(), .ca_file = ca_file};
    CHECK(h->multi != NULL);
    list_init(&h->waiting);
    curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(h->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, 1000L);
    jose_headers = curl_slist_append(NULL, "Content-Type: application/jose+json");
    jose_headers = curl_slist_append(jose_headers, "Expect:");
}

void bare_http_fini(struct bare_http *h)
{
    for (size_t i = 0; i < h->n_idle; i++)
        curl_easy_cleanup(h->idle[i]);
    for (size_t i = 0; i < h->n_nonces; i++)
        mem_free(h->nonces[i]);
    mem_free(h->idle);
    mem_free(h->nonces);
    curl_multi_cleanup(h->multi);
    curl_slist_free_all(jose_headers);
    mini_key_free(h->key);
    mem_free(h->kid);
    mem_free(h->new_nonce_url);
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
    struct request *r = ctx;
    buf_add(&r->body, p, size * n);
    return r->body.overflow ? 0 : size * n;
}

static bool header_is(struct str line, struct str name, struct str *ret_value)
{
    if (line.len <= name.len || line.p[name.len] != ':' ||
        !str_eq_nocase(str_mem(line.p, name.len), name))
        return false;
    *ret_value = str_trim(str_mem(line.p + name.len + 1, line.len - name.len - 1));
    return true;
}

static int64_t retry_after_of(struct str value)
{
    int64_t seconds = 0;
    if (str_to_i64(value, &seconds))
        return seconds * 1000;
    AUTO(mem_fini)
    char *text = mem_strndup(value.p, value.len);
    seconds = (int64_t)(curl_getdate(text, NULL) - time(NULL));
    return seconds > 0 ? seconds * 1000 : 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
    struct request *r = ctx;
    struct str line = str_mem(p, size * n), value;
    if (header_is(line, STR("replay-nonce"), &value)) {
        mem_free(r->nonce);
        r->nonce = mem_strndup(value.p, value.len);
    } else if (header_is(line, STR("location"), &value)) {
        mem_free(r->location);
        r->location = mem_strndup(value.p, value.len);
    } else if (header_is(line, STR("retry-after"), &value)) {
        r->retry_after_ms = retry_after_of(value);
    }
    return size * n;
}

static CURL *easy_take(struct bare_http *h)
{
    if (h->n_idle > 0)
        return h->idle[--h->n_idle];
    CURL *easy = curl_easy_init();
    CHECK(easy != NULL);
    curl_easy_setopt(easy, CURLOPT_CAINFO, h->ca_file);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "bare-client/1 libcurl");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, 120L);
    return easy;
}

static void easy_give(struct bare_http *h, CURL *easy)
{
    if (h->n_idle == h->cap_idle) {
        size_t cap = h->cap_idle == 0 ? 64 : h->cap_idle * 2;
        h->idle = mem_grow(h->idle, h->cap_idle, cap, sizeof(CURL *));
        h->cap_idle = cap;
    }
    h->idle[h->n_idle++] = easy;
}

static void nonce_give(struct bare_http *h, char *nonce)
{
    if (h->n_nonces == h->cap_nonces) {
        size_t cap = h->cap_nonces == 0 ? 64 : h->cap_nonces * 2;
        h->nonces = mem_grow(h->nonces, h->cap_nonces, cap, sizeof(char *));
        h->cap_nonces = cap;
    }
    h->nonces[h->n_nonces++] = nonce;
}

static void request_send(struct request *r)
{
    struct bare_http *h = r->http;
    r->easy = easy_take(h);
    curl_easy_setopt(r->easy, CURLOPT_URL, r->url);
    curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(r->easy, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(r->easy, CURLOPT_PRIVATE, r);
    curl_easy_setopt(r->easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(r->easy, CURLOPT_NOBODY, r->is_nonce ? 1L : 0L);
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, NULL);
    if (r->payload != NULL) {
        AUTO(mem_fini)
        char *nonce = h->nonces[--h->n_nonces];
        buf_clear(&r->sent);
        mini_jws(h->key, h->kid, nonce, r->url, r->payload, &r->sent);
        curl_easy_setopt(r->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, r->sent.p);
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE, (long)r->sent.len);
        curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, jose_headers);
    }
    h->requests++;
    h->in_flight++;
    CHECK(curl_multi_add_handle(h->multi, r->easy) == CURLM_OK);
}

static struct request *request_new(struct bare_http *h, const char *url, const char *payload,
                                   bare_done *done, void *ctx)
{
    struct request *r = NEW(struct request);
    *r = (struct request){.http = h,
                          .url = mem_strdup(url),
                          .payload = mem_strdup(payload),
                          .done = done,
                          .ctx = ctx,
                          .sent = BUF(BODY_MAX),
                          .body = BUF(BODY_MAX),
                          .retry_after_ms = -1};
    return r;
}

static void request_free(struct request *r)
{
    mem_free(r->url);
    mem_free(r->payload);
    mem_free(r->location);
    mem_free(r->nonce);
    buf_fini(&r->sent);
    buf_fini(&r->body);
    mem_free(r);
}

static void request_start(struct request *r)
{
    struct bare_http *h = r->http;
    if (r->payload == NULL || h->n_nonces > 0) {
        request_send(r);
        return;
    }
    list_push_back(&h->waiting, &r->link);
    struct request *nonce = request_new(h, h->new_nonce_url, NULL, NULL, NULL);
    nonce->is_nonce = true;
    request_send(nonce);
}

void bare_get(struct bare_http *h, const char *url, bare_done *done, void *ctx)
{
    request_start(request_new(h, url, NULL, done, ctx));
}

void bare_post(struct bare_http *h, const char *url, const char *payload, bare_done *done,
               void *ctx)
{
    request_start(request_new(h, url, payload, done, ctx));
}

static bool is_bad_nonce(const struct json *json)
{
    const char *type = json_text(json, "type");
    return type != NULL && str_ends(str_of(type), STR(":badNonce"));
}

static void request_again(struct request *r)
{
    r->http->bad_nonces++;
    buf_clear(&r->body);
    mem_set_str(&r->location, NULL);
    r->retry_after_ms = -1;
    request_start(r);
}

/* The reply is here (or the transfer failed: status 0). */
static void request_end(struct request *r, CURLcode code)
{
    struct bare_http *h = r->http;
    struct bare_reply reply = {.location = r->location, .retry_after_ms = r->retry_after_ms};
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &reply.status);
    if (code != CURLE_OK) {
        fprintf(stderr, "bare-client: %s: %s\n", r->url, curl_easy_strerror(code));
        reply.status = 0;
    }
    curl_multi_remove_handle(h->multi, r->easy);
    easy_give(h, r->easy);
    h->in_flight--;
    if (r->nonce != NULL)
        nonce_give(h, r->nonce);
    r->nonce = NULL;
    reply.body = buf_str(&r->body);
    AUTO(json_fini)
    struct json *json = NULL;
    if (r->body.len > 0 && r->body.p[0] == '{' && !json_parse(reply.body, BODY_MAX, &json, NULL))
        json = NULL;
    reply.json = json;
    if (reply.status == 400 && is_bad_nonce(json) && r->tries++ < TRIES_MAX) {
        request_again(r);
        return;
    }
    if (r->done != NULL)
        r->done(r->ctx, &reply);
    request_free(r);
}

void bare_turn(struct bare_http *h, int wait_ms)
{
    int running = 0, left = 0;
    CURLMsg *message;
    if (wait_ms > 0)
        curl_multi_poll(h->multi, NULL, 0, wait_ms, NULL);
    curl_multi_perform(h->multi, &running);
    while ((message = curl_multi_info_read(h->multi, &left)) != NULL) {
        struct request *r = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &r);
        request_end(r, message->data.result);
    }
    while (h->n_nonces > 0 && !list_is_empty(&h->waiting))
        request_send(LIST_OWNER(list_pop_front(&h->waiting), struct request, link));
}
