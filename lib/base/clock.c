#include "base/clock.h"

#include <time.h>

static int64_t system_ms(clockid_t id)
{
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * MS_SECOND + now.tv_nsec / 1000000;
}

static int64_t system_wall_ms(const struct clock *c)
{
    (void)c;
    return system_ms(CLOCK_REALTIME);
}

static int64_t system_boot_ms(const struct clock *c)
{
    (void)c;
    return system_ms(CLOCK_BOOTTIME);
}

const struct clock clock_system = {.wall_ms = system_wall_ms, .boot_ms = system_boot_ms};

static const struct clock_manual *manual_of(const struct clock *c)
{
    return (const struct clock_manual *)(const void *)((const char *)c -
                                                       offsetof(struct clock_manual, clock));
}

static int64_t manual_wall_ms(const struct clock *c)
{
    return manual_of(c)->wall_now_ms;
}

static int64_t manual_boot_ms(const struct clock *c)
{
    return manual_of(c)->boot_now_ms;
}

void clock_manual_init(struct clock_manual *m, int64_t wall_ms)
{
    *m = (struct clock_manual){
        .clock = {.wall_ms = manual_wall_ms, .boot_ms = manual_boot_ms},
        .wall_now_ms = wall_ms,
    };
}

void clock_manual_advance(struct clock_manual *m, int64_t by_ms)
{
    m->wall_now_ms += by_ms;
    m->boot_now_ms += by_ms;
}
