/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>

static void start(struct fixture *f, int need, unsigned abi)
{
    fixture_start(f);
    f->policy->has_landlock = true;
    f->policy->landlock = (Crib__Need)need;
    f->host->landlock_abi = abi;
    f->policy->net = ARENA_NEW(&f->arena, crib__net, Crib__Net);
}

static void on_the_hosts_net(struct fixture *f)
{
    f->policy->namespaces = ARENA_NEW(&f->arena, crib__namespaces, Crib__Namespaces);
    f->policy->namespaces->has_net = true;
    f->policy->namespaces->net = CRIB__NAMESPACES__SPACE__host;
}

static void connect_to(struct fixture *f, uint32_t port)
{
    arena_push_value(&f->arena, &f->policy->net->connect_ports, &f->policy->net->n_connect_ports,
                     &port, sizeof(port));
}

static const char *rules_of(struct fixture *f)
{
    const char *text = "";

    for (size_t i = 0; i < f->plan->landlock->n_rules; i++) {
        const Crib__LandlockPlan__Rule *rule = f->plan->landlock->rules[i];

        text = arena_printf(&f->arena, "%s%s%s:r%s%s", text, i ? " " : "", (char *)rule->path.data,
                            rule->write ? "w" : "", rule->exec ? "x" : "");
    }
    return text;
}

static void test_off_unless_named(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    must_build(&f);
    assert_null(f.plan->landlock);
    fixture_done(&f);
}

static void test_rules_follow_the_mounts(void **state)
{
    struct fixture f;
    Crib__Mount *mount;

    (void)state;
    start(&f, CRIB__NEED__preferred, 7);
    add_path(&f, "/usr", CRIB__HOST_PATH__KIND__dir);
    add_path(&f, "/dev/null", CRIB__HOST_PATH__KIND__device);
    add_path(&f, "/dev/zero", CRIB__HOST_PATH__KIND__device);
    add_mount(&f, CRIB__MOUNT__TYPE__bind, NULL, "/usr");
    mount = add_mount(&f, CRIB__MOUNT__TYPE__bind, NULL, "/dev/null");
    mount->has_dev = mount->dev = mount->has_write = mount->write = true;
    mount = add_mount(&f, CRIB__MOUNT__TYPE__bind, NULL, "/dev/zero");
    mount->has_dev = mount->dev = true;
    mount = add_mount(&f, CRIB__MOUNT__TYPE__tmpfs, NULL, "/tmp");
    mount->has_exec = true;
    add_mount(&f, CRIB__MOUNT__TYPE__proc, NULL, "/proc");
    must_build(&f);
    assert_string_equal(rules_of(&f), "/:rx /dev/null:rwx /tmp:rw");
    assert_int_equal(f.plan->landlock->abi, 6);
    assert_true(f.plan->landlock->scope_abstract && f.plan->landlock->scope_signal);
    assert_false(f.plan->landlock->net);
    assert_string_equal(receipt_of(&f, "landlock"), "preferred -> ABI 6");
    fixture_done(&f);
}

static void test_among_the_hosts_mounts_files_are_free(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, CRIB__NEED__required, 1);
    f.policy->namespaces = ARENA_NEW(&f.arena, crib__namespaces, Crib__Namespaces);
    f.policy->namespaces->has_mount = true;
    f.policy->namespaces->mount = CRIB__NAMESPACES__SPACE__host;
    must_build(&f);
    assert_string_equal(rules_of(&f), "/:rwx");
    assert_int_equal(f.plan->landlock->abi, 1);
    assert_true(f.plan->landlock->required);
    assert_string_equal(receipt_of(&f, "landlock"),
                        "required -> ABI 1; not available: truncating (ABI 3), device ioctls "
                        "(ABI 5), signals (ABI 6)");
    assert_false(f.plan->landlock->scope_abstract || f.plan->landlock->scope_signal);
    fixture_done(&f);
}

static void test_a_kernel_without(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, CRIB__NEED__required, 0);
    must_refuse(&f, -EOPNOTSUPP,
                "landlock: this kernel has no Landlock: boot one with it (Linux 5.13, "
                "`lsm=landlock,…`), or say `landlock: preferred`");
    f.policy->landlock = CRIB__NEED__preferred;
    connect_to(&f, 443);
    on_the_hosts_net(&f);
    must_build(&f);
    assert_null(f.plan->landlock);
    assert_string_equal(receipt_of(&f, "landlock"),
                        "preferred -> not available: this kernel has no Landlock, or keeps it off");
    assert_string_equal(receipt_of(&f, "net.ports"),
                        "preferred -> not available: this kernel has no Landlock, or keeps it off");
    assert_string_equal(
        receipt_of(&f, "net.abstract_sockets"),
        "out of reach -> not available: this kernel has no Landlock, or keeps it off");
    fixture_done(&f);
}

