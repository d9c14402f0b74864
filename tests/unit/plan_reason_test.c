/* SPDX-License-Identifier: Apache-2.0 */
/* A denial names the line behind it, and the line that would allow it: narrow, and one that works.
 */
#include "plan_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "plan/address.h"
#include "plan/filter.h"
#include "policy/load.h"

/* A plan of a policy's text, with the places of its lines. */
static void build(struct fixture *f, const char *name, const char *text)
{
    fixture_start(f);
    if (policy_parse(name, text, strlen(text), NULL, &f->arena, &f->task->policy, &f->task->origins,
                     &f->err) < 0)
        fail_msg("%s: %s", f->err.subject, f->err.detail);
    f->policy = f->task->policy;
    f->policy->n_mounts = 0; /* no host was asked about them */
    must_build(f);
}

/* What init would report of a call: the first answer that fits, as init/answer.c looks for it. */
static Crib__Report__Refused refuse(struct fixture *f, int number, uint64_t args[6])
{
    Crib__Report__Refused refused = CRIB__REPORT__REFUSED__INIT;
    Crib__SyscallsPlan *plan = f->plan->syscalls;

    refused.number = number;
    refused.args = args;
    refused.n_args = 6;
    refused.answer = EPERM;
    refused.has_by = true;
    refused.by = -1;
    for (size_t i = 0; i < plan->n_answers && refused.by < 0; i++) {
        bool fits = plan->answers[i]->number == (uint32_t)number;

        for (size_t m = 0; m < plan->answers[i]->n_matches; m++) {
            const Crib__SyscallsPlan__Match *match = plan->answers[i]->matches[m];

            fits = fits && ((args[match->arg] & match->mask) == match->value) != match->differs;
        }
        refused.by = fits ? (int)i : -1;
    }
    return refused;
}

static Crib__Denial *deny(struct fixture *f, int number, uint64_t args[6])
{
    Crib__Report__Refused refused = refuse(f, number, args);
    Crib__Denial *denial;

    assert_int_equal(plan_denial(f->plan, &refused, &f->arena, &denial), 0);
    return denial;
}

#define SOCKET   41
#define CONNECT  42
#define GETPID   39
#define UNSHARE  272
#define MOUNT    165
#define PERSONAL 135

static void test_the_line_of_a_denial(void **state)
{
    struct fixture f;
    uint64_t none[6] = {0};

    (void)state;
    build(&f, "work.yaml",
          "extends: [default]\n"
          "syscalls:\n"
          "  deny:\n"
          "    - getpid\n"
          "    - \"@network-io -> ENOSYS\"\n"
          "  kill: [personality(persona == 3)]\n");
    assert_string_equal(deny(&f, GETPID, none)->rule, "work.yaml:4:7");
    test_contains(deny(&f, CONNECT, none)->rule,
                  "work.yaml:5:7, in @network-io (groups/network-io.");
    test_contains(deny(&f, GETPID, none)->edit, "take the entry out of syscalls.deny");
    none[0] = 3;
    assert_string_equal(deny(&f, PERSONAL, none)->rule, "work.yaml:6:10");
    test_contains(deny(&f, PERSONAL, none)->edit, "syscalls.kill");
    fixture_done(&f);
}

static void test_a_line_of_a_base_says_through_whom(void **state)
{
    struct fixture f;
    uint64_t args[6] = {0, 0x5412}; /* TIOCSTI */
    Crib__Denial *denial;

    (void)state;
    build(&f, "mine.yaml", "about: x\nextends: [default]\n");
    denial = deny(&f, 16, args);
    if (denial->rule[0]) { /* where the shipped policy denies it by name */
        test_contains(denial->rule, "default.yaml:");
        test_contains(denial->rule, "extended by mine.yaml:2:11");
    }
    fixture_done(&f);
}

