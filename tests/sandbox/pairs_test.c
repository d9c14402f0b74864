/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tasks of the same caller, under the same policy and at the same time, by everything with
 * which one process may reach another. Each way is first gone by two processes without a sandbox,
 * where it must lead somewhere: a probe that never succeeds shows nothing.
 */
#include "sandbox/live.h"
#include "sandbox/own_ids.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fd.h"

#define FILE_OF_BOTH "(file)" /* stands for one that both see */
#define PID_OF_OTHER "(pid)"

struct way {
    const char *kind, *where;
    const char *absent; /* what two processes without a sandbox may say instead, on some host */
    unsigned leads;     /* under which policies it leads to the other all the same: threats.md */
};

enum { DEFAULT = 1, NETWORK = 2, STRICT = 4, OWN = 8, APART = 16, OWNER = 32, MAY = 64 };

#define WITHOUT_ENTRY (DEFAULT | NETWORK | OWN) /* where no entry of the policy closes it */

/* What docs/threats.md says closes the ways by files that both see. */
static const char apart[] = "extends: [default]\n"
                            "syscalls:\n"
                            "  deny:\n"
                            "    - flock\n"
                            "    - fcntl(cmd == F_GETLK)\n"
                            "    - fcntl(cmd == F_SETLK)\n"
                            "    - fcntl(cmd == F_SETLKW)\n"
                            "    - fcntl(cmd == F_OFD_GETLK)\n"
                            "    - fcntl(cmd == F_OFD_SETLK)\n"
                            "    - fcntl(cmd == F_OFD_SETLKW)\n"
                            "    - fcntl(cmd == F_SETLEASE)\n"
                            "    - fcntl(cmd == F_NOTIFY)\n"
                            "    - inotify_init\n"
                            "    - inotify_init1\n";

static const struct policy {
    const char *name, *rules; /* rules: NULL: shipped */
    unsigned bit;
} policies[] = {
    {"default", NULL, DEFAULT},  {"network", NULL, NETWORK}, {"strict", NULL, STRICT},
    {"own", OWN_PREFERRED, OWN}, {"apart", apart, APART},
};

static const struct way ways[] = {
    {"sysv-shm", "-", "", 0},
    {"sysv-sem", "-", "", 0},
    {"sysv-msg", "-", "", 0},
    {"posix-shm", "-", "", 0},
    {"file", "-", "", 0},
    {"mqueue", "-", "", 0},
    {"key", "session", "ENOSYS EPERM", 0},
    {"key", "user", "ENOSYS EPERM", 0},
    {"key", "user-session", "ENOSYS EPERM", 0},
    {"key", "persistent", "ENOSYS EPERM EOPNOTSUPP", 0},
    {"abstract", "-", "", 0},
    {"path", "-", "", 0},
    {"vsock", "-", "EAFNOSUPPORT ENODEV EADDRNOTAVAIL ENETUNREACH EHOSTUNREACH", 0},
    {"tcp", "-", "", 0},
    {"kill", PID_OF_OTHER, "", 0},
    {"kill-any", PID_OF_OTHER, "", 0},
    {"sigqueue", PID_OF_OTHER, "", 0},
    {"pidfd", PID_OF_OTHER, "", 0},
    {"pidfd-getfd", PID_OF_OTHER, "EPERM", 0},
    {"ptrace", PID_OF_OTHER, "EPERM", 0},
    {"memory", PID_OF_OTHER, "EPERM EFAULT", 0},
    {"proc", PID_OF_OTHER, "", 0},
    {"priority", PID_OF_OTHER, "", 0},
    {"affinity", PID_OF_OTHER, "", 0},
    {"prlimit", PID_OF_OTHER, "", 0},
    {"flock", FILE_OF_BOTH, "", WITHOUT_ENTRY},
    {"posix-lock", FILE_OF_BOTH, "", WITHOUT_ENTRY},
    {"ofd-lock", FILE_OF_BOTH, "", WITHOUT_ENTRY},
    {"lease", FILE_OF_BOTH, "", WITHOUT_ENTRY | OWNER},
    {"inotify", FILE_OF_BOTH, "", WITHOUT_ENTRY},
    {"fanotify", FILE_OF_BOTH, "EPERM ENOSYS", 0},
    {"count-queues", "-", "", 0},
    {"count-signals", "-", "", WITHOUT_ENTRY | APART | MAY},
    {"count-locked", "-", "nothing", 0},
    {"count-watchers", "-", "", WITHOUT_ENTRY | MAY},
};

