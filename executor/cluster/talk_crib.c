/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that use libcrib-child: cluster.proto. */
#include "cluster/talk.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "cluster.pb-c.h"
#include "cluster/worker.h"

#define TYPE     "crib.cluster"
#define MAX_SAID 4096 /* bytes; nothing that a worker may say is longer */

static bool refuse(crib_worker *worker, const char *why)
{
    struct crib_error error;

    fail_text(&error, -EPROTO, "worker", (int)worker->id, NULL, "%s", why);
    worker_complain(worker, &error);
    return true;
}

static int say(crib_worker *worker, const Crib__PrimarySays *says, int fd)
{
    uint8_t data[MAX_SAID];
    size_t len = crib__primary_says__get_packed_size(says);

    if (len > sizeof(data))
        return -EMSGSIZE;
    crib__primary_says__pack(says, data);
    return worker_say(worker, TYPE, data, len, fd);
}

static void asks(crib_worker *worker, const Crib__WorkerSays__Listen *listen)
{
    struct ask ask = {.seq = (int64_t)listen->seq,
                      .backlog = listen->backlog > 0 && listen->backlog <= INT32_MAX
                                     ? (int)listen->backlog
                                     : CLUSTER_BACKLOG};
    struct crib_error error;

    if (listen->has_sharing)
        ask.sharing = (enum crib_sharing)listen->sharing;
    if (!listen->address) {
        refuse(worker, "it asks for no address");
    } else if ((unsigned)ask.sharing > CRIB_SHARE_ROUND_ROBIN) {
        fail_text(&error, -EINVAL, "listen", -1, NULL, "%u is no way to share",
                  (unsigned)ask.sharing);
        worker_complain(worker, &error);
        talk_crib.answer(worker, &ask, NULL, -1, &error);
    } else if (listen_parse(listen->address, false, &ask.address, &error) < 0) {
        worker_complain(worker, &error);
        talk_crib.answer(worker, &ask, NULL, -1, &error);
    } else {
        worker_asks(worker, &ask);
    }
}

static bool on_message(crib_worker *worker, const struct crib_message *message)
{
    Crib__WorkerSays *says;

    if (strcmp(message->type, TYPE) != 0)
        return false;
    says = message->len <= MAX_SAID ? crib__worker_says__unpack(NULL, message->len, message->data)
                                    : NULL;
    if (!says)
        return refuse(worker, "what it says to its primary is nonsense");
    worker->spoke = true;
    if (says->online)
        worker_online(worker);
    if (says->listen)
        asks(worker, says->listen);
    if (says->leaving)
        worker_leaves(worker);
    if (says->pong)
        worker_ponged(worker, says->pong->seq);
    crib__worker_says__free_unpacked(says, NULL);
    return true;
}

static int answer(crib_worker *worker, const struct ask *ask, struct part *part, int fd,
                  const struct crib_error *why)
{
    Crib__PrimarySays says = CRIB__PRIMARY_SAYS__INIT;
    Crib__PrimarySays__Socket socket = CRIB__PRIMARY_SAYS__SOCKET__INIT;
    char address[LISTEN_TEXT], text[1024];
    int r;

    says.socket = &socket;
    socket.has_seq = socket.has_code = true;
    socket.seq = (uint64_t)ask->seq;
    if (part) {
        listen_text(&part->bound->address, address);
        socket.address = address;
        socket.has_sharing = true;
        socket.sharing = (Crib__Sharing)part->bound->sharing;
    } else {
        socket.code = why->code;
        socket.why = (char *)crib_error_text(why, text, sizeof(text));
    }
    r = say(worker, &says, fd);
    if (r == 0 && part)
        worker_listening(worker, part);
    return r;
}

/* One byte with the fd; the worker answers with the same. */
static int give(struct part *part, const struct connection *connection)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = {.room = {0}};
    unsigned char byte = connection->byte;
    struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control.room)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&msg);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &connection->fd, sizeof(int));
    return sendmsg(part->pair_fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -errno;
}

static int ping(crib_worker *worker, uint64_t seq)
{
    Crib__PrimarySays says = CRIB__PRIMARY_SAYS__INIT;
    Crib__PrimarySays__Ping message = CRIB__PRIMARY_SAYS__PING__INIT;

    says.ping = &message;
    message.has_seq = true;
    message.seq = seq;
    return say(worker, &says, -1);
}

static int leave(crib_worker *worker)
{
    return crib_task_disconnect(worker->task);
}

const struct talk talk_crib = {.id_variable = "CRIB_WORKER_ID",
                               .message = on_message,
                               .answer = answer,
                               .give = give,
                               .ping = ping,
                               .leave = leave,
                               .pairs = true,
                               .sharing = CRIB_SHARE_SOCKET};
