#include "inner.h"

enum { TTL_S = 60 };

/* "@" is the zone, "www" is below it, "ns.example.net." stands for itself. */
static char *name_complete(const char *name, const char *zone)
{
    size_t len = strlen(name);
    if (strcmp(name, "@") == 0)
        return mem_strdup(zone);
    if (len > 0 && name[len - 1] == '.')
        return mem_strndup(name, len - 1);
    return zone[0] != '\0' ? mem_printf("%s.%s", name, zone) : mem_strdup(name);
}

static bool type_is_name(int type)
{
    return type == TYPE_NS || type == TYPE_CNAME || type == TYPE_DNAME || type == TYPE_SOA;
}

static bool record_load(struct fake_dns *world, const char *zone, const struct json *row,
                        struct err *err)
{
    const char *owner = json_as_text(json_at(row, 0)), *type = json_as_text(json_at(row, 1));
    const char *data = json_as_text(json_at(row, 2));
    if (owner == NULL || type == NULL || data == NULL || wire_type_find(type) == 0)
        return err_set(err, ERR_CONFIG,
                       "zone %s: a record is [owner, type, data] or [owner, type, data, ttl]",
                       zone);
    AUTO(mem_fini)
    char *name = name_complete(owner, zone);
    AUTO(mem_fini)
    char *whole = type_is_name(wire_type_find(type)) ? name_complete(data, zone) : mem_strdup(data);
    if (!name_is_below(name, zone))
        return err_set(err, ERR_CONFIG, "zone %s: %s is outside", zone, name);
    fake_dns_add(world, zone, name, type, whole, (uint32_t)json_as_int(json_at(row, 3), TTL_S));
    return true;
}

bool fake_dns_load(struct fake_dns *world, const struct json *tree, struct err *err)
{
    const struct json *zones = json_find(tree, "zones"), *rows;
    const char *zone;
    if (!json_is(zones, JSON_OBJECT))
        return err_set(err, ERR_CONFIG, "zones are missing");
    for (void *at = NULL; json_next(zones, &at, &zone, &rows);) {
        fake_dns_zone(world, zone);
        for (size_t i = 0; i < json_len(rows); i++)
            if (!record_load(world, zone, json_at(rows, i), err))
                return false;
    }
    return true;
}
