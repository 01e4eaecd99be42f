/* provider lint: a manifest held against the grammar, and the requests it would make. */
#include "cmd/output.h"
#include "cmd/provider_words.h"
#include "cmd/run_commands.h"

#include "dns-providers/manifest/check.h"
#include "dns-providers/manifest/dry_run.h"
#include "dns-providers/manifest/manifest.h"
#include "io/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FILE_MAX = 1024 * 1024 };

struct lint {
    struct invocation *in;
    const char *file;                    /* NULL: a type of the program */
    const struct dns_provider *provider; /* NULL: it could not be read */
    const struct dns_provider *loaded;   /* ours to free, or NULL */
    struct complaints errors, warnings;
    struct json *calls[2]; /* of adding, of removing */
    struct err ends[2];    /* why a dry run ends early */
};

static void lint_fini(struct lint *lint)
{
    complaints_fini(&lint->errors);
    complaints_fini(&lint->warnings);
    json_free(lint->calls[0]);
    json_free(lint->calls[1]);
    if (lint->loaded != NULL)
        manifest_free(lint->loaded);
}

/* ---- looking ---- */

static void file_judge(struct lint *lint, struct str text)
{
    AUTO(yaml_fini)
    struct yaml *doc = NULL;
    struct err err = {0};
    if (!yaml_parse(text, lint->file, &doc, &err)) {
        complaints_add_at(&lint->errors, NULL, 0, 0, "%s", err.text);
        return;
    }
    manifest_check(doc, &lint->errors);
    if (lint->errors.n > 0)
        return;
    if (!manifest_load(text, lint->file, &lint->loaded, &err))
        complaints_add_at(&lint->errors, NULL, 0, 0, "%s", err.text);
    lint->provider = lint->loaded;
}

/* In a folder of manifests the file's name is the type's. */
static void name_judge(struct lint *lint)
{
    const struct yaml *doc = manifest_doc(lint->provider);
    const char *slash = strrchr(lint->file, '/'), *name = lint->provider->name;
    const char *base = slash != NULL ? slash + 1 : lint->file;
    AUTO(mem_fini)
    char *wanted = mem_printf("%s.yaml", name);
    if (strcmp(base, wanted) != 0)
        complaints_add_key(&lint->warnings, doc, yaml_tree(doc), "id",
                           "in a folder of manifests the file of this type is named %s", wanted);
    if (dns_provider_find(name) != NULL)
        complaints_add_key(&lint->warnings, doc, yaml_tree(doc), "id",
                           "the program has a type %s: this one counts only with override: [%s]",
                           name, name);
}

static int complaint_compare(const void *a, const void *b)
{
    const struct complaint *x = a, *y = b;
    return x->line != y->line ? (x->line > y->line) - (x->line < y->line)
                              : (x->column > y->column) - (x->column < y->column);
}

static void complaints_sort(struct complaints *c)
{
    if (c->n > 0)
        qsort(c->items, c->n, sizeof(*c->items), complaint_compare);
}

static void provider_judge(struct lint *lint)
{
    if (lint->file != NULL)
        name_judge(lint);
    manifest_lint(lint->provider, &lint->warnings);
    for (int i = 0; i < 2; i++)
        manifest_dry_run(lint->provider, i == 0, &lint->calls[i], &lint->ends[i]);
}

/* ---- telling ---- */

static struct json *complaints_json(const struct complaints *c)
{
    struct json *list = json_array();
    for (size_t i = 0; i < c->n; i++) {
        const char *text = c->items[i].text;
        AUTO(mem_fini)
        char *place = mem_printf(":%d:%d: ", c->items[i].line, c->items[i].column);
        const char *after = strstr(text, place);
        struct json *one = json_set_int(json_object(), "line", c->items[i].line);
        json_set_int(one, "column", c->items[i].column);
        json_push(list, json_set_text(one, "text", after != NULL ? after + strlen(place) : text));
    }
    return list;
}

static struct json *lint_json(const struct lint *lint)
{
    static const char *const names[] = {"add", "remove"};
    struct json *tree = json_set_text(json_object(), "file", lint->file);
    json_set_text(tree, "type", lint->provider != NULL ? lint->provider->name : NULL);
    json_set_bool(tree, "ok", lint->errors.n == 0);
    json_set(tree, "errors", complaints_json(&lint->errors));
    json_set(tree, "warnings", complaints_json(&lint->warnings));
    for (int i = 0; i < 2 && lint->provider != NULL; i++) {
        struct json *one = json_set(json_object(), "calls", json_copy(lint->calls[i]));
        bool whole = lint->ends[i].kind == ERR_NONE;
        json_set_text(one, "ends_early", whole ? NULL : lint->ends[i].text);
        json_set(tree, names[i], one);
    }
    return tree;
}

