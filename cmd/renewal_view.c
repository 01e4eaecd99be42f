#include "cmd/renewal_view.h"

void renewal_rule_json(struct json *tree, const char *due_rule, int64_t start_at_ms,
                       int64_t end_at_ms, const char *explanation)
{
    struct json *ari = json_new_null();
    if (start_at_ms != 0) {
        json_free(ari);
        ari = json_object();
        json_set_time(ari, "start", start_at_ms);
        json_set_time(ari, "end", end_at_ms);
        json_set_text(ari, "explanation_url", explanation);
    }
    json_set_text(tree, "due_rule", due_rule);
    json_set(tree, "ari", ari);
}

static struct json *ari_read(const struct rows *rows)
{
    struct json *tree = json_object();
    json_set_time(tree, "window_start", rows_int(rows, 0));
    json_set_time(tree, "window_end", rows_int(rows, 1));
    json_set_time(tree, "drawn_at", rows_int(rows, 2));
    json_set_text(tree, "explanation_url", rows_text(rows, 3));
    json_set_time(tree, "heard_at", rows_int(rows, 4));
    json_set_time(tree, "next_look_at", rows_int(rows, 5));
    json_set_int(tree, "failures", rows_int(rows, 6));
    return json_set_text(tree, "failure", rows_text(rows, 7));
}

struct json *renewal_ari_json(struct house *house, const struct certificate *certificate,
                              struct err *err)
{
    struct rows rows;
    struct json *tree = NULL;
    if (!store_query(house->store, &rows, err, SQL_ARI_VIEW, "i", certificate->id))
        return NULL;
    if (rows_next(&rows))
        tree = ari_read(&rows);
    if (!rows_end(&rows, err)) {
        json_free(tree);
        return NULL;
    }
    return tree != NULL ? tree : json_new_null();
}
