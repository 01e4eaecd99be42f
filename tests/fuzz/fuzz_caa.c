/* SEES: base acme */
#include "acme/caa.h"

#include <stdint.h>

/* Records as anybody may put them into DNS: "flags tag-length tag value-length value", several. Whatever stands there, the verdict
 * must come with words that fit one log line, a broken value may permit nobody, and a recommended record permits. */
enum { RECORDS_MAX = 8 };

static const char *const me[] = {"ca.example"};

static size_t records_read(const uint8_t *data, size_t len, struct caa_record out[RECORDS_MAX])
{
    size_t n = 0, at = 0;
    while (n < RECORDS_MAX && len - at >= 3) {
        size_t tag_len = data[at + 1], value_at = at + 2 + tag_len;
        if (value_at >= len)
            break;
        size_t value_len = data[value_at], rest = len - value_at - 1;
        value_len = value_len < rest ? value_len : rest;
        out[n++] = (struct caa_record){data[at], str_mem(data + at + 2, tag_len),
                                       str_mem(data + value_at + 1, value_len)};
        at = value_at + 1 + value_len;
    }
    return n;
}

static void words_check(const struct buf *why)
{
    for (size_t i = 0; i < why->len; i++)
        CHECK((unsigned char)why->p[i] >= ' ' && why->p[i] != 0x7f);
}

static void record_check(const struct caa_record *record)
{
    struct caa_issue issue;
    if (!caa_issue_read(record->value, &issue))
        return;
    CHECK(issue.n_parameters <= CAA_PARAMETERS_MAX);
    for (size_t i = 0; i < issue.n_parameters; i++) {
        const struct caa_parameter *p = &issue.parameters[i];
        CHECK(p->tag.len > 0 && p->tag.p >= record->value.p &&
              p->value.p + p->value.len <= record->value.p + record->value.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct caa_record records[RECORDS_MAX + 1];
    struct caa_who who = {me, 1, "https://ca.example/acct/1", "dns-01", false};
    struct caa_rrset climb = {.owner = "example.com", .records = records};
    AUTO(buf_fini)
    struct buf value = BUF(1024);
    climb.n = records_read(data, len, records);
    for (int wildcard = 0; wildcard < 2; wildcard++) {
        AUTO(buf_fini)
        struct buf why = BUF(16 * 1024);
        who.wildcard = wildcard != 0;
        struct caa_finding f = caa_judge(&climb, 1, &who, &why);
        words_check(&why);
        CHECK((f.verdict == CAA_PERMITTED) == (why.len == 0));
        if (f.verdict == CAA_PERMITTED || caa_is_critical(f.record))
            continue;
        /* What is told to be needed is enough. */
        caa_recommend(&who, &value);
        records[climb.n] = (struct caa_record){0, f.record->tag, buf_str(&value)};
        struct caa_rrset mended = {.owner = "example.com", .records = records, .n = climb.n + 1};
        CHECK(caa_judge(&mended, 1, &who, NULL).verdict == CAA_PERMITTED);
        buf_clear(&value);
    }
    for (size_t i = 0; i < climb.n; i++)
        record_check(&records[i]);
    return 0;
}
