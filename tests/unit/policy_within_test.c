/* SPDX-License-Identifier: Apache-2.0 */
/* Every field of a policy: which value is wider than which. Mounts and calls have tests of their
 * own. */
#include "policy_within.h"

#include "base/buf.h"
#include "policy/listen.h"
#include "text/text.h"

/* Whoever adds a field has to say here that policy_within() knows what more of it is. */
static const char *const decided[] = {
    "crib.Policy.about",
    "crib.Policy.extends",
    "crib.Policy.ids",
    "crib.Policy.namespaces",
    "crib.Policy.mounts",
    "crib.Policy.net",
    "crib.Policy.limits",
    "crib.Policy.caps",
    "crib.Policy.syscalls",
    "crib.Policy.env",
    "crib.Policy.landlock",
    "crib.Policy.listen",
    "crib.Ids.groups",
    "crib.Ids.own",
    "crib.Namespaces.mount",
    "crib.Namespaces.net",
    "crib.Namespaces.ipc",
    "crib.Namespaces.uts",
    "crib.Namespaces.cgroup",
    "crib.Mount.type",
    "crib.Mount.source",
    "crib.Mount.target",
    "crib.Mount.write",
    "crib.Mount.exec",
    "crib.Mount.dev",
    "crib.Mount.optional",
    "crib.Mount.size",
    "crib.Mount.inodes",
    "crib.Mount.mode",
    "crib.Mount.content",
    "crib.Mount.names",
    "crib.Mount.keep",
    "crib.Net.loopback",
    "crib.Net.connect_ports",
    "crib.Net.bind_ports",
    "crib.Net.abstract_sockets",
    "crib.Limits.memory",
    "crib.Limits.pids",
    "crib.Limits.wall_time",
    "crib.Limits.cpu_time",
    "crib.Limits.file_size",
    "crib.Limits.open_files",
    "crib.Limits.stack",
    "crib.Limits.address_space",
    "crib.Limits.locked_memory",
    "crib.Limits.core",
    "crib.Limits.swap",
    "crib.Limits.cpus",
    "crib.Limits.cpuset",
    "crib.Limits.io_weight",
    "crib.Limits.output",
    "crib.Limits.output_total",
    "crib.Limits.tmpfs_size",
    "crib.Limits.tmpfs_inodes",
    "crib.Limits.preferred",
    "crib.Caps.keep",
    "crib.Syscalls.filter",
    "crib.Syscalls.allow",
    "crib.Syscalls.deny",
    "crib.Syscalls.kill",
    "crib.Syscalls.log",
    "crib.Syscalls.otherwise", /* which errno is no grant */
    "crib.Syscalls.profile",
    "crib.Env.pass",
    "crib.Env.set",
    /* replaced, and read, before anything is compared */
    "crib.Policy.vars",
    "crib.Variable.name",
    "crib.Variable.value",
    "crib.Variable.about",
    "crib.Variable.fixed",
    "crib.Syscalls.arch",
    "crib.Syscalls.ArchPart.name",
    "crib.Syscalls.ArchPart.allow",
    "crib.Syscalls.ArchPart.deny",
    "crib.Syscalls.ArchPart.kill",
    "crib.Syscalls.ArchPart.log",
    /* grant nothing */
    "crib.Policy.ceiling",
    "crib.Policy.reason",
    "crib.Reason.grant",
    "crib.Reason.why",
    "crib.Policy.expect",
    "crib.Expect.allow",
    "crib.Expect.deny",
};

static size_t count_fields(const ProtobufCMessageDescriptor *type)
{
    size_t count = 0;

    for (unsigned i = 0; i < type->n_fields; i++) {
        char name[128];
        bool known = false;

        snprintf(name, sizeof(name), "%s.%s", type->name, type->fields[i].name);
        for (size_t n = 0; n < sizeof(decided) / sizeof(decided[0]); n++)
            known = known || strcmp(name, decided[n]) == 0;
        if (!known)
            fail_msg("policy_within() has not been told what more of %s is", name);
        count++;
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            count += count_fields(type->fields[i].descriptor);
    }
    return count;
}

