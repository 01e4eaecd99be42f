#include "cmd/limits_view.h"

#include "authority/ledger.h"
#include "cmd/output.h"

#include <stdio.h>

enum { SHOWN_MAX = 10, NEAR_PART = 5 };

struct listing {
    struct invocation *in;
    struct json *list;
    bool only_near;
};

static const char *authority_of(const struct invocation *in, const char *directory)
{
    for (size_t i = 0; i < in->config->n_authorities; i++)
        if (strcmp(in->config->authorities[i].directory, directory) == 0)
            return in->config->authorities[i].name;
    return NULL;
}

/* Less than a fifth is left to ordinary work. */
static bool is_near(const struct ledger_entry *e, int64_t now_ms)
{
    return e->next_at_ms > now_ms || (e->rate.count > 0 && e->left < e->rate.count / NEAR_PART);
}

static struct json *entry_json(const struct invocation *in, const struct ledger_entry *e)
{
    AUTO(buf_fini)
    struct buf rate = BUF(64), told = BUF(2048);
    struct json *tree = json_set_text(json_object(), "ca", authority_of(in, e->directory));
    json_set_text(tree, "directory", e->directory);
    json_set_text(tree, "limit", ca_limit_name(e->limit));
    json_set_text(tree, "of", e->label[0] != '\0' ? e->label : e->subject);
    if (e->rate.count > 0)
        ca_rate_format(&e->rate, &rate);
    json_set_text(tree, "rate", e->rate.count > 0 ? buf_cstr(&rate) : NULL);
    if (e->rate.count > 0) {
        json_set_int(tree, "used", e->rate.count - e->left);
        json_set_int(tree, "left", e->left);
        json_set_int(tree, "left_ordinary", e->left_ordinary);
    }
    json_set_int(tree, "reserved", e->n_reserved);
    json_set_time(tree, "next_at", e->next_at_ms);
    json_set_time(tree, "full_at", e->full_at_ms);
    text_escape(&told, str_of(e->told), 1000);
    json_set_text(tree, "told", e->told != NULL ? buf_cstr(&told) : NULL);
    json_set_time(tree, "told_at", e->told_at_ms);
    return json_set_bool(tree, "is_guess", e->is_guess);
}

static bool entry_list(void *arg, const struct ledger_entry *e)
{
    struct listing *l = arg;
    if (!l->only_near || is_near(e, house_now(&l->in->house)))
        json_push(l->list, entry_json(l->in, e));
    return true;
}

bool limits_list(struct invocation *in, bool only_near, struct json **ret)
{
    struct listing l = {in, json_array(), only_near};
    bool ok = ledger_each(&in->house, entry_list, &l, &in->err);
    if (ok)
        *ret = l.list;
    else
        json_free(l.list);
    return ok;
}

bool limited_list(struct invocation *in, struct json **ret)
{
    struct rows rows;
    struct json *list = json_array();
    bool ok =
        store_query(in->house.store, &rows, &in->err, SQL_SET_LIMITED, "i", house_now(&in->house));
    while (ok && rows_next(&rows)) {
        struct json *one = json_set_text(json_object(), "set", rows_text(&rows, 0));
        json_set_time(one, "at", rows_int(&rows, 1));
        json_push(list, json_set_text(one, "why", rows_text(&rows, 2)));
    }
    ok = ok && rows_end(&rows, &in->err);
    if (ok)
        *ret = list;
    else
        json_free(list);
    return ok;
}

static void entry_print(const struct json *e)
{
    const char *ca = json_text(e, "ca"), *rate = json_text(e, "rate"), *of = json_text(e, "of");
    const char *next = json_text(e, "next_at");
    printf("limit %s of %s", json_text(e, "limit"), ca != NULL ? ca : json_text(e, "directory"));
    if (of != NULL && of[0] != '\0')
        printf(" for %s", of);
    if (rate != NULL)
        printf(": %lld left of %s", (long long)json_int(e, "left", 0), rate);
    else
        printf(": closed by the CA");
    printf("; the next ordinary one at %s\n", next != NULL ? next : "any time");
}

void limits_print(const struct json *limits)
{
    size_t n = json_len(limits);
    for (size_t i = 0; i < n && i < SHOWN_MAX; i++)
        entry_print(json_at(limits, i));
    if (n > SHOWN_MAX)
        printf("and %zu more limits that are nearly used up: `chancery limits`\n", n - SHOWN_MAX);
}

void limited_print(const struct json *limited)
{
    size_t n = json_len(limited);
    for (size_t i = 0; i < n && i < SHOWN_MAX; i++)
        printf("set %s is put off until %s: %s\n", json_text(json_at(limited, i), "set"),
               json_text(json_at(limited, i), "at"), json_text(json_at(limited, i), "why"));
    if (n > SHOWN_MAX)
        printf("and %zu more, the last one until %s\n", n - SHOWN_MAX,
               json_text(json_at(limited, n - 1), "at"));
}
