/*
 * Replays every talks/ *.json below a folder:
 *
 *     test_talks dns-providers
 *     test_talks --broken tests/talks/broken      each of these must fail, with the text in its "mismatch"
 */
#include "talk.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static struct {
    bool broken;
    int n, n_wrong;
} run;

static bool file_read(const char *path, struct json **ret_tree, struct err *err)
{
    AUTO(buf_fini)
    struct buf text = BUF(JSON_SIZE_MAX);
    char block[4096];
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return err_set(err, ERR_LOCAL, "cannot be opened");
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        buf_add(&text, block, n);
    fclose(f);
    return json_parse(buf_str(&text), JSON_SIZE_MAX, ret_tree, err);
}

static void talk_run(const char *path)
{
    AUTO(json_fini)
    struct json *talk = NULL;
    struct err err = {0};
    bool ok = file_read(path, &talk, &err) && talk_replay(talk, &err);
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

static void folder_run(const char *path, bool in_talks)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        AUTO(mem_fini)
        char *below = mem_printf("%s/%s", path, entries[i]->d_name);
        struct stat st;
        bool hidden = entries[i]->d_name[0] == '.';
        if (!hidden && lstat(below, &st) == 0 && S_ISDIR(st.st_mode))
            folder_run(below, strcmp(entries[i]->d_name, "talks") == 0);
        else if (!hidden && in_talks && str_ends(str_of(below), STR(".json")))
            talk_run(below);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

int main(int argc, char **argv)
{
    run.broken = argc == 3 && strcmp(argv[1], "--broken") == 0;
    if (argc != (run.broken ? 3 : 2)) {
        fprintf(stderr, "usage: test_talks [--broken] FOLDER\n");
        return 2;
    }
    folder_run(argv[argc - 1], false);
    printf("%d talks, %d wrong\n", run.n, run.n_wrong);
    return run.n == 0 || run.n_wrong > 0 ? 1 : 0;
}
