/* renew, issue, deploy, verify: the commands that make the leader turn. */
#include "cmd/run_commands.h"
#include "cmd/house_open.h"
#include "cmd/options.h"
#include "cmd/output.h"

#include "inventory/plan.h"
#include "leader/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATIENCE_MS = 20 * 1000, WAIT_MS = 10 * 60 * 1000 };

/* ---- what a run came to ---- */

static bool result_is_fault(const struct leader_result *r)
{
    return r->renewal.n_failed > 0 || r->distribution.n_behind > 0 ||
           r->distribution.n_failed > 0 || r->monitoring.n_wrong > 0 ||
           r->revocation.n_failed > 0 || r->revocation.n_waiting > 0 ||
           r->revocation.n_in_place > 0;
}

static bool result_is_deed(const struct leader_result *r)
{
    return r->renewal.n_issued > 0 || r->distribution.n_done > 0 || r->monitoring.n_match > 0;
}

static enum exit_code result_code(const struct leader_result *r)
{
    if (r->renewal.n_throttled > 0 && r->renewal.n_throttled == r->renewal.n_undone &&
        r->distribution.n_behind == 0 && r->monitoring.n_wrong == 0)
        return EXIT_CODE_THROTTLED;
    if (result_is_fault(r))
        return r->renewal.n_issued > 0 && r->renewal.n_failed > 0 && result_is_deed(r)
                   ? EXIT_CODE_PARTLY
                   : EXIT_CODE_FAILED;
    if (!r->stopped && r->renewal.n_locked > 0 && r->renewal.n_locked == r->renewal.n_postponed &&
        r->renewal.n_txt_left == 0)
        return EXIT_CODE_HELD;
    return r->stopped || r->renewal.n_postponed > 0 || r->renewal.n_txt_left > 0 ? EXIT_CODE_FAILED
                                                                                 : EXIT_CODE_DONE;
}

static struct json *result_json(const struct leader_result *r, enum exit_code code,
                                size_t n_faulty_files)
{
    struct json *tree = json_object();
    struct json *figures = json_object();
    json_set_text(tree, "outcome", exit_code_text(code));
    json_set_int(tree, "issued", (int64_t)r->renewal.n_issued);
    json_set_int(tree, "failed", (int64_t)r->renewal.n_failed);
    json_set_int(tree, "postponed", (int64_t)r->renewal.n_postponed);
    json_set_int(tree, "locked", (int64_t)r->renewal.n_locked);
    json_set_int(tree, "delivered", (int64_t)r->distribution.n_done);
    json_set_int(tree, "targets_behind", (int64_t)r->distribution.n_behind);
    json_set_int(tree, "endpoints_matching", (int64_t)r->monitoring.n_match);
    json_set_int(tree, "endpoints_wrong", (int64_t)r->monitoring.n_wrong);
    json_set_int(tree, "revoked", (int64_t)r->revocation.n_revoked);
    json_set_int(tree, "revocations_waiting",
                 (int64_t)(r->revocation.n_waiting + r->revocation.n_failed));
    json_set_int(tree, "txt_left", (int64_t)r->renewal.n_txt_left);
    json_set_int(tree, "broken_set_files", (int64_t)n_faulty_files);
    json_set_time(tree, "throttled_until", r->renewal.throttled_until_ms);
    json_set_int(figures, "turns", r->n_turns);
    json_set_int(figures, "commits", r->n_commits);
    json_set_int(figures, "http_requests", r->n_http);
    json_set_int(figures, "http_connections", r->n_connections);
    json_set_int(figures, "dns_questions", r->n_dns);
    json_set_int(figures, "dns_updates", r->n_dns_updates);
    return json_set(tree, "figures", figures);
}

static void count_print(const struct invocation *in, size_t n, enum ink ink, const char *what,
                        bool *any)
{
    if (n == 0)
        return;
    printf("%s", *any ? ", " : "");
    ink_print(in, ink, "%zu %s", n, what);
    *any = true;
}

