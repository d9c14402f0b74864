/* SPDX-License-Identifier: Apache-2.0 */
/* Bad policies, and the one sentence each of them gets. */
#include "support/support.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/check.h"
#include "policy/load.h"

struct row {
    const char *text;
    const char *said;
};

static int parse(const char *text, size_t len, struct crib_error *err)
{
    struct arena arena;
    Crib__Policy *policy;
    int r;

    memset(err, 0, sizeof(*err));
    arena_init(&arena, 0);
    r = policy_parse("bad.yaml", text, len, NULL, &arena, &policy, NULL, err);
    arena_done(&arena);
    return r;
}

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct crib_error err;
        char said[1024];

        if (parse(rows[i].text, strlen(rows[i].text), &err) != -EINVAL)
            fail_msg("not refused: %s", rows[i].text);
        assert_int_equal(err.code, -EINVAL);
        assert_string_equal(crib_error_text(&err, said, sizeof(said)), rows[i].said);
    }
}

#define ASSERT_ROWS(rows) assert_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void test_bad_calls(void **state)
{
    static const struct row rows[] = {
        {"syscalls:\n  allow:\n    - read\n    - raed\n",
         "bad.yaml:4:7: unknown system call 'raed', did you mean 'read'?"},
        {"syscalls: {deny: [\"@filesystem\"]}",
         "bad.yaml:1:19: unknown group '@filesystem', did you mean '@file-system'?"},
        {"syscalls:\n  kill: [reboot, 'socket(family == 1)']",
         "bad.yaml:2:18: socket has no argument 'family', it has domain, type, protocol"},
        {"syscalls:\n  log: ['open(path == 0)']",
         "bad.yaml:2:9: 'path' of open is an address: a filter cannot see what it points to"},
        {"syscalls: {allow: ['']}",
         "bad.yaml:1:20: the entry ends where a system call should come"},
        {"syscalls: {filter: of}",
         "bad.yaml:1:20: syscalls.filter: unknown word 'of', did you mean "
         "'off'?"},
    };

    (void)state;
    ASSERT_ROWS(rows);
}

static void test_bad_words(void **state)
{
    static const struct row rows[] = {
        {"caps: {keep: [CAP_KILL, CAP_SYS_ADMIM]}",
         "bad.yaml:1:25: unknown capability 'CAP_SYS_ADMIM', did you mean 'CAP_SYS_ADMIN'?"},
        {"caps: {keep: [all]}", "bad.yaml:1:15: unknown capability 'all'"},
        {"caps: {keep: [cap_kill]}", "bad.yaml:1:15: unknown capability 'cap_kill'"},
        {"caps: {keep: [\"CAP\\e[2J\"]}", "bad.yaml:1:15: unknown capability 'CAP?[2J'"},
        {"limits: {preferred: [memroy]}",
         "bad.yaml:1:22: unknown limit 'memroy', did you mean 'memory'?"},
        {"limits: {preferred: [preferred]}", "bad.yaml:1:22: unknown limit 'preferred'"},
        {"net: {connect_ports: [80, 65536]}", "bad.yaml:1:27: a port is at most 65535"},
        {"net:\n  bind_ports:\n  - 70000", "bad.yaml:3:5: a port is at most 65535"},
        {"landlock: maybe",
         "bad.yaml:1:11: landlock: unknown word 'maybe', use required, preferred or off"},
        {"limits: {memory: 1Q}",
         "bad.yaml:1:18: limits.memory: '1Q' has an unknown unit, use K, M, G or T"},
        {"abuot: x", "bad.yaml:1:1: unknown key 'abuot', did you mean 'about'?"},
        {"about: a\nabout: b", "bad.yaml:2:1: duplicate key 'about', first given on line 1"},
    };

    (void)state;
    ASSERT_ROWS(rows);
}

