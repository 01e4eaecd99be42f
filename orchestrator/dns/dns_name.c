#include "dns/dns_name.h"

enum { NAME_LEN_MAX = 253, LABEL_LEN_MAX = 63 };

static bool label_is_good(struct str label)
{
    for (size_t i = 0; i < label.len; i++)
        if (label.p[i] <= 0x20 || label.p[i] >= 0x7f || label.p[i] == '\\')
            return false;
    return label.len >= 1 && label.len <= LABEL_LEN_MAX;
}

char *dns_name_normalise(const char *text)
{
    struct str name = str_of(text), rest, label;
    if (str_ends(name, STR(".")))
        name.len--;
    if (name.len == 0 || name.len > NAME_LEN_MAX)
        return NULL;
    for (rest = name; str_split(&rest, '.', &label);)
        if (!label_is_good(label))
            return NULL;
    char *copy = mem_strndup(name.p, name.len);
    for (char *p = copy; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + ('a' - 'A'));
    return copy;
}

const char *dns_name_parent(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot != NULL ? dot + 1 : "";
}

bool dns_name_is_below(const char *name, const char *zone)
{
    size_t len = strlen(name), zone_len = strlen(zone);
    if (zone_len == 0)
        return true;
    return len >= zone_len && strcmp(name + len - zone_len, zone) == 0 &&
           (len == zone_len || name[len - zone_len - 1] == '.');
}

size_t dns_name_n_labels(const char *name)
{
    size_t n = name[0] != '\0' ? 1 : 0;
    for (; *name != '\0'; name++)
        n += *name == '.' ? 1 : 0;
    return n;
}

void name_map_fini(struct name_map *map)
{
    for (size_t i = 0; i < map->n; i++)
        mem_free(map->rows[i].name);
    mem_free(map->rows);
    *map = (struct name_map){0};
}

/* Index of the first row that is not before name. */
static size_t map_place(const struct name_map *map, const char *name)
{
    size_t low = 0, high = map->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(map->rows[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool map_has_at(const struct name_map *map, size_t i, const char *name)
{
    return i < map->n && strcmp(map->rows[i].name, name) == 0;
}

void *name_map_find(const struct name_map *map, const char *name)
{
    size_t i = map_place(map, name);
    return map_has_at(map, i, name) ? map->rows[i].value : NULL;
}

void name_map_set(struct name_map *map, const char *name, void *value)
{
    size_t i = map_place(map, name);
    if (map_has_at(map, i, name)) {
        map->rows[i].value = value;
        return;
    }
    if (map->n == map->cap) {
        size_t cap = map->cap > 0 ? 2 * map->cap : 16;
        map->rows = mem_grow(map->rows, map->cap, cap, sizeof *map->rows);
        map->cap = cap;
    }
    memmove(map->rows + i + 1, map->rows + i, (map->n - i) * sizeof *map->rows);
    map->rows[i] = (struct name_map_row){mem_strdup(name), value};
    map->n++;
}

void name_map_remove(struct name_map *map, const char *name)
{
    size_t i = map_place(map, name);
    if (!map_has_at(map, i, name))
        return;
    mem_free(map->rows[i].name);
    map->n--;
    memmove(map->rows + i, map->rows + i + 1, (map->n - i) * sizeof *map->rows);
}
