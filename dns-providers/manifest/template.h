/*
 * Templates of manifests: texts with placeholders, worked out against the variables of a job.
 *
 *     /zones/{zone.id}/records            a variable
 *     {ttl|int}                           a number: a text that is one placeholder keeps the type of its value
 *     {cred.account:/private_key}         a pointer into a JSON value, here into a secret
 *     {name.rel|or:@}                     filters, applied from left to right (filters.def)
 *     {{literal braces}}
 *
 * A value is JSON (what a server answered, what the job says) or a veiled text (veiled.h): text that may hold secrets, which stay
 * names. Filters over secrets become expressions that the host works out; filters that would have to look at a secret refuse.
 * Everything lives in the arena of the job.
 */
#ifndef MANIFEST_TEMPLATE_H
#define MANIFEST_TEMPLATE_H

#include "config/table.h"
#include "dns-providers/veiled.h"

enum value_kind { VALUE_NONE, VALUE_JSON, VALUE_TEXT };
struct value {
    enum value_kind kind;
    const struct json *json;
    const struct veiled *text;
};
static inline struct value value_of_json(const struct json *json)
{
    return (struct value){.kind = json != NULL ? VALUE_JSON : VALUE_NONE, .json = json};
}
static inline struct value value_of_text(const struct veiled *text)
{
    return (struct value){.kind = VALUE_TEXT, .text = text};
}
struct value value_of_cstr(struct arena *arena, const char *text); /* NULL: none */
/* Absent, null, false, an empty text, array or object. A secret is never empty. */
bool value_is_empty(const struct value *value);
/* As text: numbers in decimal, true and false by name, arrays and objects as JSON, null and none as "". */
const struct veiled *value_text(struct arena *arena, const struct value *value);
/* NULL when it holds a secret. */
const char *value_plain(struct arena *arena, const struct value *value);

/* Variables: a chain of bindings, the newest first; it is copied nowhere, so bindings live as long as what they are handed to. */
struct scope {
    const struct scope *outer;
    const char *name; /* "zone", "let.raw" */
    struct value value;
    /* Instead of a value: settings of the provider; those the section calls secrets are veiled. */
    const struct json *settings;
    const struct section *section;
};
/* kind NONE when there is no such variable, or nothing in it. pointer may be NULL. Kind CONFIG: a pointer into what cannot be looked into. */
bool scope_find(const struct scope *scope, struct str variable, const char *pointer,
                struct arena *arena, struct value *ret, struct err *err);

/* A text may grow by what is put into it, and be put into the next: without an end a short manifest would fill any memory. */
enum { TEMPLATE_GROWN_MAX = 256 * 1024, TEMPLATE_PLACEHOLDERS_MAX = 64 };

struct template_context {
    const struct scope *scope;
    struct arena *arena;
    const unsigned char *random; /* 32 bytes for uuid and nonce, anew for each wish */
    bool in_path;                /* every placeholder is one segment of a path and is encoded so */
};
/* Kinds: CONFIG (a variable that is not set, a filter that cannot take its value). */
bool template_value(const struct template_context *context, const char *text, struct value *ret,
                    struct err *err);
bool template_text(const struct template_context *context, const char *text,
                   const struct veiled **ret, struct err *err);

/* Without variables: is it well-formed, are its filters known and have they the arguments they need? used (may be NULL) is told each
 * variable. Kind CONFIG. */
typedef bool template_used(void *arg, struct str variable, const char *pointer, bool has_default,
                           struct err *err);
bool template_check(const char *text, template_used *used, void *arg, struct err *err);

#endif
