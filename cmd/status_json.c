/* How one set stands, for programs: `status --json` and /v1/status say the same. */
#include "cmd/renewal_view.h"
#include "cmd/status.h"

static struct json *certificate_json(const struct set_view *v, int64_t now_ms)
{
    if (v->certificate_id == 0)
        return json_new_null();
    struct json *tree = json_set_int(json_object(), "version", v->version);
    json_set_text(tree, "authority", v->authority);
    json_set_text(tree, "fallback", v->fallback);
    json_set_text(tree, "key", v->key_kind);
    json_set_time(tree, "not_before", v->not_before_at_ms);
    json_set_time(tree, "not_after", v->not_after_at_ms);
    json_set_int(tree, "life_left_percent", set_view_life_left(v, now_ms));
    json_set_time(tree, "due", v->due_at_ms);
    renewal_rule_json(tree, v->due_rule, v->ari_start_at_ms, v->ari_end_at_ms, v->ari_explanation);
    json_set_time(tree, "revoked", v->revoked_at_ms);
    return tree;
}

static struct json *texts_parse(const char *text)
{
    struct json *list = NULL;
    if (text == NULL || !json_parse(str_of(text), JSON_SIZE_MAX, &list, NULL))
        return json_array();
    return list;
}

struct json *set_view_json(const struct set_view *v, int64_t now_ms)
{
    const char *trouble = set_view_trouble(v);
    int64_t at_ms;
    struct json *tree = json_set_text(json_object(), "name", v->name), *order = json_new_null(),
                *next = json_object();
    if (v->order_id != 0) {
        json_free(order);
        order = json_set_int(json_object(), "id", v->order_id);
        json_set_text(order, "step", v->step);
        json_set_text(order, "authority", v->order_authority);
        json_set_text(order, "fallback", v->order_fallback);
    }
    json_set_text(tree, "state", set_state_name(v->state));
    json_set_text(tree, "trouble", trouble != NULL && trouble[0] != '\0' ? trouble : NULL);
    json_set_text(tree, "hold", v->hold);
    json_set(tree, "names_at_fault", texts_parse(v->guilty));
    json_set(tree, "certificate", certificate_json(v, now_ms));
    json_set(tree, "order", order);
    json_set_int(tree, "targets", (int64_t)v->n_targets);
    json_set_int(tree, "delivered", (int64_t)v->n_delivered);
    json_set_int(tree, "endpoints", (int64_t)v->n_endpoints);
    json_set_int(tree, "endpoints_matching", (int64_t)v->n_match);
    json_set_text(tree, "worst_endpoint",
                  v->n_match + v->n_unknown < v->n_endpoints ? endpoint_verdict_name(v->worst)
                                                             : NULL);
    json_set_int(tree, "failures", v->n_failures);
    json_set_text(next, "what", set_view_next(v, &at_ms));
    json_set_time(next, "at", at_ms);
    json_set(tree, "next", next);
    json_set_time(tree, "deliver_at", v->deliver_at_ms);
    json_set_time(tree, "verify_at", v->verify_at_ms);
    return tree;
}
