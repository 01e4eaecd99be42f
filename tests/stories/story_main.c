#include "story.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { FILE_MAX = 256 * 1024, LINES_MAX = 400, KILLS_MAX = 2000 };

struct line {
    int number;
    struct str text;
};

/* One story of a file: its lines, and what makes it many. */
struct script {
    const char *file;
    struct line lines[LINES_MAX];
    size_t n;
    struct str title, each;
    int64_t kill_stride; /* 0: told once */
};

struct teller {
    char folder[128];
    int n_worlds, n_told, n_failed;
    bool is_loud;
};

/* ---- telling ---- */

/* The text up to eight blanks is one statement, what follows another; $ is the word of the round. */
static void line_say(struct story *s, const struct line *line, struct str word)
{
    AUTO(buf_fini)
    struct buf text = BUF(8192);
    for (size_t i = 0; i < line->text.len; i++) {
        if (line->text.p[i] == '$')
            buf_add_str(&text, word);
        else
            buf_add_char(&text, line->text.p[i]);
    }
    s->line = line->number;
    for (struct str rest = str_trim(buf_str(&text)); rest.len > 0;) {
        size_t end = str_find(rest, STR("        "));
        AUTO(mem_fini)
        char *statement = mem_strndup(rest.p, end);
        story_say(s, statement);
        rest = str_trim(str_mem(rest.p + end, rest.len - end));
    }
}

static void world_tell(struct teller *t, const struct script *script, struct str word,
                       int64_t kill_at, bool *ret_was_killed)
{
    struct story *s = NEW(struct story);
    char folder[192];
    snprintf(folder, sizeof folder, "%s/%d", t->folder, t->n_worlds++);
    world_begin();
    program_begin(&s->program, folder);
    s->file = script->file;
    s->ca = &world.cas[0];
    s->kill_at = kill_at;
    for (size_t i = 0; i < script->n && !s->failed; i++)
        line_say(s, &script->lines[i], word);
    if (!s->failed && s->has_run && !s->run.ok && !s->run.was_killed && !s->error_is_seen)
        story_fail(s, "the run failed: %s", s->run.err.text);
    if (s->failed || t->is_loud)
        printf("%s", buf_cstr(&s->program.transcript));
    if (s->failed) {
        printf("%s:%d: %s", script->file, s->line, s->why);
        if (word.len > 0)
            printf(" (for %.*s)", STR_ARG(word));
        if (kill_at > 0)
            printf(" (killed at point %lld)", (long long)kill_at);
        printf("\n");
        t->n_failed++;
    }
    *ret_was_killed = world.n_kills > 0;
    program_end(&s->program);
    world_end();
    mem_free(s);
}

static void round_tell(struct teller *t, const struct script *script, struct str word)
{
    bool was_killed = true;
    if (script->kill_stride == 0) {
        world_tell(t, script, word, 0, &was_killed);
        return;
    }
    int n_failed = t->n_failed;
    int64_t n = 0;
    for (int64_t at = 1; was_killed && n < KILLS_MAX && t->n_failed == n_failed; n++) {
        world_tell(t, script, word, at, &was_killed);
        at += script->kill_stride;
    }
    printf("  killed at %lld points\n", (long long)n - 1);
}

static int64_t cpu_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return ts.tv_sec * MS_SECOND + ts.tv_nsec / 1000000;
}

static void script_tell(struct teller *t, const struct script *script)
{
    struct str rest = script->each, word;
    int64_t began_ms = cpu_ms();
    if (script->n == 0)
        return;
    printf("story %.*s\n", STR_ARG(script->title));
    t->n_told++;
    if (rest.len == 0)
        round_tell(t, script, STR_NONE);
    while (rest.len > 0 && str_split(&rest, ' ', &word))
        if (word.len > 0)
            round_tell(t, script, word);
    printf("  %lld ms\n", (long long)(cpu_ms() - began_ms));
}

/* ---- reading ---- */

static bool line_take(struct script *script, struct str text, int number)
{
    if (str_starts(text, STR("for "))) {
        script->each = str_trim(str_mem(text.p + 4, text.len - 4));
        return true;
    }
    if (str_eq(text, STR("kill everywhere")))
        script->kill_stride = 1;
    if (str_eq(text, STR("kill here and there")))
        script->kill_stride = 3;
    if (script->n == LINES_MAX)
        return false;
    script->lines[script->n++] = (struct line){number, text};
    return true;
}

static bool file_tell(struct teller *t, const char *path)
{
    AUTO(buf_fini)
    struct buf text = BUF(FILE_MAX);
    char chunk[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC), number = 0;
    for (ssize_t n; fd >= 0 && (n = read(fd, chunk, sizeof chunk)) > 0;)
        buf_add(&text, chunk, (size_t)n);
    if (fd < 0 || text.overflow) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    close(fd);
    struct script *script = NEW(struct script);
    struct str rest = buf_str(&text), line;
    while (str_split(&rest, '\n', &line)) {
        number++;
        line = str_trim(str_mem(line.p, str_find_char(line, '#')));
        if (str_starts(line, STR("story "))) {
            script_tell(t, script);
            *script =
                (struct script){.file = path, .title = str_trim(str_mem(line.p + 6, line.len - 6))};
        } else if (line.len > 0 && !line_take(script, line, number)) {
            fprintf(stderr, "%s: too long a story\n", path);
            break;
        }
    }
    script_tell(t, script);
    mem_free(script);
    return true;
}

static void words_print(const struct clause *clauses)
{
    for (; clauses->subject != NULL; clauses++)
        printf("%-8s %-36s %s\n", clauses->subject, clauses->pattern, clauses->sentence);
}

int main(int argc, char **argv)
{
    struct teller t = {0};
    bool ok = argc > 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc == 2 && strcmp(argv[1], "--words") == 0) {
        printf("%%n a number, %%t a length of time (90s, 1h30m), %%m a moment (2030-01-01T00:00), "
               "%%w a word, %%s \"a text\", %%* words\n\n");
#define X(name) words_print(story_##name##_clauses);
        STORY_TABLES(X)
#undef X
        return 0;
    }
    snprintf(t.folder, sizeof t.folder, "%s/chancery-story-XXXXXX",
             access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(t.folder) == NULL)
        return 2;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            t.is_loud = true;
        else
            ok = file_tell(&t, argv[i]) && ok;
    }
    rmdir(t.folder);
    if (t.n_told == 0)
        fprintf(stderr, "usage: story [-v] FILE... | --words\n");
    return ok && t.n_told > 0 && t.n_failed == 0 ? 0 : 1;
}
