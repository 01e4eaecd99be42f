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

/* One by one only the records of a name are looked at, and only where they are looked for. */
void find_each_check(struct checking *c)
{
    static const char *const others[] = {"read", "add", "remove", "write", "create", "clear"};
    const struct json *find = json_find(c->tree, "find");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (json_find(json_find(c->tree, others[i]), "each") != NULL)
            complaints_add_key(c->complaints, c->doc, json_find(c->tree, others[i]), "each",
                               "\"each\" has a meaning in \"find\" only");
    if (json_find(find, "each") != NULL && json_find(c->tree, "batch") != NULL)
        complaints_add_key(c->complaints, c->doc, find, "each",
                           "\"each\" goes through records one by one and cannot serve a batch");
}

void session_check(struct checking *c)
{
    const struct json *session = json_find(c->tree, "session");
    if (json_bool(session, "share", false) && json_int(session, "for", 0) <= 0)
        complaints_add_key(c->complaints, c->doc, session, "share",
                           "a session that is shared needs \"for\": how long it is good");
}
