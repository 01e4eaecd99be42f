/*
 * Looking TXT records up for validations: small questions over UDP to one server (authoritative or
 * a resolver), asked again each second, four times at most. Aliases that the server does not
 * follow are asked for.
 *
 * The owner polls txt_look_fd for reading, calls txt_look_input then, and txt_look_tick when its
 * time has come.
 */
#ifndef FAKE_TXT_LOOK_H
#define FAKE_TXT_LOOK_H

#include "fake/ca_core.h"

struct txt_look;
/* address: "127.0.0.1:5353". Verdicts go to ca by fake_ca_txt_heard. NULL with the error. */
struct txt_look *txt_look_open(const char *address, struct fake_ca *ca, struct err *err);
void txt_look_free(struct txt_look *look);
int txt_look_fd(const struct txt_look *look);
/* The callback txt_ask of fake_ca_options; ctx points to a struct txt_look *. */
void txt_look_ask(void *ctx, const char *owner_name, const char *value, size_t ticket);
void txt_look_input(struct txt_look *look);
/* Asks again or gives up what waited too long; gives the boot time when it must run next. */
int64_t txt_look_tick(struct txt_look *look);

#endif
