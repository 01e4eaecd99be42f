#include "program.h"

#include "fake_api.h"

#include "crypto/key.h"
#include "inventory/config.h"
#include "inventory/held.h"
#include "inventory/register.h"
#include "io/http.h"
#include "leader/persist.h"
#include "leader/request.h"
#include "leader/serve.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATIENCE_MS = 20 * 1000, RUN_MAX_MS = 6 * 60 * 60 * 1000, TRANSCRIPT_MAX = 4 << 20 };

/* ---- the store's doors ---- */

bool __real_store_begin(struct store *store, struct err *err);
bool __real_store_commit(struct store *store, struct err *err);
bool __wrap_store_begin(struct store *store, struct err *err);
bool __wrap_store_commit(struct store *store, struct err *err);

static bool dead(struct err *err)
{
    return err_set(err, ERR_STORE, "the program was killed");
}

bool __wrap_store_begin(struct store *store, struct err *err)
{
    return world.is_killed ? dead(err) : __real_store_begin(store, err);
}

bool __wrap_store_commit(struct store *store, struct err *err)
{
    if (!world_point("commit", KILL_BEFORE))
        return dead(err);
    if (world.store_is_full) {
        store_rollback(store);
        return err_set(err, ERR_STORE, "the store cannot commit: database or disk is full");
    }
    if (!__real_store_commit(store, err))
        return false;
    return world_point("commit", KILL_AFTER) ? true : dead(err);
}

/* ---- files ---- */

