/* lock: a command under the exposed lock of a name. What is decided is decided in authority/lock_hold.h. */
#include "cmd/lock_command.h"
#include "cmd/house_open.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/run_commands.h"

#include "authority/lock_remote.h"
#include "io/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TTL_LEAST_MS = 5 * 1000, PURPOSE_MAX = 100, N_VARIABLES = 4, TOKEN_MAX = 4096 };

struct locking {
    struct invocation *in;
    char *name;
    char **names; /* of the order; NULL-terminated */
    size_t n_names;
    struct ledger_ask order;
    char purpose[PURPOSE_MAX];
    char **environment;
    char *variables[N_VARIABLES];
};

static void locking_fini(struct locking *l)
{
    mem_free(l->name);
    for (size_t i = 0; i < l->n_names; i++)
        mem_free(l->names[i]);
    mem_free(l->names);
    mem_free(l->environment);
    for (size_t i = 0; i < N_VARIABLES; i++)
        mem_free(l->variables[i]);
}

/* ---- the words ---- */

static bool is_subcommand(const char *word)
{
    size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyz-");
    return word[0] != '-' && word[n] == '\0' && n > 0 && n <= 20;
}

/* "certbot renew": the program without its folder, and a subcommand; no more, for arguments may hold secrets. */
static void purpose_set(struct locking *l, char *const *command)
{
    const char *slash = strrchr(command[0], '/');
    AUTO(buf_fini)
    struct buf text = BUF(PURPOSE_MAX);
    buf_add_cstr(&text, slash != NULL ? slash + 1 : command[0]);
    if (command[1] != NULL && is_subcommand(command[1]))
        buf_printf(&text, " %s", command[1]);
    AUTO(buf_fini)
    struct buf shown = BUF(PURPOSE_MAX);
    text_escape(&shown, buf_str(&text), PURPOSE_MAX - 4);
    snprintf(l->purpose, sizeof l->purpose, "%s", buf_cstr(&shown));
}

static bool ttl_read(struct invocation *in, int64_t *ret_ms)
{
    const char *text = option_value(in, "ttl");
    int64_t ms = LOCK_TTL_MS;
    if (text != NULL &&
        (!duration_parse(str_of(text), &ms) || ms < TTL_LEAST_MS || ms > LOCK_TTL_MOST_MS))
        return err_set(&in->err, ERR_CONFIG, "--ttl takes 5s to 24h, not \"%.40s\"", text);
    *ret_ms = ms;
    return true;
}

static bool names_read(struct locking *l, const char *text, struct err *err)
{
    struct str rest = str_of(text), part;
    l->names = NEW_N(strlen(text) + 2, char *);
    while (str_split(&rest, ',', &part)) {
        AUTO(mem_fini)
        char *one = mem_strndup(str_trim(part).p, str_trim(part).len);
        if (!name_normalise(one, &l->names[l->n_names], err))
            return false;
        l->n_names++;
    }
    return l->n_names > 0 || err_set(err, ERR_CONFIG, "--order needs names");
}

static const char *default_authority(const struct config *config)
{
    const struct json *value = json_find(config->defaults, "authority");
    if (value != NULL && json_is(value, JSON_ARRAY))
        value = json_at(value, 0);
    if (value != NULL && json_as_text(value) != NULL)
        return json_as_text(value);
    return config->n_authorities == 1 ? config->authorities[0].name : NULL;
}

static bool order_read(struct locking *l, struct err *err)
{
    const struct config *config = l->in->config;
    const char *names = option_value(l->in, "order");
    const char *name = option_value(l->in, "authority");
    if (names == NULL)
        return name == NULL || err_set(err, ERR_CONFIG, "--authority goes with --order");
    if (!names_read(l, names, err))
        return false;
    if (name == NULL)
        name = default_authority(config);
    const struct authority_config *authority = name != NULL ? config_authority(config, name) : NULL;
    if (authority == NULL)
        return err_set(err, ERR_CONFIG,
                       name != NULL ? "there is no authority \"%.64s\" in the configuration"
                                    : "--order needs --authority: there are several%s",
                       name != NULL ? name : "");
    l->order = (struct ledger_ask){.directory = authority->directory,
                                   .names = (const char *const *)l->names,
                                   .n_names = l->n_names};
    return true;
}

/* ---- the command ---- */

static void variable_add(struct locking *l, size_t *n, size_t i, const char *name, const char *text)
{
    l->variables[i] = mem_printf("%s=%s", name, text);
    l->environment[(*n)++] = l->variables[i];
}

