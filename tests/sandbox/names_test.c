/* SPDX-License-Identifier: Apache-2.0 */
/* The task finds its own name in a passwd and group made for it, and none of the host's people. */
#include "sandbox/sandbox.h"

#include <stdio.h>
#include <string.h>

static void run(struct sandbox *box, const char *line)
{
    const char *const args[] = {"-c", line, NULL};

    sandbox_init(box);
    sandbox_run(box, "sh", args);
    assert_int_equal(box->code, 0);
}

static void test_own_ids_have_names(void **state)
{
    struct sandbox box;
    char expected[64];

    (void)state;
    run(&box, "id -u; id -g; id -un >/dev/null && id -gn >/dev/null && echo named");
    snprintf(expected, sizeof(expected), "%u\n%u\nnamed\n", sandbox_task_uid(), sandbox_task_gid());
    assert_string_equal(box.out, expected);
    sandbox_done(&box);
}

static void test_nobody_is_named_twice(void **state)
{
    struct sandbox box;

    (void)state;
    run(&box, "cut -d: -f3 /etc/passwd | sort | uniq -d; cut -d: -f3 /etc/group | sort | uniq -d");
    assert_string_equal(box.out, "");
    assert_int_equal(box.result.status, 0);
    sandbox_done(&box);
}

static void test_no_more_than_three_are_known(void **state)
{
    struct sandbox box;

    (void)state;
    run(&box, "wc -l </etc/passwd; grep -c -v -e ^root: -e ^nobody: -e ^task: /etc/passwd");
    assert_int_equal(box.out[0], sandbox_task_uid() == 65534 ? '2' : '3');
    assert_string_equal(box.out + 1, "\n0\n");
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_ids_have_names),
        cmocka_unit_test(test_nobody_is_named_twice),
        cmocka_unit_test(test_no_more_than_three_are_known),
    };

    return sandbox_test_run(tests);
}
