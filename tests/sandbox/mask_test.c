/* SPDX-License-Identifier: Apache-2.0 */
/* A masked name holds nothing and can be made to hold nothing, and the host is afterwards as
 * before. */
#include "sandbox/tree.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

struct masked {
    struct sandbox box;
    char *dir, *before;
    char rules[4096];
};

/* @names: ended by NULL; masks are written before the bind that they are in. */
static void mask_rules(struct masked *m, const char *how, const char *const *names)
{
    size_t used = (size_t)snprintf(m->rules, sizeof(m->rules), "extends: [default]\nmounts:\n");

    for (; *names; names++)
        used += (size_t)snprintf(m->rules + used, sizeof(m->rules) - used,
                                 "  - {type: mask, target: /w/%s}\n", *names);
    snprintf(m->rules + used, sizeof(m->rules) - used, "  - {source: %s, target: /w%s}\n", m->dir,
             how);
    m->box.rules = m->rules;
}

static void mask_init(struct masked *m, const char *how, const char *const *names)
{
    m->dir = tree_new();
    tree_dir(m->dir, "a");
    tree_dir(m->dir, "a/b");
    tree_dir(m->dir, "a/b/hooks");
    tree_file(m->dir, "a/b/hooks/run", "secret\n");
    tree_file(m->dir, "a/b/config", "secret\n");
    tree_file(m->dir, ".bashrc", "secret\n");
    tree_file(m->dir, "plain", "plain\n");
    assert_int_equal(symlink(".bashrc", tree_path(m->dir, "link")), 0);
    tree_give(tree_path(m->dir, "link"));
    m->before = tree_text(m->dir);
    sandbox_init(&m->box);
    mask_rules(m, how, names);
}

static void mask_done(struct masked *m)
{
    sandbox_done(&m->box);
    free(m->dir);
    free(m->before);
}

static void mask_unchanged(const struct masked *m)
{
    char *now = tree_text(m->dir);

    assert_string_equal(now, m->before);
    free(now);
}

static const char *const there[] = {"a/b/hooks", "a/b/config", ".bashrc", "link", NULL};
static const char *const missing[] = {"a/b/new", "x/y/z", ".vscode", "a/b/config/below", NULL};

/* Of the tools some copy where they cannot rename: this is the call alone. */
#define CALLS                                                                                      \
    "mv() { perl -e 'exit !rename $ARGV[0], $ARGV[1]' \"$1\" \"$2\"; };"                           \
    "swap() { perl -e 'exit syscall(316, -100, $ARGV[0], -100, $ARGV[1], 2) != 0' \"$1\" \"$2\"; " \
    "};"
#define HELD(command) "(" command ") 2>/dev/null && echo \"DONE: " #command "\";"

/* Whatever the task tries with what is there. */
static const char attack_there[] =
    CALLS "cd /w;" HELD("cat .bashrc | grep .") HELD("cat a/b/config | grep .")
        HELD("cat link | grep .") HELD("ls -A a/b/hooks | grep .") HELD("cat a/b/hooks/run")
            HELD("echo x >a/b/hooks/x") HELD("mkdir a/b/hooks/x") HELD("echo x >.bashrc")
                HELD("echo x >>a/b/config") HELD("chmod 0777 .bashrc") HELD("chmod 0777 a/b/hooks")
                    HELD("rm -f .bashrc") HELD("rm -f link") HELD("rmdir a/b/hooks")
                        HELD("mv .bashrc y") HELD("mv a/b/hooks y") HELD("mv plain .bashrc")
                            HELD("mv link y") HELD("ln .bashrc y") HELD("ln a/b/config y")
                                HELD("ln -sfn /tmp a/b/hooks") HELD("ln -sfn /tmp .bashrc")
                                    HELD("mv a/b y") HELD("mv a y") HELD("rmdir a/b")
                                        HELD("mkdir -p y; swap a/b y") HELD("mkdir -p y; swap a y")
                                            HELD("swap plain .bashrc") HELD("swap plain link")
                                                HELD("swap y a/b/hooks") "rm -rf y plain; echo end";

static void test_what_is_there(void **state)
{
    struct masked m;
    char *data;

    (void)state;
    mask_init(&m, ", write: true", there);
    tree_shell_ok(&m.box, attack_there);
    assert_string_equal(m.box.out, "end\n");
    data = test_read(tree_path(m.dir, "a/b/hooks/run"), NULL);
    assert_string_equal(data, "secret\n");
    free(data);
    data = test_read(tree_path(m.dir, ".bashrc"), NULL);
    assert_string_equal(data, "secret\n");
    free(data);
    /* Beside them all can be done as before. */
    tree_shell_ok(&m.box,
                  CALLS "set -e; cd /w; echo x >a/b/beside; mkdir a/b/c; mv a/b/beside a/b/c/d; "
                        "echo y >a/b/e; swap a/b/e a/b/c; cat a/b/e/d a/b/c");
    assert_string_equal(m.box.out, "x\ny\n");
    mask_done(&m);
}

