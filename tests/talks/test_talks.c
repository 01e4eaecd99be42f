/*
 * Replays every talks/ *.json below a folder:
 *
 *     test_talks dns-providers
 *     test_talks --broken tests/talks/broken      each of these must fail, with the text in its "mismatch"
 */
#include "talk.h"

#include <stdio.h>

static struct {
    bool broken;
    int n, n_wrong;
} run;

static void talk_run(const char *path, const struct json *talk, const struct err *unread)
{
    struct err err = unread != NULL ? *unread : (struct err){0};
    bool ok = unread == NULL && talk_replay(talk, &err);
    const char *mismatch = json_text(talk, "mismatch");
    if (run.broken)
        ok = !ok && mismatch != NULL && strstr(err.text, mismatch) != NULL;
    run.n++;
    if (ok) {
        printf("ok %s\n", path);
        return;
    }
    run.n_wrong++;
    fprintf(stderr, "%s: %s\n", path, err.text[0] != '\0' ? err.text : "nothing was found wrong");
}

int main(int argc, char **argv)
{
    run.broken = argc == 3 && strcmp(argv[1], "--broken") == 0;
    if (argc != (run.broken ? 3 : 2)) {
        fprintf(stderr, "usage: test_talks [--broken] FOLDER\n");
        return 2;
    }
    talk_files_each(argv[argc - 1], talk_run);
    printf("%d talks, %d wrong\n", run.n, run.n_wrong);
    return run.n == 0 || run.n_wrong > 0 ? 1 : 0;
}