static char file_of_both[600];
static long number = 0;

/* --- without a sandbox --- */

struct plain {
    pid_t pid;
    int in, out;
};

static void plain_start(struct plain *plain, const char *const *words)
{
    int in[2], out[2];

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    plain->pid = fork();
    if (plain->pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execv(words[0], (char *const *)words);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    plain->in = in[1];
    plain->out = out[0];
}

/* Up to the end of a line. */
static void plain_read(struct plain *plain, char *text, size_t size)
{
    size_t len = 0;

    while (len < size - 1 && read(plain->out, text + len, 1) == 1 && text[len] != '\n')
        len++;
    text[len] = '\0';
}

static void plain_end(struct plain *plain)
{
    close(plain->in);
    close(plain->out);
    assert_int_equal(waitpid(plain->pid, NULL, 0), plain->pid);
}

/* What the one that reaches says, behind `reach `; the error of the other one where it cannot
 * offer.
 */
static const char *go_plain(const struct way *way)
{
    static char offered[128], reached[128];
    char text[32], pid[16];
    const char *where = strcmp(way->where, FILE_OF_BOTH) == 0 ? file_of_both : way->where;
    const char *const offer[] = {sandbox_probe_path(), "offer", way->kind, text, where, NULL};
    const char *const reach[] = {sandbox_probe_path(),
                                 "reach",
                                 way->kind,
                                 text,
                                 strcmp(where, PID_OF_OTHER) == 0 ? pid : where,
                                 NULL};
    struct plain one, other;

    snprintf(text, sizeof(text), "%ld", ++number);
    plain_start(&one, offer);
    plain_read(&one, offered, sizeof(offered));
    snprintf(pid, sizeof(pid), "%d", (int)one.pid);
    if (strcmp(offered, "offer ok") == 0) {
        plain_start(&other, reach);
        plain_read(&other, reached, sizeof(reached));
        plain_end(&other);
    }
    plain_end(&one);
    return strcmp(offered, "offer ok") == 0 ? reached + strlen("reach ")
                                            : offered + strlen("offer ");
}

static bool is_one_of(const char *word, const char *words)
{
    size_t len = strlen(word);

    for (const char *at = words; len && (at = strstr(at, word)); at += len)
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || !at[len]))
            return true;
    return false;
}

static void test_without_a_sandbox_each_leads_to_the_other(void **state)
{
    int failures = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        const char *says = go_plain(&ways[i]);

        if (strcmp(says, "reached") == 0)
            continue;
        print_message("%s %s: without a sandbox: %s\n", ways[i].kind, ways[i].where, says);
        failures += !is_one_of(says, ways[i].absent);
    }
    assert_int_equal(failures, 0);
}

/* --- between tasks --- */

static void start(struct live *live, struct live_task *task, const char *policy,
                  const struct crib_bind *bind, const char *const *words)
{
    live_task(task);
    task->options.policy = policy;
    task->options.binds = bind;
    task->options.bind_count = 1;
    live_started(task,
                 crib_spawn(live->ex, sandbox_probe_path(), words, &task->options, &task->task,
                            &task->error),
                 &task->error);
    for (int fd = 1; fd <= 2; fd++)
        assert_int_equal(
            crib_stream_read_start(crib_task_stream(task->task, fd), live_on_data, task), 0);
}

static bool has_line(struct live_task *task)
{
    return task->out.len && memchr(task->out.data, '\n', task->out.len);
}

static void wait_line(struct live *live, struct live_task *task)
{
    uv_timer_start(&live->patience, live_on_impatience, LIVE_PATIENCE_MS, 0);
    while (!has_line(task) && task->task && !live->impatient)
        uv_run(&live->loop, UV_RUN_ONCE);
    uv_timer_stop(&live->patience);
    assert_false(live->impatient);
}

