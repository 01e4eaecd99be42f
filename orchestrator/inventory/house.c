#include "inventory/house.h"

#include <stdio.h>

enum { SAID_MAX = 1024 };

__attribute__((format(printf, 6, 0))) static void say(const struct house *house, const char *set,
                                                      const char *stage, bool is_end, bool is_fault,
                                                      const char *fmt, va_list ap)
{
    if (house->progress.say == NULL)
        return;
    char text[SAID_MAX];
    vsnprintf(text, sizeof text, fmt, ap);
    struct progress_note note = {
        .set = set, .stage = stage, .text = text, .is_end = is_end, .is_fault = is_fault};
    house->progress.say(house->progress.arg, &note);
}

void house_say(const struct house *house, const char *set, const char *stage, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(house, set, stage, false, false, fmt, ap);
    va_end(ap);
}

void house_say_end(const struct house *house, const char *set, const char *stage, bool is_fault,
                   const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(house, set, stage, true, is_fault, fmt, ap);
    va_end(ap);
}