static bool is_ours(const char *variable)
{
    static const char *const ours[] = {
        "LOCK_NAME=", "LOCK_TOKEN=", "LOCK_EXPIRES=", "LOCK_HEADROOM="};
    for (size_t i = 0; i < N_VARIABLES; i++)
        if (str_starts(str_of(variable), str_of(ours[i])))
            return true;
    return false;
}

static void environment_make(struct locking *l, const struct lock_grant *grant)
{
    char token[32], expires[TIME_TEXT_MAX], headroom[32] = "";
    size_t n_all = 0, n = 0;
    while (environ[n_all] != NULL)
        n_all++;
    l->environment = NEW_N(n_all + N_VARIABLES + 1, char *);
    for (size_t i = 0; i < n_all; i++)
        if (!is_ours(environ[i]))
            l->environment[n++] = environ[i];
    snprintf(token, sizeof token, "%lld", (long long)grant->fencing);
    time_format(grant->expires_at_ms, false, expires);
    if (l->n_names > 0 && grant->headroom.left != INT64_MAX)
        snprintf(headroom, sizeof headroom, "%lld", (long long)grant->headroom.left);
    variable_add(l, &n, 0, "LOCK_NAME", l->name);
    variable_add(l, &n, 1, "LOCK_TOKEN", token);
    variable_add(l, &n, 2, "LOCK_EXPIRES", expires);
    variable_add(l, &n, 3, "LOCK_HEADROOM", headroom);
}

static struct ward_request command_give(void *arg, const struct lock_grant *grant)
{
    struct locking *l = arg;
    environment_make(l, grant);
    return (struct ward_request){.argv = (const char *const *)l->in->words + 1,
                                 .environment = (const char *const *)l->environment,
                                 .umask = l->in->umask_before,
                                 .output_to_errors = l->in->json};
}

static void waits_say(void *arg, const struct err *why)
{
    const struct locking *l = arg;
    if (option_common(l->in, "quiet") == NULL)
        fprintf(stderr, "%s: waiting: %s\n", l->in->program, why->text);
}

/* ---- how it went ---- */

static enum exit_code result_code(const struct lock_result *r, const struct err *err)
{
    switch (r->end) {
    case LOCK_END_ENDED:
        return (enum exit_code)r->code;
    case LOCK_END_BUSY:
        return EXIT_CODE_LOCK_BUSY;
    case LOCK_END_REFUSED:
        return EXIT_CODE_LOCK_REFUSED;
    case LOCK_END_LOST:
        return EXIT_CODE_LOCK_LOST;
    case LOCK_END_NOT_STARTED:
        return (enum exit_code)(err->kind == ERR_ABSENT ? 127 : 126);
    case LOCK_END_NO_WAY:
        break;
    }
    return err->kind == ERR_CONFIG || err->kind == ERR_DENIED ? EXIT_CODE_USAGE
                                                              : EXIT_CODE_LOCK_STORE;
}

static void result_print_json(const struct locking *l, const struct lock_result *r,
                              enum exit_code code)
{
    AUTO(json_fini)
    struct json *tree = json_set_text(json_object(), "name", l->name);
    json_set_text(tree, "outcome", r->end == LOCK_END_LOST ? "lost" : "ended");
    json_set_int(tree, "code", (int64_t)code);
    json_set_int(tree, "command_code", r->code);
    json_set_int(tree, "fencing", r->grant.fencing);
    json_set_time(tree, "granted_at", r->grant.granted_at_ms);
    json_set_bool(tree, "released", r->end == LOCK_END_ENDED && !r->is_unreleased);
    json_print(tree);
}

static enum exit_code result_tell(struct locking *l, const struct lock_result *r)
{
    struct invocation *in = l->in;
    enum exit_code code = result_code(r, &in->err);
    bool has_run = r->end == LOCK_END_ENDED || r->end == LOCK_END_LOST;
    if (r->end == LOCK_END_LOST)
        err_wrap(&in->err, "the command was not safe from others to its end");
    if (r->is_unreleased)
        err_wrap(&in->err, "the lock of %s could not be given back and ends by itself", l->name);
    if (has_run && in->json)
        result_print_json(l, r, code);
    if (has_run && in->err.kind != ERR_NONE) {
        fprintf(stderr, "%s: %s\n", in->program, in->err.text);
        err_clear(&in->err);
    }
    return code;
}

/* ---- the run ---- */

