/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How other sandboxes were broken, as far as no other test here covers it: each test names whom it
 * happened to.
 */
#include "sandbox/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crib/policy.h"

/* flatpak CVE-2024-32462: words of the task's that look like the sandbox's own options. */
static void test_flatpak_words_with_dashes_are_data(void **state)
{
    const char *const args[] = {"args", "--bind", "/", "--policy", "open", "--", "-p", NULL};
    const char *const env[] = {"CRIB_POLICY=open", "--bind=/", "LD_PRELOAD=/tmp/x.so", NULL};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.argv0 = "--bind";
    box.options.env = env;
    sandbox_run(&box, sandbox_probe_path(), args);
    assert_int_equal(box.error.code, 0);
    assert_string_equal(box.out, "6\n[--bind]\n[/]\n[--policy]\n[open]\n[--]\n[-p]\n");
    sandbox_probe(&box, "ls /");
    assert_null(strstr(box.out, "root\n"));
    sandbox_done(&box);
}

/* bubblewrap CVE-2020-5291: one combination of options in which the drop of rights was skipped. */
static void set_pair(struct sandbox *box, struct crib_bind *grant, unsigned option)
{
    static const char *const env[] = {"A=1", NULL};

    switch (option) {
    case 0:
        box->options.cwd = "/usr";
        break;
    case 1:
        box->options.env = env;
        break;
    case 2:
        box->options.set_uid = box->options.set_gid = true;
        box->options.uid = sandbox_task_uid();
        box->options.gid = sandbox_task_gid();
        break;
    case 3:
        *grant = (struct crib_bind){.source = "/usr", .target = "/box"};
        box->options.binds = grant;
        box->options.bind_count = 1;
        break;
    case 4:
        box->options.timeout_ms = 30000;
        break;
    case 5:
        box->options.policy = "shell";
        break;
    case 6:
        box->options.policy = "network";
        break;
    case 7:
        box->rules = "extends: [default]\nlandlock: off\n";
        break;
    case 8:
        box->rules = "extends: [default]\nnamespaces: {uts: host, ipc: host, cgroup: host}\n";
        break;
    case 9:
        box->options.kill_signal = 9;
        break;
    default:
        box->options.argv0 = "other";
        break;
    }
}

#define PAIR_OPTIONS 11u

static void test_bubblewrap_every_pair_of_options_drops_rights(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PAIR_OPTIONS; i++)
        for (unsigned j = i; j < PAIR_OPTIONS; j++) {
            struct crib_bind grant;
            struct sandbox box;
            char uid[64];

            sandbox_init(&box);
            set_pair(&box, &grant, i);
            set_pair(&box, &grant, j);
            sandbox_expect(&box, "caps", 0);
            snprintf(uid, sizeof(uid), "%u %u %u %u", sandbox_task_uid(), sandbox_task_uid(),
                     sandbox_task_uid(), sandbox_task_uid());
            sandbox_says(box.out, "Uid", uid);
            sandbox_says(box.out, "CapPrm", "0000000000000000");
            sandbox_says(box.out, "CapBnd", "0000000000000000");
            sandbox_says(box.out, "NoNewPrivs", "1");
            sandbox_says(box.out, "Seccomp", "2");
            sandbox_done(&box);
        }
}

static void cut(char *receipt, const char *line)
{
    char *at = strstr(receipt, line);

    if (at)
        memmove(at, strchr(at, '}'), strlen(strchr(at, '}')) + 1);
}

/*
 * codex, fork path: another way to start that lost the wrapper. The receipts are the same, but for
 * how many variables there are, since a channel is told by one more, and for what was made ahead.
 */
static char *receipt_of(const char *json)
{
    const char *start = strstr(json, "\"receipt\""), *end;
    char *receipt;

    assert_non_null(start);
    end = strstr(start, "}]");
    assert_non_null(end);
    receipt = strndup(start, (size_t)(end + 1 - start));
    assert_non_null(strstr(receipt, "{\"mechanism\":\"env\""));
    cut(receipt, "{\"mechanism\":\"env\"");
    cut(receipt, "{\"mechanism\":\"start\"");
    return receipt;
}

