/* provider new: the first lines of a manifest. */
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/run_commands.h"

#include "dns-providers/builtin.h"
#include "io/files.h"

#include <stdio.h>
#include <unistd.h>

enum { SKELETON_MAX = 64 * 1024 };

static const struct builtin_manifest *skeleton_find(struct invocation *in, const char *model)
{
    AUTO(buf_fini)
    struct buf known = BUF(256);
    for (size_t i = 0; builtin_skeletons[i].name != NULL; i++) {
        if (strcmp(builtin_skeletons[i].name, model) == 0)
            return &builtin_skeletons[i];
        buf_printf(&known, "%s%s", i > 0 ? ", " : "", builtin_skeletons[i].name);
    }
    err_set(&in->err, ERR_CONFIG, "there is no model \"%.40s\"; the models are %s", model,
            buf_cstr(&known));
    return NULL;
}

static bool name_fits(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return len > 0 && len <= 64 && name[len] == '\0' && name[0] >= 'a' && name[0] <= 'z';
}

static void skeleton_fill(struct str text, const char *name, struct buf *out)
{
    for (;;) {
        size_t at = str_find(text, STR("@NAME@"));
        buf_add(out, text.p, at);
        if (at == text.len)
            return;
        buf_add_cstr(out, name);
        text = str_mem(text.p + at + strlen("@NAME@"), text.len - at - strlen("@NAME@"));
    }
}

static bool skeleton_write(struct invocation *in, const char *file, struct str text)
{
    if (access(file, F_OK) == 0)
        return err_set(&in->err, ERR_CONFIG, "%s is there already: nothing was written", file);
    if (!file_replace(file, text, 0644, NULL, &in->err))
        return false;
    if (!in->json && option_common(in, "quiet") == NULL)
        printf("wrote %s; `chancery provider lint %s` checks it and prints its requests\n", file,
               file);
    return true;
}

static void skeleton_tell(const struct invocation *in, const char *name, const char *model,
                          const char *file, struct str text)
{
    AUTO(json_fini)
    struct json *tree = json_set_text(json_object(), "type", name);
    if (!in->json && file == NULL)
        fwrite(text.p, 1, text.len, stdout);
    if (!in->json)
        return;
    json_set_text(tree, "model", model);
    json_set_text(tree, "file", file);
    json_set_str(tree, "manifest", text);
    json_print(tree);
}

/* manifests.d/lantern.yaml is the type lantern. */
static char *name_of(const char *file)
{
    const char *slash = file != NULL ? strrchr(file, '/') : NULL;
    struct str base = str_of(slash != NULL ? slash + 1 : file);
    if (file == NULL || !str_ends(base, STR(".yaml")))
        return mem_strdup("myprovider");
    return mem_strndup(base.p, base.len - strlen(".yaml"));
}

enum exit_code provider_new_run(struct invocation *in)
{
    const char *model = option_value(in, "model"), *given = option_value(in, "name");
    const char *file = in->n_words > 0 ? in->words[0] : NULL;
    AUTO(mem_fini)
    char *name = given != NULL ? mem_strdup(given) : name_of(file);
    AUTO(buf_fini)
    struct buf text = BUF(SKELETON_MAX);
    model = model != NULL ? model : "record";
    const struct builtin_manifest *skeleton = skeleton_find(in, model);
    if (skeleton == NULL)
        return EXIT_CODE_USAGE;
    if (!name_fits(name)) {
        err_set(&in->err, ERR_CONFIG,
                "--name: \"%.80s\" cannot be a type: a letter, then letters, digits, \"-\" and "
                "\"_\", all lower case, at most 64",
                name);
        return EXIT_CODE_USAGE;
    }
    skeleton_fill(str_mem(skeleton->text, skeleton->len), name, &text);
    if (file != NULL && !skeleton_write(in, file, buf_str(&text)))
        return exit_code_of(&in->err);
    skeleton_tell(in, name, model, file, buf_str(&text));
    return EXIT_CODE_DONE;
}
