/* Gives every file of a corpus folder to a fuzz target once: program -DCORPUS=FOLDER, or files by
 * name. A corpus that is missing or empty is a failure, because such a test would check nothing. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int file_replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return 0;
    }
    size_t size = 0, cap = 1 << 20;
    uint8_t *data = malloc(cap);
    if (data != NULL)
        size = fread(data, 1, cap, file);
    fclose(file);
    /* An exact copy, so that AddressSanitizer sees a read beyond the end. */
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (data != NULL && exact != NULL) {
        memcpy(exact, data, size);
        LLVMFuzzerTestOneInput(exact, size);
    }
    free(exact);
    free(data);
    return 1;
}

static int folder_replay(const char *folder)
{
    DIR *dir = opendir(folder);
    int n = 0;
    if (dir == NULL) {
        perror(folder);
        return 0;
    }
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        n += file_replay(path);
    }
    closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    int n = 0;
    for (int i = 1; i < argc; i++)
        n += strncmp(argv[i], "-DCORPUS=", 9) == 0 ? folder_replay(argv[i] + 9)
                                                   : file_replay(argv[i]);
    printf("%d inputs replayed\n", n);
    return n > 0 ? 0 : 1;
}
