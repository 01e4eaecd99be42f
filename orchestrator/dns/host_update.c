#include "dns/host_inner.h"

enum { DNS_PORT = 53, KEY_MAX = 4096 };

void host_update_fini(struct host_update *update)
{
    secret_fini(&update->key);
    *update = (struct host_update){0};
}

static void update_send(struct host_job *job);

static void answer_err(struct host_job *job, const struct err *err)
{
    host_update_fini(&job->update);
    host_job_answer(job, &(struct dns_answer){.err = err});
}

static void targets_add(struct host_update *update, const struct net_address *addresses, size_t n)
{
    for (size_t i = 0; i < n && update->n_targets < HOST_TARGETS_MAX; i++)
        update->targets[update->n_targets++] = addresses[i];
}

/* A server that is out of order says nothing about the next; one that refuses speaks for all, unless it was only guessed that it might
 * take updates. */
static bool update_goes_on(const struct host_update *update, const struct err *err)
{
    if (update->at + 1 >= update->n_targets)
        return false;
    return err->kind == ERR_AGAIN || err->kind == ERR_LOCAL || update->is_guess;
}

static void update_done(void *arg, const struct err *err)
{
    struct host_job *job = arg;
    struct host_update *update = &job->update;
    struct err joined = {0};
    job->dns = NULL;
    if (err == NULL) {
        answer_err(job, NULL);
        return;
    }
    joined = *err;
    if (update->failures.kind != ERR_NONE)
        err_set(&joined, err->kind, "%s; %s", update->failures.text, err->text);
    if (update_goes_on(update, err)) {
        update->failures = joined;
        update->at++;
        update_send(job);
        return;
    }
    answer_err(job, &joined);
}

static void update_send_later(void *arg)
{
    struct host_job *job = arg;
    job->pause = NULL;
    update_send(job);
}

/* The servers before may have taken their time. */
static void update_send(struct host_job *job)
{
    const struct dns_wish_update *wish = &job->wish.update;
    if (host_wish_awaits_lead(job, update_send_later))
        return;
    struct dns_change *changes = NEW_N(wish->n + 1, struct dns_change);
    for (size_t i = 0; i < wish->n; i++) {
        const struct dns_job_record *record = &job->job.records[wish->from + i];
        changes[i] = (struct dns_change){.add = record->present,
                                         .owner = record->owner,
                                         .ttl_s = record->ttl_s,
                                         .value = record->value};
    }
    struct dns_update update = {
        .zone = job->job.zone,
        .server = job->update.targets[job->update.at],
        .udp_first = wish->udp_first,
        .tsig_name = wish->tsig_name,
        .tsig_algorithm = wish->tsig_algorithm,
        .tsig_secret = wish->tsig_secret != NULL ? &job->update.key : NULL,
        .changes = changes,
        .n_changes = wish->n,
    };
    job->dns = dns_update(job->host->house->dns, &update, update_done, job);
    mem_free(changes);
}

static void server_resolved(void *arg, const struct net_address *addresses, size_t n,
                            const struct err *err)
{
    struct host_job *job = arg;
    job->resolve = NULL;
    if (n == 0) {
        answer_err(job, err);
        return;
    }
    targets_add(&job->update, addresses, n);
    update_send(job);
}

/* "ns1.example.com:5353" -> host and port; without a port the whole is the host. */
static char *server_host(const char *server, uint16_t *ret_port)
{
    struct str text = str_of(server);
    size_t colon = str_find_char(text, ':');
    int64_t port = 0;
    *ret_port = DNS_PORT;
    if (colon < text.len && str_to_i64(str_mem(text.p + colon + 1, text.len - colon - 1), &port) &&
        port > 0 && port <= UINT16_MAX) {
        *ret_port = (uint16_t)port;
        text.len = colon;
    }
    return mem_strndup(text.p, text.len);
}

static void targets_of_zone(struct host_job *job)
{
    const struct zone_info *zone = job->zone;
    struct host_update *update = &job->update;
    targets_add(update, zone->primary_addresses, zone->n_primary_addresses);
    update->is_guess = update->n_targets == 0;
    for (size_t i = 0; update->is_guess && i < zone->n_servers; i++)
        targets_add(update, zone->servers[i].addresses, zone->servers[i].n_addresses);
}

static void nobody_found(void *arg)
{
    struct host_job *job = arg;
    struct err err;
    job->pause = NULL;
    err_set(&err, ERR_ABSENT, "no name server of %s has an address: set `server`", job->job.zone);
    answer_err(job, &err);
}

static void send_first(struct host_job *job)
{
    const char *server = job->wish.update.server;
    struct net_address address;
    if (server == NULL) {
        targets_of_zone(job);
    } else if (net_address_parse(str_of(server), DNS_PORT, &address)) {
        targets_add(&job->update, &address, 1);
    } else {
        uint16_t port;
        AUTO(mem_fini)
        char *host = server_host(server, &port);
        job->resolve = resolve_start(host_job_loop(job), host, port, server_resolved, job);
        return;
    }
    if (job->update.n_targets > 0)
        update_send(job);
    else
        job->pause = timer_start(host_job_loop(job), 0, nobody_found, job);
}

static bool key_decode(struct host_job *job, struct err *err)
{
    AUTO(buf_fini)
    struct buf bytes = BUF(KEY_MAX);
    const char *path = job->wish.update.tsig_secret;
    const struct secret *text;
    if (!host_secret_find(job, str_of(path), &text, err))
        return false;
    if (!base64_decode_any(&bytes, secret_str(text)) || bytes.len == 0)
        return err_set(err, ERR_CONFIG, "%s is not a secret in base64", path);
    secret_take_buf(&job->update.key, &bytes);
    host_secret_mask(job->host, secret_str(&job->update.key));
    return true;
}

bool host_update_start(struct host_job *job, struct err *err)
{
    const struct dns_wish_update *wish = &job->wish.update;
    host_update_fini(&job->update);
    if (wish->from > job->job.n_records || wish->n > job->job.n_records - wish->from)
        return err_set(err, ERR_BROKEN,
                       "its module wishes to change records that the job does not have");
    if (wish->tsig_secret != NULL && !key_decode(job, err))
        return false;
    send_first(job);
    return true;
}
