#include "cmd/check.h"

#include "cmd/house_open.h"
#include "io/files.h"

enum { FILE_MAX = 1024 * 1024 };

struct yaml *check_yaml(const char *file)
{
    AUTO(buf_fini)
    struct buf text = BUF(FILE_MAX);
    struct yaml *doc = NULL;
    if (!file_read(file, FILE_MAX, false, &text, NULL) ||
        !yaml_parse(buf_str(&text), file, &doc, NULL))
        return NULL;
    return doc;
}

/* An error holds 1 KiB, a file may hold more complaints than fit: what is wrong by the tables can be listed whole. */
static bool table_findings(struct check *check, const char *file, const struct section *section)
{
    struct complaints complaints = {0};
    AUTO(yaml_fini)
    struct yaml *doc = check_yaml(file);
    if (doc == NULL)
        return false;
    AUTO(json_fini)
    struct json *tree = table_check(doc, yaml_tree(doc), section, &complaints);
    for (size_t i = 0; i < complaints.n; i++)
        findings_add_lines(&check->findings, file, (struct place){0}, complaints.items[i].text);
    complaints_fini(&complaints);
    return tree == NULL;
}

static bool is_cut(const char *text)
{
    const char *last = strrchr(text, '\n');
    return last != NULL && str_starts(str_of(last + 1), STR("... and "));
}

bool check_main_file(struct check *check)
{
    struct err err = {0};
    check->path = config_path(check->in);
    check->doc = check_yaml(check->path);
    if (config_load(check->path, environment_get, &check->in->config, &err))
        return true;
    if (!is_cut(err.text) || !table_findings(check, check->path, config_section_main()))
        findings_add_lines(&check->findings, check->doc != NULL ? check->path : NULL,
                           (struct place){0}, err.text);
    return false;
}

/* ---- sets ---- */

/* Two sets want one thing: the text names both and the thing, this finds where the later one asks for it. */
static struct place conflict_place(struct check *check, const struct set_row *row,
                                   const struct yaml *doc)
{
    struct set_config *set = NULL;
    const struct json *root = yaml_tree(doc);
    struct place place = place_of_value(doc, root, "names");
    if (!register_set(&check->house, row->name, &set, NULL))
        return place;
    for (size_t i = 0; i < set->n_deploys; i++) {
        const struct json *files = json_find(json_at(json_find(root, "deploy"), i), "files");
        AUTO(mem_fini)
        char *told = mem_printf(" deliver to %s;", set->deploys[i].dir);
        if (files != NULL && strstr(row->fault, told) != NULL)
            place = place_of_value(doc, files, "dir");
    }
    set_config_free(set);
    return place;
}

static void fault_tell(struct check *check, const struct set_row *row)
{
    struct place place = {0};
    if (is_cut(row->fault) && table_findings(check, row->file, config_section_set()))
        return;
    if (!str_starts(str_of(row->fault), str_of(row->file))) {
        AUTO(yaml_fini)
        struct yaml *doc = check_yaml(row->file);
        if (doc != NULL)
            place = conflict_place(check, row, doc);
    }
    findings_add_lines(&check->findings, row->file, place, row->fault);
}

static bool row_check(void *arg, const struct set_row *row)
{
    struct check *check = arg;
    struct set_config *set = NULL;
    check->n_sets++;
    if (row->fault != NULL) {
        fault_tell(check, row);
    } else if (register_set(&check->house, row->name, &set, NULL)) {
        check->n_names += set->n_names;
        check_set_limits(check, row, set);
        if (!check->files_only)
            check_set_world(check, row, set);
        set_config_free(set);
    }
    return true;
}

void check_set_files(struct check *check)
{
    struct register_result result;
    struct err err = {0};
    struct store_options options = {.path = ":memory:", .create = true};
    check->house = (struct house){.clock = check->in->house.clock, .config = check->in->config};
    if (store_open(&options, &check->house.store, &err) &&
        register_refresh(&check->house, &result, &err) &&
        register_each(&check->house, row_check, check, &err))
        return;
    findings_add_lines(&check->findings, check->path,
                       place_of_value(check->doc, yaml_tree(check->doc), "sets"), err.text);
}

/* ---- sets while chancery.yaml is broken ---- */

struct shapes {
    struct check *check;
    const char *folder;
};

static bool shape_check(void *arg, const char *name, const struct file_stamp *stamp)
{
    struct shapes *shapes = arg;
    struct check *check = shapes->check;
    AUTO(mem_fini)
    char *file = mem_printf("%s%s", shapes->folder, name);
    AUTO(buf_fini)
    struct buf text = BUF(FILE_MAX);
    AUTO(yaml_fini)
    struct yaml *doc = NULL;
    struct err err = {0};
    (void)stamp;
    check->n_sets++;
    if (!file_read(file, FILE_MAX, false, &text, &err) ||
        !yaml_parse(buf_str(&text), file, &doc, &err))
        findings_add_lines(&check->findings, file, (struct place){0}, err.text);
    else
        table_findings(check, file, config_section_set());
    return true;
}

/* As far as the broken file tells where the sets are. */
void check_set_shapes(struct check *check)
{
    if (check->doc == NULL)
        return;
    const char *sets = json_text(yaml_tree(check->doc), "sets");
    if (sets == NULL)
        sets = "sets.d/*.yaml";
    const char *star = strchr(sets, '*'), *slash = strrchr(check->path, '/');
    if (star == NULL)
        return;
    AUTO(mem_fini)
    char *own = slash != NULL ? mem_strndup(check->path, (size_t)(slash - check->path) + 1)
                              : mem_strdup("./");
    AUTO(mem_fini)
    char *folder = mem_printf("%s%.*s", sets[0] == '/' ? "" : own, (int)(star - sets), sets);
    struct shapes shapes = {check, folder};
    folder_walk(folder, star + 1, shape_check, &shapes, NULL);
    findings_note(
        &check->findings,
        "names, zones and folders of the sets were not compared, because %s cannot be used",
        check->path);
}
