/*
 * The step KEY, inside the turn's transaction: a job's key is made, kept or asked for, and the certificate request stored beside it - all before
 * anything is ordered.
 */
#include "inventory/event.h"
#include "inventory/held.h"
#include "inventory/register.h"
#include "renewal/driver.h"
#include "renewal/key_choice.h"
#include "renewal/key_making.h"
#include "renewal/request_asking.h"

/* ---- what comes later ---- */

static void job_waits(struct job *job, bool waits)
{
    job->keying = waits;
    if (waits)
        job->driver->n_out++;
    else
        job->driver->n_out--;
}

static void job_key_made(void *arg, struct key *take_key)
{
    struct job *job = arg;
    job->making = NULL;
    job_waits(job, false);
    job->made_key = take_key;
    job_touch(job);
}

static void job_make_key(struct job *job, enum key_kind kind)
{
    job->record->key_kind = kind;
    if (!key_kind_is_slow(kind)) {
        job->made_key = key_new(kind);
        return;
    }
    job_waits(job, true);
    house_say(job->driver->house, job->record->order->set_name, "key", "making an %s key",
              key_kind_name(kind));
    job->making = key_making_start(job->driver->house->loop, kind, job_key_made, job);
}

static void job_request_heard(void *arg, struct str bytes, const struct err *err)
{
    struct job *job = arg;
    job->asking = NULL;
    job_waits(job, false);
    job->has_request = true;
    job->request_failure = err != NULL ? *err : (struct err){.kind = ERR_NONE};
    buf_clear(&job->record->order->csr);
    buf_add_str(&job->record->order->csr, bytes);
    job_touch(job);
}

static void job_ask_request(struct job *job, const struct set_config *set)
{
    struct house *house = job->driver->house;
    job_waits(job, true);
    house_say(house, set->name, "key", "asking for the certificate request (%s)", set->csr);
    job->asking = request_ask(house->loop, house->config, set->csr, job_request_heard, job);
}

/* ---- what is stored ---- */

static void order_take_key(struct order *order, const char *spki)
{
    memcpy(order->spki, spki, SPKI_HEX_MAX);
    order->has_key = true;
}

static bool order_request_make(struct order *order, const struct key *key, struct err *err)
{
    char spki[SPKI_HEX_MAX];
    buf_clear(&order->csr);
    if (!csr_new(key, (const char *const *)order->names, order->n_names, &order->csr, err))
        return false;
    key_spki(key, spki);
    order_take_key(order, spki);
    return true;
}

static bool job_take_made(struct job *job, struct err *err)
{
    struct order_record *record = job->record;
    if (!held_key_save(job->driver->house, job->made_key, "leaf", &record->key_id, err) ||
        !order_request_make(record->order, job->made_key, err))
        return false;
    key_free(job->made_key);
    job->made_key = NULL;
    return true;
}

static bool job_take_kept(struct job *job, int64_t key_id, struct err *err)
{
    struct order_record *record = job->record;
    AUTO(key_fini)
    struct key *key = NULL;
    if (!held_key_load(job->driver->house, key_id, &key, err) ||
        !order_request_make(record->order, key, err))
        return false;
    record->key_id = key_id;
    record->key_kind = key_kind(key);
    return true;
}

/* Checked before anything is ordered: what a CA would refuse at the end costs nothing here. */
static bool job_take_request(struct job *job, struct err *err)
{
    struct order_record *record = job->record;
    struct order *order = record->order;
    AUTO(csr_facts_fini)
    struct csr_facts facts = {0};
    job->has_request = false;
    if (job->request_failure.kind != ERR_NONE)
        return err_set(err, job->request_failure.kind, "%s", job->request_failure.text);
    if (!csr_parse(buf_str(&order->csr), &facts, err) ||
        !request_admit(job->driver->house, &facts, (const char *const *)order->names,
                       order->n_names, err)) {
        buf_clear(&order->csr);
        return false;
    }
    buf_clear(&order->csr);
    buf_add_str(&order->csr, buf_str(&facts.der));
    order_take_key(order, facts.spki_hex);
    order->key_is_elsewhere = true;
    record->key_id = 0;
    record->key_kind = facts.kind;
    return true;
}

/* ---- choosing ---- */

static const struct certificate *unit_find(struct certificate *const *unit, size_t n,
                                           const char *lane)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(unit[i]->lane != NULL ? unit[i]->lane : "", lane != NULL ? lane : "") == 0)
            return unit[i];
    return NULL;
}

static bool job_choose(struct job *job, const struct set_config *set, struct key_choice *ret,
                       struct err *err)
{
    struct house *house = job->driver->house;
    struct certificate **unit = NULL;
    size_t n = 0;
    if (!held_unit(house, job->record->order->set_name, false, &unit, &n, err))
        return false;
    bool ok = key_choose(house, set, unit_find(unit, n, job->record->lane), job->record->key_kind,
                         ret, err);
    certificates_free(unit, n);
    return ok;
}

static bool job_begin_key(struct job *job, struct err *err)
{
    struct order *order = job->record->order;
    struct house *house = job->driver->house;
    struct set_config *set = NULL;
    struct key_choice choice;
    job->wants_key = false;
    register_set(house, order->set_name, &set, NULL);
    bool ok = job_choose(job, set, &choice, err);
    if (ok && choice.is_kept_lost)
        event_write(house, EVENT_KEY_NOT_KEPT, order->set_name, order->id,
                    "the key that was to be kept was reported compromised; a new %s key is made",
                    key_kind_name(choice.kind));
    if (ok) {
        switch (choice.way) {
        case KEY_IS_MADE:
            job_make_key(job, choice.kind);
            break;
        case KEY_IS_KEPT:
            ok = job_take_kept(job, choice.key_id, err);
            break;
        case KEY_IS_ELSEWHERE:
            job_ask_request(job, set);
            break;
        }
    }
    set_config_free(set);
    return ok;
}

bool job_settle_key(struct job *job, struct err *err)
{
    bool had_key = job->record->order->has_key;
    if (job->wants_key && !job_begin_key(job, err))
        return false;
    if (job->made_key != NULL && !job_take_made(job, err))
        return false;
    if (job->has_request && !job_take_request(job, err))
        return false;
    if (!had_key && job->record->order->has_key)
        job_run(job);
    return true;
}

void job_key_drop(struct job *job)
{
    key_making_abandon(job->making);
    request_abandon(job->asking);
    key_free(job->made_key);
    job->making = NULL;
    job->asking = NULL;
    job->made_key = NULL;
    job->has_request = job->wants_key = false;
}