static void result_print(const struct invocation *in, const struct leader_result *r)
{
    bool any = false;
    char until[TIME_TEXT_MAX];
    count_print(in, r->renewal.n_issued, INK_GOOD, "issued", &any);
    count_print(in, r->distribution.n_done, INK_GOOD, "delivered", &any);
    count_print(in, r->monitoring.n_match, INK_GOOD, "seen served", &any);
    count_print(in, r->renewal.n_failed, INK_BAD, "failed", &any);
    count_print(in, r->renewal.n_postponed, INK_WARN, "left to a later run", &any);
    count_print(in, r->distribution.n_behind, INK_BAD, "targets without the newest certificate",
                &any);
    count_print(in, r->monitoring.n_wrong, INK_BAD, "endpoints that do not serve it", &any);
    count_print(in, r->revocation.n_revoked, INK_GOOD, "revoked", &any);
    count_print(in, r->revocation.n_waiting + r->revocation.n_failed, INK_BAD,
                "to be revoked still", &any);
    count_print(in, r->renewal.n_txt_left, INK_WARN, "TXT records still to be removed", &any);
    if (!any)
        printf("nothing to do");
    if (r->renewal.throttled_until_ms != 0) {
        time_format(r->renewal.throttled_until_ms, false, until);
        printf("; the CA asks to wait until %s", until);
    }
    if (r->renewal.n_txt_left > 0)
        printf("; TXT records of ours are still published: the next run removes them, `chancery "
               "status` tells which");
    printf("%s\n", r->stopped ? " (stopped by a signal; the next run goes on)" : "");
}

/* ---- the run ---- */

/* A word that names no set is a mistake of the command line, not a failure of a run. */
static bool sets_exist(struct invocation *in)
{
    for (size_t i = 0; i < in->n_words; i++) {
        struct set_row row = {0};
        if (!register_row(&in->house, in->words[i], &row, &in->err)) {
            if (in->err.kind == ERR_ABSENT)
                in->err.kind = ERR_CONFIG;
            return false;
        }
        bool usable = row.fault == NULL && !row.removed;
        if (!usable)
            err_set(&in->err, ERR_CONFIG, "set %s: %s", row.name,
                    row.removed ? "its file was removed" : row.fault);
        set_row_fini(&row);
        if (!usable)
            return false;
    }
    return true;
}

bool wait_option_read(struct invocation *in, int64_t *ret_ms)
{
    const char *wait = option_value(in, "wait");
    *ret_ms = option_is_on(in, "no-wait") ? 0 : WAIT_MS;
    if (wait == NULL || duration_parse(str_of(wait), ret_ms))
        return true;
    return err_set(&in->err, ERR_CONFIG,
                   "--wait takes a length of time like 30s or 10m, not \"%s\"", wait);
}

struct faults {
    struct invocation *in;
    size_t n;
};

static bool fault_tell(void *arg, const struct set_row *row)
{
    struct faults *faults = arg;
    if (row->removed)
        return true;
    faults->n++;
    /* What two sets dispute has no place in one of them. */
    bool has_place = str_starts(str_of(row->fault), str_of(row->file));
    fprintf(stderr, "%s%s%s\n", has_place ? "" : row->file, has_place ? "" : ": ", row->fault);
    return true;
}

/* Most runs of a day find nothing to do: they open neither the net nor the sealing key. */
static bool open_for_work(struct invocation *in, const struct leader_options *options)
{
    bool has_work = false;
    bool needs_keys = options->renews || options->delivers;
    if (!leader_has_work(&in->house, options, &has_work, &in->err))
        return false;
    if (has_work && needs_keys && !house_open_seal(in, &in->err))
        return false;
    if (has_work)
        house_open_net(in);
    return true;
}

static bool run_leader(struct invocation *in, const struct leader_options *options,
                       struct leader_result *ret)
{
    struct progress_view *view = progress_view_new(in);
    in->house.progress = progress_view_front(view);
    bool ok =
        open_for_work(in, options) && leader_run_or_follow(&in->house, options, ret, &in->err);
    progress_view_free(view);
    in->house.progress = (struct progress){0};
    return ok;
}

static enum exit_code run_and_tell(struct invocation *in, struct leader_options *options)
{
    struct leader_result result = {0};
    struct faults faults = {in, 0};
    enum exit_code code;

    options->only = invocation_sets(in);
    if (!sets_exist(in) || !wait_option_read(in, &options->wait_ms) ||
        (options->only == NULL &&
         !register_each_fault(&in->house, fault_tell, &faults, &in->err)) ||
        !run_leader(in, options, &result))
        return exit_code_of(&in->err);
    code = result_code(&result);
    if (faults.n > 0 && code == EXIT_CODE_DONE)
        code = EXIT_CODE_USAGE;
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = result_json(&result, code, faults.n);
        json_print(tree);
    } else if (option_common(in, "quiet") == NULL || code != EXIT_CODE_DONE) {
        result_print(in, &result);
    }
    return code;
}

