/* SPDX-License-Identifier: Apache-2.0 */
/* Every YAML block of the documents is a policy that loads. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/load.h"

#define OPEN  "\n```yaml\n"
#define CLOSE "\n```"

static unsigned line_of(const char *text, const char *at)
{
    unsigned line = 1;

    for (; text < at; text++)
        line += *text == '\n';
    return line;
}

static size_t load_blocks(const char *page)
{
    char path[512], *text;
    size_t len, count = 0;

    snprintf(path, sizeof(path), "%s/%s", TEST_SOURCE_DIR, page);
    text = test_read(path, &len);
    for (char *at = text; (at = strstr(at, OPEN)); count++) {
        char *block = at + strlen(OPEN), *end = strstr(block, CLOSE);
        struct crib_error err = {0};
        struct arena arena;
        Crib__Policy *policy;

        assert_non_null(end);
        arena_init(&arena, 0);
        if (policy_parse("block", block, (size_t)(end - block) + 1, NULL, &arena, &policy, NULL,
                         &err) < 0)
            fail_msg("%s:%u: %s: %s", page, line_of(text, block), err.subject, err.detail);
        arena_done(&arena);
        at = end;
    }
    free(text);
    return count;
}

static void test_blocks_of_the_reference_load(void **state)
{
    (void)state;
    assert_true(load_blocks("docs/policy.md") >= 10);
    assert_true(load_blocks("docs/limits.md") >= 4);
}

static void test_blocks_of_the_readme_load(void **state)
{
    (void)state;
    assert_true(load_blocks("README.md") >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_of_the_reference_load),
        cmocka_unit_test(test_blocks_of_the_readme_load),
    };

    return test_run(tests);
}
