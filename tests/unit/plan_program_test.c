/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>
#include <stdlib.h>

#define BIND CRIB__MOUNT__TYPE__bind
#define HOST CRIB__MOUNT__TYPE__host

#define A_DIR  CRIB__HOST_PATH__KIND__dir
#define A_FILE CRIB__HOST_PATH__KIND__file

/* /usr as it is, /bin leading into it. */
static void start(struct fixture *f, const char *file)
{
    fixture_start(f);
    add_path(f, "/usr", A_DIR);
    add_link(f, "/bin", "usr/bin", "/usr/bin", A_DIR);
    add_mount(f, HOST, NULL, "/usr");
    add_mount(f, HOST, NULL, "/bin");
    f->task->file = bytes(file);
}

static const char *file_of(struct fixture *f)
{
    return (const char *)f->plan->program->file.data;
}

/* The bind that the program brought along: `source -> target`, or nothing. */
static const char *bind_of(struct fixture *f)
{
    const Crib__MountPlan *last = f->plan->mounts[f->plan->n_mounts - 1];

    if (strcmp(last->from, "program") != 0)
        return "";
    assert_true(last->exec);
    assert_false(last->write || last->dev || last->is_dir);
    return arena_printf(&f->arena, "%s -> %s", (char *)last->source.data,
                        (char *)last->target.data);
}

static void test_a_name_is_searched_inside(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "uptime");
    must_build(&f);
    assert_string_equal(file_of(&f), "uptime");
    assert_string_equal((char *)f.plan->program->search.data, "/usr/local/bin:/usr/bin:/bin");
    assert_string_equal(bind_of(&f), "");
    push_bytes(&f, &f.task->env, &f.task->n_env, "PATH=/opt/bin");
    must_build(&f);
    assert_string_equal((char *)f.plan->program->search.data, "/opt/bin");
    fixture_done(&f);
}

static void test_what_the_policy_shows_is_used_as_it_is(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "/usr/bin/uptime");
    add_path(&f, "/usr/bin/uptime", A_FILE);
    must_build(&f);
    assert_string_equal(file_of(&f), "/usr/bin/uptime");
    assert_false(f.plan->program->has_search);
    assert_string_equal(bind_of(&f), "");
    f.task->file = bytes("/bin/uptime");
    add_path(&f, "/bin/uptime", A_FILE)->real = bytes("/usr/bin/uptime");
    must_build(&f);
    assert_string_equal(file_of(&f), "/bin/uptime");
    assert_string_equal(bind_of(&f), "");
    fixture_done(&f);
}

static void test_others_are_shown_at_their_own_path(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "../user/./bin//prog");
    add_path(&f, "/home/user/bin/prog", A_FILE);
    must_build(&f);
    assert_string_equal(file_of(&f), "/home/user/bin/prog");
    assert_string_equal(bind_of(&f), "/home/user/bin/prog -> /home/user/bin/prog");
    assert_string_equal(receipt_of(&f, "program"),
                        "/home/user/bin/prog -> shown read-only at /home/user/bin/prog");
    assert_string_equal((char *)f.plan->program->argv[0].data, "../user/./bin//prog");
    fixture_done(&f);
}

static void test_a_symlink_is_shown_at_its_own_path_with_what_it_leads_to(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "/home/user/link");
    add_link(&f, "/home/user/link", "prog", "/home/user/prog", A_FILE);
    must_build(&f);
    assert_string_equal(file_of(&f), "/home/user/link");
    assert_string_equal(bind_of(&f), "/home/user/prog -> /home/user/link");
    fixture_done(&f);
}

static void test_a_link_out_of_what_is_shown_is_run_at_its_end(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "/usr/bin/tool");
    add_link(&f, "/usr/bin/tool", "/opt/tool/bin/tool", "/opt/tool/bin/tool", A_FILE);
    must_build(&f);
    assert_string_equal(file_of(&f), "/opt/tool/bin/tool");
    assert_string_equal(bind_of(&f), "/opt/tool/bin/tool -> /opt/tool/bin/tool");
    assert_string_equal((char *)f.plan->program->argv[0].data, "/usr/bin/tool");
    f.host->paths[2]->real = bytes("/usr/lib/tool");
    must_build(&f);
    assert_string_equal(file_of(&f), "/usr/bin/tool");
    assert_string_equal(bind_of(&f), "");
    fixture_done(&f);
}

static void test_what_a_later_mount_covers_is_shown_again(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "/usr/local/prog");
    add_path(&f, "/usr/local/prog", A_FILE);
    add_mount(&f, CRIB__MOUNT__TYPE__tmpfs, NULL, "/usr/local");
    must_build(&f);
    assert_string_equal(bind_of(&f), "/usr/local/prog -> /usr/local/prog");
    fixture_done(&f);
}

static void test_what_is_shown_elsewhere_is_not_what_it_seems(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "/srv/prog");
    add_path(&f, "/data", A_DIR);
    add_path(&f, "/srv/prog", A_FILE);
    add_mount(&f, BIND, "/data", "/srv");
    must_build(&f);
    assert_string_equal(bind_of(&f), "/srv/prog -> /srv/prog");
    fixture_done(&f);
}

