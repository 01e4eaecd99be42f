#include "cmd/check.h"

/* Manifests of the folder that cannot be used, and types that nobody has tried with a live account yet. */
void check_types(struct check *check)
{
    const struct config *config = check->in->config;
    if (config->manifests_fault != NULL)
        findings_add(&check->findings, check->path,
                     place_of_value(check->doc, yaml_tree(check->doc), "manifests"), "%s",
                     config->manifests_fault);
    for (size_t i = 0; i < config->n_manifests; i++)
        if (config->manifests[i].fault != NULL)
            findings_add_lines(&check->findings, config->manifests[i].path, (struct place){0},
                               config->manifests[i].fault);
    for (size_t i = 0; i < config->n_providers; i++) {
        const struct provider_config *p = &config->providers[i];
        if (dns_provider_fault(p->provider) == NULL && dns_provider_is_trial(p->provider))
            findings_note(
                &check->findings,
                "provider %s: type %s is on trial, nobody has told yet that it works with "
                "a live account; `chancery provider test %s` tries it",
                p->name, p->provider->name, p->name);
    }
}
