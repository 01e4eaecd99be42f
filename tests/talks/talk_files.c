#include "talk.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

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

static void file_take(const char *path, talk_file *each)
{
    AUTO(json_fini)
    struct json *talk = NULL;
    struct err err = {0};
    bool ok = file_read(path, &talk, &err);
    each(path, talk, ok ? NULL : &err);
}

static void folder_walk(const char *path, bool in_talks, talk_file *each)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        AUTO(mem_fini)
        char *below = mem_printf("%s/%s", path, entries[i]->d_name);
        struct stat st;
        bool hidden = entries[i]->d_name[0] == '.';
        if (!hidden && lstat(below, &st) == 0 && S_ISDIR(st.st_mode))
            folder_walk(below, strcmp(entries[i]->d_name, "talks") == 0, each);
        else if (!hidden && in_talks && str_ends(str_of(below), STR(".json")))
            file_take(below, each);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

void talk_files_each(const char *folder, talk_file *each)
{
    folder_walk(folder, false, each);
}