static void test_a_file_inside_a_noexec_mount(void **state)
{
    struct fixture f;
    Crib__Mount *mount;

    (void)state;
    start(&f, "/data/prog");
    add_path(&f, "/data", A_DIR);
    add_path(&f, "/data/prog", A_FILE);
    mount = add_mount(&f, BIND, NULL, "/data");
    mount->has_exec = true;
    must_refuse(&f, -EACCES,
                "program /data/prog: it is inside /data (mount 2 of the plan), which has "
                "`exec: false`");
    fixture_done(&f);
}

static void test_files_that_cannot_be_run(void **state)
{
    static const struct {
        int kind, code, mode, error;
        const char *sentence;
    } rows[] = {
        {CRIB__HOST_PATH__KIND__missing, -ENOENT, -1, -ENOENT,
         "program /home/user/prog: No such file or directory"},
        {CRIB__HOST_PATH__KIND__unreadable, -EACCES, -1, -EACCES,
         "program /home/user/prog: Permission denied"},
        {CRIB__HOST_PATH__KIND__unreadable, -ELOOP, -1, -ELOOP,
         "program /home/user/prog: Too many levels of symbolic links"},
        {CRIB__HOST_PATH__KIND__dir, 0, -1, -EISDIR, "program /home/user/prog: Is a directory"},
        {CRIB__HOST_PATH__KIND__other, 0, -1, -EACCES,
         "program /home/user/prog: not a regular file"},
        {CRIB__HOST_PATH__KIND__device, 0, -1, -EACCES,
         "program /home/user/prog: not a regular file"},
        {CRIB__HOST_PATH__KIND__file, 0, 0644, -EACCES,
         "program /home/user/prog: not executable: no x permission"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        Crib__HostPath *path;

        start(&f, "./prog");
        path = add_path(&f, "/home/user/prog", (Crib__HostPath__Kind)rows[i].kind);
        path->code = rows[i].code;
        path->has_mode = rows[i].mode >= 0;
        path->mode = (uint32_t)rows[i].mode;
        must_refuse(&f, rows[i].error, rows[i].sentence);
        fixture_done(&f);
    }
}

static void test_nothing_of_the_hosts_proc(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "/proc/self/exe");
    add_path(&f, "/proc/self/exe", A_FILE);
    must_refuse(&f, -EACCES,
                "program /proc/self/exe: nothing of the host's /proc is shown to a task");
    fixture_done(&f);
}

static void test_files_that_are_no_names(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "");
    must_refuse(&f, -EINVAL, "program: no file is named");
    f.task->has_file = false;
    must_refuse(&f, -EINVAL, "program: no file is named");
    f.task->has_file = true;
    f.task->file = (ProtobufCBinaryData){3, (uint8_t *)"a\0b"};
    must_refuse(&f, -EINVAL, "program: the file has a NUL byte inside");
    f.task->file = bytes("./a");
    f.host->has_cwd = false;
    must_refuse(&f, -ENOENT, "program ./a: a relative path, and the current directory is gone");
    f.task->file = bytes("/unasked");
    must_refuse(&f, -EINVAL, "program /unasked: the host was not asked about it");
    fixture_done(&f);
}

static void test_among_the_hosts_mounts_a_path_is_a_path(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.policy->namespaces = ARENA_NEW(&f.arena, crib__namespaces, Crib__Namespaces);
    f.policy->namespaces->has_mount = true;
    f.policy->namespaces->mount = CRIB__NAMESPACES__SPACE__host;
    f.task->file = bytes("./prog");
    add_path(&f, "/home/user/prog", A_FILE);
    must_build(&f);
    assert_string_equal(file_of(&f), "/home/user/prog");
    assert_int_equal(f.plan->n_mounts, 0);
    assert_string_equal((char *)f.plan->program->cwd.data, "/home/user");
    fixture_done(&f);
}

static void test_argv(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    push_bytes(&f, &f.task->args, &f.task->n_args, "--bind");
    push_bytes(&f, &f.task->args, &f.task->n_args, "");
    push_bytes(&f, &f.task->args, &f.task->n_args, "\xff\xfe");
    must_build(&f);
    assert_int_equal(f.plan->program->n_argv, 4);
    assert_string_equal((char *)f.plan->program->argv[0].data, "prog");
    assert_string_equal((char *)f.plan->program->argv[1].data, "--bind");
    assert_string_equal((char *)f.plan->program->argv[2].data, "");
    assert_string_equal((char *)f.plan->program->argv[3].data, "\xff\xfe");
    f.task->has_argv0 = true;
    f.task->argv0 = bytes("-prog");
    must_build(&f);
    assert_string_equal((char *)f.plan->program->argv[0].data, "-prog");
    f.task->args[1] = (ProtobufCBinaryData){3, (uint8_t *)"a\0b"};
    must_refuse(&f, -EINVAL, "args[1]: the argument has a NUL byte inside");
    fixture_done(&f);
}

