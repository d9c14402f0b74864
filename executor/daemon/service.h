/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The methods of executor.proto, found by protobuf-c's service descriptor.
 *
 * Runs in: daemon.
 */
#ifndef DAEMON_SERVICE_H
#define DAEMON_SERVICE_H

#include "daemon/connection.h"
#include "executor.pb-c.h"

/**
 * service_request() - Carry out a request, or refuse it
 * @data: a packed Request
 *
 * Return: true; false where it is no Request, which ends the connection
 */
bool service_request(struct connection *connection, uint32_t stream, const void *data, size_t len);

/* spawn.c */
void spawn_task(struct call *call, const Crib__SpawnRequest *request);
void spawn_plan(struct call *call, const Crib__PlanRequest *request);

#endif
