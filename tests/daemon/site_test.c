/* SPDX-License-Identifier: Apache-2.0 */
/* The site file: what it says, and what it may not say. */
#include "site_fixture.h"

/* ---- without a file ---- */

static void test_without_a_file(void **state)
{
    static const uid_t all[] = {0};
    struct crib_error err;
    struct site *site;

    (void)state;
    assert_int_equal(site_load(NULL, NULL, &site, &err), 0);
    for (int i = 0; i < 2; i++) {
        uid_t uid = i ? geteuid() : all[0];

        assert_true(site_knows(site, uid));
        assert_string_equal(names_of(site, uid),
                            "default judge network node open shell strict worker");
        assert_string_equal(site_widest(site, uid), SITE_ANY);
        assert_true(site_binds(site, uid, false) && site_binds(site, uid, true));
        assert_may(site, uid, "open", 0);
        assert_may(site, uid, "none", -ENOENT);
        assert_inline(site, uid, "extends: [open]\nmounts: [{target: /dev, dev: true}]", 0, NULL);
    }
    assert_string_equal(names_of(site, SOMEBODY), "default node strict worker");
    assert_string_equal(site_widest(site, SOMEBODY), "default");
    assert_false(site_binds(site, SOMEBODY, false) || site_binds(site, SOMEBODY, true));
    assert_may(site, SOMEBODY, "default", 0);
    assert_may(site, SOMEBODY, "strict", 0);
    assert_may(site, SOMEBODY, "open", -EACCES);
    assert_inline(site, SOMEBODY, "extends: [default]\nlimits: {open_files: 9}", 0, NULL);
    assert_inline(site, SOMEBODY, "extends: [default]\nnamespaces: {net: host}", -EACCES,
                  "namespaces.net: `host` is wider than `new`, as the widest policy has it");
    assert_null(site_metrics(site));
    assert_string_equal(site_log_level(site), "info");
    assert_false(site_log_values(site));
    assert_int_equal(site_grace_ms(site), 5000);
    assert_int_equal(site_prepared(site), 0);
    site_free(site);
    site_free(NULL);
}

/* ---- the file ---- */

static void test_what_it_says_of_itself(void **state)
{
    struct site *site = load("metrics: file:/var/lib/metrics\nlog_level: debug\nlog_values: true\n"
                             "grace: 1m\nprepared: 256\n");

    (void)state;
    assert_string_equal(site_metrics(site), "file:/var/lib/metrics");
    assert_string_equal(site_log_level(site), "debug");
    assert_true(site_log_values(site));
    assert_int_equal(site_grace_ms(site), 60000);
    assert_int_equal(site_prepared(site), 256);
    site_free(site);
}

static void test_first_rule_counts(void **state)
{
    struct site *site = load("rules:\n"
                             "- {uids: [7, 8], policies: [strict, default, strict]}\n"
                             "- {uids: [8, 9], policies: ['*'], widest: shell, binds: read}\n"
                             "- {policies: [shell], binds: write}\n");

    (void)state;
    assert_string_equal(names_of(site, 7), "default strict");
    assert_string_equal(names_of(site, 8), "default strict");
    assert_string_equal(site_widest(site, 8), "");
    assert_false(site_binds(site, 8, false));
    assert_string_equal(names_of(site, 9), "default judge network node open shell strict worker");
    assert_true(site_binds(site, 9, false) && !site_binds(site, 9, true));
    assert_may(site, 9, "open", 0);
    assert_string_equal(names_of(site, 10), "shell");
    assert_true(site_binds(site, 10, true));
    site_free(site);
}

/* Whom no rule fits, nothing is allowed. */
static void test_strangers(void **state)
{
    static const char *const texts[] = {"", "rules: []", "rules: [{uids: [1], policies: ['*']}]"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct site *site = load(texts[i]);
        struct site_quota quota = site_quota_of(site, 0);
        struct crib_error err = {0};
        Crib__Policy policy = CRIB__POLICY__INIT;

        assert_false(site_knows(site, 0));
        assert_string_equal(names_of(site, 0), "");
        assert_string_equal(site_widest(site, 0), "");
        assert_false(site_binds(site, 0, false));
        assert_may(site, 0, "strict", -EACCES);
        assert_inline(site, 0, "{}", -EACCES,
                      "policy: uid 0 may use nothing here: no rule of the site fits it");
        assert_int_equal(site_mounts(site, 0, &policy, NULL, 0, &err), -EACCES);
        assert_true(quota.tasks == 0 && quota.connections == 0 && quota.queued_bytes == 0 &&
                    quota.fds == 0 && quota.in_flight == 0 && quota.clusters == 0);
        site_free(site);
    }
}

