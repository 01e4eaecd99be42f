/* What a request says in its query, its headers and its body, read into the call. */
#include "cmd/http/call.h"

#include <inttypes.h>

enum { PURPOSE_MAX = 200, CLIENT_PART_MAX = 100, ORDER_NAMES_MAX = 100 };

/* ---- is it all understood? ---- */

static bool word_is_in(const char *words, const char *word)
{
    struct str rest = str_of(words), one;
    while (str_split(&rest, ' ', &one))
        if (one.len > 0 && str_eq(one, str_of(word)))
            return true;
    return false;
}

static bool names_known(struct call *call)
{
    const char *key;
    const struct json *value;
    void *position = NULL;
    for (size_t i = 0; i < call->target.n_fields; i++) {
        if (word_is_in(call->route->query, call->target.fields[i].name))
            continue;
        http_call_problem(call, PROBLEM_BAD_REQUEST, NULL,
                          "the query field \"%s\" means nothing here; understood: %s",
                          call->target.fields[i].name,
                          call->route->query[0] != '\0' ? call->route->query : "none");
        return false;
    }
    while (call->body != NULL && json_next(call->body, &position, &key, &value)) {
        if (word_is_in(call->route->body, key))
            continue;
        http_call_problem(call, PROBLEM_BAD_REQUEST, NULL,
                          "the member \"%.40s\" of the body means nothing here; understood: %s",
                          key, call->route->body[0] != '\0' ? call->route->body : "none");
        return false;
    }
    return true;
}

static bool body_parse(struct call *call, struct str body)
{
    struct err err = {0};
    struct str text = str_trim(body);
    if (text.len == 0)
        return true;
    if (call->route->body[0] == '\0') {
        http_call_problem(call, PROBLEM_BAD_REQUEST, NULL, "%s %s takes no body",
                          call->route->method, call->route->path);
        return false;
    }
    if (!json_parse(text, JSON_SIZE_MAX, &call->body, &err)) {
        http_call_problem(call, PROBLEM_BAD_REQUEST, NULL, "the body is no JSON: %s", err.text);
        return false;
    }
    if (!json_is(call->body, JSON_OBJECT)) {
        http_call_problem(call, PROBLEM_BAD_REQUEST, NULL, "the body is no JSON object");
        return false;
    }
    return true;
}

/* ---- single values ---- */

/* From the body, else from the query; *ret stays what it is when neither says it. */
static bool int_read(struct call *call, const char *name, int64_t least, int64_t most, int64_t *ret)
{
    const struct json *member = json_find(call->body, name);
    const char *field = target_field(&call->target, name);
    int64_t value = least - 1;
    if (member == NULL && field == NULL)
        return true;
    if (member != NULL)
        value = json_as_int(member, least - 1);
    else if (!str_to_i64(str_of(field), &value))
        value = least - 1;
    if (value < least || value > most) {
        http_call_problem(call, PROBLEM_BAD_REQUEST, NULL,
                          "\"%s\" must be a whole number from %" PRId64 " to %" PRId64, name, least,
                          most);
        return false;
    }
    *ret = value;
    return true;
}

static bool text_read(struct call *call, const char *name, size_t max, char **ret)
{
    const struct json *member = json_find(call->body, name);
    if (member == NULL)
        return true;
    const char *text = json_as_text(member);
    bool ok = text != NULL && strlen(text) <= max && text[0] != '\0';
    for (const char *c = text; ok && *c != '\0'; c++)
        ok = (unsigned char)*c >= ' ' && *c != 127;
    if (ok) {
        *ret = mem_strdup(text);
        return true;
    }
    http_call_problem(call, PROBLEM_BAD_REQUEST, NULL,
                      "\"%s\" must be a text of 1 to %zu bytes without control characters", name,
                      max);
    return false;
}

/* If-Match: "17" says the same as fencing. */
static bool fencing_read(struct call *call, const char *match)
{
    if (!int_read(call, "fencing", 1, INT64_MAX, &call->fencing))
        return false;
    if (call->fencing == 0 && match != NULL) {
        struct str tag = str_trim(str_of(match));
        if (tag.len > 2 && tag.p[0] == '"' && tag.p[tag.len - 1] == '"')
            tag = str_mem(tag.p + 1, tag.len - 2);
        if (!str_to_i64(tag, &call->fencing))
            call->fencing = 0;
    }
    if (call->fencing >= 1)
        return true;
    http_call_problem(call, PROBLEM_BAD_REQUEST, NULL,
                      "the fencing number is missing: say \"fencing\", or If-Match: \"17\"");
    return false;
}

