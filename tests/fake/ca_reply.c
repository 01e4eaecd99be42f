#include "fake/ca_inner.h"

#define ERROR_URN "urn:ietf:params:acme:error:"

enum { NONCES_KEPT = 1024 * 64 };

void fake_reply_fini(struct fake_reply *reply)
{
    for (size_t i = 0; i < reply->n_headers; i++)
        mem_free(reply->headers[i].value);
    buf_fini(&reply->body);
    *reply = (struct fake_reply){0};
}

const char *fake_reply_header(const struct fake_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->n_headers; i++) {
        if (strcmp(reply->headers[i].name, name) == 0)
            return reply->headers[i].value;
    }
    return NULL;
}

void fake_call_header(struct call *c, const char *name, const char *fmt, ...)
{
    AUTO(buf_fini)
    struct buf text = BUF(128 * 1024);
    CHECK(c->reply->n_headers < FAKE_HEADERS_MAX);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    c->reply->headers[c->reply->n_headers++] =
        (struct fake_header){.name = name, .value = buf_take(&text)};
}

void fake_call_header_remove(struct call *c, const char *name)
{
    struct fake_reply *reply = c->reply;
    size_t kept = 0;
    for (size_t i = 0; i < reply->n_headers; i++) {
        if (strcmp(reply->headers[i].name, name) == 0)
            mem_free(reply->headers[i].value);
        else
            reply->headers[kept++] = reply->headers[i];
    }
    reply->n_headers = kept;
}

void fake_call_link(struct call *c, const char *rel, const char *url)
{
    fake_call_header(c, "link", "<%s>;rel=\"%s\"", url, rel);
}

/* IMF-fixdate out of the RFC 3339 text. */
void fake_http_date_format(int64_t at_ms, char out[HTTP_DATE_TEXT])
{
    static const char days[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char text[TIME_TEXT_MAX]; /* 2026-11-21T22:01:23Z */
    time_format(at_ms - at_ms % 1000, false, text);
    int64_t month = 1;
    str_to_i64(str_mem(text + 5, 2), &month);
    int64_t day = at_ms / MS_DAY % 7;
    snprintf(out, HTTP_DATE_TEXT, "%.3s, %.2s %.3s %.4s %.8s GMT", days + 3 * day, text + 8,
             months + 3 * (month - 1), text, text + 11);
}

static bool retry_is_date(struct fake_ca *ca)
{
    if (ca->options.retry_after_form == 2)
        return fake_rng_chance(&ca->rng, 50);
    return ca->options.retry_after_form == 1;
}

void fake_call_retry_after(struct call *c)
{
    int64_t seconds = c->ca->options.retry_after_s;
    char date[HTTP_DATE_TEXT];
    if (seconds < 0)
        return;
    if (!retry_is_date(c->ca)) {
        fake_call_header(c, "retry-after", "%lld", (long long)seconds);
        return;
    }
    fake_http_date_format(c->now_ms + seconds * MS_SECOND + 999, date);
    fake_call_header(c, "retry-after", "%s", date);
}

void fake_call_json(struct call *c, int status, struct json *take)
{
    c->reply->status = status;
    buf_clear(&c->reply->body);
    json_format(take, &c->reply->body, false);
    json_free(take);
    if (fake_reply_header(c->reply, "content-type") == NULL)
        fake_call_header(c, "content-type", "application/json");
}

struct json *fake_problem_json(const char *type, const char *detail, int status)
{
    AUTO(mem_fini)
    char *urn = mem_printf(ERROR_URN "%s", type);
    struct json *problem = json_object();
    json_set_text(problem, "type", urn);
    json_set_text(problem, "detail", detail);
    if (status != 0)
        json_set_int(problem, "status", status);
    return problem;
}

static const char terms_url[] = "/terms/v2";

bool fake_call_problem_with(struct call *c, int status, const char *type,
                            struct json *take_subproblems, const char *detail)
{
    struct json *problem = fake_problem_json(type, detail, status);
    if (take_subproblems != NULL)
        json_set(problem, "subproblems", take_subproblems);
    if (strcmp(type, "badSignatureAlgorithm") == 0)
        json_set(problem, "algorithms", fake_jws_algs_json());
    if (strcmp(type, "userActionRequired") == 0) {
        AUTO(mem_fini)
        char *url = mem_printf("%s%s", c->ca->base_url, terms_url);
        json_set_text(problem, "instance", url);
        fake_call_link(c, "terms-of-service", url);
    }
    c->ca->counts.problems++;
    fake_call_header_remove(c, "content-type");
    fake_call_header(c, "content-type", "application/problem+json");
    fake_call_json(c, status, problem);
    return false;
}

bool fake_call_problem(struct call *c, int status, const char *type, const char *fmt, ...)
{
    AUTO(buf_fini)
    struct buf detail = BUF(4096);
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&detail, fmt, ap);
    va_end(ap);
    return fake_call_problem_with(c, status, type, NULL, buf_cstr(&detail));
}

