/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that an executor has read, and when it reads them again. */
#include "support/support.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/policies.h"

struct fixture {
    struct policies policies;
    struct arena arena;
    Crib__Policy *policy;
    Crib__Origins *origins;
    char *dir, work[300], base[300];
};

/* Written long ago, as most policies are; @age in seconds. */
static void put_aged(const char *path, const char *text, int age)
{
    struct timespec times[2] = {{0}, {0}};

    test_write(path, text, strlen(text), 0644);
    clock_gettime(CLOCK_REALTIME, &times[0]);
    times[0].tv_sec -= age;
    times[1] = times[0];
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int start(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    arena_init(&f->arena, 0);
    f->dir = test_dir();
    snprintf(f->work, sizeof(f->work), "%s/work.yaml", f->dir);
    snprintf(f->base, sizeof(f->base), "%s/base.yaml", f->dir);
    put_aged(f->base, "extends: [strict]\nenv: {pass: [ONE]}\n", 100);
    put_aged(f->work, "extends: [./base.yaml]\nenv: {pass: [TWO]}\n", 100);
    *state = f;
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;

    policies_done(&f->policies);
    arena_done(&f->arena);
    free(f->dir);
    free(f);
    return 0;
}

static const Crib__Policy *get(struct fixture *f, const char *name)
{
    struct crib_error err = {0};

    if (policies_get(&f->policies, name, &f->arena, &f->policy, &f->origins, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
    return f->policy;
}

static void assert_passes(struct fixture *f, const char *name)
{
    for (size_t i = 0; i < f->policy->env->n_pass; i++)
        if (strcmp(f->policy->env->pass[i], name) == 0)
            return;
    fail_msg("%s is not passed", name);
}

/* A file's change time cannot be set: it is old enough after a while only. */
static void wait_until_settled(void)
{
    usleep(3300 * 1000);
}

static void test_a_file_is_read_once(void **state)
{
    struct fixture *f = *state;
    const Crib__Policy *one;

    wait_until_settled();
    one = get(f, f->work);
    assert_ptr_equal(get(f, f->work), one);
    assert_ptr_equal(get(f, f->work), one);
    assert_passes(f, "ONE");
    assert_passes(f, "TWO");
    /* Anything that may be a change: another text, another file, another base. */
    put_aged(f->work, "extends: [./base.yaml]\nenv: {pass: [NEW]}\n", 100);
    assert_ptr_not_equal(get(f, f->work), one);
    assert_passes(f, "NEW");
    assert_passes(f, "ONE");
    wait_until_settled();
    one = get(f, f->work);
    one = get(f, f->work);
    assert_ptr_equal(get(f, f->work), one);
    put_aged(f->base, "extends: [strict]\nenv: {pass: [ANY]}\n", 100);
    assert_ptr_not_equal(get(f, f->work), one);
    assert_passes(f, "ANY");
    unlink(f->base);
    assert_true(policies_get(&f->policies, f->work, &f->arena, &f->policy, &f->origins, NULL) < 0);
}

/* Times do not tell what is changed twice in a moment: nothing that new is kept. */
static void test_what_was_just_written_is_read_again(void **state)
{
    struct fixture *f = *state;
    const Crib__Policy *one = get(f, f->work);
    char text[100];

    assert_ptr_not_equal(get(f, f->work), one);
    for (int i = 0; i < 50; i++) {
        int fd = open(f->work, O_WRONLY | O_CLOEXEC);

        snprintf(text, sizeof(text), "extends: [./base.yaml]\nenv: {pass: [T%02d]}\n", i);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
        get(f, f->work);
        snprintf(text, sizeof(text), "T%02d", i);
        assert_passes(f, text);
    }
}

/* The same words are another file elsewhere. */
static void test_a_relative_path_is_of_the_cwd(void **state)
{
    struct fixture *f = *state;
    char *other = test_dir(), path[300], *before = getcwd(NULL, 0);

    snprintf(path, sizeof(path), "%s/work.yaml", other);
    put_aged(path, "extends: [strict]\nenv: {pass: [OTHER]}\n", 100);
    wait_until_settled();
    assert_int_equal(chdir(f->dir), 0);
    get(f, "./work.yaml");
    get(f, "./work.yaml");
    assert_passes(f, "TWO");
    assert_int_equal(chdir(other), 0);
    get(f, "./work.yaml");
    assert_passes(f, "OTHER");
    assert_int_equal(chdir(before), 0);
    assert_true(
        policies_get(&f->policies, "./work.yaml", &f->arena, &f->policy, &f->origins, NULL) < 0);
    free(before);
    free(other);
}

/* A task has the policy that it started with, whatever becomes of the file and of the list. */
static void test_a_task_holds_its_policy(void **state)
{
    struct fixture *f = *state;
    const Crib__Policy *one = get(f, f->work);
    char path[300];

    for (int i = 0; i < 2 * POLICIES_KEPT; i++) {
        snprintf(path, sizeof(path), "%s/%d.yaml", f->dir, i);
        put_aged(path, "extends: [strict]\nenv: {pass: [MANY]}\n", 100);
        get(f, path);
        assert_passes(f, "MANY");
    }
    policies_done(&f->policies);
    f->policy = (Crib__Policy *)one;
    assert_passes(f, "ONE");
    assert_passes(f, "TWO");
}

static void test_a_shipped_one_is_kept(void **state)
{
    struct fixture *f = *state;
    const Crib__Policy *one = get(f, "default");

    assert_ptr_equal(get(f, "default"), one);
    assert_ptr_not_equal(get(f, "strict"), one);
    assert_ptr_equal(get(f, "default"), one);
    assert_string_equal(f->origins->name, "default");
}

#define with_files(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_files(test_a_file_is_read_once),
        with_files(test_what_was_just_written_is_read_again),
        with_files(test_a_relative_path_is_of_the_cwd),
        with_files(test_a_task_holds_its_policy),
        with_files(test_a_shipped_one_is_kept),
    };

    return test_run(tests);
}
