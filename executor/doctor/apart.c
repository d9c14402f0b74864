/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"

#define MAX_BYTES (4u << 20) /* of what it says */
#define GRACE_MS  100        /* that a killed process is waited for */

static int say(int fd, const ProtobufCMessage *msg)
{
    size_t len = protobuf_c_message_get_packed_size(msg);
    AUTO_FREE uint8_t *data = malloc(len + 1);

    if (!data)
        return -ENOMEM;
    protobuf_c_message_pack(msg, data);
    return fd_write_all(fd, data, len);
}

static void child(apart_body *body, void *arg, int fd)
{
    ProtobufCMessage *msg = NULL;
    struct arena arena;
    int r;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    arena_init(&arena, 0);
    r = body(arg, &arena, &msg);
    if (r == 0)
        r = say(fd, msg);
    arena_done(&arena);
    _exit(r < 0);
}

int apart_start(struct apart *apart, apart_body *body, void *arg)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    apart->pid = fork();
    if (apart->pid == 0)
        child(body, arg, ends[1]);
    close(ends[1]);
    apart->fd = ends[0];
    if (apart->pid > 0)
        return 0;
    fd_close(&apart->fd);
    return -EAGAIN;
}

/* Return: bytes read, 0 at the end; -ETIMEDOUT; negative errno. */
static ssize_t listen_until(int fd, uint64_t until, struct buf *said)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    uint64_t now = clock_us();
    uint8_t *room = buf_reserve(said, 65536);
    ssize_t n;
    int r;

    if (!room)
        return -ENOMEM;
    r = poll(&readable, 1, now < until ? (int)((until - now) / 1000) + 1 : 0);
    if (r <= 0)
        return r < 0 ? -errno : -ETIMEDOUT;
    n = read(fd, room, 65536);
    if (n > 0)
        buf_grown(said, (size_t)n);
    return n < 0 ? -errno : n;
}

static int listen_all(int fd, uint64_t until, struct buf *said)
{
    ssize_t n;

    do
        n = listen_until(fd, until, said);
    while (n > 0 || n == -EINTR);
    return (int)n;
}

static int unpack(const ProtobufCMessageDescriptor *type, const struct buf *said,
                  struct arena *arena, ProtobufCMessage **ret)
{
    *ret = protobuf_c_message_unpack(type, &arena->pb, said->len, said->data);
    return *ret ? 0 : -EPROTO;
}

/* A killed process is gone in a moment, or not for a long time. */
static void give_up(pid_t pid)
{
    AUTO_FD int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd gone = {.fd = pidfd, .events = POLLIN};

    kill(pid, SIGKILL);
    poll(&gone, 1, GRACE_MS);
    (void)waitpid(pid, NULL, WNOHANG);
}

static int wait_end(pid_t pid)
{
    int status = -1;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status == 0 ? 0 : -ECHILD;
}

int apart_end(struct apart *apart, uint64_t until, const ProtobufCMessageDescriptor *type,
              struct arena *arena, ProtobufCMessage **ret)
{
    struct buf said = {.max = MAX_BYTES};
    int r = listen_all(apart->fd, until, &said);

    fd_close(&apart->fd);
    if (r < 0)
        give_up(apart->pid);
    else
        r = wait_end(apart->pid);
    if (r == 0)
        r = unpack(type, &said, arena, ret);
    buf_done(&said);
    return r;
}

void apart_drop(struct apart *apart)
{
    fd_close(&apart->fd);
    give_up(apart->pid);
}
