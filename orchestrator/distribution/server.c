#include "distribution/server.h"

#include "base/failpoint.h"

enum { COMPANY_MS = 5000, WORDS_MAX = 64 * 1024, BUSY_MAX = 32 };

struct server {
    struct list in_desk;
    struct server_desk *desk;
    char *key;
    struct list expected, queue, waiting, running;
    struct server_visit *inside;
    struct process_call *call;
    int64_t company_until_ms; /* while somebody waits */
    int64_t timeout_ms;       /* of the run under way */
    const char *unit_argv[4];
    char *refused_check; /* words of a check; NULL with a refusal: the activation itself */
    struct err refusal;
};

struct server_desk {
    struct house *house;
    struct list servers;
};

struct server_desk *server_desk_new(struct house *house)
{
    struct server_desk *desk = NEW(struct server_desk);
    desk->house = house;
    list_init(&desk->servers);
    return desk;
}

static void visits_forget(struct list *visits)
{
    LIST_EACH (it, visits)
        server_leave(LIST_OWNER(it, struct server_visit, in_server));
}

static void server_free(struct server *s)
{
    process_cancel(s->call);
    visits_forget(&s->expected);
    visits_forget(&s->queue);
    visits_forget(&s->waiting);
    visits_forget(&s->running);
    if (s->inside != NULL)
        server_leave(s->inside);
    list_remove(&s->in_desk);
    mem_free(s->key);
    mem_free(s->refused_check);
    mem_free(s);
}

void server_desk_free(struct server_desk *desk)
{
    if (desk == NULL)
        return;
    LIST_EACH (it, &desk->servers)
        server_free(LIST_OWNER(it, struct server, in_desk));
    mem_free(desk);
}

/* ---- who is it ---- */

bool server_is_activated(const struct deploy_config *how)
{
    return how->systemd_unit != NULL || how->activate != NULL;
}

bool server_is_known(const struct deploy_config *how)
{
    return server_is_activated(how) || how->check != NULL;
}

/* With their lengths, so that no two lists of words look the same. */
static void words_add(const char *what, char *const *words, struct buf *out)
{
    buf_add_cstr(out, what);
    for (size_t i = 0; words[i] != NULL; i++)
        buf_printf(out, " %zu:%s", strlen(words[i]), words[i]);
}

static void key_make(const struct server_visit *visit, struct buf *out)
{
    const struct deploy_config *how = visit->how;
    if (visit->is_personal)
        buf_printf(out, "for %s %s ", visit->set, how->target);
    if (how->systemd_unit != NULL)
        buf_printf(out, "unit %s", how->systemd_unit);
    else if (how->activate != NULL)
        words_add("activate", how->activate, out);
    else if (how->check != NULL)
        words_add("check", how->check, out);
}

static struct server *server_new(struct server_desk *desk, const char *key)
{
    struct server *s = NEW(struct server);
    s->desk = desk;
    s->key = mem_strdup(key);
    list_init(&s->expected);
    list_init(&s->queue);
    list_init(&s->waiting);
    list_init(&s->running);
    list_push_back(&desk->servers, &s->in_desk);
    return s;
}

static struct server *server_of(struct server_desk *desk, const struct server_visit *visit)
{
    AUTO(buf_fini)
    struct buf key = BUF(WORDS_MAX);
    key_make(visit, &key);
    LIST_EACH (it, &desk->servers) {
        struct server *s = LIST_OWNER(it, struct server, in_desk);
        if (strcmp(s->key, buf_cstr(&key)) == 0)
            return s;
    }
    return server_new(desk, buf_cstr(&key));
}

/* ---- where a visit stands ---- */

void server_leave(struct server_visit *visit)
{
    if (visit->is_inside)
        visit->server->inside = NULL;
    visit->is_inside = false;
    list_remove(&visit->in_server);
    visit->server = NULL;
}

static struct server *visit_move(struct server_desk *desk, struct server_visit *visit)
{
    struct server *s = visit->server != NULL ? visit->server : server_of(desk, visit);
    server_leave(visit);
    visit->server = s;
    return s;
}

