#include "base/xml.h"
#include "dns-providers/manifest/check_inside.h"

enum { PLACES_MAX = 32 };

void places_check(struct checking *c, const struct json *places)
{
    if (!json_is(places, JSON_ARRAY) || json_len(places) > PLACES_MAX)
        complaints_add(c->complaints, c->doc, places, "arrays: up to %d places are expected",
                       PLACES_MAX);
    for (size_t i = 0; json_is(places, JSON_ARRAY) && i < json_len(places); i++) {
        const char *place = json_as_text(json_at(places, i));
        if (place == NULL || !xml_place_is_good(str_of(place)))
            complaints_add(c->complaints, c->doc, json_at(places, i),
                           "arrays: \"%s\" is no place of elements, as \"data/value\"",
                           place != NULL ? place : "");
    }
}

void clock_check(struct checking *c)
{
    const struct json *clock = json_find(c->tree, "clock"), *call = json_find(clock, "call");
    const char *auth = json_text(call, "auth");
    if (call != NULL && json_find(clock, "time") == NULL)
        complaints_add(c->complaints, c->doc, clock,
                       "clock: \"time\" says where its answer has it");
    if (call != NULL && (auth == NULL || strcmp(auth, "none") != 0))
        complaints_add(c->complaints, c->doc, call, "clock: its call needs \"auth: none\"");
    if (clock != NULL && call == NULL && !json_bool(clock, "date", false))
        complaints_add(c->complaints, c->doc, clock, "clock: a call, or date: true");
}
