/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/hidden.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/support.h"

static bool stands(const char *object, const char *answer, long number, uint64_t flags)
{
    uint64_t args[6] = {0, 0, flags};
    Crib__Denial denial = CRIB__DENIAL__INIT;
    char text[600]; /* as plan_why() begins it, where it is a path */

    snprintf(text, sizeof(text), "openat(%.500s) to %s: no mount shows it", object,
             flags & O_CREAT ? "write" : "read");
    denial.call = (char *)"openat";
    denial.text = text;

    denial.has_by = denial.has_object = denial.has_number = true;
    denial.by = CRIB__DENIAL__BY__files;
    denial.object = (ProtobufCBinaryData){strlen(object), (uint8_t *)object};
    denial.answer = (char *)answer;
    denial.number = (uint32_t)number;
    denial.args = args;
    denial.n_args = 6;
    return hidden_stands(&denial);
}

static void test_only_what_the_host_has_is_hidden(void **state)
{
    char *dir = test_dir(), path[512], new[512];

    (void)state;
    snprintf(path, sizeof(path), "%s/link", dir);
    snprintf(new, sizeof(new), "%s/new", dir);
    assert_true(stands(dir, "ENOENT", SYS_openat, O_RDONLY));
    assert_false(stands(path, "ENOENT", SYS_openat, O_RDONLY));
    assert_int_equal(symlink("nowhere", path), 0); /* it is there, wherever it leads */
    assert_true(stands(path, "ENOENT", SYS_openat, O_RDONLY));
    /* who makes a name wants its directory */
    assert_false(stands(new, "ENOENT", SYS_openat, O_RDONLY));
    assert_true(stands(new, "ENOENT", SYS_openat, O_WRONLY | O_CREAT));
    strcat(new, "/x");
    assert_false(stands(new, "ENOENT", SYS_openat, O_WRONLY | O_CREAT));
    free(dir);
}

static void test_other_denials_stand(void **state)
{
    Crib__Denial filter = CRIB__DENIAL__INIT;

    (void)state;
    filter.answer = (char *)"ENOENT";
    assert_true(hidden_stands(&filter));
    assert_true(stands("/no/such/file", "EROFS", SYS_openat, O_WRONLY));
    assert_true(stands("/no/such/file", "EACCES", SYS_openat, O_WRONLY));
}

/* The path came from a task, and over a daemon. */
static void test_nonsense_does_not_stand(void **state)
{
    char *longest = malloc(70000);

    (void)state;
    assert_non_null(longest);
    memset(longest, 'x', 69999);
    longest[0] = '/';
    longest[69999] = '\0';
    assert_false(stands("", "ENOENT", SYS_openat, O_RDONLY));
    assert_false(stands(".", "ENOENT", SYS_openat, O_RDONLY));
    assert_false(stands(longest, "ENOENT", SYS_openat, O_RDONLY));
    free(longest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_the_host_has_is_hidden),
        cmocka_unit_test(test_other_denials_stand),
        cmocka_unit_test(test_nonsense_does_not_stand),
    };

    return test_run(tests);
}
