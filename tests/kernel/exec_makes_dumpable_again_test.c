/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: executing a program makes the process dumpable again.
 * Source: prctl(2) PR_SET_DUMPABLE, execve(2)
 * crib: init clears the flag after its exec, and the task, which is executed, has it again: it
 * may not be counted on for the task.
 */
#include "apart.h"

static int stage(void)
{
    return prctl(PR_GET_DUMPABLE) == 1 ? 0 : 1;
}

static int body(void *arg)
{
    CHECK(prctl(PR_SET_DUMPABLE, 0) == 0);
    CHECK(prctl(PR_GET_DUMPABLE) == 0);
    exec_stage(*(int *)arg, "dumpable");
    return 100;
}

static void test_the_flag_does_not_outlive_the_exec(void **state)
{
    int program = own_program();

    (void)state;
    assert_int_equal(apart(body, &program), 0);
    close(program);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_flag_does_not_outlive_the_exec),
    };

    (void)argv;
    if (argc > 1)
        _exit(stage());
    return test_run(tests);
}
