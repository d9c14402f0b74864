/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When an id of a task's own is free again, and who still has it.
 *
 * Runs in: tests.
 */
#ifndef SANDBOX_OWN_IDS_FREE_H
#define SANDBOX_OWN_IDS_FREE_H

#include "sandbox/sandbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "host/own.h"
#include "host/subids.h"

/* Takes an id as soon as one is free. Return: an fd. */
static inline int take_one(uint32_t *ret_uid)
{
    Crib__Host host = CRIB__HOST__INIT;
    Crib__HostOwn own = CRIB__HOST_OWN__INIT;
    struct arena arena;
    int fd = -1;

    arena_init(&arena, 0);
    host.uid = geteuid();
    host.gid = getegid();
    host.privileged = sandbox_privileged();
    assert_int_equal(host_sub_ids(&arena, &host), 0);
    while (fd < 0) {
        struct arena turn;

        arena_init(&turn, 0);
        assert_int_equal(own_take(&host, OWN_LOCKS, &turn, &own, &fd), 0);
        arena_done(&turn);
    }
    *ret_uid = own.uid;
    arena_done(&arena);
    return fd;
}

static inline int count_of(uint32_t uid)
{
    struct dirent *entry;
    DIR *proc = opendir("/proc");
    int count = 0;

    assert_non_null(proc);
    while ((entry = readdir(proc))) {
        char path[300], line[128];
        FILE *status;

        snprintf(path, sizeof(path), "/proc/%s/status", entry->d_name);
        status = entry->d_name[0] > '0' && entry->d_name[0] <= '9' ? fopen(path, "re") : NULL;
        while (status && fgets(line, sizeof(line), status))
            count += strncmp(line, "Uid:", 4) == 0 && strtoul(line + 4, NULL, 10) == uid;
        if (status)
            fclose(status);
    }
    closedir(proc);
    return count;
}

/* The very id: to look through all of them takes longer than what is to be seen. */
static inline void await_free(uint32_t uid)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct flock lock = {.l_type = F_WRLCK, .l_start = uid, .l_len = 1};
    int fd = sandbox_privileged() ? open(OWN_LOCKS, O_RDWR | O_CLOEXEC)
                                  : socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int n = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "crib/own-id/%u", uid);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);

    assert_true(fd >= 0);
    while (sandbox_privileged() ? fcntl(fd, F_OFD_SETLK, &lock) < 0
                                : bind(fd, (struct sockaddr *)&name, len) < 0)
        ;
    fd_close(&fd);
}

#endif
