/* serve: the daemon. It decides nothing: leader_serve does; here it is told to people, to the service manager and to the faces. */
#include "cmd/house_open.h"
#include "cmd/http/face.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/run_commands.h"

#include "io/notify.h"
#include "leader/serve.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { TICK_MS = 10 * 1000, STATE_MAX = 300 };

struct serving {
    struct invocation *in;
    struct notify *notify;
    struct progress_view *view;
    struct http_face *http;
    char state[STATE_MAX];     /* "leads", "stands by: held by ..." */
    char since[TIME_TEXT_MAX]; /* when what is in force came into force */
    bool is_refused;           /* what the files say by now is not what is in force */
    int64_t alive_at_boot_ms, began_at_ms;
    int64_t n_reloads, n_refused;
};

/* ---- told to the service manager ---- */

static void status_tell(struct serving *s)
{
    notify_status(s->notify, "%s; configuration in force since %s%s", s->state, s->since,
                  s->is_refused ? ", a changed one was refused: see the journal" : "");
}

static void alive_tell(struct serving *s)
{
    int64_t now_ms = clock_boot_ms(s->in->house.clock);
    int64_t every_ms = notify_watchdog_ms(s->notify);
    /* A turn may come a moment before the half of the watchdog's time is over. */
    if (every_ms == 0 || now_ms < s->alive_at_boot_ms + every_ms / 2)
        return;
    s->alive_at_boot_ms = now_ms;
    notify_alive(s->notify);
}

/* ---- what leader_serve tells ---- */

static void state_set(struct serving *s, const char *state, const char *text)
{
    snprintf(s->state, sizeof(s->state), "%s%s%.200s", state, text[0] != '\0' ? ": " : "", text);
    house_say(&s->in->house, NULL, "serve", "%s%s%s", state, text[0] != '\0' ? ": " : "", text);
    status_tell(s);
}

static void ready_say(const struct serving *s)
{
    const struct config *config = s->in->config;
    char listen[NET_ADDRESS_TEXT_MAX] = "";
    if (http_face_port(s->http) != 0)
        net_address_format(&config->http.listen, true, listen);
    house_say(&s->in->house, NULL, "serve", "chancery %s, pid %ld, with %s and the store %s; %s%s",
              CHANCERY_VERSION, (long)getpid(), config->path, config->store_path,
              listen[0] != '\0' ? "answers HTTP at " : "no HTTP is configured", listen);
}

static void news_tell(void *arg, enum serve_news news, const char *text)
{
    struct serving *s = arg;
    switch (news) {
    case SERVE_READY:
        ready_say(s);
        notify_ready(s->notify);
        break;
    case SERVE_LEADS:
    case SERVE_STANDS_BY:
        state_set(s, serve_news_text(news), text);
        break;
    case SERVE_STOPPING:
        notify_stopping(s->notify);
        state_set(s, serve_news_text(news),
                  "what is under way may settle; the rows say where to go on");
        break;
    case SERVE_TURN:
        break;
    }
    alive_tell(s);
}

/* ---- what a reload tells ---- */

static void reload_begun(void *arg)
{
    struct serving *s = arg;
    notify_reloading(s->notify);
}

static void reload_swapped(void *arg, const struct config *before, struct buf *ret_kept)
{
    struct serving *s = arg;
    (void)before;
    s->in->config = s->in->house.config;
    http_face_reload(s->http, ret_kept);
    s->n_reloads++;
    time_format(house_now(&s->in->house), false, s->since);
}

static void reload_ended(void *arg, bool is_refused, const char *text)
{
    struct serving *s = arg;
    (void)text;
    s->is_refused = is_refused;
    s->n_refused += is_refused;
    /* To the manager a reload has ended when the daemon is ready again, whichever configuration is in force. */
    notify_ready(s->notify);
    status_tell(s);
}

/* ---- the command ---- */

static void notify_begin(struct serving *s)
{
    struct err err = {0};
    struct notify_environment environment = {.socket = environment_get("NOTIFY_SOCKET"),
                                             .watchdog_usec = environment_get("WATCHDOG_USEC"),
                                             .watchdog_pid = environment_get("WATCHDOG_PID"),
                                             .pid = getpid()};
    if (!notify_open(&environment, &s->notify, &err))
        fprintf(stderr, "%s: %s\n", s->in->program, err.text);
}

static bool house_furnish(struct invocation *in)
{
    house_open_net(in);
    return house_open_store(in, in->config->store_path, false, false, &in->err) &&
           house_open_seal(in, &in->err);
}

static bool serve(struct serving *s, struct err *err)
{
    struct house *house = &s->in->house;
    int64_t watchdog_ms = notify_watchdog_ms(s->notify);
    if (!http_face_open(house, &s->http, err))
        return false;
    struct reload_hooks hooks = {s, reload_begun, reload_swapped, reload_ended};
    struct reload *reload = reload_new(house, &hooks);
    const struct face face = http_face_front(s->http);
    struct serve_options options = {
        .faces = &face,
        .n_faces = 1,
        .tick_ms = watchdog_ms != 0 && watchdog_ms < TICK_MS ? watchdog_ms : TICK_MS,
        .reload = reload,
        .notify = news_tell,
        .arg = s};
    time_format(house_now(house), false, s->since);
    bool ok = leader_serve(house, &options, err);
    http_face_close(s->http);
    reload_free(reload);
    return ok;
}

static void life_print(const struct serving *s)
{
    AUTO(json_fini)
    struct json *tree = json_object();
    json_set_text(tree, "outcome", exit_code_text(EXIT_CODE_DONE));
    json_set_time(tree, "began_at", s->began_at_ms);
    json_set_int(tree, "reloads", s->n_reloads);
    json_set_int(tree, "refused_reloads", s->n_refused);
    json_print(tree);
}

enum exit_code serve_run(struct invocation *in)
{
    struct serving s = {.in = in};
    bool ok = house_furnish(in);
    if (!ok)
        return exit_code_of(&in->err);
    s.began_at_ms = house_now(&in->house);
    notify_begin(&s);
    s.view = progress_view_new_plain(in, environment_get("JOURNAL_STREAM") == NULL);
    in->house.progress = progress_view_front(s.view);
    ok = serve(&s, &in->err);
    in->house.progress = (struct progress){0};
    progress_view_free(s.view);
    notify_close(s.notify);
    if (ok && in->json)
        life_print(&s);
    return ok ? EXIT_CODE_DONE : exit_code_of(&in->err);
}
