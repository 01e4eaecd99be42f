#include "renewal/key_making.h"

struct key_making {
    enum key_kind kind;
    struct key *key;
    key_made *made; /* NULL: abandoned */
    void *arg;
};

static void making_work(void *arg)
{
    struct key_making *making = arg;
    making->key = key_new(making->kind);
    crypto_thread_end();
}

static void making_done(void *arg)
{
    struct key_making *making = arg;
    if (making->made != NULL)
        making->made(making->arg, making->key);
    else
        key_free(making->key);
    mem_free(making);
}

struct key_making *key_making_start(struct loop *loop, enum key_kind kind, key_made *made,
                                    void *arg)
{
    struct key_making *making = NEW(struct key_making);
    making->kind = kind;
    making->made = made;
    making->arg = arg;
    loop_work(loop, making_work, making_done, making);
    return making;
}

void key_making_abandon(struct key_making *making)
{
    if (making != NULL)
        making->made = NULL;
}
