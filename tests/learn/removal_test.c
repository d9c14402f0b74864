/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With any one grant taken out of a learnt policy, the run that it was learnt from meets just that
 * denial. Of a few programs, since it is done for each grant; of all under CRIB_TESTS_LONG=1.
 */
#include "learn/learnt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The policy without the line at @line. */
static void write_without(const struct learnt *learnt, const char *line)
{
    size_t before = (size_t)(line - learnt->text);
    const char *rest = strchr(line, '\n') + 1;
    char *text = malloc(strlen(learnt->text) + 1);

    assert_non_null(text);
    memcpy(text, learnt->text, before);
    memcpy(text + before, rest, strlen(rest) + 1);
    test_write(learnt->less, text, strlen(text), 0644);
    free(text);
}

static void complain(const struct learnt *learnt, const char *line)
{
    fail_msg("without `%.*s` nothing tells of it; status %d\n%s\n%s", (int)strcspn(line, "\n"),
             line, learnt->cli.status, learnt->cli.err, learnt->text);
}

/* `    - socket(domain == AF_UNIX)`. What starts and ends every task is missed before it starts. */
static void check_call(struct learnt *learnt, const char *line)
{
    char name[64], wanted[128];

    assert_int_equal(sscanf(line, " - %63[a-z0-9_]", name), 1);
    write_without(learnt, line);
    learnt_run(learnt, learnt->less, false);
    if (strcmp(name, "execve") == 0 || strcmp(name, "exit_group") == 0) {
        cli_status(&learnt->cli, 125, __FILE__, __LINE__);
        test_contains(learnt->cli.err, name);
        return;
    }
    snprintf(wanted, sizeof(wanted), "crib: denied: %s(", name);
    if (!strstr(learnt->cli.err, wanted))
        complain(learnt, line);
}

/* `  - {type: host, target: /lib64} # run 1`. Programs and loaders that are missing are told by the
 * start, which fails. */
static void check_mount(struct learnt *learnt, const char *line)
{
    const char *at = strstr(line, "target: ");
    char target[512];

    assert_non_null(at);
    assert_int_equal(sscanf(at, "target: %511[^,} ]", target), 1);
    write_without(learnt, line);
    learnt_run(learnt, learnt->less, true);
    if (learnt->cli.status >= 125 && learnt->cli.status <= 127 &&
        !strstr(learnt->cli.err, "crib: denied:"))
        return;
    if (!strstr(learnt->cli.err, target))
        complain(learnt, line);
}

static void check(const char *const *words)
{
    struct learnt learnt;
    bool mounts = false, calls = false;

    learnt_start(&learnt, words, 2);
    for (const char *line = learnt.text; *line; line = strchr(line, '\n') + 1) {
        if (line[0] != ' ')
            mounts = strncmp(line, "mounts:", 7) == 0;
        calls = strncmp(line, "  allow:", 8) == 0 || (calls && line[0] == ' ');
        if (strncmp(line, "  - ", 4) == 0 && mounts)
            check_mount(&learnt, line);
        else if (strncmp(line, "    - ", 6) == 0 && calls)
            check_call(&learnt, line);
    }
    learnt_end(&learnt);
}

static bool is_wanted(const char *name)
{
    static const char *const few[] = {"sqlite3", "perl", "gawk", "curl", "sed"};
    const char *all = getenv("CRIB_TESTS_LONG");

    for (size_t i = 0; i < sizeof(few) / sizeof(few[0]); i++)
        if (strcmp(few[i], name) == 0)
            return true;
    return all && strcmp(all, "1") == 0;
}

#define PROGRAM(name, ...)                                                                         \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        const char *const words[] = {__VA_ARGS__, NULL};                                           \
                                                                                                   \
        (void)state;                                                                               \
        if (is_wanted(#name))                                                                      \
            check(words);                                                                          \
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