static void file_put(const struct program *program, const char *name, const char *text)
{
    char path[512], fresh[600];
    snprintf(path, sizeof path, "%s/%s", program->folder, name);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    CHECK(rename(fresh, path) == 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

void program_begin(struct program *program, const char *folder)
{
    char path[300];
    *program = (struct program){.propagation_ms = 10 * MS_MINUTE,
                                .parallel = 100,
                                .agrees = true,
                                .provider = mem_strdup("rfc2136"),
                                .defaults_authority = mem_strdup("ca1")};
    snprintf(program->folder, sizeof program->folder, "%s", folder);
    snprintf(path, sizeof path, "%s/sets.d", folder);
    CHECK(mkdir(folder, 0700) == 0 && mkdir(path, 0700) == 0);
    buf_init(&program->transcript, TRANSCRIPT_MAX);
    file_put(program, "seal.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n");
    program_write_config(program);
}

static void wanted_fini(struct wanted *set)
{
    for (size_t i = 0; i < set->n_names; i++)
        mem_free(set->names[i]);
    mem_free(set->key);
    mem_free(set->keys);
    mem_free(set->authority);
    mem_free(set->alias);
    mem_free(set->profile);
    mem_free(set->challenge);
    mem_free(set->more);
}

void program_end(struct program *program)
{
    nftw(program->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    for (size_t i = 0; i < program->n_sets; i++)
        wanted_fini(&program->sets[i]);
    mem_free(program->contact);
    mem_free(program->limits);
    mem_free(program->eab_kid);
    mem_free(program->eab_key);
    mem_free(program->provider);
    mem_free(program->rate);
    mem_free(program->propagation);
    mem_free(program->defaults_authority);
    buf_fini(&program->transcript);
}

struct wanted *program_set(struct program *program, const char *name)
{
    for (size_t i = 0; i < program->n_sets; i++)
        if (strcmp(program->sets[i].name, name) == 0)
            return &program->sets[i];
    CHECK(program->n_sets < SETS_MAX);
    struct wanted *set = &program->sets[program->n_sets++];
    *set = (struct wanted){0};
    snprintf(set->name, sizeof set->name, "%s", name);
    return set;
}

void program_write_set(struct program *program, const struct wanted *set)
{
    AUTO(buf_fini)
    struct buf text = BUF(64 * 1024);
    char name[64];
    buf_add_cstr(&text, "names: [");
    for (size_t i = 0; i < set->n_names; i++)
        buf_printf(&text, "%s\"%s\"", i > 0 ? ", " : "", set->names[i]);
    buf_add_cstr(&text, set->is_broken ? ", : {\n" : "]\n");
    if (set->key != NULL)
        buf_printf(&text, "key: %s\n", set->key);
    if (set->keys != NULL)
        buf_printf(&text, "keys: [%s]\n", set->keys);
    if (set->authority != NULL)
        buf_printf(&text, "authority: [%s]\n", set->authority);
    if (set->alias != NULL)
        buf_printf(&text, "challenge_alias: %s\n", set->alias);
    if (set->profile != NULL)
        buf_printf(&text, "profile: %s\n", set->profile);
    if (set->challenge != NULL)
        buf_printf(&text, "challenge: %s\n", set->challenge);
    if (set->more != NULL)
        buf_printf(&text, "%s\n", set->more);
    snprintf(name, sizeof name, "sets.d/%s.yaml", set->name);
    file_put(program, name, buf_cstr(&text));
}

void program_remove_set(struct program *program, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/sets.d/%s.yaml", program->folder, name);
    CHECK(unlink(path) == 0);
}

static void eab_write(const struct program *program, struct buf *text)
{
    if (program->eab_kid == NULL)
        return;
    file_put(program, "kid", program->eab_kid);
    file_put(program, "mac", program->eab_key);
    buf_add_cstr(text, ", eab: {kid: 'file:kid', key: 'file:mac'}");
}

static void authority_write(const struct program *program, int i, struct buf *text)
{
    buf_printf(text, "  %s: {directory: %s/directory, agree_tos: %s, parallel: %lld",
               world.cas[i].name, world.cas[i].base_url, program->agrees ? "true" : "false",
               (long long)program->parallel);
    buf_printf(text, ", caa: %s", program->ignores_caa ? "ignore" : "check");
    if (program->contact != NULL)
        buf_printf(text, ", contact: ['%s']", program->contact);
    if (program->limits != NULL)
        buf_printf(text, ", limits: {%s}", program->limits);
    if (i == 0)
        eab_write(program, text);
    buf_add_cstr(text, "}\n");
}

void program_hide_eab(struct program *program)
{
    static const char *const names[] = {"kid", "mac"};
    char path[512];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", program->folder, names[i]);
        CHECK(unlink(path) == 0);
    }
}

static const char *provider_settings(const struct program *program)
{
    if (strcmp(program->provider, "exec") == 0)
        return "    argv: [change-txt]\n";
    if (strcmp(program->provider, "vultr") != 0)
        return "";
    file_put(program, "token", FAKE_API_TOKEN);
    return "    key: file:token\n    base_url: " FAKE_API_URL "/v2\n";
}

void program_write_config(struct program *program)
{
    AUTO(buf_fini)
    struct buf text = BUF(64 * 1024);
    buf_printf(&text, "store: sqlite:%s/store.db\nseal: file:seal.key\nauthorities:\n",
               program->folder);
    for (int i = 0; i < WORLD_CAS_MAX; i++)
        authority_write(program, i, &text);
    buf_printf(
        &text,
        "providers:\n  corp:\n    type: %s\n    zones: [example.com, example.net]\n%s%s%s%s"
        "    propagation: {timeout: %llds, settle: %llds%s%s}\n",
        program->provider, provider_settings(program), program->rate != NULL ? "    rate: " : "",
        program->rate != NULL ? program->rate : "", program->rate != NULL ? "\n" : "",
        (long long)(program->propagation_ms / MS_SECOND),
        (long long)(program->settle_ms / MS_SECOND), program->propagation != NULL ? ", " : "",
        program->propagation != NULL ? program->propagation : "");
    buf_printf(&text, "defaults: {authority: [%s]}\n", program->defaults_authority);
    buf_printf(&text, "dnssec: {%s}\n",
               program->judges_dnssec ? "trust_anchor: seal.key" : "check: false");
    file_put(program, "chancery.yaml", buf_cstr(&text));
}

/* ---- the house ---- */

static const char *environment(const char *name)
{
    (void)name;
    return NULL;
}

static bool seal_find(struct house *house, struct err *err)
{
    struct secret key;
    if (!secret_resolve(house->config, house->config->seal, &key, err))
        return false;
    bool ok = seal_open(&key, &house->seal, err);
    secret_fini(&key);
    return ok;
}

static bool house_begin(struct program *program, bool read_only, struct house *house,
                        struct err *err)
{
    char path[512];
    snprintf(path, sizeof path, "%s/chancery.yaml", program->folder);
    if (!crypto_init(err) || !config_load(path, environment, &house->config, err))
        return false;
    struct store_options options = {.path = house->config->store_path,
                                    .create = !read_only,
                                    .read_only = read_only,
                                    .no_sync = true};
    return store_open(&options, &house->store, err) && seal_find(house, err);
}

static void house_end(struct house *house)
{
    dns_free(house->dns);
    http_free(house->http);
    store_close(house->store);
    seal_close(house->seal);
    loop_free(house->loop);
    config_free(house->config);
    log_free(house->log);
}

static bool house_visit(struct program *program, bool read_only, struct house *house,
                        struct err *err)
{
    *house = (struct house){.loop = loop_new()};
    house->clock = loop_clock(house->loop);
    if (house_begin(program, read_only, house, err))
        return true;
    house_end(house);
    return false;
}

bool program_look(struct program *program, struct house *house, struct err *err)
{
    return house_visit(program, true, house, err);
}

bool program_act(struct program *program, struct house *house, struct err *err)
{
    return house_visit(program, false, house, err);
}

void program_look_end(struct house *house)
{
    house_end(house);
}

/* ---- a run ---- */

static void transcript_time(struct program *program)
{
    char when[TIME_TEXT_MAX];
    time_format(world_wall_ms(), true, when);
    buf_printf(&program->transcript, "    %s ", when);
}

static void hear_progress(void *arg, const struct progress_note *note)
{
    struct program *program = arg;
    transcript_time(program);
    buf_printf(&program->transcript, "%s %s: %s\n", note->set != NULL ? note->set : "-",
               note->stage, note->text);
}

static void house_open_net(struct program *program, struct house *house)
{
    static const struct http_options options = {.user_agent = "chancery-story"};
    house->loop = loop_new();
    house->clock = loop_clock(house->loop);
    house->http = http_new(house->loop, &options);
    house->dns = dns_new(house->loop);
    house->progress = (struct progress){hear_progress, program};
}

static void take_log(struct program *program, int fd)
{
    char chunk[4096];
    off_t at = 0;
    for (ssize_t n; (n = pread(fd, chunk, sizeof chunk, at)) > 0; at += n)
        buf_add(&program->transcript, chunk, (size_t)n);
    close(fd);
}

struct expiry {
    struct house *house;
    size_t n;
};

static bool expiry_count(void *arg, const struct set_row *row)
{
    struct expiry *expiry = arg;
    struct certificate *held = NULL;
    struct err absent;
    if (row->removed || !held_current(expiry->house, row->name, false, &held, &absent))
        return true;
    expiry->n += held->not_after_at_ms <= world.now_ms ? 1 : 0;
    certificate_free(held);
    return true;
}

struct by_hand {
    bool forced, retries;
};

static bool run_inside(struct house *house, const void *arg, struct run *run)
{
    const struct by_hand *hand = arg;
    static const char *const main_set[] = {"main", NULL};
    struct leader_options options = {.purpose = "renew",
                                     .renews = true,
                                     .patience_ms = PATIENCE_MS,
                                     .forced = hand->forced,
                                     .retries = hand->retries,
                                     .only = hand->forced || hand->retries ? main_set : NULL};
    struct register_result seen;
    struct expiry expiry = {house, 0};
    register_each(house, expiry_count, &expiry, NULL);
    run->n_expired = expiry.n;
    return register_refresh(house, &seen, &run->err) &&
           leader_run(house, &options, &run->result, &run->err);
}

/* Everything afresh around one deed. */
typedef bool run_deed(struct house *house, const void *arg, struct run *run);
static void run_around(struct program *program, run_deed *deed, const void *arg, struct run *run)
{
    struct house house = {0};
    int fd = memfd_create("story", MFD_CLOEXEC);
    *run = (struct run){.began_at_ms = world.now_ms};
    world.is_killed = false;
    world.n_waits = world.most_at_once = 0;
    world.give_up_at_ms = world.now_ms + RUN_MAX_MS;
    house_open_net(program, &house);
    house.slices_until_boot_ms = program->works_in_slices ? INT64_MAX : 0;
    house.log = log_new(fd, LOG_LEVEL_INFO, false, house.clock);
    run->ok = house_begin(program, false, &house, &run->err) && deed(&house, arg, run);
    run->was_killed = world.is_killed;
    house_end(&house);
    world_wake();
    run->took_ms = world.now_ms - run->began_at_ms;
    take_log(program, fd);
    transcript_time(program);
    buf_printf(&program->transcript, "the run %s%s\n",
               run->was_killed ? "was killed"
               : run->ok       ? "ends"
                               : "fails: ",
               run->ok || run->was_killed ? "" : run->err.text);
    if (heap_first(&world.events) != NULL)
        world_wrong("the program ended and left something under way");
}

bool program_errand(struct program *program, bool (*act)(struct house *house, struct err *err),
                    struct err *err)
{
    struct house house = {0};
    int fd = memfd_create("story", MFD_CLOEXEC);
    world.is_killed = false;
    world.n_waits = world.most_at_once = 0;
    world.give_up_at_ms = world.now_ms + RUN_MAX_MS;
    house_open_net(program, &house);
    house.log = log_new(fd, LOG_LEVEL_INFO, false, house.clock);
    bool ok = house_begin(program, false, &house, err) && act(&house, err);
    program->errand_was_killed = world.is_killed;
    house_end(&house);
    world_wake();
    take_log(program, fd);
    transcript_time(program);
    buf_printf(&program->transcript, "the errand %s%s\n",
               program->errand_was_killed ? "was killed"
               : ok                       ? "ends"
                                          : "fails: ",
               ok || program->errand_was_killed ? "" : err->text);
    return ok;
}

void program_run(struct program *program, bool forced, bool retries, struct run *run)
{
    struct by_hand hand = {forced, retries};
    run_around(program, run_inside, &hand, run);
}

/* ---- the daemon ---- */

struct serving {
    struct house *house;
    struct program_service service;
    int64_t began_at_ms;
    size_t n_asked;
};

/* As other processes would, between two turns. */
static void ask_others(struct serving *s)
{
    static const char *const main_set[] = {"main", NULL};
    const struct leader_options options = {
        .request = REQUEST_ISSUE, .only = main_set, .forced = true, .patience_ms = MS_MINUTE};
    int64_t id;
    if (world.now_ms < s->began_at_ms + s->service.ask_after_ms)
        return;
    for (; s->n_asked < s->service.n_asks; s->n_asked++)
        if (!request_file(s->house, &options, &id, NULL))
            return;
}

/* The dead serve nobody: they unwind. */
static void serve_hear(void *arg, enum serve_news news, const char *text)
{
    struct serving *s = arg;
    (void)text;
    world.n_waits = 0;
    if (news == SERVE_TURN && !world.is_killed)
        ask_others(s);
    if (world.is_killed || world.now_ms >= s->began_at_ms + s->service.for_ms)
        world.n_stops = 1;
}

static bool serve_inside(struct house *house, const void *arg, struct run *run)
{
    struct serving s = {.house = house,
                        .service = *(const struct program_service *)arg,
                        .began_at_ms = world.now_ms};
    struct serve_options options = {.notify = serve_hear, .arg = &s};
    world.give_up_at_ms = world.now_ms + s.service.for_ms + RUN_MAX_MS;
    bool ok = leader_serve(house, &options, &run->err);
    world.n_stops = 0;
    return ok;
}

void program_serve(struct program *program, const struct program_service *service, struct run *run)
{
    run_around(program, serve_inside, service, run);
}

struct persisting {
    const char *set;
    bool removes;
    int64_t for_ms;
};

static bool persist_inside(struct house *house, const void *arg, struct run *run)
{
    const struct persisting *p = arg;
    struct persist_options options = {
        .publishes = true, .until_at_ms = p->for_ms != 0 ? house_now(house) + p->for_ms : 0};
    struct persist_report report = {0};
    struct register_result seen;
    struct set_config *set = NULL;
    bool ok = register_refresh(house, &seen, &run->err);
    if (ok && p->removes) {
        ok = leader_persist_remove(house, p->set, 0, &report.n_removed, &run->err) ||
             run->err.kind == ERR_ABSENT; /* removed before */
    } else if (ok) {
        ok = register_set(house, p->set, &set, &run->err) &&
             leader_persist(house, set, &options, &report, &run->err);
    }
    persist_report_fini(&report);
    set_config_free(set);
    return ok;
}

void program_persist(struct program *program, const char *set, bool removes, int64_t for_ms,
                     struct run *run)
{
    struct persisting p = {set, removes, for_ms};
    run_around(program, persist_inside, &p, run);
}

bool program_revoke(struct program *program, const char *set, bool now, struct err *err)
{
    struct house house = {0};
    struct certificate *held = NULL;
    struct revocation_wish wish = {.reason = REASON_KEY_COMPROMISE, .now = now};
    house_open_net(program, &house);
    world.give_up_at_ms = world.now_ms + RUN_MAX_MS;
    bool ok = house_begin(program, false, &house, err) &&
              held_current(&house, set, false, &held, err) &&
              held_revocation_ask(&house, held->id, &wish, err);
    certificate_free(held);
    house_end(&house);
    return ok;
}
