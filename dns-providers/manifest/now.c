#include "dns-providers/manifest/engine.h"

#include "base/clock.h"

/* "20261121T220123Z" of "2026-11-21T22:01:23Z" */
static void compact_add(struct json *now, const char *iso)
{
    char compact[TIME_TEXT_MAX];
    size_t n = 0;
    for (const char *p = iso; *p != '\0'; p++)
        if (*p != '-' && *p != ':')
            compact[n++] = *p;
    json_set_str(now, "compact", str_mem(compact, n));
    json_set_str(now, "date", str_mem(compact, str_find_char(str_mem(compact, n), 'T')));
}

/* A clock may be far off; APIs write years of four digits. */
static int64_t within_years(int64_t at_ms)
{
    const int64_t last_ms = time_from_civil(9999, 12, 31, 23, 59, 59);
    return at_ms < 0 ? 0 : at_ms > last_ms ? last_ms : at_ms;
}

const struct json *now_tree(struct arena *arena, int64_t at_ms)
{
    at_ms = within_years(at_ms);
    struct json *now = json_in_arena(arena, json_object());
    char iso[TIME_TEXT_MAX], http[TIME_TEXT_MAX];
    time_format(at_ms, false, iso);
    json_set_int(now, "unix", at_ms / MS_SECOND);
    json_set_int(now, "ms", at_ms);
    json_set_text(now, "iso", iso);
    json_set_str(now, "day", str_mem(iso, str_find_char(str_of(iso), 'T')));
    compact_add(now, iso);
    time_format_http(at_ms, http);
    json_set_text(now, "http", http);
    return now;
}
