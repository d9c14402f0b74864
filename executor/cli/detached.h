/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks that a daemon runs for nobody's connection: started by `run --detach`, read by logs and
 * attach.
 *
 * Runs in: cli.
 */
#ifndef CLI_DETACHED_H
#define CLI_DETACHED_H

#include "cli/remote.h"

/* run --detach. Return: the exit status. */
int detached_run(struct request *request);

/**
 * detached_inspect() - What is known of a task whose output may be read by anybody of its uid
 *
 * Reading says what the daemon need not keep any more, so another client's task is left alone.
 *
 * Return: in asked->arena; NULL, and the person has been told
 */
const Crib__InspectResponse *detached_inspect(struct asked *asked, uint64_t task);

#endif
