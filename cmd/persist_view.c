#include "cmd/persist_view.h"

#include "cmd/output.h"

#include "inventory/persist_row.h"

#include <stdio.h>

struct looking {
    const struct invocation *in;
    int64_t now_ms;
    struct json *list;
};

static bool is_asked_for(const struct invocation *in, const char *set)
{
    for (size_t i = 0; i < in->n_words; i++)
        if (strcmp(in->words[i], set) == 0)
            return true;
    return in->n_words == 0;
}

static bool row_look(void *arg, const struct persist_row *row)
{
    struct looking *l = arg;
    AUTO(buf_fini)
    struct buf text = BUF(4096);
    if (!is_asked_for(l->in, row->set) || !persist_row_trouble(row, l->now_ms, &text))
        return true;
    struct json *one = json_set_text(json_object(), "set", row->set);
    json_set_text(one, "owner", persist_row_place(row));
    json_set_text(one, "value", row->value);
    json_set_time(one, "until", row->until_at_ms);
    json_push(l->list, json_set_text(one, "text", buf_cstr(&text)));
    return true;
}

bool persist_troubles(struct invocation *in, struct house *house, struct json **ret)
{
    struct looking l = {in, house_now(house), json_array()};
    if (!persist_each(house, NULL, row_look, &l, &in->err)) {
        json_free(l.list);
        return false;
    }
    *ret = l.list;
    return true;
}

void persist_troubles_print(const struct json *troubles)
{
    for (size_t i = 0; i < json_len(troubles); i++)
        printf("%s: %s\n", json_text(json_at(troubles, i), "set"),
               json_text(json_at(troubles, i), "text"));
}
