#include "acme/problem.h"

enum { TEXT_MAX = 512, TEXT_MAX_PAUSED = 900, SUBPROBLEMS_MAX = 100, ALGORITHMS_SHOWN = 10 };

struct row {
    const char *name, *advice;
    enum err_kind kind;
    enum err_class class;
    enum err_fault fault;
};

static const struct row rows[] = {
#define X(type, name, kind, class, fault, advice)                                                  \
    {name, advice, ERR_##kind, CLASS_##class, FAULT_##fault},
#include "acme/problem.def"
#undef X
};
_Static_assert(sizeof rows / sizeof rows[0] == PROBLEM_TYPE_N, "a row for each type");
_Static_assert(PROBLEM_OTHER == PROBLEM_TYPE_N - 1, "OTHER is the last type");

static const struct row *row_of(enum problem_type type)
{
    return &rows[(unsigned)type < PROBLEM_TYPE_N ? type : PROBLEM_OTHER];
}

const char *problem_type_name(enum problem_type type)
{
    return row_of(type)->name;
}

const char *problem_advice(enum problem_type type)
{
    return row_of(type)->advice;
}

enum err_fault problem_fault(enum problem_type type)
{
    return row_of(type)->fault;
}

enum err_class problem_class(enum problem_type type)
{
    return row_of(type)->class;
}

enum err_kind problem_kind(enum problem_type type)
{
    return row_of(type)->kind;
}

/* The second prefix is older than the RFC and still seen at CAs that began early. */
static struct str urn_name(const char *urn)
{
    static const char *const prefixes[] = {"urn:ietf:params:acme:error:", "urn:acme:error:"};
    struct str name = str_of(urn);
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        struct str prefix = str_of(prefixes[i]);
        if (str_starts(name, prefix))
            return str_mem(name.p + prefix.len, name.len - prefix.len);
    }
    return name;
}

enum problem_type problem_type_find(const char *urn)
{
    if (urn == NULL)
        return PROBLEM_OTHER;
    struct str name = urn_name(urn);
    for (unsigned type = 0; type < PROBLEM_TYPE_N; type++)
        if (str_eq(name, str_of(rows[type].name)))
            return (enum problem_type)type;
    return PROBLEM_OTHER;
}

static const char *text_safe(const char *text, size_t max, struct arena *arena)
{
    AUTO(buf_fini)
    struct buf safe = BUF(TEXT_MAX_PAUSED + 8);
    if (text == NULL)
        return NULL;
    text_escape(&safe, str_of(text), max);
    return arena_strdup(arena, buf_cstr(&safe));
}

static const char *detail_read(const struct json *tree, size_t max, struct arena *arena)
{
    const char *detail = text_safe(json_text(tree, "detail"), max, arena);
    return detail != NULL ? detail : "";
}

static enum err_kind kind_of_status(int status)
{
    if (status == 429)
        return ERR_THROTTLED;
    if (status == 401 || status == 403)
        return ERR_DENIED;
    if (status == 404 || status == 410)
        return ERR_ABSENT;
    if (status == 408 || status == 425 || status >= 500)
        return ERR_AGAIN;
    return status >= 400 ? ERR_REFUSED : ERR_BROKEN;
}

/* A paused account waits for a person, not for a time (Boulder, ra/ra.go: "... please visit
 * https://.../unpause?jwt=..."). */
static bool detail_is_pause(const struct json *tree)
{
    const char *detail = json_text(tree, "detail");
    return detail != NULL && strstr(detail, "/unpause") != NULL;
}

static void subproblems_read(const struct json *list, struct acme_problem *problem,
                             struct arena *arena)
{
    size_t n = json_len(list);
    if (!json_is(list, JSON_ARRAY) || n == 0)
        return;
    if (n > SUBPROBLEMS_MAX)
        n = SUBPROBLEMS_MAX;
    struct acme_identifier_problem *parts = arena_alloc(arena, n * sizeof *parts);
    for (size_t i = 0; i < n; i++) {
        const struct json *part = json_at(list, i);
        const struct json *identifier = json_find(part, "identifier");
        parts[i].identifier = text_safe(json_text(identifier, "value"), TEXT_MAX, arena);
        parts[i].type = problem_type_find(json_text(part, "type"));
        parts[i].detail = detail_read(part, TEXT_MAX, arena);
    }
    problem->subproblems = parts;
    problem->n_subproblems = n;
}

/* The type that decides: of several parts the first that is known. */
static enum problem_type type_of_whole(const struct acme_problem *problem)
{
    for (size_t i = 0; problem->type == PROBLEM_COMPOUND && i < problem->n_subproblems; i++) {
        enum problem_type part = problem->subproblems[i].type;
        if (part != PROBLEM_OTHER && part != PROBLEM_COMPOUND)
            return part;
    }
    return problem->type;
}

static const char pause_advice[] =
    "The CA has paused the names for this account: visit the address it gives, then run `chancery "
    "renew --retry` with the set's name.";

