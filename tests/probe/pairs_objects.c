/* SPDX-License-Identifier: Apache-2.0 */
/* Things with names or numbers: System V, POSIX, keys, sockets, files. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "probe/pairs.h"

#define WORD "known to one"

static int shm_offer(long number, const char *where)
{
    int id = shmget((key_t)number, 4096, IPC_CREAT | IPC_EXCL | 0666);
    char *at = id < 0 ? (void *)-1 : shmat(id, NULL, 0);

    (void)where;
    if (at == (void *)-1)
        return -1;
    memcpy(at, WORD, sizeof(WORD));
    return 0;
}

static int shm_reach(long number, const char *where)
{
    int id = shmget((key_t)number, 4096, 0);
    char *at = id < 0 ? (void *)-1 : shmat(id, NULL, SHM_RDONLY);

    (void)where;
    return at == (void *)-1 ? -1 : memcmp(at, WORD, sizeof(WORD)) == 0;
}

static void shm_end(long number, const char *where)
{
    (void)where;
    shmctl(shmget((key_t)number, 4096, 0), IPC_RMID, NULL);
}

static int sem_offer(long number, const char *where)
{
    (void)where;
    return semget((key_t)number, 1, IPC_CREAT | IPC_EXCL | 0666) < 0 ? -1 : 0;
}

static int sem_reach(long number, const char *where)
{
    (void)where;
    return semget((key_t)number, 1, 0) < 0 ? -1 : 1;
}

static void sem_end(long number, const char *where)
{
    (void)where;
    semctl(semget((key_t)number, 1, 0), 0, IPC_RMID);
}

struct letter {
    long type;
    char text[sizeof(WORD)];
};

static int msg_offer(long number, const char *where)
{
    struct letter letter = {1, WORD};
    int id = msgget((key_t)number, IPC_CREAT | IPC_EXCL | 0666);

    (void)where;
    return id < 0 ? -1 : msgsnd(id, &letter, sizeof(letter.text), IPC_NOWAIT);
}

static int msg_reach(long number, const char *where)
{
    struct letter letter;
    int id = msgget((key_t)number, 0);

    (void)where;
    return id < 0 ? -1 : msgrcv(id, &letter, sizeof(letter.text), 1, IPC_NOWAIT) > 0 ? 1 : -1;
}

static void msg_end(long number, const char *where)
{
    (void)where;
    msgctl(msgget((key_t)number, 0), IPC_RMID, NULL);
}

static const char *name_of(long number, const char *before)
{
    static char name[64];

    snprintf(name, sizeof(name), "%scrib-pair-%ld", before, number);
    return name;
}

static int posix_offer(long number, const char *where)
{
    int fd = open(name_of(number, "/dev/shm/"), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    (void)where;
    return fd < 0 || write(fd, WORD, sizeof(WORD)) < 0 ? -1 : 0;
}

static int read_word(const char *path)
{
    char text[sizeof(WORD)] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    return fd < 0 || read(fd, text, sizeof(text)) < 0 ? -1 : memcmp(text, WORD, sizeof(WORD)) == 0;
}

static int posix_reach(long number, const char *where)
{
    (void)where;
    return read_word(name_of(number, "/dev/shm/"));
}

static void posix_end(long number, const char *where)
{
    (void)where;
    unlink(name_of(number, "/dev/shm/"));
}

static int file_offer(long number, const char *where)
{
    int fd = open(name_of(number, "/tmp/"), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

    (void)where;
    return fd < 0 || write(fd, WORD, sizeof(WORD)) < 0 ? -1 : 0;
}

static int file_reach(long number, const char *where)
{
    (void)where;
    return read_word(name_of(number, "/tmp/"));
}

static void file_end(long number, const char *where)
{
    (void)where;
    unlink(name_of(number, "/tmp/"));
}

static int mqueue_offer(long number, const char *where)
{
    int fd = (int)syscall(SYS_mq_open, name_of(number, ""), O_RDWR | O_CREAT | O_EXCL, 0666, NULL);

    (void)where;
    return fd < 0 ? -1 : (int)syscall(SYS_mq_timedsend, fd, WORD, sizeof(WORD), 1, NULL);
}

static int mqueue_reach(long number, const char *where)
{
    char text[8192];
    int fd = (int)syscall(SYS_mq_open, name_of(number, ""), O_RDWR | O_NONBLOCK, 0, NULL);

    (void)where;
    return fd < 0 || syscall(SYS_mq_timedreceive, fd, text, sizeof(text), NULL, NULL) < 0 ? -1 : 1;
}

static void mqueue_end(long number, const char *where)
{
    (void)where;
    syscall(SYS_mq_unlink, name_of(number, ""));
}

/* @where: the number of a keyring, or `persistent`. */
static int ring_of(const char *where)
{
    if (strcmp(where, "session") == 0)
        return KEY_SPEC_SESSION_KEYRING;
    if (strcmp(where, "user") == 0)
        return KEY_SPEC_USER_KEYRING;
    if (strcmp(where, "user-session") == 0)
        return KEY_SPEC_USER_SESSION_KEYRING;
    return (int)syscall(SYS_keyctl, KEYCTL_GET_PERSISTENT, -1, KEY_SPEC_PROCESS_KEYRING);
}

