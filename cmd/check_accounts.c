/* What `check` tells of accounts: only what the store knows, nobody is asked. */
#include "cmd/check.h"

#include "authority/account_hold.h"
#include "authority/account_row.h"

static struct place authority_place(const struct check *check, const char *name, const char *key)
{
    const struct json *list = json_find(yaml_tree(check->doc), "authorities");
    return place_of_value(check->doc, json_find(list, name), key);
}

static void hold_tell(struct check *check, struct house *house, const struct authority_config *a)
{
    AUTO(account_hold_fini)
    struct account_hold hold = {0};
    if (account_hold_find(house, a, a->directory, &hold, NULL) && hold.reason != ACCOUNT_HOLD_NONE)
        findings_add(&check->findings, check->path, authority_place(check, a->name, "directory"),
                     "authorities.%s: its account is held, and everything that needs it waits: %s",
                     a->name, hold.failure);
}

static void contact_tell(struct check *check, const struct authority_config *a,
                         const struct account_row *row)
{
    AUTO(mem_fini)
    char *configured = contact_format(a->contact);
    if (row->contact != NULL && strcmp(row->contact, configured) != 0)
        findings_note(&check->findings,
                      "authorities.%s: the CA was told the contacts %s, configured are %s: "
                      "`chancery account update %s` sends them",
                      a->name, row->contact, configured, a->name);
}

/* Its secrets were for registering: whether they can still be read does not matter. */
static void binding_pass_over(struct check *check, const struct authority_config *a,
                              const struct account_row *row)
{
    if (a->eab_kid == NULL || !row->is_valid)
        return;
    check_was_tried(check, a->eab_kid);
    check_was_tried(check, a->eab_key);
}

static void account_look(struct check *check, struct house *house, const struct authority_config *a)
{
    AUTO(account_row_fini)
    struct account_row row = {0};
    bool ok = a->eab_kid != NULL
                  ? account_row_find_bound(house, a->directory, a->eab_kid, &row, NULL)
                  : account_row_find(house, a->directory, "", &row, NULL);
    hold_tell(check, house, a);
    if (!ok || !row.is_valid)
        return;
    contact_tell(check, a, &row);
    binding_pass_over(check, a, &row);
}

void check_accounts(struct check *check)
{
    const struct config *config = check->in->config;
    struct store_options options = {.path = config->store_path, .read_only = true};
    struct house house = {.clock = check->in->house.clock, .config = check->in->config};
    /* What is wrong with the store is told where the store is looked at. */
    if (!store_open(&options, &house.store, NULL))
        return;
    for (size_t i = 0; i < config->n_authorities; i++)
        account_look(check, &house, &config->authorities[i]);
    store_close(house.store);
}
