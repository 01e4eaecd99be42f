#include "inner.h"

#include <stdio.h>
#include <unistd.h>

static bool rule_fits(const struct rule *rule, const char *name, int type)
{
    return (rule->name == NULL || strcmp(rule->name, name) == 0) &&
           (rule->type == type || (rule->type == 0 && type != FAKE_UPDATE));
}

static int rule_weight(const struct rule *rule)
{
    return (rule->name != NULL ? 2 : 0) + (rule->type != 0 ? 1 : 0);
}

static void rule_drop(struct fake_host *host, struct rule *rule)
{
    struct rule **at = &host->rules;
    while (*at != rule)
        at = &(*at)->next;
    *at = rule->next;
    mem_free(rule->name);
    mem_free(rule);
}

enum fake_act fake_rule(struct fake_host *host, const char *name, int type)
{
    struct rule *best = NULL;
    for (struct rule *rule = host->rules; rule != NULL; rule = rule->next)
        if (rule_fits(rule, name, type) && (best == NULL || rule_weight(rule) > rule_weight(best)))
            best = rule;
    if (best == NULL)
        return FAKE_ANSWER;
    enum fake_act act = best->act;
    if (best->n > 0 && --best->n == 0)
        rule_drop(host, best);
    return act;
}

static bool rule_is_same(const struct rule *rule, const char *name, int type)
{
    bool same_name =
        name == NULL ? rule->name == NULL : rule->name != NULL && strcmp(rule->name, name) == 0;
    return same_name && rule->type == type;
}

void fake_host_say(struct fake_host *host, const char *name, int type, enum fake_act act, int n)
{
    pthread_mutex_lock(&host->world->lock);
    for (struct rule *rule = host->rules, *next; rule != NULL; rule = next) {
        next = rule->next;
        if (rule_is_same(rule, name, type))
            rule_drop(host, rule);
    }
    if (act != FAKE_ANSWER) {
        struct rule *rule = NEW(struct rule);
        *rule = (struct rule){host->rules, mem_strdup(name), type, act, n == 0 ? -1 : n};
        host->rules = rule;
    }
    pthread_mutex_unlock(&host->world->lock);
}

void fake_count(struct fake_host *host, const char *name, int type)
{
    char key[NAME_MAX_LEN + 16];
    host->n_asked++;
    if (host->world->forgets_names)
        return;
    snprintf(key, sizeof key, "%s/%d", name, type);
    size_t *count = table_find(&host->asked, key);
    if (count == NULL) {
        count = NEW(size_t);
        table_set(&host->asked, key, count);
    }
    ++*count;
}

static bool asked_fits(const char *key, const char *name, int type)
{
    const char *slash = strrchr(key, '/');
    int64_t of = 0;
    str_to_i64(str_of(slash + 1), &of);
    return (type == 0 || of == type) && (name == NULL || (strlen(name) == (size_t)(slash - key) &&
                                                          strncmp(name, key, strlen(name)) == 0));
}

size_t fake_host_asked(const struct fake_host *host, const char *name, int type)
{
    size_t n = 0;
    pthread_mutex_lock(&host->world->lock);
    if (name == NULL && type == 0)
        n = host->n_asked;
    else
        for (struct table_entry *e = table_next(&host->asked, NULL); e != NULL;
             e = table_next(&host->asked, e))
            n += asked_fits(e->key, name, type) ? *(const size_t *)e->value : 0;
    pthread_mutex_unlock(&host->world->lock);
    return n;
}

void fake_log(struct fake_host *host, const char *verb, const char *name, int type, struct str data,
              bool over_tcp)
{
    if (host->world->log_fd < 0)
        return;
    AUTO(json_fini)
    struct json *line = json_object();
    AUTO(buf_fini)
    struct buf text = BUF(4 * WIRE_MAX);
    wire_rdata_text(type, data, &text);
    json_set_int(line, "at_ms", clock_wall_ms(&clock_system));
    json_set_text(line, "host", host->address);
    json_set_text(line, verb, name);
    json_set_text(line, "type", wire_type_name(type));
    if (text.len > 0)
        json_set_str(line, "data", buf_str(&text));
    if (over_tcp)
        json_set_bool(line, "tcp", true);
    AUTO(buf_fini)
    struct buf out = BUF(JSON_SIZE_MAX);
    json_format(line, &out, false);
    buf_add_char(&out, '\n');
    ssize_t written = write(host->world->log_fd, out.p, out.len);
    (void)written;
}

void fake_host_fini(struct fake_host *host)
{
    while (host->rules != NULL)
        rule_drop(host, host->rules);
    table_fini(&host->asked, mem_free);
    table_fini(&host->serves, NULL);
    mem_free(host->address);
}