static void test_no_field_is_forgotten(void **state)
{
    (void)state;
    assert_int_equal(count_fields(&crib__policy__descriptor), sizeof(decided) / sizeof(decided[0]));
}

/* Which shipped policy is within which; every other pair is not. */
static void test_shipped_policies(void **state)
{
    static const char *const within[][2] = {
        {"default", "default"}, {"network", "network"}, {"open", "open"},     {"shell", "shell"},
        {"strict", "strict"},   {"strict", "default"},  {"strict", "shell"},  {"strict", "network"},
        {"strict", "open"},     {"default", "open"},    {"shell", "open"},    {"network", "open"},
        {"judge", "judge"},     {"judge", "strict"},    {"judge", "default"}, {"judge", "shell"},
        {"judge", "network"},   {"judge", "open"},      {"node", "node"},     {"node", "open"},
        {"worker", "worker"},   {"worker", "node"},     {"worker", "open"},
    };
    size_t found = 0;

    (void)state;
    for (const char *const *one = policy_shipped(); *one; one++)
        for (const char *const *other = policy_shipped(); *other; other++) {
            char policy[64], widest[64];
            bool expected = false;

            for (size_t i = 0; i < sizeof(within) / sizeof(within[0]); i++)
                expected = expected ||
                           (strcmp(*one, within[i][0]) == 0 && strcmp(*other, within[i][1]) == 0);
            snprintf(policy, sizeof(policy), "extends: [%s]", *one);
            snprintf(widest, sizeof(widest), "extends: [%s]", *other);
            if (expected)
                assert_within(policy, widest, OWN_NONE);
            else
                assert_wider(policy, widest, OWN_WRITE, NULL);
            found += expected;
        }
    assert_int_equal(found, sizeof(within) / sizeof(within[0]));
}

