/*
 * Runs a program and writes what the kernel charged it for, as JSON.
 *
 *     measure FIGURES PROGRAM [ARGUMENT]...
 *
 * A process of its own does this, because a child's peak memory begins with what its parent had: behind a scripting language every small
 * program would look large. The exit code is the program's; 128 + N when signal N ended it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static double time_ms(struct timeval t)
{
    return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static int figures_write(const char *path, double wall_ms, const struct rusage *u)
{
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        perror(path);
        return 125;
    }
    fprintf(f,
            "{\"wall_ms\": %.3f, \"user_ms\": %.3f, \"system_ms\": %.3f, \"max_rss_kib\": %ld, "
            "\"page_faults\": %ld, "
            "\"switches_waiting\": %ld, \"switches_forced\": %ld, \"blocks_written\": %ld}\n",
            wall_ms, time_ms(u->ru_utime), time_ms(u->ru_stime), u->ru_maxrss, u->ru_minflt,
            u->ru_nvcsw, u->ru_nivcsw, u->ru_oublock);
    return fclose(f) == 0 ? 0 : 125;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: measure FIGURES PROGRAM [ARGUMENT]...\n", stderr);
        return 125;
    }
    int status = 0;
    struct rusage usage;
    double begin_ms = now_ms();
    pid_t child = fork();
    if (child == 0) {
        execv(argv[2], argv + 2);
        perror(argv[2]);
        _exit(125);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("measure");
        return 125;
    }
    int code = figures_write(argv[1], now_ms() - begin_ms, &usage);
    if (code != 0)
        return code;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