/* A number that cannot be read is told by the codec, one that has no meaning by the policy. */
static void test_bad_limits(void **state)
{
    static const struct row rows[] = {
        {"limits: {memory: -1}", "bad.yaml:1:18: limits.memory: '-1' must not be negative"},
        {"limits: {pids: 18446744073709551616}",
         "bad.yaml:1:16: limits.pids: '18446744073709551616' is too large"},
        {"limits:\n  memory: 16777216T", "bad.yaml:2:11: limits.memory: '16777216T' is too large"},
        {"limits: {output: -0}", "bad.yaml:1:18: limits.output: '-0' must not be negative"},
        {"limits: {wall_time: 5}",
         "bad.yaml:1:21: limits.wall_time: '5' needs a unit, such as 10s"},
        {"limits: {cpus: 0.0001}",
         "bad.yaml:1:16: limits.cpus: '0.0001' has more than three decimals"},
        {"limits: {cpus: 1.5s}",
         "bad.yaml:1:16: limits.cpus: '1.5s' is not a number such as 2 or 1.5"},
        {"limits: {io_weight: 4294967296}",
         "bad.yaml:1:21: limits.io_weight: '4294967296' is too large"},
        {"limits: {io_weight: unlimited}",
         "bad.yaml:1:21: limits.io_weight: 'unlimited' is not a whole number"},
        {"limits: {io_weight: 10001}", "bad.yaml:1:21: 10001 is too much: a weight is 1 to 10000"},
        {"limits: {io_weight: 0}", "bad.yaml:1:21: a weight is 1 to 10000"},
        {"limits: {memory: 0}",
         "bad.yaml:1:18: 0 would end every task before it starts: leave it out for no limit"},
        {"limits: {pids: 0}",
         "bad.yaml:1:16: 0 would end every task before it starts: leave it out for no limit"},
        {"limits: {wall_time: 0s}",
         "bad.yaml:1:21: 0 would end every task before it starts: leave it out for no limit"},
        {"limits: {cpu_time: 0ms}",
         "bad.yaml:1:20: 0 would end every task before it starts: leave it out for no limit"},
        {"limits:\n  cpus: 0.000",
         "bad.yaml:2:9: 0 would let nothing run: leave it out for no limit"},
        {"limits: {output: 0}", "bad.yaml:1:18: 0 would end the task with the first byte that it "
                                "writes: leave it out for no limit"},
        {"limits: {output_total: 0K}", "bad.yaml:1:24: 0 would end the task with the first byte "
                                       "that it writes: leave it out for no limit"},
        {"limits: {tmpfs_size: 0}",
         "bad.yaml:1:22: the kernel reads 0 as no limit: leave it out, or ask for more"},
        {"limits: {tmpfs_inodes: 0}",
         "bad.yaml:1:24: the kernel reads 0 as no limit: leave it out, or ask for more"},
        {"limits: {cpuset: ''}", "bad.yaml:1:18: '' is not a list of processors such as 0-3,6"},
        {"limits:\n  cpuset: '3,1'",
         "bad.yaml:2:11: '3,1' is not in order, or names a processor twice: write 1,3"},
        {"limits: {cpuset: 8192}", "bad.yaml:1:18: '8192' names a processor over 8191"},
        {"limits: {preferred: [cpusets]}",
         "bad.yaml:1:22: unknown limit 'cpusets', did you mean 'cpuset'?"},
    };
    static const char *const good[] = {
        "limits: {memory: unlimited, swap: 0, pids: unlimited, cpus: unlimited, output: unlimited}",
        "limits: {wall_time: unlimited, cpu_time: unlimited, swap: unlimited, output_total: 1}",
        "limits: {tmpfs_size: 1, tmpfs_inodes: 18446744073709551615, file_size: 0, open_files: 0}",
        "limits: {memory: 18446744073709551615, cpus: 0.001, wall_time: 1ms, io_weight: 10000}",
        "limits: {io_weight: 1, cpuset: 8191, output: 1}",
        "limits: {cpuset: 0-3, preferred: [memory, pids, wall_time, cpu_time, file_size, swap,\n"
        "  open_files, stack, address_space, locked_memory, core, cpus, cpuset, io_weight, "
        "output,\n"
        "  output_total, tmpfs_size, tmpfs_inodes]}",
    };

    (void)state;
    ASSERT_ROWS(rows);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct crib_error err;

        if (parse(good[i], strlen(good[i]), &err) < 0)
            fail_msg("%s: %s: %s", good[i], err.subject, err.detail);
    }
}

