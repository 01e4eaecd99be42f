/*
 * Memory. The only door to malloc.
 *
 * Every allocation succeeds or the process stops (exit code 70, one line on stderr): any stop is
 * safe, because the store holds all that matters. Three lifetimes exist:
 *
 *   turn      a struct arena, emptied after each loop turn; nothing in it is freed singly
 *   object    x_new / x_free; x_free takes NULL and half-built things
 *   borrowed  a struct str: looked at, never stored
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/err.h"

#include <stddef.h>

/* Zeroed memory for n objects of size bytes; never NULL. n * size must not overflow (CHECK). */
void *mem_new(size_t n, size_t size);
/* Grows p (may be NULL) from old_n to new_n objects of size bytes; the new part is zeroed. */
void *mem_grow(void *p, size_t old_n, size_t new_n, size_t size);
void mem_free(void *p);
/* p itself, or the same stop when p is NULL: for what another library failed to allocate. */
void *mem_need(void *p);
char *mem_strdup(const char *s); /* NULL gives NULL */
char *mem_strndup(const char *s, size_t len);
/* printf into fresh memory; the caller frees. */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Replaces *slot by a copy of s (or NULL), freeing what was there. */
void mem_set_str(char **slot, const char *s);

#define NEW(type)      ((type *)mem_new(1, sizeof(type)))
#define NEW_N(n, type) ((type *)mem_new((n), sizeof(type)))

/* For AUTO(mem_fini) char *text = ...; */
void mem_fini(void *pointer_to_pointer);

/* An arena: chunks that are all released together. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *a);
/* Forgets everything, keeps at most one chunk for the next turn. */
void arena_reset(struct arena *a);
/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t len);
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* release(thing) runs when the arena is reset or freed: for what belongs to it but lives elsewhere. */
void arena_defer(struct arena *a, void (*release)(void *thing), void *thing);
/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *a);

#endif
