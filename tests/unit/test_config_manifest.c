/* SEES: base crypto io store config acme dns-providers inventory */
#include "house_fixture.h"

#include "inventory/config.h"

/* A folder of manifests beside chancery.yaml: what is taken, what is refused, and what a refusal costs. */

#define TOP    "seal: file:seal.key\nauthorities: {one: {directory: https://one.example/dir}}\n"
#define FOLDER "manifests: {folder: manifests.d}\n"

static const char manifest[] = "manifest: 1\n"
                               "id: %s\n"
                               "name: Lantern\n"
                               "status: trial\n"
                               "credentials:\n"
                               "  token: {help: A token.}\n"
                               "base: https://api.lantern.example\n"
                               "hosts: [api.lantern.example]\n"
                               "ttl: {default: 60}\n"
                               "auth:\n"
                               "  - headers: {Authorization: \"Bearer {cred.token}\"}\n"
                               "zone: {by: soa}\n"
                               "model: value\n"
                               "add: {method: POST, path: /add, json: {value: \"{txt}\"}}\n"
                               "remove: {method: POST, path: /remove, json: {value: \"{txt}\"}}\n";

static void manifest_put(const char *file, const char *id, mode_t mode)
{
    AUTO(mem_fini)
    char *name = mem_printf("manifests.d/%s", file);
    AUTO(buf_fini)
    struct buf text = BUF(8192);
    const char *gap = strstr(manifest, "%s");
    buf_add(&text, manifest, (size_t)(gap - manifest));
    buf_printf(&text, "%s%s", id, gap + 2);
    scratch_put(name, buf_cstr(&text), mode);
}

static int folder_make_new(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    return mkdir(scratch("manifests.d"), 0755);
}

static struct config *load(const char *text)
{
    struct err err = {0};
    struct config *config = NULL;
    scratch_put("chancery.yaml", text, 0644);
    must(config_load(scratch("chancery.yaml"), no_environment, &config, &err), &err);
    return config;
}

static const struct manifest_file *file_of(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->n_manifests; i++)
        if (strcmp(config->manifests[i].name, name) == 0)
            return &config->manifests[i];
    fail_msg("no file %s was read", name);
    return NULL;
}

static void assert_refused(const struct config *config, const char *name, const char *words)
{
    const struct manifest_file *m = file_of(config, name);
    if (m->fault == NULL || strstr(m->fault, words) == NULL)
        fail_msg("%s: not refused with \"%s\" but \"%s\"", name, words,
                 m->fault != NULL ? m->fault : "taken");
}

static void test_manifest_when_it_is_good_then_a_provider_uses_it(void **state)
{
    (void)state;
    manifest_put("lantern.yaml", "lantern", 0644);
    struct config *c = load(TOP FOLDER "providers:\n  lamp: {type: lantern, zones: [example.com], "
                                       "token: file:t}\n");
    const struct dns_provider *type = config_provider(c, "lamp")->provider;
    assert_string_equal(type->title, "Lantern");
    assert_null(dns_provider_fault(type));
    assert_string_equal(catalogue_origin(c->types, type), scratch("manifests.d/lantern.yaml"));
    assert_null(catalogue_origin(c->types, catalogue_find(c->types, "hetzner")));
    assert_null(dns_provider_find("lantern"));
    config_free(c);
}

static void test_manifest_when_a_setting_is_wrong_then_the_line_is_named(void **state)
{
    struct err err = {0};
    struct config *config = NULL;
    (void)state;
    manifest_put("lantern.yaml", "lantern", 0644);
    scratch_put("chancery.yaml",
                TOP FOLDER
                "providers:\n  lamp: {type: lantern, zones: [example.com], tokn: file:t}\n",
                0644);
    assert_false(config_load(scratch("chancery.yaml"), no_environment, &config, &err));
    assert_non_null(strstr(err.text, "chancery.yaml:5:"));
    assert_non_null(strstr(err.text, "did you mean \"token\"?"));
}

