/* account show, list, register, update, rollover, deactivate. */
#include "cmd/account_view.h"
#include "cmd/house_open.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/run_commands.h"

#include "io/files.h"
#include "leader/account_errands.h"

#include <stdio.h>
#include <unistd.h>

/* ---- show, list ---- */

static void none_print(const struct invocation *in)
{
    if (option_common(in, "quiet") == NULL)
        printf("no account yet; the first order registers one, or `chancery account register "
               "AUTHORITY`\n");
}

static void accounts_print(const struct invocation *in, const struct json *list)
{
    for (size_t i = 0; i < json_len(list); i++) {
        if (i > 0)
            printf("\n");
        tree_print(in, json_at(list, i));
    }
    if (json_len(list) == 0)
        none_print(in);
}

static void accounts_tabulate(const struct invocation *in, const struct json *list)
{
    static const char *const headings[] = {"AUTHORITY", "STATUS", "KEY", "HELD", "URL"};
    struct table *table = table_new(headings, sizeof headings / sizeof headings[0]);
    for (size_t i = 0; i < json_len(list); i++) {
        const struct json *one = json_at(list, i);
        const char *name = json_text(one, "authority"), *status = json_text(one, "status"),
                   *key = json_text(one, "key"), *hold = json_text(one, "hold"),
                   *url = json_text(one, "url");
        bool is_valid = strcmp(status, "valid") == 0;
        table_cell(table, INK_BOLD, "%s", name != NULL ? name : "-");
        table_cell(table, is_valid ? INK_GOOD : INK_WARN, "%s", status);
        table_cell(table, INK_NONE, "%s", key != NULL ? key : "-");
        table_cell(table, hold != NULL ? INK_BAD : INK_DIM, "%s", hold != NULL ? hold : "-");
        table_cell(table, INK_NONE, "%s", url != NULL ? url : "-");
        table_row(table);
    }
    table_print(table, in);
    table_free(table);
    if (json_len(list) == 0)
        none_print(in);
}

static enum exit_code accounts_tell(struct invocation *in, const char *authority,
                                    void (*print)(const struct invocation *in,
                                                  const struct json *list))
{
    struct json *list = authority_word_check(in, authority) ? accounts_view(in, authority) : NULL;
    if (list == NULL)
        return exit_code_of(&in->err);
    AUTO(json_fini)
    struct json *tree = json_set(json_object(), "accounts", list);
    if (in->json)
        json_print(tree);
    else
        print(in, list);
    return EXIT_CODE_DONE;
}

enum exit_code account_show_run(struct invocation *in)
{
    return accounts_tell(in, in->n_words > 0 ? in->words[0] : NULL, accounts_print);
}

enum exit_code account_list_run(struct invocation *in)
{
    return accounts_tell(in, NULL, accounts_tabulate);
}

/* ---- what the acts have in common ---- */

static enum exit_code act_fails(struct invocation *in)
{
    err_wrap(&in->err, "account at %s", in->words[0]);
    return exit_code_of(&in->err);
}

/* outcome: for programs; sentence: for people. The account is the newest one there. */
static enum exit_code act_tell(struct invocation *in, const char *outcome, const char *sentence)
{
    struct json *list = accounts_view(in, in->words[0]);
    if (list == NULL)
        return exit_code_of(&in->err);
    const struct json *account = json_len(list) > 0 ? json_at(list, json_len(list) - 1) : NULL;
    const char *url = account != NULL ? json_text(account, "url") : NULL;
    AUTO(json_fini)
    struct json *tree = json_set_text(json_object(), "authority", in->words[0]);
    json_set_text(tree, "outcome", outcome);
    json_set(tree, "account", account != NULL ? json_copy(account) : json_new_null());
    if (in->json) {
        json_print(tree);
    } else if (option_common(in, "quiet") == NULL) {
        ink_print(in, INK_GOOD, "%s", outcome);
        printf(": account %s at %s%s\n", url != NULL ? url : "-", in->words[0], sentence);
    }
    json_free(list);
    return EXIT_CODE_DONE;
}

static bool kind_read(struct invocation *in, enum key_kind otherwise, enum key_kind *ret)
{
    const char *word = option_value(in, "kind");
    *ret = otherwise;
    if (word == NULL || key_kind_find(word, ret))
        return true;
    return err_set(
        &in->err, ERR_CONFIG,
        "--kind \"%.40s\" is none of ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072, rsa-4096", word);
}

/* ---- the acts ---- */

enum exit_code account_register_run(struct invocation *in)
{
    enum key_kind kind;
    AUTO(mem_fini)
    char *url = NULL;
    if (!authority_word_check(in, in->words[0]) || !kind_read(in, KEY_ECDSA_P256, &kind))
        return exit_code_of(&in->err);
    if (!leader_account_register(&in->house, in->words[0], kind, &url, &in->err))
        return act_fails(in);
    return act_tell(in, "registered", "");
}

enum exit_code account_update_run(struct invocation *in)
{
    bool sent = false;
    if (!authority_word_check(in, in->words[0]))
        return exit_code_of(&in->err);
    if (!leader_account_update(&in->house, in->words[0], option_is_on(in, "agree-tos"), &sent,
                               &in->err))
        return act_fails(in);
    return act_tell(in, sent ? "updated" : "unchanged",
                    sent ? "" : ": the authority knows these contacts already");
}

