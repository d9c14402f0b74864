/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the primary for an address, and waiting for its answer.
 */
#include "child/child.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/fd.h"
#include "child/socket.h"
#include "cluster.pb-c.h"

#define MAX_ADDRESS 255
#define MAX_ERRNO   4095

/* What the primary says to one Listen. */
struct answer {
    bool here;
    int code;      /* 0; negative errno */
    int fd;        /* where code is 0 */
    char why[256]; /* may be empty */
};

/* Why an answer is none. Return: NULL: it is one. */
static const char *objection(const Crib__PrimarySays__Socket *socket, const struct frame *frame)
{
    if (socket->code > 0 || socket->code < -MAX_ERRNO)
        return "the primary's answer is no error that there is";
    if (socket->code < 0)
        return NULL;
    if (frame->nfds != 1)
        return "the primary's answer came without its socket, or with more than one";
    return socket_option(frame->fds[0], SO_TYPE) < 0 ? "what the primary sent is no socket" : NULL;
}

void worker_answer(struct worker *worker, const Crib__PrimarySays__Socket *socket,
                   struct frame *frame)
{
    struct answer *answer = worker->awaited;
    const char *why = socket->why ? socket->why : "", *wrong;

    if (!answer || socket->seq != worker->asked)
        return;
    worker->awaited = NULL;
    wrong = objection(socket, frame);
    answer->here = true;
    answer->code = wrong ? -EPROTO : socket->code;
    snprintf(answer->why, sizeof(answer->why), "%s", wrong ? wrong : why);
    if (answer->code == 0)
        answer->fd = fd_take(&frame->fds[0]);
}

static int gone(const char *address, struct crib_error *err)
{
    return fail_text(err, -ENOTCONN, "listen", -1, address, "the primary is gone");
}

static int check(const crib_child *child, const char *address, enum crib_child_sharing sharing,
                 struct crib_error *err)
{
    if (!child->worker.id)
        return fail_text(err, -ENOTCONN, "listen", -1, address,
                         "this program is no worker of a cluster");
    if (!address || !address[0] || strnlen(address, MAX_ADDRESS + 1) > MAX_ADDRESS)
        return fail_text(err, -EINVAL, "listen", -1, NULL, "no address of 1 to %d bytes",
                         MAX_ADDRESS);
    if ((unsigned)sharing > CRIB_CHILD_SHARE_ROUND_ROBIN)
        return fail_text(err, -EINVAL, "listen", -1, address, "%d is no kind of sharing",
                         (int)sharing);
    return 0;
}

static int ask(crib_child *child, const char *address, enum crib_child_sharing sharing,
               struct crib_error *err)
{
    static const Crib__Sharing kinds[] = {
        [CRIB_CHILD_SHARE_SOCKET] = CRIB__SHARING__socket,
        [CRIB_CHILD_SHARE_REUSEPORT] = CRIB__SHARING__reuseport,
        [CRIB_CHILD_SHARE_ROUND_ROBIN] = CRIB__SHARING__round_robin,
    };
    Crib__WorkerSays says = CRIB__WORKER_SAYS__INIT;
    Crib__WorkerSays__Listen listen = CRIB__WORKER_SAYS__LISTEN__INIT;
    int r;

    says.listen = &listen;
    listen.has_seq = true;
    listen.seq = ++child->worker.asked;
    listen.address = (char *)address;
    listen.has_sharing = sharing != CRIB_CHILD_SHARE_ANY;
    listen.sharing = kinds[sharing];
    r = worker_say(child, &says);
    if (r == -EPIPE)
        return gone(address, err);
    return r < 0 ? fail_sys(err, r, "listen", -1, address, "ask the primary") : 0;
}

/* Reads on until the answer is here. A primary that does not hear us any more may have answered. */
static int await(crib_child *child, const struct answer *answer, const char *address,
                 const struct deadline *deadline, struct crib_error *err)
{
    while (!answer->here) {
        int sent = crib_child_flush(child), r = child_keep(child, err);
        bool late;

        if (answer->here)
            break;
        if (r == 0 || (r == -EAGAIN && sent < 0 && sent != -EAGAIN))
            return gone(address, err);
        if (r < 0 && r != -EAGAIN)
            return r;
        late = r == -EAGAIN ? child_wait(child, POLLIN, deadline) == -ETIMEDOUT
                            : child_is_late(deadline);
        if (late)
            return fail_sys(err, -ETIMEDOUT, "listen", -1, address, "wait for the primary");
    }
    return 0;
}

/* @answer: its fd is taken. */
static int adopt(struct answer *answer, const char *address, int *ret_fd, struct crib_error *err)
{
    int r;

    if (answer->code < 0 && answer->why[0])
        return fail_text(err, answer->code, "listen", -1, address, "%s", answer->why);
    if (answer->code < 0)
        return fail_sys(err, answer->code, "listen", -1, address, NULL);
    r = socket_waits(answer->fd, false);
    if (r < 0) {
        fd_close(&answer->fd);
        return fail_sys(err, r, "listen", -1, address, "set it up");
    }
    *ret_fd = fd_take(&answer->fd);
    return 0;
}

int crib_child_listen(crib_child *child, const char *address, enum crib_child_sharing sharing,
                      int timeout_ms, int *ret_fd, struct crib_error *err)
{
    struct deadline deadline = child_deadline(timeout_ms);
    struct answer answer = {.fd = -1};
    int r = check(child, address, sharing, err);

    if (r == 0)
        r = ask(child, address, sharing, err);
    if (r < 0)
        return r;
    child->worker.awaited = &answer;
    r = await(child, &answer, address, &deadline, err);
    child->worker.awaited = NULL;
    return r < 0 ? r : adopt(&answer, address, ret_fd, err);
}
