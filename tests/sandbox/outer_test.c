/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts that lack something: older kernels, containers with a filter of their own, switches that
 * are off. Each is a clear refusal, or a start whose receipt says what is missing; never a start
 * with a wall less and nobody told.
 */
#include "sandbox/starve.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALL 0xffffffffu

struct lack {
    const char *what;
    const char *part; /* of the sentence */
    struct starve starve[3];
};

static const struct lack refused[] = {
    {"no user namespaces for us",
     "user namespaces",
     {{SYS_clone, EPERM, {{0, CLONE_NEWUSER, CLONE_NEWUSER}}}, STARVE_END}},
    {"user namespaces used up",
     "max_user_namespaces",
     {{SYS_clone, ENOSPC, {{0, CLONE_NEWUSER, CLONE_NEWUSER}}}, STARVE_END}},
    {"a kernel without user namespaces",
     "CONFIG_USER_NS",
     {{SYS_clone, EINVAL, {{0, CLONE_NEWUSER, CLONE_NEWUSER}}}, STARVE_END}},
    {"namespaces that give no rights (AppArmor)",
     "user namespace",
     {{SYS_sethostname, EPERM, {{0}}}, STARVE_END}},
    {"no network namespaces",
     "namespaces",
     {{SYS_clone, EPERM, {{0, CLONE_NEWNET, CLONE_NEWNET}}},
      {SYS_unshare, EPERM, {{0, CLONE_NEWNET, CLONE_NEWNET}}},
      STARVE_END}},
    {"no openat2 (before 5.6)", "openat2", {{SYS_openat2, ENOSYS, {{0}}}, STARVE_END}},
    {"no open_tree (before 5.2)", "", {{SYS_open_tree, ENOSYS, {{0}}}, STARVE_END}},
    {"no mount_setattr (before 5.12)", "", {{SYS_mount_setattr, ENOSYS, {{0}}}, STARVE_END}},
    {"no fsopen (a container's filter)", "", {{SYS_fsopen, EPERM, {{0}}}, STARVE_END}},
    {"no move_mount", "", {{SYS_move_mount, EPERM, {{0}}}, STARVE_END}},
    {"no pivot_root (a container's filter)", "", {{SYS_pivot_root, EPERM, {{0}}}, STARVE_END}},
    {"an over-mounted /proc", "", {{SYS_fsmount, EPERM, {{2, ALL, 15}}}, STARVE_END}},
    {"no pidfd_open (before 5.3)", "", {{SYS_pidfd_open, ENOSYS, {{0}}}, STARVE_END}},
    {"no filters at all", "", {{SYS_seccomp, ENOSYS, {{0}}}, STARVE_END}},
    {"no filter for us", "filter", {{SYS_seccomp, EPERM, {{0, ALL, 1}}}, STARVE_END}},
    {"no socket pairs", "", {{SYS_socketpair, EMFILE, {{0}}}, STARVE_END}},
    {"no memfds", "", {{SYS_memfd_create, ENOSYS, {{0}}}, STARVE_END}},
    /* Those not marked MFD_NOEXEC_SEAL; but a kernel before 6.3 has no such mark, and then what is
     * sealed (MFD_ALLOW_SEALING) is the image. */
    {"executable memfds forbidden, and no installed copy",
     "crib-init",
     {{SYS_memfd_create, EACCES, {{1, 0x8 | 0x2, 0x2}}}, STARVE_END}},
    {"no ambient capabilities", "", {{SYS_prctl, EPERM, {{0, ALL, PR_CAP_AMBIENT}}}, STARVE_END}},
};

static void test_what_cannot_be_done_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct sandbox box;
        struct starved got;

        sandbox_init(&box);
        starve_probe(&box, "echo ran", refused[i].starve, NULL, NULL, &got);
        if (got.error_code >= 0 || got.spawned || got.out[0])
            fail_msg("%s: code %d, started %d, stdout '%s'", refused[i].what, got.error_code,
                     got.spawned, got.out);
        if (!strstr(got.text, refused[i].part) || !got.text[0] || !got.step[0])
            fail_msg("%s: step '%s': %s", refused[i].what, got.step, got.text);
        sandbox_done(&box);
    }
}

