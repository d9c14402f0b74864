/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each step of init, made to fail: the start is then refused under the step's name and errno, and
 * nothing of the program ever runs. tests/lint holds init/steps.def to the names in here.
 */
#include "sandbox/starve.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALL 0xffffffffu
#define IS(n, v)                                                                                   \
    {                                                                                              \
        (n), ALL, (v), false                                                                       \
    }
#define IS_NOT(n, v)                                                                               \
    {                                                                                              \
        (n), ALL, (v), true                                                                        \
    }

/* Who comes to the step at all. */
enum who { ANYBODY, ROOT, ORDINARY };

struct failure {
    const char *name; /* in steps.def */
    const char *word; /* the error's step */
    const char *part; /* of the sentence */
    enum who who;
    const char *rules; /* policy; NULL: default */
    struct starve starve;
    bool terminal; /* fds 0 to 2 are one */
};

#define MAKE_ROOT   6u  /* MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV */
#define MAKE_PROC   15u /* and MOUNT_ATTR_NOEXEC, MOUNT_ATTR_RDONLY */
#define MAKE_DEVPTS 10u /* MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC */
#define FLAG_EMPTY  0x1000u
#define FLAG_TREE   0x9000u /* AT_EMPTY_PATH | AT_RECURSIVE */

/* The errno is one that no step fails with by itself: ENOTRECOVERABLE says that it was ours. */
#define E ENOTRECOVERABLE

static const struct failure failures[] = {
    /* init's control socket is its fd 0; the parent's own is another */
    {"receive", "init", "receive the plan", ANYBODY, NULL, {SYS_recvmsg, E, {IS(0, 0)}}},
    {"decode",
     "init",
     "read the plan",
     ANYBODY,
     NULL,
     {SYS_mmap, E, {IS(2, PROT_READ), IS(3, MAP_PRIVATE), IS_NOT(4, ALL)}}},
    {"dumpable",
     "init",
     "undumpable",
     ANYBODY,
     NULL,
     {SYS_prctl, E, {IS(0, PR_SET_DUMPABLE), IS(1, 0)}}},
    {"groups", "ids", "groups", ROOT, NULL, {SYS_setgroups, E, {IS(0, 0)}}},
    {"init_ids", "ids", "init's own ids", ANYBODY, NULL, {SYS_setresgid, E, {{0}}}},
    {"hostname", "namespaces", "host name", ANYBODY, NULL, {SYS_sethostname, E, {IS(1, 4)}}},
    {"killed", "init", "killed while it was set up", ANYBODY, NULL, {SYS_fsopen, STARVE_KILLED, {{0}}}},
    {"root", "mounts", "make the root", ANYBODY, NULL, {SYS_fsopen, E, {{0}}}},
    {"source", "mounts", "bind source", ANYBODY, NULL, {SYS_open_tree, E, {{0}}}},
    {"target", "mounts", "target", ANYBODY, NULL, {SYS_mkdirat, E, {{0}}}},
    {"attributes",
     "mounts",
     "set attributes",
     ANYBODY,
     NULL,
     {SYS_mount_setattr, E, {IS(2, FLAG_TREE)}}},
    {"filesystem",
     "mounts",
     "make the file system",
     ANYBODY,
     NULL,
     {SYS_fsmount, E, {IS(2, MAKE_PROC)}}},
    {"write", "mounts", "write the file", ANYBODY, NULL, {SYS_symlinkat, E, {{0}}}},
    {"overlay",
     "mounts",
     "make the overlay",
     ANYBODY,
     "extends: [default]\nmounts: [{type: overlay, source: /usr/share, target: /w}]\n",
     {SYS_umount2, E, {{0}}}},
    {"mask",
     "mounts",
     "mask",
     ANYBODY,
     "extends: [default]\nmounts: [{type: mask, target: /usr/share}]\n",
     {SYS_mkdirat, E, {IS(2, 0)}}},
    {"pivot", "mounts", "new root", ANYBODY, NULL, {SYS_pivot_root, E, {{0}}}},
    {"read_only",
     "mounts",
     "read-only",
     ANYBODY,
     NULL,
     {SYS_mount_setattr, E, {IS(2, FLAG_EMPTY)}}},
    {"thread",
     "init",
     "start its own thread",
     ROOT,
     "extends: [default]\nlimits: {pids: 10}\n",
     {SYS_eventfd2, E, {IS(1, EFD_CLOEXEC)}}},
    {"loopback", "net", "bring lo up", ANYBODY, NULL, {SYS_ioctl, E, {IS(1, 0x8914)}}},
    {"terminal",
     "terminal",
     "make a pty",
     ANYBODY,
     NULL,
     {SYS_ioctl, E, {IS(1, TIOCGPTPEER)}},
     true},
    {"terminal",
     "terminal",
     "make a pty",
     ANYBODY,
     "extends: [open]\n",
     {SYS_unshare, E, {IS(0, CLONE_NEWNS)}},
     true},
    {"filesystem",
     "mounts",
     "make the file system",
     ANYBODY,
     NULL,
     {SYS_fsmount, E, {IS(2, MAKE_DEVPTS)}},
     true},
    {"controlling",
     "terminal",
     "controlling terminal",
     ANYBODY,
     NULL,
     {SYS_ioctl, E, {IS(1, TIOCSCTTY)}},
     true},
    {"descriptor", "stdio", "place the descriptor", ANYBODY, NULL, {SYS_dup2, E, {IS(1, 2)}}},
    {"spawn",
     "init",
     "start the task's process",
     ANYBODY,
     NULL,
     {SYS_clone, E, {IS(0, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD)}}},
    {"session", "session", "start a session", ANYBODY, NULL, {SYS_setsid, E, {{0}}}},
    {"limits",
     "limits",
     "set",
     ANYBODY,
     NULL,
     {SYS_prlimit64, E, {IS(0, 0), IS(1, RLIMIT_CORE), IS_NOT(2, 0)}}},
    {"bounding", "caps", "bounding set", ANYBODY, NULL, {SYS_prctl, E, {IS(0, PR_CAPBSET_DROP)}}},
    {"securebits",
     "caps",
     "secure bits",
     ANYBODY,
     NULL,
     {SYS_prctl, E, {IS(0, PR_SET_SECUREBITS)}}},
    {"task_ids", "ids", "the task's ids", ROOT, NULL, {SYS_setresuid, E, {IS(0, 65534)}}},
    {"drop",
     "caps",
     "drop",
     ANYBODY,
     NULL,
     {SYS_prctl, E, {IS(0, PR_CAP_AMBIENT), IS(1, PR_CAP_AMBIENT_CLEAR_ALL)}}},
    {"privileges",
     "privileges",
     "new privileges",
     ANYBODY,
     NULL,
     {SYS_prctl, E, {IS(0, PR_SET_NO_NEW_PRIVS)}}},
    {"landlock",
     "landlock",
     "restrict",
     ANYBODY,
     "extends: [default]\nlandlock: required\n",
     {SYS_landlock_restrict_self, E, {{0}}}},
    {"filter", "syscalls", "load the filter", ANYBODY, NULL, {SYS_seccomp, E, {IS(0, 1)}}},
};

