/* SPDX-License-Identifier: Apache-2.0 */
/* Which policies a peer may use: by name, or its own. */
#include "site_fixture.h"

/* ---- policies ---- */

static void test_directory_before_shipped(void **state)
{
    struct site *site;
    const Crib__Policy *policy;
    struct crib_error err = {0};

    (void)state;
    write_in("policies/strict.yaml", "about: ours", 0644);
    write_in("policies/team.yaml", "about: the team's\nextends: [strict]", 0644);
    write_in("policies/README", "none", 0644);
    write_in("policies/Not a name.yaml", "{}", 0644);
    site = load("rules: [{uids: [1], policies: ['*']}, {policies: [team]}]");
    assert_string_equal(names_of(site, 1), "default network open shell strict team");
    assert_int_equal(site_policy(site, 1, "strict", &policy, &err), 0);
    assert_string_equal(policy->about, "ours");
    assert_int_equal(site_policy(site, 2, "team", &policy, &err), 0);
    assert_string_equal(policy->about, "the team's");
    assert_null(policy->syscalls);
    assert_may(site, 2, "strict", -EACCES);
    site_free(site);
}

/* Until the site is read anew, a policy is what it was. */
static void test_read_once(void **state)
{
    const Crib__Policy *first, *again;
    struct crib_error err = {0};
    struct site *site;

    (void)state;
    write_in("policies/named.yaml", "about: one", 0644);
    site = load("rules: [{policies: ['*', named]}]");
    write_in("policies/named.yaml", "about: two", 0644);
    write_in("policies/later.yaml", "abuot: one", 0644);
    assert_int_equal(site_policy(site, 1, "named", &first, &err), 0);
    assert_string_equal(first->about, "one");
    assert_int_equal(site_policy(site, 2, "named", &again, &err), 0);
    assert_ptr_equal(first, again);
    /* one that is wrong is not kept */
    assert_int_equal(site_policy(site, 1, "later", &again, &err), -EINVAL);
    test_contains(said_of(&err), "policies/later.yaml:1:1: unknown key 'abuot'");
    write_in("policies/later.yaml", "about: three", 0644);
    assert_int_equal(site_policy(site, 1, "later", &again, &err), 0);
    assert_string_equal(again->about, "three");
    site_free(site);
}

/* However a path is written, it is not a name. */
static void test_paths_are_refused(void **state)
{
    static const char *const names[] = {
        "/etc/crib/policies/open.yaml",
        "./open",
        "../open",
        "open.yaml",
        "open.yml",
        "open.json",
        "",
        ".",
        "..",
        "-open",
        ".open",
        "OPEN",
        "open ",
        "op\nen",
        "op\033[2Jen",
        "*",
        "\xff",
    };
    struct site *site;

    (void)state;
    write_in("policies/open.yaml", "about: reached", 0644);
    site = load("rules: [{policies: ['*'], widest: '*'}]");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct crib_error err = {0};
        Crib__Policy policy = CRIB__POLICY__INIT, *effective = NULL;
        char *bases[] = {(char *)"default", (char *)names[i]};
        struct arena arena;

        assert_may(site, 1, names[i], -EACCES);
        arena_init(&arena, 0);
        policy.extends = bases;
        policy.n_extends = 2;
        assert_int_equal(site_inline(site, 1, &policy, &arena, &effective, &err), -EACCES);
        assert_string_equal(err.step, "extends");
        assert_int_equal(err.index, 1);
        assert_null(effective);
        arena_done(&arena);
    }
    site_free(site);
}

/* ---- inline policies ---- */

static void test_inline(void **state)
{
    struct site *site = load("rules:\n"
                             "- {uids: [1], policies: [default, strict], widest: default}\n"
                             "- {uids: [2], policies: [default]}\n"
                             "- {uids: [3], policies: [default], widest: strict, binds: read}\n"
                             "- {uids: [4], widest: default, binds: write}\n"
                             "- {uids: [5], policies: ['*'], widest: '*'}\n");

    (void)state;
    assert_inline(site, 1, "extends: [default]", 0, NULL);
    assert_inline(site, 1, "extends: [strict, default]", 0, NULL);
    assert_inline(site, 1, "extends: [default, shell]", -EACCES,
                  "extends[1]: 'shell' is no policy that this user may use, by its name");
    assert_inline(
        site, 1, "extends: [strict]\nsyscalls: {allow: [ptrace]}", -EACCES,
        "syscalls.allow[39] ptrace: the widest policy does not let ptrace through at all");
    assert_inline(site, 1, "extends: [strict]\nmounts: [{target: /srv}]", -EACCES, NULL);
    assert_inline(site, 2, "extends: [default]", -EACCES,
                  "policy: this user may use policies by name, and none of its own");
    assert_inline(site, 3, "extends: [default]", -EACCES, NULL);
    assert_inline(site, 3, "landlock: preferred\nlimits: {open_files: 1}\nmounts: [{target: /srv}]",
                  0, NULL);
    assert_inline(
        site, 3,
        "landlock: preferred\nlimits: {open_files: 1}\nmounts: [{target: /srv, write: true}]",
        -EACCES, NULL);
    assert_inline(site, 4,
                  "landlock: preferred\nlimits: {open_files: 1}\nmounts: [{target: /srv, "
                  "write: true}]",
                  0, NULL);
    assert_inline(site, 4, "extends: [default]", -EACCES, NULL);
    assert_inline(site, 5, "extends: [open, shell]\nsyscalls: {filter: off}", 0, NULL);
    assert_inline(site, 5, "extends: [none]", -ENOENT, NULL);
    assert_inline(site, 5, "caps: {keep: [CAP_ALL]}", -EINVAL, NULL);
    site_free(site);
}