static void test_bad_environments(void **state)
{
    static const struct row rows[] = {
        {"env: {pass: ['']}", "bad.yaml:1:14: this is no name of a variable"},
        {"env: {pass: [A, 'B=1']}", "bad.yaml:1:17: this is no name of a variable"},
        {"env: {pass: ['*A']}", "bad.yaml:1:14: a * may only stand at the end"},
        {"env: {pass: ['A**']}", "bad.yaml:1:14: a * may only stand at the end"},
        {"env: {set: ['']}", "bad.yaml:1:13: it must read NAME=VALUE"},
        {"env: {set: [A=1, NAME]}", "bad.yaml:1:18: it must read NAME=VALUE"},
        {"env: {set: ['=x']}", "bad.yaml:1:13: it must read NAME=VALUE"},
        {"env: {set: [!!binary QT0AQg==]}", "bad.yaml:1:13: a NUL byte inside"},
    };

    (void)state;
    ASSERT_ROWS(rows);
}

static void test_bad_addresses(void **state)
{
    static const struct row rows[] = {
        {"listen: [tcp:localhost:80]",
         "bad.yaml:1:10: 'tcp:localhost:80': the host is no IP address: 127.0.0.1, [::1], or `*` "
         "for all; names are not looked up"},
        {"listen:\n- tcp:*:80\n- unix:/run/../x\n",
         "bad.yaml:3:3: 'unix:/run/../x': the path has a `.`, a `..` or an empty part"},
        {"listen: [8080]", "bad.yaml:1:10: '8080': an address begins with tcp:, udp: or unix:"},
        {"listen: ['']", "bad.yaml:1:10: '': an address begins with tcp:, udp: or unix:"},
        {"listen: [\"unix:\\0app\"]",
         "bad.yaml:1:10: listen[0]: text may not hold a NUL character"},
        {"listen: [\"unix:/run/\\e[2J\"]",
         "bad.yaml:1:10: 'unix:/run/?[2J': it has control characters, or is no UTF-8"},
        {"listen: tcp:*:80", "bad.yaml:1:9: listen: a list is wanted, such as [a, b]"},
    };

    (void)state;
    ASSERT_ROWS(rows);
}

static void test_bad_mounts(void **state)
{
    static const struct row rows[] = {
        {"mounts:\n  - {source: /a}", "bad.yaml:2:5: a mount needs a target"},
        {"mounts: [{target: a}]", "bad.yaml:1:19: the path is not absolute"},
        {"mounts: [{target: ''}]", "bad.yaml:1:19: the path is not absolute"},
        {"mounts: [{target: /a/..}]", "bad.yaml:1:19: the path has a `..` in it"},
        {"mounts: [{target: /../a}]", "bad.yaml:1:19: the path has a `..` in it"},
        {"mounts: [{target: !!binary L2EAYg==}]", "bad.yaml:1:19: the path has a NUL in it"},
        {"mounts:\n- target: /a\n- target: /b\n  source: b",
         "bad.yaml:4:11: the path is not absolute"},
        {"mounts: [{target: /a, type: symlink}]",
         "bad.yaml:1:10: a symlink needs a source, the text of it"},
        {"mounts: [{target: /a, type: symlink, source: ''}]",
         "bad.yaml:1:10: a symlink needs a source, the text of it"},
        {"mounts: [{target: /a, type: symlink, source: !!binary YQBi}]",
         "bad.yaml:1:46: the text has a NUL in it"},
        {"mounts: [{target: /a, type: tmpfs, source: /b}]",
         "bad.yaml:1:44: it has no meaning for this type of mount"},
        {"mounts: [{target: /a, size: 1M}]",
         "bad.yaml:1:29: it has no meaning for this type of mount"},
        {"mounts: [{target: /a, type: dir, content: x}]",
         "bad.yaml:1:43: it has no meaning for this type of mount"},
        {"mounts: [{target: /a, type: file, write: true}]",
         "bad.yaml:1:42: it has no meaning for this type of mount"},
        {"mounts: [{target: /a, type: tmpfs, mode: 04755}]",
         "bad.yaml:1:42: more than the permission bits, 0 to 01777"},
        {"mounts: [{target: /a, type: bnd}]",
         "bad.yaml:1:29: mounts[0].type: unknown word 'bnd', did you mean 'bind'?"},
    };

    (void)state;
    ASSERT_ROWS(rows);
}

