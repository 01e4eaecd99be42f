/* locks, lock --break: who holds which lock, and ending one. */
#include "cmd/house_open.h"
#include "cmd/lock_command.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/run_commands.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- locks ---- */

static struct json *row_json(const struct lock_row *row)
{
    struct json *tree = json_set_text(json_object(), "name", row->name);
    json_set_bool(tree, "held", !row->is_free);
    json_set_int(tree, "fencing", row->fencing);
    json_set_int(tree, "waiting", row->n_waiting);
    if (row->set != NULL)
        json_set_text(tree, "order_of_set", row->set);
    if (row->is_free)
        return tree;
    json_set_text(tree, "holder", row->purpose != NULL ? row->purpose : "");
    if (row->client != NULL) {
        json_set_text(tree, "client", row->client);
    } else {
        json_set_text(tree, "host", row->host != NULL ? row->host : "");
        json_set_int(tree, "pid", row->pid);
    }
    json_set_time(tree, "since_at", row->granted_at_ms);
    json_set_time(tree, "expires_at", row->expires_at_ms);
    return tree;
}

struct listing {
    struct invocation *in;
    struct table *table;
    struct json *list;
};

static bool row_list(void *arg, const struct lock_row *row)
{
    struct listing *l = arg;
    char since[TIME_TEXT_MAX], expires[64];
    if (l->in->json) {
        json_push(l->list, row_json(row));
        return true;
    }
    time_format(row->granted_at_ms, false, since);
    when_format(row->expires_at_ms, house_now(&l->in->house), expires);
    table_cell(l->table, INK_BOLD, "%s", row->name);
    table_cell(l->table, INK_NONE, "%s", row->purpose != NULL ? row->purpose : "-");
    table_cell(l->table, INK_NONE, "%s",
               row->client != NULL ? row->client
               : row->host != NULL ? row->host
                                   : "-");
    table_cell(l->table, INK_NONE, "%lld", (long long)row->pid);
    table_cell(l->table, INK_NONE, "%s", since);
    table_cell(l->table, INK_NONE, "%s", expires);
    table_cell(l->table, INK_NONE, "%lld", (long long)row->fencing);
    table_cell(l->table, row->n_waiting > 0 ? INK_WARN : INK_DIM, "%lld",
               (long long)row->n_waiting);
    table_row(l->table);
    return true;
}

static enum exit_code list_all(struct invocation *in)
{
    static const char *const headings[] = {"NAME",  "HOLDER",  "HOST",    "PID",
                                           "SINCE", "EXPIRES", "FENCING", "WAITING"};
    struct listing l = {.in = in,
                        .table = table_new(headings, sizeof headings / sizeof headings[0]),
                        .list = json_array()};
    AUTO(json_fini)
    struct json *tree = json_set(json_object(), "locks", l.list);
    bool ok = lock_each(&in->house, row_list, &l, &in->err);
    if (ok && in->json)
        json_print(tree);
    else if (ok)
        table_print(l.table, in);
    table_free(l.table);
    return ok ? EXIT_CODE_DONE : exit_code_of(&in->err);
}

static enum exit_code list_one(struct invocation *in)
{
    AUTO(mem_fini)
    char *name = NULL;
    struct lock_row row = {0};
    if (!lock_name(in->words[0], &name, &in->err) || !lock_get(&in->house, name, &row, &in->err))
        return exit_code_of(&in->err);
    AUTO(json_fini)
    struct json *tree = row_json(&row);
    if (in->json)
        json_print(tree);
    else
        tree_print(in, tree);
    lock_row_fini(&row);
    return EXIT_CODE_DONE;
}

enum exit_code locks_list_run(struct invocation *in)
{
    return in->n_words == 0 ? list_all(in) : list_one(in);
}

/* ---- lock --break ---- */

static bool break_is_confirmed(struct invocation *in, const struct lock_row *row)
{
    char answer[16] = "";
    AUTO(buf_fini)
    struct buf who = BUF(1024);
    if (option_is_on(in, "yes"))
        return true;
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
        return err_set(&in->err, ERR_CONFIG,
                       "a holder that still runs learns of it only at its next beat: say --yes "
                       "where nobody can be asked; the lock of %s is as it was",
                       row->name);
    lock_row_tell(row, &who);
    fprintf(stderr,
            "Break the lock of %s, held by %s? If that still runs, two may order at once. [y/N] ",
            row->name, buf_cstr(&who));
    fflush(stderr);
    if (fgets(answer, sizeof answer, stdin) != NULL && (answer[0] == 'y' || answer[0] == 'Y'))
        return true;
    return err_set(&in->err, ERR_CONFIG, "not confirmed; the lock of %s is as it was", row->name);
}

static char *who_asks(void)
{
    char host[256] = "localhost";
    const struct passwd *user = getpwuid(getuid());
    gethostname(host, sizeof host - 1);
    return user != NULL ? mem_printf("%s on %s", user->pw_name, host)
                        : mem_printf("user %u on %s", (unsigned)getuid(), host);
}

static bool break_words_check(struct invocation *in)
{
    const char *reason = option_value(in, "reason");
    if (option_is_on(in, "server"))
        return err_set(&in->err, ERR_CONFIG, "--break works on a host that has the store");
    if (in->n_words != 1)
        return err_set(&in->err, ERR_CONFIG, "--break takes one DOMAIN and no command");
    if (reason == NULL || str_trim(str_of(reason)).len == 0 || strlen(reason) > 300)
        return err_set(
            &in->err, ERR_CONFIG,
            "--break needs --reason TEXT, of at most 300 bytes: it stays in the history");
    return true;
}

static bool break_do(struct invocation *in, const char *name, struct lock_row *row)
{
    AUTO(mem_fini)
    char *who = who_asks();
    if (!lock_get(&in->house, name, row, &in->err))
        return false;
    if (row->is_free)
        return err_set(&in->err, ERR_ABSENT, "nobody holds the lock of %s%s", name,
                       row->set != NULL ? "; an order of ours is in flight, which is not broken"
                                        : "");
    return break_is_confirmed(in, row) &&
           lock_break(&in->house, name, option_value(in, "reason"), who, &in->err);
}

enum exit_code lock_break_run(struct invocation *in)
{
    AUTO(mem_fini)
    char *name = NULL;
    struct lock_row row = {0};
    if (!break_words_check(in) || !lock_name(in->words[0], &name, &in->err))
        return EXIT_CODE_USAGE;
    if (!house_open_needs(in, NEED_CONFIG | NEED_STORE_WRITE, &in->err))
        return in->err.kind == ERR_STORE ? EXIT_CODE_LOCK_STORE : exit_code_of(&in->err);
    bool ok = break_do(in, name, &row);
    if (ok && in->json) {
        AUTO(json_fini)
        struct json *tree = json_set_text(json_object(), "broken", name);
        json_set_int(tree, "fencing", row.fencing);
        json_print(tree);
    } else if (ok) {
        printf("the lock of %s is broken; number %lld is refused from now on\n", name,
               (long long)row.fencing);
    }
    lock_row_fini(&row);
    return ok ? EXIT_CODE_DONE : exit_code_of(&in->err);
}
