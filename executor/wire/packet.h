/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One protobuf message, with file descriptors, as one packet of a SOCK_SEQPACKET pair: what launch
 * and init say to each other.
 *
 * Runs in: library, init.
 * Owns: received fds belong to the caller.
 */
#ifndef WIRE_PACKET_H
#define WIRE_PACKET_H

#include <stddef.h>

#include "base/arena.h"

#define PACKET_MAX_BYTES 65536
#define PACKET_MAX_FDS   253 /* SCM_MAX_FD of the kernel */

/**
 * packet_send() - Send bytes and fds as one packet
 * @fds: borrows; may be NULL when @nfds is 0
 *
 * Return: 0; -EAGAIN; -EPIPE (no signal is raised); -EINVAL @len is 0, which could not be told
 *         from the end; -EMFILE more than PACKET_MAX_FDS; other negative errno
 */
int packet_send(int sock, const void *data, size_t len, const int *fds, size_t nfds);

/* Packs @msg and sends it without fds. As above; over PACKET_MAX_BYTES is -EMSGSIZE. */
int packet_send_message(int sock, const ProtobufCMessage *msg);

/**
 * packet_receive() - Receive one packet
 * @data:  filled
 * @size:  room at @data; a longer packet is -EMSGSIZE
 * @fds:   filled, CLOEXEC; the caller owns them
 * @nfds:  in: room at @fds; out, on success: how many
 *
 * On an error every received fd is closed again.
 *
 * Return: bytes received; 0 at the end; -EAGAIN; -EMFILE more fds than the room, or some lost
 *         because this process may open no more; -EMSGSIZE; other negative errno
 */
long packet_receive(int sock, void *data, size_t size, int *fds, size_t *nfds);

#endif
