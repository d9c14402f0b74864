/* SPDX-License-Identifier: Apache-2.0 */
/* What is learnt from real programs is enough for them. */
#include "learn/learnt.h"

#include <string.h>

/* Twice, since the second time files are there that the first has made; it is one run all the same.
 */
static void check(const char *const *words)
{
    struct learnt learnt;

    learnt_start(&learnt, words, 2);
    test_contains(learnt.text, "# run 1: ");
    assert_null(strstr(learnt.text, "# run 2: "));
    learnt_run(&learnt, learnt.policy, false);
    if (!learnt_is_alike(&learnt))
        fail_msg("%s: status %d\n%s\ninstead of\n%s\n%s\n%s", words[0], learnt.cli.status,
                 learnt.cli.out, learnt.said, learnt.cli.err, learnt.text);
    learnt_end(&learnt);
}

#define PROGRAM(name, ...)                                                                         \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        const char *const words[] = {__VA_ARGS__, NULL};                                           \
                                                                                                   \
        (void)state;                                                                               \
        check(words);                                                                              \
    }
#include "learn/programs.def"
#undef PROGRAM

int main(void)
{
    const struct CMUnitTest tests[] = {
#define PROGRAM(name, ...) cmocka_unit_test(test_##name),
#include "learn/programs.def"
#undef PROGRAM
    };

    return test_run(tests);
}
