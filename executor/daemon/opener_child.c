/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/opener_child.h"

#include <errno.h>
#include <unistd.h>

#include "base/auto.h"
#include "daemon/become.h"
#include "daemon/opener_file.h"
#include "host/host.h"
#include "opener.pb-c.h"
#include "wire/packet.h"
#include "wire/rights.h"

#define SOCK 3 /* where the socket is put */
#define FACT_MOST                                                                                  \
    13312 /* bytes that one path may take: three texts of PATH_MAX, and the numbers                \
           */
#define ARENA_MOST (16u << 20)

_Static_assert(FACT_MOST * 4 < PACKET_MAX_BYTES, "an answer holds some paths, however long");

/* An answer as it grows. */
struct answer {
    Crib__OpenerTold told;
    Crib__Host host;
    struct arena arena;
    int fds[OPENER_FDS];
    size_t nfds;
    size_t bytes; /* of the facts, packed */
};

/* Looks at one path. Return: 1 it is in the answer; 0 it does not fit; negative errno. */
static int look_at(struct answer *answer, const ProtobufCBinaryData *path)
{
    const char *text = arena_copy(&answer->arena, path->data, path->len);
    Crib__Host *host = &answer->host;
    struct host_fds fds = {0};
    protobuf_c_boolean has;
    int r;

    if (answer->bytes + FACT_MOST > PACKET_MAX_BYTES || answer->nfds == OPENER_FDS)
        return 0;
    if (!text)
        return -ENOMEM;
    r = host_paths(&text, 1, &answer->arena, host, &fds);
    if (r < 0)
        return r;
    has = fds.fd[0] >= 0;
    answer->bytes += crib__host_path__get_packed_size(host->paths[host->n_paths - 1]) + 8;
    if (has)
        answer->fds[answer->nfds++] = fd_take(&fds.fd[0]);
    host_fds_done(&fds);
    r = arena_push_value(&answer->arena, &answer->told.opened, &answer->told.n_opened, &has,
                         sizeof(has));
    return r < 0 ? r : 1;
}

static int open_files(struct answer *answer, const Crib__OpenerAsk *ask)
{
    if (ask->n_files == 0 || answer->nfds + ask->n_files > OPENER_FDS)
        return 0;
    for (size_t i = 0; i < ask->n_files; i++) {
        const ProtobufCBinaryData *path = &ask->files[i]->path;
        const char *text = arena_copy(&answer->arena, path->data, path->len);
        int fd = text ? opener_file_open(text, ask->files[i]->flags) : -ENOMEM;

        if (fd < 0) {
            answer->told.has_failed_file = 1;
            answer->told.failed_file = (uint32_t)i;
            return fd;
        }
        answer->fds[answer->nfds++] = fd;
    }
    answer->told.has_files_done = answer->told.files_done = 1;
    return 0;
}

static int fill(struct answer *answer, const Crib__OpenerAsk *ask)
{
    int r = 1;

    for (size_t i = 0; r > 0 && i < ask->n_paths; i++)
        r = look_at(answer, &ask->paths[i]);
    return r > 0 ? open_files(answer, ask) : r;
}

/* Without what was found, when something went wrong on the way. */
static int send_answer(struct answer *answer, int code)
{
    uint8_t packet[PACKET_MAX_BYTES];
    size_t len;

    if (code < 0) {
        rights_close(answer->fds, answer->nfds);
        answer->nfds = 0;
        answer->host.n_paths = answer->told.n_opened = 0;
        answer->told.has_code = 1;
        answer->told.code = code;
    }
    answer->told.host = &answer->host;
    len = crib__opener_told__get_packed_size(&answer->told);
    if (len == 0 || len > sizeof(packet))
        return -EMSGSIZE;
    crib__opener_told__pack(&answer->told, packet);
    return packet_send(SOCK, packet, len, answer->fds, answer->nfds);
}

/* @refused: why this process is nobody who could open anything; 0. Return: 0; negative errno. */
static int serve_one(const uint8_t *packet, size_t len, int refused)
{
    struct answer answer = {.told = CRIB__OPENER_TOLD__INIT, .host = CRIB__HOST__INIT};
    const Crib__OpenerAsk *ask;
    int r;

    arena_init(&answer.arena, ARENA_MOST);
    ask = crib__opener_ask__unpack(&answer.arena.pb, len, packet);
    r = refused ? refused : ask ? fill(&answer, ask) : -ENOMEM;
    r = send_answer(&answer, r);
    /* More of this user's fds are on their way than may be: no fds, then. */
    if (r < 0 && answer.nfds > 0)
        r = send_answer(&answer, r);
    rights_close(answer.fds, answer.nfds);
    arena_done(&answer.arena);
    return r;
}

void opener_child(const struct opener_start *start)
{
    uint8_t packet[PACKET_MAX_BYTES];
    int refused;
    long n;

    become_leave_fds(start->sock, SOCK);
    refused = become_peer(start->peer, start->change, start->parent);
    become_leave_signals();
    do {
        size_t nfds = 0;

        n = packet_receive(SOCK, packet, sizeof(packet), NULL, &nfds);
    } while (n > 0 && serve_one(packet, (size_t)n, refused) == 0);
    _exit(0);
}
