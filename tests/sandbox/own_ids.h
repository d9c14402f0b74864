/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of tasks with ids of their own have in common: whether there are any here, and a file
 * of locks that is nobody else's.
 *
 * Runs in: tests.
 */
#ifndef SANDBOX_OWN_IDS_H
#define SANDBOX_OWN_IDS_H

#include "sandbox/sandbox.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define OWN_REQUIRED  "extends: [default]\nids: {own: required}\n"
#define OWN_PREFERRED "extends: [default]\nids: {own: preferred}\n"

/* A /run of our own, so that tests that take every id take none from others. To be called first,
 * by a process that has one thread. */
static inline void own_ids_apart(void)
{
    if (!sandbox_privileged() || sandbox_address())
        return;
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("crib-test", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0)
        abort();
}

/*
 * Return: whether tasks can have ids of their own here. Where they must (root, and own_ids.sh,
 * which makes ranges up), that they cannot fails the test.
 */
static inline bool own_ids_here(void)
{
    const char *must = getenv("CRIB_TEST_SUBIDS");
    struct sandbox box;
    bool here;

    sandbox_init(&box);
    box.rules = OWN_PREFERRED;
    sandbox_expect(&box, "ids", 0);
    here = strtoul(sandbox_line(box.out, "uid"), NULL, 10) != sandbox_task_uid();
    if (!here && (must || (sandbox_privileged() && !sandbox_address())))
        fail_msg("there should be ids: %s", box.json);
    sandbox_done(&box);
    return here;
}

#endif