static bool outcome_read(struct call *call)
{
    static const char *const names[] = {[LEDGER_ISSUED] = "issued",
                                        [LEDGER_ORDERED] = "ordered",
                                        [LEDGER_UNUSED] = "unused",
                                        [LEDGER_UNKNOWN] = "unknown"};
    const struct json *member = json_find(call->body, "outcome");
    const char *word =
        member != NULL ? json_as_text(member) : target_field(&call->target, "outcome");
    call->outcome = LEDGER_UNKNOWN;
    if (member == NULL && word == NULL)
        return true;
    for (size_t i = 0; word != NULL && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], word) != 0)
            continue;
        call->outcome = (enum ledger_outcome)i;
        return true;
    }
    http_call_problem(call, PROBLEM_BAD_REQUEST, NULL,
                      "\"outcome\" must be issued, ordered, unused or unknown");
    return false;
}

static bool wait_read(struct call *call)
{
    int64_t wait_s = 0;
    if (!int_read(call, "wait_s", 0, WAIT_S_MAX, &wait_s))
        return false;
    if (wait_s > 0)
        call->wait_until_boot_ms = clock_boot_ms(call->face->house->clock) + wait_s * MS_SECOND;
    return true;
}

static bool take_read(struct call *call)
{
    char *part = NULL;
    const struct json *order = json_find(call->body, "order");
    call->keeps_place = json_find(call->body, "ticket") != NULL;
    if (!int_read(call, "ticket", 0, INT64_MAX, &call->ticket) ||
        !text_read(call, "client", CLIENT_PART_MAX, &part))
        return false;
    call->client =
        part != NULL ? mem_printf("%s/%s", call->pass->name, part) : mem_strdup(call->pass->name);
    mem_free(part);
    if (order != NULL && !json_is(order, JSON_OBJECT)) {
        http_call_problem(call, PROBLEM_BAD_REQUEST, NULL, "\"order\" must be an object");
        return false;
    }
    return text_read(call, "purpose", PURPOSE_MAX, &call->purpose) && wait_read(call);
}

/* ---- all of it ---- */

bool http_call_read(struct call *call, const struct asked *asked)
{
    int64_t ttl_s = LOCK_TTL_MS / MS_SECOND;
    const char *seen = asked->if_none_match;
    if (!body_parse(call, asked->body) || !names_known(call) ||
        !int_read(call, "ttl_s", LOCK_TTL_LEAST_MS / MS_SECOND, LOCK_TTL_MOST_MS / MS_SECOND,
                  &ttl_s))
        return false;
    call->ttl_ms = ttl_s * MS_SECOND;
    if (call->route == &routes[ROUTE_LOCK_TAKE])
        return take_read(call);
    if (call->route == &routes[ROUTE_LOCK_BEAT])
        return fencing_read(call, asked->if_match);
    if (call->route == &routes[ROUTE_LOCK_DROP])
        return fencing_read(call, asked->if_match) && outcome_read(call);
    if (call->route == &routes[ROUTE_LOCK_GET]) {
        if (seen != NULL && strlen(seen) < sizeof call->seen)
            memcpy(call->seen, seen, strlen(seen) + 1);
        return wait_read(call);
    }
    return true;
}

void ask_names_free(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(names[i]);
    mem_free(names);
}

static bool ask_name(const char *text, const struct http_pass *pass, char **ret, struct err *err)
{
    AUTO(mem_fini)
    char *canonical = NULL;
    if (text == NULL)
        return err_set(err, ERR_CONFIG, "\"order.names\" holds what is no text");
    if (!lock_name(text, &canonical, err))
        return false;
    if (!http_pass_is_for(pass, canonical))
        return err_set(err, ERR_DENIED, "\"%s\" is not for %s", pass->name, canonical);
    *ret =
        str_starts(str_of(text), STR("*.")) ? mem_printf("*.%s", canonical) : mem_strdup(canonical);
    return true;
}

bool ask_names(const struct json *list, const struct http_pass *pass, const char *otherwise,
               char ***ret_names, size_t *ret_n, struct err *err)
{
    size_t n = list == NULL ? 1 : json_len(list);
    if (list != NULL && (!json_is(list, JSON_ARRAY) || n == 0 || n > ORDER_NAMES_MAX))
        return err_set(err, ERR_CONFIG, "\"order.names\" must be a list of 1 to %d names",
                       ORDER_NAMES_MAX);
    char **names = NEW_N(n, char *);
    for (size_t i = 0; i < n; i++) {
        const char *text = list == NULL ? otherwise : json_as_text(json_at(list, i));
        if (!ask_name(text, pass, &names[i], err)) {
            ask_names_free(names, n);
            return false;
        }
    }
    *ret_names = names;
    *ret_n = n;
    return true;
}
