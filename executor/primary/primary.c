/* SPDX-License-Identifier: Apache-2.0 */
#include "primary/primary.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "primary/running.h"

#define QUEUED_MOST (256u << 20) /* bytes that nobody takes: then there is no point in going on */
#define INPUT_ARENA (16u << 20)

static void on_poll(uv_poll_t *poll, int status, int events);

/* --- the end --- */

static void on_executor_closed(void *data)
{
    (void)data;
}

static void on_cluster_closed(void *data)
{
    struct primary *primary = data;

    crib_close(primary->ex, on_executor_closed, primary);
    primary->ex = NULL;
}

/* The daemon has gone, or wants no more: what was bound is removed, the workers end. */
static void leave(struct primary *primary)
{
    if (primary->leaving)
        return;
    primary->leaving = true;
    uv_close((uv_handle_t *)&primary->poll, NULL);
    if (primary->cluster)
        crib_cluster_close(primary->cluster, on_cluster_closed, primary);
    else if (primary->ex)
        on_cluster_closed(primary);
    primary->cluster = NULL;
}

/* --- what is said --- */

static void watch(struct primary *primary)
{
    int events = UV_READABLE;

    if (ttrpc_writer_pending(primary->writer))
        events |= UV_WRITABLE;
    if (primary->leaving || events == primary->watching)
        return;
    primary->watching = events;
    uv_poll_start(&primary->poll, events, on_poll);
}

/* Not at once: whoever says something is in the middle of the cluster's calls. */
static void give_up(const struct primary *primary)
{
    shutdown(primary->sock, SHUT_RDWR);
}

static void put_piece(struct primary *primary, struct ttrpc_piece *piece, enum ttrpc_type type,
                      uint8_t flags, size_t len)
{
    if (primary->leaving || !piece) {
        ttrpc_piece_free(piece);
        return;
    }
    if (ttrpc_writer_put(primary->writer, piece, 1, type, flags, len) < 0 ||
        ttrpc_writer_pending(primary->writer) > QUEUED_MOST)
        give_up(primary);
    watch(primary);
}

void primary_put(struct primary *primary, const ProtobufCMessage *message, enum ttrpc_type type)
{
    struct ttrpc_piece *piece = ttrpc_piece_new(protobuf_c_message_get_packed_size(message));
    size_t len = piece ? protobuf_c_message_pack(message, piece->payload) : 0;

    if (!piece)
        give_up(primary);
    put_piece(primary, piece, type, 0, len);
}

void primary_error(const struct crib_error *error, char text[1024], Crib__Error *ret)
{
    crib__error__init(ret);
    ret->has_code = ret->has_sys = ret->has_index = true;
    ret->code = error->code;
    ret->sys = error->sys;
    ret->index = error->index;
    ret->step = (char *)error->step;
    ret->text = crib_error_text(error, text, 1024);
    ret->subject = (char *)error->subject;
    ret->detail = (char *)error->detail;
}

static void refuse(struct primary *primary, const struct crib_error *error)
{
    Crib__Error message;
    char text[1024];

    primary_error(error, text, &message);
    primary->over = true;
    primary_put(primary, &message.base, TTRPC_RESPONSE);
}

void primary_ended(struct primary *primary)
{
    primary->over = true;
    event_ended(primary);
    put_piece(primary, ttrpc_piece_new(0), TTRPC_DATA, TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA, 0);
}

/* --- what is heard --- */

static void begin(struct primary *primary, const Crib__ClusterInput *input)
{
    struct crib_error error = {.index = -1};

    primary->begun = true;
    if (begin_cluster(primary, input->start, &error) < 0)
        refuse(primary, &error);
}

static void take(struct primary *primary, const struct ttrpc_frame *frame)
{
    struct arena arena;
    Crib__ClusterInput *input;

    arena_init(&arena, INPUT_ARENA);
    input = crib__cluster_input__unpack(&arena.pb, frame->len, frame->payload);
    if (!input || (!primary->begun && !input->start))
        give_up(primary); /* the daemon has looked: it is none */
    else if (!primary->begun)
        begin(primary, input);
    else if (primary->cluster && !primary->over)
        command(primary, input);
    arena_done(&arena);
}

/* Return: false: the daemon has closed its end. */
static bool hear(struct primary *primary)
{
    struct ttrpc_frame frame;
    long n = 1;

    while (n > 0 && !primary->leaving) {
        int r = ttrpc_reader_next(primary->reader, &frame);

        if (r < 0)
            return false;
        if (r > 0)
            take(primary, &frame);
        else
            n = ttrpc_reader_fill(primary->reader, primary->sock, NULL);
    }
    return n > 0 || n == -EAGAIN || n == -EINTR;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct primary *primary = poll->data;
    int r = ttrpc_writer_flush(primary->writer, primary->sock);

    (void)events;
    if (status < 0 || (r < 0 && r != -EAGAIN) || !hear(primary)) {
        leave(primary);
        return;
    }
    event_room(primary);
    watch(primary);
}

static int init(struct primary *primary)
{
    int r = uv_loop_init(&primary->loop);

    primary->reader = ttrpc_reader_new();
    primary->writer = ttrpc_writer_new();
    if (r == 0 && (!primary->reader || !primary->writer))
        r = -ENOMEM;
    if (r == 0)
        r = uv_poll_init(&primary->loop, &primary->poll, primary->sock);
    if (r < 0)
        return r;
    primary->poll.data = primary;
    primary->sending.max = CRIB_MAX_MESSAGE;
    arena_init(&primary->start.arena, 0);
    watch(primary);
    return 0;
}

static void done(struct primary *primary)
{
    ttrpc_reader_free(primary->reader);
    ttrpc_writer_free(primary->writer);
    buf_done(&primary->sending);
    free(primary->sending_type);
    arena_done(&primary->start.arena);
    arena_done(&primary->start.allowed.arena);
    crib_policy_free(primary->start.policy);
    (void)uv_loop_close(&primary->loop);
}

int primary_main(const char *path)
{
    struct primary primary = {.path = path, .sock = PRIMARY_SOCK};

    signal(SIGPIPE, SIG_IGN);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || fcntl(PRIMARY_SOCK, F_SETFD, FD_CLOEXEC) < 0 ||
        fcntl(PRIMARY_SOCK, F_SETFL, O_NONBLOCK) < 0)
        return errno;
    if (init(&primary) < 0)
        return ENOMEM;
    uv_run(&primary.loop, UV_RUN_DEFAULT);
    done(&primary);
    return 0;
}
