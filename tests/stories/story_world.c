/* What a story says of clock, CAs, name servers, sets and configuration. */
#include "story.h"

#include "base/json.h"

#include <stdio.h>

#define ACT(name) static void name(struct story *s, const struct args *a)

/* ---- the clock ---- */

ACT(clock_is)
{
    (void)s;
    world.now_ms = world.started_at_ms = a->n[0];
}
ACT(clock_ahead)
{
    (void)s;
    world.skew_ms = a->n[0];
}
ACT(clock_behind)
{
    (void)s;
    world.skew_ms = -a->n[0];
}
ACT(clock_right)
{
    (void)s;
    (void)a;
    world.skew_ms = 0;
}

/* ---- CAs ---- */

static void ca_set(struct story *s, const struct json *tree)
{
    AUTO(buf_fini)
    struct buf text = BUF(64 * 1024);
    struct err err;
    json_format(tree, &text, false);
    if (!fake_ca_set(s->ca->fake, buf_str(&text), &err))
        story_fail(s, "%s: %s", s->ca->name, err.text);
}

static void ca_knob(struct story *s, const char *name, int64_t value)
{
    AUTO(json_fini)
    struct json *tree = json_object();
    json_set_int(tree, name, value);
    ca_set(s, tree);
}

ACT(ca_issues)
{
    ca_knob(s, "issue_ms", a->n[0]);
}
ACT(ca_validates)
{
    ca_knob(s, "validate_ms", a->n[0]);
}
ACT(ca_retry_after)
{
    ca_knob(s, "retry_after_s", a->n[0] / MS_SECOND);
    ca_knob(s, "retry_after_form", 0);
}
ACT(ca_retry_date)
{
    ca_knob(s, "retry_after_s", a->n[0] / MS_SECOND);
    ca_knob(s, "retry_after_form", 1);
}
ACT(ca_lives)
{
    ca_knob(s, "validity_s", a->n[0] / MS_SECOND);
    ca_knob(s, "backdate_s", 0);
}
ACT(ca_set_knob)
{
    ca_knob(s, a->w[0], a->n[0]);
}
ACT(ca_reach)
{
    static const struct {
        const char *word;
        enum reach reach;
    } reaches[] = {{"down", REACH_DOWN}, {"up", REACH_WORKS}, {"silent", REACH_SILENT}};
    for (size_t i = 0; i < sizeof reaches / sizeof reaches[0]; i++)
        if (strcmp(reaches[i].word, a->w[0]) == 0) {
            s->ca->reach = reaches[i].reach;
            return;
        }
    story_fail(s, "%s is %s?", s->ca->name, a->w[0]);
}
ACT(ca_forgets)
{
    AUTO(json_fini)
    struct json *tree = json_set_text(json_object(), "forget", a->w[0]);
    ca_set(s, tree);
}
ACT(ca_blocks)
{
    AUTO(json_fini)
    struct json *tree = json_object();
    struct json *list = json_array();
    for (size_t i = 0; i < a->n_w; i++)
        json_push_text(list, a->w[i]);
    json_set(tree, "blocked", list);
    ca_set(s, tree);
}
ACT(ca_mends)
{
    (void)a;
    AUTO(json_fini)
    struct json *tree = json_set(json_object(), "faults", json_array());
    ca_set(s, tree);
}

/* on, act, then pairs of words: nth N, times N (0: for ever), percent N, name N, retry-after TEXT. */
ACT(ca_fault)
{
    AUTO(json_fini)
    struct json *tree = json_object();
    struct json *fault = json_object();
    json_set_text(fault, "on", a->w[0]);
    json_set_text(fault, "act", a->w[1]);
    for (size_t i = 2; i + 1 < a->n_w; i += 2) {
        const char *key = strcmp(a->w[i], "retry-after") == 0 ? "retry_after" : a->w[i];
        int64_t number;
        if (strcmp(key, "retry_after") != 0 && str_to_i64(str_of(a->w[i + 1]), &number))
            json_set_int(fault, key, number);
        else
            json_set_text(fault, key, a->w[i + 1]);
    }
    json_set(tree, "more_faults", json_push(json_array(), fault));
    ca_set(s, tree);
}

/* ---- name servers ---- */

static struct world_server *server(struct story *s, const char *name)
{
    struct world_server *found = world_server(name);
    if (found == NULL)
        story_fail(s, "there is no name server %s", name);
    return found != NULL ? found : &world.servers[0];
}

