/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a child made with CLONE_VFORK alone gets a copy of the memory; with CLONE_VM it works
 * in the same memory, and the parent goes on only when it has exited or executed.
 * Source: clone(2), vfork(2)
 * crib: init is started with both, since copying page tables costs more the larger the caller
 * is; so the child in between may change nothing that the caller keeps.
 */
#include "apart.h"
#include "vfork.h"

static IN_VFORK int set(void *arg)
{
    *(volatile int *)arg = 1;
    _exit(0);
}

static int seen_by_parent(int flags)
{
    volatile int value = 0;
    pid_t pid = vfork_clone(set, (void *)&value, flags | SIGCHLD, NULL);
    int at_once = value;

    if (pid < 0 || waitpid(pid, NULL, 0) != pid)
        return -1;
    return at_once;
}

static void test_only_with_vm_the_parent_sees_what_the_child_did(void **state)
{
    (void)state;
    assert_int_equal(seen_by_parent(0), 0);
    assert_int_equal(seen_by_parent(CLONE_VM), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_with_vm_the_parent_sees_what_the_child_did),
    };

    return test_run(tests);
}
