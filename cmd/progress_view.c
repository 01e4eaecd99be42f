#include "cmd/options.h"
#include "cmd/output.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* On a terminal one line is rewritten with what happens now; what ended or failed stays above it. Elsewhere only ends, faults and
 * what concerns the whole run are told, one plain line each. */
struct progress_view {
    bool live, quiet, shown;
    bool color;
    const struct clock *stamps; /* NULL: lines without the time */
    unsigned columns;
};

struct progress_view *progress_view_new(const struct invocation *in)
{
    struct progress_view *view = NEW(struct progress_view);
    struct winsize size = {0};
    view->live = isatty(STDERR_FILENO) == 1 && option_common(in, "verbose") == NULL;
    view->quiet = option_common(in, "quiet") != NULL;
    view->color = view->live && in->color;
    view->columns =
        ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
    return view;
}

struct progress_view *progress_view_new_plain(const struct invocation *in, bool is_stamped)
{
    struct progress_view *view = progress_view_new(in);
    view->live = false;
    view->color = in->color && isatty(STDERR_FILENO) == 1;
    view->stamps = is_stamped ? in->house.clock : NULL;
    return view;
}

static void live_clear(struct progress_view *view)
{
    if (view->shown)
        fputs("\r\033[K", stderr);
    view->shown = false;
}

static void line_print(const struct progress_view *view, const struct progress_note *note,
                       const char *text)
{
    char time[TIME_TEXT_MAX] = "";
    if (view->stamps != NULL)
        time_format(clock_wall_ms(view->stamps), false, time);
    fprintf(stderr, "%s%s%s%s%s\n", time, view->stamps != NULL ? " " : "",
            view->color && note->is_fault ? "\033[31m" : "", text,
            view->color && note->is_fault ? "\033[0m" : "");
}

static void view_say(void *arg, const struct progress_note *note)
{
    struct progress_view *view = arg;
    AUTO(buf_fini)
    struct buf line = BUF(16 * 1024);
    AUTO(buf_fini)
    struct buf text = BUF(64 * 1024);
    bool stays = note->is_end || note->is_fault || note->set == NULL;

    if (view->quiet || (!view->live && !stays))
        return;
    buf_printf(&line, "%s%s%s: %s", note->set != NULL ? note->set : "",
               note->set != NULL ? ": " : "", note->stage, note->text);
    text_escape(&text, buf_str(&line), stays ? 4000 : view->columns - 1);
    live_clear(view);
    if (stays) {
        line_print(view, note, buf_cstr(&text));
        return;
    }
    fprintf(stderr, "%s", buf_cstr(&text));
    view->shown = true;
    fflush(stderr);
}

struct progress progress_view_front(struct progress_view *view)
{
    return (struct progress){view_say, view};
}

void progress_view_free(struct progress_view *view)
{
    if (view == NULL)
        return;
    live_clear(view);
    mem_free(view);
}
