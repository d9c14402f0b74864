/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our groups beside systemd's, call by call at any depth. differences.txt has a line for each
 * difference, with its reason; a line that is no difference any more fails too. What they
 * do not know is not compared. Calls after Linux 6.1 (number 450), which each release of systemd
 * places in its own way, are compared only with the release that the list was made for.
 */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/groups.h"

#define OLD      450 /* the last call of Linux 6.1 */
#define LINES    1024
#define SKIPPED  77
#define COMMAND  "SYSTEMD_COLORS=0 systemd-analyze --no-pager syscall-filter 2>/dev/null"
#define VERSION  "systemd-analyze --version 2>/dev/null"
#define FIRST_OF "systemd " /* a line of the list: the release it was made for */

/* `@group +call: reason`; + is only ours, - only theirs. */
struct line {
    char group[32], call[48];
    bool ours, met;
    unsigned number;
};

static struct {
    struct line lines[LINES];
    size_t count;
    int version;
} list;

/* What systemd-analyze prints: `@group` lines, and their entries below. */
static struct {
    struct {
        char group[32], entry[48];
    } rows[4096];
    size_t count;
    int version;
} theirs;

static void read_line(char *text, unsigned number)
{
    struct line *line = &list.lines[list.count];
    char sign, colon;
    int end = 0;

    text[strcspn(text, "\n")] = '\0';
    if (!text[0] || text[0] == '#')
        return;
    if (sscanf(text, FIRST_OF "%d", &list.version) == 1)
        return;
    assert_true(list.count < LINES);
    if (sscanf(text, "@%31s %c%47[a-z0-9_]%c%n", line->group, &sign, line->call, &colon, &end) !=
            4 ||
        !strchr("+-", sign) || colon != ':' || strlen(text + end) < 3)
        fail_msg("differences.txt:%u: not `@group +call: reason`: %s", number, text);
    line->ours = sign == '+';
    line->number = number;
    line->met = false;
    for (size_t i = 0; i < list.count; i++)
        if (!strcmp(list.lines[i].group, line->group) && !strcmp(list.lines[i].call, line->call))
            fail_msg("differences.txt:%u: twice: %s", number, text);
    list.count++;
}

static void read_list(void)
{
    FILE *file = fopen(DIFFERENCES, "re");
    char text[512];

    assert_non_null(file);
    for (unsigned number = 1; fgets(text, sizeof(text), file); number++)
        read_line(text, number);
    fclose(file);
    assert_true(list.version > 0);
}

static void read_theirs(void)
{
    FILE *pipe = popen(COMMAND, "re");
    char text[256], group[32] = "", entry[48];

    if (!pipe)
        return;
    while (fgets(text, sizeof(text), pipe)) {
        if (text[0] == '@')
            sscanf(text, "@%31s", group);
        else if (text[0] == '#')
            group[0] = '\0'; /* what is in no group but @known */
        else if (sscanf(text, " %47s", entry) == 1 && entry[0] != '#' && group[0] &&
                 theirs.count < sizeof(theirs.rows) / sizeof(theirs.rows[0])) {
            strcpy(theirs.rows[theirs.count].group, group);
            strcpy(theirs.rows[theirs.count++].entry, entry);
        }
    }
    pclose(pipe);
    pipe = popen(VERSION, "re");
    if (pipe && fscanf(pipe, "systemd %d", &theirs.version) != 1)
        theirs.version = 0;
    if (pipe)
        pclose(pipe);
}

static bool they_have(const char *group, const char *call)
{
    for (size_t i = 0; i < theirs.count; i++) {
        const char *entry = theirs.rows[i].entry;

        if (strcmp(theirs.rows[i].group, group) == 0 &&
            (strcmp(entry, call) == 0 || (entry[0] == '@' && they_have(entry + 1, call))))
            return true;
    }
    return false;
}

static bool they_know(const char *group)
{
    for (size_t i = 0; i < theirs.count; i++)
        if (strcmp(theirs.rows[i].group, group) == 0)
            return true;
    return false;
}

static bool is_listed(const char *group, const char *call, bool ours)
{
    for (size_t i = 0; i < list.count; i++) {
        struct line *line = &list.lines[i];

        if (line->ours == ours && !strcmp(line->group, group) && !strcmp(line->call, call))
            return line->met = true;
    }
    return false;
}

/* Whether a call is in any of their groups, @known among them. */
static bool they_name(const char *call)
{
    for (size_t i = 0; i < theirs.count; i++)
        if (strcmp(theirs.rows[i].entry, call) == 0)
            return true;
    return false;
}

static bool is_compared(const struct call *call)
{
    bool is_old = call->number <= OLD && strcmp(call->name, "uretprobe") != 0 &&
                  strcmp(call->name, "uprobe") != 0;

    return they_name(call->name) && (is_old || theirs.version == list.version);
}

static const struct groups *our_groups(void)
{
    const struct groups *groups;
    struct crib_error err = {0};

    if (groups_shipped(&groups, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
    return groups;
}

static size_t compare(const char *name)
{
    char text[48], *entry = text;
    bool ours[CALLS_LAST + 1] = {false};
    struct rule *rules;
    struct arena arena;
    size_t count, wrong = 0;

    arena_init(&arena, 0);
    snprintf(text, sizeof(text), "@%s", name);
    assert_int_equal(rules_expand(&entry, 1, &arena, &rules, &count, NULL), 0);
    for (size_t i = 0; i < count; i++)
        ours[rules[i].call->number] = true;
    arena_done(&arena);
    for (const struct call *call = call_next(NULL); call; call = call_next(call)) {
        bool has = ours[call->number];

        if (!is_compared(call) || has == they_have(name, call->name) ||
            is_listed(name, call->name, has))
            continue;
        print_error("@%s %c%s: is no line of differences.txt\n", name, has ? '+' : '-', call->name);
        wrong++;
    }
    return wrong;
}

static void test_every_difference_has_a_reason(void **state)
{
    const struct groups *groups = our_groups();
    size_t wrong = 0, both = 0;

    (void)state;
    for (size_t i = 0; i < groups->count; i++)
        if (they_know(groups->list[i].name)) {
            wrong += compare(groups->list[i].name);
            both++;
        }
    assert_true(both >= 28); /* those of systemd 252 */
    for (size_t i = 0; i < list.count; i++) {
        const struct line *line = &list.lines[i];
        const struct call *call = call_by_name(line->call);

        if (line->met || (call && !is_compared(call)))
            continue;
        print_error("differences.txt:%u: @%s %c%s is no difference\n", line->number, line->group,
                    line->ours ? '+' : '-', line->call);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* Their words are our words. */
static void test_every_group_of_theirs_is_one_of_ours(void **state)
{
    const struct groups *groups = our_groups();

    (void)state;
    for (size_t i = 0; theirs.version == list.version && i < theirs.count; i++)
        if (!group_find(groups, theirs.rows[i].group, NULL))
            fail_msg("there is no @%s", theirs.rows[i].group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_difference_has_a_reason),
        cmocka_unit_test(test_every_group_of_theirs_is_one_of_ours),
    };
    const char *must = getenv("CRIB_TESTS_MUST_RUN");

    read_list();
    read_theirs();
    if (!theirs.count) {
        fprintf(stderr, "systemd-analyze is not there: nothing to compare with\n");
        return must && strcmp(must, "1") == 0 ? 1 : SKIPPED;
    }
    return test_run(tests);
}
