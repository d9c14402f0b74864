/* SPDX-License-Identifier: Apache-2.0 */
/* An overlay takes up what is written; the source changes by a commit alone, and beneath itself. */
#include "sandbox/tree.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/xattr.h>

#include "base/auto.h"

struct over {
    struct sandbox box;
    char *dir, *before;
    char rules[4096];
};

static void over_rules(struct over *o, const char *fields)
{
    snprintf(o->rules, sizeof(o->rules),
             "extends: [default]\nmounts:\n  - {type: overlay, source: %s, target: /w%s}\n", o->dir,
             fields);
    o->box.rules = o->rules;
}

static void over_init(struct over *o, const char *fields)
{
    o->dir = tree_new();
    tree_file(o->dir, "one", "one\n");
    tree_file(o->dir, "two", "two\n");
    tree_dir(o->dir, "sub");
    tree_file(o->dir, "sub/inner", "inner\n");
    assert_int_equal(symlink("one", tree_path(o->dir, "link")), 0);
    tree_give(tree_path(o->dir, "link"));
    o->before = tree_text(o->dir);
    sandbox_init(&o->box);
    over_rules(o, fields);
}

static void over_done(struct over *o)
{
    sandbox_done(&o->box);
    free(o->dir);
    free(o->before);
}

static void over_unchanged(const struct over *o)
{
    char *now = tree_text(o->dir);

    assert_string_equal(now, o->before);
    free(now);
}

#define EDITS(renew)                                                                               \
    "set -e; cd /w; echo more >>one; rm two; echo new >new; mkdir -p a/b; echo z >a/b/z; " renew   \
    "; echo other >sub/other; ln -s /etc/passwd ln; cat one a/b/z sub/other; ls sub"

/* Where files in memory have no user attributes (before Linux 6.6) `sub` can be emptied and stays.
 */
static const char *edits(void)
{
    AUTO_FD int fd = memfd_create("attributes", MFD_CLOEXEC);

    assert_true(fd >= 0);
    if (fsetxattr(fd, "user.crib", "1", 1, 0) == 0)
        return EDITS("rm -r sub; mkdir sub");
    return EDITS("! rm -r sub 2>/tmp/rm; grep -q 'Input/output error' /tmp/rm");
}

static void test_the_task_sees_its_changes_and_the_source_does_not(void **state)
{
    struct over o;

    (void)state;
    over_init(&o, "");
    tree_shell_ok(&o.box, edits());
    assert_string_equal(o.box.out, "one\nmore\nz\nother\nother\n");
    over_unchanged(&o);
    assert_null(strstr(o.box.json, "\"changes\""));
    test_contains(o.box.json, "changes go to memory");
    /* And nothing of it is there the next time. */
    tree_shell_ok(&o.box, "cat /w/one; ls /w");
    assert_string_equal(o.box.out, "one\nlink\none\nsub\ntwo\n");
    over_done(&o);
}

static void must_list(const struct over *o)
{
    static const char *const parts[] = {
        "{\"path\":\"/w/a\",\"kind\":\"added\"}",
        "{\"path\":\"/w/a/b\",\"kind\":\"added\"}",
        "{\"path\":\"/w/a/b/z\",\"kind\":\"added\"}",
        "{\"path\":\"/w/ln\",\"kind\":\"added\"}",
        "{\"path\":\"/w/new\",\"kind\":\"added\"}",
        "{\"path\":\"/w/one\",\"kind\":\"changed\"}",
        "{\"path\":\"/w/sub/inner\",\"kind\":\"removed\"}",
        "{\"path\":\"/w/sub/other\",\"kind\":\"added\"}",
        "{\"path\":\"/w/two\",\"kind\":\"removed\"}",
    };
    const char *at = o->box.json;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        at = strstr(at, parts[i]);
        if (!at)
            fail_msg("no %s, or not in order, in %s", parts[i], o->box.json);
    }
    assert_null(strstr(o->box.json, "/w/link"));
}

static void test_the_list(void **state)
{
    struct over o;

    (void)state;
    over_init(&o, ", keep: list");
    tree_shell_ok(&o.box, edits());
    must_list(&o);
    test_contains(o.box.json, "9 changes, told and dropped");
    over_unchanged(&o);
    /* Also of a task that fails, and of one that is killed with everything in it. */
    tree_shell(&o.box, "echo x >/w/x; exit 3");
    assert_int_equal(o.box.result.status, 3);
    test_contains(o.box.json, "\"/w/x\"");
    o.box.options.timeout_ms = 2000;
    o.box.options.kill_signal = SIGKILL;
    tree_shell(&o.box, "echo x >/w/killed; sleep 60");
    assert_int_equal(o.box.result.verdict, CRIB_WALL_TIMEOUT);
    test_contains(o.box.json, "\"/w/killed\"");
    over_unchanged(&o);
    over_done(&o);
}