static bool comes_there(enum who who)
{
    return who == ANYBODY || (who == ROOT) == sandbox_privileged();
}

static void check(const struct failure *failure)
{
    static const struct crib_stdio terminal[] = {{CRIB_PTY}, {CRIB_PTY}, {CRIB_PTY}};
    /* the plan comes in a file only where it is too large for a packet */
    static char variable[100000] = "LARGE=";
    static const char *const large[] = {variable, NULL};
    const struct starve rules[] = {failure->starve, STARVE_END};
    struct sandbox box;
    struct starved got;

    memset(variable + 6, 'x', sizeof(variable) - 7);
    sandbox_init(&box);
    box.rules = failure->rules;
    box.options.stdio = failure->terminal ? terminal : NULL;
    box.options.stdio_count = failure->terminal ? 3 : 0;
    if (strcmp(failure->name, "decode") == 0)
        box.options.env_add = large;
    starve_probe(&box, "echo ran", rules, NULL, NULL, &got);
    if (got.error_code != (failure->starve.code == STARVE_KILLED ? -ECONNRESET : -E) || strcmp(got.step, failure->word) != 0 ||
        !strstr(got.text, failure->part))
        fail_msg("%s: code %d, step '%s': %s; stdout: %s", failure->name, got.error_code, got.step,
                 got.text, got.out);
    assert_string_equal(got.out, "");
    assert_false(got.spawned);
    if (got.code == 0)
        assert_int_equal(got.verdict, CRIB_SETUP_FAILED);
    sandbox_done(&box);
}

static void test_each_step_fails_under_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        /* Before a policy's Landlock can be asked for, the kernel must have it. */
        if (strcmp(failures[i].name, "landlock") == 0 &&
            syscall(SYS_landlock_create_ruleset, NULL, 0, 1) <= 0)
            continue;
        if (comes_there(failures[i].who))
            check(&failures[i]);
    }
}

