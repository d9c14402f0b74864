/* SPDX-License-Identifier: Apache-2.0 */
/* Which tasks may have a network namespace that others have had: docs/decisions/0016-networks.md.
 */
#include "plan_fixture.h"

#include "policy/load.h"

static void call(struct fixture *f, const char *entry)
{
    push_text(f, &f->policy->syscalls->allow, &f->policy->syscalls->n_allow, entry);
}

/* Root's: no other caller may enter a network namespace. */
static void start(struct fixture *f)
{
    fixture_start(f);
    f->host->uid = f->host->gid = 0;
    f->host->privileged = true;
    call(f, "socket(domain == AF_UNIX)");
    call(f, "socketpair(domain == AF_UNIX)");
}

static void is_again(struct fixture *f, bool again)
{
    must_build(f);
    assert_int_equal(f->plan->namespaces->net_again, again);
    assert_string_equal(receipt_of(f, "net.namespace"),
                        again ? "empty -> empty, used one after the other" : "nothing");
    fixture_done(f);
}

static void test_where_only_unix_sockets_can_be_made(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    is_again(&f, true);
    start(&f);
    call(&f, "socket(domain == AF_UNIX, type & 0xf == SOCK_STREAM)");
    call(&f, "connect");
    call(&f, "accept4");
    is_again(&f, true);
}

static void test_never_for_who_can_make_more(void **state)
{
    static const char *const more[] = {
        "socket",
        "socketpair",
        "socket(domain == AF_INET)",
        "socket(domain == AF_NETLINK)",
        "socket(domain != AF_INET)",
        "socket(type == SOCK_DGRAM)",
        "socket(domain & 2 == 0)",
        "socket(domain == AF_VSOCK)",
        "io_uring_setup",
        "io_uring_enter",
        "@io-uring",
        "@known",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
        struct fixture f;

        print_message("%s\n", more[i]);
        start(&f);
        call(&f, more[i]);
        is_again(&f, false);
    }
}

/* `log` lets through. */
static void test_never_where_more_is_let_through_and_told(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    push_text(&f, &f.policy->syscalls->log, &f.policy->syscalls->n_log,
              "socket(domain == AF_INET)");
    is_again(&f, false);
}

/* What is traced is let through to be looked at; a capability may be one over the namespace's
 * maker. */
static void test_never_when_traced_or_with_capabilities(void **state)
{
    static const Crib__Trace traces[] = {CRIB__TRACE__files, CRIB__TRACE__all};
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        start(&f);
        f.task->has_trace = true;
        f.task->trace = traces[i];
        is_again(&f, false);
    }
    start(&f);
    f.policy->caps = ARENA_NEW(&f.arena, crib__caps, Crib__Caps);
    push_text(&f, &f.policy->caps->keep, &f.policy->caps->n_keep, "CAP_NET_ADMIN");
    is_again(&f, false);
}

static void test_never_without_a_network_of_its_own_that_is_up(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    f.policy->namespaces = ARENA_NEW(&f.arena, crib__namespaces, Crib__Namespaces);
    f.policy->namespaces->has_net = true;
    f.policy->namespaces->net = CRIB__NAMESPACES__SPACE__host;
    is_again(&f, false);
    start(&f);
    f.policy->net = ARENA_NEW(&f.arena, crib__net, Crib__Net);
    f.policy->net->has_loopback = true;
    is_again(&f, false);
}

static void test_never_for_ordinary_callers(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    f.host->uid = f.host->gid = 1000;
    f.host->privileged = false;
    is_again(&f, false);
}

static void test_of_the_policies_that_come_along(void **state)
{
    static const struct {
        const char *name;
        bool again;
    } rows[] = {{"default", true}, {"strict", true}, {"shell", false},  {"worker", true},
                {"node", true},    {"open", false},  {"network", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;

        print_message("%s\n", rows[i].name);
        start(&f);
        assert_int_equal(policy_load(rows[i].name, NULL, &f.arena, &f.task->policy, NULL, &f.err),
                         0);
        f.policy = f.task->policy;
        f.policy->n_mounts = 0; /* no host was asked about them */
        is_again(&f, rows[i].again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_only_unix_sockets_can_be_made),
        cmocka_unit_test(test_never_for_who_can_make_more),
        cmocka_unit_test(test_never_where_more_is_let_through_and_told),
        cmocka_unit_test(test_never_when_traced_or_with_capabilities),
        cmocka_unit_test(test_never_without_a_network_of_its_own_that_is_up),
        cmocka_unit_test(test_never_for_ordinary_callers),
        cmocka_unit_test(test_of_the_policies_that_come_along),
    };

    return test_run(tests);
}
