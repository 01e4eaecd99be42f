/* The yardstick: how fast can anyone go who keeps nothing? See tests/bench/README.md. */
#include "bare_http.h"

#include "base/clock.h"

#include <getopt.h>
#include <stdio.h>
#include <sys/resource.h>

static const char usage_text[] =
    "usage: bare-client --directory URL --ca-file FILE [--sets N] [--names M] [--parallel P]\n"
    "                   [--dns-delay-ms D]\n"
    "\n"
    "Orders N certificates of M names each over one HTTP/2 connection, P orders at a time, and\n"
    "prints what it cost as JSON. Nothing is stored; keys are P-256; no DNS record is written.\n";

enum step {
    STEP_ORDER,
    STEP_AUTHZ,
    STEP_DNS,
    STEP_CHALLENGE,
    STEP_VALIDATE,
    STEP_ISSUE,
    STEP_FETCH
};
enum { POLL_MS = 50 };

struct bench;

struct job {
    struct bench *bench;
    size_t number;
    enum step step;
    char *order_url, *finalize_url;
    char **challenges;
    size_t n_challenges, n_open; /* n_open: replies still to come of this step */
    int64_t wait_ms;
    EVP_PKEY *key;
    struct heap_node timer;
};

struct bench {
    struct bare_http http;
    char *directory, *new_order_url, *new_account_url;
    const char *ca_file;
    int64_t sets, names, parallel, dns_delay_ms;
    size_t begun, ended, failed;
    struct heap timers;
};

static int64_t now_ms(void)
{
    return clock_boot_ms(&clock_system);
}

static void job_begin(struct bench *b);
static void job_go(struct job *job);

static void job_end(struct job *job, bool good)
{
    struct bench *b = job->bench;
    for (size_t i = 0; i < job->n_challenges; i++)
        mem_free(job->challenges[i]);
    mem_free(job->challenges);
    mem_free(job->order_url);
    mem_free(job->finalize_url);
    EVP_PKEY_free(job->key);
    mem_free(job);
    b->ended++;
    b->failed += !good;
    if ((int64_t)b->begun < b->sets)
        job_begin(b);
}

static void job_fail(struct job *job, const struct bare_reply *reply)
{
    fprintf(stderr, "bare-client: set %zu, step %d: %ld %.*s\n", job->number, (int)job->step,
            reply->status, STR_ARG(reply->body));
    job_end(job, false);
}

static void job_wait(struct job *job, int64_t ms)
{
    if (ms <= 0)
        job_go(job);
    else
        heap_put(&job->bench->timers, &job->timer, now_ms() + ms);
}

static char *name_of(const struct job *job, int64_t i)
{
    return mem_printf("n%lld.set%zu.bench.example", (long long)i, job->number);
}

static void order_heard(void *ctx, const struct bare_reply *reply)
{
    struct job *job = ctx;
    const struct json *list = json_find(reply->json, "authorizations");
    if (reply->status != 201 || reply->location == NULL || json_len(list) == 0) {
        job_fail(job, reply);
        return;
    }
    job->order_url = mem_strdup(reply->location);
    job->finalize_url = mem_strdup(json_text(reply->json, "finalize"));
    job->n_open = json_len(list);
    job->challenges = NEW_N(job->n_open, char *);
    job->step = STEP_AUTHZ;
    for (size_t i = 0; i < json_len(list); i++)
        mem_set_str(&job->challenges[job->n_challenges++], json_as_text(json_at(list, i)));
    job_go(job);
}

static void order_ask(struct job *job)
{
    AUTO(buf_fini)
    struct buf payload = BUF(256 * 1024);
    buf_add_cstr(&payload, "{\"identifiers\":[");
    for (int64_t i = 0; i < job->bench->names; i++) {
        AUTO(mem_fini)
        char *name = name_of(job, i);
        buf_printf(&payload, "%s{\"type\":\"dns\",\"value\":\"%s\"}", i > 0 ? "," : "", name);
    }
    buf_add_cstr(&payload, "]}");
    bare_post(&job->bench->http, job->bench->new_order_url, payload.p, order_heard, job);
}

/* One slot of job->challenges: first the authorization's URL, then its dns-01 challenge's. */
struct slot {
    struct job *job;
    size_t i;
};

static struct slot *slot_new(struct job *job, size_t i)
{
    struct slot *slot = NEW(struct slot);
    *slot = (struct slot){job, i};
    return slot;
}

