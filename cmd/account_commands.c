/* account show. */
#include "cmd/house_open.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/run_commands.h"

#include "inventory/register.h"
#include "leader/account_errands.h"

#include <stdio.h>

static bool authority_known(struct invocation *in, const char *name)
{
    const struct config *config = in->config;
    if (name == NULL || config_authority(config, name) != NULL)
        return true;
    const char **known = NEW_N(config->n_authorities + 1, const char *);
    for (size_t i = 0; i < config->n_authorities; i++)
        known[i] = config->authorities[i].name;
    const char *near = table_suggest(name, known, config->n_authorities);
    mem_free(known);
    return err_set(&in->err, ERR_CONFIG, "there is no authority \"%.80s\" in %s%s%s%s", name,
                   config->path, near != NULL ? "; did you mean \"" : "", near != NULL ? near : "",
                   near != NULL ? "\"?" : "");
}

/* What it is called here; NULL when it is not configured any more. */
static const char *authority_name(const struct config *config, const char *directory)
{
    for (size_t i = 0; i < config->n_authorities; i++) {
        const struct authority_config *a = &config->authorities[i];
        if (strcmp(a->directory, directory) == 0 ||
            (a->staging != NULL && strcmp(a->staging, directory) == 0))
            return a->name;
    }
    return NULL;
}

static struct json *account_json(const struct invocation *in, const struct rows *rows)
{
    struct json *contact = NULL;
    struct json *one =
        json_set_text(json_object(), "authority", authority_name(in->config, rows_text(rows, 1)));
    json_set_text(one, "directory", rows_text(rows, 1));
    json_set_text(one, "status", rows_text(rows, 4));
    json_set_text(one, "url", rows_text(rows, 3));
    if (rows_text(rows, 5) != NULL)
        json_parse(str_of(rows_text(rows, 5)), JSON_SIZE_MAX, &contact, NULL);
    json_set(one, "contact", contact != NULL ? contact : json_array());
    json_set_bool(one, "external_binding",
                  rows_text(rows, 2) != NULL && rows_text(rows, 2)[0] != '\0');
    json_set_text(one, "key", rows_text(rows, 8));
    json_set_text(one, "key_spki_sha256", rows_text(rows, 9));
    json_set_text(one, "terms", rows_text(rows, 6));
    json_set_time(one, "created_at", rows_int(rows, 7));
    return json_set_text(one, "failure", rows_text(rows, 10));
}

static bool accounts_read(struct invocation *in, const char *authority, struct json *list)
{
    struct rows rows;
    if (!store_query(in->house.store, &rows, &in->err, SQL_ACCOUNT_LIST, ""))
        return false;
    while (rows_next(&rows)) {
        struct json *one = account_json(in, &rows);
        const char *name = json_text(one, "authority");
        if (authority == NULL || (name != NULL && strcmp(name, authority) == 0))
            json_push(list, one);
        else
            json_free(one);
    }
    return rows_end(&rows, &in->err);
}

static void accounts_print(const struct invocation *in, const struct json *list)
{
    for (size_t i = 0; i < json_len(list); i++) {
        if (i > 0)
            printf("\n");
        tree_print(in, json_at(list, i));
    }
    if (json_len(list) == 0 && option_common(in, "quiet") == NULL)
        printf("no account yet; the first order registers one, or `chancery account show "
               "--register AUTHORITY`\n");
}

static bool account_register(struct invocation *in, const char *authority)
{
    AUTO(mem_fini)
    char *url = NULL;
    if (!house_open_store(in, in->config->store_path, false, false, &in->err) ||
        !house_open_seal(in, &in->err))
        return false;
    house_open_net(in);
    return leader_account_register(&in->house, authority, KEY_ECDSA_P256, &url, &in->err) ||
           err_wrap(&in->err, "account at %s", authority);
}

enum exit_code account_show_run(struct invocation *in)
{
    const char *registers = option_value(in, "register"),
               *authority = in->n_words > 0 ? in->words[0] : registers;
    AUTO(json_fini)
    struct json *tree = json_object();
    struct json *list = json_array();
    json_set(tree, "accounts", list);
    bool ok =
        authority_known(in, authority) && authority_known(in, registers) &&
        (registers != NULL ? account_register(in, registers)
                           : house_open_store(in, in->config->store_path, false, true, &in->err)) &&
        accounts_read(in, authority, list);
    if (ok && in->json)
        json_print(tree);
    else if (ok)
        accounts_print(in, list);
    return ok ? EXIT_CODE_DONE : exit_code_of(&in->err);
}
