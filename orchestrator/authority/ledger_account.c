/* Registrations: a CA counts them by address, we by host, and all of them together for the addresses they may share. */
#include "authority/ledger_inside.h"
#include "inventory/config.h"

#include <stdio.h>
#include <unistd.h>

void ledger_host(char out[LEDGER_HOST_MAX])
{
    if (gethostname(out, LEDGER_HOST_MAX - 1) != 0)
        snprintf(out, LEDGER_HOST_MAX, "localhost");
    out[LEDGER_HOST_MAX - 1] = '\0';
}

static bool registration_judge(struct house *house, const char *directory, enum ca_limit limit,
                               const char *subject, int64_t now_ms, struct ledger_answer *answer,
                               struct err *err)
{
    const struct ca_rate *rate = &config_limits(house->config, directory)->rates[limit];
    AUTO(ledger_bucket_fini)
    struct ledger_bucket b = {0};
    ledger_bucket_init(&b, limit, subject, NULL);
    if (!ledger_bucket_load(house, directory, rate, now_ms, &b, err))
        return false;
    ledger_bucket_judge(&b, rate, b.n_reserved, now_ms, answer);
    return true;
}

static bool registration_reserve(struct house *house, const char *directory, const char *owner,
                                 struct ledger_answer *answer, struct err *err)
{
    static const enum ca_limit limits[] = {CA_LIMIT_REGISTRATIONS, CA_LIMIT_REGISTRATIONS_SITE};
    const struct ca_limits *known = config_limits(house->config, directory);
    char host[LEDGER_HOST_MAX];
    const char *subjects[] = {host, ""};
    int64_t now_ms;
    ledger_host(host);
    if (!ledger_now(house, &now_ms, err))
        return false;
    *answer = (struct ledger_answer){.may = true, .at_ms = now_ms, .limit = "", .left = INT64_MAX};
    for (size_t i = 0; i < 2; i++)
        if (!registration_judge(house, directory, limits[i], subjects[i], now_ms, answer, err))
            return false;
    for (size_t i = 0; answer->may && i < 2; i++)
        if (known->rates[limits[i]].count > 0 &&
            !store_run(house->store, NULL, err, SQL_LEDGER_RESERVE, "tttttiii", owner, directory,
                       ca_limit_name(limits[i]), subjects[i], "",
                       known->rates[limits[i]].bucket.gap, INT64_C(1), now_ms))
            return false;
    return true;
}

bool ledger_reserve_registration(struct house *house, const char *directory, const char *owner,
                                 struct ledger_answer *ret, struct err *err)
{
    struct ledger_answer answer;
    bool is_own = !store_in_transaction(house->store);
    if (is_own && !store_begin(house->store, err))
        return false;
    if (!registration_reserve(house, directory, owner, &answer, err) ||
        (is_own && !store_commit(house->store, err))) {
        if (is_own)
            store_rollback(house->store);
        return false;
    }
    *ret = answer;
    return true;
}