void server_expect(struct server_desk *desk, struct server_visit *visit)
{
    list_push_back(&visit_move(desk, visit)->expected, &visit->in_server);
}

void server_enter(struct server_desk *desk, struct server_visit *visit, bool first)
{
    struct server *s = visit_move(desk, visit);
    if (first)
        list_push_front(&s->queue, &visit->in_server);
    else
        list_push_back(&s->queue, &visit->in_server);
}

void server_activate(struct server_desk *desk, struct server_visit *visit)
{
    bool stays = visit->is_alone && visit->is_inside;
    struct server *s = stays ? visit->server : visit_move(desk, visit);
    if (stays) {
        list_push_front(&s->waiting, &visit->in_server); /* the others wait for it to leave */
        return;
    }
    if (list_is_empty(&s->waiting))
        s->company_until_ms = house_now(desk->house) + COMPANY_MS;
    list_push_back(&s->waiting, &visit->in_server);
}

static char *check_words(const struct deploy_config *how)
{
    AUTO(buf_fini)
    struct buf words = BUF(WORDS_MAX);
    if (how->check == NULL)
        return NULL;
    words_add("check", how->check, &words);
    return buf_take(&words);
}

void server_refuse(struct server_visit *visit, const struct err *why)
{
    struct server *s = visit->server;
    if (s->refusal.kind != ERR_NONE || hook_is_personal((const char *const *)visit->how->check))
        return;
    s->refusal = *why;
    s->refused_check = check_words(visit->how);
}

static const struct err *refusal_for(const struct server *s, const struct server_visit *visit)
{
    AUTO(mem_fini)
    char *words = check_words(visit->how);
    if (s->refusal.kind == ERR_NONE)
        return NULL;
    bool is_same =
        s->refused_check == NULL || (words != NULL && strcmp(words, s->refused_check) == 0);
    return is_same ? &s->refusal : NULL;
}

/* ---- a run of the activation ---- */

static struct server_visit *visit_first(const struct list *visits)
{
    return LIST_OWNER(visits->next, struct server_visit, in_server);
}

static bool run_is_shared(const struct server *s)
{
    return s->running.next != s->running.prev;
}

static const char *const *activation_argv(struct server *s, const struct deploy_config *how)
{
    if (how->systemd_unit == NULL)
        return (const char *const *)how->activate;
    s->unit_argv[0] = "systemctl";
    s->unit_argv[1] = "reload-or-restart";
    s->unit_argv[2] = how->systemd_unit;
    return s->unit_argv;
}

static void run_end(struct server *s, const struct err *failure, bool should_try_alone)
{
    struct list *it;
    while ((it = list_pop_front(&s->running)) != NULL) {
        struct server_visit *visit = LIST_OWNER(it, struct server_visit, in_server);
        if (!visit->is_inside)
            list_push_back(&s->expected, &visit->in_server);
        visit->activated(visit->arg, failure, should_try_alone);
    }
}

static void run_heard(void *arg, const struct process_result *result, const struct err *start_err)
{
    struct server *s = arg;
    struct err failure = {0};
    const struct deploy_config *how = visit_first(&s->running)->how;
    bool is_cut = result == NULL || result->timed_out;
    FAILPOINT("deploy.activate.after");
    s->call = NULL;
    if (hook_verdict("activate", activation_argv(s, how), s->timeout_ms, result, start_err,
                     &failure)) {
        run_end(s, NULL, false);
        return;
    }
    if (is_cut && s->refusal.kind == ERR_NONE)
        s->refusal = failure;
    run_end(s, &failure, run_is_shared(s) && failure.kind == ERR_REFUSED && !is_cut);
}

static char **shared_environment(const struct server *s)
{
    AUTO(buf_fini)
    struct buf sets = BUF(WORDS_MAX);
    int64_t n_tries = 0;
    LIST_EACH (it, &s->running) {
        const struct server_visit *visit = LIST_OWNER(it, struct server_visit, in_server);
        buf_printf(&sets, "%s%s", sets.len > 0 ? " " : "", visit->set);
        if (visit->n_tries > n_tries)
            n_tries = visit->n_tries;
    }
    return hook_environment_shared(buf_cstr(&sets), n_tries);
}

