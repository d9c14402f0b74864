/* SPDX-License-Identifier: Apache-2.0 */
/* Which policies a peer may use: by name, or its own. */
#include "site_fixture.h"

#include "base/buf.h"

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
    assert_string_equal(names_of(site, 1),
                        "default judge network node open shell strict team worker");
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

/* ---- ceilings and variables ---- */

/* What came of an inline policy, as text; static. */
static const char *effective(const struct site *site, const char *text, struct site_inline *with)
{
    static char said[4096];
    struct crib_error err = {0};
    struct buf out = {0};
    ProtobufCMessage *message;
    Crib__Policy *policy;
    struct arena arena;

    arena_init(&arena, 0);
    assert_int_equal(text_read(&crib__policy__descriptor, "inline", text, strlen(text), &arena,
                               NULL, &message, &err),
                     0);
    if (site_inline_with(site, 1, (Crib__Policy *)message, with, &arena, &policy, &err) < 0) {
        snprintf(said, sizeof(said), "%s", said_of(&err));
    } else {
        assert_int_equal(text_write_yaml(&policy->base, &out), 0);
        snprintf(said, sizeof(said), "%.*s", (int)out.len, (const char *)out.data);
        buf_done(&out);
    }
    arena_done(&arena);
    return said;
}

static void test_ceiling(void **state)
{
    struct site_inline with = {0};
    struct site *site;

    (void)state;
    write_in("policies/most.yaml",
             "ceiling: true\nmounts: [{target: /usr}]\nlimits: {memory: 1G}\n"
             "syscalls: {allow: [read, write], deny: [ptrace]}\n",
             0644);
    write_in("policies/plain.yaml", "limits: {memory: 1G}", 0644);
    site = load("rules: [{uids: [1], policies: [most], widest: most}, {widest: plain}]");
    assert_string_equal(effective(site,
                                  "{limits: {memory: 2G}, namespaces: {net: host}, syscalls: "
                                  "{allow: [read, socket]}, mounts: [{target: /usr, write: "
                                  "true}]}",
                                  &with),
                        "namespaces:\n  net: new\nmounts:\n- target: /usr\n  write: false\n"
                        "limits:\n  memory: 1G\nsyscalls:\n  allow:\n  - read\n  deny:\n  - "
                        "ptrace\n");
    assert_string_equal(with.ceiling, "most");
    assert_true(with.cut);
    /* nothing was taken away */
    with = (struct site_inline){0};
    test_contains(effective(site, "{limits: {memory: 1M}, syscalls: {allow: [read]}}", &with),
                  "memory: 1M");
    assert_string_equal(with.ceiling, "most");
    assert_false(with.cut);
    /* what cannot be taken away */
    assert_string_equal(effective(site, "{limits: {memory: 1M}, mounts: [{target: /etc}]}", &with),
                        "mounts[0] /etc: the widest policy does not show this source; of a source "
                        "that it shows, a part cannot be shown alone");
    /* one that is extended is none that cuts, but one that refuses */
    test_contains(effective(site, "{extends: [most], limits: {memory: 2G}}", &with),
                  "wider than its ceiling");
    /* and without the mark the widest policy is a bound as ever */
    assert_inline(site, 2, "limits: {memory: 2G}", -EACCES, NULL);
    site_free(site);
}

static void test_variables(void **state)
{
    ProtobufCBinaryData vars[] = {{8, (uint8_t *)"DIR=/etc"}, {8, (uint8_t *)"FIX=/etc"}};
    struct site_inline with = {.vars = vars, .n_vars = 1};
    struct crib_error err = {0};
    struct site *site;

    (void)state;
    write_in("policies/most.yaml",
             "vars: [{name: DIR, value: /srv}]\n"
             "mounts: [{source: '${DIR}', target: /d}]\n"
             "syscalls: {allow: [read]}\n",
             0644);
    write_in("policies/open-dir.yaml", "vars: [{name: DIR}]\nmounts: [{target: '${DIR}'}]", 0644);
    write_in("policies/fixed.yaml",
             "vars: [{name: FIX, value: /srv, fixed: true}]\n"
             "mounts: [{source: '${FIX}', target: /f}]",
             0644);
    site = load("rules: [{policies: ['*'], widest: most}]");
    /* the client's value is for its own policy: the widest one's stays */
    test_contains(effective(site,
                            "{vars: [{name: DIR}], limits: {memory: 1M}, mounts: [{target: "
                            "'${DIR}'}]}",
                            &with),
                  "mounts[0] /etc: the widest policy does not show this source");
    vars[0] = (ProtobufCBinaryData){8, (uint8_t *)"DIR=/srv"};
    test_contains(effective(site,
                            "{vars: [{name: DIR}], limits: {memory: 1M}, mounts: [{target: "
                            "'${DIR}'}]}",
                            &with),
                  "target: /srv");
    /* not what a site's policy has fixed, whoever extends it */
    with = (struct site_inline){.vars = &vars[1], .n_vars = 1};
    test_contains(effective(site, "{extends: [fixed]}", &with), "variable FIX is fixed");
    test_contains(effective(site, "{extends: [fixed], vars: [{name: FIX, value: /etc}]}", &with),
                  "FIX is fixed by a base");
    site_free(site);
    /* a widest policy has to know its values by itself */
    write_in("site.yaml", "rules: [{policies: [open-dir], widest: open-dir}]", 0644);
    assert_int_equal(site_load(in_dir("site.yaml"), in_dir("policies"), &site, &err), -EINVAL);
    test_contains(said_of(&err), "as the widest policy: vars: variable DIR has no value");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_directory_before_shipped),
        TEST(test_read_once),
        TEST(test_paths_are_refused),
        TEST(test_inline),
        TEST(test_inline_unknown),
        TEST(test_mounts),
        TEST(test_ceiling),
        TEST(test_variables),
    };

    return test_run(tests);
}