ACT(dns_at_once)
{
    server(s, a->w[0])->lag_ms = 0;
}
ACT(dns_after)
{
    server(s, a->w[0])->lag_ms = a->n[0];
}
ACT(dns_silent)
{
    server(s, a->w[0])->reach = REACH_SILENT;
}
ACT(dns_servfail)
{
    server(s, a->w[0])->reach = REACH_SERVFAIL;
}
ACT(dns_refuses)
{
    server(s, a->w[0])->reach = REACH_REFUSED;
}
ACT(dns_answers)
{
    server(s, a->w[0])->reach = REACH_WORKS;
}
ACT(dns_n_servers)
{
    if (a->n[0] < 1 || a->n[0] > WORLD_SERVERS_MAX)
        story_fail(s, "1 to %d servers", WORLD_SERVERS_MAX);
    else
        world.n_servers = (size_t)a->n[0];
}
ACT(dns_alias)
{
    struct world_alias *alias = NEW(struct world_alias);
    (void)s;
    alias->owner = mem_strdup(a->w[0]);
    alias->target = mem_strdup(a->w[1]);
    list_push_back(&world.aliases, &alias->in_world);
}
ACT(dns_holds)
{
    (void)s;
    world_txt_change(a->w[1], a->w[0], true, true);
}
ACT(updates_work)
{
    (void)s;
    (void)a;
    world.updates = REACH_WORKS;
}
ACT(updates_refused)
{
    (void)s;
    (void)a;
    world.updates = REACH_REFUSED;
}
ACT(updates_fail)
{
    (void)s;
    (void)a;
    world.updates = REACH_SERVFAIL;
}
ACT(updates_silent)
{
    (void)s;
    (void)a;
    world.updates = REACH_SILENT;
}
ACT(updates_lost)
{
    (void)s;
    (void)a;
    world.updates = REACH_LOST;
}

/* ---- sets ---- */

ACT(want_names)
{
    for (size_t i = 0; i < a->n_w && s->set->n_names < NAMES_MAX; i++)
        s->set->names[s->set->n_names++] = mem_strdup(a->w[i]);
    program_write_set(&s->program, s->set);
}
ACT(set_names)
{
    while (s->set->n_names > 0)
        mem_free(s->set->names[--s->set->n_names]);
    want_names(s, a);
}
ACT(want_many)
{
    char name[64];
    for (int64_t i = 0; i < a->n[0] && s->set->n_names < NAMES_MAX; i++) {
        snprintf(name, sizeof name, "n%lld.example.com", (long long)i);
        s->set->names[s->set->n_names++] = mem_strdup(name);
    }
    program_write_set(&s->program, s->set);
}
ACT(set_key)
{
    mem_set_str(&s->set->key, a->w[0]);
    mem_set_str(&s->set->keys, NULL);
    program_write_set(&s->program, s->set);
}
ACT(set_keys)
{
    AUTO(buf_fini)
    struct buf list = BUF(512);
    for (size_t i = 0; i < a->n_w; i++)
        buf_printf(&list, "%s%s", i > 0 ? ", " : "", a->w[i]);
    mem_set_str(&s->set->keys, a->n_w > 0 ? buf_cstr(&list) : NULL);
    mem_set_str(&s->set->key, NULL);
    program_write_set(&s->program, s->set);
}
ACT(set_authority)
{
    mem_set_str(&s->set->authority, a->w[0]);
    program_write_set(&s->program, s->set);
}
static char *words_join(const struct args *a)
{
    AUTO(buf_fini)
    struct buf text = BUF(4096);
    for (size_t i = 0; i < a->n_w; i++)
        buf_printf(&text, "%s%s", i > 0 ? ", " : "", a->w[i]);
    return buf_take(&text);
}
ACT(set_authorities)
{
    mem_free(s->set->authority);
    s->set->authority = words_join(a);
    program_write_set(&s->program, s->set);
}
ACT(set_alias)
{
    mem_set_str(&s->set->alias, a->w[0]);
    program_write_set(&s->program, s->set);
}
ACT(set_profile)
{
    mem_set_str(&s->set->profile, a->w[0]);
    program_write_set(&s->program, s->set);
}
ACT(set_challenge)
{
    mem_set_str(&s->set->challenge, a->w[0]);
    program_write_set(&s->program, s->set);
}
ACT(set_broken)
{
    (void)a;
    s->set->is_broken = true;
    program_write_set(&s->program, s->set);
}
ACT(set_mended)
{
    (void)a;
    s->set->is_broken = false;
    program_write_set(&s->program, s->set);
}
ACT(set_removed)
{
    (void)a;
    program_remove_set(&s->program, s->set->name);
}

/* ---- chancery.yaml ---- */

