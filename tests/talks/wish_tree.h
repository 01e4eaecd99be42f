/*
 * Wishes as JSON trees and JSON trees as answers, so that a talk can be written down and compared. Whatever a wish leaves out (no
 * body, no signature, no server) is left out of its tree, so two trees are equal exactly when the wishes are.
 */
#ifndef TALKS_WISH_TREE_H
#define TALKS_WISH_TREE_H

#include "dns-providers/dns_provider.h"

/* The caller frees. */
struct json *wish_tree(const struct dns_wish *wish);
/* A wish that a talk expects, with its expressions as an engine writes them: what holds no secret is worked out, so that a talk may show
 * what a digest in a signature was made over. The caller frees. */
struct json *wish_settle(const struct json *expected);

/* An answer with the things it points to. */
struct talk_answer {
    struct dns_answer answer; /* hand out &a->answer */
    const struct json *tree;  /* borrowed */
    struct err err;
    char *body;
};
/* tree: {"status": 200, "headers": {...}, "json": ... | "body": "...", "exit": 0, "timed_out": true, "err": {"kind", "text",
 * "until_ms"}}. False when a member is none of these. */
bool talk_answer_init(struct talk_answer *a, const struct json *tree, struct err *err);
void talk_answer_fini(struct talk_answer *a);

#endif
