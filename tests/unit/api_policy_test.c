/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/policy.h"
#include "policy/load.h"

static size_t pack(const crib_policy *policy, uint8_t **ret)
{
    size_t len = crib__policy__get_packed_size(policy->policy);

    *ret = malloc(len + 1);
    assert_non_null(*ret);
    return crib__policy__pack(policy->policy, *ret);
}

static void assert_same(const crib_policy *a, const crib_policy *b)
{
    uint8_t *packed[2];
    size_t len = pack(a, &packed[0]);

    assert_int_equal(pack(b, &packed[1]), len);
    assert_memory_equal(packed[0], packed[1], len);
    free(packed[0]);
    free(packed[1]);
}

static crib_policy *parse(const char *text)
{
    struct crib_error err = {0};
    crib_policy *policy = NULL;

    if (crib_policy_parse("text", text, strlen(text), &policy, &err) < 0)
        fail_msg("%s: %s", err.subject, err.detail);
    return policy;
}

/* parse(text(policy)) and decode(pack(policy)) are the policy. */
static void assert_round_trips(const crib_policy *policy)
{
    crib_policy *again;
    uint8_t *packed;
    size_t len;
    char *text = NULL;

    assert_int_equal(crib_policy_text(policy, &text), 0);
    again = parse(text);
    assert_same(policy, again);
    crib_policy_free(again);
    free(text);
    len = pack(policy, &packed);
    assert_int_equal(crib_policy_decode(packed, len, &again, NULL), 0);
    assert_same(policy, again);
    crib_policy_free(again);
    free(packed);
}

static void test_every_shipped_policy(void **state)
{
    const char *const *names = crib_policy_names();
    size_t count = 0;

    (void)state;
    for (; names[count]; count++) {
        struct crib_error err = {0};
        crib_policy *policy = NULL;

        if (crib_policy_load(names[count], &policy, &err) < 0)
            fail_msg("%s: %s", err.subject, err.detail);
        assert_round_trips(policy);
        crib_policy_free(policy);
    }
    assert_true(count >= 5);
}

static void test_every_field(void **state)
{
    static const char *const texts[] = {
        "",
        "about: \"a: '#\\n\\e\\u2028 \\U0001F600\"",
        "extends: [strict, network]\nlandlock: off\nids: {groups: off}",
        "namespaces: {mount: host, net: new, ipc: host, uts: host, cgroup: new}",
        "net: {loopback: false, connect_ports: [1, 443], bind_ports: [65535],\n"
        "  abstract_sockets: true}",
        "limits: {memory: 18446744073709551615, pids: 1, wall_time: 1ms, cpu_time: 1h,\n"
        "  file_size: 3K, open_files: 7, stack: 1M, address_space: 1T, locked_memory: 1,\n"
        "  core: true, preferred: [pids]}",
        "limits: {swap: 0, pids: unlimited, cpus: 0.001, cpuset: '0-3,6', io_weight: 1, output: 1,\n"
        "  output_total: 5M, tmpfs_size: unlimited, tmpfs_inodes: 3, preferred: [cpuset]}",
        "limits: {cpus: 12.5, cpuset: 7, cpu_time: unlimited, wall_time: unlimited}",
        "mounts: [{type: file, target: /a, content: !!binary /wD+, mode: 0}, {target: '/ a'}]",
        "mounts: [{target: !!binary L/8=, source: /b, write: true, dev: true, optional: true}]",
        "mounts: [{type: file, target: /a, content: \"a\\n b\\n\\n\"}]",
        "env: {pass: ['*', 'null', '~'], set: ['A=', !!binary QT3/]}",
        "syscalls: {filter: off, allow: ['read', '@default'], deny: ['clone(arg0/32 == 1)'],\n"
        "  kill: [reboot], log: ['ioctl(cmd & 0xff == 1)']}",
        "caps: {keep: [CAP_KILL, CAP_KILL]}",
        "listen: ['tcp:*:1-9', 'tcp:[0::1]:80', 'udp:127.0.0.1:*', 'unix:/run/\u00e4 #: -',\n"
        "  'unix:/run/*', 'tcp:[::1]:80-80']",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        crib_policy *policy = parse(texts[i]);

        assert_round_trips(policy);
        crib_policy_free(policy);
    }
}

static void test_refusals_leave_the_result_alone(void **state)
{
    static uint8_t large[POLICY_MAX_BYTES + 1];
    crib_policy *const none = (crib_policy *)large, *policy = none;
    struct crib_error err = {0};

    (void)state;
    assert_int_equal(crib_policy_load("no-such-policy", &policy, &err), -ENOENT);
    assert_int_equal(err.code, -ENOENT);
    assert_int_equal(crib_policy_load("/", &policy, &err), -EISDIR);
    assert_int_equal(crib_policy_parse("x", "a", 1, &policy, &err), -EINVAL);
    assert_string_equal(err.subject, "x:1:1");
    assert_int_equal(crib_policy_parse("x", large, sizeof(large), &policy, &err), -EFBIG);
    assert_int_equal(crib_policy_decode(large, sizeof(large), &policy, &err), -EFBIG);
    assert_int_equal(crib_policy_decode("\xff", 1, &policy, &err), -EPROTO);
    assert_string_equal(err.detail, "the bytes are no Policy message");
    assert_int_equal(crib_policy_decode("\xf8\x01\x01", 3, &policy, &err), -EPROTO);
    assert_string_equal(err.detail, "field number 31 of Policy is unknown to this crib");
    assert_int_equal(crib_policy_decode("\x4a\x03\xf8\x01\x01", 5, &policy, &err), -EPROTO);
    assert_string_equal(err.detail, "field number 31 of Syscalls is unknown to this crib");
    assert_int_equal(crib_policy_decode("\xf8\x01\x01", 3, &policy, NULL), -EPROTO);
    assert_ptr_equal(policy, none);
}

static void test_nothing_is_a_policy(void **state)
{
    crib_policy *parsed, *decoded;
    char *text;

    (void)state;
    assert_int_equal(crib_policy_parse("x", NULL, 0, &parsed, NULL), 0);
    assert_int_equal(crib_policy_decode(NULL, 0, &decoded, NULL), 0);
    assert_same(parsed, decoded);
    assert_int_equal(crib_policy_text(parsed, &text), 0);
    assert_string_equal(text, "{}\n");
    free(text);
    crib_policy_free(parsed);
    crib_policy_free(decoded);
    crib_policy_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_shipped_policy),
        cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_refusals_leave_the_result_alone),
        cmocka_unit_test(test_nothing_is_a_policy),
    };

    return test_run(tests);
}
