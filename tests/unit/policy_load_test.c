/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "policy/load.h"
#include "policy/shipped.h"

/* One loading, and where it happens. */
struct loaded {
    struct arena arena;
    struct crib_error err;
    Crib__Policy *policy;
};

static char *dir; /* of the test that runs */

static void write_in(const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    test_write(path, text, strlen(text), 0644);
}

static int load(struct loaded *l, const char *name, const char *const *dirs)
{
    memset(l, 0, sizeof(*l));
    arena_init(&l->arena, 0);
    return policy_load(name, dirs, &l->arena, &l->policy, NULL, &l->err);
}

static int load_in(struct loaded *l, const char *name)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return load(l, path, NULL);
}

/* The error as people see it, without the directory in front. */
static const char *said(const struct loaded *l)
{
    static char text[1024];
    size_t len = strlen(dir);
    char *at;

    crib_error_text(&l->err, text, sizeof(text));
    while ((at = strstr(text, dir)))
        memmove(at, at + len + 1, strlen(at + len + 1) + 1);
    return text;
}

static void assert_refused(const char *name, int code, const char *expected)
{
    struct loaded l;

    assert_int_equal(load_in(&l, name), code);
    assert_int_equal(l.err.code, code);
    assert_string_equal(said(&l), expected);
    assert_null(l.policy);
    arena_done(&l.arena);
}

static int make_dir(void **state)
{
    (void)state;
    dir = test_dir();
    return 0;
}

static int drop_dir(void **state)
{
    (void)state;
    free(dir);
    return 0;
}

static void test_every_shipped_policy_loads(void **state)
{
    const char *const *names = policy_shipped();
    size_t count = 0;

    (void)state;
    for (; names[count]; count++) {
        struct loaded l;

        if (load(&l, names[count], NULL) < 0)
            fail_msg("%s", said(&l));
        assert_int_equal(l.policy->n_extends, 0);
        assert_true(l.policy->about && l.policy->about[0]);
        assert_true(count == 0 || strcmp(names[count - 1], names[count]) < 0);
        arena_done(&l.arena);
    }
    assert_int_equal(count, shipped_policies_count);
    assert_true(count >= 5);
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        int code;
        const char *text;
    } rows[] = {
        {"stric", -ENOENT, "policy: no policy is named 'stric', did you mean 'strict'?"},
        {"nothing-like-it", -ENOENT,
         "policy: no policy is named 'nothing-like-it'; a path has a slash or ends in .yaml"},
        {"", -EINVAL, "policy: '' is no name of a policy: it has only a-z, 0-9, . _ and -"},
        {"..", -EINVAL, "policy: '..' is no name of a policy: it has only a-z, 0-9, . _ and -"},
        {"-p", -EINVAL, "policy: '-p' is no name of a policy: it has only a-z, 0-9, . _ and -"},
        {"Strict", -EINVAL,
         "policy: 'Strict' is no name of a policy: it has only a-z, 0-9, . _ and -"},
        {"a\x1b[2Jb", -EINVAL,
         "policy: 'a?[2Jb' is no name of a policy: it has only a-z, 0-9, . _ and -"},
        {".yaml", -EINVAL,
         "policy: '.yaml' is no name of a policy: it has only a-z, 0-9, . _ and -"},
        {"no-such-file.yaml", -ENOENT, "policy no-such-file.yaml: No such file or directory"},
        {"./strict", -ENOENT, "policy ./strict: No such file or directory"},
        {"/dev/null/x.yaml", -ENOTDIR, "policy /dev/null/x.yaml: Not a directory"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct loaded l;

        assert_int_equal(load(&l, rows[i].name, NULL), rows[i].code);
        assert_string_equal(said(&l), rows[i].text);
        arena_done(&l.arena);
    }
}

static void test_directories_come_before_the_shipped(void **state)
{
    const char *dirs[] = {"/nonexistent/dir", dir, NULL};
    struct loaded l;
    char path[512];

    (void)state;
    write_in("strict.yaml", "about: mine\n");
    assert_int_equal(load(&l, "strict", dirs), 0);
    assert_string_equal(l.policy->about, "mine");
    arena_done(&l.arena);
    assert_int_equal(load(&l, "default", dirs), 0);
    assert_string_not_equal(l.policy->about, "mine");
    arena_done(&l.arena);
    write_in("strict.yaml", "abuot: mine\n");
    assert_int_equal(load(&l, "strict", dirs), -EINVAL);
    assert_string_equal(said(&l), "strict.yaml:1:1: unknown key 'abuot', did you mean 'about'?");
    arena_done(&l.arena);
    snprintf(path, sizeof(path), "%s/open.yaml", dir);
    assert_int_equal(symlink("/nonexistent/file", path), 0);
    assert_int_equal(load(&l, "open", dirs), -ENOENT);
    assert_string_equal(said(&l), "policy open.yaml: No such file or directory");
    arena_done(&l.arena);
}