/* What is proposed is a policy's text, and makes the very call pass, and its neighbour not. */
static void try_edit(const char *base, int number, uint64_t args[6], const char *entry,
                     uint64_t other[6])
{
    struct fixture f;
    const char *said, *text;

    build(&f, "work.yaml", base);
    said = deny(&f, number, args)->edit;
    test_contains(said, arena_printf(&f.arena, "in work.yaml: syscalls: {allow: [\"%s\"]}", entry));
    text = arena_printf(&f.arena, "extends: [default]\n%s\n", strchr(said, ':') + 2);
    text = arena_text(&f.arena, text);
    {
        struct fixture after;
        struct filter_rules rules;
        struct seccomp_data call = {.nr = number, .arch = 0xc000003e};

        build(&after, "after.yaml", text);
        assert_int_equal(filter_read(after.plan->syscalls, &after.arena, &rules, &after.err), 0);
        for (int i = 0; i < 6; i++)
            call.args[i] = args[i];
        assert_int_equal(filter_decide(&rules, false, &call), SECCOMP_RET_ALLOW);
        for (int i = 0; other && i < 6; i++)
            call.args[i] = other[i];
        assert_true(!other || filter_decide(&rules, false, &call) != SECCOMP_RET_ALLOW);
        fixture_done(&after);
    }
    fixture_done(&f);
}

static void test_the_edit_allows_the_call_and_little_else(void **state)
{
    static const char base[] = "extends: [default]\n";
    uint64_t inet[6] = {AF_INET, SOCK_STREAM, 0}, netlink[6] = {AF_NETLINK, SOCK_RAW, 0};
    uint64_t none[6] = {0};

    (void)state;
    try_edit(base, SOCKET, inet, "socket(domain == AF_INET)", netlink);
    try_edit(base, SOCKET, netlink, "socket(domain == AF_NETLINK)", inet);
    try_edit(base, MOUNT, none, "mount", NULL);
    try_edit(base, UNSHARE, none, "unshare", NULL);
}

static void test_without_places_there_is_a_reason_still(void **state)
{
    uint64_t inet[6] = {AF_INET, SOCK_STREAM, 0};
    Crib__Denial *denial;
    struct fixture f;

    (void)state;
    build(&f, "work.yaml", "extends: [default]\n");
    f.plan->syscalls->policy = NULL;
    denial = deny(&f, SOCKET, inet);
    assert_string_equal(denial->rule, "");
    assert_string_equal(denial->edit,
                        "in the policy: syscalls: {allow: [\"socket(domain == AF_INET)\"]}");
    fixture_done(&f);
}

/* Init is inside: a position that is none must not lead anywhere. */
static void test_a_position_out_of_bounds(void **state)
{
    static const int32_t wrong[] = {-2, 100000, INT32_MAX, INT32_MIN};
    uint64_t none[6] = {0};
    struct fixture f;

    (void)state;
    build(&f, "work.yaml", "extends: [default]\nsyscalls: {deny: [getpid]}\n");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        Crib__Report__Refused refused = refuse(&f, GETPID, none);
        Crib__Denial *denial;

        refused.by = wrong[i];
        assert_int_equal(plan_denial(f.plan, &refused, &f.arena, &denial), 0);
        assert_string_equal(denial->rule, "");
    }
    fixture_done(&f);
}

static void must_read(const void *data, size_t len, const char *text)
{
    struct arena arena;
    char *copy;

    arena_init(&arena, 0);
    copy = malloc(len + !len); /* of its size, so that a read beyond is seen */
    memcpy(copy, data, len);
    assert_string_equal(address_text(copy, len, &arena), text);
    free(copy);
    arena_done(&arena);
}

static void test_addresses(void **state)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(443), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/run/x.sock"};
    size_t start = offsetof(struct sockaddr_un, sun_path);
    sa_family_t family = 77;

    (void)state;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must_read(&in, sizeof(in), "127.0.0.1:80");
    must_read(&in, 7, "an address cut short");
    must_read(&in6, sizeof(in6), "[::1]:443");
    must_read(&in6, 2, "[::]:0");
    must_read(&un, sizeof(un), "/run/x.sock");
    must_read(&un, start + 4, "/run");
    must_read(&un, start, "an unnamed socket");
    memcpy(un.sun_path, "\0bus", 4);
    must_read(&un, start + 4, "@bus");
    must_read(&family, sizeof(family), "family 77");
    must_read(&family, 1, "");
    must_read(&family, 0, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_line_of_a_denial),
        cmocka_unit_test(test_a_line_of_a_base_says_through_whom),
        cmocka_unit_test(test_the_edit_allows_the_call_and_little_else),
        cmocka_unit_test(test_without_places_there_is_a_reason_still),
        cmocka_unit_test(test_a_position_out_of_bounds),
        cmocka_unit_test(test_addresses),
    };

    return test_run(tests);
}