static int key_offer(long number, const char *where)
{
    int ring = ring_of(where);

    if (ring == -1)
        return -1;
    return syscall(SYS_add_key, "user", name_of(number, ""), WORD, sizeof(WORD), ring) < 0 ? -1 : 0;
}

static int key_reach(long number, const char *where)
{
    int ring = ring_of(where);

    if (ring == -1)
        return -1;
    return syscall(SYS_keyctl, KEYCTL_SEARCH, ring, "user", name_of(number, ""), 0) < 0 ? -1 : 1;
}

static void key_end(long number, const char *where)
{
    long key = syscall(SYS_keyctl, KEYCTL_SEARCH, ring_of(where), "user", name_of(number, ""), 0);

    syscall(SYS_keyctl, KEYCTL_UNLINK, key, ring_of(where));
}

static int unix_socket(long number, const char *before,
                       int (*act)(int, const struct sockaddr *, socklen_t))
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool abstract = !*before;
    size_t len;

    if (fd < 0)
        return -1;
    len = (size_t)snprintf(name.sun_path + abstract, sizeof(name.sun_path) - 1, "%s",
                           name_of(number, before));
    if (act(fd, (struct sockaddr *)&name,
            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + abstract + len)) < 0)
        return -1;
    return fd;
}

static int abstract_offer(long number, const char *where)
{
    int fd = unix_socket(number, "", bind);

    (void)where;
    return fd < 0 ? -1 : listen(fd, 1);
}

static int abstract_reach(long number, const char *where)
{
    (void)where;
    return unix_socket(number, "", connect) < 0 ? -1 : 1;
}

static int path_offer(long number, const char *where)
{
    int fd = unix_socket(number, "/tmp/sock-", bind);

    (void)where;
    return fd < 0 ? -1 : listen(fd, 1);
}

static int path_reach(long number, const char *where)
{
    (void)where;
    return unix_socket(number, "/tmp/sock-", connect) < 0 ? -1 : 1;
}

static void path_end(long number, const char *where)
{
    (void)where;
    unlink(name_of(number, "/tmp/sock-"));
}

static struct sockaddr_vm vsock_name(long number)
{
    struct sockaddr_vm name = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_LOCAL};

    name.svm_port = (unsigned)number;
    return name;
}

static int vsock_offer(long number, const char *where)
{
    struct sockaddr_vm name = vsock_name(number);
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)where;
    return fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 ? -1 : listen(fd, 1);
}

static int vsock_reach(long number, const char *where)
{
    struct sockaddr_vm name = vsock_name(number);
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)where;
    return fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0 ? -1 : 1;
}

/* A port that the kernel gives nobody: one that it gave to a client is not free for a minute. */
static struct sockaddr_in loopback(long number)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)(22000 + number % 6997))};

    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return name;
}

static int tcp_offer(long number, const char *where)
{
    struct sockaddr_in name = loopback(number);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    (void)where;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
        return -1;
    return bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 ? -1 : listen(fd, 1);
}

static int tcp_reach(long number, const char *where)
{
    struct sockaddr_in name = loopback(number);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)where;
    return fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof(name)) < 0 ? -1 : 1;
}

const struct pair object_pairs[] = {
    {"sysv-shm", shm_offer, shm_reach, NULL, shm_end},
    {"sysv-sem", sem_offer, sem_reach, NULL, sem_end},
    {"sysv-msg", msg_offer, msg_reach, NULL, msg_end},
    {"posix-shm", posix_offer, posix_reach, NULL, posix_end},
    {"file", file_offer, file_reach, NULL, file_end},
    {"mqueue", mqueue_offer, mqueue_reach, NULL, mqueue_end},
    {"key", key_offer, key_reach, NULL, key_end},
    {"abstract", abstract_offer, abstract_reach, NULL, NULL},
    {"path", path_offer, path_reach, NULL, path_end},
    {"vsock", vsock_offer, vsock_reach, NULL, NULL},
    {"tcp", tcp_offer, tcp_reach, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};
