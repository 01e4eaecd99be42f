/*
 * Veiled texts: texts in which secrets stand as expressions that only the host can work out.
 *
 * A provider never holds a secret. What it wants on the wire it writes with the secret's NAME:
 *
 *     Authorization: Bearer {{token}}                        the secret itself
 *     Authorization: Basic {{b64(user,":",password)}}        a function of texts and secrets
 *     X-Signature: {{hex(hmac_sha256(secret,"GET\n/zones"))}}
 *
 * and the host, who alone can resolve names, fills it in towards the API's own hosts (veiled_fill). Anywhere else in a wish "{{" is text:
 * builders write what comes from outside with veiled_format, which protects it, so that no answer of a server can name a secret.
 *
 *   expression = name | "text" | function "(" expression {"," expression} ")"
 *   name       = [a-z0-9_.-]+         a setting of the provider that is a secret
 *   text       = with \" \\ \n \r \t and \xNN
 *
 * Several arguments where one is expected are joined. A veiled text is built in an arena and never changes.
 */
#ifndef DNS_PROVIDERS_VEILED_H
#define DNS_PROVIDERS_VEILED_H

#include "base/json.h"

/* The functions: veiled_functions.def. */
enum veiled_function {
#define X(id, name, n_least, joins, sentence) VEILED_##id,
#include "dns-providers/veiled_functions.def"
#undef X
    VEILED_FUNCTION_N
};
bool veiled_function_find(struct str name, enum veiled_function *ret);
const char *veiled_function_name(enum veiled_function function);

struct veiled; /* immutable, in an arena; NULL is the empty text */
const struct veiled *veiled_text(struct arena *arena, struct str text);
const struct veiled *veiled_secret(struct arena *arena, const char *name);
const struct veiled *veiled_join(struct arena *arena, const struct veiled *a,
                                 const struct veiled *b);
/* Worked out at once when no argument holds a secret. Kinds: CONFIG (wrong number of arguments, an argument that the function cannot take). */
bool veiled_call(struct arena *arena, enum veiled_function function,
                 const struct veiled *const *arguments, size_t n, const struct veiled **ret,
                 struct err *err);
/* No secret in it: the text; bytes of a function may hold anything. */
bool veiled_is_plain(const struct veiled *v);
struct str veiled_plain(const struct veiled *v); /* CHECKs that it is plain */
/* How many bytes it comes to when it is written out, roughly. Saturates. */
size_t veiled_size(const struct veiled *v);
/* Appends the text as it stands in a wish. */
void veiled_format(const struct veiled *v, struct buf *out);
/* What veiled_format wrote. Kind BROKEN. */
bool veiled_parse(struct arena *arena, struct str text, const struct veiled **ret, struct err *err);

/* The host's side. */
typedef bool veiled_resolve(void *arg, struct str name, const struct secret **ret, struct err *err);
enum veiled_place {
    VEILED_IN_URL,
    VEILED_IN_HEADER,
    VEILED_IN_JSON,
    VEILED_IN_FORM,
    VEILED_IN_BODY
};
bool veiled_has_secret(struct str text);
/* Copies text to out with each expression worked out and encoded as the place needs it. Kinds: those of resolve; CONFIG (a secret that
 * does not fit a header, or that a function cannot take), BROKEN (the text is too large). */
bool veiled_fill(struct str text, enum veiled_place place, veiled_resolve *resolve, void *arg,
                 struct buf *out, struct err *err);

#endif
