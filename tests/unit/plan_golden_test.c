/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shipped policies planned for made-up hosts, compared with golden/NAME.plan.yaml: a sandbox
 * that changes shows in the diff. CRIB_GOLDEN_UPDATE=1 writes the files anew.
 */
#include "plan_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "policy/load.h"
#include "text/text.h"

#define GOLDEN TEST_SOURCE_DIR "/tests/unit/golden"

static const struct golden {
    const char *name, *policy, *host, *file;
    const char *bind; /* of the task's; may be NULL */
    bool terminal;
} rows[] = {
    {"default-user", "default", "user", "/usr/bin/env", NULL},
    {"default-root", "default", "root", "/usr/bin/env", NULL},
    {"default-groups", "default", "groups", "/usr/bin/env", NULL},
    {"default-no-landlock", "default", "no-landlock", "/usr/bin/env", NULL},
    {"default-no-userns", "default", "no-userns", "/usr/bin/env", NULL},
    {"default-low-limits", "default", "low-limits", "/usr/bin/env", NULL},
    {"default-split-usr", "default", "split-usr", "/usr/bin/env", NULL},
    {"default-program", "default", "root", "./prog", "data"},
    {"default-missing", "default", "user", "./missing", NULL},
    {"strict-user", "strict", "user", "/usr/bin/env", NULL},
    {"strict-root", "strict", "root", "./prog", NULL},
    {"network-user", "network", "user", "/usr/bin/env", NULL},
    {"network-no-landlock", "network", "no-landlock", "/usr/bin/env", NULL},
    {"shell-user", "shell", "user", "env", "."},
    {"shell-low-limits", "shell", "low-limits", "env", NULL},
    {"open-user", "open", "user", "/usr/bin/env", NULL},
    {"open-root", "open", "root", "./prog", NULL},
    {"default-terminal", "default", "user", "/usr/bin/env", NULL, true},
    {"strict-terminal", "strict", "root", "/usr/bin/env", NULL, true},
    {"open-terminal", "open", "user", "/usr/bin/env", NULL, true},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const char *error_text(struct fixture *f)
{
    char *text = arena_alloc(&f->arena, 700);

    return crib_error_text(&f->err, text, 700);
}

static Crib__Host *read_host(struct fixture *f, const char *name)
{
    const char *path = arena_printf(&f->arena, GOLDEN "/hosts/%s.yaml", name);
    size_t len;
    char *text = test_read(path, &len);
    ProtobufCMessage *host;

    if (text_read(&crib__host__descriptor, path, text, len, &f->arena, NULL, &host, &f->err) < 0)
        fail_msg("%s", error_text(f));
    free(text);
    return (Crib__Host *)host;
}

/* As host_paths() would fill them: those asked for, in that order; what the file has not is
 * missing. */
static void answer(struct fixture *f, const char *const *paths, size_t count)
{
    Crib__HostPath **known = f->host->paths;
    size_t n_known = f->host->n_paths;

    f->host->paths = NULL;
    f->host->n_paths = 0;
    for (size_t i = 0; i < count; i++) {
        Crib__HostPath *found = NULL;

        for (size_t n = 0; n < n_known; n++)
            if (known[n]->path.len == strlen(paths[i]) &&
                memcmp(known[n]->path.data, paths[i], known[n]->path.len) == 0)
                found = known[n];
        if (found)
            arena_push(&f->arena, &f->host->paths, &f->host->n_paths, found);
        else
            add_path(f, paths[i], CRIB__HOST_PATH__KIND__missing)->code = -ENOENT;
    }
}

static void add_bind(struct fixture *f, const char *source)
{
    Crib__Mount *mount = ARENA_NEW(&f->arena, crib__mount, Crib__Mount);

    mount->has_source = true;
    mount->source = bytes(source);
    arena_push(&f->arena, &f->task->mounts, &f->task->n_mounts, mount);
}

/* What libseccomp makes differs between its releases. */
static void drop_programs(Crib__Plan *plan)
{
    if (!plan->syscalls)
        return;
    plan->syscalls->has_program = plan->syscalls->has_fallback = false;
    plan->syscalls->has_instructions = false;
}

/* Return: the plan as YAML, or why there is none. */
static const char *plan_text(struct fixture *f, const struct golden *row)
{
    struct buf out = {0};
    const char *const *paths;
    size_t count;
    char *text;

    f->host = read_host(f, row->host);
    if (policy_load(row->policy, NULL, &f->arena, &f->task->policy, NULL, &f->err) < 0)
        fail_msg("%s", error_text(f));
    f->task->file = bytes(row->file);
    if (row->bind)
        add_bind(f, row->bind);
    for (unsigned fd = 0; row->terminal && fd < 3; fd++)
        add_stdio(f, fd, CRIB__STDIO__KIND__pty);
    if (plan_paths(f->task, f->host, &f->arena, &paths, &count, &f->err) < 0)
        fail_msg("%s", error_text(f));
    answer(f, paths, count);
    if (plan_build(f->task, f->host, &f->arena, &f->plan, &f->err) < 0)
        return arena_printf(&f->arena, "# refused\n%s\n", error_text(f));
    if (plan_compile(f->plan, &f->arena, &f->err) < 0)
        fail_msg("%s", error_text(f));
    drop_programs(f->plan);
    assert_int_equal(text_write_yaml(&f->plan->base, &out), 0);
    text = arena_copy(&f->arena, out.data, out.len);
    buf_done(&out);
    return text;
}

/* Where two texts part: the line, and both lines. */
static void tell_difference(const char *name, const char *got, const char *want)
{
    unsigned line = 1;
    const char *g = got, *w = want;

    for (; *got && *got == *want; got++, want++)
        if (*got == '\n') {
            line++;
            g = got + 1;
            w = want + 1;
        }
    fail_msg("golden/%s.plan.yaml:%u:\n  planned:  %.*s\n  expected: %.*s\n"
             "CRIB_GOLDEN_UPDATE=1 takes what is planned for right",
             name, line, (int)strcspn(g, "\n"), g, (int)strcspn(w, "\n"), w);
}

static void test_plans_are_as_they_were(void **state)
{
    bool update = getenv("CRIB_GOLDEN_UPDATE") != NULL;

    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        struct fixture f;
        const char *text;
        char path[512], *want;

        fixture_start(&f);
        text = plan_text(&f, &rows[i]);
        snprintf(path, sizeof(path), GOLDEN "/%s.plan.yaml", rows[i].name);
        if (update)
            test_write(path, text, strlen(text), 0644);
        want = test_read(path, NULL);
        if (strcmp(text, want) != 0)
            tell_difference(rows[i].name, text, want);
        free(want);
        fixture_done(&f);
    }
}