/* ---- a rehearsal: the staging directory, a scratch store, nothing is delivered ---- */

static bool scratch_open(struct invocation *in, char folder[], char **ret_path)
{
    struct register_result result;
    if (mkdtemp(folder) == NULL)
        return err_set(&in->err, ERR_LOCAL, "no folder for a scratch store can be made in /tmp");
    *ret_path = mem_printf("%s/rehearsal.db", folder);
    store_close(in->house.store);
    in->house.store = NULL;
    in->house.rehearsal = true;
    mem_set_str(&in->config->store_path, *ret_path);
    return house_open_store(in, *ret_path, true, false, &in->err) &&
           register_refresh(&in->house, &result, &in->err);
}

static void scratch_remove(const char *folder, const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".leader.lock"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        AUTO(mem_fini)
        char *file = mem_printf("%s%s", path, ends[i]);
        unlink(file);
    }
    rmdir(folder);
}

static enum exit_code renew_rehearse(struct invocation *in)
{
    char folder[] = "/tmp/chancery-rehearsal-XXXXXX";
    char *path = NULL;
    struct leader_options options = {
        .purpose = "rehearsal", .renews = true, .forced = true, .patience_ms = PATIENCE_MS};
    enum exit_code code = EXIT_CODE_FAILED;
    if (scratch_open(in, folder, &path))
        code = run_and_tell(in, &options);
    else
        code = exit_code_of(&in->err);
    if (!in->json && code == EXIT_CODE_DONE)
        printf("rehearsed against the staging directories; nothing was stored or delivered\n");
    store_close(in->house.store);
    in->house.store = NULL;
    if (path != NULL)
        scratch_remove(folder, path);
    mem_free(path);
    return code;
}

enum exit_code renew_run(struct invocation *in)
{
    struct leader_options options = {.request = REQUEST_RENEW,
                                     .purpose = "renew",
                                     .forced = option_is_on(in, "force"),
                                     .retries = option_is_on(in, "retry"),
                                     .override_reason = option_value(in, "override"),
                                     .renews = true,
                                     .delivers = true,
                                     .verifies = true,
                                     .patience_ms = PATIENCE_MS};
    if (option_is_on(in, "dry-run"))
        return renew_rehearse(in);
    if (option_is_on(in, "override") && !options.forced && !options.retries) {
        err_set(&in->err, ERR_CONFIG,
                "--override belongs to --force or --retry: ordinary runs keep to every limit");
        return EXIT_CODE_USAGE;
    }
    if (options.forced && in->n_words == 0) {
        err_set(
            &in->err, ERR_CONFIG,
            "--force needs the names of sets: renewing everything at once would spend rate limits");
        return EXIT_CODE_USAGE;
    }
    if (options.retries && in->n_words == 0) {
        err_set(
            &in->err, ERR_CONFIG,
            "--retry needs the names of sets: what waits for the CA's sake is best left to wait");
        return EXIT_CODE_USAGE;
    }
    return run_and_tell(in, &options);
}

enum exit_code issue_run(struct invocation *in)
{
    struct leader_options options = {.request = REQUEST_ISSUE,
                                     .purpose = "issue",
                                     .override_reason = option_value(in, "override"),
                                     .forced = true,
                                     .renews = true,
                                     .delivers = true,
                                     .verifies = true,
                                     .patience_ms = 10 * MS_MINUTE};
    return run_and_tell(in, &options);
}

enum exit_code deploy_run(struct invocation *in)
{
    struct leader_options options = {.request = REQUEST_DEPLOY,
                                     .purpose = "deploy",
                                     .forced = option_is_on(in, "force"),
                                     .delivers = true,
                                     .verifies = true,
                                     .patience_ms = PATIENCE_MS};
    return run_and_tell(in, &options);
}

enum exit_code verify_run(struct invocation *in)
{
    struct leader_options options = {.request = REQUEST_VERIFY,
                                     .purpose = "verify",
                                     .forced = true,
                                     .verifies = true,
                                     .patience_ms = PATIENCE_MS};
    return run_and_tell(in, &options);
}