static void make_kinds(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[512];
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(path, sizeof(path), "%s/fifo.yaml", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof(path), "%s/dir.yaml", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/s.yaml", dir);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    snprintf(path, sizeof(path), "%s/sparse.yaml", dir);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, 100 << 20), 0);
    close(fd);
    write_in("binary.yaml", "\x7f"
                            "ELF\x02\x01\x01");
    snprintf(path, sizeof(path), "%s/nul.yaml", dir);
    test_write(path, "about: a\0b\n", 11, 0644);
}

static void test_what_is_no_file(void **state)
{
    struct loaded l;

    (void)state;
    make_kinds();
    assert_refused("fifo.yaml", -EINVAL, "policy fifo.yaml: it is a FIFO, not a file");
    assert_refused("dir.yaml", -EISDIR, "policy dir.yaml: Is a directory");
    assert_refused("s.yaml", -EINVAL, "policy s.yaml: it is a socket, not a file");
    assert_refused("sparse.yaml", -EFBIG, "policy sparse.yaml: it is larger than 256 KiB");
    assert_int_equal(load_in(&l, "binary.yaml"), -EINVAL);
    test_contains(said(&l), "binary.yaml:1:1: ");
    arena_done(&l.arena);
    assert_int_equal(load_in(&l, "nul.yaml"), -EINVAL);
    test_contains(said(&l), "nul.yaml:1:9: ");
    arena_done(&l.arena);
    assert_int_equal(load(&l, "/dev/zero", NULL), -EINVAL);
    assert_string_equal(said(&l), "policy /dev/zero: it is a device, not a file");
    arena_done(&l.arena);
    write_in("base.yaml", "about: x\nextends:\n  - fifo.yaml\n");
    assert_int_equal(load_in(&l, "base.yaml"), -EINVAL);
    assert_string_equal(said(&l), "base.yaml:3:5: fifo.yaml: it is a FIFO, not a file");
    arena_done(&l.arena);
}

static void test_largest_file(void **state)
{
    static char text[POLICY_MAX_BYTES + 2];
    struct loaded l;

    (void)state;
    memset(text, '#', POLICY_MAX_BYTES + 1);
    write_in("over.yaml", text);
    assert_refused("over.yaml", -EFBIG, "policy over.yaml: it is larger than 256 KiB");
    text[POLICY_MAX_BYTES] = '\0';
    write_in("full.yaml", text);
    assert_int_equal(load_in(&l, "full.yaml"), 0);
    assert_null(l.policy->about);
    arena_done(&l.arena);
}

static void test_loops(void **state)
{
    struct loaded l;
    char path[512];

    (void)state;
    write_in("self.yaml", "extends: [self.yaml]\n");
    assert_int_equal(load_in(&l, "self.yaml"), -ELOOP);
    assert_string_equal(said(&l), "self.yaml:1:11: it extends itself: self.yaml extends self.yaml");
    arena_done(&l.arena);
    write_in("a.yaml", "extends: [strict, b.yaml]\n");
    write_in("b.yaml", "about: b\nextends: [./c.yaml]\n");
    snprintf(path, sizeof(path), "%s/c.yaml", dir);
    test_write(path, "extends: [link.yaml]\n", 21, 0644);
    snprintf(path, sizeof(path), "%s/link.yaml", dir);
    assert_int_equal(symlink("a.yaml", path), 0);
    assert_int_equal(load_in(&l, "a.yaml"), -ELOOP);
    assert_string_equal(said(&l), "./c.yaml:1:11: it extends itself: a.yaml extends b.yaml extends "
                                  "./c.yaml extends ./link.yaml");
    arena_done(&l.arena);
}

static void test_a_diamond_counts_its_base_once(void **state)
{
    struct loaded l;

    (void)state;
    write_in("base.yaml", "landlock: preferred\nenv: {pass: [BASE]}\n");
    write_in("left.yaml", "extends: [base.yaml]\nlandlock: required\nenv: {pass: [LEFT]}\n");
    write_in("right.yaml", "extends: [./base.yaml]\nenv: {pass: [RIGHT]}\n");
    write_in("top.yaml", "extends: [left.yaml, right.yaml]\nenv: {pass: [TOP]}\n");
    assert_int_equal(load_in(&l, "top.yaml"), 0);
    /* What derives from a base beats it, also when the base is reached again later. */
    assert_int_equal(l.policy->landlock, CRIB__NEED__required);
    assert_int_equal(l.policy->env->n_pass, 4);
    assert_string_equal(l.policy->env->pass[0], "BASE");
    assert_string_equal(l.policy->env->pass[1], "LEFT");
    assert_string_equal(l.policy->env->pass[2], "RIGHT");
    assert_string_equal(l.policy->env->pass[3], "TOP");
    arena_done(&l.arena);
}

static void assert_addresses(const struct loaded *l, const char *const *texts)
{
    size_t count = 0;

    for (; texts[count]; count++) {
        assert_true(count < l->policy->n_listen);
        assert_string_equal(l->policy->listen[count], texts[count]);
    }
    assert_int_equal(l->policy->n_listen, count);
}

/* In the order of the bases, and each once, however it is written. */
static void test_addresses_add_up(void **state)
{
    struct loaded l;

    (void)state;
    write_in("base.yaml", "listen: ['tcp:[::1]:80', 'unix:/run/a']\n");
    write_in("left.yaml", "extends: [base.yaml]\nlisten: ['tcp:*:8080', 'tcp:[0::1]:80']\n");
    write_in("right.yaml", "extends: [base.yaml]\nlisten: ['tcp:*:8080-8080', 'tcp:*:81']\n");
    write_in("top.yaml", "extends: [left.yaml, right.yaml]\n"
                         "listen: [unix:/run/b, unix:/run/a, unix:/run/b]\n");
    assert_int_equal(load_in(&l, "top.yaml"), 0);
    assert_addresses(&l, (const char *[]){"tcp:[::1]:80", "unix:/run/a", "tcp:*:8080", "tcp:*:81",
                                          "unix:/run/b", NULL});
    arena_done(&l.arena);
    write_in("top.yaml", "extends: [left.yaml]\nlisten: []\n");
    assert_int_equal(load_in(&l, "top.yaml"), 0);
    assert_addresses(&l, (const char *[]){"tcp:[::1]:80", "unix:/run/a", "tcp:*:8080", NULL});
    arena_done(&l.arena);
}

static void write_addresses(const char *name, const char *before, unsigned first, unsigned count)
{
    char text[8192];
    size_t used = (size_t)snprintf(text, sizeof(text), "%slisten:\n", before);

    for (unsigned i = first; i < first + count; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "- tcp:*:%u\n", i);
    write_in(name, text);
}

static void test_addresses_have_a_cap(void **state)
{
    struct loaded l;

    (void)state;
    write_addresses("base.yaml", "", 1, 200);
    write_addresses("top.yaml", "extends: [base.yaml]\n", 101, 156);
    assert_int_equal(load_in(&l, "top.yaml"), 0);
    assert_int_equal(l.policy->n_listen, 256);
    arena_done(&l.arena);
    write_addresses("top.yaml", "extends: [base.yaml]\n", 101, 157);
    assert_refused("top.yaml", -E2BIG,
                   "top.yaml:3:1: at most 256 addresses, those of its bases too");
}

static void write_chain(unsigned length)
{
    char name[32], text[64];

    for (unsigned i = 0; i < length; i++) {
        snprintf(name, sizeof(name), "%u.yaml", i);
        snprintf(text, sizeof(text), "env: {pass: [V%u]}\nextends: [%u.yaml]\n", i, i + 1);
        write_in(name, i + 1 < length ? text : "env: {pass: [LAST]}\n");
    }
}

static void test_deep_chains(void **state)
{
    struct loaded l;

    (void)state;
    write_chain(1 + POLICY_MAX_EXTENDS);
    assert_int_equal(load_in(&l, "0.yaml"), 0);
    assert_int_equal(l.policy->env->n_pass, 1 + POLICY_MAX_EXTENDS);
    assert_string_equal(l.policy->env->pass[0], "LAST");
    assert_string_equal(l.policy->env->pass[POLICY_MAX_EXTENDS], "V0");
    arena_done(&l.arena);
    write_chain(2 + POLICY_MAX_EXTENDS);
    assert_refused("0.yaml", -E2BIG, "16.yaml:2:11: policies extend each other over 16 deep");
}

static void test_wide_families(void **state)
{
    char text[1024], name[32];
    size_t used = 0;

    (void)state;
    for (int i = 0; i <= POLICY_MAX_EXTENDS; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%d.yaml",
                                 i ? ", " : "extends: [", i);
    snprintf(text + used, sizeof(text) - used, "]\n");
    write_in("wide.yaml", text);
    assert_refused("wide.yaml", -E2BIG, "wide.yaml:1:10: a policy may extend at most 16 others");
    /* 5 bases with 15 each are 80. */
    write_in("many.yaml", "extends: [p0.yaml, p1.yaml, p2.yaml, p3.yaml, p4.yaml]\n");
    for (int p = 0; p < 5; p++) {
        used = (size_t)snprintf(text, sizeof(text), "extends: [strict");
        for (int i = 0; i < 15; i++) {
            snprintf(name, sizeof(name), "q%d-%d.yaml", p, i);
            write_in(name, "");
            used += (size_t)snprintf(text + used, sizeof(text) - used, ", %s", name);
        }
        snprintf(text + used, sizeof(text) - used, "]\n");
        snprintf(name, sizeof(name), "p%d.yaml", p);
        write_in(name, text);
    }
    assert_refused("many.yaml", -E2BIG, "p3.yaml:1:177: over 64 policies extended in all");
}

static void test_bases_start_at_the_file_that_names_them(void **state)
{
    struct loaded l;
    char path[512];

    (void)state;
    snprintf(path, sizeof(path), "%s/in", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    write_in("in/one.yaml", "extends: [../two.json, three.yml]\n");
    write_in("two.json", "{\"about\": \"two\", \"env\": {\"pass\": [\"TWO\"]}}");
    write_in("in/three.yml", "env: {pass: [THREE]}\n");
    assert_int_equal(load_in(&l, "in/one.yaml"), 0);
    assert_string_equal(l.policy->about, "two");
    assert_int_equal(l.policy->env->n_pass, 2);
    arena_done(&l.arena);

    memset(&l, 0, sizeof(l));
    arena_init(&l.arena, 0);
    snprintf(path, sizeof(path), "%s/in/no-such.yaml", dir);
    assert_int_equal(
        policy_parse(path, "extends: [three.yml]\n", 21, NULL, &l.arena, &l.policy, NULL, &l.err),
        0);
    assert_string_equal(l.policy->env->pass[0], "THREE");
    arena_done(&l.arena);
}

static void test_errors_of_bases_have_a_place(void **state)
{
    (void)state;
    write_in("one.yaml", "about: one\nextends:\n  - strict\n  - gone.yaml\n");
    assert_refused("one.yaml", -ENOENT, "one.yaml:4:5: gone.yaml: No such file or directory");
    write_in("two.yaml", "extends: [defualt]\n");
    assert_refused("two.yaml", -ENOENT,
                   "two.yaml:1:11: no policy is named 'defualt', did you mean 'default'?");
    write_in("three.yaml", "extends:\n  - four.yaml\n");
    write_in("four.yaml", "limits:\n  memroy: 1M\n");
    assert_refused("three.yaml", -EINVAL,
                   "four.yaml:2:3: unknown key 'limits.memroy', did you mean 'memory'?");
    /* A colon in a name is no place. */
    write_in("five.yaml", "extends: ['a:b.yaml']\n");
    assert_refused("five.yaml", -ENOENT, "five.yaml:1:11: a:b.yaml: No such file or directory");
    write_in("six.yaml", "extends: [\"\\e[2J/x\"]\n");
    assert_refused("six.yaml", -ENOENT, "six.yaml:1:11: ?[2J/x: No such file or directory");
}

static int parse(struct loaded *l, const char *text)
{
    memset(l, 0, sizeof(*l));
    arena_init(&l->arena, 0);
    return policy_parse("default", text, strlen(text), NULL, &l->arena, &l->policy, NULL, &l->err);
}

static void test_texts_are_no_files(void **state)
{
    static char large[POLICY_MAX_BYTES + 1];
    struct loaded l;

    (void)state;
    /* A text that is called like a policy is not that policy. */
    assert_int_equal(parse(&l, "extends: [default]\n"), 0);
    assert_true(l.policy->n_mounts > 0);
    arena_done(&l.arena);
    assert_int_equal(parse(&l, ""), 0);
    assert_null(l.policy->syscalls);
    arena_done(&l.arena);
    assert_int_equal(policy_parse("x", NULL, 0, NULL, &l.arena, &l.policy, NULL, &l.err), 0);
    arena_done(&l.arena);
    assert_int_equal(policy_parse("x", large, sizeof(large), NULL, &l.arena, &l.policy, NULL, NULL),
                     -EFBIG);
    assert_int_equal(policy_parse("x", "extends: [no]", 13, NULL, &l.arena, &l.policy, NULL, NULL),
                     -ENOENT);
    arena_done(&l.arena);
}

static void test_without_memory(void **state)
{
    (void)state;
    for (size_t limit = 16; limit < 1 << 14; limit *= 2) {
        struct loaded l = {0};
        int r;

        arena_init(&l.arena, limit);
        r = policy_load("network", NULL, &l.arena, &l.policy, NULL, &l.err);
        assert_int_equal(r, -ENOMEM);
        assert_int_equal(l.err.code, -ENOMEM);
        assert_null(l.policy);
        arena_done(&l.arena);
    }
}

/* Unpacks bytes and resolves them. */
static int resolve(struct loaded *l, const char *data, size_t len)
{
    Crib__Policy *policy;

    memset(l, 0, sizeof(*l));
    arena_init(&l->arena, 0);
    policy = crib__policy__unpack(&l->arena.pb, len, (const uint8_t *)data);
    assert_non_null(policy);
    return policy_resolve(policy, NULL, &l->arena, &l->policy, NULL, &l->err);
}

static void test_unknown_fields_of_messages(void **state)
{
    static const struct {
        const char *data;
        size_t len;
        const char *text;
    } rows[] = {
#define ROW(data, text) {data, sizeof(data) - 1, text}
        ROW("\xf8\x01\x01", "field number 31 of Policy is unknown to this crib"),
        ROW("\x4a\x03\xf8\x01\x01", "field number 31 of Syscalls is unknown to this crib"),
        ROW("\x2a\x05\x1a\x00\xa8\x01\x01", "field number 21 of Mount is unknown to this crib"),
        ROW("\x1a\x02\x08\x09", "value 9 of field 'groups' of Ids is unknown to this crib"),
        ROW("\x58\x00", "value 0 of field 'landlock' of Policy is unknown to this crib"),
        ROW("\x0a\x01\xff", "field 'about' of Policy is not UTF-8"),
#undef ROW
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct loaded l;

        assert_int_equal(resolve(&l, rows[i].data, rows[i].len), -EPROTO);
        assert_string_equal(said(&l), rows[i].text);
        assert_null(l.policy);
        arena_done(&l.arena);
    }
}

static void test_messages(void **state)
{
    char *base = "strict", *bad = "gone/x", *allow = "raed";
    Crib__Policy policy = CRIB__POLICY__INIT;
    Crib__Syscalls syscalls = CRIB__SYSCALLS__INIT;
    struct loaded l = {0};

    (void)state;
    arena_init(&l.arena, 0);
    policy.n_extends = 1;
    policy.extends = &base;
    policy.about = "mine";
    assert_int_equal(policy_resolve(&policy, NULL, &l.arena, &l.policy, NULL, &l.err), 0);
    assert_string_equal(l.policy->about, "mine");
    assert_ptr_not_equal(l.policy->about, policy.about);
    assert_int_equal(l.policy->n_extends, 0);
    assert_true(l.policy->syscalls->n_allow > 0);
    policy.extends = &bad;
    assert_int_equal(policy_resolve(&policy, NULL, &l.arena, &l.policy, NULL, &l.err), -ENOENT);
    assert_string_equal(said(&l), "policy: extends[0]: gone/x: No such file or directory");
    policy.n_extends = 0;
    policy.syscalls = &syscalls;
    syscalls.n_allow = 1;
    syscalls.allow = &allow;
    assert_int_equal(policy_resolve(&policy, NULL, &l.arena, &l.policy, NULL, &l.err), -EINVAL);
    assert_string_equal(said(&l), "policy: syscalls.allow[0]: unknown system call 'raed', did you "
                                  "mean 'read'?");
    arena_done(&l.arena);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, make_dir, drop_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DIR(test_every_shipped_policy_loads),
        IN_DIR(test_names),
        IN_DIR(test_directories_come_before_the_shipped),
        IN_DIR(test_what_is_no_file),
        IN_DIR(test_largest_file),
        IN_DIR(test_loops),
        IN_DIR(test_a_diamond_counts_its_base_once),
        IN_DIR(test_addresses_add_up),
        IN_DIR(test_addresses_have_a_cap),
        IN_DIR(test_deep_chains),
        IN_DIR(test_wide_families),
        IN_DIR(test_bases_start_at_the_file_that_names_them),
        IN_DIR(test_errors_of_bases_have_a_place),
        IN_DIR(test_texts_are_no_files),
        IN_DIR(test_without_memory),
        IN_DIR(test_unknown_fields_of_messages),
        IN_DIR(test_messages),
    };

    return test_run(tests);
}
