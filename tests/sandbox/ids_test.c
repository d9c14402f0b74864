/* SPDX-License-Identifier: Apache-2.0 */
/* Who the task is: never root, and under root never init. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void three(char *text, size_t size, unsigned id)
{
    snprintf(text, size, "%u %u %u", id, id, id);
}

static void test_the_default_ids(void **state)
{
    char *out = sandbox_output(NULL, "ids"), want[64];

    (void)state;
    three(want, sizeof(want), sandbox_task_uid());
    sandbox_says(out, "uid", want);
    three(want, sizeof(want), sandbox_task_gid());
    sandbox_says(out, "gid", want);
    free(out);
}

static void test_no_policy_gives_roots(void **state)
{
    (void)state;
    for (const char *const *name = sandbox_policies(); *name; name++) {
        char *out = sandbox_output(*name, "ids");

        assert_true(strcmp(sandbox_line(out, "uid"), "0 0 0") != 0);
        assert_true(strcmp(sandbox_line(out, "gid"), "0 0 0") != 0);
        free(out);
    }
}

/* As the host sees init: `Uid:` of its status. */
static void read_init_ids(struct sandbox *box)
{
    char path[64], line[256];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)box->pid);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "Uid: %u", (unsigned *)box->user) == 1)
            break;
    if (file)
        fclose(file);
}

static void test_init_is_somebody_else_under_root(void **state)
{
    unsigned uid = 0;
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.meanwhile = read_init_ids;
    box.user = &uid;
    sandbox_expect(&box, "sleep 100", 0);
    if (sandbox_privileged()) {
        assert_int_not_equal(uid, 0);
        assert_int_not_equal(uid, sandbox_task_uid());
        /* Nor when the task asks for the very id that init would take. */
        box.options.set_uid = box.options.set_gid = true;
        box.options.uid = box.options.gid = (int64_t)uid;
        sandbox_expect(&box, "sleep 100 , ids", 0);
        assert_int_equal(atoi(sandbox_line(box.out, "uid")), (int)box.options.uid);
        assert_int_not_equal(uid, (unsigned)box.options.uid);
        assert_int_not_equal(uid, 0);
    } else {
        assert_int_equal(uid, geteuid());
    }
    sandbox_done(&box);
}

/* Host ids, the same number inside; what is written in a bind belongs to them. */
static void test_ids_as_asked(void **state)
{
    char *dir = test_dir(), path[512], verbs[600];
    struct crib_bind bind = {.write = true};
    struct sandbox box;
    struct stat st;
    unsigned uid = sandbox_privileged() ? 4711 : geteuid();
    unsigned gid = sandbox_privileged() ? 4712 : getegid();

    (void)state;
    assert_int_equal(chmod(dir, 0777), 0);
    bind.source = dir;
    sandbox_init(&box);
    box.options.set_uid = box.options.set_gid = true;
    box.options.uid = uid;
    box.options.gid = gid;
    box.options.binds = &bind;
    box.options.bind_count = 1;
    snprintf(path, sizeof(path), "%s/file", dir);
    snprintf(verbs, sizeof(verbs), "ids , write %s x", path);
    sandbox_expect(&box, verbs, 0);
    three(verbs, sizeof(verbs), uid);
    sandbox_says(box.out, "uid", verbs);
    three(verbs, sizeof(verbs), gid);
    sandbox_says(box.out, "gid", verbs);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, uid);
    assert_int_equal(st.st_gid, gid);
    sandbox_done(&box);
    free(dir);
}

static void refused(bool set_uid, int64_t uid, bool set_gid, int64_t gid)
{
    struct sandbox box;

    sandbox_init(&box);
    box.options.set_uid = set_uid;
    box.options.uid = uid;
    box.options.set_gid = set_gid;
    box.options.gid = gid;
    sandbox_probe(&box, "ids");
    if (box.code == 0 && !box.error.code)
        fail_msg("uid %lld, gid %lld: accepted: %s", (long long)uid, (long long)gid, box.out);
    assert_false(box.spawned);
    assert_string_equal(box.out, "");
    sandbox_done(&box);
}

static void test_bad_ids_are_refused(void **state)
{
    static const int64_t bad[] = {0,          -1,        -65534,    4294967295,
                                  4294967296, INT64_MAX, INT64_MIN, 4294967296 + 65534};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        refused(true, bad[i], false, 0);
        refused(false, 0, true, bad[i]);
        refused(true, bad[i], true, bad[i]);
    }
}

static void test_an_ordinary_caller_gets_no_others(void **state)
{
    (void)state;
    sandbox_only_privileged(false);
    refused(true, (int64_t)geteuid() + 1, false, 0);
    refused(false, 0, true, (int64_t)getegid() + 1);
}

/* Nobody else is mapped: other people's files have no owner inside. */
static void test_the_map_has_no_others(void **state)
{
    char *out = sandbox_output(NULL, "cat /proc/self/uid_map /proc/self/gid_map , stat /usr");
    unsigned inside, outside, count, lines = 0;
    char *line = out;

    (void)state;
    while (sscanf(line, " %u %u %u", &inside, &outside, &count) == 3) {
        assert_int_equal(inside, outside);
        assert_int_equal(count, 1);
        assert_int_not_equal(inside, 0);
        lines++;
        line = strchr(line, '\n') + 1;
    }
    assert_in_range(lines, 2, 4);
    test_contains(sandbox_line(out, "/usr"), " 65534 65534 ");
    free(out);
}

/* There is no way to another id, by any of the calls. */
static void test_no_way_to_other_ids(void **state)
{
    char *out = sandbox_output(NULL, "rights , ids"), want[64];

    (void)state;
    assert_null(strstr(out, " ok"));
    three(want, sizeof(want), sandbox_task_uid());
    sandbox_says(out, "uid", want);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_default_ids),
        cmocka_unit_test(test_no_policy_gives_roots),
        cmocka_unit_test(test_init_is_somebody_else_under_root),
        cmocka_unit_test(test_ids_as_asked),
        cmocka_unit_test(test_bad_ids_are_refused),
        cmocka_unit_test(test_an_ordinary_caller_gets_no_others),
        cmocka_unit_test(test_the_map_has_no_others),
        cmocka_unit_test(test_no_way_to_other_ids),
    };

    return sandbox_test_run(tests);
}