static void test_arguments_over_the_kernels_limits(void **state)
{
    struct fixture f;
    char *text;

    (void)state;
    fixture_start(&f);
    text = arena_alloc(&f.arena, 131073);
    memset(text, 'x', 131072);
    push_bytes(&f, &f.task->args, &f.task->n_args, "fine");
    push_bytes(&f, &f.task->args, &f.task->n_args, text);
    must_refuse(&f, -E2BIG, "args[1]: 131072 bytes, and the kernel takes 131071 in one argument");
    f.task->args[1].len--;
    must_build(&f);
    for (int i = 0; i < 60; i++)
        push_bytes(&f, &f.task->args, &f.task->n_args, text + 1);
    must_refuse(&f, -E2BIG,
                "args[48]: here the arguments pass the 6291456 bytes that the kernel takes");
    f.task->n_args = 1;
    memcpy(text, "A=", 2);
    push_bytes(&f, &f.task->env, &f.task->n_env, text);
    must_refuse(&f, -E2BIG, "env[0]: 131072 bytes, and the kernel takes 131071 in one entry");
    fixture_done(&f);
}

static void test_many_arguments(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    for (int i = 0; i < 100000; i++)
        push_bytes(&f, &f.task->args, &f.task->n_args, "x");
    must_build(&f);
    assert_int_equal(f.plan->program->n_argv, 100001);
    f.policy->limits = ARENA_NEW(&f.arena, crib__limits, Crib__Limits);
    f.policy->limits->has_stack = true;
    f.policy->limits->stack = 1 << 20;
    must_refuse(&f, -E2BIG,
                "args[26212]: here the arguments pass the 262144 bytes that the kernel takes");
    f.policy->limits = NULL;
    for (int i = 0; i < 40000; i++)
        push_bytes(&f, &f.task->args, &f.task->n_args, "x");
    must_refuse(&f, -E2BIG, "args[131072]: more than 131072 arguments");
    fixture_done(&f);
}

static void test_environment_counts_too(void **state)
{
    struct fixture f;
    char *text;

    (void)state;
    fixture_start(&f);
    text = arena_alloc(&f.arena, 131072);
    memset(text, 'x', 131071);
    for (int i = 0; i < 50; i++)
        push_bytes(&f, &f.task->env, &f.task->n_env,
                   arena_printf(&f.arena, "N%d=%.130000s", i, text));
    must_refuse(&f, -E2BIG,
                "env[48]: here arguments and environment pass the 6291456 bytes that the kernel "
                "takes");
    fixture_done(&f);
}

static void test_cwd(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, "prog");
    must_build(&f);
    assert_string_equal((char *)f.plan->program->cwd.data, "/");
    add_mount(&f, CRIB__MOUNT__TYPE__tmpfs, NULL, "/tmp");
    must_build(&f);
    assert_string_equal((char *)f.plan->program->cwd.data, "/tmp");
    f.task->has_cwd = true;
    f.task->cwd = bytes("/srv/./x/..//y/");
    must_build(&f);
    assert_string_equal((char *)f.plan->program->cwd.data, "/srv/y");
    f.task->cwd = bytes("/proc");
    must_build(&f);
    fixture_done(&f);
}

static void test_directories_that_are_refused(void **state)
{
    static const struct {
        const char *cwd, *sentence;
    } rows[] = {
        {"src", "cwd src: not an absolute path inside the sandbox"},
        {"", "cwd: the directory is empty"},
        {"/proc/self/fd/7", "cwd /proc/self/fd/7: no task starts inside /proc, where paths lead "
                            "out of the sandbox"},
        {"/x/../proc/1/cwd", "cwd /x/../proc/1/cwd: no task starts inside /proc, where paths lead "
                             "out of the sandbox"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;

        fixture_start(&f);
        f.task->has_cwd = true;
        f.task->cwd = bytes(rows[i].cwd);
        must_refuse(&f, -EINVAL, rows[i].sentence);
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_name_is_searched_inside),
        cmocka_unit_test(test_what_the_policy_shows_is_used_as_it_is),
        cmocka_unit_test(test_others_are_shown_at_their_own_path),
        cmocka_unit_test(test_a_symlink_is_shown_at_its_own_path_with_what_it_leads_to),
        cmocka_unit_test(test_a_link_out_of_what_is_shown_is_run_at_its_end),
        cmocka_unit_test(test_what_a_later_mount_covers_is_shown_again),
        cmocka_unit_test(test_what_is_shown_elsewhere_is_not_what_it_seems),
        cmocka_unit_test(test_a_file_inside_a_noexec_mount),
        cmocka_unit_test(test_files_that_cannot_be_run),
        cmocka_unit_test(test_nothing_of_the_hosts_proc),
        cmocka_unit_test(test_files_that_are_no_names),
        cmocka_unit_test(test_among_the_hosts_mounts_a_path_is_a_path),
        cmocka_unit_test(test_argv),
        cmocka_unit_test(test_arguments_over_the_kernels_limits),
        cmocka_unit_test(test_many_arguments),
        cmocka_unit_test(test_environment_counts_too),
        cmocka_unit_test(test_cwd),
        cmocka_unit_test(test_directories_that_are_refused),
    };

    return test_run(tests);
}
