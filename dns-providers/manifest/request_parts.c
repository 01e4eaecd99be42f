#include "dns-providers/manifest/engine.h"

#include <stdlib.h>

/*
 * A signature is made over the request as it will be sent: the parts are cut out of the finished URL, never worked out a second time.
 */

enum { PARAMETERS_MAX = 64 };

bool let_bind(struct engine *e, const char *name, const struct veiled *text, struct err *err)
{
    if (e->n_lets == sizeof e->lets / sizeof e->lets[0])
        return err_set(err, ERR_CONFIG, "more than %zu variables of `let`", e->n_lets);
    e->lets[e->n_lets++] = (struct scope){.name = name, .value = value_of_text(text)};
    return true;
}

static bool str_bind(struct engine *e, const char *name, struct str text, struct err *err)
{
    return let_bind(e, name, veiled_text(e->arena, text), err);
}

/* ---- the query, as canonical requests want it: by name, then by value; a bare name has an empty value ---- */

struct parameter {
    struct str name, value;
};

static int parameter_cmp(const void *a, const void *b)
{
    const struct parameter *x = a, *y = b;
    int by_name = str_cmp(x->name, y->name);
    return by_name != 0 ? by_name : str_cmp(x->value, y->value);
}

static size_t query_split(struct str query, struct parameter *list)
{
    struct str rest = query, one;
    size_t n = 0;
    while (str_split(&rest, '&', &one)) {
        size_t at = str_find_char(one, '=');
        if (one.len == 0)
            continue;
        if (n == PARAMETERS_MAX)
            return PARAMETERS_MAX + 1;
        list[n].name = str_mem(one.p, at);
        list[n++].value = at < one.len ? str_mem(one.p + at + 1, one.len - at - 1) : STR("");
    }
    return n;
}

static bool sorted_bind(struct engine *e, struct str query, struct err *err)
{
    struct parameter list[PARAMETERS_MAX];
    size_t n = query_split(query, list);
    AUTO(buf_fini)
    struct buf out = BUF(64 * 1024);
    if (n > PARAMETERS_MAX)
        return err_set(err, ERR_CONFIG, "more than %d parameters in a query", PARAMETERS_MAX);
    qsort(list, n, sizeof list[0], parameter_cmp);
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s%.*s=%.*s", i > 0 ? "&" : "", STR_ARG(list[i].name),
                   STR_ARG(list[i].value));
    return str_bind(e, "req.sorted", buf_str(&out), err);
}

/* ---- the URL ---- */

/* As it stands in the header Host: a scheme's own port is left out there. */
static struct str host_of(struct str url, struct str place)
{
    struct str port = str_starts(url, STR("https:")) ? STR(":443") : STR(":80");
    return str_ends(place, port) ? str_mem(place.p, place.len - port.len) : place;
}

static bool url_bind(struct engine *e, struct str url, struct err *err)
{
    size_t scheme = str_find(url, STR("://"));
    struct str rest =
        scheme < url.len ? str_mem(url.p + scheme + 3, url.len - scheme - 3) : STR("");
    size_t mark = str_find_char(rest, '?'), slash = str_find_char(str_mem(rest.p, mark), '/');
    struct str path = str_mem(rest.p + slash, mark - slash), target = path, query = STR("");
    if (mark < rest.len) {
        target = str_mem(rest.p + slash, rest.len - slash);
        query = str_mem(rest.p + mark + 1, rest.len - mark - 1);
    }
    return str_bind(e, "req.host", host_of(url, str_mem(rest.p, slash)), err) &&
           str_bind(e, "req.path", path, err) && str_bind(e, "req.target", target, err) &&
           str_bind(e, "req.query", query, err) && sorted_bind(e, query, err);
}

/* Parts of a URL that holds a secret are not bound: a signature over a secret's expression would be wrong. */
bool request_bind(struct engine *e, const struct request *r, const char *type, struct err *err)
{
    return str_bind(e, "req.method", str_of(r->method), err) &&
           str_bind(e, "req.type", str_of(type != NULL ? type : ""), err) &&
           let_bind(e, "req.url", r->url, err) && let_bind(e, "req.body", r->body, err) &&
           (!veiled_is_plain(r->url) || url_bind(e, veiled_plain(r->url), err));
}
