#include "acme/exchange.h"

enum { POOL_MAX = 64 };
static const int64_t nonce_life_ms = 5 * MS_MINUTE;

struct nonce {
    char *text;
    int64_t at_ms;
};
/* Oldest first. */
struct nonce_pool {
    struct nonce nonces[POOL_MAX];
    size_t n;
};

struct nonce_pool *nonce_pool_new(void)
{
    return NEW(struct nonce_pool);
}

static void pool_drop_oldest(struct nonce_pool *pool, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(pool->nonces[i].text);
    pool->n -= n;
    memmove(pool->nonces, pool->nonces + n, pool->n * sizeof pool->nonces[0]);
}

void nonce_pool_free(struct nonce_pool *pool)
{
    if (pool == NULL)
        return;
    pool_drop_oldest(pool, pool->n);
    mem_free(pool);
}

void nonce_pool_put(struct nonce_pool *pool, const char *nonce, int64_t now_ms)
{
    if (nonce == NULL)
        return;
    if (pool->n == POOL_MAX)
        pool_drop_oldest(pool, 1);
    pool->nonces[pool->n++] = (struct nonce){mem_strdup(nonce), now_ms};
}

/* A nonce from the far future was put in before the clock was set back: nobody knows its age. */
static bool nonce_is_fresh(const struct nonce *nonce, int64_t now_ms)
{
    int64_t age_ms = now_ms - nonce->at_ms;
    return age_ms < nonce_life_ms && age_ms > -nonce_life_ms;
}

char *nonce_pool_take(struct nonce_pool *pool, int64_t now_ms)
{
    while (pool->n > 0) {
        struct nonce newest = pool->nonces[--pool->n];
        if (nonce_is_fresh(&newest, now_ms))
            return newest.text;
        mem_free(newest.text);
    }
    return NULL;
}

size_t nonce_pool_len(const struct nonce_pool *pool)
{
    return pool->n;
}