static void test_manifest_when_one_is_broken_then_only_its_type_is_lost(void **state)
{
    (void)state;
    manifest_put("lantern.yaml", "lantern", 0644);
    scratch_put("manifests.d/torch.yaml", "manifest: 1\nid: torch\nmodle: record\n", 0644);
    struct config *c = load(TOP FOLDER "providers:\n"
                                       "  lamp: {type: lantern, zones: [example.com], token: "
                                       "file:t}\n"
                                       "  fire: {type: torch, zones: [example.org], secret: "
                                       "file:x, anything: 7}\n");
    assert_refused(c, "torch", "torch.yaml:3:1: unknown member \"modle\"");
    assert_null(dns_provider_fault(config_provider(c, "lamp")->provider));
    const char *fault = dns_provider_fault(config_provider(c, "fire")->provider);
    assert_non_null(fault);
    assert_non_null(strstr(fault, "torch.yaml:3:1"));

    struct json *doc = NULL;
    struct err err = {0};
    const char good[] = "names: [www.example.com]\n", bad[] = "names: [www.example.org]\n";
    must(set_file_parse(c, "good.yaml", str_of(good), &doc, &err), &err);
    json_free(doc);
    assert_false(set_file_parse(c, "bad.yaml", str_of(bad), &doc, &err));
    assert_non_null(strstr(err.text, "bad.yaml:1:8: provider fire cannot be used"));
    assert_non_null(strstr(err.text, "torch.yaml:3:1"));
    config_free(c);
}

static void test_manifest_when_its_file_is_lost_then_only_its_type_is_lost(void **state)
{
    struct err err = {0};
    struct config *config = NULL;
    (void)state;
    manifest_put("lantern.yaml", "lantern", 0644);
    struct config *c = load(TOP FOLDER "providers:\n"
                                       "  lamp: {type: lantern, zones: [example.com], token: "
                                       "file:t}\n"
                                       "  fire: {type: torch, zones: [example.org], secret: "
                                       "file:x}\n"
                                       "  blaze: {type: torch, zones: [example.net]}\n");
    assert_refused(c, "torch", "torch.yaml: there is no such file");
    assert_int_equal(c->n_manifests, 2);
    assert_null(dns_provider_fault(config_provider(c, "lamp")->provider));
    assert_non_null(dns_provider_fault(config_provider(c, "fire")->provider));
    assert_non_null(dns_provider_fault(config_provider(c, "blaze")->provider));
    config_free(c);

    scratch_put("chancery.yaml",
                TOP FOLDER "providers: {lamp: {type: lantren, zones: [example.com]}}\n", 0644);
    assert_false(config_load(scratch("chancery.yaml"), no_environment, &config, &err));
    assert_non_null(strstr(err.text, "did you mean \"lantern\"?"));
}

static void test_manifest_when_much_is_wrong_then_each_is_a_line_and_a_job_tells_one(void **state)
{
    (void)state;
    scratch_put("manifests.d/torch.yaml", "manifest: 1\nid: torch\n", 0644);
    struct config *c = load(TOP FOLDER "providers: {fire: {type: torch, zones: [example.org]}}\n");
    assert_refused(c, "torch", "torch.yaml:1:1: manifest: \"name\" is missing\n");
    assert_refused(c, "torch", "\"model\" is missing");
    const char *fault = dns_provider_fault(config_provider(c, "fire")->provider);
    assert_null(strchr(fault, '\n'));
    assert_non_null(strstr(fault, "(and more: see `chancery check`)"));
    config_free(c);
}

static void test_stand_in_when_a_job_comes_then_it_fails_and_says_why(void **state)
{
    (void)state;
    scratch_put("manifests.d/torch.yaml", "manifest: 2\n", 0644);
    struct config *c = load(TOP FOLDER "providers: {fire: {type: torch, zones: [example.org]}}\n");
    struct dns_job job = {.provider = config_provider(c, "fire")->provider};
    struct dns_wish wish = {0};
    job.provider->step(&job, NULL, &wish);
    assert_int_equal(wish.kind, DNS_WISH_FAIL);
    assert_int_equal(wish.err.kind, ERR_CONFIG);
    assert_non_null(strstr(wish.err.text, "torch.yaml:1:"));
    config_free(c);
}