static void test_tightened(void **state)
{
    static const struct within_row rows[] = {
        {"extends: [default]\nabout: less\nlimits: {open_files: 10, file_size: 1M, wall_time: 1s}",
         "extends: [default]", NULL, 0},
        {"extends: [default]\nsyscalls: {deny: [ptrace, '@process', socket]}", "extends: [default]",
         NULL, 0},
        {"extends: [default]\nsyscalls: {kill: [connect], log: [bind]}", "extends: [default]", NULL,
         0},
        {"extends: [default]\nlandlock: required\nids: {groups: required}", "extends: [default]",
         NULL, 0},
        {"extends: [default]\nenv: {pass: ['*'], set: [LD_PRELOAD=/tmp/x.so]}",
         "extends: [default]", NULL, 0},
        {"extends: [default]\nmounts: [{type: dir, target: /work}, {type: file, target: /etc/x, "
         "content: y, mode: 0755}, {type: symlink, source: /etc/shadow, target: /s}]",
         "extends: [default]", NULL, 0},
        {"{}", "{}", NULL, 0},
        {"{}", "extends: [strict]",
         "landlock: `off` is weaker than `preferred`, as the widest policy has it", 0},
        {"landlock: preferred\nlimits: {open_files: 64}", "extends: [strict]", NULL, 0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_needs(void **state)
{
    static const struct within_row rows[] = {
        {"landlock: off", "landlock: off", NULL, 0},
        {"{}", "landlock: off", NULL, 0},
        {"landlock: off", "{}", NULL, 0},
        {"landlock: preferred", "{}", NULL, 0},
        {"landlock: required", "landlock: preferred", NULL, 0},
        {"landlock: preferred", "landlock: required",
         "landlock: `preferred` is weaker than `required`, as the widest policy has it", 0},
        {"{}", "landlock: preferred",
         "landlock: `off` is weaker than `preferred`, as the widest policy has it", 0},
        {"{}", "ids: {groups: preferred}", NULL, 0},
        {"{}", "ids: {groups: off}", NULL, 0},
        {"ids: {}", "ids: {groups: required}",
         "ids.groups: `preferred` is weaker than `required`, as the widest policy has it", 0},
        {"ids: {groups: off}", "{}",
         "ids.groups: `off` is weaker than `preferred`, as the widest policy has it", 0},
        {"ids: {own: preferred}", "{}", NULL, 0},
        {"ids: {own: required}", "ids: {own: preferred}", NULL, 0},
        {"{}", "ids: {own: preferred}",
         "ids.own: `off` is weaker than `preferred`, as the widest policy has it", 0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_namespaces(void **state)
{
    static const char *const names[] = {"mount", "net", "ipc", "uts", "cgroup"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char host[64], fresh[64], said[128];

        snprintf(host, sizeof(host), "namespaces: {%s: host}", names[i]);
        snprintf(fresh, sizeof(fresh), "namespaces: {%s: new}", names[i]);
        snprintf(said, sizeof(said),
                 "namespaces.%s: `host` is wider than `new`, as the widest policy has it",
                 names[i]);
        assert_within(host, host, OWN_NONE);
        assert_within(fresh, host, OWN_NONE);
        assert_within("{}", host, OWN_NONE);
        assert_within(fresh, "{}", OWN_NONE);
        assert_wider(host, fresh, OWN_WRITE, said);
        assert_wider(host, "{}", OWN_WRITE, said);
        assert_wider(host, "namespaces: {}", OWN_WRITE, said);
    }
}

static void test_caps(void **state)
{
    static const struct within_row rows[] = {
        {"caps: {keep: [CAP_KILL, CAP_KILL]}", "caps: {keep: [CAP_CHOWN, CAP_KILL]}", NULL, 0},
        {"{}", "caps: {keep: [CAP_KILL]}", NULL, 0},
        {"caps: {keep: [CAP_KILL, CAP_NET_ADMIN]}", "caps: {keep: [CAP_KILL]}",
         "caps.keep[1] CAP_NET_ADMIN: the widest policy does not keep it", 0},
        {"caps: {keep: [CAP_KILL]}", "caps: {keep: []}",
         "caps.keep[0] CAP_KILL: the widest policy does not keep it, nor any other", 0},
        /* a capability counts over namespaces of one's own only */
        {"namespaces: {net: new}\ncaps: {keep: [CAP_NET_ADMIN]}",
         "namespaces: {net: host}\ncaps: {keep: [CAP_NET_ADMIN]}",
         "namespaces.net: `new` is wider than `host`, as the widest policy has it, for a task with "
         "capabilities: it would have power over the new one",
         0},
        {"namespaces: {net: host}\ncaps: {keep: [CAP_NET_ADMIN]}",
         "namespaces: {net: host}\ncaps: {keep: [CAP_NET_ADMIN]}", NULL, 0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_net(void **state)
{
    static const struct within_row rows[] = {
        {"net: {connect_ports: [443]}", "net: {connect_ports: [80, 443]}", NULL, 0},
        {"net: {connect_ports: [443], bind_ports: [1]}", "{}", NULL, 0},
        {"net: {connect_ports: [443, 22]}", "net: {connect_ports: [80, 443]}",
         "net.connect_ports[1]: port 22 is not among the 2 of the widest policy, the first is 80",
         0},
        {"{}", "net: {connect_ports: [80]}",
         "net.connect_ports: no port rule, so every port: the widest policy names 1, the first is "
         "80",
         0},
        {"net: {connect_ports: [], bind_ports: [80]}", "net: {connect_ports: [80]}",
         "net.connect_ports: no port rule, so every port: the widest policy names 1, the first is "
         "80",
         0},
        {"net: {connect_ports: [80]}", "net: {connect_ports: [80], bind_ports: [0]}",
         "net.bind_ports: no port rule, so every port: the widest policy names 1, the first is 0",
         0},
        {"net: {bind_ports: [0, 8080]}", "net: {bind_ports: [8080]}",
         "net.bind_ports[0]: port 0 is not among the 1 of the widest policy, the first is 8080", 0},
        {"net: {abstract_sockets: false}", "net: {abstract_sockets: true}", NULL, 0},
        {"net: {abstract_sockets: true}", "{}",
         "net.abstract_sockets: `true` is wider than `false`, as the widest policy has it", 0},
        {"net: {loopback: false}", "{}", NULL, 0},
        {"{}", "net: {loopback: true}", NULL, 0},
        {"{}", "net: {loopback: false}",
         "net.loopback: `true`, also when unset, is wider than `false`, as the widest policy has "
         "it",
         0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_listen(void **state)
{
    static const struct within_row rows[] = {
        {"{}", "listen: ['tcp:*:80']", NULL, 0},
        {"listen: []", "{}", NULL, 0},
        {"listen: ['tcp:127.0.0.1:80', 'unix:/run/a/b']",
         "listen: ['unix:/run/a/*', 'udp:*:*', 'tcp:*:1-99']", NULL, 0},
        {"listen: ['tcp:127.0.0.1:8000-8099']", "listen: ['tcp:127.0.0.1:*']", NULL, 0},
        {"listen: ['tcp:*:80']", "{}",
         "listen[0] tcp:*:80: the widest policy has no address that may be served", 0},
        {"listen: ['tcp:127.0.0.1:80', 'tcp:*:80']", "listen: ['tcp:127.0.0.1:*', 'tcp:[::1]:*']",
         "listen[1] tcp:*:80: it is in none of the 2 of the widest policy, the first is "
         "tcp:127.0.0.1:*",
         0},
        /* of several together it would be */
        {"listen: ['tcp:*:1-9']", "listen: ['tcp:*:1-5', 'tcp:*:6-9']",
         "listen[0] tcp:*:1-9: it is in none of the 2 of the widest policy, the first is tcp:*:1-5",
         0},
        {"listen: ['tcp:*:*']", "listen: ['tcp:*:1-65535']",
         "listen[0] tcp:*:*: it is in none of the 1 of the widest policy, the first is "
         "tcp:*:1-65535",
         0},
        /* that a task has the host's network is no matter: it is the primary that binds */
        {"namespaces: {net: host}\nlisten: ['tcp:127.0.0.1:80']", "namespaces: {net: host}",
         "listen[0] tcp:127.0.0.1:80: the widest policy has no address that may be served", 0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

/* What was never checked is no policy to compare. */
static void test_addresses_that_were_not_checked(void **state)
{
    char *bad[] = {(char *)"tcp:localhost:80"}, *many[LISTEN_MAX + 1];
    Crib__Policy one = CRIB__POLICY__INIT, other = CRIB__POLICY__INIT;
    struct crib_error err = {0};

    (void)state;
    one.listen = bad;
    one.n_listen = 1;
    assert_int_equal(policy_within(&one, &other, false, false, &err), -EINVAL);
    assert_int_equal(policy_within(&other, &one, false, false, &err), -EINVAL);
    for (size_t i = 0; i < LISTEN_MAX + 1; i++)
        many[i] = (char *)"tcp:*:80";
    one.listen = many;
    one.n_listen = LISTEN_MAX + 1;
    assert_int_equal(policy_within(&one, &other, false, false, &err), -E2BIG);
    one.n_listen = LISTEN_MAX;
    assert_int_equal(policy_within(&one, &one, false, false, &err), 0);
}

static void test_limits(void **state)
{
    static const struct within_row rows[] = {
        {"limits: {memory: 1G, pids: 7, stack: 1M}", "{}", NULL, 0},
        {"limits: {memory: 1G}", "limits: {memory: 1G}", NULL, 0},
        {"limits: {memory: 1048577K}", "limits: {memory: 1G}",
         "limits.memory: 1048577K is wider than 1G, as the widest policy has it", 0},
        {"{}", "limits: {memory: 1G}",
         "limits.memory: unset is wider than 1G, as the widest policy has it", 0},
        {"limits: {pids: 5}", "limits: {memory: 1G}",
         "limits.memory: unset is wider than 1G, as the widest policy has it", 0},
        {"limits: {file_size: 0}", "limits: {file_size: 1M}", NULL, 0},
        {"limits: {open_files: unlimited}", "limits: {open_files: 10}",
         "limits.open_files: unlimited is wider than 10, as the widest policy has it", 0},
        {"{}", "limits: {open_files: unlimited}", NULL, 0},
        {"limits: {stack: 8M}", "limits: {stack: unlimited}", NULL, 0},
        {"{}", "limits: {pids: 18446744073709551615}", NULL, 0},
        {"limits: {pids: unlimited}", "limits: {pids: 9}",
         "limits.pids: unlimited is wider than 9, as the widest policy has it", 0},
        {"limits: {cpus: 1.5}", "limits: {cpus: 1.25}",
         "limits.cpus: 1.5 is wider than 1.25, as the widest policy has it", 0},
        {"limits: {memory: 1G, preferred: [memory]}", "limits: {memory: 1G}",
         "limits.preferred memory: a limit that is only preferred is wider than one that is not, "
         "as "
         "the widest policy has it",
         0},
        {"limits: {memory: 1G}", "limits: {memory: 1G, preferred: [memory]}", NULL, 0},
        {"limits: {memory: 1G, preferred: [memory]}", "limits: {memory: 1G, preferred: [memory]}",
         NULL, 0},
        {"limits: {pids: 3, memory: 1G, preferred: [pids]}", "limits: {memory: 1G}", NULL, 0},
        {"limits: {core: false}", "limits: {core: true}", NULL, 0},
        {"limits: {core: true}", "limits: {pids: 3}",
         "limits.core: `true` is wider than `false`, as the widest policy has it", 0},
        {"limits: {preferred: [core]}", "{}",
         "limits.preferred core: the widest policy does not only prefer that there are no core "
         "files",
         0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_swap(void **state)
{
    static const struct within_row rows[] = {
        {"limits: {memory: 1G}", "limits: {memory: 1G, swap: 0}", NULL, 0},
        {"limits: {memory: 1G}", "limits: {memory: 1G, swap: 1M}", NULL, 0},
        {"limits: {memory: 1G, swap: 0}", "limits: {memory: 1G}", NULL, 0},
        {"limits: {memory: 1G}", "limits: {swap: 1M}", NULL, 0},
        {"limits: {memory: 1G, swap: 1M}", "limits: {memory: 1G}",
         "limits.swap: 1M is wider than 0 (unset), as the widest policy has it", 0},
        {"limits: {memory: 1G, swap: unlimited}", "limits: {memory: 1G}",
         "limits.swap: unlimited is wider than 0 (unset), as the widest policy has it", 0},
        {"{}", "limits: {swap: 1M}",
         "limits.swap: unset is wider than 1M, as the widest policy has it", 0},
        {"limits: {memory: unlimited}", "limits: {swap: 1M}",
         "limits.swap: unset is wider than 1M, as the widest policy has it", 0},
        {"limits: {swap: 1M}", "limits: {memory: unlimited}", NULL, 0},
        {"limits: {memory: 1G, preferred: [swap]}", "limits: {memory: 1G}",
         "limits.preferred swap: a limit that is only preferred is wider than one that is not, as "
         "the widest policy has it",
         0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_cpuset_and_weight(void **state)
{
    static const struct within_row rows[] = {
        {"limits: {cpuset: '1,3'}", "limits: {cpuset: 0-3}", NULL, 0},
        {"limits: {cpuset: 0-1}", "limits: {cpuset: '0,1'}", NULL, 0},
        {"limits: {cpuset: 1}", "{}", NULL, 0},
        {"{}", "limits: {cpuset: 0-3}",
         "limits.cpuset: unset is wider than 0-3, as the widest policy has it", 0},
        {"limits: {cpuset: '1,64,8191'}", "limits: {cpuset: 0-63}",
         "limits.cpuset: processor 64 is not among those of the widest policy, 0-63", 0},
        {"limits: {cpuset: 1, preferred: [cpuset]}", "limits: {cpuset: 1}",
         "limits.preferred cpuset: a limit that is only preferred is wider than one that is not, "
         "as the widest policy has it",
         0},
        {"limits: {cpuset: 1, preferred: [cpuset]}", "{}", NULL, 0},
        {"limits: {io_weight: 100}", "{}", NULL, 0},
        {"limits: {io_weight: 7, preferred: [io_weight]}", "{}", NULL, 0},
        {"{}", "limits: {io_weight: 100}", NULL, 0},
        {"limits: {io_weight: 101}", "{}",
         "limits.io_weight: 101 is wider than 100 (unset), as the widest policy has it", 0},
        {"{}", "limits: {io_weight: 99}",
         "limits.io_weight: 100 (unset) is wider than 99, as the widest policy has it", 0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

/* Each limit by itself, so that no row of the table is another's. */
static void test_every_limit(void **state)
{
    static const char *const names[][2] = {
        {"memory", ""},        {"pids", ""},       {"wall_time", "s"},   {"cpu_time", "s"},
        {"file_size", ""},     {"open_files", ""}, {"stack", ""},        {"address_space", ""},
        {"locked_memory", ""}, {"swap", ""},       {"cpus", ""},         {"output", ""},
        {"output_total", ""},  {"tmpfs_size", ""}, {"tmpfs_inodes", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char less[64], more[64], step[64];
        struct crib_error err;

        snprintf(less, sizeof(less), "limits: {%s: 6%s}", names[i][0], names[i][1]);
        snprintf(more, sizeof(more), "limits: {%s: 7%s}", names[i][0], names[i][1]);
        snprintf(step, sizeof(step), "limits.%s", names[i][0]);
        assert_within(less, more, OWN_NONE);
        assert_int_equal(within_compare(more, less, OWN_NONE, &err), -EACCES);
        assert_string_equal(err.step, step);
        assert_int_equal(within_compare("{}", more, OWN_NONE, &err), -EACCES);
        assert_string_equal(err.step, step);
    }
}

/* A message that policy_resolve() has not seen. */
static void test_unchecked_messages(void **state)
{
    Crib__Policy policy = CRIB__POLICY__INIT, plain = CRIB__POLICY__INIT;
    Crib__Namespaces namespaces = CRIB__NAMESPACES__INIT;
    char *bases[] = {"open"};
    struct crib_error err;

    (void)state;
    policy.extends = bases;
    policy.n_extends = 1;
    assert_int_equal(policy_within(&policy, &plain, true, true, &err), -EINVAL);
    assert_int_equal(policy_within(&plain, &policy, true, true, &err), -EINVAL);
    policy.n_extends = 0;
    policy.namespaces = &namespaces;
    namespaces.has_net = 1;
    namespaces.net = (Crib__Namespaces__Space)3;
    assert_int_equal(policy_within(&policy, &plain, true, true, &err), -EPROTO);
    assert_int_equal(policy_within(&plain, &policy, true, true, &err), -EPROTO);
}

static void test_unchecked_limits(void **state)
{
    Crib__Policy policy = CRIB__POLICY__INIT, widest = CRIB__POLICY__INIT;
    Crib__Limits asked = CRIB__LIMITS__INIT, most = CRIB__LIMITS__INIT;
    struct crib_error err = {0};
    char said[256];

    (void)state;
    policy.limits = &asked;
    widest.limits = &most;
    asked.has_wall_time = most.has_wall_time = 1;
    most.wall_time = 10000;
    assert_int_equal(policy_within(&policy, &widest, true, true, &err), -EACCES);
    assert_string_equal(crib_error_text(&err, said, sizeof(said)),
                        "limits.wall_time: 0 is no limit that can be held; the widest policy has "
                        "10s");
    asked.wall_time = 1;
    asked.cpuset = most.cpuset = "1-";
    assert_int_equal(policy_within(&policy, &widest, true, true, &err), -EINVAL);
    assert_string_equal(crib_error_text(&err, said, sizeof(said)),
                        "limits.cpuset: '1-' is not a list of processors such as 0-3,6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_field_is_forgotten),
        cmocka_unit_test(test_shipped_policies),
        cmocka_unit_test(test_tightened),
        cmocka_unit_test(test_needs),
        cmocka_unit_test(test_namespaces),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_net),
        cmocka_unit_test(test_listen),
        cmocka_unit_test(test_addresses_that_were_not_checked),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_swap),
        cmocka_unit_test(test_cpuset_and_weight),
        cmocka_unit_test(test_every_limit),
        cmocka_unit_test(test_unchecked_limits),
        cmocka_unit_test(test_unchecked_messages),
    };

    return test_run(tests);
}
