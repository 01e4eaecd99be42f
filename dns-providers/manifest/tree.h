/*
 * Trees of manifests: JSON whose texts are templates, with a few directives, worked out into the body of a request.
 *
 *     $each: LIST, as: NAME, emit: TREE      an array with one element for each item (the item is {item} or {NAME})
 *     $if: COND, then: TREE, else: TREE      one of two; without else the member vanishes
 *     $doc: VARIABLE                         a JSON value as it was read, unknown members and all
 *     $merge: [TREE, ...]                    objects merged, later ones win
 *     $join: [TREE, ...]                     arrays put one behind the other
 *     $json: TREE                            the tree as a text
 *     $jwt: {alg, key, header, claims, life} a signed token; iat, exp and jti are added
 *
 * The result is JSON in which texts with secrets stand as marks; tree_json writes it with the secrets as expressions.
 */
#ifndef MANIFEST_TREE_H
#define MANIFEST_TREE_H

#include "dns-providers/manifest/template.h"

enum { TREE_DEPTH_MAX = 64, TREE_NODES_MAX = 20000, TREE_MARKS_MAX = 256 };

struct tree_work {
    struct template_context context;
    const struct veiled *marks[TREE_MARKS_MAX];
    size_t n_marks, n_nodes;
    int depth;
};
/* *ret NULL: nothing at all ($if without else). The tree is the arena's. Kinds: CONFIG, REFUSED (too large). */
bool tree_work_out(struct tree_work *work, const struct json *tree, struct json **ret,
                   struct err *err);
/* The JSON text of a worked-out tree; secrets in it are encoded for JSON by an expression. */
const struct veiled *tree_json(const struct tree_work *work, const struct json *worked_out);
/* A worked-out text with its secrets: a mark, or the text of any other value. */
const struct veiled *tree_text(const struct tree_work *work, const struct json *worked_out);
/* Worked out and written as XML (base/xml.h); secrets in it are encoded for XML. Also kind REFUSED: what XML cannot say. */
bool tree_xml(const struct template_context *context, const struct json *tree,
              const struct veiled **ret, struct err *err);
/* Worked out and written as JSON. */
bool tree_render(const struct template_context *context, const struct json *tree,
                 const struct veiled **ret, struct err *err);

#endif
