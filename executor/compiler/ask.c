/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: the question goes out and the answer comes in on one non-blocking socket, in
 * that order, by poll() until the deadline. What ends the wait is the answer's last byte, the
 * socket's end, or the pidfd: another thread's fork may hold a copy of the compiler's end of the
 * socket, and the host may take our child from us by waiting for any. Whatever came of it, the
 * process is killed then.
 */
#include "compiler/compiler.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"

#define GONE_MS 1000 /* a killed process takes far less */

extern const char compiler_bytes[], compiler_bytes_end[]; /* image.S */

struct image compiler_image = {.name = "crib-compiler",
                               .step = "syscalls",
                               .data = compiler_bytes,
                               .end = compiler_bytes_end,
                               .installed = CRIB_COMPILER_PATH,
                               .kept = -1};

/* One question. */
struct asking {
    int socket;
    struct image_process process;
    uint64_t until; /* clock_us() */
};

/* Both ends above 2, which may be closed in the caller and must not be mistaken for its stdio. */
static int make_socket(int *ret_ours, int *ret_theirs)
{
    AUTO_FD int one = -1, other = -1;
    int pair[2], ours;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    one = pair[0];
    other = pair[1];
    ours = fd_copy(one, 3);
    *ret_theirs = ours < 0 ? ours : fd_copy(other, 3);
    if (*ret_theirs < 0)
        fd_close(&ours);
    *ret_ours = ours;
    return *ret_theirs < 0 ? *ret_theirs : 0;
}

/* Return: 1 the socket can be used; 0 the process is gone; -ETIMEDOUT; negative errno. */
static int wait_for(const struct asking *asking, short events)
{
    struct pollfd fds[] = {{.fd = asking->socket, .events = events},
                           {.fd = asking->process.pidfd, .events = POLLIN}};

    for (;;) {
        uint64_t now = clock_us();
        int n = now < asking->until ? poll(fds, 2, (int)((asking->until - now) / 1000 + 1)) : 0;

        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return -ETIMEDOUT;
        if (n > 0)
            return fds[0].revents != 0;
    }
}

