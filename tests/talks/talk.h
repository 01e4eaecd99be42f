/*
 * A talk: what a provider asks and hears during one job, written down as JSON (docs/WRITING_PROVIDERS.md describes the members) and replayed
 * against the provider's step function. Nothing is sent anywhere.
 */
#ifndef TALKS_TALK_H
#define TALKS_TALK_H

#include "base/json.h"

/* Replays it whole, then once more cut off after each step, as a crash would. err says the first thing that is not as written. */
bool talk_replay(const struct json *talk, struct err *err);

#endif