/* By status: what a server in trouble says of itself is its own fault, what it says of a request may be anything. */
static void judge_by_status(struct acme_problem *problem)
{
    int status = problem->status;
    bool is_theirs = status == 408 || status == 425 || status == 429 || status >= 500;
    problem->kind = kind_of_status(status);
    problem->class = is_theirs || status < 400 ? CLASS_LATER : CLASS_CONFIG;
    problem->fault = status == 429 ? FAULT_QUOTA : is_theirs ? FAULT_CA : FAULT_UNKNOWN;
}

static void problem_judge(struct acme_problem *problem, bool is_pause)
{
    const struct row *row = row_of(type_of_whole(problem));
    problem->kind = row->kind;
    problem->class = row->class;
    problem->fault = row->fault;
    problem->advice = row->advice;
    if (problem->type == PROBLEM_OTHER || (problem->status == 429 && !is_pause))
        judge_by_status(problem);
    if (is_pause) {
        problem->kind = ERR_DENIED;
        problem->class = CLASS_HUMAN;
        problem->fault = FAULT_PERSON;
        problem->advice = pause_advice;
    }
}

const struct acme_problem *acme_problem_read(const struct json *tree, int status,
                                             struct arena *arena)
{
    struct acme_problem *problem = arena_alloc(arena, sizeof *problem);
    const char *urn = json_text(tree, "type");
    bool is_pause = status == 429 && detail_is_pause(tree);
    problem->type = problem_type_find(urn);
    problem->urn = urn != NULL ? text_safe(urn, TEXT_MAX, arena) : "";
    problem->detail = detail_read(tree, is_pause ? TEXT_MAX_PAUSED : TEXT_MAX, arena);
    problem->instance = text_safe(json_text(tree, "instance"), TEXT_MAX, arena);
    problem->status = status;
    const struct json *algorithms = json_find(tree, "algorithms");
    problem->algorithms = json_is(algorithms, JSON_ARRAY) ? algorithms : NULL;
    subproblems_read(json_find(tree, "subproblems"), problem, arena);
    problem_judge(problem, is_pause);
    return problem;
}

static void parts_format(const struct acme_problem *problem, struct buf *out)
{
    for (size_t i = 0; i < problem->n_subproblems; i++) {
        const struct acme_identifier_problem *part = &problem->subproblems[i];
        buf_add_cstr(out, i == 0 ? " [" : "; ");
        if (part->identifier != NULL)
            buf_printf(out, "%s: ", part->identifier);
        buf_add_cstr(out, part->detail[0] != '\0' ? part->detail : problem_type_name(part->type));
    }
    if (problem->n_subproblems > 0)
        buf_add_char(out, ']');
}

/* Which signatures the CA takes (RFC 8555 6.2): what the account's key must be. */
static void algorithms_format(const struct acme_problem *problem, struct buf *out)
{
    size_t n = 0;
    if (problem->type != PROBLEM_BAD_SIGNATURE_ALGORITHM)
        return;
    for (size_t i = 0; i < json_len(problem->algorithms) && n < ALGORITHMS_SHOWN; i++) {
        const char *name = json_as_text(json_at(problem->algorithms, i));
        if (name == NULL)
            continue;
        buf_add_cstr(out, n++ == 0 ? " (the CA takes " : ", ");
        text_escape(out, str_of(name), 20);
    }
    if (n > 0)
        buf_add_char(out, ')');
}

/* "429 rateLimited: detail [...]": the text of a person between what was asked and what was heard.
 */
static void problem_format(const struct acme_problem *problem, struct buf *out)
{
    if (problem->status >= 400)
        buf_printf(out, "%d ", problem->status);
    if (problem->type != PROBLEM_OTHER)
        buf_add_cstr(out, problem_type_name(problem->type));
    else if (problem->urn[0] != '\0' && strcmp(problem->urn, "about:blank") != 0)
        buf_add_cstr(out, problem->urn);
    else if (problem->status >= 400)
        buf_cut(out, out->len - 1);
    if (problem->detail[0] != '\0')
        buf_printf(out, "%s%s", out->len > 0 ? ": " : "", problem->detail);
    algorithms_format(problem, out);
    parts_format(problem, out);
}

bool acme_problem_err(const struct acme_problem *problem, const char *what, int64_t retry_at_ms,
                      struct err *err)
{
    /* Room for all that may have been said; struct err cuts what is too much for a line. */
    AUTO(buf_fini)
    struct buf text = BUF(SUBPROBLEMS_MAX * (2 * TEXT_MAX + 64) + 4096);
    problem_format(problem, &text);
    if (problem->kind == ERR_THROTTLED || (problem->kind == ERR_AGAIN && retry_at_ms > 0))
        err_throttled(err, retry_at_ms, "%s: %s", what, buf_cstr(&text));
    else
        err_set(err, problem->kind, "%s: %s", what, buf_cstr(&text));
    return err_judge(err, problem->class, problem->fault, problem->advice);
}
