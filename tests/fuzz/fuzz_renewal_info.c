/* SEES: base crypto acme */
/*
 * A reply of renewalInfo: a byte of status, a byte of life, a line of Retry-After, then the body. Whatever is made of it, a window that is
 * gone by begins before it ends and leaves time, the drawn instant lies in it, and the next look is neither at once nor in weeks.
 */
#include "acme/renewal_info.h"

#define NOW INT64_C(1893456000000)

static const struct renewal_life lives[] = {
    {NOW - 30 * MS_DAY, NOW + 60 * MS_DAY},
    {NOW - MS_HOUR, NOW + 160 * MS_HOUR},
    {NOW, NOW + 10 * MS_MINUTE},
    {NOW - 90 * MS_DAY, NOW - MS_DAY},
    {NOW, NOW},
};

static void text_check(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        CHECK(*p >= 0x20 && *p != 0x7f);
}

static void window_check(const struct renewal_info *info, const struct renewal_life *life)
{
    static const uint64_t randoms[] = {0, 1, 499999, 999999, UINT64_MAX};
    CHECK(info->start_at_ms < info->end_at_ms);
    CHECK(info->start_at_ms < life->not_after_at_ms);
    for (size_t i = 0; i < sizeof randoms / sizeof randoms[0]; i++) {
        int64_t at_ms = renewal_info_draw(info, life, randoms[i]);
        CHECK(at_ms >= info->start_at_ms && at_ms < info->end_at_ms);
        CHECK(at_ms < life->not_after_at_ms);
    }
}

static void next_check(const struct renewal_info *info, const struct renewal_life *life)
{
    for (int64_t n = 0; n < 20; n++) {
        int64_t next_ms = renewal_info_next_at_ms(info, life, n, NOW, (uint64_t)n * 54321) - NOW;
        CHECK(next_ms >= MS_MINUTE && next_ms <= MS_DAY + MS_DAY / 10);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 200, 200, 204, 301, 404, 429, 500, 503};
    if (size < 2)
        return 0;
    struct str rest = str_mem(data + 2, size - 2), line;
    if (!str_split(&rest, '\n', &line))
        return 0;
    struct arena *arena = arena_new();
    const struct renewal_life *life = &lives[data[1] % (sizeof lives / sizeof lives[0])];
    struct acme_header headers[2] = {{"Content-Type", "application/json"},
                                     {"Retry-After", arena_strndup(arena, line.p, line.len)}};
    struct acme_answer answer = {0};
    struct renewal_info info;
    acme_answer_read(&answer, statuses[data[0] % (sizeof statuses / sizeof statuses[0])], headers,
                     2, rest, NOW, arena);
    renewal_info_hear(&answer, life, arena, &info);
    CHECK((info.fate == RENEWAL_HEARD) == (info.why.kind == ERR_NONE));
    CHECK(info.fate != RENEWAL_HEARD || info.has_window);
    if (info.has_window)
        window_check(&info, life);
    if (info.explanation != NULL)
        text_check(info.explanation);
    text_check(info.why.text);
    next_check(&info, life);
    acme_answer_fini(&answer);
    arena_free(arena);
    return 0;
}
