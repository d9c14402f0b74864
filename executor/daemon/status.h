/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as gRPC has them.
 *
 * Runs in: daemon.
 * Source: grpc/status codes; the numbers are fixed
 */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include "base/arena.h"
#include "base/error.h"
#include "task.pb-c.h"
#include "ttrpc.pb-c.h"

enum status_code {
    CODE_OK = 0,
    CODE_CANCELLED = 1,
    CODE_UNKNOWN = 2,
    CODE_INVALID_ARGUMENT = 3,
    CODE_DEADLINE_EXCEEDED = 4,
    CODE_NOT_FOUND = 5,
    CODE_ALREADY_EXISTS = 6,
    CODE_PERMISSION_DENIED = 7,
    CODE_RESOURCE_EXHAUSTED = 8,
    CODE_FAILED_PRECONDITION = 9,
    CODE_OUT_OF_RANGE = 11,
    CODE_UNIMPLEMENTED = 12,
    CODE_INTERNAL = 13,
    CODE_UNAVAILABLE = 14,
};

/* Return: the nearest code of a negative errno. */
enum status_code status_of(int code);

/* Return: the error as a message, in @arena; NULL. */
Crib__Error *status_error(const struct crib_error *error, struct arena *arena);

/* Return: a Status with the error as its detail, in @arena; NULL. */
Crib__Ttrpc__Status *status_new(enum status_code code, const struct crib_error *error,
                                struct arena *arena);

#endif
