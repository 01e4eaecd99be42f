/*
 * Wick, a service that does not exist: one POST changes any number of records, one line each, and carries the Adler-32 sum of its body.
 * No manifest can make that sum, so this is a module.
 *
 *     POST https://api.wick.example/lines
 *     X-Wick-Sum: 0a1b2c3d
 *
 *     + _acme-challenge.www.example.com 60 VALUE
 *     - _acme-challenge.example.com VALUE
 *
 * 200: all of it was done; a line that changes nothing is none of its faults. 401: wrong key. 423: busy, come again.
 */
#include "dns-providers/dns_provider.h"

static const struct setting wick_settings[] = {
    {.name = "key",
     .kind = SETTING_SECRET,
     .required = true,
     .sentence = "The key of the account."},
    {.name = "base_url",
     .kind = SETTING_TEXT,
     .otherwise = "https://api.wick.example",
     .sentence = "Another address of the API, to try things out: https, or http on this machine."},
};
static const struct section wick_section = {
    .name = "providers.NAME",
    .sentence = "Settings of a provider of type `wick`.",
    .settings = wick_settings,
    .n = sizeof wick_settings / sizeof wick_settings[0],
};

static uint32_t adler32(struct str text)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < text.len; i++) {
        a = (a + (unsigned char)text.p[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* Everything a wish points to lives in the arena of the job. */
static void wick_ask(const struct dns_job *job, struct dns_wish *ret)
{
    AUTO(buf_fini)
    struct buf body = BUF(256 * 1024);
    const char **headers = arena_alloc(job->arena, 3 * sizeof(*headers));
    for (size_t i = 0; i < job->n_records; i++) {
        const struct dns_job_record *record = &job->records[i];
        if (record->present)
            buf_printf(&body, "+ %s %u %s\n", record->owner, record->ttl_s, record->value);
        else
            buf_printf(&body, "- %s %s\n", record->owner, record->value);
    }
    headers[0] = "Authorization: Key {{key}}"; /* the host fills it in, on the wire */
    headers[1] = arena_printf(job->arena, "X-Wick-Sum: %08x", adler32(buf_str(&body)));
    headers[2] = NULL;
    *ret = (struct dns_wish){
        .kind = DNS_WISH_HTTP,
        .http = {.method = "POST",
                 .url = arena_printf(job->arena, "%s/lines", json_text(job->settings, "base_url")),
                 .headers = headers,
                 .body = str_of(arena_strndup(job->arena, body.p, body.len))},
    };
}

static void wick_fail(struct dns_wish *ret, enum err_kind kind, const char *why)
{
    *ret = (struct dns_wish){.kind = DNS_WISH_FAIL};
    err_set(&ret->err, kind, "%s", why);
}

static void wick_step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret)
{
    if (answer == NULL) {
        wick_ask(job, ret);
    } else if (answer->err != NULL) {
        wick_fail(ret, answer->err->kind, answer->err->text);
    } else if (answer->status == 401) {
        wick_fail(ret, ERR_DENIED, "the key is refused");
    } else if (answer->status != 200) {
        /* Whatever it is, a job may be repeated: lines that change nothing are no fault there. */
        wick_fail(ret, ERR_AGAIN, answer->status == 423 ? "it is busy" : "it cannot do it now");
    } else {
        for (size_t i = 0; i < job->n_records; i++)
            job->records[i].done = true;
        *ret = (struct dns_wish){.kind = DNS_WISH_DONE};
    }
}

static const char *const wick_hosts[] = {"api.wick.example", NULL};

const struct dns_provider dns_provider_wick = {
    .struct_size = sizeof(struct dns_provider),
    .abi_major = DNS_PROVIDER_ABI_MAJOR,
    .abi_minor = DNS_PROVIDER_ABI_MINOR,
    .name = "wick",
    .title = "Wick",
    .sentence = "The lines of the Wick service.",
    .link = "https://docs.wick.example/lines",
    .capabilities = DNS_CAN_BATCH | DNS_CAN_ATOMIC,
    .settings = &wick_section,
    .step = wick_step,
    .example = "  candle:\n"
               "    type: wick\n"
               "    zones: [example.net]\n"
               "    key: file:/etc/chancery/wick.key\n",
    .rights = "A key that may change TXT records, and nothing else.\n",
    .api_hosts = wick_hosts,
    .is_pinned = true,
    .status = "trial",
    .docs_read = "2026-11",
};
