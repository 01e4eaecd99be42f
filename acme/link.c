#include "acme/link.h"

static void skip(struct str *rest, size_t n)
{
    *rest = str_mem(rest->p + n, rest->len - n);
}

static void skip_blanks(struct str *rest)
{
    while (rest->len > 0 && (rest->p[0] == ' ' || rest->p[0] == '\t'))
        skip(rest, 1);
}

/* A quoted text or a bare word; what a backslash guards stays guarded, no relation needs it. */
static struct str value_take(struct str *rest)
{
    size_t end = 0;
    if (rest->len > 0 && rest->p[0] == '"') {
        skip(rest, 1);
        while (end < rest->len && rest->p[end] != '"')
            end += rest->p[end] == '\\' && end + 1 < rest->len ? 2 : 1;
        struct str value = str_mem(rest->p, end);
        skip(rest, end < rest->len ? end + 1 : end);
        return value;
    }
    while (end < rest->len && strchr(" \t;,", rest->p[end]) == NULL)
        end++;
    struct str value = str_mem(rest->p, end);
    skip(rest, end);
    return value;
}

static struct str name_take(struct str *rest)
{
    size_t end = 0;
    while (end < rest->len && strchr(" \t;,=", rest->p[end]) == NULL)
        end++;
    struct str name = str_mem(rest->p, end);
    skip(rest, end);
    skip_blanks(rest);
    return name;
}

/* The parameters of one link. The first rel counts (RFC 8288 3.3). */
static struct str relations_take(struct str *rest)
{
    struct str relations = STR_NONE;
    for (skip_blanks(rest); rest->len > 0 && rest->p[0] == ';'; skip_blanks(rest)) {
        skip(rest, 1);
        skip_blanks(rest);
        struct str name = name_take(rest), value = STR_NONE;
        if (rest->len > 0 && rest->p[0] == '=') {
            skip(rest, 1);
            skip_blanks(rest);
            value = value_take(rest);
        }
        if (relations.p == NULL && str_eq_nocase(name, STR("rel")))
            relations = value;
    }
    return relations;
}

bool link_next(struct str *rest, struct str *ret_target, struct str *ret_relations)
{
    while (rest->len > 0 && (rest->p[0] == ',' || rest->p[0] == ' ' || rest->p[0] == '\t'))
        skip(rest, 1);
    if (rest->len == 0 || rest->p[0] != '<')
        return false;
    skip(rest, 1);
    size_t end = str_find_char(*rest, '>');
    if (end == rest->len)
        return false;
    *ret_target = str_mem(rest->p, end);
    skip(rest, end + 1);
    *ret_relations = relations_take(rest);
    return true;
}

bool link_has_relation(struct str relations, const char *name)
{
    struct str piece;
    while (str_split(&relations, ' ', &piece))
        if (str_eq_nocase(str_trim(piece), str_of(name)))
            return true;
    return false;
}
