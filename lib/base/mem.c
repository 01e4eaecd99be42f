#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_OUT_OF_MEMORY = 70 };
enum { ARENA_CHUNK_MIN = 4096, ARENA_KEEP_MAX = 256 * 1024 };

/* Nothing here may allocate, so no stdio. */
_Noreturn static void mem_stop(void)
{
    static const char line[] =
        "chancery: out of memory: stopping; the store holds all that matters\n";
    ssize_t written = write(STDERR_FILENO, line, sizeof line - 1);
    (void)written;
    _exit(EXIT_OUT_OF_MEMORY);
}

void *mem_need(void *p)
{
    if (p == NULL)
        mem_stop();
    return p;
}

void *mem_new(size_t n, size_t size)
{
    size_t len;
    CHECK(!__builtin_mul_overflow(n, size, &len));
    return mem_need(calloc(1, len > 0 ? len : 1));
}

void *mem_grow(void *p, size_t old_n, size_t new_n, size_t size)
{
    size_t old_len, new_len;
    CHECK(new_n >= old_n);
    CHECK(!__builtin_mul_overflow(old_n, size, &old_len));
    CHECK(!__builtin_mul_overflow(new_n, size, &new_len));
    char *grown = mem_need(realloc(p, new_len > 0 ? new_len : 1));
    if (p == NULL)
        old_len = 0;
    memset(grown + old_len, 0, new_len - old_len);
    return grown;
}

void mem_free(void *p)
{
    free(p);
}

char *mem_strndup(const char *s, size_t len)
{
    if (s == NULL)
        return NULL;
    CHECK(len < SIZE_MAX);
    char *copy = mem_new(len + 1, 1);
    memcpy(copy, s, len);
    return copy;
}

char *mem_strdup(const char *s)
{
    return s != NULL ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_printf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    CHECK(len >= 0);
    char *text = mem_new((size_t)len + 1, 1);
    va_start(ap, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, ap);
    va_end(ap);
    return text;
}

void mem_set_str(char **slot, const char *s)
{
    /* Copy first: s may be (part of) what *slot holds. */
    char *copy = mem_strdup(s);
    mem_free(*slot);
    *slot = copy;
}

void mem_fini(void *pointer_to_pointer)
{
    void **slot = pointer_to_pointer;
    mem_free(*slot);
    *slot = NULL;
}

struct chunk {
    struct chunk *next;
    size_t cap, used;
    _Alignas(max_align_t) char bytes[];
};

struct arena {
    struct chunk *chunks; /* the newest, in which we look for room, first */
    struct deferred *deferred;
    size_t used;
};
struct deferred { /* in the arena itself */
    struct deferred *next;
    void (*release)(void *thing);
    void *thing;
};

struct arena *arena_new(void)
{
    return NEW(struct arena);
}

static void chunks_free(struct chunk *chunk)
{
    while (chunk != NULL) {
        struct chunk *next = chunk->next;
        mem_free(chunk);
        chunk = next;
    }
}

void arena_defer(struct arena *a, void (*release)(void *thing), void *thing)
{
    struct deferred *d = arena_alloc(a, sizeof *d);
    *d = (struct deferred){a->deferred, release, thing};
    a->deferred = d;
}

/* The last one first: it may lean on those before it. */
static void deferred_run(struct arena *a)
{
    while (a->deferred != NULL) {
        struct deferred *d = a->deferred;
        a->deferred = d->next;
        d->release(d->thing);
    }
}

void arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    deferred_run(a);
    chunks_free(a->chunks);
    mem_free(a);
}

/* Keeps the newest chunk, because it is the largest, unless one exceptional turn made it huge. */
void arena_reset(struct arena *a)
{
    deferred_run(a);
    struct chunk *keep = a->chunks;
    a->used = 0;
    if (keep == NULL)
        return;
    chunks_free(keep->next);
    keep->next = NULL;
    keep->used = 0;
    if (keep->cap > ARENA_KEEP_MAX) {
        mem_free(keep);
        a->chunks = NULL;
    }
}

static struct chunk *arena_room(struct arena *a, size_t len)
{
    struct chunk *chunk = a->chunks;
    if (chunk != NULL && chunk->cap - chunk->used >= len)
        return chunk;
    size_t cap = chunk == NULL ? ARENA_CHUNK_MIN : chunk->cap;
    if (chunk != NULL && cap < ARENA_KEEP_MAX)
        cap *= 2;
    if (cap < len)
        cap = len;
    struct chunk *fresh = mem_need(malloc(sizeof *fresh + cap));
    *fresh = (struct chunk){.next = chunk, .cap = cap};
    a->chunks = fresh;
    return fresh;
}

void *arena_alloc(struct arena *a, size_t len)
{
    const size_t align = _Alignof(max_align_t);
    CHECK(len < SIZE_MAX / 4);
    size_t rounded = (len + align - 1) / align * align;
    if (rounded == 0)
        rounded = align;
    struct chunk *chunk = arena_room(a, rounded);
    char *p = chunk->bytes + chunk->used;
    chunk->used += rounded;
    a->used += len;
    memset(p, 0, rounded);
    return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
    if (s == NULL)
        return NULL;
    CHECK(len < SIZE_MAX);
    char *copy = arena_alloc(a, len + 1);
    memcpy(copy, s, len);
    return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s != NULL ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int len = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    CHECK(len >= 0);
    char *text = arena_alloc(a, (size_t)len + 1);
    va_start(ap, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, ap);
    va_end(ap);
    return text;
}

size_t arena_used(const struct arena *a)
{
    return a->used;
}
