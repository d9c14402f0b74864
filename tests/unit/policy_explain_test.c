/* SPDX-License-Identifier: Apache-2.0 */
/* Which entry decides, where it stands, and through which bases. */
#include "support/support.h"

#include <errno.h>
#include <string.h>

#include "policy/dangers.h"
#include "policy/explain.h"
#include "policy/load.h"

struct asking {
    struct arena arena;
    Crib__Policy *policy;
    Crib__Origins *origins;
    struct reasons reasons;
};

static void load(struct asking *a, const char *text)
{
    struct crib_error err = {0};

    arena_init(&a->arena, 0);
    if (policy_parse("p.yaml", text, strlen(text), NULL, &a->arena, &a->policy, NULL, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
}

/* With the arguments given; -1: it is not known. */
static const struct reason *ask(struct asking *a, const char *name, int64_t a0, int64_t a1)
{
    struct asked_call call = {.call = call_by_name(name)};

    call.known[0] = a0 < 0 ? 0 : UINT64_MAX;
    call.known[1] = a1 < 0 ? 0 : UINT64_MAX;
    call.bits[0] = a0 < 0 ? 0 : (uint64_t)a0;
    call.bits[1] = a1 < 0 ? 0 : (uint64_t)a1;
    assert_int_equal(policy_explain(a->policy, &call, &a->arena, &a->reasons, NULL), 0);
    return a->reasons.count ? a->reasons.list : NULL;
}

static void assert_decides(const struct reason *reason, enum syscalls_list list, size_t index,
                           bool certain)
{
    assert_non_null(reason);
    assert_int_equal(reason->list, list);
    assert_int_equal(reason->index, index);
    assert_int_equal(reason->certain, certain);
}

static void test_the_strongest_entry_that_fits(void **state)
{
    struct asking a;

    (void)state;
    load(&a, "syscalls:\n"
             "  allow: [read, \"@sync\"]\n"
             "  deny: [read(fd == 3) -> EIO, read(fd > 2) -> EBUSY]\n"
             "  kill: [read(fd == 1)]\n"
             "  log: [read(fd == 0)]\n");
    assert_decides(ask(&a, "read", 2, 0), LIST_ALLOW, 0, true);
    assert_decides(ask(&a, "read", 0, 0), LIST_LOG, 0, true);
    assert_decides(ask(&a, "read", 1, 0), LIST_KILL, 0, true);
    assert_decides(ask(&a, "read", 3, 0), LIST_DENY, 1, true);
    assert_int_equal(a.reasons.list[0].rule.code, EBUSY);
    assert_null(ask(&a, "write", 1, 0));
    assert_decides(ask(&a, "fsync", 1, 0), LIST_ALLOW, 1, true);
    test_contains(a.reasons.list[0].group, "@sync (groups/sync.yaml:");
    assert_decides(ask(&a, "read", -1, 0), LIST_DENY, 1, false);
    assert_int_equal(a.reasons.count, 5);
    assert_decides(&a.reasons.list[4], LIST_ALLOW, 0, true);
    arena_done(&a.arena);
}

static void test_places_go_through_bases_and_groups(void **state)
{
    struct crib_error err = {0};
    struct asking a = {0};
    const struct reason *reason;

    (void)state;
    arena_init(&a.arena, 0);
    assert_int_equal(policy_load("shell", NULL, &a.arena, &a.policy, &a.origins, &err), 0);
    for (int list = 0; list < LISTS_OF_CALLS; list++) {
        size_t count;

        syscalls_entries(a.policy->syscalls, (enum syscalls_list)list, &count);
        assert_true(!count || origins_entry(a.origins, (enum syscalls_list)list, count - 1));
        assert_null(origins_entry(a.origins, (enum syscalls_list)list, count));
    }
    reason = ask(&a, "socket", 2, 1);
    assert_non_null(reason);
    reason = &a.reasons.list[a.reasons.count - 1];
    assert_true(reason->certain && reason->list == LIST_ALLOW);
    test_contains(origins_entry(a.origins, LIST_ALLOW, reason->index)->at, "shell.yaml:");
    reason = ask(&a, "read", 2, 1);
    assert_non_null(reason);
    test_contains(origins_entry(a.origins, LIST_ALLOW, reason->index)->at, "default.yaml:");
    test_contains(origins_entry(a.origins, LIST_ALLOW, reason->index)->through, "shell.yaml:");
    test_contains(reason->group, "@basic-io (groups/basic-io.yaml:");
    arena_done(&a.arena);
}

/* Return: the names of what has no reason, in the order found. */
static const char *dangers_of(const char *text, struct arena *arena)
{
    struct crib_error err = {0};
    struct dangers dangers;
    Crib__Policy *policy;
    const char *said = "";

    if (policy_parse("p.yaml", text, strlen(text), NULL, arena, &policy, NULL, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
    assert_int_equal(policy_dangers(policy, NULL, arena, &dangers, &err), 0);
    for (size_t i = 0; i < dangers.count; i++)
        if (!dangers.list[i].why)
            said = arena_printf(arena, "%s %s", said, dangers.list[i].grant);
    return said;
}

static void test_dangers(void **state)
{
    static const struct {
        const char *text, *grants;
    } rows[] = {
        {"syscalls: {allow: [read, ptrace]}", " ptrace"},
        {"syscalls: {allow: [ptrace], deny: [ptrace]}", ""},
        {"syscalls: {allow: [ptrace], deny: [ptrace(request == 0)]}", " ptrace"},
        {"syscalls: {log: [bpf]}", " bpf"},
        {"syscalls: {allow: [ptrace]}\nreason: [{grant: ptrace, why: debugging}]", ""},
        {"syscalls: {allow: [ptrace]}\nreason: [{grant: bpf, why: debugging}]", " ptrace"},
        {"syscalls: {allow: [\"clone(flags & 0x7e020000 == 0)\"]}", ""},
        {"syscalls: {allow: [\"clone(flags & CLONE_NEWUSER == 0)\"]}", " clone"},
        {"syscalls: {allow: [clone]}", " clone"},
        {"syscalls: {allow: [ioctl]}", " ioctl"},
        {"syscalls: {allow: [ioctl], deny: [ioctl(cmd == TIOCSTI)]}", ""},
        {"syscalls: {filter: off}", " syscalls.filter"},
        {"caps: {keep: [CAP_SYS_ADMIN]}", " CAP_SYS_ADMIN"},
        {"mounts: [{target: /etc, write: true}]", " /etc"},
        {"mounts: [{target: /etc}]", ""},
        {"mounts: [{target: /srv/work, write: true}]", ""},
        {"mounts: [{source: /, target: /mnt, write: true}]", " /"},
        {"mounts: [{target: /dev/null, write: true, dev: true}]", ""},
        {"mounts: [{target: /run/docker.sock, write: true}]", " /run/docker.sock"},
        {"namespaces: {mount: host}", " namespaces.mount"},
        {"env: {pass: [\"*\"]}", " env.pass"},
        {"listen: ['tcp:*:*', 'udp:127.0.0.1:53', 'tcp:[::]:1-65535', 'tcp:0.0.0.0:*']",
         " tcp:*:* udp:127.0.0.1:53 tcp:[::]:1-65535 tcp:0.0.0.0:*"},
        {"listen: ['tcp:*:80', 'tcp:127.0.0.1:*', 'tcp:*:1024-65535', 'unix:/*', 'tcp:*:0']", ""},
        {"listen: ['tcp:*:*']\nreason: [{grant: 'tcp:*:*', why: a proxy}]", ""},
        /* a socket of the host's network must not be led elsewhere */
        {"syscalls: {allow: ['@network-io']}", ""},
        {"listen: ['tcp:*:80']\nsyscalls: {allow: ['@network-io']}", " connect bind"},
        {"listen: ['tcp:*:80']\nsyscalls: {allow: ['@network-io'], deny: [connect]}", " bind"},
        {"listen: ['tcp:*:80']\nnamespaces: {net: host}\nsyscalls: {allow: ['@network-io']}", ""},
        {"extends: [worker]\nlisten: ['tcp:*:80']", ""},
    };
    struct arena arena;

    (void)state;
    arena_init(&arena, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(dangers_of(rows[i].text, &arena), rows[i].grants) != 0)
            fail_msg("%s:%s", rows[i].text, dangers_of(rows[i].text, &arena));
    arena_done(&arena);
}

static void test_shipped_policies_have_their_reasons(void **state)
{
    (void)state;
    for (const char *const *name = policy_shipped(); *name; name++) {
        struct crib_error err = {0};
        struct asking a = {0};
        struct dangers dangers;

        arena_init(&a.arena, 0);
        assert_int_equal(policy_load(*name, NULL, &a.arena, &a.policy, &a.origins, &err), 0);
        assert_int_equal(policy_dangers(a.policy, a.origins, &a.arena, &dangers, &err), 0);
        for (size_t i = 0; i < dangers.count; i++)
            if (!dangers.list[i].why)
                fail_msg("%s: %s", *name, dangers.list[i].grant);
        arena_done(&a.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_strongest_entry_that_fits),
        cmocka_unit_test(test_places_go_through_bases_and_groups),
        cmocka_unit_test(test_dangers),
        cmocka_unit_test(test_shipped_policies_have_their_reasons),
    };

    return test_run(tests);
}