/* What a stranger wrote must not move the cursor; backslashes stay, or JSON would be hard to read. */
static void safe_print(const char *before, const char *text)
{
    fputs(before, stdout);
    for (const char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
            printf("\\x%02x", (unsigned)(unsigned char)*p);
        else
            putchar(*p);
    putchar('\n');
}

static void call_print(const struct invocation *in, size_t number, const struct json *call)
{
    const struct json *headers = json_find(call, "headers"), *answer = json_find(call, "answer");
    const char *body = json_text(call, "body"), *told = json_text(answer, "body");
    printf("\n  %zu. ", number);
    ink_print(in, INK_BOLD, "%s", json_text(call, "method"));
    safe_print(" ", json_text(call, "url"));
    for (size_t i = 0; i < json_len(headers); i++)
        safe_print("     ", json_as_text(json_at(headers, i)));
    if (body != NULL) {
        printf("\n");
        safe_print("     ", body);
    }
    AUTO(mem_fini)
    char *line = mem_printf("     <- %lld ", (long long)json_int(answer, "status", 0));
    safe_print(line, told != NULL ? told : "");
}

static void calls_print(const struct lint *lint, int which)
{
    printf("\n%s a value at _acme-challenge.www.example.com, in zone example.com%s\n",
           which == 0 ? "Adding" : "Removing",
           which == 0 ? "; secrets stand as {{name}}, the answers (<-) are made up:" : ":");
    for (size_t i = 0; i < json_len(lint->calls[which]); i++)
        call_print(lint->in, i + 1, json_at(lint->calls[which], i));
    if (lint->ends[which].kind != ERR_NONE)
        safe_print("\n  here the dry run ends: the manifest asks for what no answer brought, by a "
                   "slip or because made-up answers do not suit it: ",
                   lint->ends[which].text);
}

static void complaints_print(const struct invocation *in, const struct complaints *c,
                             const char *kind)
{
    for (size_t i = 0; i < c->n; i++) {
        ink_print(in, kind[0] == 'w' ? INK_WARN : INK_BAD, "%s", kind);
        printf(": %s\n", c->items[i].text);
    }
}

static void lint_print(const struct lint *lint)
{
    const struct invocation *in = lint->in;
    complaints_print(in, &lint->errors, "error");
    complaints_print(in, &lint->warnings, "warning");
    if (lint->provider == NULL || option_is_on(in, "no-calls"))
        return;
    printf("type %s, model %s, %zu setting%s, %zu warning%s\n", lint->provider->name,
           dns_provider_model(lint->provider), lint->provider->settings->n,
           lint->provider->settings->n == 1 ? "" : "s", lint->warnings.n,
           lint->warnings.n == 1 ? "" : "s");
    calls_print(lint, 0);
    calls_print(lint, 1);
}

/* ---- the command ---- */

static bool is_path(const char *word)
{
    return strchr(word, '/') != NULL || str_ends(str_of(word), STR(".yaml")) ||
           access(word, F_OK) == 0;
}

static bool lint_open(struct lint *lint)
{
    struct invocation *in = lint->in;
    const char *word = in->words[0];
    AUTO(buf_fini)
    struct buf text = BUF(FILE_MAX);
    if (is_path(word)) {
        lint->file = word;
        if (!file_read(word, FILE_MAX, false, &text, &in->err))
            return false;
        file_judge(lint, buf_str(&text));
        return true;
    }
    lint->provider = config_maybe(in) ? catalogue_find(types_of(in), word) : NULL;
    if (in->err.kind != ERR_NONE)
        return false;
    if (lint->provider == NULL)
        return provider_unknown(in, word);
    return manifest_tree(lint->provider) != NULL ||
           err_set(&in->err, ERR_CONFIG, "type %s is no manifest: there is nothing to look at",
                   word);
}

enum exit_code provider_lint_run(struct invocation *in)
{
    AUTO(lint_fini)
    struct lint lint = {.in = in};
    if (!lint_open(&lint))
        return in->err.kind == ERR_CONFIG ? EXIT_CODE_USAGE : exit_code_of(&in->err);
    if (lint.provider != NULL)
        provider_judge(&lint);
    complaints_sort(&lint.errors);
    complaints_sort(&lint.warnings);
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = lint_json(&lint);
        json_print(tree);
    } else {
        lint_print(&lint);
    }
    return lint.errors.n > 0 ? EXIT_CODE_USAGE : EXIT_CODE_DONE;
}
