/*
 * The least an idle run could do: look at every file of a folder once. Prints how many there are and the newest change.
 *
 *     bare-stat FOLDER
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fputs("usage: bare-stat FOLDER\n", stderr);
        return 2;
    }
    const struct dirent *entry;
    long n = 0;
    long long newest_s = 0;
    while ((entry = readdir(folder)) != NULL) {
        struct stat st;
        if (fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(st.st_mode))
            continue;
        n++;
        if (st.st_mtim.tv_sec > newest_s)
            newest_s = st.st_mtim.tv_sec;
    }
    closedir(folder);
    printf("%ld files, newest %lld\n", n, newest_s);
    return 0;
}
