/* store copy: the register from a file to a server, or back. */
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/run_commands.h"

#include "leader/store_move.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct copying {
    struct invocation *in;
    char *from_path, *to_path; /* as store_open takes them */
    struct store *from, *to;
};

/* As `store:` has it, but a relative path starts where the person is. Never shown: what is wrong with it may be its password. */
static bool address_read(const char *what, const char *text, char **ret_path, struct err *err)
{
    const char *fault = store_address_fault(text);
    if (fault != NULL)
        return err_set(err, ERR_CONFIG, "%s: %s", what, fault);
    *ret_path = mem_strdup(store_is_server(text) ? text : text + strlen("sqlite:"));
    return true;
}

static bool both_open(struct copying *c, struct err *err)
{
    struct store_options from = {.path = c->from_path}, to = {.path = c->to_path, .create = true};
    if (strcmp(c->from_path, c->to_path) == 0)
        return err_set(err, ERR_CONFIG, "the source is the target: name two stores");
    return store_open(&from, &c->from, err) && store_open(&to, &c->to, err);
}

static char *setting_of(const char *path)
{
    char real[PATH_MAX];
    if (store_is_server(path))
        return mem_strdup(path);
    return mem_printf("sqlite:%s", realpath(path, real) != NULL ? real : path);
}

static void result_tell(const struct invocation *in, const struct store_move *move,
                        const struct store_move_result *result)
{
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = json_set_text(json_object(), "store", move->where);
        json_set_int(tree, "tables", (int64_t)result->n_tables);
        json_set_int(tree, "rows", result->n_rows);
        json_set_text(tree, "digest", result->digest);
        json_set_bool(tree, "source_kept", move->keeps_source);
        json_print(tree);
        return;
    }
    printf("copied %zu tables with %" PRId64 " rows; read back and compared: %s\n\n"
           "Now write into chancery.yaml on every host, with the same `seal:` as before:\n\n"
           "store: %s\n\n"
           "and restart `chancery serve`. ",
           result->n_tables, result->n_rows, result->digest, move->where);
    puts(move->keeps_source
             ? "The source was kept as it is: never use both, or each renews for itself."
             : "The source is marked as moved: nobody can use it by mistake. Keep it until the "
               "first renewal went well, then remove it.");
}

enum exit_code store_copy_run(struct invocation *in)
{
    struct copying c = {.in = in};
    struct store_move_result result;
    struct err *err = &in->err;
    AUTO(mem_fini)
    char *where = NULL;
    bool ok = address_read("FROM", in->words[0], &c.from_path, err) &&
              address_read("TO", in->words[1], &c.to_path, err) && both_open(&c, err);
    if (ok) {
        where = setting_of(c.to_path);
        struct store_move move = {.from = c.from,
                                  .to = c.to,
                                  .from_path = c.from_path,
                                  .where = where,
                                  .keeps_source = option_is_on(in, "keep-source"),
                                  .clock = in->house.clock};
        ok = store_move(&move, &result, err);
        if (ok)
            result_tell(in, &move, &result);
    }
    store_close(c.from);
    store_close(c.to);
    mem_free(c.from_path);
    mem_free(c.to_path);
    return ok ? EXIT_CODE_DONE : exit_code_of(err);
}
