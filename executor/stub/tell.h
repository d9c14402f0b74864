/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events for the package: each a line of JSON, an Event of task.proto.
 *
 * Runs in: crib-stub.
 * Owns: nothing. Who reads slowly keeps the stub waiting, and nobody else; that the reader is gone
 * is nobody's concern.
 */
#ifndef STUB_TELL_H
#define STUB_TELL_H

#include "crib/crib.h"

/* @policy: NULL: not known. */
void tell_view(int fd, const crib_policy *policy);
void tell_started(int fd);
void tell_error(int fd, const struct crib_error *error);
void tell_denied(int fd, const struct crib_denial *denial);
void tell_result(int fd, const crib_task *task);

#endif