/* What this crib does not know, at any depth. */
static void test_inline_unknown(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *said;
    } rows[] = {
        {"\x98\x06\x01", 3, "field number 99 of Policy is unknown to this crib"},
        {"\x3a\x03\x98\x06\x01", 5, "field number 99 of Limits is unknown to this crib"},
        {"\x2a\x03\x98\x06\x01", 5, "field number 99 of Mount is unknown to this crib"},
        {"\x22\x02\x10\x07", 4, "value 7 of field 'net' of Namespaces is unknown to this crib"},
        {"\x2a\x02\x08\x63", 4, "value 99 of field 'type' of Mount is unknown to this crib"},
        {"\x58\x09", 2, "value 9 of field 'landlock' of Policy is unknown to this crib"},
    };
    struct site *site = load("rules: [{policies: ['*'], widest: '*'}]");

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct crib_error err = {0};
        Crib__Policy *policy, *effective = NULL;
        struct arena arena;

        arena_init(&arena, 0);
        policy = crib__policy__unpack(&arena.pb, rows[i].len, (const uint8_t *)rows[i].bytes);
        assert_non_null(policy);
        assert_int_equal(site_inline(site, 1, policy, &arena, &effective, &err), -EPROTO);
        assert_string_equal(said_of(&err), rows[i].said);
        assert_null(effective);
        arena_done(&arena);
    }
    site_free(site);
}

/* ---- mounts of a task ---- */

static int ask_mounts(const struct site *site, uid_t uid, const char *name, const char *text)
{
    struct crib_error err = {0};
    const Crib__Policy *policy;
    ProtobufCMessage *message;
    struct arena arena;
    int r;

    arena_init(&arena, 0);
    assert_int_equal(text_read(&crib__policy__descriptor, "mounts", text, strlen(text), &arena,
                               NULL, &message, &err),
                     0);
    assert_int_equal(site_policy(site, uid, name, &policy, &err), 0);
    r = site_mounts(site, uid, policy, ((Crib__Policy *)message)->mounts,
                    ((Crib__Policy *)message)->n_mounts, &err);
    arena_done(&arena);
    assert_int_equal(r, err.code);
    return r;
}

static void test_mounts(void **state)
{
    struct site *site = load("rules:\n"
                             "- {uids: [1], policies: [strict, shell], widest: default}\n"
                             "- {uids: [2], policies: [strict], widest: default, binds: read}\n"
                             "- {uids: [3], policies: [strict], binds: write}\n"
                             "- {uids: [4], policies: [strict], widest: '*'}\n");

    (void)state;
    assert_int_equal(ask_mounts(site, 1, "strict", "{}"), 0);
    assert_int_equal(ask_mounts(site, 1, "strict", "mounts: [{target: /srv}]"), -EACCES);
    assert_int_equal(ask_mounts(site, 1, "strict", "mounts: [{type: tmpfs, target: /w, size: 1M}]"),
                     0);
    assert_int_equal(ask_mounts(site, 1, "strict", "mounts: [{type: tmpfs, target: /w, size: 1G}]"),
                     -EACCES);
    /* what the policy shows, given by name, though the widest does not */
    assert_int_equal(ask_mounts(site, 1, "shell", "mounts: [{source: /etc/perl, target: /w}]"), 0);
    assert_int_equal(ask_mounts(site, 1, "strict", "mounts: [{source: /etc/perl, target: /w}]"),
                     -EACCES);
    assert_int_equal(ask_mounts(site, 2, "strict", "mounts: [{target: /srv}]"), 0);
    assert_int_equal(ask_mounts(site, 2, "strict", "mounts: [{target: /srv, write: true}]"),
                     -EACCES);
    assert_int_equal(ask_mounts(site, 2, "strict", "mounts: [{target: /srv, dev: true}]"), -EACCES);
    assert_int_equal(ask_mounts(site, 3, "strict", "mounts: [{target: /srv, write: true}]"), 0);
    assert_int_equal(ask_mounts(site, 3, "strict", "mounts: [{type: tmpfs, target: /w, size: 1K}]"),
                     -EACCES);
    assert_int_equal(ask_mounts(site, 4, "strict", "mounts: [{type: tmpfs, target: /w, size: 1G}]"),
                     0);
    site_free(site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_directory_before_shipped), TEST(test_read_once),
        TEST(test_paths_are_refused),        TEST(test_inline),
        TEST(test_inline_unknown),           TEST(test_mounts),
    };

    return test_run(tests);
}
