/*
 * JSON: read by table into a plain struct, built as a tree. The only door to jansson.
 *
 * A tree comes from a peer that may lie, so size and depth are capped BEFORE anything is allocated
 * for it, duplicate keys are refused, and every error names the path: "order.authorizations[3]: not
 * a text".
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

/* jansson exports these very names: for the linker ours are others. */
#define json_object base_json_object
#define json_array  base_json_array
#define json_copy   base_json_copy
#define json_equal  base_json_equal

struct json; /* an owned or borrowed tree; json_free releases an owned one */

enum json_type { JSON_OBJECT, JSON_ARRAY, JSON_TEXT, JSON_INT, JSON_REAL, JSON_BOOL, JSON_NULL };

enum { JSON_DEPTH_MAX = 32, JSON_SIZE_MAX = 256 * 1024 };

/* Any value may stand at the top. Kinds of error: BROKEN (syntax, duplicate key, too deep, too
 * large, NUL in a text, a number beyond 64 bits). */
bool json_parse(struct str text, size_t max_len, struct json **ret_tree, struct err *err);
void json_free(struct json *tree);
void json_fini(struct json **tree);              /* for AUTO(json_fini) struct json *t */
struct json *json_copy(const struct json *tree); /* deep */
/* The tree becomes the arena's, and goes with it. Returns it. */
struct json *json_in_arena(struct arena *arena, struct json *take);

enum json_type json_type(const struct json *tree);
const char *json_type_name(enum json_type type);
bool json_is(const struct json *tree, enum json_type type); /* NULL is nothing: false */

/* Looking. NULL or the given default when absent or of another type; NULL trees are allowed. */
const struct json *json_find(const struct json *object, const char *key);
const char *json_text(const struct json *object, const char *key); /* NUL-terminated, borrowed */
int64_t json_int(const struct json *object, const char *key, int64_t otherwise);
bool json_bool(const struct json *object, const char *key, bool otherwise);
size_t json_len(const struct json *array_or_object);
const struct json *json_at(const struct json *array, size_t i);
const char *json_as_text(const struct json *value); /* NULL when not a text */
int64_t json_as_int(const struct json *value, int64_t otherwise);
bool json_as_bool(const struct json *value, bool otherwise);
/* Members in stored order. i from 0; false at the end. */
bool json_member(const struct json *object, size_t i, const char **ret_key,
                 const struct json **ret_value);
/* The same in linear time: *position is NULL at first. The object must not change meanwhile. */
bool json_next(const struct json *object, void **position, const char **ret_key,
               const struct json **ret_value);

/* Building. `take` becomes the container's; text may be NULL (then JSON null). All return the
 * container. Bytes that JSON cannot hold (no UTF-8, NUL) become U+FFFD. Setting an existing key
 * replaces its value. */
struct json *json_object(void);
struct json *json_array(void);
struct json *json_new_text(const char *s);
struct json *json_new_text_str(struct str s);
struct json *json_new_int(int64_t v);
struct json *json_new_bool(bool v);
struct json *json_new_null(void);
struct json *json_set(struct json *object, const char *key, struct json *take);
struct json *json_set_text(struct json *object, const char *key, const char *s);
struct json *json_set_str(struct json *object, const char *key, struct str s);
struct json *json_set_int(struct json *object, const char *key, int64_t v);
struct json *json_set_bool(struct json *object, const char *key, bool v);
struct json *json_push(struct json *array, struct json *take);
struct json *json_push_text(struct json *array, const char *s);
void json_remove(struct json *object, const char *key);
bool json_equal(const struct json *a, const struct json *b);

/* Compact with members in insertion order; indent 2 when pretty. */
void json_format(const struct json *tree, struct buf *out, bool pretty);
/* Compact with sorted keys: equal trees give equal bytes (for fingerprints). */
void json_format_canonical(const struct json *tree, struct buf *out);

/* Reading by table. Fields not in the table are ignored (peers may add members, RFC 8555 7.1). */
enum json_field_kind {
    JSON_FIELD_TEXT, /* char *           freshly allocated, NULL when absent */
    JSON_FIELD_INT,  /* int64_t          */
    JSON_FIELD_BOOL, /* bool             */
    JSON_FIELD_TREE, /* const struct json *  borrowed from the tree */
};
struct json_field {
    const char *name;
    enum json_field_kind kind;
    size_t offset; /* offsetof in the struct that is filled */
    bool required;
    size_t max_len; /* of a text; 0 means 4096 */
};
/* what names the thing in errors ("order"). JSON null counts as absent. An absent INT or BOOL
 * leaves its field as it was (the caller's default); what a text field held before is overwritten,
 * not freed. On failure texts already filled in are released and set to NULL. Kind BROKEN. */
bool json_read(const struct json *object, const char *what, const struct json_field *fields,
               size_t n, void *out, struct err *err);

#endif
