#include "cmd/park_view.h"

#include "cmd/output.h"

#include <stdio.h>

static struct json *park_json(const struct rows *rows)
{
    AUTO(buf_fini)
    struct buf text = BUF(4096);
    struct json *tree = json_set_text(json_object(), "provider", rows_text(rows, 1));
    text_escape(&text, str_of(rows_text(rows, 3)), 1000);
    json_set_time(tree, "until", rows_int(rows, 2));
    return json_set_text(tree, "text", buf_cstr(&text));
}

bool parks_list(struct invocation *in, struct json **ret)
{
    struct rows rows;
    struct json *list = json_array();
    bool ok =
        store_query(in->house.store, &rows, &in->err, SQL_DNS_PARK_ALL, "i", house_now(&in->house));
    while (ok && rows_next(&rows))
        json_push(list, park_json(&rows));
    ok = ok && rows_end(&rows, &in->err);
    if (ok)
        *ret = list;
    else
        json_free(list);
    return ok;
}

void parks_print(const struct json *parks)
{
    for (size_t i = 0; i < json_len(parks); i++) {
        const struct json *park = json_at(parks, i);
        printf("provider %s is asked nothing until %s: %s\n", json_text(park, "provider"),
               json_text(park, "until"), json_text(park, "text"));
    }
}