static void test_manifest_when_others_can_write_it_then_it_is_not_read(void **state)
{
    (void)state;
    manifest_put("group.yaml", "group", 0664);
    manifest_put("world.yaml", "world", 0646);
    struct config *c = load(TOP FOLDER "providers: {}\n");
    assert_refused(c, "group", "can be written by its group");
    assert_refused(c, "world", "can be written by everybody");
    assert_string_equal(file_of(c, "world")->sha256, "");
    assert_non_null(dns_provider_fault(catalogue_find(c->types, "world")));
    config_free(c);
}

static void test_manifest_when_somebody_else_owns_it_then_it_is_not_read(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    manifest_put("theirs.yaml", "theirs", 0644);
    assert_int_equal(chown(scratch("manifests.d/theirs.yaml"), 65534, 65534), 0);
    struct config *c = load(TOP FOLDER "providers: {}\n");
    assert_refused(c, "theirs", "belongs to user 65534");
    config_free(c);
}

static void test_manifest_when_it_is_a_link_then_only_within_the_folder(void **state)
{
    (void)state;
    manifest_put("lantern.yaml", "lantern", 0644);
    assert_int_equal(mkdir(scratch("manifests.d/data"), 0755), 0);
    manifest_put("data/within.yaml", "within", 0644);
    assert_int_equal(rename(scratch("manifests.d/lantern.yaml"), scratch("outside.yaml")), 0);
    assert_int_equal(symlink("../outside.yaml", scratch("manifests.d/lantern.yaml")), 0);
    assert_int_equal(symlink("/etc/passwd", scratch("manifests.d/absolute.yaml")), 0);
    assert_int_equal(symlink("data/within.yaml", scratch("manifests.d/within.yaml")), 0);
    struct config *c = load(TOP FOLDER "providers: {}\n");
    assert_refused(c, "lantern", "leads out of its folder");
    assert_refused(c, "absolute", "leads out of its folder");
    assert_null(file_of(c, "within")->fault);
    config_free(c);
}

static void test_manifest_when_it_is_no_file_or_too_large_then_refused(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(scratch("manifests.d/pipe.yaml"), 0600), 0);
    assert_int_equal(mkdir(scratch("manifests.d/folder.yaml"), 0755), 0);
    char *large = mem_new(300 * 1024, 1);
    memset(large, '#', 300 * 1024 - 1);
    scratch_put("manifests.d/large.yaml", large, 0644);
    mem_free(large);
    struct config *c = load(TOP FOLDER "providers: {}\n");
    assert_refused(c, "pipe", "no regular file");
    assert_refused(c, "folder", "no regular file");
    assert_refused(c, "large", "more than 262144 bytes");
    config_free(c);
}

static void test_folder_when_others_can_write_it_then_nothing_in_it_counts(void **state)
{
    (void)state;
    manifest_put("lantern.yaml", "lantern", 0644);
    assert_int_equal(chmod(scratch("manifests.d"), 0777), 0);
    struct config *c = load(TOP FOLDER "providers:\n  lamp: {type: lantern, zones: [example.com], "
                                       "token: file:t}\n  own: {type: exec, zones: [example.net], "
                                       "argv: [/bin/true]}\n");
    assert_non_null(strstr(c->manifests_fault, "can be written by everybody"));
    assert_int_equal(c->n_manifests, 0);
    assert_non_null(dns_provider_fault(config_provider(c, "lamp")->provider));
    assert_null(dns_provider_fault(config_provider(c, "own")->provider));
    config_free(c);
}

static void test_folder_when_it_is_absent_then_said_and_the_rest_goes_on(void **state)
{
    (void)state;
    assert_int_equal(rmdir(scratch("manifests.d")), 0);
    struct config *c = load(TOP FOLDER "providers: {own: {type: exec, zones: [example.net], argv: "
                                       "[/bin/true]}}\n");
    assert_non_null(c->manifests_fault);
    assert_null(dns_provider_fault(config_provider(c, "own")->provider));
    config_free(c);
}

static void test_name_of_the_build_when_not_overridden_then_the_file_is_refused(void **state)
{
    (void)state;
    manifest_put("hetzner.yaml", "hetzner", 0644);
    manifest_put("gandi.yaml", "gandi", 0644); /* another name of gandiv5 */
    struct config *c = load(TOP FOLDER "providers: {}\n");
    assert_refused(c, "hetzner", "override: [hetzner]");
    assert_refused(c, "gandi", "another name of gandiv5");
    assert_ptr_equal(catalogue_find(c->types, "hetzner"), dns_provider_find("hetzner"));
    assert_ptr_equal(catalogue_find(c->types, "gandi"), dns_provider_find("gandiv5"));
    config_free(c);
}

