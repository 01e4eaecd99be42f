#include "renewal/guilt.h"

#include "inventory/event.h"

enum { GUILTY_MAX = 256 * 1024, NAMES_SHOWN = 5 };

static void guilt_add(struct json *list, const char *name, const char *problem, const char *detail)
{
    struct json *one = json_set_text(json_object(), "name", name);
    json_set_text(one, "problem", problem);
    json_set_text(one, "detail", detail);
    json_push(list, one);
}

static char *guilt_take(struct json *list)
{
    AUTO(buf_fini)
    struct buf text = BUF(GUILTY_MAX);
    char *taken = NULL;
    if (json_len(list) > 0) {
        json_format(list, &text, false);
        taken = text.overflow ? NULL : buf_take(&text);
    }
    json_free(list);
    return taken;
}

char *guilt_of_problem(const struct acme_problem *problem)
{
    struct json *list = json_array();
    for (size_t i = 0; i < problem->n_subproblems; i++) {
        const struct acme_identifier_problem *part = &problem->subproblems[i];
        if (part->identifier != NULL)
            guilt_add(list, part->identifier, problem_type_name(part->type), part->detail);
    }
    return guilt_take(list);
}

/* The type stands in front of what was kept: "unauthorized: No TXT record found". */
static void authz_add(struct json *list, const struct authz *authz)
{
    struct str failure = str_of(authz->failure);
    size_t colon = str_find_char(failure, ':');
    AUTO(mem_fini)
    char *type = mem_strndup(failure.p, colon);
    AUTO(mem_fini)
    char *name = mem_printf("%s%s", authz->wildcard ? "*." : "", authz->identifier);
    bool has_type = colon < failure.len && problem_type_find(type) != PROBLEM_OTHER;
    const char *detail = has_type ? authz->failure + colon + 1 : authz->failure;
    while (*detail == ' ')
        detail++;
    guilt_add(list, name, has_type ? type : problem_type_name(PROBLEM_OTHER), detail);
}

char *guilt_of_order(const struct order *order)
{
    struct json *list = json_array();
    for (size_t i = 0; i < order->n_authz; i++)
        if (order->authz[i].failure != NULL && order->authz[i].identifier != NULL)
            authz_add(list, &order->authz[i]);
    return guilt_take(list);
}

static struct json *guilt_parse(const char *guilty)
{
    struct json *list = NULL;
    if (guilty == NULL || !json_parse(str_of(guilty), GUILTY_MAX, &list, NULL))
        return NULL;
    return list;
}

void guilt_sentence(const char *guilty, const struct order *order, struct buf *out)
{
    AUTO(json_fini)
    struct json *list = guilt_parse(guilty);
    size_t n = json_len(list);
    if (n == 0 || n >= order->n_names)
        return;
    buf_printf(out, "%zu of %zu names %s at fault (", n, order->n_names, n == 1 ? "is" : "are");
    for (size_t i = 0; i < n && i < NAMES_SHOWN; i++) {
        const char *name = json_text(json_at(list, i), "name");
        buf_printf(out, "%s%s", i > 0 ? ", " : "", name != NULL ? name : "");
    }
    if (n > NAMES_SHOWN)
        buf_printf(out, " and %zu more", n - NAMES_SHOWN);
    buf_printf(out, "): the others can be ordered without %s", n == 1 ? "it" : "them");
}

void guilt_tell(struct house *house, const char *guilty, const struct order *order)
{
    /* Of a single name the failure itself tells all. */
    AUTO(json_fini)
    struct json *list = order->n_names > 1 ? guilt_parse(guilty) : NULL;
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *one = json_at(list, i);
        const char *name = json_text(one, "name"), *problem = json_text(one, "problem");
        const char *detail = json_text(one, "detail");
        event_write(house, EVENT_NAME_REFUSED, order->set_name, order->id, "%s: %s%s%s",
                    name != NULL ? name : "", problem != NULL ? problem : "",
                    detail != NULL && detail[0] != '\0' ? ": " : "", detail != NULL ? detail : "");
    }
}
