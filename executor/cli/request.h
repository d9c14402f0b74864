/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the words of a command line ask for, as crib_options and what is crib's own business.
 *
 * Runs in: cli.
 * Owns: the lists that `options` points into.
 */
#ifndef CLI_REQUEST_H
#define CLI_REQUEST_H

#include "base/arena.h"
#include "cli/cluster_options.h"
#include "crib/crib.h"

struct command;

struct request {
    const struct command *command;
    char *const *operands; /* ended by NULL */
    struct crib_options options;
    struct crib_stdio stdio[3];

    bool help, json, quiet, receipt, clear_env, detach, follow, forget;
    bool timing;
    const char *trace; /* a file; NULL */
    bool terminal;     /* stdio is one */
    int result_fd;     /* -1: none */
    int signal;
    const char *socket; /* NULL: not said; empty: no daemon */
    const char *label;  /* NULL */
    unsigned jobs;      /* 0: not said */
    const char *filter; /* NULL */
    const char *junit;  /* NULL */
    bool tap;
    bool as_json; /* doctor */
    const char *output; /* NULL */
    bool minimize, force;
    struct cluster_options cluster;

    struct arena arena; /* the lists below live here */
    const char **env, **vars;
    struct crib_bind *binds;
    struct crib_tmpfs *tmpfs;
    struct crib_copy_in *copy_in;
    struct crib_copy_out *copy_out;
    size_t copy_in_count, copy_out_count;
    struct crib_overlay *overlays;
    enum crib_keep keep;
    size_t env_count, var_count, bind_count, tmpfs_count, overlay_count;
};

/**
 * request_read() - Read the words behind the command's name
 * @words: borrows until cli_request_done(); ended by NULL
 *
 * The number of operands is checked, but not where help is asked for.
 *
 * Return: 0; -EINVAL, -EBADF, -ENOMEM with the complaint in @err
 */
int request_read(struct request *request, const struct command *command, char *const *words,
                 struct crib_error *err);

void cli_request_done(struct request *request);

#endif