static void test_quotas(void **state)
{
    struct site *site = load("each: {tasks: 5, fds: 0}\n"
                             "total: {tasks: 50, queued_bytes: 1G}\n"
                             "rules:\n"
                             "- {uids: [1], quota: {tasks: 7, queued_bytes: 2M}}\n"
                             "- {}\n");
    struct site_quota one = site_quota_of(site, 1), other = site_quota_of(site, 2);
    struct site_quota total = site_quota_total(site);

    (void)state;
    assert_true(one.tasks == 7 && one.fds == 0 && one.queued_bytes == 2 << 20 &&
                one.connections == 256 && one.in_flight == 4096);
    assert_true(other.tasks == 5 && other.fds == 0 && other.queued_bytes == 128 << 20 &&
                other.connections == 256 && other.in_flight == 4096);
    assert_true(total.tasks == 50 && total.fds == 8192 && total.queued_bytes == 1 << 30 &&
                total.connections == 4096 && total.in_flight == 32768);
    site_free(site);
    site = load("{}");
    total = site_quota_total(site);
    assert_true(total.tasks == 10000 && total.queued_bytes == 512 << 20);
    site_free(site);
}

static void test_bad_files(void **state)
{
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"rulse: []", "site.yaml:1:1: unknown key 'rulse', did you mean 'rules'?"},
        {"rules:\n- {uid: [1]}", "site.yaml:2:4: unknown key 'rules[0].uid', did you mean 'uids'?"},
        {"rules:\n- {binds: rw}",
         "site.yaml:2:11: rules[0].binds: unknown word 'rw', use none, read or write"},
        {"rules:\n- {uids: [-1]}", "site.yaml:2:11: rules[0].uids[0]: '-1' must not be negative"},
        {"rules:\n- {uids: [1, 4294967295]}", "site.yaml:2:14: 4294967295 is nobody's uid"},
        {"rules:\n- {uids: [4294967296]}",
         "site.yaml:2:11: rules[0].uids[0]: '4294967296' is too large"},
        {"rules:\n- {uids: [root]}",
         "site.yaml:2:11: rules[0].uids[0]: 'root' is not a whole number"},
        {"rules:\n- {policies: [default]}\n- {uids: [0]}",
         "site.yaml:3:3: this rule never counts: the one before it has no `uids`, and so fits "
         "everybody"},
        {"rules:\n- {policies: [strict, deflt]}",
         "site.yaml:2:23: no policy is named 'deflt', did you mean 'default'?"},
        {"rules:\n- {policies: [./strict.yaml]}",
         "site.yaml:2:15: this is no name of a policy: it has only a-z, 0-9, . _ and -, and is no "
         "path"},
        {"rules:\n- {widest: /etc/open.yaml}",
         "site.yaml:2:12: this is no name of a policy: it has only a-z, 0-9, . _ and -, and is no "
         "path"},
        {"rules:\n- {widest: a.json}",
         "site.yaml:2:12: this is no name of a policy: it has only a-z, 0-9, . _ and -, and is no "
         "path"},
        {"rules:\n- {widest: opne}",
         "site.yaml:2:12: no policy is named 'opne', did you mean 'open'?"},
        {"rules:\n- {uids: [1], widest: bad}",
         "site.yaml:2:23: policies/bad.yaml:1:6: net: a mapping is wanted"},
        {"grace: 10", "site.yaml:1:8: grace: '10' needs a unit, such as 10s"},
        {"grace: 25h", "site.yaml:1:8: it is longer than 24h"},
        {"prepared: 257", "site.yaml:1:11: it is more than 256"},
        {"prepared: -1", "site.yaml:1:11: prepared: "},
        {"metrics: /run/x", "site.yaml:1:10: it must read unix:/PATH or file:/PATH"},
        {"metrics: unix:x", "site.yaml:1:10: it must read unix:/PATH or file:/PATH"},
        {"log_level: all",
         "site.yaml:1:12: log_level: unknown word 'all', use error, warning, info or debug"},
        {"each: {queued_bytes: 1Q}",
         "site.yaml:1:22: each.queued_bytes: '1Q' has an unknown unit, use K, M, G or T"},
        {"log_level: info\nlog_level: debug",
         "site.yaml:2:1: duplicate key 'log_level', first given on line 1"},
    };

    (void)state;
    write_in("policies/bad.yaml", "net: [of]", 0644);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct crib_error err = {0};
        struct site *site = NULL;

        write_in("site.yaml", rows[i].text, 0644);
        if (site_load(in_dir("site.yaml"), in_dir("policies"), &site, &err) == 0)
            fail_msg("not refused: %s", rows[i].text);
        assert_null(site);
        test_contains(said_of(&err), rows[i].said);
    }
}

