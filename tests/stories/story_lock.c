/* The exposed lock in a story: somebody else takes it, between runs or in the middle of one. */
#include "story.h"

#include "authority/lock.h"
#include "inventory/config.h"

#include <stdio.h>

#define ACT(name) static void name(struct story *s, const struct args *a)

struct locker { /* one a story */
    struct event event;
    struct story *story;
    char name[WORD_MAX];
    int64_t ttl_ms;
    bool is_held;
    char refusal[1024]; /* of the last try; "": it was granted */
};
static struct locker locker;

static void locker_take(struct locker *l)
{
    struct house house;
    struct err err = {0};
    struct lock_grant grant;
    struct lock_ask ask = {
        .name = l->name, .client = "web1", .purpose = "certbot", .ttl_ms = l->ttl_ms};
    if (!program_act(&l->story->program, &house, &err)) {
        story_fail(l->story, "%s", err.text);
        return;
    }
    l->refusal[0] = '\0';
    l->is_held = lock_take(&house, &ask, &grant, &err);
    if (!l->is_held)
        snprintf(l->refusal, sizeof l->refusal, "%s", err.text);
    program_look_end(&house);
}

static void locker_happen(struct event *event)
{
    locker_take((struct locker *)event);
}

static void locker_set(struct story *s, const struct args *a, int64_t ttl_ms)
{
    locker = (struct locker){.story = s, .ttl_ms = ttl_ms};
    locker.event.happen = locker_happen;
    snprintf(locker.name, sizeof locker.name, "%s", a->w[0]);
}

ACT(taken)
{
    locker_set(s, a, a->n[0]);
    locker_take(&locker);
    if (!locker.is_held && !s->failed)
        story_fail(s, "the lock was refused: %s", locker.refusal);
}
ACT(tried_later)
{
    locker_set(s, a, MS_MINUTE);
    snprintf(locker.refusal, sizeof locker.refusal, "it was not tried yet");
    world_later(&locker.event, a->n[0]);
}
ACT(was_granted)
{
    (void)a;
    if (!locker.is_held)
        story_fail(s, "the lock was refused: %s", locker.refusal);
}
ACT(was_refused)
{
    if (locker.is_held || strstr(locker.refusal, a->w[0]) == NULL)
        story_fail(s, "the lock %s%s",
                   locker.is_held ? "was granted" : "was refused: ", locker.refusal);
}

ACT(left_to_the_lock)
{
    expect_number(s, "sets left for a lock's sake", (int64_t)s->run.result.renewal.n_locked,
                  a->n[0], a->n[0]);
}

const struct clause story_lock_clauses[] = {
    {"lock", "%w for %t", "somebody else takes the lock of a name now", taken},
    {"lock", "%w is tried after %t", "of time from here on, in the middle of a run as well",
     tried_later},
    {"expect", "the lock was granted", "", was_granted},
    {"expect", "the lock was refused %s", "with these words", was_refused},
    {"expect", "%n left to the lock", "sets, by the last run", left_to_the_lock},
    {NULL, NULL, NULL, NULL},
};