/* Those that fail without any help. */
static void fails_naturally(const char *name, const char *cwd, const char *file,
                            const struct crib_bind *grant, int code, const char *word,
                            const char *part)
{
    struct sandbox box;
    char text[1024];

    sandbox_init(&box);
    box.options.cwd = cwd;
    box.options.binds = grant;
    box.options.bind_count = grant ? 1 : 0;
    sandbox_run(&box, file, NULL);
    crib_error_text(&box.error, text, sizeof(text));
    if (box.error.code != code || strcmp(box.error.step, word) != 0 || !strstr(text, part))
        fail_msg("%s: code %d, step '%s': %s", name, box.error.code, box.error.step, text);
    assert_string_equal(box.out, "");
    assert_false(box.spawned);
    assert_int_equal(box.result.verdict, CRIB_SETUP_FAILED);
    sandbox_done(&box);
}

static void test_steps_that_fail_by_themselves(void **state)
{
    const struct crib_bind file_on_dir = {.source = "/etc/ld.so.cache", .target = "/usr/share"};
    char *dir = test_dir(), script[512];

    (void)state;
    assert_int_equal(chmod(dir, 0755), 0);
    snprintf(script, sizeof(script), "%s/script", dir);
    test_write(script, "#!/nonexistent/x\n", 17, 0755);
    fails_naturally("attach", NULL, "/usr/bin/true", &file_on_dir, -EISDIR, "mounts", "attach");
    fails_naturally("cwd", "/nonexistent", "/usr/bin/true", NULL, -ENOENT, "cwd", "/nonexistent");
    fails_naturally("exec", NULL, "no-such-program", NULL, -ENOENT, "exec", "no-such-program");
    fails_naturally("interpreter", NULL, script, NULL, -ENOENT, "exec", "interpreter");
    free(dir);
}

struct swap {
    char way[300], spare[300];
};

static void swap_source(void *user)
{
    struct swap *swap = user;

    if (rename(swap->way, swap->spare) < 0 || mkdir(swap->way, 0755) < 0)
        abort();
}

/* A source that became another between the check and the mount. Root mounts what it checked. */
static void test_changed_source(void **state)
{
    static const struct starve hold[] = {{SYS_clone, 0, {{0, CLONE_NEWUSER, CLONE_NEWUSER}}},
                                         STARVE_END};
    char *dir = test_dir();
    struct crib_bind grant = {.target = "/box"};
    struct sandbox box;
    struct starved got;
    struct swap swap;

    (void)state;
    assert_int_equal(chmod(dir, 0755), 0);
    snprintf(swap.way, sizeof(swap.way), "%s/way", dir);
    snprintf(swap.spare, sizeof(swap.spare), "%s/spare", dir);
    assert_int_equal(mkdir(swap.way, 0755), 0);
    grant.source = swap.way;
    sandbox_init(&box);
    box.options.binds = &grant;
    box.options.bind_count = 1;
    starve_probe(&box, "echo ran", hold, swap_source, &swap, &got);
    assert_int_equal(got.held, 1);
    if (sandbox_privileged()) {
        assert_string_equal(got.out, "ran\n");
    } else {
        assert_int_equal(got.error_code, -ESTALE);
        assert_string_equal(got.step, "mounts");
        test_contains(got.text, "not what was checked");
        assert_string_equal(got.out, "");
    }
    sandbox_done(&box);
    free(dir);
}

/* An init that stands still: the start is given up, and nothing is left of it. */
static void test_the_set_up_has_a_deadline(void **state)
{
    static const struct starve hold[] = {{SYS_sethostname, 0, {IS(1, 4)}}, STARVE_END};
    struct sandbox box;
    struct starved got;

    (void)state;
    sandbox_init(&box);
    box.patience_ms = 40000;
    starve_stall(&box, "echo ran", hold, 11000, &got);
    assert_int_equal(got.error_code, -ETIMEDOUT);
    assert_string_equal(got.out, "");
    assert_false(got.spawned);
    sandbox_done(&box);
}

/* Every step of the table is made to fail by one of the tests here. */
static void test_no_step_is_forgotten(void **state)
{
    static const char *const steps[] = {
#define STEP(name, ...) #name,
#include "init/steps.def"
#undef STEP
    };
    static const char *const others[] = {"attach", "cwd", "exec", "interpreter", "changed",
                                         /* copy_test.c */
                                         "copy_target", "copy_in", "copy_size",
                                         /* overlay_test.c */
                                         "inside"};

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        bool found = false;

        for (size_t j = 0; j < sizeof(failures) / sizeof(failures[0]); j++)
            found |= strcmp(steps[i], failures[j].name) == 0;
        for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++)
            found |= strcmp(steps[i], others[j]) == 0;
        if (!found)
            fail_msg("step '%s' has no failing test", steps[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_step_fails_under_its_name),
        cmocka_unit_test(test_steps_that_fail_by_themselves),
        cmocka_unit_test(test_changed_source),
        cmocka_unit_test(test_the_set_up_has_a_deadline),
        cmocka_unit_test(test_no_step_is_forgotten),
    };

    return sandbox_test_run(tests);
}
