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

/* "Sat, 21 Nov 2026 22:01:23 GMT" (RFC 9110 5.6.7) */
static void http_add(struct arena *arena, struct json *now, struct str iso, int64_t at_ms)
{
    static const char days[][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    size_t month = (size_t)((iso.p[5] - '0') * 10 + iso.p[6] - '1');
    CHECK(iso.len == strlen("2026-11-21T22:01:23Z") && month < 12);
    json_set_text(now, "http",
                  arena_printf(arena, "%s, %.2s %s %.4s %.8s GMT", days[at_ms / MS_DAY % 7],
                               iso.p + 8, months[month], iso.p, iso.p + 11));
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
    char iso[TIME_TEXT_MAX];
    time_format(at_ms, false, iso);
    json_set_int(now, "unix", at_ms / MS_SECOND);
    json_set_int(now, "ms", at_ms);
    json_set_text(now, "iso", iso);
    json_set_str(now, "day", str_mem(iso, str_find_char(str_of(iso), 'T')));
    compact_add(now, iso);
    http_add(arena, now, str_of(iso), at_ms);
    return now;
}
