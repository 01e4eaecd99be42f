/*
 * The door itself, for json*.c of this folder only: jansson and base/json.h use some of the same
 * names.
 *
 * The enumerators and the type of jansson get the prefix JANSSON_ while its header is read, and the
 * functions that json.h renames for the linker are caught under their own names before that
 * happens. A struct json IS a json_t; the two casts below are the only places that know.
 */
#ifndef BASE_JANSSON_DOOR_H
#define BASE_JANSSON_DOOR_H

#define JSON_OBJECT  JANSSON_OBJECT
#define JSON_ARRAY   JANSSON_ARRAY
#define JSON_STRING  JANSSON_STRING
#define JSON_INTEGER JANSSON_INTEGER
#define JSON_REAL    JANSSON_REAL
#define JSON_TRUE    JANSSON_TRUE
#define JSON_FALSE   JANSSON_FALSE
#define JSON_NULL    JANSSON_NULL
#define json_type    jansson_type
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

static inline json_t *jansson_object(void)
{
    return json_object();
}
static inline json_t *jansson_array(void)
{
    return json_array();
}
static inline bool jansson_equal(const json_t *a, const json_t *b)
{
    return json_equal(a, b) != 0;
}

#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_INTEGER
#undef JSON_REAL
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL
#undef json_type
#include "base/json.h"

/* jansson takes no const anywhere, also where it only looks. */
static inline json_t *json_inner(const struct json *tree)
{
    return (json_t *)(uintptr_t)tree;
}
static inline struct json *json_outer(json_t *inner)
{
    return (struct json *)(void *)inner;
}

#endif
