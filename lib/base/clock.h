/*
 * Time is an argument. All time is UTC unix milliseconds in int64_t, in names that end in _at_ms
 * (an instant) or _ms (a length). Only programs and the loop own a real clock; everything else is
 * handed one, so that a night of renewals can pass in a millisecond of test.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/buf.h"

#define MS_SECOND INT64_C(1000)
#define MS_MINUTE (60 * MS_SECOND)
#define MS_HOUR   (60 * MS_MINUTE)
#define MS_DAY    (24 * MS_HOUR)

struct clock {
    int64_t (*wall_ms)(const struct clock *c); /* UTC, may step */
    /* CLOCK_BOOTTIME: never steps, runs through suspend */
    int64_t (*boot_ms)(const struct clock *c);
};
extern const struct clock clock_system;
static inline int64_t clock_wall_ms(const struct clock *c)
{
    return c->wall_ms(c);
}
static inline int64_t clock_boot_ms(const struct clock *c)
{
    return c->boot_ms(c);
}

/* A clock for tests: set both by hand. */
struct clock_manual {
    struct clock clock; /* hand out &m->clock */
    int64_t wall_now_ms, boot_now_ms;
};
void clock_manual_init(struct clock_manual *m, int64_t wall_ms);
void clock_manual_advance(struct clock_manual *m, int64_t by_ms);

/* "2026-11-21T22:01:23Z", with ".250" when ms are not 0 and with_ms. out is at least 32 bytes. */
enum { TIME_TEXT_MAX = 40 };
void time_format(int64_t at_ms, bool with_ms, char out[TIME_TEXT_MAX]);
/* "Sat, 21 Nov 2026 22:01:23 GMT", the form of RFC 9110 5.6.7 that is written. Years 1 to 9999. */
void time_format_http(int64_t at_ms, char out[TIME_TEXT_MAX]);
/* RFC 3339: fractions and offsets allowed; years 1 to 9999; no leap second beyond 60 -> next
 * second. */
bool time_parse(struct str text, int64_t *ret_at_ms);
/* The three HTTP-date forms of RFC 9110 5.6.7. Two-digit years below 70 are 20xx. */
bool time_parse_http(struct str text, int64_t *ret_at_ms);
/* Civil date to milliseconds (proleptic Gregorian, UTC). month 1..12, day 1..31. */
int64_t time_from_civil(int64_t year, int month, int day, int hour, int minute, int second);
/* "90s", "10m", "12h", "45d", "1h30m", "250ms": units fall and none comes twice; plain digits are
 * refused. False when malformed, negative or too large. */
bool duration_parse(struct str text, int64_t *ret_ms);
/* The two largest units: "2d 3h", "45s", "1m 5s", "350ms" (milliseconds only below one second). */
void duration_format(int64_t ms, char out[TIME_TEXT_MAX]);

#endif
