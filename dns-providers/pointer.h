/*
 * JSON pointers (RFC 6901), and "*" as a step that means every element of an array or every member of an object.
 */
#ifndef DNS_PROVIDERS_POINTER_H
#define DNS_PROVIDERS_POINTER_H

#include "base/json.h"

/* "" or steps that begin with "/", "~" only as ~0 and ~1. */
bool pointer_is_good(const char *pointer);
/* The first value there, or NULL; "" is the tree itself. */
const struct json *pointer_find(const struct json *tree, const char *pointer);
typedef bool pointer_visit(void *arg, const struct json *value); /* false ends the walk */
/* All values there, in the order of the tree. False when a visit ended it. */
bool pointer_each(const struct json *tree, const char *pointer, pointer_visit *visit, void *arg);

#endif
