/*
 * What a person does with an account at a CA, by hand.
 */
#ifndef LEADER_ACCOUNT_ERRANDS_H
#define LEADER_ACCOUNT_ERRANDS_H

#include "inventory/house.h"

/* Registers or finds the account of an authority and gives its URL (the caller frees). */
bool leader_account(struct house *house, const char *authority, char **ret_url, struct err *err);

#endif
