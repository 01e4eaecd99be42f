/* The inside of veiled texts: veiled.c builds and writes them, veiled_read.c reads them back and fills them in,
 * veiled_functions.c works them out. */
#ifndef DNS_PROVIDERS_VEILED_INSIDE_H
#define DNS_PROVIDERS_VEILED_INSIDE_H

#include "dns-providers/veiled.h"

enum { VEILED_ARGUMENTS_MAX = 64, VEILED_DEPTH_MAX = 32, VEILED_TEXT_MAX = 1024 * 1024 };

enum veiled_kind { VEILED_TEXT, VEILED_SECRET, VEILED_CALL, VEILED_JOIN };
struct veiled {
    enum veiled_kind kind;
    bool has_secret;
    int depth;
    struct str text; /* of a text; name of a secret */
    enum veiled_function function;
    const struct veiled *const *parts; /* arguments of a call, what is joined */
    size_t n;
    size_t
        size; /* bytes it comes to when it is written out, roughly; shared parts count each time */
};

size_t veiled_function_least(enum veiled_function function);
bool veiled_function_joins(enum veiled_function function);
/* n as the table says: what is joined was joined. Appends to out. */
bool veiled_function_run(enum veiled_function function, const struct str *arguments,
                         struct buf *out, struct err *err);
/* The call as it is, without working it out. */
const struct veiled *veiled_call_node(struct arena *arena, enum veiled_function function,
                                      const struct veiled *const *arguments, size_t n);

#endif
