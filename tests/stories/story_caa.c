/* What a story says of CAA records and of DNSSEC. */
#include "story.h"

#define ACT(name) static void name(struct story *s, const struct args *a)

static void caa_add(const char *owner, int64_t flags, const char *tag, const char *value)
{
    struct world_caa *caa = NEW(struct world_caa);
    caa->owner = mem_strdup(owner);
    caa->flags = (unsigned)flags;
    caa->tag = mem_strdup(tag);
    caa->value = mem_strdup(value);
    list_push_back(&world.caas, &caa->in_world);
}

ACT(caa)
{
    (void)s;
    caa_add(a->w[0], a->n[0], a->w[1], a->w[2]);
}

/* The account of our program at ca1: the first one it made. */
ACT(caa_of_our_account)
{
    (void)s;
    AUTO(mem_fini)
    char *value = mem_printf("ca.test; accounturi=%s/acme/account/1", world.cas[0].base_url);
    caa_add(a->w[0], 0, "issue", value);
}

ACT(caa_gone)
{
    (void)s;
    LIST_EACH (it, &world.caas) {
        struct world_caa *caa = LIST_OWNER(it, struct world_caa, in_world);
        if (strcmp(caa->owner, a->w[0]) == 0)
            world_caa_free(caa);
    }
}

ACT(caa_silent)
{
    (void)s, (void)a;
    world.caa_reach = REACH_SILENT;
}

ACT(caa_servfail)
{
    (void)s, (void)a;
    world.caa_reach = REACH_SERVFAIL;
}

ACT(caa_answers)
{
    (void)s, (void)a;
    world.caa_reach = REACH_WORKS;
}

ACT(bogus)
{
    mem_set_str(&world.bogus_zone, a->w[0]);
    s->program.judges_dnssec = true;
    program_write_config(&s->program);
}

ACT(signed_well)
{
    (void)a;
    mem_set_str(&world.bogus_zone, NULL);
    s->program.judges_dnssec = true;
    program_write_config(&s->program);
}

ACT(dnssec_silent)
{
    (void)a;
    world.dnssec_is_silent = true;
    s->program.judges_dnssec = true;
    program_write_config(&s->program);
}

ACT(caa_ignored)
{
    (void)a;
    s->program.ignores_caa = true;
    program_write_config(&s->program);
}

const struct clause story_caa_clauses[] = {
    {"caa", "of %w %n %w %s", "a CAA record: owner, flags, tag, value", caa},
    {"caa", "of %w for our account", "issue, for ca.test and the account the program has at ca1",
     caa_of_our_account},
    {"caa", "of %w is gone", "all CAA records there", caa_gone},
    {"caa", "questions are not answered", "by any server, while others are", caa_silent},
    {"caa", "questions meet servfail", "", caa_servfail},
    {"caa", "questions are answered", "again", caa_answers},
    {"caa", "is ignored", "set so in chancery.yaml, for all CAs", caa_ignored},
    {"dnssec", "of %w is bogus", "and is judged", bogus},
    {"dnssec", "is in order", "and is judged", signed_well},
    {"dnssec", "cannot be judged", "nobody answers the resolver", dnssec_silent},
    {0},
};