static void authz_heard(void *ctx, const struct bare_reply *reply)
{
    struct slot slot = *(struct slot *)ctx;
    const struct json *list = json_find(reply->json, "challenges");
    mem_free(ctx);
    for (size_t i = 0; i < json_len(list); i++) {
        const char *type = json_text(json_at(list, i), "type");
        if (type == NULL || strcmp(type, "dns-01") != 0)
            continue;
        AUTO(buf_fini)
        struct buf txt = BUF(64);
        mini_txt(slot.job->bench->http.key, json_text(json_at(list, i), "token"), &txt);
        mem_set_str(&slot.job->challenges[slot.i], json_text(json_at(list, i), "url"));
    }
    if (--slot.job->n_open > 0)
        return;
    slot.job->step = STEP_DNS;
    job_go(slot.job);
}

static void challenge_heard(void *ctx, const struct bare_reply *reply)
{
    struct slot slot = *(struct slot *)ctx;
    mem_free(ctx);
    if (reply->retry_after_ms > slot.job->wait_ms)
        slot.job->wait_ms = reply->retry_after_ms;
    if (--slot.job->n_open > 0)
        return;
    slot.job->step = STEP_VALIDATE;
    job_wait(slot.job, slot.job->wait_ms);
}

static void ask_all(struct job *job, const char *payload, bare_done *done)
{
    job->n_open = job->n_challenges;
    for (size_t i = 0; i < job->n_challenges; i++)
        bare_post(&job->bench->http, job->challenges[i], payload, done, slot_new(job, i));
}

static void fetch_heard(void *ctx, const struct bare_reply *reply)
{
    struct job *job = ctx;
    if (reply->status != 200 || !str_starts(reply->body, STR("-----BEGIN CERTIFICATE-----")))
        job_fail(job, reply);
    else
        job_end(job, true);
}

static void finalize_ask(struct job *job);

/* Replies of order polls and of finalize: the order as it stands. */
static void state_heard(void *ctx, const struct bare_reply *reply)
{
    struct job *job = ctx;
    const char *status = json_text(reply->json, "status");
    if (reply->status != 200 || status == NULL || strcmp(status, "invalid") == 0) {
        job_fail(job, reply);
    } else if (strcmp(status, "ready") == 0 && job->step == STEP_VALIDATE) {
        finalize_ask(job);
    } else if (strcmp(status, "valid") == 0) {
        job->step = STEP_FETCH;
        bare_post(&job->bench->http, json_text(reply->json, "certificate"), "", fetch_heard, job);
    } else {
        job_wait(job, reply->retry_after_ms >= 0 ? reply->retry_after_ms : POLL_MS);
    }
}

static void finalize_ask(struct job *job)
{
    AUTO(buf_fini)
    struct buf csr = BUF(64 * 1024), payload = BUF(128 * 1024);
    size_t n = (size_t)job->bench->names;
    const char **names = NEW_N(n, const char *);
    for (size_t i = 0; i < n; i++)
        names[i] = name_of(job, (int64_t)i);
    job->key = mini_pkey_new();
    mini_csr(job->key, names, n, &csr);
    for (size_t i = 0; i < n; i++)
        mem_free((void *)(uintptr_t)names[i]);
    mem_free(names);
    buf_add_cstr(&payload, "{\"csr\":\"");
    base64url_encode(&payload, csr.p, csr.len);
    buf_add_cstr(&payload, "\"}");
    job->step = STEP_ISSUE;
    bare_post(&job->bench->http, job->finalize_url, payload.p, state_heard, job);
}

static void job_go(struct job *job)
{
    switch (job->step) {
    case STEP_ORDER:
        order_ask(job);
        break;
    case STEP_AUTHZ:
        ask_all(job, "", authz_heard);
        break;
    case STEP_DNS:
        job->step = STEP_CHALLENGE;
        job_wait(job, job->bench->dns_delay_ms);
        break;
    case STEP_CHALLENGE:
        ask_all(job, "{}", challenge_heard);
        break;
    case STEP_VALIDATE:
    case STEP_ISSUE:
        bare_post(&job->bench->http, job->order_url, "", state_heard, job);
        break;
    case STEP_FETCH:
        break;
    }
}

static void job_begin(struct bench *b)
{
    struct job *job = NEW(struct job);
    job->bench = b;
    job->number = b->begun++;
    job_go(job);
}

static void account_heard(void *ctx, const struct bare_reply *reply)
{
    struct bench *b = ctx;
    if (reply->location != NULL)
        b->http.kid = mem_strdup(reply->location);
    else
        b->failed = 1;
}