/* A daemon's answer must hold it, whatever names a task thinks of. */
static void test_the_list_is_bounded(void **state)
{
    struct over o;

    (void)state;
    over_init(&o, ", keep: list");
    tree_shell_ok(&o.box, "cd /w; d=$(printf '%0200d' 0); "
                          "for i in 1 2 3 4 5 6 7 8 9 a b c d e f g h i; do mkdir $d; cd $d; done; "
                          "i=0; while [ $i -lt 400 ]; do : >f$i; i=$((i+1)); done");
    test_contains(o.box.json, "418 changes, told");
    test_contains(o.box.json, "\"changes_lost\":");
    assert_true(strlen(o.box.json) < (5u << 18));
    over_done(&o);
}

/* What was opened for writing and is the same is no change. */
static void test_what_is_no_change(void **state)
{
    struct over o;

    (void)state;
    over_init(&o, ", keep: list");
    tree_shell_ok(&o.box, "cd /w; : >>one; touch two; chmod 0600 two; chmod 0644 two; "
                          "touch sub/inner; echo x >x; rm x; cat one");
    assert_null(strstr(o.box.json, "\"changes\":[{"));
    test_contains(o.box.json, "0 changes, told");
    over_done(&o);
}

static void test_commit(void **state)
{
    struct over o;
    char *after, *data;
    char text[64];

    (void)state;
    over_init(&o, ", keep: commit");
    tree_shell_ok(&o.box, edits());
    must_list(&o);
    test_contains(o.box.json, "9 changes, committed");
    after = tree_text(o.dir);
    assert_string_equal(after, "a 40755 0\na/b 40755 0\na/b/z 100644 2\nlink 120777 3\n"
                               "ln 120777 11\nnew 100644 4\none 100644 9\nsub 40755 0\n"
                               "sub/other 100644 6\n");
    free(after);
    data = test_read(tree_path(o.dir, "one"), NULL);
    assert_string_equal(data, "one\nmore\n");
    free(data);
    assert_true(readlink(tree_path(o.dir, "ln"), text, sizeof(text)) > 0);
    assert_memory_equal(text, "/etc/passwd", 11);
    over_done(&o);
}

/* The kernel marks the first new directory alone; what the source has is gone in those below too.
 */
static void test_a_tree_made_anew(void **state)
{
    struct over o;
    char *after;

    (void)state;
    over_init(&o, ", keep: commit");
    tree_dir(o.dir, "sub/deep");
    tree_file(o.dir, "sub/deep/old", "old\n");
    tree_shell_ok(&o.box,
                  "cd /w; rm -r sub; mkdir -p sub/deep; echo new >sub/deep/new; ls sub/deep");
    assert_string_equal(o.box.out, "new\n");
    test_contains(o.box.json, "{\"path\":\"/w/sub/deep/old\",\"kind\":\"removed\"}");
    after = tree_text(o.dir);
    test_contains(after, "sub 40755 0\nsub/deep 40755 0\nsub/deep/new 100644 4\n");
    assert_null(strstr(after, "old"));
    free(after);
    over_done(&o);
}

static void test_nothing_is_committed_unless_it_exited_with_0(void **state)
{
    struct over o;

    (void)state;
    over_init(&o, ", keep: commit");
    tree_shell(&o.box, "echo x >/w/x; rm /w/one; exit 1");
    assert_int_equal(o.box.result.status, 1);
    test_contains(o.box.json, "\"/w/x\"");
    test_contains(o.box.json, "dropped: the program did not exit with 0");
    over_unchanged(&o);
    tree_shell(&o.box, "echo x >/w/x; kill -KILL $$");
    assert_int_equal(o.box.result.signal, SIGKILL);
    over_unchanged(&o);
    sandbox_run(&o.box, "/nowhere", NULL);
    assert_true(o.box.code < 0 || o.box.result.verdict == CRIB_SETUP_FAILED);
    over_unchanged(&o);
    over_done(&o);
}

/* Types and bits that a commit must not bring about. */
static void test_what_a_commit_refuses(void **state)
{
    struct over o;
    char *after;

    (void)state;
    over_init(&o, ", keep: commit");
    tree_shell_ok(&o.box,
                  "cd /w; mkfifo fifo; cp one suid; chmod 4755 suid; cp one sgid; chmod 2755 sgid; "
                  "mkdir d; chmod 2755 d; echo good >good; ln good hard");
    after = tree_text(o.dir);
    assert_null(strstr(after, "fifo"));
    assert_null(strstr(after, "suid"));
    assert_null(strstr(after, "sgid"));
    assert_null(strstr(after, "d 4"));
    test_contains(after, "good 100644 5\nhard 100644 5\n");
    free(after);
    test_contains(o.box.json, "devices, FIFOs and sockets are not committed");
    test_contains(o.box.json, "it has a set-user-ID or set-group-ID bit");
    test_contains(o.box.json, "of which 4 could not be committed");
    over_done(&o);
}

