/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: setresuid in a child that shares the memory clears the dumpable flag of the parent,
 * for the flag belongs to the memory. (Ordinary users cannot change ids at all.)
 * Source: prctl(2) PR_SET_DUMPABLE; commit_creds() of the kernel
 * crib: the child between clone and exec makes no call that changes ids; init does that after
 * the exec.
 */
#include "apart.h"
#include "vfork.h"

static IN_VFORK int change_ids(void *arg)
{
    (void)arg;
    _exit(syscall(SYS_setresuid, ORDINARY_ID, ORDINARY_ID, ORDINARY_ID) == 0 ? 0 : 1);
}

static int body(void *arg)
{
    int status = -1;
    pid_t pid;

    (void)arg;
    CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
    pid = vfork_clone(change_ids, NULL, CLONE_VM | SIGCHLD, NULL);
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
    if (geteuid() != 0) {
        CHECK(status != 0 || geteuid() == ORDINARY_ID);
        CHECK(prctl(PR_GET_DUMPABLE) == 1);
        return 0;
    }
    CHECK(status == 0);
    CHECK(geteuid() == 0);
    CHECK(prctl(PR_GET_DUMPABLE) != 1);
    return 0;
}

static void test_the_parent_is_no_longer_dumpable(void **state)
{
    (void)state;
    assert_int_equal(apart(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_parent_is_no_longer_dumpable),
    };

    return test_run(tests);
}