static void test_good_ones(void **state)
{
    static const char *const texts[] = {
        "mounts: [{target: /a, type: symlink, source: ../b}]",
        "mounts: [{target: /a..b/...}, {target: /}]",
        "mounts: [{target: /a, type: tmpfs, mode: 01777, size: 1M, inodes: 9, exec: false}]",
        "mounts: [{target: /a, type: file, content: ''}, {target: /b, type: dir, mode: 0700}]",
        "env: {pass: ['*', A*, B], set: ['A=', 'A==', 'B=\t']}",
        "net: {connect_ports: [0, 65535]}",
        "caps: {keep: [CAP_CHOWN, CAP_CHECKPOINT_RESTORE]}",
        "listen: ['tcp:*:*', 'tcp:[::1]:1-2', 'udp:0.0.0.0:0', unix:/run/x, 'unix:/run/*']",
        "listen: [unix:/run/x, unix:/run/x]\nextends: [worker]",
        "limits: {preferred: [memory, open_files, core]}",
        "syscalls: {allow: ['@default', 'socket(domain == AF_UNIX)'], deny: null}",
    };
    struct crib_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (parse(texts[i], strlen(texts[i]), &err) < 0)
            fail_msg("%s: %s: %s", texts[i], err.subject, err.detail);
}

/* Repeats an entry in a list. */
static int parse_many(const char *before, const char *entry, size_t count, struct crib_error *err)
{
    size_t len = strlen(before), each = strlen(entry);
    char *text = malloc(len + count * each);
    int r;

    assert_non_null(text);
    memcpy(text, before, len);
    for (size_t i = 0; i < count; i++)
        memcpy(text + len + i * each, entry, each);
    r = parse(text, len + count * each, err);
    free(text);
    return r;
}

static void test_long_lists(void **state)
{
    struct crib_error err;

    (void)state;
    assert_int_equal(parse_many("syscalls:\n allow:\n", " - \"@default\"\n", 4096, &err), 0);
    assert_int_equal(parse_many("syscalls:\n allow:\n", " - \"@default\"\n", 4097, &err), -E2BIG);
    assert_string_equal(err.subject, "bad.yaml:3:2");
    assert_string_equal(err.detail, "a list of 4097 entries, at most 4096 may be");
    assert_int_equal(parse_many("mounts:\n", "- target: /\n", 4097, &err), -E2BIG);
    assert_string_equal(err.subject, "bad.yaml:2:1");
    assert_int_equal(parse_many("listen:\n", "- tcp:*:80\n", 256, &err), 0);
    assert_int_equal(parse_many("listen:\n", "- tcp:*:80\n", 257, &err), -E2BIG);
    assert_string_equal(err.subject, "bad.yaml:2:1");
    assert_string_equal(err.detail, "257 addresses, at most 256 may be");
}

static void test_long_paths(void **state)
{
    struct crib_error err;

    (void)state;
    assert_int_equal(parse_many("mounts:\n- target: ", "/abcdefg", 511, &err), 0);
    assert_int_equal(parse_many("mounts:\n- target: ", "/abcdefg", 512, &err), -EINVAL);
    assert_string_equal(err.subject, "bad.yaml:2:11");
    assert_string_equal(err.detail, "the path is too long");
}

/* However long the name of the file, line and column are told. */
static void test_long_names(void **state)
{
    char name[600];
    struct arena arena;
    struct crib_error err = {0};
    Crib__Policy *policy;

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    arena_init(&arena, 0);
    assert_int_equal(policy_parse(name, "caps: {keep: [x]}", 17, NULL, &arena, &policy, NULL, &err),
                     -EINVAL);
    test_contains(err.subject, "nnn:1:15");
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_calls),     cmocka_unit_test(test_bad_words),
        cmocka_unit_test(test_bad_limits),    cmocka_unit_test(test_bad_environments),
        cmocka_unit_test(test_bad_addresses), cmocka_unit_test(test_bad_mounts),
        cmocka_unit_test(test_good_ones),     cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_long_paths),    cmocka_unit_test(test_long_names),
    };

    return test_run(tests);
}