static bool over_store(struct locking *l, struct lock_plan *plan, struct lock_result *ret)
{
    struct invocation *in = l->in;
    struct lock_store_way way = {.house = &in->house,
                                 .ask = {.name = l->name,
                                         .purpose = l->purpose,
                                         .ttl_ms = plan->ttl_ms,
                                         .order = option_is_on(in, "order") ? &l->order : NULL}};
    struct lock_way over = lock_way_of_store(&way);
    if (!house_open_needs(in, NEED_CONFIG | NEED_STORE_WRITE, &in->err) || !order_read(l, &in->err))
        return false;
    lock_hold(&over, plan, ret, &in->err);
    return true;
}

static bool remote_words_check(struct locking *l, struct err *err)
{
    const struct invocation *in = l->in;
    const char *names = option_value(in, "order");
    if (!lock_server_check(option_value(in, "server"), err))
        return false;
    if (option_value(in, "token") == NULL)
        return err_set(err, ERR_CONFIG, "--server needs --token FILE");
    if (names == NULL)
        return option_value(in, "authority") == NULL ||
               err_set(err, ERR_CONFIG, "--authority goes with --order");
    if (option_value(in, "authority") == NULL)
        return err_set(err, ERR_CONFIG,
                       "--order needs --authority with --server: a name of the server's "
                       "configuration, or the URL of a directory");
    return names_read(l, names, err);
}

static void remote_hold(struct locking *l, const struct lock_plan *plan, struct secret *token,
                        struct lock_result *ret)
{
    struct invocation *in = l->in;
    char host[200] = "";
    AUTO(mem_fini)
    char *user_agent = mem_printf("chancery/%s %s", CHANCERY_VERSION, http_library());
    struct http_options options = {.user_agent = user_agent};
    gethostname(host, sizeof host - 1);
    AUTO(mem_fini)
    char *client = mem_printf("%.60s:%lld", host, (long long)getpid());
    /* No signals are caught here: who is ended while it waits holds nothing. */
    in->house.loop = loop_new();
    in->house.http = http_new(in->house.loop, &options);
    struct lock_remote remote = {.loop = in->house.loop,
                                 .http = in->house.http,
                                 .server = option_value(in, "server"),
                                 .token = token,
                                 .ca_file = option_value(in, "cacert"),
                                 .name = l->name,
                                 .client = client,
                                 .purpose = l->purpose,
                                 .ttl_ms = plan->ttl_ms,
                                 .names = (const char *const *)l->names,
                                 .n_names = l->n_names,
                                 .authority = option_value(in, "authority")};
    struct lock_way over = lock_way_of_server(&remote);
    lock_hold(&over, plan, ret, &in->err);
}

static bool over_server(struct locking *l, struct lock_plan *plan, struct lock_result *ret)
{
    struct invocation *in = l->in;
    struct secret file = {0}, token = {0};
    if (!remote_words_check(l, &in->err))
        return false;
    if (!file_read_secret(option_value(in, "token"), TOKEN_MAX, &file, &in->err)) {
        in->err.kind = ERR_CONFIG;
        return err_wrap(&in->err, "the token");
    }
    struct str text = str_trim(secret_str(&file));
    secret_init(&token, text.p, text.len);
    secret_fini(&file);
    remote_hold(l, plan, &token, ret);
    secret_fini(&token);
    return true;
}

static enum exit_code locking_run(struct locking *l)
{
    struct invocation *in = l->in;
    struct lock_plan plan = {.says_waits = waits_say, .command = command_give, .arg = l};
    struct lock_result result = {.end = LOCK_END_NO_WAY};
    if (in->n_words < 2)
        err_set(&in->err, ERR_CONFIG, "lock needs a command: chancery lock %.80s -- COMMAND",
                in->words[0]);
    if (in->n_words < 2 || !lock_name(in->words[0], &l->name, &in->err) ||
        !ttl_read(in, &plan.ttl_ms) || !wait_option_read(in, &plan.wait_ms))
        return EXIT_CODE_USAGE;
    purpose_set(l, in->words + 1);
    bool is_remote = option_is_on(in, "server");
    if (!is_remote && (option_is_on(in, "token") || option_is_on(in, "cacert")))
        err_set(&in->err, ERR_CONFIG, "--token and --cacert go with --server");
    if (in->err.kind != ERR_NONE ||
        !(is_remote ? over_server(l, &plan, &result) : over_store(l, &plan, &result)))
        return in->err.kind == ERR_STORE ? EXIT_CODE_LOCK_STORE : exit_code_of(&in->err);
    return result_tell(l, &result);
}

enum exit_code lock_run(struct invocation *in)
{
    struct locking l = {.in = in};
    enum exit_code code = option_is_on(in, "break") ? lock_break_run(in) : locking_run(&l);
    locking_fini(&l);
    return code;
}
