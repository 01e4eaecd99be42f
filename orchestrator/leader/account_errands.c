#include "leader/account_errands.h"

#include "leader/errand.h"

bool leader_account(struct house *house, const char *authority, char **ret_url, struct err *err)
{
    struct errand errand;
    bool ok = errand_open(&errand, house, authority, "account", err);
    if (ok)
        ca_ask_account(errand.ca);
    ok = ok && errand_prepare(&errand, err);
    if (ok)
        *ret_url = mem_strdup(ca_account_url(errand.ca));
    errand_close(&errand);
    return ok;
}
