/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands for a daemon: threads behind a socket that say what a script makes them say.
 *
 *     static void script(struct fake_talk *talk) { …fake_next(talk)… fake_answer(talk, …) }
 *
 *     fake_start(&fake, script);
 *     rpc_open(&loop, fake.path, …)
 *     fake_stop(&fake);
 *
 * The script is run for each connection that speaks ttrpc, which is closed when it returns;
 * connections of the fd side are answered by `fds`, or as they should be.
 *
 * Runs in: tests; scripts in threads of their own, so they assert nothing and end on any error.
 */
#ifndef DAEMON_FAKE_H
#define DAEMON_FAKE_H

#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/arena.h"
#include "executor.pb-c.h"
#include "ttrpc.pb-c.h"
#include "wire/frame.h"
#include "wire/ttrpc.h"

#define FAKE_TALKS 32

struct fake;

/* One connection. */
struct fake_talk {
    struct fake *fake;
    pthread_t thread;
    int sock;
    int number; /* 0: the first that speaks ttrpc */
    struct ttrpc_reader *reader;
    /* The request read last: */
    struct arena arena;
    uint32_t stream;
    const char *method;
    ProtobufCBinaryData payload;
    /* Of the fd side: what came with the last register. */
    int given[FRAME_MAX_FDS];
    size_t n_given;
};

struct fake {
    char *dir;
    char path[512];
    int sock;
    int stop[2]; /* readable: the test is over */
    pthread_t thread;
    struct fake_talk talks[FAKE_TALKS];
    size_t n_talks;
    int connections; /* that speak ttrpc */
    void (*script)(struct fake_talk *talk);
    void (*fds)(struct fake_talk *talk); /* NULL: fake_side() */
    void *user;
    int hand;                 /* what FdTake gets; -1: nothing */
    int registered, released; /* by the fd side: fds, requests */
};

/* --- of scripts --- */

/* Waits for bytes or the end of the test. Return: whether there are bytes. */
static inline bool fake_wait(struct fake_talk *talk)
{
    struct pollfd fds[2] = {{.fd = talk->sock, .events = POLLIN},
                            {.fd = talk->fake->stop[0], .events = POLLIN}};

    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        ;
    return fds[0].revents != 0 && !fds[1].revents;
}

/* Says nothing until the client closes, or the test is over. */
static inline void fake_mute(struct fake_talk *talk)
{
    char data[4096];

    while (fake_wait(talk) && recv(talk->sock, data, sizeof(data), 0) > 0)
        ;
}

/* Return: whether another request has come. */
static inline bool fake_next(struct fake_talk *talk)
{
    Crib__Ttrpc__Request *request;
    struct ttrpc_frame frame;
    int r;

    arena_done(&talk->arena);
    while ((r = ttrpc_reader_next(talk->reader, &frame)) == 0)
        if (!fake_wait(talk) || ttrpc_reader_fill(talk->reader, talk->sock, NULL) <= 0)
            return false;
    request =
        r < 0 ? NULL : crib__ttrpc__request__unpack(&talk->arena.pb, frame.len, frame.payload);
    if (!request || strcmp(request->service, "crib.Executor") != 0)
        return false;
    talk->stream = frame.stream;
    talk->method = request->method;
    talk->payload = request->payload;
    return true;
}

static inline bool fake_is(const struct fake_talk *talk, const char *method)
{
    return strcmp(talk->method, method) == 0;
}

/* Return: the request's message; NULL. Good until the next one. */
static inline void *fake_message(struct fake_talk *talk, const ProtobufCMessageDescriptor *type)
{
    return protobuf_c_message_unpack(type, &talk->arena.pb, talk->payload.len, talk->payload.data);
}

static inline void fake_raw(struct fake_talk *talk, const void *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(talk->sock, data, len, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        data = (const char *)data + n;
        len -= (size_t)n;
    }
}

static inline void fake_frame(struct fake_talk *talk, uint32_t stream, uint8_t type,
                              const void *payload, size_t len)
{
    uint8_t *data = malloc(TTRPC_HEADER + len);
    uint32_t words[2] = {htobe32((uint32_t)len), htobe32(stream)};

    memcpy(data, words, sizeof(words));
    data[8] = type;
    data[9] = 0;
    if (len)
        memcpy(data + TTRPC_HEADER, payload, len);
    fake_raw(talk, data, TTRPC_HEADER + len);
    free(data);
}

static inline void fake_respond(struct fake_talk *talk, uint32_t stream,
                                const Crib__Ttrpc__Response *response)
{
    size_t len = crib__ttrpc__response__get_packed_size(response);
    uint8_t *data = malloc(len + 1);

    crib__ttrpc__response__pack(response, data);
    fake_frame(talk, stream, TTRPC_RESPONSE, data, len);
    free(data);
}

/* Answers a request with a message; NULL: an empty one. */
static inline void fake_answer_to(struct fake_talk *talk, uint32_t stream,
                                  const ProtobufCMessage *message)
{
    Crib__Ttrpc__Response response = CRIB__TTRPC__RESPONSE__INIT;
    size_t len = message ? protobuf_c_message_get_packed_size(message) : 0;
    uint8_t *data = malloc(len + 1);

    if (message)
        protobuf_c_message_pack(message, data);
    response.payload = (ProtobufCBinaryData){len, data};
    fake_respond(talk, stream, &response);
    free(data);
}

static inline void fake_answer(struct fake_talk *talk, const ProtobufCMessage *message)
{
    fake_answer_to(talk, talk->stream, message);
}