static void test_read_only_and_overlay(void **state)
{
    struct masked m;

    (void)state;
    mask_init(&m, "", there);
    tree_shell_ok(&m.box, attack_there);
    assert_string_equal(m.box.out, "end\n");
    mask_unchanged(&m);
    mask_rules(&m, ", type: overlay, keep: list", there);
    tree_shell_ok(&m.box, attack_there);
    assert_string_equal(m.box.out, "end\n");
    mask_unchanged(&m);
    mask_rules(&m, "", missing);
    tree_shell_ok(&m.box, "cd /w; ls -A; (echo x >.vscode) 2>/dev/null || echo held");
    assert_string_equal(m.box.out, ".bashrc\na\nlink\nplain\nheld\n");
    mask_unchanged(&m);
    mask_done(&m);
}

/* What is not there yet. `x` is the first part that is missing of `x/y/z`. */
static const char attack_missing[] = CALLS "cd /w;" HELD("echo x >.vscode") HELD("mkdir .vscode")
    HELD("rm -f .vscode") HELD("mv .vscode y") HELD("ln -sfn /tmp .vscode") HELD("mv plain .vscode")
        HELD("cat .vscode | grep .") HELD("mkdir -p x/y/z") HELD("echo x >x") HELD("rm -f x")
            HELD("mv x y") HELD("ln .vscode y") HELD("echo x >a/b/new") HELD("mkdir a/b/new")
                HELD("rm -f a/b/new") HELD("mv a/b/new y") HELD("mv a y") HELD("mv a/b y")
                    HELD("rm -f a/b/config; mkdir a/b/config") HELD("mv a/b/config y")
                        HELD("chmod 0666 .vscode") HELD("swap plain .vscode")
                            HELD("swap plain x") "echo end";

static void test_what_is_missing(void **state)
{
    struct masked m;

    (void)state;
    mask_init(&m, ", write: true", missing);
    tree_shell_ok(&m.box, attack_missing);
    assert_string_equal(m.box.out, "end\n");
    mask_unchanged(&m);
    /* A file on the way is as it was, and can be written. */
    tree_shell_ok(&m.box, "cat /w/a/b/config; echo own >/w/a/b/config; cat /w/a/b/config");
    assert_string_equal(m.box.out, "secret\nown\n");
    mask_done(&m);
}

static void test_missing_in_an_overlay(void **state)
{
    struct masked m;

    (void)state;
    mask_init(&m, ", type: overlay, keep: commit", missing);
    tree_shell_ok(&m.box, attack_missing);
    assert_string_equal(m.box.out, "end\n");
    mask_unchanged(&m);
    assert_null(strstr(m.box.json, "vscode\",\"kind"));
    mask_done(&m);
}

static void test_missing_in_memory(void **state)
{
    struct masked m;

    (void)state;
    mask_init(&m, "", missing);
    m.box.rules = "extends: [default]\n"
                  "mounts:\n"
                  "  - {type: mask, target: /tmp/d/e}\n"
                  "  - {type: mask, target: /nowhere/at/all}\n"
                  "  - {type: mask, target: /usr/share/no-such-name}\n";
    tree_shell_ok(&m.box, CALLS "cd /tmp;" HELD("mkdir d") HELD("rm -f d") HELD("mv d y") HELD(
                              "echo x >d") "echo x >other; ls -A; ls -A / | grep nowhere || true");
    assert_string_equal(m.box.out, "d\nother\n");
    mask_done(&m);
}

/* As long as one task needs the name, it is held: the first to end leaves it to the other. */
static void other_comes_and_goes(struct sandbox *box)
{
    struct masked *m = box->user;
    struct sandbox other;

    sandbox_init(&other);
    other.rules = m->rules;
    tree_shell_ok(&other, HELD("mkdir /w/.vscode") "echo end");
    assert_string_equal(other.out, "end\n");
    sandbox_done(&other);
    assert_int_equal(access(tree_path(m->dir, ".vscode"), F_OK), 0);
    assert_int_equal(unlink(tree_path(m->dir, "wait")), 0);
}

static void test_tasks_share_it(void **state)
{
    static const char *const names[] = {".vscode", NULL};
    struct masked m;

    (void)state;
    mask_init(&m, ", write: true", names);
    tree_file(m.dir, "wait", "");
    m.box.meanwhile = other_comes_and_goes;
    m.box.user = &m;
    tree_shell_ok(&m.box, "cd /w; while [ -e wait ]; do sleep 0.05; done;" HELD("mkdir .vscode")
                              HELD("rm -f .vscode") "echo end");
    assert_string_equal(m.box.out, "end\n");
    mask_unchanged(&m);
    mask_done(&m);
}