static void test_codex_every_way_to_start_has_the_same_receipt(void **state)
{
    const struct crib_stdio stdio[] = {
        {.kind = CRIB_NULL}, {.kind = CRIB_PIPE}, {.kind = CRIB_PIPE}};
    char *spawned, *forked;
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_expect(&box, "exit 0", 0);
    spawned = receipt_of(box.json);
    box.fork = true;
    box.options.stdio = stdio;
    box.options.stdio_count = 3;
    sandbox_expect(&box, "exit 0", 0);
    forked = receipt_of(box.json);
    assert_string_equal(spawned, forked);
    test_contains(spawned, "syscalls");
    test_contains(spawned, "ids.groups");
    free(spawned);
    free(forked);
    sandbox_done(&box);
}

/* isolate 2.6, and others: two sandboxes with a channel between them that nobody meant. */
static char *said;

static void ask_other(struct sandbox *box)
{
    (void)box;
    said = sandbox_output(NULL, "connect unix @shared , keys shared , sysv 99 , mqueue /shared , "
                                "shm /shared , socket 40 1 , pids");
}

static void test_isolate_two_boxes_share_nothing(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.meanwhile = ask_other;
    sandbox_probe(&box,
                  "sysv 99 create , mqueue /shared create , shm /shared create , keys shared , "
                  "serve @shared 1");
    test_contains(box.out, "@shared ok");
    assert_non_null(said);
    assert_null(strstr(said, "@shared ok"));
    assert_null(strstr(said, "search_session ok"));
    assert_null(strstr(said, "search_user ok"));
    assert_null(strstr(said, "add_key ok"));
    assert_null(strstr(said, "request_key ok"));
    assert_null(strstr(said, "\nshm ok"));
    assert_null(strstr(said, "\nmqueue ok"));
    assert_null(strstr(said, "shm_open ok"));
    assert_null(strstr(said, "socket ok"));
    free(said);
    sandbox_done(&box);
}

/* isolate 2.5: error texts that tell what lies where the caller may not look. */
static void test_isolate_unreadable_and_missing_sources(void **state)
{
    struct crib_bind grant = {.target = "/box"};
    struct sandbox box;

    (void)state;
    sandbox_only_privileged(false);
    sandbox_init(&box);
    box.options.binds = &grant;
    box.options.bind_count = 1;
    grant.source = "/root/exists-or-not";
    sandbox_probe(&box, "ls /box");
    assert_true(box.code == -EACCES || box.code == -ENOENT);
    grant.source = "/root/.profile";
    sandbox_probe(&box, "ls /box");
    assert_true(box.code == -EACCES || box.code == -ENOENT);
    sandbox_done(&box);
}

/* bubblewrap CVE-2019-12439: something made under a known name where everyone may write. */
static int entries(const char *path)
{
    DIR *dir = opendir(path);
    int count = 0;

    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count;
}

static void count_entries(struct sandbox *box)
{
    int *counts = box->user;

    counts[0] = entries("/dev/shm");
    counts[1] = entries("/run");
    counts[2] = entries("/var/tmp");
}

static void test_bubblewrap_nothing_is_made_in_shared_places(void **state)
{
    int counts[3], before[3];
    struct sandbox box;
    bool same = false;

    (void)state;
    /* What a task makes is there each time; what somebody else makes meanwhile is not. */
    for (int i = 0; i < 5 && !same; i++) {
        sandbox_init(&box);
        box.user = before;
        count_entries(&box);
        box.user = counts;
        box.meanwhile = count_entries;
        sandbox_expect(&box, "sleep 50", 0);
        same = memcmp(before, counts, sizeof(before)) == 0;
        sandbox_done(&box);
    }
    assert_true(same);
}

/* firejail, Claude Code CVE-2026-25725: a file that was not there at the start, made from inside.
 */
static void test_firejail_absent_files_cannot_be_made(void **state)
{
    char *dir = test_dir(), verbs[1024], path[512];
    struct crib_bind grant = {.source = dir};
    struct sandbox box;

    (void)state;
    assert_int_equal(chmod(dir, 0777), 0);
    sandbox_init(&box);
    box.options.binds = &grant;
    box.options.bind_count = 1;
    snprintf(verbs, sizeof(verbs), "open create %s/.config %s/.git , mkdir %s/.ssh", dir, dir, dir);
    sandbox_probe(&box, verbs);
    assert_null(strstr(box.out, " ok"));
    snprintf(path, sizeof(path), "%s/.config", dir);
    assert_int_equal(access(path, F_OK), -1);
    sandbox_done(&box);
    free(dir);
}