static int send_all(const struct asking *asking, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(asking->socket, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        int r = 1;

        if (n < 0 && errno == EAGAIN)
            r = wait_for(asking, POLLOUT);
        else if (n < 0 && errno != EINTR)
            return -errno;
        if (r <= 0)
            return r < 0 ? r : -EPIPE;
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* What a process that is gone has still written is read before its end is noticed. */
static int receive_all(const struct asking *asking, uint8_t *data, size_t len)
{
    bool gone = false;

    while (len > 0) {
        ssize_t n = recv(asking->socket, data, len, MSG_DONTWAIT);
        int r = 1;

        if (n == 0 || (n < 0 && errno == EAGAIN && gone))
            return -EPIPE;
        if (n < 0 && errno == EAGAIN)
            r = wait_for(asking, POLLIN);
        else if (n < 0 && errno != EINTR)
            return errno == ECONNRESET ? -EPIPE : -errno;
        if (r < 0)
            return r;
        gone = r == 0;
        data += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int send_question(const struct asking *asking, const Crib__Compilation *asked)
{
    size_t len = crib__compilation__get_packed_size(asked);
    AUTO_FREE uint8_t *data = NULL;
    uint32_t head = htonl((uint32_t)len);

    if (len > COMPILER_ASKED)
        return -E2BIG;
    data = malloc(sizeof(head) + len);
    if (!data)
        return -ENOMEM;
    memcpy(data, &head, sizeof(head));
    crib__compilation__pack(asked, data + sizeof(head));
    return send_all(asking, data, sizeof(head) + len);
}

static int receive_answer(const struct asking *asking, struct arena *arena, Crib__Compiled **ret)
{
    AUTO_FREE uint8_t *data = NULL;
    uint32_t len;
    int r = receive_all(asking, (uint8_t *)&len, sizeof(len));

    if (r < 0)
        return r;
    len = ntohl(len);
    if (len > COMPILER_TOLD)
        return -EPROTO;
    data = malloc(len + 1);
    r = data ? receive_all(asking, data, len) : -ENOMEM;
    if (r < 0)
        return r;
    *ret = crib__compiled__unpack(&arena->pb, len, data);
    return *ret ? 0 : -EPROTO;
}

/* Return: how it ended, as waitid's si_status and si_code; si_code 0: nobody can tell. */
static siginfo_t end(struct asking *asking, bool at_once)
{
    struct pollfd gone = {.fd = asking->process.pidfd, .events = POLLIN};
    siginfo_t info = {0};

    if (at_once || poll(&gone, 1, 0) <= 0)
        syscall(SYS_pidfd_send_signal, asking->process.pidfd, SIGKILL, NULL, 0);
    poll(&gone, 1, GONE_MS);
    if (waitid(P_PIDFD, (id_t)asking->process.pidfd, &info, WEXITED | WNOHANG) < 0)
        info.si_code = 0;
    fd_close(&asking->process.pidfd);
    return info;
}

static int refuse(int code, const siginfo_t *info, struct crib_error *err)
{
    const char *name = compiler_image.name;

    if (code == -ETIMEDOUT)
        return fail_text(err, code, "syscalls", -1, NULL,
                         "compiling took more than %d s, and was given up; fewer conditions on one "
                         "call take less",
                         COMPILER_SECONDS);
    if (code == -E2BIG)
        return fail_text(err, code, "syscalls", -1, NULL, "too many rules to be compiled");
    if (code == -EPROTO)
        return fail_text(err, code, "syscalls", -1, NULL, "the answer of %s makes no sense", name);
    if (code != -EPIPE)
        return fail_sys(err, code, "syscalls", -1, NULL, "ask %s", name);
    if (info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED)
        return fail_text(err, -EPROTO, "syscalls", -1, NULL,
                         "%s was ended by signal %d before it answered", name, info->si_status);
    return fail_text(err, -EPROTO, "syscalls", -1, NULL, "%s ended before it answered", name);
}

/* What it says of itself is no more certain than its programs. */
static int check(const Crib__Compilation *asked, const Crib__Compiled *told, struct crib_error *err)
{
    static const char *const failures[] = {"?", "a new filter", "a rule",
                                           "the program, which takes memfd_create", "the question"};

    if (told->has_failure) {
        bool known = told->code < 0 && told->code >= -4095 && told->failure >= 1 &&
                     told->failure < sizeof(failures) / sizeof(failures[0]);

        if (told->code == -EFBIG)
            return fail_text(err, told->code, "syscalls", -1, NULL,
                             "the filter is larger than the caller's limit on the size of files: "
                             "raise it (`ulimit -f`)");
        return known ? fail_sys(err, told->code, "syscalls", -1, NULL, "libseccomp: %s",
                                failures[told->failure])
                     : refuse(-EPROTO, NULL, err);
    }
    if (told->n_programs != asked->n_sections)
        return refuse(-EPROTO, NULL, err);
    for (size_t i = 0; i < told->n_programs; i++)
        if (!told->programs[i].len || told->programs[i].len % 8 ||
            told->programs[i].len > COMPILER_LONGEST * 8)
            return refuse(-EPROTO, NULL, err);
    return 0;
}

int compiler_ask(const Crib__Compilation *asked, struct arena *arena, Crib__Compiled **ret,
                 struct crib_error *err)
{
    AUTO_FD int ours = -1, theirs = -1;
    struct asking asking = {.until = clock_us() + COMPILER_SECONDS * 1000000u};
    struct image_start start = {.name = compiler_image.name};
    siginfo_t info;
    int r;

    start.image = image_fd(&compiler_image, err);
    if (start.image < 0)
        return start.image;
    r = make_socket(&ours, &theirs);
    if (r < 0)
        return refuse(r, NULL, err);
    start.fd0 = theirs;
    asking.socket = ours;
    r = image_start(&start, &asking.process);
    if (r < 0 || asking.process.failed < 0)
        return fail_sys(err, r < 0 ? r : asking.process.failed, "syscalls", -1, NULL,
                        "start %s, which takes close_range (Linux 5.11) and execveat",
                        compiler_image.name);
    fd_close(&theirs);
    r = send_question(&asking, asked);
    if (r == 0 || r == -EPIPE) /* it may have said why before it went */
        r = receive_answer(&asking, arena, ret);
    info = end(&asking, r != -EPIPE);
    return r < 0 ? refuse(r, &info, err) : check(asked, *ret, err);
}
