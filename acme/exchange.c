#include "acme/exchange.h"

#include "acme/link.h"

enum { NONCE_MAX = 512 };
static const int64_t retry_cap_ms = MS_DAY;
static const char *const no_alternates[] = {NULL};

/* The value of the first header of that name; NULL when there is none. */
static const char *header_find(const struct acme_header *headers, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (headers[i].name != NULL && str_eq_nocase(str_of(headers[i].name), str_of(name)))
            return headers[i].value;
    return NULL;
}

static void link_keep(struct acme_answer *answer, struct str target, struct str relations,
                      struct arena *arena)
{
    const struct {
        const char *relation;
        const char **slot;
    } singles[] = {{"terms-of-service", &answer->terms_link},
                   {"help", &answer->help_link},
                   {"next", &answer->next_link}};
    for (size_t i = 0; i < sizeof singles / sizeof singles[0]; i++)
        if (*singles[i].slot == NULL && link_has_relation(relations, singles[i].relation))
            *singles[i].slot = arena_strndup(arena, target.p, target.len);
}

static void links_read(struct acme_answer *answer, const struct acme_header *headers, size_t n,
                       struct arena *arena)
{
    const char **alternates = NULL;
    size_t n_alternates = 0;
    for (size_t i = 0; i < n; i++) {
        if (headers[i].name == NULL || !str_eq_nocase(str_of(headers[i].name), STR("link")))
            continue;
        struct str rest = str_of(headers[i].value), target, relations;
        while (link_next(&rest, &target, &relations)) {
            link_keep(answer, target, relations, arena);
            if (n_alternates == ACME_ALTERNATES_MAX || !link_has_relation(relations, "alternate"))
                continue;
            if (alternates == NULL)
                alternates = arena_alloc(arena, (ACME_ALTERNATES_MAX + 1) * sizeof *alternates);
            alternates[n_alternates++] = arena_strndup(arena, target.p, target.len);
        }
    }
    if (alternates != NULL)
        answer->alternates = alternates;
}

/* Parameters such as charset do not matter. A body whose type is not told is JSON when it looks
 * like an object. */
static bool body_is_json(const char *content_type, struct str body)
{
    if (content_type == NULL) {
        struct str trimmed = str_trim(body);
        return trimmed.len > 0 && trimmed.p[0] == '{';
    }
    struct str type = str_of(content_type);
    type = str_trim(str_mem(type.p, str_find_char(type, ';')));
    const struct str suffix = STR("+json");
    return str_eq_nocase(type, STR("application/json")) ||
           (type.len > suffix.len &&
            str_eq_nocase(str_mem(type.p + type.len - suffix.len, suffix.len), suffix));
}

static const struct acme_problem *problem_of_bad_json(const struct err *why, int status,
                                                      struct arena *arena)
{
    struct acme_problem *problem = arena_alloc(arena, sizeof *problem);
    AUTO(buf_fini)
    struct buf text = BUF(600);
    buf_add_cstr(&text, "the CA broke the protocol: ");
    text_escape(&text, str_of(why->text), 480);
    *problem = (struct acme_problem){.type = PROBLEM_OTHER,
                                     .urn = "",
                                     .detail = arena_strdup(arena, buf_cstr(&text)),
                                     .status = status,
                                     .kind = ERR_BROKEN,
                                     .class = CLASS_LATER,
                                     .fault = FAULT_CA};
    return problem;
}

static void body_read(struct acme_answer *answer, const char *content_type, struct arena *arena)
{
    struct err why;
    struct json *tree = NULL;
    bool is_broken = body_is_json(content_type, answer->body) &&
                     !json_parse(answer->body, JSON_SIZE_MAX, &tree, &why);
    answer->owned_tree = tree;
    answer->tree = tree;
    if (answer->status >= 400)
        answer->problem = acme_problem_read(tree, answer->status, arena);
    else if (is_broken)
        answer->problem = problem_of_bad_json(&why, answer->status, arena);
}

void acme_answer_read(struct acme_answer *ret, int status, const struct acme_header *headers,
                      size_t n_headers, struct str body, int64_t now_ms, struct arena *arena)
{
    *ret = (struct acme_answer){.status = status, .alternates = no_alternates, .body = body};
    ret->location = arena_strdup(arena, header_find(headers, n_headers, "location"));
    links_read(ret, headers, n_headers, arena);
    const char *retry = header_find(headers, n_headers, "retry-after");
    if (retry != NULL)
        retry_after_parse(str_of(retry), now_ms, retry_cap_ms, &ret->retry_at_ms);
    body_read(ret, header_find(headers, n_headers, "content-type"), arena);
}

void acme_answer_lost(struct acme_answer *ret, const struct err *why, struct arena *arena)
{
    struct err *copy = arena_alloc(arena, sizeof *copy);
    *copy = *why;
    *ret = (struct acme_answer){.lost = copy, .alternates = no_alternates};
}

void acme_answer_fini(struct acme_answer *answer)
{
    json_fini(&answer->owned_tree);
    answer->tree = NULL;
}

const char *acme_answer_nonce(const struct acme_header *headers, size_t n_headers)
{
    const char *nonce = header_find(headers, n_headers, "replay-nonce");
    if (nonce == NULL)
        return NULL;
    size_t len = strlen(nonce);
    if (len == 0 || len > NONCE_MAX)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        char c = nonce[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return NULL;
    }
    return nonce;
}
