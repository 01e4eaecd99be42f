#include "acme/exchange.h"

static bool is_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
    return text.len > 0;
}

/* Digits that do not fit into 64 bits are a very long time, not nonsense. */
static int64_t seconds_to_wait_ms(struct str digits, int64_t cap_ms)
{
    int64_t seconds;
    if (!str_to_i64(digits, &seconds) || seconds > cap_ms / MS_SECOND)
        return cap_ms;
    return seconds * MS_SECOND;
}

bool retry_after_parse(struct str text, int64_t now_ms, int64_t cap_ms, int64_t *ret_at_ms)
{
    int64_t at_ms;
    text = str_trim(text);
    if (is_digits(text)) {
        *ret_at_ms = now_ms + seconds_to_wait_ms(text, cap_ms);
        return true;
    }
    if (!time_parse_http(text, &at_ms))
        return false;
    if (at_ms < now_ms)
        at_ms = now_ms;
    *ret_at_ms = at_ms > now_ms + cap_ms ? now_ms + cap_ms : at_ms;
    return true;
}