/* A parent that is killed leaves it; the next task with that mask takes it away again. */
static void test_what_a_killed_parent_leaves(void **state)
{
    static const char *const names[] = {".vscode", NULL};
    struct masked m;
    int status;
    pid_t pid;

    (void)state;
    sandbox_only_here("the parent that is killed is not the daemon");
    mask_init(&m, ", write: true", names);
    pid = fork();
    if (pid == 0) {
        m.box.patience_ms = 60000;
        tree_shell(&m.box, "kill -STOP $$; sleep 60");
        _exit(0);
    }
    for (int i = 0; i < 3000 && access(tree_path(m.dir, ".vscode"), F_OK) < 0; i++)
        usleep(10000);
    assert_int_equal(access(tree_path(m.dir, ".vscode"), F_OK), 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    tree_shell_ok(&m.box, HELD("mkdir /w/.vscode") "echo end");
    assert_string_equal(m.box.out, "end\n");
    mask_unchanged(&m);
    mask_done(&m);
}

/* A symlink on the way is refused: what it leads to may be anywhere. */
static void test_a_symlink_on_the_way(void **state)
{
    static const char *const names[] = {"link/x", NULL};
    struct masked m;

    (void)state;
    mask_init(&m, ", write: true", names);
    tree_shell(&m.box, "true");
    assert_int_equal(m.box.error.code, -ELOOP);
    assert_string_equal(m.box.error.step, "mounts");
    mask_unchanged(&m);
    mask_done(&m);
}

/* What is read-only in a directory that can be written stays where it is, too. */
static void test_a_read_only_bind_inside_a_writable_one(void **state)
{
    struct masked m;

    (void)state;
    mask_init(&m, "", missing);
    snprintf(m.rules, sizeof(m.rules),
             "extends: [default]\nmounts:\n  - {source: %s, target: /w, write: true}\n"
             "  - {source: %s/a/b/config, target: /w/a/b/config}\n",
             m.dir, m.dir);
    tree_shell_ok(&m.box, CALLS "cd /w; cat a/b/config;" HELD("mv a y") HELD("swap a plain")
                              HELD("mv a/b y") HELD("echo x >a/b/config")
                                  HELD("rm -f a/b/config") "echo x >a/b/hooks/x; "
                                                           "rm a/b/hooks/x; echo end");
    assert_string_equal(m.box.out, "secret\nend\n");
    mask_unchanged(&m);
    mask_done(&m);
}

/* What is no empty file of ours is never removed. */
static void test_only_its_own_is_removed(void **state)
{
    static const char *const names[] = {"empty", "full", NULL};
    struct masked m;

    (void)state;
    mask_init(&m, ", write: true", names);
    tree_file(m.dir, "empty", "");
    tree_file(m.dir, "full", "x");
    free(m.before);
    m.before = tree_text(m.dir);
    tree_shell_ok(&m.box, "cd /w;" HELD("cat full") HELD("rm -f empty") "echo end");
    assert_string_equal(m.box.out, "end\n");
    mask_unchanged(&m);
    mask_done(&m);
}

/* One that is left over is taken by a task with the same id alone; another's is never trusted. */
static void test_what_another_holds(void **state)
{
    static const char *const names[] = {"new", NULL};
    struct masked m;

    (void)state;
    mask_init(&m, ", write: true", names);
    test_write(tree_path(m.dir, "new"), "", 0, 01400);
    assert_int_equal(chmod(tree_path(m.dir, "new"), 01400), 0);
    if (sandbox_privileged()) {
        tree_shell(&m.box, "true");
        assert_int_equal(m.box.error.code, -EBUSY);
        test_contains(m.box.error.detail, "held for a task with another id");
        tree_give(tree_path(m.dir, "new"));
    }
    tree_shell_ok(&m.box, "cd /w;" HELD("rm -f new") HELD("cat new") "echo end");
    assert_string_equal(m.box.out, "end\n");
    mask_unchanged(&m);
    mask_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_there),
        cmocka_unit_test(test_read_only_and_overlay),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_missing_in_an_overlay),
        cmocka_unit_test(test_missing_in_memory),
        cmocka_unit_test(test_tasks_share_it),
        cmocka_unit_test(test_what_a_killed_parent_leaves),
        cmocka_unit_test(test_a_symlink_on_the_way),
        cmocka_unit_test(test_a_read_only_bind_inside_a_writable_one),
        cmocka_unit_test(test_only_its_own_is_removed),
        cmocka_unit_test(test_what_another_holds),
    };

    return sandbox_test_run(tests);
}
