/* What a CA is known not to take, told before anything is ordered. */
#include "cmd/check.h"

#include "acme/profile.h"
#include "config/yaml.h"

/* Orders go to the first authority; what the others take is their own matter. */
void check_set_limits(struct check *check, const struct set_row *row, const struct set_config *set)
{
    struct err why = {0};
    AUTO(yaml_fini)
    struct yaml *doc = NULL;
    const char *profile = set_profile_of(set, set->authorities[0], set->directories[0]);
    if (profile_check_names(set->directories[0], profile, set->n_names, &why))
        return;
    doc = check_yaml(row->file);
    findings_add(&check->findings, row->file,
                 doc != NULL ? place_of_value(doc, yaml_tree(doc), "names") : (struct place){0},
                 "names: %s", why.text);
}
