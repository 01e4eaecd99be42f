#include "cmd/http/call.h"

#include <stdio.h>

const struct route routes[ROUTE_N] = {
#define X(id, method, path, may, run, query, body)                                                 \
    [ROUTE_##id] = {method, path, may, run, query, body},
    HTTP_ROUTES(X)
#undef X
};

static bool path_fits(const char *path, const struct target *target)
{
    struct str rest = str_mem(path + 1, strlen(path) - 1), word;
    size_t n = 0;
    while (str_split(&rest, '/', &word)) {
        if (n == target->n_words)
            return false;
        bool is_free = word.len > 0 && word.p[0] == '{';
        if (is_free ? target->words[n][0] == '\0' : !str_eq(word, str_of(target->words[n])))
            return false;
        n++;
    }
    return n == target->n_words;
}

const struct route *route_find(const char *method, const struct target *target, char ret_allow[64])
{
    ret_allow[0] = '\0';
    for (size_t i = 0; i < ROUTE_N; i++) {
        if (!path_fits(routes[i].path, target))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
        size_t n = strlen(ret_allow);
        snprintf(ret_allow + n, 64 - n, "%s%s", n > 0 ? ", " : "", routes[i].method);
    }
    return NULL;
}
