/*
 * Replays the talks of every provider with an HTTP API over real HTTP, against a server on this machine: `base_url` works for each type.
 *
 *     test_wire dns-providers [PART OF A PATH]
 *     test_wire --broken tests/talks/broken_wire     each of these must fail, with the text in its "mismatch"
 *
 * A type that is data must have at least the talks of adding, adding a second value and removing; types are found, not listed.
 */
#include "dns-providers/manifest/manifest.h"
#include "talk.h"
#include "wire.h"

#include <stdio.h>

static struct {
    bool broken;
    struct wire *wire;
    const char *only;
    int n, n_wrong, n_requests;
    struct json *kinds; /* type -> {"add": true ...} */
} run;

static const char *const kinds[] = {"-add.json", "-add-second.json", "-remove.json"};

/* By what a file is called. */
static void kind_note(const char *path, const char *provider)
{
    const struct json *known = json_find(run.kinds, provider);
    struct json *seen = known != NULL ? json_copy(known) : json_object();
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (str_ends(str_of(path), str_of(kinds[i])))
            json_set_bool(seen, kinds[i], true);
    json_set(run.kinds, provider, seen);
}

static void talk_run(const char *path, const struct json *talk, const struct err *unread)
{
    struct err err = unread != NULL ? *unread : (struct err){0};
    if (unread == NULL && !wire_fits(talk))
        return;
    if (run.only != NULL && strstr(path, run.only) == NULL)
        return;
    run.n++;
    const char *mismatch = json_text(talk, "mismatch");
    bool ok = unread == NULL && wire_replay(run.wire, talk, &run.n_requests, &err);
    if (run.broken)
        ok = !ok && mismatch != NULL && strstr(err.text, mismatch) != NULL;
    if (ok) {
        kind_note(path, json_text(talk, "provider"));
        printf("ok %s\n", path);
        return;
    }
    run.n_wrong++;
    fprintf(stderr, "%s: %s\n", path, err.text[0] != '\0' ? err.text : "nothing was found wrong");
}

static int types_check(void)
{
    size_t n = 0;
    const struct dns_provider *const *all = dns_provider_all(&n);
    int n_missing = 0;
    for (size_t i = 0; i < n; i++) {
        const struct json *seen = json_find(run.kinds, all[i]->name);
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            if (manifest_tree(all[i]) != NULL && !json_bool(seen, kinds[k], false)) {
                fprintf(stderr, "%s: no talk %s%s went over the wire\n", all[i]->name, all[i]->name,
                        kinds[k]);
                n_missing++;
            }
    }
    return n_missing;
}

int main(int argc, char **argv)
{
    run.broken = argc == 3 && strcmp(argv[1], "--broken") == 0;
    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: test_wire FOLDER [PART OF A PATH] | --broken FOLDER\n");
        return 2;
    }
    run.only = run.broken ? NULL : argv[2];
    run.wire = wire_new();
    run.kinds = json_object();
    talk_files_each(argv[run.broken ? 2 : 1], talk_run);
    int n_missing = run.only == NULL && !run.broken ? types_check() : 0;
    printf("%d talks of %zu types over the wire, %d requests compared, %d wrong\n", run.n,
           json_len(run.kinds), run.n_requests, run.n_wrong);
    json_free(run.kinds);
    wire_free(run.wire);
    return run.n == 0 || run.n_wrong > 0 || n_missing > 0 ? 1 : 0;
}