static int64_t longest_timeout_ms(const struct server *s)
{
    int64_t longest_ms = 0;
    LIST_EACH (it, &s->running) {
        const struct server_visit *visit = LIST_OWNER(it, struct server_visit, in_server);
        if (visit->how->timeout_ms > longest_ms)
            longest_ms = visit->how->timeout_ms;
    }
    return longest_ms;
}

static void run_start(struct server *s)
{
    struct house *house = s->desk->house;
    struct server_visit *first = visit_first(&s->running);
    char **environment = run_is_shared(s) ? shared_environment(s) : first->environment(first->arg);
    const char *const *argv = activation_argv(s, first->how);
    AUTO(buf_fini)
    struct buf name = BUF(1024);
    s->timeout_ms = longest_timeout_ms(s);
    struct process_request request = {
        .argv = argv, .environment = (const char *const *)environment, .timeout_ms = s->timeout_ms};
    hook_name(argv, &name);
    house_say(house, first->set, "deliver", "activate: %s", buf_cstr(&name));
    FAILPOINT("deploy.activate.before");
    s->call = process_start(house->loop, &request, run_heard, s);
    hook_environment_free(environment);
}

/* ---- the door ---- */

static bool company_is_over(const struct server *s)
{
    return house_now(s->desk->house) >= s->company_until_ms;
}

/* Whoever stays inside alone is the only one who may be activated then. */
static bool run_may_start(const struct server *s)
{
    if (list_is_empty(&s->waiting))
        return false;
    if (s->inside != NULL)
        return visit_first(&s->waiting) == s->inside;
    return company_is_over(s) || (list_is_empty(&s->expected) && list_is_empty(&s->queue));
}

static void run_fill(struct server *s)
{
    struct list *it;
    if (s->inside != NULL) {
        list_push_back(&s->running, list_pop_front(&s->waiting));
        return;
    }
    while ((it = list_pop_front(&s->waiting)) != NULL)
        list_push_back(&s->running, it);
}

static void server_let_in(struct server *s)
{
    struct server_visit *visit =
        LIST_OWNER(list_pop_front(&s->queue), struct server_visit, in_server);
    s->inside = visit;
    visit->is_inside = true;
    visit->entered(visit->arg, refusal_for(s, visit));
}

static bool server_is_busy(const struct server *s)
{
    return s->inside != NULL || s->call != NULL;
}

static void server_act(struct server *s)
{
    while (s->call == NULL) {
        if (run_may_start(s)) {
            run_fill(s);
            run_start(s);
        } else if (s->inside == NULL && !list_is_empty(&s->queue)) {
            server_let_in(s);
        } else {
            return;
        }
    }
}

static bool server_is_deserted(const struct server *s)
{
    return !server_is_busy(s) && list_is_empty(&s->expected) && list_is_empty(&s->queue) &&
           list_is_empty(&s->waiting) && list_is_empty(&s->running);
}

static size_t desk_n_busy(const struct server_desk *desk)
{
    size_t n = 0;
    LIST_EACH (it, &desk->servers)
        n += server_is_busy(LIST_OWNER(it, struct server, in_desk));
    return n;
}

void server_desk_act(struct server_desk *desk)
{
    size_t n_busy = desk_n_busy(desk);
    LIST_EACH (it, &desk->servers) {
        struct server *s = LIST_OWNER(it, struct server, in_desk);
        bool was_busy = server_is_busy(s);
        if (was_busy || n_busy < BUSY_MAX)
            server_act(s);
        n_busy += !was_busy && server_is_busy(s);
        if (server_is_deserted(s))
            server_free(s);
    }
}

int64_t server_desk_next_at_ms(const struct server_desk *desk)
{
    int64_t next_at_ms = INT64_MAX;
    if (desk_n_busy(desk) >= BUSY_MAX)
        return INT64_MAX; /* the end of a program comes first */
    LIST_EACH (it, &desk->servers) {
        const struct server *s = LIST_OWNER(it, struct server, in_desk);
        if (!server_is_busy(s) && !list_is_empty(&s->waiting) && s->company_until_ms < next_at_ms)
            next_at_ms = s->company_until_ms;
    }
    return next_at_ms;
}
