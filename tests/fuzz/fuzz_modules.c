/* SEES: base config dns-providers */
#include "dns-providers/dns_provider.h"

#include <stdint.h>

/* A server that answers modules in C with whatever it likes: "PROVIDER \x1e STATUS BODY \x1e STATUS BODY ...", the first byte the provider, one
 * byte a status. Whatever comes, the job ends, asks only its own server, says on one line why it fails, and names no secret but its own. */
enum { STEPS_MAX = 64, RECORDS_N = 4, SEPARATOR = 0x1e };

static const struct {
    const char *name, *settings;
} modules[] = {
    {"acmedns", "{\"base_url\":\"https://api.example\",\"accounts\":[{\"fulldomain\":"
                "\"_acme-challenge.www.example.org\",\"username\":\"u\",\"password\":\"env:P\"}]}"},
    {"allinkl", "{\"base_url\":\"https://api.example\",\"login\":\"w01\",\"password\":\"env:P\"}"},
    {"loopia",
     "{\"base_url\":\"https://api.example\",\"api_user\":\"u\",\"api_password\":\"env:P\"}"},
    {"namecheap",
     "{\"base_url\":\"https://api.example\",\"api_user\":\"u\",\"api_key\":\"env:P\"}"},
};
static const int statuses[] = {200, 200, 200, 201, 204, 400, 401, 403, 404, 429, 500, 503};

static const char *header_of(const struct dns_answer *answer, const char *name)
{
    (void)name;
    return answer->status == 503 ? "12" : answer->status == 429 ? "never" : NULL;
}

static void fail_check(const struct err *err)
{
    CHECK(err->kind != ERR_NONE && err->kind != ERR_BUG && err->text[0] != '\0');
    for (const char *p = err->text; *p != '\0'; p++)
        CHECK((unsigned char)*p >= ' ' && *p != 0x7f);
}

static void wish_check(const struct dns_wish *wish)
{
    if (wish->kind == DNS_WISH_FAIL)
        fail_check(&wish->err);
    if (wish->kind == DNS_WISH_SLEEP)
        CHECK(wish->sleep_ms >= 0 && wish->sleep_ms <= 60 * 1000);
    if (wish->kind == DNS_WISH_HTTP)
        CHECK(str_starts(str_of(wish->http.url), STR("https://api.example/")));
}

static void job_init(struct dns_job *job, const struct json *settings)
{
    static const char *const owners[RECORDS_N] = {"_acme-challenge.www.example.org",
                                                  "_acme-challenge.www.example.org", "example.org",
                                                  "_acme-challenge.example.org"};
    *job = (struct dns_job){.zone = "example.org",
                            .settings = settings,
                            .now_ms = INT64_C(1900000000000),
                            .n_records = RECORDS_N,
                            .records = NEW_N(RECORDS_N, struct dns_job_record),
                            .arena = arena_new()};
    for (size_t i = 0; i < RECORDS_N; i++)
        job->records[i] = (struct dns_job_record){
            .present = i % 2 == 0,
            .owner = owners[i],
            .value = "gfj9Xq-Rg85nM_2TQ5hGh1n7S1dW3cX0a7Q0pY2R0eE",
            .ttl_s = 60,
            .may_stand = i == 2,
            .ref = i == 1 ? mem_strdup("4711") : NULL,
        };
}

static void job_fini(struct dns_job *job)
{
    for (size_t i = 0; i < job->n_records; i++)
        mem_free(job->records[i].ref);
    mem_free(job->records);
    arena_free(job->arena);
}

/* Out of answers: the connection is lost. */
static void answer_take(struct str *rest, struct err *lost, struct dns_answer *ret)
{
    struct str chunk;
    if (!str_split(rest, SEPARATOR, &chunk) || chunk.len == 0) {
        err_set(lost, ERR_AGAIN, "connection lost");
        *ret = (struct dns_answer){.err = lost};
        return;
    }
    size_t n = sizeof statuses / sizeof statuses[0];
    *ret = (struct dns_answer){.status = statuses[(unsigned char)chunk.p[0] % n],
                               .header = header_of,
                               .body = str_mem(chunk.p + 1, chunk.len - 1)};
}

static void talk(const struct dns_provider *provider, struct dns_job *job, struct str rest)
{
    struct dns_wish wish = {0};
    struct dns_answer answer = {0};
    struct err lost;
    job->provider = provider;
    job->state = provider->begin(job);
    provider->step(job, NULL, &wish);
    for (int i = 0; wish.kind != DNS_WISH_DONE && wish.kind != DNS_WISH_FAIL; i++) {
        CHECK(i < STEPS_MAX + (int)rest.len);
        wish_check(&wish);
        if (wish.kind == DNS_WISH_SLEEP)
            answer = (struct dns_answer){0};
        else
            answer_take(&rest, &lost, &answer);
        wish = (struct dns_wish){.kind = DNS_WISH_FAIL};
        provider->step(job, &answer, &wish);
    }
    wish_check(&wish);
    provider->end(job->state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct dns_job job;
    struct str rest = str_mem(data, len), first;
    AUTO(json_fini)
    struct json *settings = NULL;
    if (len == 0 || !str_split(&rest, SEPARATOR, &first))
        return 0;
    size_t i = data[0] % (sizeof modules / sizeof modules[0]);
    CHECK(json_parse(str_of(modules[i].settings), JSON_SIZE_MAX, &settings, NULL));
    job_init(&job, settings);
    talk(dns_provider_find(modules[i].name), &job, rest);
    job_fini(&job);
    return 0;
}