char *fake_ca_url(const struct fake_ca *ca, enum fake_kind kind, size_t id)
{
    const char *odd = ca->options.odd_urls != 0 ? "?q=%7eA%2Fb&x=" : "";
    if (id == 0)
        return mem_printf("%s%s%s", ca->base_url, fake_kind_path(kind), odd);
    return mem_printf("%s%s%zu%s", ca->base_url, fake_kind_path(kind), id, odd);
}

void fake_json_set_url(struct json *object, const char *key, const struct fake_ca *ca,
                       enum fake_kind kind, size_t id)
{
    AUTO(mem_fini)
    char *url = fake_ca_url(ca, kind, id);
    json_set_text(object, key, url);
}

struct json *fake_identifier_json(const char *name)
{
    struct json *identifier = json_object();
    json_set_text(identifier, "type", "dns");
    return json_set_text(identifier, "value", name);
}

void fake_json_set_time(struct json *object, const char *key, int64_t at_ms)
{
    char text[TIME_TEXT_MAX];
    time_format(at_ms - at_ms % 1000, false, text);
    json_set_text(object, key, text);
}

static uint64_t nonce_mac(const struct fake_ca *ca, uint64_t number)
{
    struct rng r = {ca->nonce_key ^ number * UINT64_C(0xd6e8feb86659fd93)};
    return fake_rng_next(&r);
}

static uint64_t *nonce_word(struct fake_ca *ca, uint64_t number, uint64_t *ret_bit)
{
    *ret_bit = UINT64_C(1) << (number % 64);
    return &ca->nonce_spent[number % NONCES_KEPT / 64];
}

void fake_nonce_make(struct fake_ca *ca, char out[NONCE_TEXT])
{
    AUTO(buf_fini)
    struct buf text = BUF(64);
    uint64_t bit, pair[2] = {ca->nonce_next++, 0};
    pair[1] = nonce_mac(ca, pair[0]);
    *nonce_word(ca, pair[0], &bit) &= ~bit;
    base64url_encode(&text, pair, sizeof(pair));
    memcpy(out, text.p, NONCE_TEXT);
}

bool fake_nonce_spend(struct fake_ca *ca, const char *text)
{
    AUTO(buf_fini)
    struct buf octets = BUF(64);
    uint64_t bit, pair[2];
    if (!base64url_decode(&octets, str_of(text)) || octets.len != sizeof(pair))
        return false;
    memcpy(pair, octets.p, sizeof(pair));
    if (pair[1] != nonce_mac(ca, pair[0]) || pair[0] >= ca->nonce_next ||
        pair[0] + NONCES_KEPT <= ca->nonce_next)
        return false;
    uint64_t *word = nonce_word(ca, pair[0], &bit);
    if ((*word & bit) != 0)
        return false;
    *word |= bit;
    return true;
}
