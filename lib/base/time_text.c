#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>

enum { DAYS_PER_ERA = 146097, DAYS_TO_1970 = 719468 };

struct civil {
    int64_t year;
    int month, day, hour, minute, second;
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* Years are counted from March and in eras of 400, so that the leap day comes last and every era is
 * alike. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

static void civil_from_days(int64_t days, struct civil *civil)
{
    int64_t shifted = days + DAYS_TO_1970;
    int64_t era = floor_div(shifted, DAYS_PER_ERA);
    int64_t day_of_era = shifted - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    civil->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    civil->month = (int)(month < 10 ? month + 3 : month - 9);
    civil->year = year_of_era + era * 400 + (civil->month <= 2 ? 1 : 0);
}

int64_t time_from_civil(int64_t year, int month, int day, int hour, int minute, int second)
{
    CHECK(month >= 1 && month <= 12 && year > -1000000 && year < 1000000);
    return days_from_civil(year, month, day) * MS_DAY + hour * MS_HOUR + minute * MS_MINUTE +
           second * MS_SECOND;
}

void time_format(int64_t at_ms, bool with_ms, char out[TIME_TEXT_MAX])
{
    struct civil c;
    int64_t days = floor_div(at_ms, MS_DAY);
    int64_t rest = (at_ms % MS_DAY + MS_DAY) % MS_DAY;
    civil_from_days(days, &c);
    int n = snprintf(out, TIME_TEXT_MAX, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", c.year, c.month,
                     c.day, (int)(rest / MS_HOUR), (int)(rest / MS_MINUTE % 60),
                     (int)(rest / MS_SECOND % 60));
    int ms = (int)(rest % MS_SECOND);
    if (with_ms && ms != 0)
        n += snprintf(out + n, (size_t)(TIME_TEXT_MAX - n), ".%03d", ms);
    snprintf(out + n, (size_t)(TIME_TEXT_MAX - n), "Z");
}

void time_format_http(int64_t at_ms, char out[TIME_TEXT_MAX])
{
    static const char *const weekdays[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct civil c;
    int64_t days = floor_div(at_ms, MS_DAY), rest = at_ms - days * MS_DAY;
    civil_from_days(days, &c);
    snprintf(out, TIME_TEXT_MAX, "%s, %02d %s %04d %02d:%02d:%02d GMT",
             weekdays[(days % 7 + 7) % 7], c.day, months[c.month - 1], (int)c.year,
             (int)(rest / MS_HOUR), (int)(rest / MS_MINUTE % 60), (int)(rest / MS_SECOND % 60));
}

/* A cursor over the text: each take_ eats what it names or says no. */

static bool take_char(struct str *s, char c)
{
    if (s->len == 0 || s->p[0] != c)
        return false;
    *s = str_mem(s->p + 1, s->len - 1);
    return true;
}

static bool take_text(struct str *s, struct str text)
{
    if (!str_eq_nocase(str_mem(s->p, s->len < text.len ? s->len : text.len), text))
        return false;
    *s = str_mem(s->p + text.len, s->len - text.len);
    return true;
}

/* Exactly n digits. */
static bool take_digits(struct str *s, size_t n, int *ret_value)
{
    int value = 0;
    if (s->len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        value = value * 10 + (s->p[i] - '0');
    }
    *s = str_mem(s->p + n, s->len - n);
    *ret_value = value;
    return true;
}

static bool take_clock(struct str *s, struct civil *c)
{
    return take_digits(s, 2, &c->hour) && take_char(s, ':') && take_digits(s, 2, &c->minute) &&
           take_char(s, ':') && take_digits(s, 2, &c->second);
}

static int month_days(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Second 60 exists; as an instant it is the first one of the next minute. */
static bool civil_to_ms(const struct civil *c, int64_t *ret_at_ms)
{
    if (c->year < 1 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
        c->day > month_days(c->year, c->month) || c->hour > 23 || c->minute > 59 || c->second > 60)
        return false;
    *ret_at_ms = time_from_civil(c->year, c->month, c->day, c->hour, c->minute, c->second);
    return true;
}

static bool is_within_years(int64_t at_ms)
{
    return at_ms >= time_from_civil(1, 1, 1, 0, 0, 0) &&
           at_ms < time_from_civil(10000, 1, 1, 0, 0, 0);
}

/* Absent is 0 ms; digits beyond the third are cut off. */
static bool take_fraction(struct str *s, int *ret_ms)
{
    *ret_ms = 0;
    if (!take_char(s, '.'))
        return true;
    int digit, weight = 100;
    bool any = false;
    while (take_digits(s, 1, &digit)) {
        *ret_ms += digit * weight;
        weight /= 10;
        any = true;
    }
    return any;
}

static bool take_offset(struct str *s, int64_t *ret_ms)
{
    int hours, minutes;
    *ret_ms = 0;
    if (take_text(s, STR("Z")))
        return true;
    int64_t sign = take_char(s, '+') ? 1 : take_char(s, '-') ? -1 : 0;
    if (sign == 0 || !take_digits(s, 2, &hours) || !take_char(s, ':') ||
        !take_digits(s, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_ms = sign * (hours * MS_HOUR + minutes * MS_MINUTE);
    return true;
}

bool time_parse(struct str text, int64_t *ret_at_ms)
{
    struct civil c;
    int year, ms;
    int64_t at_ms, offset_ms;
    if (!take_digits(&text, 4, &year) || !take_char(&text, '-') ||
        !take_digits(&text, 2, &c.month) || !take_char(&text, '-') ||
        !take_digits(&text, 2, &c.day) || !take_text(&text, STR("T")) || !take_clock(&text, &c) ||
        !take_fraction(&text, &ms) || !take_offset(&text, &offset_ms) || text.len != 0)
        return false;
    c.year = year;
    if (!civil_to_ms(&c, &at_ms))
        return false;
    at_ms += ms - offset_ms;
    if (!is_within_years(at_ms))
        return false;
    *ret_at_ms = at_ms;
    return true;
}

static bool take_month(struct str *s, int *ret_month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (take_text(s, str_mem(names + i * 3, 3))) {
            *ret_month = i + 1;
            return true;
        }
    return false;
}

/* The day of the week says nothing the date does not say, so only its form is checked. */
static bool take_weekday(struct str *s, bool *ret_long)
{
    static const char *const names[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};
    for (size_t i = 0; i < 7; i++) {
        *ret_long = take_text(s, str_of(names[i]));
        if (*ret_long || take_text(s, str_mem(names[i], 3)))
            return true;
    }
    return false;
}

/* "Nov  6 08:49:37 1994", after "Sun " */
static bool take_asctime(struct str *s, struct civil *c)
{
    int year;
    if (!take_month(s, &c->month) || !take_char(s, ' '))
        return false;
    if (!take_digits(s, 2, &c->day) && !(take_char(s, ' ') && take_digits(s, 1, &c->day)))
        return false;
    if (!take_char(s, ' ') || !take_clock(s, c) || !take_char(s, ' ') || !take_digits(s, 4, &year))
        return false;
    c->year = year;
    return true;
}

/* "06 Nov 1994 08:49:37 GMT" with sep ' ', "06-Nov-94 08:49:37 GMT" with sep '-', after the comma.
 * Two digits of a year below 70 mean this century: no clock is at hand to ask for "within 50 years
 * from now". */
static bool take_fixdate(struct str *s, char sep, struct civil *c)
{
    int year;
    if (!take_digits(s, 2, &c->day) || !take_char(s, sep) || !take_month(s, &c->month) ||
        !take_char(s, sep) || !take_digits(s, sep == ' ' ? 4 : 2, &year))
        return false;
    c->year = sep == ' ' ? year : year < 70 ? 2000 + year : 1900 + year;
    return take_char(s, ' ') && take_clock(s, c) && take_text(s, STR(" GMT"));
}

bool time_parse_http(struct str text, int64_t *ret_at_ms)
{
    struct civil c;
    bool is_long, good;
    int64_t at_ms;
    text = str_trim(text);
    if (!take_weekday(&text, &is_long))
        return false;
    if (take_text(&text, STR(", ")))
        good = take_fixdate(&text, is_long ? '-' : ' ', &c);
    else
        good = !is_long && take_char(&text, ' ') && take_asctime(&text, &c);
    if (!good || text.len != 0 || !civil_to_ms(&c, &at_ms) || !is_within_years(at_ms))
        return false;
    *ret_at_ms = at_ms;
    return true;
}

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {{"d", MS_DAY}, {"h", MS_HOUR}, {"m", MS_MINUTE}, {"s", MS_SECOND}, {"ms", 1}};
enum { UNIT_N = sizeof units / sizeof units[0] };

/* The digits at the start. */
static struct str take_number(struct str *s)
{
    size_t n = 0;
    while (n < s->len && s->p[n] >= '0' && s->p[n] <= '9')
        n++;
    struct str digits = str_mem(s->p, n);
    *s = str_mem(s->p + n, s->len - n);
    return digits;
}

/* The letters at the start must be a unit from `first` on, so that units fall and none comes twice.
 */
static bool take_unit(struct str *s, size_t first, size_t *ret_unit)
{
    size_t n = 0;
    while (n < s->len && (s->p[n] < '0' || s->p[n] > '9'))
        n++;
    for (size_t i = first; i < UNIT_N; i++)
        if (str_eq(str_mem(s->p, n), str_of(units[i].name))) {
            *s = str_mem(s->p + n, s->len - n);
            *ret_unit = i;
            return true;
        }
    return false;
}

bool duration_parse(struct str text, int64_t *ret_ms)
{
    int64_t total = 0, value;
    size_t next = 0, unit;
    if (text.len == 0)
        return false;
    while (text.len > 0) {
        struct str digits = take_number(&text);
        if (!str_to_i64(digits, &value) || !take_unit(&text, next, &unit) ||
            __builtin_mul_overflow(value, units[unit].ms, &value) ||
            __builtin_add_overflow(total, value, &total))
            return false;
        next = unit + 1;
    }
    *ret_ms = total;
    return true;
}

void duration_format(int64_t ms, char out[TIME_TEXT_MAX])
{
    const char *sign = ms < 0 ? "-" : "";
    uint64_t left = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    size_t i = 0;
    while (i + 1 < UNIT_N && left < (uint64_t)units[i].ms)
        i++;
    uint64_t unit = (uint64_t)units[i].ms;
    int n = snprintf(out, TIME_TEXT_MAX, "%s%" PRIu64 "%s", sign, left / unit, units[i].name);
    if (i + 2 >= UNIT_N) /* milliseconds beside whole seconds are noise */
        return;
    uint64_t second = left % unit / (uint64_t)units[i + 1].ms;
    if (second > 0)
        snprintf(out + n, (size_t)(TIME_TEXT_MAX - n), " %" PRIu64 "%s", second, units[i + 1].name);
}