static void test_name_of_the_build_when_overridden_then_the_file_counts(void **state)
{
    (void)state;
    manifest_put("hetzner.yaml", "hetzner", 0644);
    scratch_put("manifests.d/ionos.yaml", "manifest: 1\n", 0644);
    struct config *c = load(TOP "manifests: {folder: manifests.d, override: [hetzner, ionos]}\n"
                                "providers: {}\n");
    assert_string_equal(catalogue_find(c->types, "hetzner")->title, "Lantern");
    /* The administrator does not trust the built-in one: what replaces it is broken, and that is said. */
    assert_non_null(dns_provider_fault(catalogue_find(c->types, "ionos")));
    size_t n, n_built_in, n_hetzner = 0;
    const struct dns_provider **all = catalogue_all(c->types, &n);
    dns_provider_all(&n_built_in);
    assert_int_equal(n, n_built_in);
    for (size_t i = 0; i < n; i++)
        n_hetzner += strcmp(all[i]->name, "hetzner") == 0 ? 1 : 0;
    assert_int_equal(n_hetzner, 1);
    mem_free(all);
    config_free(c);
}

static void test_manifest_when_its_id_is_another_than_its_name_then_refused(void **state)
{
    (void)state;
    manifest_put("lantern.yaml", "hetzner", 0644);
    struct config *c = load(TOP FOLDER "providers: {}\n");
    assert_refused(c, "lantern", "lantern.yaml:2:5: id is \"hetzner\"");
    config_free(c);
}

static void test_sums_when_given_then_only_these_files_are_taken(void **state)
{
    (void)state;
    manifest_put("lantern.yaml", "lantern", 0644);
    manifest_put("torch.yaml", "torch", 0644);
    struct config *c = load(TOP FOLDER "providers: {}\n");
    AUTO(mem_fini)
    char *text =
        mem_printf(TOP "manifests: {folder: manifests.d, sha256: [\"%s\"]}\nproviders: {}\n",
                   file_of(c, "lantern")->sha256);
    AUTO(mem_fini)
    char *before = mem_strdup(c->fingerprint);
    config_free(c);
    c = load(text);
    assert_null(file_of(c, "lantern")->fault);
    assert_refused(c, "torch", "is not among those of manifests.sha256");
    config_free(c);
    manifest_put("lantern.yaml", "lantern ", 0644);
    c = load(TOP FOLDER "providers: {}\n");
    /* A changed manifest makes every set be read again. */
    assert_string_not_equal(c->fingerprint, before);
    config_free(c);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, folder_make_new, scratch_remove)
    const struct CMUnitTest tests[] = {
        T(test_manifest_when_it_is_good_then_a_provider_uses_it),
        T(test_manifest_when_a_setting_is_wrong_then_the_line_is_named),
        T(test_manifest_when_one_is_broken_then_only_its_type_is_lost),
        T(test_manifest_when_its_file_is_lost_then_only_its_type_is_lost),
        T(test_manifest_when_much_is_wrong_then_each_is_a_line_and_a_job_tells_one),
        T(test_stand_in_when_a_job_comes_then_it_fails_and_says_why),
        T(test_manifest_when_others_can_write_it_then_it_is_not_read),
        T(test_manifest_when_somebody_else_owns_it_then_it_is_not_read),
        T(test_manifest_when_it_is_a_link_then_only_within_the_folder),
        T(test_manifest_when_it_is_no_file_or_too_large_then_refused),
        T(test_folder_when_others_can_write_it_then_nothing_in_it_counts),
        T(test_folder_when_it_is_absent_then_said_and_the_rest_goes_on),
        T(test_name_of_the_build_when_not_overridden_then_the_file_is_refused),
        T(test_name_of_the_build_when_overridden_then_the_file_counts),
        T(test_manifest_when_its_id_is_another_than_its_name_then_refused),
        T(test_sums_when_given_then_only_these_files_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