/* Answers with an error; @error may be NULL. */
static inline void fake_refuse(struct fake_talk *talk, int code, const char *text,
                               const Crib__Error *error)
{
    Crib__Ttrpc__Response response = CRIB__TTRPC__RESPONSE__INIT;
    Crib__Ttrpc__Status status = CRIB__TTRPC__STATUS__INIT;
    Crib__Ttrpc__Any any = CRIB__TTRPC__ANY__INIT, *details[] = {&any};
    uint8_t data[4096];

    status.code = code;
    status.message = (char *)text;
    response.status = &status;
    if (error) {
        any.type_url = (char *)"type.googleapis.com/crib.Error";
        any.value = (ProtobufCBinaryData){crib__error__pack(error, data), data};
        status.details = details;
        status.n_details = 1;
    }
    fake_respond(talk, talk->stream, &response);
}

/* --- the fd side --- */

static inline void fake_reply(struct fake_talk *talk, const char *type, int code, int fd)
{
    struct frame_writer *writer = frame_writer_new(0);
    Crib__FdReply reply = CRIB__FD_REPLY__INIT;
    uint8_t data[1024];

    reply.code = code;
    reply.message = (char *)(code ? "the reason" : "");
    frame_writer_add(writer, type, data, crib__fd_reply__pack(&reply, data), &fd, fd >= 0);
    frame_writer_flush(writer, talk->sock);
    frame_writer_free(writer);
}

static inline void fake_drop_given(struct fake_talk *talk)
{
    while (talk->n_given)
        close(talk->given[--talk->n_given]);
}

static inline void fake_carry_out(struct fake_talk *talk, struct frame *frame)
{
    struct fake *fake = talk->fake;

    if (strcmp(frame->type, "FdTake") == 0) {
        fake_reply(talk, "FdReply", fake->hand < 0 ? 5 : 0, fake->hand);
        return;
    }
    fake_drop_given(talk);
    if (strcmp(frame->type, "FdRelease") == 0)
        fake->released++;
    for (; talk->n_given < frame->nfds; talk->n_given++) {
        talk->given[talk->n_given] = frame->fds[talk->n_given];
        frame->fds[talk->n_given] = -1;
        fake->registered++;
    }
    fake_reply(talk, "FdReply", 0, -1);
}

/* A fd side as it should be. */
static inline void fake_side(struct fake_talk *talk)
{
    struct frame_reader *reader = frame_reader_new(0);
    struct frame *frame;
    int r;

    while ((r = frame_reader_next(reader, &frame, NULL)) >= 0) {
        if (r > 0)
            fake_carry_out(talk, frame);
        else if (!fake_wait(talk) || frame_reader_fill(reader, talk->sock, NULL) <= 0)
            break;
    }
    frame_reader_free(reader);
    fake_drop_given(talk);
}

/* --- the threads --- */

static inline void *fake_talk_thread(void *data)
{
    struct fake_talk *talk = data;
    struct fake *fake = talk->fake;
    uint8_t first = 0;

    if (fake_wait(talk) && recv(talk->sock, &first, 1, MSG_PEEK) == 1 && first == 0xFD) {
        (void)!recv(talk->sock, &first, 1, 0);
        (fake->fds ? fake->fds : fake_side)(talk);
    } else if (first) {
        talk->number = -1;
    } else {
        talk->number = fake->connections++;
        talk->reader = ttrpc_reader_new();
        fake->script(talk);
        ttrpc_reader_free(talk->reader);
        arena_done(&talk->arena);
    }
    shutdown(talk->sock, SHUT_RDWR);
    return NULL;
}

static inline void *fake_thread(void *data)
{
    struct fake *fake = data;
    struct fake_talk accepting = {.fake = fake, .sock = fake->sock};

    while (fake->n_talks < FAKE_TALKS && fake_wait(&accepting)) {
        struct fake_talk *talk = &fake->talks[fake->n_talks];

        *talk = (struct fake_talk){.fake = fake};
        arena_init(&talk->arena, 0);
        talk->sock = accept4(fake->sock, NULL, NULL, SOCK_CLOEXEC);
        if (talk->sock < 0 || pthread_create(&talk->thread, NULL, fake_talk_thread, talk) != 0)
            break;
        fake->n_talks++;
    }
    return NULL;
}

static inline int fake_listen(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(sock >= 0 && strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path);
    assert_int_equal(bind(sock, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(sock, 16), 0);
    return sock;
}

/* What is set in @fake besides stays: a zeroed one, or one that was stopped. */
static inline void fake_start(struct fake *fake, void (*script)(struct fake_talk *talk))
{
    if (!fake->dir)
        fake->dir = test_dir();
    snprintf(fake->path, sizeof(fake->path), "%s/sock", fake->dir);
    fake->sock = fake_listen(fake->path);
    fake->script = script;
    fake->n_talks = 0;
    fake->connections = fake->registered = fake->released = 0;
    fake->hand = -1;
    assert_int_equal(pipe2(fake->stop, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&fake->thread, NULL, fake_thread, fake), 0);
}

/* As a daemon that is killed. */
static inline void fake_halt(struct fake *fake)
{
    close(fake->stop[1]);
    pthread_join(fake->thread, NULL);
    for (size_t i = 0; i < fake->n_talks; i++) {
        pthread_join(fake->talks[i].thread, NULL);
        close(fake->talks[i].sock);
    }
    close(fake->sock);
    close(fake->stop[0]);
}

static inline void fake_stop(struct fake *fake)
{
    fake_halt(fake);
    free(fake->dir);
    fake->dir = NULL;
}

#endif
