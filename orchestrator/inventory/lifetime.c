#include "inventory/lifetime.h"

enum {
    RETRY_LEFT_PARTS = 4,
    RETRY_LIFE_PARTS = 40,
    PATIENCE_LEFT_PARTS = 3,
    PATIENCE_LIFE_PARTS = 10,
    LOOK_PARTS = 20
};

struct lifetime lifetime_of(int64_t not_before_at_ms, int64_t not_after_at_ms, int64_t now_ms)
{
    int64_t life_ms = not_after_at_ms - not_before_at_ms, left_ms = not_after_at_ms - now_ms;
    if (life_ms <= 0)
        return (struct lifetime){0};
    /* A clock that is behind makes no life longer. */
    return (struct lifetime){life_ms, left_ms < 0 ? 0 : left_ms > life_ms ? life_ms : left_ms};
}

bool lifetime_of_set(struct house *house, const char *set, struct lifetime *ret, struct err *err)
{
    struct rows rows;
    struct lifetime life = {0};
    if (!store_query(house->store, &rows, err, SQL_CERTIFICATE_DATES, "t", set))
        return false;
    if (rows_next(&rows))
        life = lifetime_of(rows_int(&rows, 0), rows_int(&rows, 1), house_now(house));
    if (!rows_end(&rows, err))
        return false;
    *ret = life;
    return true;
}

/* The larger part, not below a minute. */
static int64_t larger_part_ms(int64_t a_ms, int64_t b_ms)
{
    int64_t part_ms = a_ms > b_ms ? a_ms : b_ms;
    return part_ms > MS_MINUTE ? part_ms : MS_MINUTE;
}

static int64_t bounded_ms(const struct lifetime *life, int64_t wait_ms, int64_t most_ms)
{
    return life->life_ms == 0 || wait_ms < most_ms ? wait_ms : most_ms;
}

int64_t lifetime_retry_ms(const struct lifetime *life, int64_t wait_ms)
{
    return bounded_ms(
        life, wait_ms,
        larger_part_ms(life->left_ms / RETRY_LEFT_PARTS, life->life_ms / RETRY_LIFE_PARTS));
}

int64_t lifetime_look_ms(const struct lifetime *life, int64_t every_ms)
{
    return bounded_ms(life, every_ms, larger_part_ms(life->life_ms / LOOK_PARTS, 0));
}

int64_t lifetime_patience_ms(const struct lifetime *life)
{
    if (life->life_ms == 0)
        return INT64_MAX;
    return larger_part_ms(life->left_ms / PATIENCE_LEFT_PARTS, life->life_ms / PATIENCE_LIFE_PARTS);
}
