/* What a story says of a DNS provider with an HTTP API. */
#include "fake_api.h"
#include "story.h"

#include <dirent.h>
#include <stdio.h>

#define ACT(name) static void name(struct story *s, const struct args *a)

ACT(api_throttles)
{
    (void)s;
    fake_api_throttle(a->w[0], world.now_ms + a->n[0]);
}
ACT(api_denies)
{
    (void)s, (void)a;
    fake_api_deny(true);
}
ACT(api_works)
{
    (void)s, (void)a;
    fake_api_deny(false);
}
ACT(yaml_rate)
{
    mem_set_str(&s->program.rate, a->w[0]);
    program_write_config(&s->program);
}
ACT(calls_are)
{
    expect_number(s, a->w[0], fake_api_n(a->w[0]), a->n[0], a->n[0]);
}
ACT(calls_are_at_most)
{
    expect_number(s, a->w[0], fake_api_n(a->w[0]), 0, a->n[0]);
}
ACT(calls_of_zone)
{
    expect_number(s, a->w[0], fake_api_n_zone(a->w[0]), a->n[0], a->n[0]);
}
ACT(calls_within)
{
    expect_number(s, "requests within", fake_api_n_within(a->n[1]), 1, a->n[0]);
}
ACT(updates_are_at_most)
{
    expect_number(s, "DNS UPDATEs", world.n_updates, 1, a->n[0]);
}

/* ---- nothing secret is written down ---- */

static bool file_holds(const char *path, const char *text)
{
    AUTO(buf_fini)
    struct buf all = BUF(64 << 20);
    FILE *file = fopen(path, "rb");
    char chunk[4096];
    if (file == NULL)
        return false;
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
        buf_add(&all, chunk, n);
    fclose(file);
    return str_find(buf_str(&all), str_of(text)) < all.len;
}

ACT(token_is_nowhere)
{
    (void)a;
    DIR *folder = opendir(s->program.folder);
    struct dirent *entry;
    size_t n = 0;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        char path[600];
        if (strncmp(entry->d_name, "store.db", 8) != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", s->program.folder, entry->d_name);
        n++;
        if (file_holds(path, FAKE_API_TOKEN))
            story_fail(s, "the token is in %s", entry->d_name);
    }
    if (folder != NULL)
        closedir(folder);
    struct str said = buf_str(&s->program.transcript);
    if (n == 0 || fake_api_n(NULL) == 0)
        story_fail(s, "there is no store, or the API was never asked");
    if (str_find(said, STR(FAKE_API_TOKEN)) < said.len)
        story_fail(s, "the token is in the log");
}

const struct clause story_api_clauses[] = {
    {"api", "throttles %w for %t", "requests about the zone meet 429, which says how long",
     api_throttles},
    {"api", "denies us", "401", api_denies},
    {"api", "works", "again", api_works},
    {"config", "rate %w", "of the provider: 10/1m", yaml_rate},
    {"expect", "%n %w calls at api", "GET, POST or DELETE, of all runs", calls_are},
    {"expect", "at most %n %w calls at api", "", calls_are_at_most},
    {"expect", "%n calls about %w at api", "a zone, since this was asked last", calls_of_zone},
    {"expect", "never more than %n calls in %t at api",
     "in any stretch of that length, of all runs", calls_within},
    {"expect", "at most %n updates", "DNS UPDATEs of all runs", updates_are_at_most},
    {"expect", "the token is nowhere", "neither in the store nor in what the program said",
     token_is_nowhere},
    {0},
};