static const struct lack told[] = {
    {"no Landlock", "landlock", {{SYS_landlock_create_ruleset, ENOSYS, {{0}}}, STARVE_END}},
    {"Landlock switched off at boot",
     "landlock",
     {{SYS_landlock_create_ruleset, EOPNOTSUPP, {{0}}}, STARVE_END}},
    {"no notifications (before 5.0)",
     "reasons",
     {{SYS_seccomp, EINVAL, {{0, ALL, 3}}}, STARVE_END}},
};

static void test_what_is_only_preferred_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        struct sandbox box;
        struct starved got;

        sandbox_init(&box);
        /* 169, reboot: denied with or without anybody to tell. */
        starve_probe(&box, "syscall 169 , caps , exit 3", told[i].starve, NULL, NULL, &got);
        if (got.status != 3 || !strstr(got.out, "169 EPERM\n"))
            fail_msg("%s: %s %s", told[i].what, got.text, got.out);
        sandbox_says(got.out, "Seccomp", "2");
        sandbox_says(got.out, "CapEff", "0000000000000000");
        test_contains(got.json, told[i].part);
        test_contains(got.json, "not available");
        sandbox_done(&box);
    }
}

/* What is there to make things faster or clearer may be missing without a word. */
static void test_what_is_not_needed_is_not_missed(void **state)
{
    static const struct lack quiet[] = {
        {"no clone3", "", {{SYS_clone3, ENOSYS, {{0}}}, STARVE_END}},
        {"no MFD_EXEC (before 6.3)",
         "",
         {{SYS_memfd_create, EINVAL, {{1, 0x10, 0x10}}}, STARVE_END}},
        {"no waiting that only signals end (before 5.19)",
         "",
         {{SYS_seccomp, EINVAL, {{0, ALL, 1}, {1, 0x20, 0x20}}}, STARVE_END}},
        {"no io_uring", "", {{SYS_io_uring_setup, ENOSYS, {{0}}}, STARVE_END}},
        {"no pidfd_getfd", "", {{SYS_pidfd_getfd, ENOSYS, {{0}}}, STARVE_END}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(quiet) / sizeof(quiet[0]); i++) {
        struct sandbox box;
        struct starved got;

        sandbox_init(&box);
        starve_probe(&box, "syscall 169 , exit 3", quiet[i].starve, NULL, NULL, &got);
        if (got.status != 3 || strcmp(got.out, "169 EPERM\n") != 0 || got.denials != 1)
            fail_msg("%s: %s%s, %llu denials", quiet[i].what, got.text, got.out, got.denials);
        sandbox_done(&box);
    }
}

/* What only Landlock could hold is refused where it is required, or where it is said by number. */
static void test_landlock_required_is_refused(void **state)
{
    static const struct starve lacking[] = {{SYS_landlock_create_ruleset, ENOSYS, {{0}}},
                                            STARVE_END};
    static const char *const rules[] = {
        "extends: [default]\nlandlock: required\n",
        "extends: [network]\nlandlock: required\nnet: {connect_ports: [80]}\n",
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sandbox box;
        struct starved got;

        sandbox_init(&box);
        box.rules = rules[i];
        starve_probe(&box, "echo ran", lacking, NULL, NULL, &got);
        assert_true(got.error_code < 0);
        assert_string_equal(got.out, "");
        assert_false(got.spawned);
        test_contains(got.text, "Landlock");
        sandbox_done(&box);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_cannot_be_done_is_refused),
        cmocka_unit_test(test_what_is_only_preferred_is_told),
        cmocka_unit_test(test_what_is_not_needed_is_not_missed),
        cmocka_unit_test(test_landlock_required_is_refused),
    };

    return test_run(tests);
}