static const char *said(struct live_task *task, const char *before)
{
    static char text[2][256];
    static int next;
    char *ret = text[next++ % 2];
    size_t len = strlen(before);

    buf_append(&task->out, "", 1);
    snprintf(ret, sizeof(text[0]), "%s", (char *)task->out.data);
    ret[strcspn(ret, "\n")] = '\0';
    if (!*ret) /* it has not come to an answer: its filter ended it */
        return task->result.verdict == CRIB_FILTER || task->result.verdict == CRIB_SIGNALED
                   ? "ended"
                   : "silent";
    return strncmp(ret, before, len) == 0 ? ret + len : ret;
}

/* As go_plain(). */
static const char *go(const struct way *way, const char *policy)
{
    struct crib_bind bind = {.source = file_of_both};
    char text[32], pid[16];
    const char *where = strcmp(way->where, FILE_OF_BOTH) == 0 ? file_of_both : way->where;
    const char *const offer[] = {"offer", way->kind, text, where, NULL};
    const char *const reach[] = {"reach", way->kind, text,
                                 strcmp(where, PID_OF_OTHER) == 0 ? pid : where, NULL};
    struct live live;
    struct live_task one, other;
    const char *offered, *reached;

    snprintf(text, sizeof(text), "%ld", ++number);
    live_open(&live);
    start(&live, &one, policy, &bind, offer);
    wait_line(&live, &one);
    if (one.task)
        snprintf(pid, sizeof(pid), "%d", (int)crib_task_pid(one.task));
    start(&live, &other, policy, &bind, reach);
    crib_stream_close(crib_task_stream(other.task, 0));
    while (other.task)
        live_until(&live, &other, "close");
    if (one.task)
        crib_stream_close(crib_task_stream(one.task, 0));
    live_run(&live);
    live_close(&live);
    offered = said(&one, "offer ");
    reached = said(&other, "reach ");
    buf_done(&one.out);
    buf_done(&one.err);
    buf_done(&other.out);
    buf_done(&other.err);
    return strcmp(offered, "ok") == 0 ? reached : offered;
}

static const char *write_policy(const char *rules)
{
    static char path[600];
    char *dir = test_dir();

    assert_int_equal(chmod(dir, 0755), 0);
    snprintf(path, sizeof(path), "%s/policy.yaml", dir);
    test_write(path, rules, strlen(rules), 0644);
    free(dir);
    return path;
}

/* A lease is for the owner of a file: for the tasks of an ordinary caller that have its own id. */
static bool should_lead(const struct way *way, const struct policy *policy, bool own)
{
    if (way->leads & OWNER && (sandbox_privileged() || (policy->bit == OWN && own)))
        return false;
    return way->leads & policy->bit;
}

static int failures_under(const struct policy *policy, bool own)
{
    const char *name = policy->rules ? write_policy(policy->rules) : policy->name;
    int failures = 0;

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        const char *says = go(&ways[i], name);
        bool leads = strcmp(says, "reached") == 0, should = should_lead(&ways[i], policy, own);
        /* What is counted for the user, all its other processes change, too. */
        bool wrong = leads != should && !(should && ways[i].leads & MAY);

        if (wrong || getenv("CRIB_TEST_SHOW"))
            print_message("%s %s under %s: %s%s\n", ways[i].kind, ways[i].where, policy->name, says,
                          wrong ? ", which is wrong" : "");
        failures += wrong;
    }
    return failures;
}

static void test_between_tasks_none_does(void **state)
{
    bool own = own_ids_here();
    int failures = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++)
        failures += failures_under(&policies[i], own);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_sandbox_each_leads_to_the_other),
        cmocka_unit_test(test_between_tasks_none_does),
    };
    char *dir = test_dir();

    number = 1000000 + (long)getpid() * 1000;
    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL); /* one that all of ours have */
    chmod(dir, 0755);
    snprintf(file_of_both, sizeof(file_of_both), "%s/of-both", dir);
    test_write(file_of_both, "both may read this\n", 19, 0644);
    free(dir);
    return sandbox_test_run(tests);
}