ACT(yaml_timeout)
{
    s->program.propagation_ms = a->n[0];
    program_write_config(&s->program);
}
ACT(yaml_propagation)
{
    mem_set_str(&s->program.propagation, a->w[0]);
    program_write_config(&s->program);
}
ACT(yaml_limits)
{
    mem_set_str(&s->program.limits, a->w[0]);
    program_write_config(&s->program);
}
ACT(yaml_settle)
{
    s->program.settle_ms = a->n[0];
    program_write_config(&s->program);
}
ACT(yaml_parallel)
{
    s->program.parallel = a->n[0];
    program_write_config(&s->program);
}
ACT(yaml_provider)
{
    mem_set_str(&s->program.provider, a->w[0]);
    program_write_config(&s->program);
}
ACT(yaml_authority)
{
    mem_set_str(&s->program.defaults_authority, a->w[0]);
    program_write_config(&s->program);
}

ACT(yaml_authorities)
{
    mem_free(s->program.defaults_authority);
    s->program.defaults_authority = words_join(a);
    program_write_config(&s->program);
}

const struct clause story_world_clauses[] = {
    {"clock", "%m", "true time, as 2030-01-01T00:00", clock_is},
    {"clock", "ours is %t ahead", "the program's wall clock is wrong", clock_ahead},
    {"clock", "ours is %t behind", "the program's wall clock is wrong", clock_behind},
    {"clock", "ours is right", "the program's wall clock is right again", clock_right},
    {"ca", "issues in %t", "from finalize to the certificate", ca_issues},
    {"ca", "validates in %t", "from a challenge's answer to its outcome", ca_validates},
    {"ca", "says retry-after %t", "in seconds", ca_retry_after},
    {"ca", "says retry-after %t as a date", "as HTTP-date", ca_retry_date},
    {"ca", "certificates live %t", "from the moment of issuance", ca_lives},
    {"ca", "is %w", "up, down (connections are refused), silent", ca_reach},
    {"ca", "forgets %w", "orders or accounts", ca_forgets},
    {"ca", "blocks %*", "names it refuses", ca_blocks},
    {"ca", "mends", "no more faults", ca_mends},
    {"ca", "knob %w %n", "any knob of fake/ca_core.h", ca_set_knob},
    {"ca", "fault %*",
     "KIND ACT [nth N] [times N] [percent N] [name N] [retry-after TEXT]: fake/ca_faults.h",
     ca_fault},
    {"dns", "%w shows at once", "changes show without delay", dns_at_once},
    {"dns", "%w after %t", "changes show so much later", dns_after},
    {"dns", "%w is silent", "it answers nothing", dns_silent},
    {"dns", "%w says servfail", "it answers SERVFAIL", dns_servfail},
    {"dns", "%w refuses", "it answers REFUSED", dns_refuses},
    {"dns", "%w answers", "it works again", dns_answers},
    {"dns", "%n servers", "how many serve the zones", dns_n_servers},
    {"dns", "%w is an alias of %w", "a CNAME", dns_alias},
    {"dns", "holds %w at %w", "a TXT value that is not ours", dns_holds},
    {"updates", "work", "the primary takes updates", updates_work},
    {"updates", "are refused", "it refuses them", updates_refused},
    {"updates", "fail", "it answers SERVFAIL", updates_fail},
    {"updates", "are silent", "it takes none and says nothing", updates_silent},
    {"updates", "are lost", "it takes them and says nothing", updates_lost},
    {"want", "%n names", "the set main: n0.example.com ...", want_many},
    {"want", "%*", "the names of the set main", want_names},
    {"set", "names %*", "", set_names},
    {"set", "key %w", "", set_key},
    {"set", "keys %*", "several kinds at once", set_keys},
    {"set", "authority %w", "", set_authority},
    {"set", "authorities %*", "several, the preferred one first", set_authorities},
    {"set", "alias %w", "its challenge_alias", set_alias},
    {"set", "profile %w", "", set_profile},
    {"set", "challenge %w", "", set_challenge},
    {"set", "is broken", "its file cannot be read", set_broken},
    {"set", "is mended", "", set_mended},
    {"set", "is removed", "", set_removed},
    {"config", "propagation timeout %t", "", yaml_timeout},
    {"config", "propagation %s", "more settings of it, as in the file", yaml_propagation},
    {"config", "settle %t", "", yaml_settle},
    {"config", "limits %s", "of every CA, as in the file", yaml_limits},
    {"config", "parallel %n", "orders in flight", yaml_parallel},
    {"config", "provider %w", "rfc2136 or exec", yaml_provider},
    {"config", "authority %w", "the default", yaml_authority},
    {"config", "authorities %*", "several as the default", yaml_authorities},
    {NULL, NULL, NULL, NULL},
};
