#include "acme/order.h"

struct step_doc {
    const char *name, *purpose, *replay;
    int64_t patience_s;
};
static const struct step_doc steps[] = {
#define X(step, name, patience_s, purpose, replay)                                                 \
    [ORDER_##step] = {name, purpose, replay, patience_s},
#include "acme/order_steps.def"
#undef X
};

static void followers_format(enum order_step from, struct buf *out)
{
    bool any = false;
    for (unsigned to = 0; to < ORDER_STEP_N; to++) {
        if (!order_step_may_follow(from, (enum order_step)to))
            continue;
        buf_printf(out, "%s%s", any ? ", " : "", steps[to].name);
        any = true;
    }
    if (!any)
        buf_add_cstr(out, "nothing");
}

static void table_format(struct buf *out)
{
    buf_add_cstr(out, "| step | what it is for | may be followed by | patience |\n"
                      "|---|---|---|---|\n");
    for (unsigned step = 0; step < ORDER_STEP_N; step++) {
        char patience[TIME_TEXT_MAX] = "-";
        if (steps[step].patience_s > 0)
            duration_format(steps[step].patience_s * MS_SECOND, patience);
        buf_printf(out, "| `%s` | %s | ", steps[step].name, steps[step].purpose);
        followers_format((enum order_step)step, out);
        buf_printf(out, " | %s |\n", patience);
    }
}

static void replays_format(struct buf *out)
{
    buf_add_cstr(out, "| step | if the process dies in it, the repetition costs |\n|---|---|\n");
    for (unsigned step = 0; step < ORDER_STEP_N; step++)
        buf_printf(out, "| `%s` | %s |\n", steps[step].name, steps[step].replay);
}

void order_life_document(struct buf *out)
{
    buf_add_cstr(
        out,
        "# The life of an order\n\n"
        "<!-- Made from acme/order_steps.def and the table in acme/order.c. Do not edit. -->\n\n"
        "An order is a row in the store, and a row is at one step. A step asks the CA something, "
        "hears the answer and\n"
        "names the next step; what was learnt and the next step are committed together, before "
        "anything else is sent.\n"
        "`chancery status` and `chancery show` name the steps as they are written here.\n\n");
    table_format(out);
    buf_add_cstr(
        out,
        "\nPatience is how long a step may go on failing or waiting before the order is given up. "
        "A time the CA asks for\n"
        "(Retry-After) is waited out without holding anything up. An order that fails at any step "
        "passes `tidy`, and its\n"
        "TXT records are removed whatever became of it.\n\n"
        "## When the process dies\n\n"
        "After a start every open order is asked afresh from its row.\n\n");
    replays_format(out);
}
