#include "inventory/asks.h"

#include <string.h>

struct asks {
    struct ask *asks;
    size_t n;
    char **own; /* NULL-terminated; NULL: all */
    bool lasts;
};

struct asks *asks_new(const char *const *only, unsigned parts, bool forced, bool retries,
                      bool lasts)
{
    struct asks *asks = NEW(struct asks);
    struct ask ask = {.parts = parts, .forced = forced, .retries = retries};
    size_t n = 0;
    asks->lasts = lasts;
    if (only == NULL) {
        asks_add(asks, &ask);
        return asks;
    }
    while (only[n] != NULL)
        n++;
    asks->own = NEW_N(n + 1, char *);
    for (size_t i = 0; i < n; i++) {
        ask.set = asks->own[i] = mem_strdup(only[i]);
        asks_add(asks, &ask);
    }
    asks->own[n] = NULL;
    return asks;
}

static void ask_fini(struct ask *ask)
{
    char *set = (char *)(uintptr_t)ask->set;
    char *reason = (char *)(uintptr_t)ask->override_reason;
    mem_free(set);
    mem_free(reason);
    *ask = (struct ask){0};
}

void asks_free(struct asks *asks)
{
    if (asks == NULL)
        return;
    for (size_t i = 0; i < asks->n; i++)
        ask_fini(&asks->asks[i]);
    for (size_t i = 0; asks->own != NULL && asks->own[i] != NULL; i++)
        mem_free(asks->own[i]);
    mem_free(asks->own);
    mem_free(asks->asks);
    mem_free(asks);
}

void asks_add(struct asks *asks, const struct ask *ask)
{
    asks->asks = mem_grow(asks->asks, asks->n, asks->n + 1, sizeof *asks->asks);
    asks->asks[asks->n] = *ask;
    asks->asks[asks->n].override_reason = mem_strdup(ask->override_reason);
    asks->asks[asks->n++].set = mem_strdup(ask->set);
}

/* Places stay, for the sake of the cursors: an ask without parts is for nobody. */
void asks_drop(struct asks *asks, int64_t id)
{
    for (size_t i = 0; i < asks->n; i++)
        if (asks->asks[i].id == id)
            ask_fini(&asks->asks[i]);
}

const struct ask *asks_next(const struct asks *asks, unsigned part, size_t *cursor)
{
    while (*cursor < asks->n) {
        const struct ask *ask = &asks->asks[(*cursor)++];
        if ((ask->parts & part) != 0)
            return ask;
    }
    return NULL;
}

bool asks_lasts(const struct asks *asks)
{
    for (size_t i = 0; i < asks->n; i++)
        if (asks->asks[i].id != 0)
            return true;
    return asks->lasts;
}

bool asks_want_all(const struct asks *asks, unsigned part)
{
    for (size_t i = 0; i < asks->n; i++)
        if ((asks->asks[i].parts & part) != 0 && asks->asks[i].set == NULL)
            return true;
    return false;
}

static bool ask_is_about(const struct ask *ask, unsigned part, const char *set)
{
    return (ask->parts & part) != 0 && (ask->set == NULL || strcmp(ask->set, set) == 0);
}

bool asks_want(const struct asks *asks, unsigned part, const char *set)
{
    for (size_t i = 0; i < asks->n; i++)
        if (ask_is_about(&asks->asks[i], part, set))
            return true;
    return false;
}

bool asks_force(const struct asks *asks, unsigned part, const char *set)
{
    for (size_t i = 0; i < asks->n; i++) {
        const struct ask *ask = &asks->asks[i];
        bool is_for_it = part == ASK_RENEW || (ask->parts & ASK_RENEW) == 0;
        if (ask->forced && is_for_it && ask_is_about(ask, part, set))
            return true;
    }
    return false;
}

bool asks_by_hand(const struct asks *asks, const char *set)
{
    for (size_t i = 0; i < asks->n; i++) {
        const struct ask *ask = &asks->asks[i];
        if ((ask->forced || ask->retries) && ask->set != NULL && ask_is_about(ask, ASK_RENEW, set))
            return true;
    }
    return false;
}

bool asks_retry(const struct asks *asks, const char *set)
{
    for (size_t i = 0; i < asks->n; i++)
        if (asks->asks[i].retries && ask_is_about(&asks->asks[i], ASK_RENEW, set))
            return true;
    return false;
}

const char *const *asks_own(const struct asks *asks)
{
    return (const char *const *)asks->own;
}

bool asks_is_own(const struct asks *asks, const char *set)
{
    for (size_t i = 0; asks->own != NULL && asks->own[i] != NULL; i++)
        if (strcmp(asks->own[i], set) == 0)
            return true;
    return asks->own == NULL;
}

const char *asks_override(const struct asks *asks, const char *set)
{
    for (size_t i = 0; i < asks->n; i++) {
        const struct ask *ask = &asks->asks[i];
        if (ask->override_reason != NULL && ask->set != NULL && strcmp(ask->set, set) == 0)
            return ask->override_reason;
    }
    return NULL;
}

void asks_override_own(struct asks *asks, const char *reason)
{
    for (size_t i = 0; i < asks->n; i++)
        if (asks->asks[i].id == 0 && asks->asks[i].override_reason == NULL)
            asks->asks[i].override_reason = mem_strdup(reason);
}