/* A file that is all hole is no larger on the host; contents that were linked often have an end. */
static void test_sizes(void **state)
{
    struct over o;
    struct stat st;

    (void)state;
    over_init(&o, ", keep: commit, size: 2M, inodes: 256");
    tree_shell_ok(&o.box, "cd /w; truncate -s 4G hole; head -c 1M /dev/zero | tr '\\0' x >big; "
                          "for i in 1 2 3 4 5 6 7 8; do ln big l$i; done; "
                          "if head -c 4M /dev/zero >over; then echo held all; fi; rm -f over");
    assert_string_equal(o.box.out, "");
    assert_int_equal(stat(tree_path(o.dir, "hole"), &st), 0);
    assert_true(st.st_size == (off_t)4 << 30);
    assert_true(st.st_blocks < 64);
    test_contains(o.box.json, "could not be committed");
    assert_int_equal(access(tree_path(o.dir, "l8"), F_OK), -1);
    over_done(&o);
}

/* The overlay is the task's memory: it ends, by bytes and by names. */
static void test_it_is_bounded(void **state)
{
    struct over o;

    (void)state;
    over_init(&o, ", size: 1M, inodes: 64");
    tree_shell_ok(&o.box,
                  "cd /w; head -c 2M /dev/zero >x 2>/dev/null; s=$(wc -c <x); rm x; "
                  "[ $s -le 1048576 ] && echo held; i=0; "
                  "while [ $i -lt 200 ]; do (: >f$i) || break; i=$((i+1)); done 2>/dev/null; "
                  "[ $i -lt 80 ] && echo few");
    assert_string_equal(o.box.out, "held\nfew\n");
    over_unchanged(&o);
    over_done(&o);
}

static void test_the_stage_is_hidden(void **state)
{
    struct over o;

    (void)state;
    over_init(&o, ", exec: false");
    tree_shell_ok(
        &o.box, "ls /; cat /proc/self/mountinfo; printf '#!/bin/sh\\necho ran\\n' >/w/p; chmod +x "
                "/w/p; /w/p 2>/dev/null || echo no exec; ls -a /w");
    assert_null(strstr(o.box.out, "\nupper\n"));
    assert_null(strstr(o.box.out, "\nwork\n"));
    test_contains(o.box.out, "no exec\n");
    test_contains(o.box.out, " /w ");
    assert_null(strstr(o.box.out, "/lower "));
    over_done(&o);
}

/* What belongs to an id that the sandbox has not stays as it is; names beside it can be made. */
static void test_foreign_files(void **state)
{
    struct over o;

    (void)state;
    sandbox_init(&o.box);
    o.dir = strdup("/etc");
    o.before = NULL;
    over_rules(&o, ", keep: list");
    tree_shell_ok(&o.box,
                  "cd /w; echo x >new && cat new; (echo x >>passwd) 2>/dev/null || echo kept; "
                  "chmod 0666 passwd 2>/dev/null || echo mine not");
    assert_string_equal(o.box.out, "x\nkept\nmine not\n");
    test_contains(o.box.json, "\"/w/new\"");
    assert_int_equal(access("/etc/new", F_OK), -1);
    over_done(&o);
}

static void test_nothing_is_mounted_inside_a_source(void **state)
{
    struct over o;

    (void)state;
    sandbox_init(&o.box);
    o.dir = strdup("/sys");
    o.before = NULL;
    over_rules(&o, "");
    tree_shell(&o.box, "ls /w");
    assert_true(o.box.error.code < 0);
    assert_string_equal(o.box.error.step, "mounts");
    test_contains(o.box.error.detail, "other file systems are mounted");
    over_done(&o);
}

static void test_detached_tasks_keep_nothing(void **state)
{
    struct over o;

    (void)state;
    over_init(&o, ", keep: commit");
    o.box.options.detached = true;
    tree_shell(&o.box, "true");
    assert_true(o.box.code < 0 || o.box.error.code < 0);
    over_unchanged(&o);
    over_done(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_task_sees_its_changes_and_the_source_does_not),
        cmocka_unit_test(test_the_list),
        cmocka_unit_test(test_the_list_is_bounded),
        cmocka_unit_test(test_what_is_no_change),
        cmocka_unit_test(test_commit),
        cmocka_unit_test(test_a_tree_made_anew),
        cmocka_unit_test(test_nothing_is_committed_unless_it_exited_with_0),
        cmocka_unit_test(test_what_a_commit_refuses),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_it_is_bounded),
        cmocka_unit_test(test_the_stage_is_hidden),
        cmocka_unit_test(test_foreign_files),
        cmocka_unit_test(test_nothing_is_mounted_inside_a_source),
        cmocka_unit_test(test_detached_tasks_keep_nothing),
    };

    return sandbox_test_run(tests);
}