static void test_no_golden_file_is_left_over(void **state)
{
    DIR *dir = opendir(GOLDEN);
    struct dirent *entry;

    (void)state;
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        size_t len = strcspn(entry->d_name, ".");
        bool known = strcmp(entry->d_name + len, ".plan.yaml") != 0;

        for (size_t i = 0; i < ROWS; i++)
            known = known ||
                    (strlen(rows[i].name) == len && memcmp(rows[i].name, entry->d_name, len) == 0);
        if (!known)
            fail_msg("golden/%s belongs to no row", entry->d_name);
    }
    closedir(dir);
}

static void test_a_plan_is_the_same_each_time(void **state)
{
    struct fixture first, second;

    (void)state;
    fixture_start(&first);
    fixture_start(&second);
    assert_string_equal(plan_text(&first, &rows[1]), plan_text(&second, &rows[1]));
    fixture_done(&first);
    fixture_done(&second);
}

/* A secret of the caller's environment is in no plan but that of `open`. */
static void test_secrets_stay_outside(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) {
        struct fixture f;
        const char *text;

        fixture_start(&f);
        text = plan_text(&f, &rows[i]);
        assert_int_equal(strstr(text, "TOKEN=secret") != NULL, strcmp(rows[i].policy, "open") == 0);
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plans_are_as_they_were),
        cmocka_unit_test(test_no_golden_file_is_left_over),
        cmocka_unit_test(test_a_plan_is_the_same_each_time),
        cmocka_unit_test(test_secrets_stay_outside),
    };

    return test_run(tests);
}
