#include "dns-providers/manifest/model.h"

struct json *batch_element(struct engine *e, const struct owner_group *group)
{
    static const char *const names[] = {"fqdn", "rel", "domain"};
    struct json *element = json_object();
    group_enter(e, group);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        json_set_text(element, names[i], json_text(e->name, names[i]));
    return json_set_int(element, "ttl", e->ttl_s);
}

bool batch_push(struct engine *e, const struct model *model, struct owner_group *groups, size_t n)
{
    const struct json *batch = json_find(e->tree, "batch");
    size_t n_changes = model == &model_rrset ? n : e->job->n_records;
    if (batch == NULL || n_changes < (size_t)json_int(batch, "least", 2))
        return false;
    if (model == &model_rrset)
        batch_rrset_push(e, groups, n);
    else if (model == &model_record || model == &model_value)
        batch_record_push(e, groups, n);
    else
        return false;
    return true;
}
