/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a forked process takes a filter upon itself, which everything it starts
 * inherits, then runs the sandbox as usual and sends what came of it through a pipe. Nothing may
 * assert over there: a failed assertion aborts the process, and that fails the test here.
 */
#include "sandbox/starve.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "wire/packet.h"

#define MOST_CODE   256
#define DATA(field) offsetof(struct seccomp_data, field)

struct program {
    struct sock_filter code[MOST_CODE];
    unsigned short len;
    bool holds;
};

static void put(struct program *program, uint16_t op, uint32_t k, unsigned yes, unsigned no)
{
    if (program->len >= MOST_CODE)
        abort();
    program->code[program->len++] = (struct sock_filter){op, (uint8_t)yes, (uint8_t)no, k};
}

static uint32_t answer(int code)
{
    if (code == STARVE_PRETENDED)
        return SECCOMP_RET_ERRNO;
    if (code == STARVE_KILLED)
        return SECCOMP_RET_KILL_PROCESS;
    return code ? SECCOMP_RET_ERRNO | (uint32_t)code : SECCOMP_RET_USER_NOTIF;
}

static void put_rule(struct program *program, const struct starve *rule)
{
    unsigned left = 2;

    for (size_t i = 0; i < 3; i++)
        left += rule->when[i].mask ? 3 : 0;
    put(program, BPF_LD | BPF_W | BPF_ABS, DATA(nr), 0, 0);
    put(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)rule->number, 0, left - 1);
    left--;
    for (size_t i = 0; i < 3; i++) {
        const struct starve_when *when = &rule->when[i];

        if (!when->mask)
            continue;
        put(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(DATA(args) + 8 * when->arg), 0, 0);
        put(program, BPF_ALU | BPF_AND | BPF_K, when->mask, 0, 0);
        left -= 3;
        put(program, BPF_JMP | BPF_JEQ | BPF_K, when->value, when->other ? left : 0,
            when->other ? 0 : left);
    }
    put(program, BPF_RET | BPF_K, answer(rule->code), 0, 0);
}

static void compile(const struct starve *rules, struct program *program)
{
    program->len = 0;
    program->holds = false;
    for (; rules->number >= 0; rules++) {
        put_rule(program, rules);
        program->holds |= rules->code == 0;
    }
    put(program, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

/* Return: the listener; -1 where nothing is held. */
static int install(struct program *program)
{
    struct sock_fprog prog = {.len = program->len, .filter = program->code};
    unsigned flags = program->holds ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
    long fd;

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        abort();
    fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
    if (fd < 0)
        abort();
    return program->holds ? (int)fd : -1;
}

static void fill(const struct sandbox *box, struct starved *ret)
{
    const struct crib_error *error = &box->error;

    memset(ret, 0, sizeof(*ret));
    ret->code = box->code;
    ret->error_code = error->code;
    snprintf(ret->step, sizeof(ret->step), "%s", error->step ? error->step : "");
    if (error->code)
        crib_error_text(error, ret->text, sizeof(ret->text));
    ret->verdict = (int)box->result.verdict;
    ret->status = box->result.status;
    ret->signal = box->result.signal;
    ret->spawned = box->spawned;
    ret->denials = box->result.denials;
    snprintf(ret->out, sizeof(ret->out), "%s", box->out ? box->out : "");
    snprintf(ret->json, sizeof(ret->json), "%s", box->json ? box->json : "");
}

/* In the forked process; does not return. */
static void run_starved(struct sandbox *box, const char *file, const char *const *args,
                        const struct starve *rules, int sock)
{
    struct program program;
    struct starved starved;
    int listener;

    setenv("CMOCKA_TEST_ABORT", "1", 1);
    unsetenv("CRIB_TEST_PREPARED"); /* calls would fail at another moment */
    if (box->before)
        box->before();
    compile(rules, &program);
    listener = install(&program);
    if (listener >= 0 && packet_send(sock, "l", 1, &listener, 1) < 0)
        abort();
    fd_close(&listener);
    sandbox_run(box, file, args);
    fill(box, &starved);
    if (packet_send(sock, &starved, sizeof(starved), NULL, 0) < 0)
        abort();
    _exit(0);
}

static void answer_held(int listener, void (*hook)(void *user), void *user, unsigned *held)
{
    struct seccomp_notif *request = calloc(1, 4096);
    struct seccomp_notif_resp *response = calloc(1, 4096);

    if (request && response && ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request) == 0) {
        if (hook)
            hook(user);
        ++*held;
        response->id = request->id;
        response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response);
    }
    free(request);
    free(response);
}

/* Return: whether the result has come. */
static bool receive(int sock, struct starved *ret, int *listener)
{
    static char data[sizeof(struct starved)];
    int fd = -1;
    size_t nfds = 1;
    long n = packet_receive(sock, data, sizeof(data), &fd, &nfds);

    if (n == 1 && nfds == 1)
        *listener = fd;
    if (n == (long)sizeof(*ret))
        memcpy(ret, data, sizeof(*ret));
    return n != 1;
}

static void watch(int sock, void (*hook)(void *user), void *user, struct starved *ret)
{
    struct pollfd polls[2] = {{.fd = sock, .events = POLLIN}, {.fd = -1, .events = POLLIN}};
    unsigned held = 0;

    for (;;) {
        if (poll(polls, 2, 60000) <= 0)
            break;
        if (polls[1].revents & POLLIN)
            answer_held(polls[1].fd, hook, user, &held);
        else if (polls[1].revents)
            fd_close(&polls[1].fd);
        if (polls[0].revents && receive(sock, ret, &polls[1].fd))
            break;
    }
    fd_close(&polls[1].fd);
    ret->held = held;
}

void starve_run(struct sandbox *box, const char *file, const char *const *args,
                const struct starve *rules, void (*hook)(void *user), void *user,
                struct starved *ret)
{
    int pair[2], status;
    pid_t pid;

    memset(ret, 0, sizeof(*ret));
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        fd_close(&pair[0]);
        run_starved(box, file, args, rules, pair[1]);
    }
    fd_close(&pair[1]);
    watch(pair[0], hook, user, ret);
    fd_close(&pair[0]);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (ret->verdict == 0 && ret->code == 0)
        fail_msg("the other process ended with wait status 0x%x and said nothing", status);
}

void starve_probe(struct sandbox *box, const char *verbs, const struct starve *rules,
                  void (*hook)(void *user), void *user, struct starved *ret)
{
    char *line = strdup(verbs);
    const char *args[64] = {0};
    size_t count = 0;
    char *rest = NULL;

    for (char *word = strtok_r(line, " ", &rest); word && count < 63;
         word = strtok_r(NULL, " ", &rest))
        args[count++] = word;
    starve_run(box, sandbox_probe_path(), args, rules, hook, user, ret);
    free(line);
}

static void wait_ms(void *user)
{
    usleep(*(unsigned *)user * 1000);
}

void starve_stall(struct sandbox *box, const char *verbs, const struct starve *rules, unsigned ms,
                  struct starved *ret)
{
    starve_probe(box, verbs, rules, wait_ms, &ms, ret);
}