static void directory_heard(void *ctx, const struct bare_reply *reply)
{
    struct bench *b = ctx;
    b->http.new_nonce_url = mem_strdup(json_text(reply->json, "newNonce"));
    b->new_account_url = mem_strdup(json_text(reply->json, "newAccount"));
    b->new_order_url = mem_strdup(json_text(reply->json, "newOrder"));
    if (b->new_order_url == NULL || b->new_account_url == NULL || b->http.new_nonce_url == NULL)
        b->failed = 1;
    else
        bare_post(&b->http, b->new_account_url, "{\"termsOfServiceAgreed\":true}", account_heard,
                  b);
}

static int wait_ms(const struct bench *b)
{
    const struct heap_node *first = heap_first(&b->timers);
    int64_t ms = first == NULL ? 1000 : first->at_ms - now_ms();
    return ms < 0 ? 0 : ms > 1000 ? 1000 : (int)ms;
}

static void turn(struct bench *b)
{
    struct heap_node *node;
    bare_turn(&b->http, wait_ms(b));
    int64_t now = now_ms();
    while ((node = heap_first(&b->timers)) != NULL && node->at_ms <= now) {
        heap_remove(&b->timers, node);
        job_go(LIST_OWNER(node, struct job, timer));
    }
}

static double cpu_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static void report(const struct bench *b, int64_t took_ms, double cpu, int64_t requests)
{
    struct rusage usage;
    double done = (double)(b->ended - b->failed), seconds = (double)took_ms / 1e3;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"certificates\": %zu, \"failed\": %zu, \"seconds\": %.3f, "
           "\"certificates_per_s\": %.1f, \"requests\": %lld, \"requests_per_certificate\": %.2f, "
           "\"cpu_ms_per_certificate\": %.3f, \"bad_nonces\": %lld, \"max_rss_kib\": %ld}\n",
           b->ended - b->failed, b->failed, seconds, seconds > 0 ? done / seconds : 0,
           (long long)requests, done > 0 ? (double)requests / done : 0, done > 0 ? cpu / done : 0,
           (long long)b->http.bad_nonces, usage.ru_maxrss);
}

static bool flags_read(int argc, char **argv, struct bench *b)
{
    static const struct option options[] = {
        {"directory", required_argument, NULL, 'd'},
        {"ca-file", required_argument, NULL, 'c'},
        {"sets", required_argument, NULL, 's'},
        {"names", required_argument, NULL, 'n'},
        {"parallel", required_argument, NULL, 'p'},
        {"dns-delay-ms", required_argument, NULL, 'y'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int64_t *number = c == 's'   ? &b->sets
                          : c == 'n' ? &b->names
                          : c == 'p' ? &b->parallel
                          : c == 'y' ? &b->dns_delay_ms
                                     : NULL;
        if (c == 'd')
            mem_set_str(&b->directory, optarg);
        else if (c == 'c')
            b->ca_file = optarg;
        else if (number == NULL || !str_to_i64(str_of(optarg), number) || *number < 0)
            return false;
    }
    return optind == argc && b->directory != NULL && b->sets > 0 && b->names > 0 && b->parallel > 0;
}

static void bench_run(struct bench *b)
{
    double cpu = cpu_ms();
    int64_t begin = now_ms(), requests = b->http.requests;
    for (int64_t i = 0; i < b->parallel && i < b->sets; i++)
        job_begin(b);
    while ((int64_t)b->ended < b->sets)
        turn(b);
    report(b, now_ms() - begin, cpu_ms() - cpu, b->http.requests - requests);
}

int main(int argc, char **argv)
{
    struct bench b = {.sets = 1, .names = 1, .parallel = 50};
    if (!flags_read(argc, argv, &b)) {
        fputs(usage_text, stderr);
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    heap_init(&b.timers);
    bare_http_init(&b.http, b.ca_file);
    b.http.key = mini_key_new("P-256");
    bare_get(&b.http, b.directory, directory_heard, &b);
    while (b.http.kid == NULL && b.failed == 0)
        turn(&b);
    if (b.failed == 0)
        bench_run(&b);
    else
        fprintf(stderr, "bare-client: no account at %s\n", b.directory);
    bare_http_fini(&b.http);
    heap_fini(&b.timers);
    mem_free(b.directory);
    mem_free(b.new_order_url);
    mem_free(b.new_account_url);
    curl_global_cleanup();
    return b.failed == 0 ? 0 : 1;
}
