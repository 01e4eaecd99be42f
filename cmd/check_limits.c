/* What a CA is known not to take, told before anything is ordered. */
#include "cmd/check.h"

#include "acme/name.h"
#include "acme/profile.h"
#include "base/clock.h"
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

/* CAs count certificates by registered domain; a list that is old counts domains of new suffixes as one. */
void check_suffixes(struct check *check)
{
    struct config *config = check->in->config;
    const struct suffix_list *list = config_suffixes(config);
    int64_t made_at_ms = suffix_list_made_at_ms(list);
    char made[TIME_TEXT_MAX] = "it does not say when";
    if (config->suffixes_fault.kind != ERR_NONE)
        findings_add(&check->findings, check->path,
                     check->doc != NULL
                         ? place_of_value(check->doc, yaml_tree(check->doc), "public_suffix_list")
                         : (struct place){0},
                     "%s", config->suffixes_fault.text);
    if (made_at_ms > house_now(&check->in->house) - 365 * MS_DAY)
        return;
    if (made_at_ms != 0)
        time_format(made_at_ms, false, made);
    findings_note(
        &check->findings,
        "the public suffix list by which registered domains are told is older than a year "
        "(%s, of %s): set public_suffix_list to a newer one of "
        "https://publicsuffix.org/list/public_suffix_list.dat",
        made, list != NULL ? config->suffixes_path : "libpsl");
}
