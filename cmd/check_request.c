/* Certificate requests of keys that live elsewhere: looked at as a renewal would. Programs are not run. */
#include "cmd/check.h"

#include "crypto/csr.h"
#include "io/files.h"

static bool request_read(const struct check *check, const struct set_config *set, struct err *err)
{
    const char *path = set->csr + strlen("file:");
    AUTO(mem_fini)
    char *whole =
        path[0] == '/' ? mem_strdup(path) : mem_printf("%s/%s", check->in->config->folder, path);
    AUTO(buf_fini)
    struct buf bytes = BUF(CSR_LEN_MAX);
    AUTO(csr_facts_fini)
    struct csr_facts facts = {0};
    return file_read(whole, CSR_LEN_MAX, false, &bytes, err) &&
           csr_parse(buf_str(&bytes), &facts, err) &&
           csr_names_check(&facts, (const char *const *)set->names, set->n_names, err);
}

void check_set_request(struct check *check, const struct set_row *row, const struct set_config *set)
{
    struct err err = {0};
    if (set->csr == NULL || !str_starts(str_of(set->csr), STR("file:")) ||
        request_read(check, set, &err))
        return;
    AUTO(yaml_fini)
    struct yaml *doc = check_yaml(row->file);
    struct place place = {0};
    if (doc != NULL)
        place = place_of_value(doc, yaml_tree(doc), "csr");
    findings_add(&check->findings, row->file, place, "csr: %s: %s", set->csr, err.text);
}
