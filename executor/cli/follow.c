/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/remote.h"
#include "cli/say.h"

static const char *name_of(const struct follow_stream *stream)
{
    return stream->number == STDOUT_FILENO ? "stdout" : "stderr";
}

static void end_stream(struct follow_stream *stream, bool failed)
{
    struct follow *follow = stream->follow;

    follow->failed |= failed;
    if (--follow->open == 0)
        follow->ended(follow);
}

static int ask(struct follow_stream *stream);

/* Where it leads is ours: a reader that is slow makes us slow, and nobody else. */
static int write_out(const struct follow_stream *stream, const Crib__ReadResponse *response)
{
    int r = fd_write_all((int)stream->number, response->data.data, response->data.len);

    if (r < 0)
        say("%s: %s", name_of(stream), strerror(-r));
    return r;
}

static void on_read(struct rpc *rpc, const ProtobufCMessage *message,
                    const struct crib_error *error, void *data)
{
    const Crib__ReadResponse *response = (const Crib__ReadResponse *)message;
    struct follow_stream *stream = data;

    (void)rpc;
    if (error) {
        say_error(error);
        end_stream(stream, true);
        return;
    }
    if (response->lost)
        say("%s: %" PRIu64 " bytes are lost here", name_of(stream), response->lost);
    stream->offset = response->offset + response->data.len;
    if (write_out(stream, response) < 0)
        end_stream(stream, true);
    else if (response->end || (!stream->follow->to_end && stream->offset >= stream->until))
        end_stream(stream, false);
    else if (ask(stream) < 0)
        end_stream(stream, true);
}

static int ask(struct follow_stream *stream)
{
    const struct follow *follow = stream->follow;
    Crib__ReadRequest request = CRIB__READ_REQUEST__INIT;
    int r;

    request.task = follow->task;
    request.stream = stream->number;
    request.offset = stream->offset;
    request.wait = follow->to_end ? REMOTE_POLL_MS : 0;
    r = rpc_call(follow->rpc, RPC_READ, &request.base, REMOTE_MS, on_read, stream);
    if (r < 0)
        say("%s: %s", name_of(stream), strerror(-r));
    return r;
}

static int start_stream(struct follow *follow, const Crib__StreamInfo *info)
{
    struct follow_stream *stream = &follow->streams[info->stream - 1];

    *stream = (struct follow_stream){
        .follow = follow, .number = info->stream, .offset = info->first, .until = info->next};
    if (info->first)
        say("%s: %" PRIu64 " bytes are lost here", name_of(stream), info->first);
    if (!follow->to_end && stream->offset >= stream->until)
        return 0;
    follow->open++;
    return ask(stream);
}

int follow_start(struct follow *follow, const Crib__InspectResponse *about)
{
    for (size_t i = 0; i < about->n_streams; i++) {
        const Crib__StreamInfo *info = about->streams[i];
        int r;

        if (info->stream != STDOUT_FILENO && info->stream != STDERR_FILENO)
            continue;
        r = start_stream(follow, info);
        if (r < 0)
            return r;
    }
    return (int)follow->open;
}
