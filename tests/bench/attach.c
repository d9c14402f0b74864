/* SPDX-License-Identifier: Apache-2.0 */
#include "attach.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "executor.pb-c.h"
#include "samples.h"
#include "ttrpc.pb-c.h"
#include "wire/ttrpc.h"

#define STREAM    1
#define ACK_EVERY 8 /* outputs */

static void must(bool well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "attach: %s\n", what);
    exit(EXIT_FAILURE);
}

static void send_message(struct ttrpc_writer *writer, int sock, enum ttrpc_type type, uint8_t flags,
                         const ProtobufCMessage *message)
{
    struct ttrpc_piece *piece = ttrpc_piece_new(protobuf_c_message_get_packed_size(message));
    size_t len;

    must(piece != NULL, "memory");
    len = protobuf_c_message_pack(message, piece->payload);
    must(ttrpc_writer_put(writer, piece, STREAM, type, flags, len) == 0 &&
             ttrpc_writer_flush(writer, sock) == 0,
         "send");
}

static void begin(struct ttrpc_writer *writer, int sock, uint64_t task)
{
    Crib__Ttrpc__Request request = CRIB__TTRPC__REQUEST__INIT;
    Crib__AttachInput input = CRIB__ATTACH_INPUT__INIT;

    request.service = (char *)"crib.Executor";
    request.method = (char *)"Attach";
    send_message(writer, sock, TTRPC_REQUEST, TTRPC_REMOTE_OPEN, &request.base);
    input.task = task;
    send_message(writer, sock, TTRPC_DATA, 0, &input.base);
}

int attach_open(const char *path, uint64_t task)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct ttrpc_writer *writer = ttrpc_writer_new();

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    must(writer && sock >= 0 && connect(sock, (struct sockaddr *)&address, sizeof(address)) == 0,
         "connect");
    begin(writer, sock, task);
    ttrpc_writer_free(writer);
    return sock;
}

static void acknowledge(struct ttrpc_writer *writer, int sock, uint64_t count)
{
    Crib__AttachInput input = CRIB__ATTACH_INPUT__INIT;

    input.ack = count;
    send_message(writer, sock, TTRPC_DATA, 0, &input.base);
}

/* Return: whether it was the last. */
static bool take(const struct ttrpc_frame *frame, unsigned long long *got, double *first)
{
    Crib__AttachOutput *output;
    bool last;

    must(frame->type == TTRPC_DATA, "an error instead of output");
    if (frame->flags & TTRPC_REMOTE_CLOSED)
        return true;
    output = crib__attach_output__unpack(NULL, frame->len, frame->payload);
    must(output && output->offset <= *got, "no AttachOutput, or a gap");
    if (output->data.len && *got == 0)
        *first = samples_clock();
    *got += output->stream == 1 ? output->data.len : 0;
    last = output->result != NULL;
    crib__attach_output__free_unpacked(output, NULL);
    return last;
}

unsigned long long attach_read(const char *path, uint64_t task, double *first)
{
    struct ttrpc_writer *writer = ttrpc_writer_new();
    struct ttrpc_reader *reader = ttrpc_reader_new();
    int sock = attach_open(path, task);
    unsigned long long got = 0, count = 0;
    struct ttrpc_frame frame;
    bool last = false;

    must(writer && reader, "memory");
    while (!last) {
        if (ttrpc_reader_next(reader, &frame) == 0) {
            long n = ttrpc_reader_fill(reader, sock, NULL);

            if (n == -EAGAIN) {
                recv(sock, &(char){0}, 1, MSG_PEEK);
                continue;
            }
            must(n > 0, "the daemon closed the connection");
            continue;
        }
        last = take(&frame, &got, first);
        if (++count % ACK_EVERY == 0)
            acknowledge(writer, sock, count);
    }
    ttrpc_reader_free(reader);
    ttrpc_writer_free(writer);
    close(sock);
    return got;
}
