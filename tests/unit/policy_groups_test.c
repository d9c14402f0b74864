/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/groups.h"

/* The expansion of a list by the shipped groups; NULL ends the words. */
struct expanded {
    struct arena arena;
    struct crib_error err;
    struct rule *rules;
    size_t count;
};

static int expand(struct expanded *e, const struct groups *groups, const char *const *entries)
{
    char *const *list = (char *const *)entries;
    size_t count = 0;

    memset(e, 0, sizeof(*e));
    arena_init(&e->arena, 0);
    while (entries[count])
        count++;
    if (groups)
        return groups_expand(groups, list, count, &e->arena, &e->rules, &e->count, &e->err);
    return rules_expand(list, count, &e->arena, &e->rules, &e->count, &e->err);
}

static bool has(const struct expanded *e, const char *call)
{
    for (size_t i = 0; i < e->count; i++)
        if (strcmp(e->rules[i].call->name, call) == 0)
            return true;
    return false;
}

static const struct groups *shipped(void)
{
    const struct groups *groups;
    struct crib_error err = {0};

    if (groups_shipped(&groups, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
    return groups;
}

static void test_shipped_groups_are_whole(void **state)
{
    const struct groups *groups = shipped();

    (void)state;
    assert_ptr_equal(shipped(), groups);
    assert_int_equal(groups->count, shipped_groups_count);
    for (size_t i = 0; i < groups->count; i++) {
        const struct group *group = &groups->list[i];

        assert_true(i == 0 || strcmp(groups->list[i - 1].name, group->name) < 0);
        assert_non_null(group->about);
        assert_true(group->count > 0);
        assert_ptr_equal(group_find(groups, group->name, NULL), group);
    }
}

/* A call that is in no group was forgotten, but for those that policies name one by one. */
static void test_every_call_has_a_group(void **state)
{
    const struct groups *groups = shipped();
    static char names[GROUPS_MAX][64];
    const char *entries[GROUPS_MAX + 1] = {NULL};
    struct expanded e;

    (void)state;
    for (size_t i = 0; i < groups->count; i++) {
        snprintf(names[i], sizeof(names[i]), "@%s", groups->list[i].name);
        entries[i] = names[i];
    }
    assert_int_equal(expand(&e, NULL, entries), 0);
    for (const struct call *call = call_next(NULL); call; call = call_next(call)) {
        bool named = strcmp(call->name, "socket") == 0 || strcmp(call->name, "ioctl") == 0;

        if (has(&e, call->name) == named)
            fail_msg("%s is %s group", call->name, named ? "in a" : "in no");
    }
    arena_done(&e.arena);
}

static void test_lists_keep_their_order_without_repeats(void **state)
{
    struct expanded e;

    (void)state;
    assert_int_equal(expand(&e, NULL,
                            (const char *[]){"write", "socket(domain == AF_UNIX)", "@sync", "fsync",
                                             "socket(arg0/32 == 1)", "socket(domain == AF_INET)",
                                             "write", "@sync", "socket", NULL}),
                     0);
    assert_int_equal(e.count, 10);
    assert_string_equal(rule_text(&e.rules[0], &e.arena), "write");
    assert_string_equal(rule_text(&e.rules[1], &e.arena), "socket(domain == AF_UNIX)");
    assert_string_equal(rule_text(&e.rules[2], &e.arena), "fsync");
    assert_string_equal(rule_text(&e.rules[8], &e.arena), "socket(domain == AF_INET)");
    assert_string_equal(rule_text(&e.rules[9], &e.arena), "socket");
    arena_done(&e.arena);
    assert_int_equal(expand(&e, NULL, (const char *[]){NULL}), 0);
    assert_int_equal(e.count, 0);
    arena_done(&e.arena);
}

static void test_groups_within_groups(void **state)
{
    struct expanded e;

    (void)state;
    assert_int_equal(expand(&e, NULL, (const char *[]){"@file-system", NULL}), 0);
    assert_true(has(&e, "openat"));
    assert_true(has(&e, "rename"));
    arena_done(&e.arena);
}

static void test_bad_lists(void **state)
{
    static const struct {
        const char *entries[4];
        int index;
        const char *detail;
    } rows[] = {
        {{"read", "@filesystem"}, 1, "unknown group '@filesystem', did you mean '@file-system'?"},
        {{"@nothing-like-it"}, 0, "unknown group '@nothing-like-it'"},
        {{"@"}, 0, "the name of a group has only a-z, 0-9 and -"},
        {{"@default "}, 0, "the name of a group has only a-z, 0-9 and -"},
        {{"@Default"}, 0, "the name of a group has only a-z, 0-9 and -"},
        {{"@sync(fd == 1)"}, 0, "the name of a group has only a-z, 0-9 and -"},
        {{"@a\nb"}, 0, "the name of a group has only a-z, 0-9 and -"},
        {{"@default", "read", "raed"}, 2, "unknown system call 'raed', did you mean 'read'?"},
        {{"socket(domain == AF_UNX)"}, 0, "unknown constant 'AF_UNX', did you mean 'AF_UNIX'?"},
        {{""}, 0, "the entry ends where a system call should come"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct expanded e;

        assert_int_equal(expand(&e, NULL, rows[i].entries), -EINVAL);
        assert_string_equal(e.err.detail, rows[i].detail);
        assert_int_equal(e.err.index, rows[i].index);
        assert_null(e.err.step);
        assert_null(e.rules);
        arena_done(&e.arena);
    }
}

static void test_long_lists_are_refused(void **state)
{
    static const char *entries[RULES_MAX + 2];
    static char text[RULES_MAX + 1][32];
    struct expanded e;

    (void)state;
    for (size_t i = 0; i <= RULES_MAX; i++)
        entries[i] = "read";
    assert_int_equal(expand(&e, NULL, entries), -E2BIG);
    arena_done(&e.arena);
    for (int i = 0; i < RULES_MAX; i++) {
        snprintf(text[i], sizeof(text[i]), "read(fd == %d)", i);
        entries[i] = text[i];
    }
    entries[RULES_MAX] = NULL;
    assert_int_equal(expand(&e, NULL, entries), 0);
    assert_int_equal(e.count, RULES_MAX);
    arena_done(&e.arena);
    entries[0] = "@sync"; /* as many entries, but more rules */
    assert_int_equal(expand(&e, NULL, entries), -E2BIG);
    arena_done(&e.arena);
}

static void test_without_memory(void **state)
{
    char group[] = "@default", *entries[] = {group};
    struct crib_error err;
    struct arena arena;
    struct rule *rules;
    size_t count;

    (void)state;
    (void)shipped();
    arena_init(&arena, 1024);
    assert_int_equal(rules_expand(entries, 1, &arena, &rules, &count, &err), -ENOMEM);
    arena_done(&arena);
}

#define FILE_OF(name, text)                                                                        \
    {                                                                                              \
        name, text, sizeof(text) - 1                                                               \
    }

static void test_circles_end(void **state)
{
    static const struct shipped files[] = {
        FILE_OF("a", "calls: ['@b', read]"),
        FILE_OF("b", "calls: ['@c', write, '@b']"),
        FILE_OF("c", "calls: [openat, '@a']"),
    };
    struct groups groups;
    struct arena arena;
    struct expanded e;

    (void)state;
    arena_init(&arena, 0);
    assert_int_equal(groups_read(files, 3, &arena, &groups, NULL), 0);
    for (size_t i = 0; i < 3; i++) {
        char entry[] = {'@', (char)('a' + i), '\0'};

        assert_int_equal(expand(&e, &groups, (const char *[]){entry, NULL}), 0);
        assert_int_equal(e.count, 3);
        assert_true(has(&e, "read") && has(&e, "write") && has(&e, "openat"));
        arena_done(&e.arena);
    }
    arena_done(&arena);
}

static void test_bad_group_files(void **state)
{
    static const struct {
        const char *text, *subject, *detail;
    } rows[] = {
        {"calls: [read, '@b']", "a:1:15", "unknown group '@b'"},
        {"about: x\ncalls:\n  - read\n  - raed\n", "a:4:5",
         "unknown system call 'raed', did you mean 'read'?"},
        {"calls: [read(path == 1)]", "a:1:9", "read has no argument 'path', it has fd, buf, count"},
        {"cals: [read]", "a:1:1", "unknown key 'cals', did you mean 'calls'?"},
    };
    struct groups groups;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct shipped file = {"a", rows[i].text, strlen(rows[i].text)};
        struct crib_error err = {0};
        struct arena arena;

        arena_init(&arena, 0);
        assert_int_equal(groups_read(&file, 1, &arena, &groups, &err), -EINVAL);
        assert_string_equal(err.subject, rows[i].subject);
        assert_string_equal(err.detail, rows[i].detail);
        arena_done(&arena);
    }
    assert_int_equal(groups_read(NULL, GROUPS_MAX + 1, NULL, &groups, NULL), -E2BIG);
}

/* Where a group of ours has the name of one of systemd's, and differs: why. Calls newer than
 * Linux 6.1 are not compared, since which of them systemd places depends on its release. */
static const struct {
    const char *group;
    bool ours; /* we have them, systemd has not; false: the other way round */
    const char *calls, *why;
} differences[] = {
    {"aio", false, "io_uring_setup io_uring_enter io_uring_register",
     "@io-uring: what goes through it, no filter sees"},
    {"basic-io", true, "copy_file_range sendfile splice tee vmsplice",
     "bytes between open descriptors, no matter by which call"},
    {"basic-io", true, "fcntl flock", "work on what is open, not on names"},
    {"basic-io", true, "fadvise64 readahead", "advice on reading"},
    {"debug", true, "process_vm_readv process_vm_writev process_madvise process_mrelease kcmp",
     "look into other processes"},
    {"debug", true, "bpf userfaultfd", "look into the kernel, or hold it up"},
    {"default", true, "getcpu sysinfo uname getrusage times",
     "a program may always ask what it runs on and what it used"},
    {"default", false, "get_thread_area set_thread_area", "@obsolete: ENOSYS on x86-64"},
    {"file-system", false, "close fcntl", "@basic-io"},
    {"file-system", true, "umask name_to_handle_at", "belong to names, and harm nobody"},
    {"io-event", false, "epoll_ctl_old epoll_wait_old", "@obsolete: never carried out"},
    {"ipc", true, "socketpair", "a pipe both ways, for AF_UNIX alone"},
    {"ipc", false, "process_madvise process_vm_readv process_vm_writev",
     "@debug: they need the rights of a debugger"},
    {"network-io", false, "socket socketpair", "the policy says which families"},
    {"obsolete", true, "epoll_ctl_old epoll_wait_old get_thread_area set_thread_area nfsservctl",
     "no kernel carries them out on x86-64"},
    {"obsolete", true, "modify_ldt", "16-bit segments"},
    {"process", true, "execve setpgid setsid getpgid getpgrp getsid",
     "starting is not whole without; sessions are of processes"},
    {"process", true, "personality", "harmless ones, of the process to be executed"},
    {"process", false, "clone3 setns unshare", "@namespaces"},
    {"process", false, "getrusage times", "@default"},
    {"resources", true,
     "get_mempolicy getpriority ioprio_get sched_get_priority_max sched_get_priority_min "
     "sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval",
     "looking at what may be changed"},
    {"resources", true, "prlimit64", "changes what setrlimit changes"},
    {"timer", false, "times", "@default"},
};

#define DIFFERENCES (sizeof(differences) / sizeof(differences[0]))

static bool is_listed(const char *group, bool ours, const char *call)
{
    for (size_t i = 0; i < DIFFERENCES; i++) {
        const char *at = differences[i].calls;
        size_t len = strlen(call);

        if (strcmp(differences[i].group, group) != 0 || differences[i].ours != ours)
            continue;
        for (; (at = strstr(at, call)); at += len)
            if ((at == differences[i].calls || at[-1] == ' ') && (!at[len] || at[len] == ' '))
                return true;
    }
    return false;
}

/* Does what is listed still hold of our groups? */
static void test_listed_differences_are_ours(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIFFERENCES; i++) {
        char *calls = strdup(differences[i].calls), *save = NULL, name[64];
        struct expanded e;

        assert_true(strlen(differences[i].why) > 0);
        snprintf(name, sizeof(name), "@%s", differences[i].group);
        assert_int_equal(expand(&e, NULL, (const char *[]){name, NULL}), 0);
        for (char *call = strtok_r(calls, " ", &save); call; call = strtok_r(NULL, " ", &save))
            if (has(&e, call) != differences[i].ours)
                fail_msg("%s: %s is %s", name, call, differences[i].ours ? "gone" : "in");
        arena_done(&e.arena);
        free(calls);
    }
}

/* What systemd-analyze prints: `@group` lines, and their entries below. */
struct theirs {
    struct {
        char group[32], entry[48];
    } rows[4096];
    size_t count;
};

static void read_theirs(struct theirs *theirs)
{
    FILE *pipe =
        popen("SYSTEMD_COLORS=0 systemd-analyze syscall-filter --no-pager 2>/dev/null", "r");
    char line[256], group[32] = "", entry[48];

    assert_non_null(pipe);
    theirs->count = 0;
    while (fgets(line, sizeof(line), pipe)) {
        if (line[0] == '@')
            sscanf(line, "%31s", group);
        else if (sscanf(line, " %47s", entry) == 1 && entry[0] != '#' && group[0] &&
                 theirs->count < sizeof(theirs->rows) / sizeof(theirs->rows[0])) {
            strcpy(theirs->rows[theirs->count].group, group);
            strcpy(theirs->rows[theirs->count++].entry, entry);
        }
    }
    pclose(pipe);
}

static bool they_have(const struct theirs *theirs, const char *group, const char *call)
{
    for (size_t i = 0; i < theirs->count; i++) {
        if (strcmp(theirs->rows[i].group, group) != 0)
            continue;
        if (strcmp(theirs->rows[i].entry, call) == 0)
            return true;
        if (theirs->rows[i].entry[0] == '@' && they_have(theirs, theirs->rows[i].entry, call))
            return true;
    }
    return false;
}

static bool they_know(const struct theirs *theirs, const char *group)
{
    for (size_t i = 0; i < theirs->count; i++)
        if (strcmp(theirs->rows[i].group, group) == 0)
            return true;
    return false;
}

static size_t compare(const struct theirs *theirs, const char *group)
{
    char name[64];
    struct expanded e;
    size_t wrong = 0;

    snprintf(name, sizeof(name), "@%s", group);
    if (!they_know(theirs, name))
        return 0;
    assert_int_equal(expand(&e, NULL, (const char *[]){name, NULL}), 0);
    for (const struct call *call = call_next(NULL); call; call = call_next(call)) {
        bool ours = has(&e, call->name),
             is_new = call->number > 450 || call->number == 335 || call->number == 336;

        if (is_new || ours == they_have(theirs, name, call->name) ||
            is_listed(group, ours, call->name))
            continue;
        print_error("%s: %s is %s, without a reason\n", name, call->name,
                    ours ? "only ours" : "only theirs");
        wrong++;
    }
    arena_done(&e.arena);
    return wrong;
}

static void test_differences_from_systemd_have_reasons(void **state)
{
    const struct groups *groups = shipped();
    static struct theirs theirs;
    size_t wrong = 0, known = 0;

    (void)state;
    read_theirs(&theirs);
    if (theirs.count == 0) {
        print_message("not compared: systemd-analyze is not installed\n");
        return;
    }
    for (size_t i = 0; i < groups->count; i++) {
        char name[64];

        snprintf(name, sizeof(name), "@%s", groups->list[i].name);
        known += they_know(&theirs, name);
        wrong += compare(&theirs, groups->list[i].name);
    }
    assert_true(known >= 10);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shipped_groups_are_whole),
        cmocka_unit_test(test_every_call_has_a_group),
        cmocka_unit_test(test_lists_keep_their_order_without_repeats),
        cmocka_unit_test(test_groups_within_groups),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_long_lists_are_refused),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_circles_end),
        cmocka_unit_test(test_bad_group_files),
        cmocka_unit_test(test_listed_differences_are_ours),
        cmocka_unit_test(test_differences_from_systemd_have_reasons),
    };

    return test_run(tests);
}
