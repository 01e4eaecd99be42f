#include "acme/order.h"

/* The column `memory`: marks that are false, zero or absent are not written, so that most rows hold
 * "{}". */
enum { MEMORY_MAX = 64 * 1024, FAILURE_MAX = 4096, COUNT_MAX = 1000000 };

struct mark {
    const char *name;
    size_t offset;
};
static const struct mark flags[] = {
    {"new_sent", offsetof(struct order, new_sent)},
    {"finalize_sent", offsetof(struct order, finalize_sent)},
    {"finalize_asked", offsetof(struct order, finalize_asked)},
    {"without_replaces", offsetof(struct order, without_replaces)},
    {"published", offsetof(struct order, published)},
    {"failed", offsetof(struct order, failed)},
    {"tidied", offsetof(struct order, tidied)},
    {"invalid", offsetof(struct order, invalid)},
    {"key_elsewhere", offsetof(struct order, key_is_elsewhere)},
    {"held", offsetof(struct order, held)},
    {"wait_told", offsetof(struct order, wait_told)},
};
static const struct mark counts[] = {
    {"n_finalize", offsetof(struct order, n_finalize)},
    {"n_polls", offsetof(struct order, n_polls)},
    {"n_back", offsetof(struct order, n_back)},
};
enum { N_FLAGS = sizeof flags / sizeof flags[0], N_COUNTS = sizeof counts / sizeof counts[0] };

void order_memory_format(const struct order *order, struct buf *out)
{
    AUTO(json_fini)
    struct json *tree = json_object();
    for (size_t i = 0; i < N_FLAGS; i++)
        if (*(const bool *)((const char *)order + flags[i].offset))
            json_set_bool(tree, flags[i].name, true);
    for (size_t i = 0; i < N_COUNTS; i++) {
        int count = *(const int *)(const void *)((const char *)order + counts[i].offset);
        if (count != 0)
            json_set_int(tree, counts[i].name, count);
    }
    if (order->challenge != CHALLENGE_DNS_01)
        json_set_text(tree, "challenge", challenge_name(order->challenge));
    if (order->failure != NULL)
        json_set_text(tree, "failure", order->failure);
    if (order->failure_kind != ERR_NONE)
        json_set_text(tree, "failure_kind", err_kind_name(order->failure_kind));
    if (order->failure_problem != NULL)
        json_set_text(tree, "failure_problem", order->failure_problem);
    json_format(tree, out, false);
}

struct memory {
    char *failure, *failure_kind, *failure_problem, *challenge;
    int64_t counts[N_COUNTS];
    bool flags[N_FLAGS];
};

static bool memory_read(const struct json *tree, struct memory *memory, struct err *err)
{
    struct json_field fields[N_FLAGS + N_COUNTS + 4] = {
        {"failure", JSON_FIELD_TEXT, offsetof(struct memory, failure), false, FAILURE_MAX},
        {"failure_kind", JSON_FIELD_TEXT, offsetof(struct memory, failure_kind), false, 64},
        {"failure_problem", JSON_FIELD_TEXT, offsetof(struct memory, failure_problem), false, 64},
        {"challenge", JSON_FIELD_TEXT, offsetof(struct memory, challenge), false, 64},
    };
    size_t n = 4;
    for (size_t i = 0; i < N_FLAGS; i++)
        fields[n++] =
            (struct json_field){flags[i].name, JSON_FIELD_BOOL,
                                offsetof(struct memory, flags) + i * sizeof(bool), false, 0};
    for (size_t i = 0; i < N_COUNTS; i++)
        fields[n++] =
            (struct json_field){counts[i].name, JSON_FIELD_INT,
                                offsetof(struct memory, counts) + i * sizeof(int64_t), false, 0};
    if (!json_read(tree, "order memory", fields, n, memory, err))
        return false;
    for (size_t i = 0; i < N_COUNTS; i++)
        if (memory->counts[i] < 0 || memory->counts[i] > COUNT_MAX)
            return err_set(err, ERR_BROKEN, "order memory.%s: out of range", counts[i].name);
    enum challenge_kind challenge;
    if (memory->challenge != NULL && !challenge_find(memory->challenge, &challenge))
        return err_set(err, ERR_BROKEN, "order memory.challenge: unknown");
    return true;
}

static void memory_apply(struct order *order, struct memory *memory)
{
    for (size_t i = 0; i < N_FLAGS; i++)
        *(bool *)((char *)order + flags[i].offset) = memory->flags[i];
    for (size_t i = 0; i < N_COUNTS; i++)
        *(int *)(void *)((char *)order + counts[i].offset) = (int)memory->counts[i];
    mem_set_str(&order->failure, memory->failure);
    mem_set_str(&order->failure_problem, memory->failure_problem);
    order->failure_kind = err_kind_find(memory->failure_kind);
    if (!challenge_find(memory->challenge, &order->challenge))
        order->challenge = CHALLENGE_DNS_01;
}

bool order_memory_parse(struct order *order, const char *text, struct err *err)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    struct memory memory = {0};
    if (!json_parse(str_of(text), MEMORY_MAX, &tree, err))
        return err_wrap(err, "order memory");
    bool good = memory_read(tree, &memory, err);
    if (good)
        memory_apply(order, &memory);
    mem_free(memory.failure);
    mem_free(memory.failure_kind);
    mem_free(memory.failure_problem);
    mem_free(memory.challenge);
    return good;
}
