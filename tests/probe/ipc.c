/* SPDX-License-Identifier: Apache-2.0 */
/* What two sandboxes, or a sandbox and its host, might share: System V, mqueue, shm, keys. */
#include "probe/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

/* sysv KEY [create]: whether segment, queue and semaphore of that key are there. */
static int verb_sysv(int argc, char **argv)
{
    key_t key = (key_t)number(argv[1]);
    int flags = argc > 2 ? IPC_CREAT | 0666 : 0;

    say("shm", shmget(key, 4096, flags));
    say("msg", msgget(key, flags));
    say("sem", semget(key, 1, flags));
    return 0;
}

/* mqueue NAME [create], by the call itself. */
static int verb_mqueue(int argc, char **argv)
{
    long fd =
        syscall(SYS_mq_open, argv[1], O_RDWR | O_CLOEXEC | (argc > 2 ? O_CREAT : 0), 0666, NULL);

    say("mqueue", fd);
    if (fd >= 0)
        close((int)fd);
    return fd < 0;
}

/* shm NAME [create]: a file in /dev/shm. */
static int verb_shm(int argc, char **argv)
{
    int fd = shm_open(argv[1], O_RDWR | (argc > 2 ? O_CREAT : 0), 0666);

    say("shm_open", fd);
    if (fd >= 0)
        close(fd);
    return fd < 0;
}

/* keys NAME: looks for a key of that name in the session and user keyrings, and adds one. */
static int verb_keys(int argc, char **argv)
{
    (void)argc;
    say("search_session",
        syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_SESSION_KEYRING, "user", argv[1], 0));
    say("search_user",
        syscall(SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", argv[1], 0));
    say("add_key", syscall(SYS_add_key, "user", argv[1], "x", 1, KEY_SPEC_USER_KEYRING));
    say("request_key", syscall(SYS_request_key, "user", argv[1], NULL, 0));
    return 0;
}

/* memfd: made, written, sealed, and executable or not. */
static int verb_memfd(int argc, char **argv)
{
    int fd = memfd_create("probe", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    (void)argc;
    (void)argv;
    say("memfd", fd);
    if (fd >= 0)
        close(fd);
    return fd < 0;
}

const struct verb ipc_verbs[] = {
    {"sysv", verb_sysv, 1}, {"mqueue", verb_mqueue, 1}, {"shm", verb_shm, 1},
    {"keys", verb_keys, 1}, {"memfd", verb_memfd, 0},   {NULL, NULL, 0},
};