static void assert_not_loaded(const char *config, const char *policies, int code, const char *said)
{
    struct crib_error err = {0};
    struct site *site = NULL;

    assert_int_equal(site_load(config, policies, &site, &err), code);
    assert_null(site);
    test_contains(said_of(&err), said);
}

/* What decides over others must not be theirs to change. */
static void test_whose_file_it_is(void **state)
{
    static const char *const text = "rules: [{policies: ['*'], widest: '*', binds: write}]";

    (void)state;
    write_in("site.yaml", text, 0664);
    assert_not_loaded(in_dir("site.yaml"), NULL, -EPERM, "and its mode is 0664");
    write_in("site.yaml", text, 0646);
    assert_not_loaded(in_dir("site.yaml"), NULL, -EPERM, "and its mode is 0646");
    write_in("site.yaml", text, 0600);
    assert_int_equal(chmod(in_dir("policies"), 0777), 0);
    assert_not_loaded(in_dir("site.yaml"), in_dir("policies"), -EPERM, "and its mode is 0777");
    assert_int_equal(chmod(in_dir("policies"), 0755), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(in_dir("site.yaml"), SOMEBODY, SOMEBODY), 0);
        assert_not_loaded(in_dir("site.yaml"), NULL, -EPERM, "it belongs to uid 4321");
        assert_int_equal(chown(in_dir("site.yaml"), 0, 0), 0);
    }
    site_free(load(text));
}

static void test_files_that_are_none(void **state)
{
    char *large = malloc(TEXT_MAX_BYTES + 2);

    (void)state;
    assert_not_loaded(in_dir("gone.yaml"), NULL, -ENOENT, "site gone.yaml: No such file");
    assert_not_loaded(in_dir("policies"), NULL, -EISDIR, "site policies: Is a directory");
    assert_not_loaded(NULL, in_dir("gone"), -ENOENT, "site gone: No such file");
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    assert_not_loaded(in_dir("fifo"), NULL, -EINVAL, "site fifo");
    assert_not_loaded(NULL, in_dir("fifo"), -ENOTDIR, "site fifo");
    memset(large, '#', TEXT_MAX_BYTES + 1);
    large[TEXT_MAX_BYTES + 1] = '\0';
    write_in("large.yaml", large, 0600);
    assert_not_loaded(in_dir("large.yaml"), NULL, -EFBIG, "site large.yaml");
    free(large);
}

/* ---- the example ---- */

static void test_the_example(void **state)
{
    const char *path =
        access("cribd.yaml", R_OK) == 0 ? "cribd.yaml" : TEST_SOURCE_DIR "/packaging/cribd.yaml";
    size_t len;
    char *text = test_read(path, &len);
    struct site *site = load(text);

    (void)state;
    free(text);
    assert_string_equal(site_widest(site, 0), SITE_ANY);
    assert_string_equal(names_of(site, 1001), "default shell strict");
    assert_true(site_binds(site, 1000, false) && !site_binds(site, 1000, true));
    assert_true(site_quota_of(site, 1000).tasks == 200);
    assert_true(site_quota_of(site, 1000).connections == 64);
    assert_string_equal(site_widest(site, 990), "");
    assert_string_equal(names_of(site, SOMEBODY), "default node strict worker");
    assert_true(site_quota_of(site, SOMEBODY).fds == 1024);
    assert_true(site_quota_total(site).queued_bytes == 256 << 20);
    assert_int_equal(site_grace_ms(site), 10000);
    assert_int_equal(site_prepared(site), 8);
    site_free(site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_without_a_file),
        TEST(test_what_it_says_of_itself),
        TEST(test_first_rule_counts),
        TEST(test_strangers),
        TEST(test_quotas),
        TEST(test_bad_files),
        TEST(test_whose_file_it_is),
        TEST(test_files_that_are_none),
        TEST(test_the_example),
    };

    return test_run(tests);
}