/* crun CVE-2019-18837 and -2026-47766: targets that are symlinks in what is shown of the host. */
static void test_crun_symlinked_targets_stay_beneath(void **state)
{
    static const char *const names[] = {"dev", "proc", "tmp", "etc"};
    char *dir = test_dir();

    (void)state;
    assert_int_equal(chmod(dir, 0777), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char link[512], rules[1024];
        struct sandbox box;

        snprintf(link, sizeof(link), "%s/%s", dir, names[i]);
        assert_int_equal(symlink("/usr", link), 0);
        snprintf(rules, sizeof(rules),
                 "extends: [default]\nmounts:\n- {source: %s, target: /root, write: true}\n"
                 "- {type: tmpfs, target: /root/%s}\n",
                 dir, names[i]);
        sandbox_init(&box);
        box.rules = rules;
        sandbox_probe(&box, "ls /usr");
        if (box.error.code == 0)
            test_contains(box.out, "bin\n");
        else
            assert_false(box.spawned);
        sandbox_done(&box);
    }
    free(dir);
}

/* sandbox2: a policy that hands back, by a group, what confines. */
static void test_sandbox2_no_shipped_policy_lets_tracing_through(void **state)
{
    static const char *const policies[] = {"default", "strict", "network", "shell"};

    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        struct sandbox box;

        sandbox_init(&box);
        box.options.policy = policies[i];
        /* ptrace, bpf, process_vm_writev, io_uring_setup, userfaultfd, perf_event_open, keyctl */
        sandbox_probe(&box, "syscall 101 0 0 0 0 , syscall 321 , syscall 311 , syscall 425 , "
                            "syscall 323 0 , syscall 298 , syscall 250");
        assert_string_equal(box.out, "101 EPERM\n321 EPERM\n311 EPERM\n425 EPERM\n323 EPERM\n298 "
                                     "EPERM\n250 EPERM\n");
        assert_int_equal(box.result.verdict, CRIB_EXITED);
        sandbox_done(&box);
    }
}

/* A task may take more from itself, and gets no listener over itself by it. */
static void test_a_task_can_confine_itself_further(void **state)
{
    const char *const args[] = {
        "-c",
        "import ctypes\n"
        "l = ctypes.CDLL(None, use_errno=True)\n"
        "code = (ctypes.c_uint64 * 1)(0x7fff000000000006)\n"
        "class P(ctypes.Structure): _fields_ = [('n', ctypes.c_ushort), ('f', ctypes.c_void_p)]\n"
        "p = P(1, ctypes.addressof(code))\n"
        "print('nnp', l.prctl(38, 1, 0, 0, 0))\n"
        "print('plain', l.syscall(317, 1, 0, ctypes.byref(p)))\n"
        "print('listener', l.syscall(317, 1, 8, ctypes.byref(p)), ctypes.get_errno())\n",
        NULL};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_run(&box, "python3", args);
    sandbox_says(box.out, "plain", "0");
    sandbox_says(box.out, "listener", "-1 16"); /* EBUSY */
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flatpak_words_with_dashes_are_data),
        cmocka_unit_test(test_bubblewrap_every_pair_of_options_drops_rights),
        cmocka_unit_test(test_codex_every_way_to_start_has_the_same_receipt),
        cmocka_unit_test(test_isolate_two_boxes_share_nothing),
        cmocka_unit_test(test_isolate_unreadable_and_missing_sources),
        cmocka_unit_test(test_bubblewrap_nothing_is_made_in_shared_places),
        cmocka_unit_test(test_firejail_absent_files_cannot_be_made),
        cmocka_unit_test(test_crun_symlinked_targets_stay_beneath),
        cmocka_unit_test(test_sandbox2_no_shipped_policy_lets_tracing_through),
        cmocka_unit_test(test_a_task_can_confine_itself_further),
    };

    return sandbox_test_run(tests);
}
