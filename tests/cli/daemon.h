/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A daemon that crib finds by CRIB_SOCKET, and the number of a task that crib shows.
 *
 * Runs in: tests.
 */
#ifndef CLI_DAEMON_H
#define CLI_DAEMON_H

#include "cli/cli.h"
#include "daemon/cribd.h"

#include <stdlib.h>
#include <string.h>

static struct cribd cribd;

static inline void daemon_begin(const char *site)
{
    cribd_start(&cribd, site);
    setenv("CRIB_SOCKET", cribd.socket, 1);
}

static inline void daemon_end(void)
{
    unsetenv("CRIB_SOCKET");
    cribd_stop(&cribd);
}

/* What `crib run -d` has said: one number on one line. */
static inline char *daemon_number(const struct cli *cli)
{
    char *end, *text;

    assert_true(strtoull(cli->out, &end, 10) > 0);
    assert_string_equal(end, "\n");
    text = strndup(cli->out, (size_t)(end - cli->out));
    assert_non_null(text);
    return text;
}

/* Starts a detached task. Return: its number, which the caller frees. */
static inline char *daemon_detach(const char *const *words)
{
    const char *all[32] = {"run", "-d"};
    struct cli cli = {0};
    char *number;

    for (size_t i = 0; words[i]; i++)
        all[i + 2] = words[i];
    cli_run(&cli, all);
    cli_status(&cli, 0, __FILE__, __LINE__);
    assert_string_equal(cli.err, "");
    number = daemon_number(&cli);
    cli_done(&cli);
    return number;
}
#define DAEMON_DETACH(...) daemon_detach((const char *const[]){__VA_ARGS__, NULL})

#endif