enum exit_code account_rollover_run(struct invocation *in)
{
    struct account_rolling rolling = {.forced = option_is_on(in, "force")};
    bool settled = false;
    if (!authority_word_check(in, in->words[0]) || !kind_read(in, KEY_KIND_N, &rolling.kind))
        return exit_code_of(&in->err);
    if (!leader_account_roll(&in->house, in->words[0], &rolling, &settled, &in->err))
        return act_fails(in);
    return act_tell(in, settled ? "settled" : "rolled",
                    settled ? ": an earlier rollover had taken place" : " has another key");
}

static bool deactivation_is_confirmed(struct invocation *in)
{
    char answer[16] = "";
    if (option_is_on(in, "yes"))
        return true;
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
        return err_set(
            &in->err, ERR_CONFIG,
            "deactivation cannot be undone: say --yes where nobody can be asked; nothing "
            "was done");
    fprintf(stderr, "Deactivate the account at %s? This cannot be undone. [y/N] ", in->words[0]);
    fflush(stderr);
    if (fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
        return true;
    return err_set(&in->err, ERR_CONFIG, "not confirmed; nothing was done");
}

enum exit_code account_deactivate_run(struct invocation *in)
{
    if (!authority_word_check(in, in->words[0]) || !deactivation_is_confirmed(in))
        return exit_code_of(&in->err);
    if (!leader_account_deactivate(&in->house, in->words[0], &in->err))
        return act_fails(in);
    return act_tell(in, "deactivated",
                    "; nothing is ordered there until `chancery account register` makes another");
}

/* ---- import ---- */

/* A JWK is an object, whatever the file is called. */
static bool key_read(struct invocation *in, struct key **ret)
{
    const char *path = in->words[1];
    AUTO(secret_fini)
    struct secret bytes = {0};
    if (!file_read_secret(path, 64 * 1024, &bytes, &in->err))
        return false;
    struct str text = str_trim(secret_str(&bytes));
    bool ok = text.len > 0 && text.p[0] == '{' ? key_from_jwk(text, ret, &in->err)
                                               : key_from_pem(text, ret, &in->err);
    if (ok)
        return true;
    in->err.kind = ERR_CONFIG;
    return err_wrap(&in->err, "%s", path);
}

enum exit_code account_import_run(struct invocation *in)
{
    AUTO(key_fini)
    struct key *key = NULL;
    AUTO(mem_fini)
    char *url = NULL;
    if (!authority_word_check(in, in->words[0]) || !key_read(in, &key))
        return exit_code_of(&in->err);
    if (!leader_account_import(&in->house, in->words[0], key, option_is_on(in, "replace"), &url,
                               &in->err))
        return act_fails(in);
    return act_tell(in, "imported", "; the file is not needed any more");
}

/* ---- export ---- */

static bool export_way_check(struct invocation *in, bool *ret_is_jwk)
{
    const char *format = option_value(in, "format");
    bool to_file = option_is_on(in, "out");
    *ret_is_jwk = format != NULL && strcmp(format, "jwk") == 0;
    if (format != NULL && !*ret_is_jwk && strcmp(format, "pem") != 0)
        return err_set(&in->err, ERR_CONFIG, "--format \"%.40s\" is neither pem nor jwk", format);
    if (in->json && !to_file)
        return err_set(&in->err, ERR_CONFIG,
                       "a private key is never put into JSON: name a file with --out");
    if (!to_file && isatty(STDOUT_FILENO) == 1 && !option_is_on(in, "stdout"))
        return err_set(&in->err, ERR_CONFIG,
                       "this would show a private key on the terminal: name a file with --out, or "
                       "say --stdout");
    return true;
}

static bool export_write(struct invocation *in, struct str bytes)
{
    const char *path = option_value(in, "out");
    if (path != NULL)
        return file_replace(path, bytes, 0600, NULL, &in->err);
    return (fwrite(bytes.p, 1, bytes.len, stdout) == bytes.len && fflush(stdout) == 0) ||
           err_set(&in->err, ERR_LOCAL, "standard output cannot be written");
}

static void export_tell(const struct invocation *in, bool is_jwk)
{
    const char *path = option_value(in, "out");
    if (path == NULL)
        return;
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = json_set_text(json_object(), "authority", in->words[0]);
        json_set_text(tree, "format", is_jwk ? "jwk" : "pem");
        json_set_text(tree, "file", path);
        json_print(tree);
    } else if (option_common(in, "quiet") == NULL) {
        printf("wrote %s\n", path);
    }
}

enum exit_code account_export_run(struct invocation *in)
{
    AUTO(key_fini)
    struct key *key = NULL;
    AUTO(secret_fini)
    struct secret text = {0};
    bool is_jwk = false;
    if (!authority_word_check(in, in->words[0]) || !export_way_check(in, &is_jwk))
        return exit_code_of(&in->err);
    if (!leader_account_key(&in->house, in->words[0], &key, &in->err))
        return act_fails(in);
    if (is_jwk)
        key_to_jwk(key, &text);
    else
        key_to_pem(key, &text);
    if (!export_write(in, secret_str(&text)))
        return exit_code_of(&in->err);
    export_tell(in, is_jwk);
    return EXIT_CODE_DONE;
}
