#include "base/gcra.h"

#include "base/mem.h"

static int64_t later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

struct gcra gcra_bucket(int64_t count, int64_t period)
{
    CHECK(count > 0 && period > 0);
    return (struct gcra){.burst = count, .gap = (period + count - 1) / count};
}

/* burst at once and one more each gap: in a period no more than burst + (count - burst + 1) - 1. */
struct gcra gcra_window(int64_t count, int64_t period)
{
    CHECK(count > 0 && period > 0);
    int64_t burst = (count + 1) / 2, spread = count - burst + 1;
    return (struct gcra){.burst = burst, .gap = (period + spread - 1) / spread};
}

int64_t gcra_at(const struct gcra *g, int64_t full_at, int64_t now, int64_t n)
{
    return later_of(later_of(full_at, now) + (n - g->burst) * g->gap, now);
}

int64_t gcra_take(const struct gcra *g, int64_t full_at, int64_t now, int64_t n)
{
    return later_of(full_at, now) + n * g->gap;
}

int64_t gcra_left(const struct gcra *g, int64_t full_at, int64_t now)
{
    if (g->gap == 0)
        return full_at <= now ? INT64_MAX : 0;
    int64_t used = full_at <= now ? 0 : (full_at - now + g->gap - 1) / g->gap;
    return later_of(g->burst - used, 0);
}

int64_t gcra_closed(const struct gcra *g, int64_t until)
{
    return until + later_of(g->burst - 1, 0) * g->gap;
}