static void test_ports(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, CRIB__NEED__required, 6);
    connect_to(&f, 443);
    connect_to(&f, 65535);
    must_build(&f);
    assert_true(f.plan->landlock->net);
    assert_int_equal(f.plan->landlock->n_connect_ports, 2);
    assert_int_equal(f.plan->landlock->connect_ports[1], 65535);
    assert_int_equal(f.plan->landlock->n_bind_ports, 0);
    assert_string_equal(receipt_of(&f, "net.ports"), "named -> held by Landlock");
    f.policy->net->connect_ports[1] = 65536;
    must_refuse(&f, -EINVAL, "net.connect_ports[1]: 65536 is no TCP port");
    f.policy->net->connect_ports[1] = 80;
    f.host->landlock_abi = 3;
    must_refuse(&f, -EOPNOTSUPP,
                "net connect_ports, bind_ports: not available: Landlock here is ABI 3, ports need "
                "4: a newer kernel, or `landlock: preferred`");
    f.policy->landlock = CRIB__NEED__preferred;
    must_build(&f);
    assert_false(f.plan->landlock->net);
    assert_int_equal(f.plan->landlock->n_connect_ports, 0);
    assert_string_equal(receipt_of(&f, "net.ports"),
                        "preferred -> not available: Landlock here is ABI 3, ports need 4");
    f.policy->landlock = CRIB__NEED__off;
    must_refuse(&f, -EINVAL,
                "net connect_ports, bind_ports: only Landlock can hold them: say `landlock: "
                "required` or `preferred`");
    fixture_done(&f);
}

static void test_abstract_sockets_on_the_hosts_net(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, CRIB__NEED__required, 5);
    must_build(&f); /* none of outside in a network of one's own */
    assert_string_equal(receipt_of(&f, "net.abstract_sockets"),
                        "out of reach -> out of reach: a network of its own");
    assert_string_equal(receipt_of(&f, "landlock"),
                        "required -> ABI 5; not available: signals (ABI 6)");
    on_the_hosts_net(&f);
    must_refuse(&f, -EOPNOTSUPP,
                "net abstract_sockets: not available: Landlock here is ABI 5, scopes need 6: a "
                "newer kernel, `landlock: preferred`, `abstract_sockets: true`, or a network "
                "namespace of its own");
    f.policy->landlock = CRIB__NEED__preferred;
    must_build(&f);
    assert_string_equal(receipt_of(&f, "net.abstract_sockets"),
                        "out of reach -> not available: Landlock here is ABI 5, scopes need 6");
    f.host->landlock_abi = 6;
    must_build(&f);
    assert_true(f.plan->landlock->scope_abstract);
    assert_string_equal(receipt_of(&f, "net.abstract_sockets"),
                        "out of reach -> out of reach: held by Landlock");
    f.policy->net->has_abstract_sockets = f.policy->net->abstract_sockets = true;
    must_build(&f);
    assert_false(f.plan->landlock->scope_abstract);
    assert_true(f.plan->landlock->scope_signal);
    assert_string_equal(receipt_of(&f, "net.abstract_sockets"), "in reach -> in reach");
    fixture_done(&f);
}

static void test_abstract_sockets_without_landlock(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, CRIB__NEED__off, 6);
    on_the_hosts_net(&f);
    must_build(&f);
    assert_string_equal(receipt_of(&f, "net.abstract_sockets"),
                        "unset -> in reach: landlock is off");
    assert_string_equal(receipt_of(&f, "landlock"), "off -> off");
    f.policy->net->has_abstract_sockets = true;
    must_refuse(&f, -EINVAL,
                "net abstract_sockets: only Landlock can keep them out of reach in the host's "
                "network: say `landlock: required` or `preferred`");
    f.policy->net->abstract_sockets = true;
    must_build(&f);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off_unless_named),
        cmocka_unit_test(test_rules_follow_the_mounts),
        cmocka_unit_test(test_among_the_hosts_mounts_files_are_free),
        cmocka_unit_test(test_a_kernel_without),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_abstract_sockets_on_the_hosts_net),
        cmocka_unit_test(test_abstract_sockets_without_landlock),
    };

    return test_run(tests);
}
