/* SPDX-License-Identifier: Apache-2.0 */
/* Source: network_namespaces(7), setns(2), netdevice(7) */
#include "launch/nets.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"

#define MOST_KEPT 128 /* used and idle: each has two fds */

struct net {
    struct net *next;
    int space;   /* the namespace */
    int table;   /* its /proc/net/unix */
    pid_t maker; /* who counts it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct net *idle;
static unsigned kept;
static pid_t owner; /* of the list: a fork makes its own */

static int open_own(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), r;

    if (fd < 0)
        return -errno;
    r = fd_above(&fd, 3);
    if (r < 0)
        fd_close(&fd);
    return r < 0 ? r : fd;
}

static int raise_lo(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    AUTO_FD int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return sock < 0 || ioctl(sock, SIOCSIFFLAGS, &lo) < 0 ? -errno : 0;
}

/* In the new namespace. */
static int look_around(struct net *net)
{
    net->space = open_own("/proc/thread-self/ns/net");
    net->table = net->space < 0 ? net->space : open_own("/proc/thread-self/net/unix");
    if (net->table < 0)
        return net->table;
    fd_last(&net->space);
    fd_last(&net->table);
    return raise_lo();
}

/* That there is a way back is tried before: a user namespace may have a network that is not its. */
static int leave_home(int home)
{
    if (setns(home, CLONE_NEWNET) < 0 || unshare(CLONE_NEWNET) < 0)
        return -errno;
    return 0;
}

static void drop(struct net *net)
{
    fd_close(&net->space);
    fd_close(&net->table);
    free(net);
}

static struct net *make(void)
{
    struct net *net = malloc(sizeof(*net));
    AUTO_FD int home = -1;
    sigset_t all, before;
    int r;

    if (!net)
        return NULL;
    *net = (struct net){.space = -1, .table = -1, .maker = getpid()};
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    home = open_own("/proc/thread-self/ns/net");
    r = home < 0 ? home : leave_home(home);
    if (r == 0) {
        r = look_around(net);
        nets_leave(home);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r == 0)
        return net;
    drop(net);
    return NULL;
}

/* Under the lock. A fork has fds of its maker's, which it leaves alone; the namespaces are not its. */
static void check_owner(void)
{
    if (owner == getpid())
        return;
    owner = getpid();
    while (idle) {
        struct net *net = idle;

        idle = net->next;
        drop(net);
    }
    kept = 0;
}

/* Under the lock, as all that counts. */
static bool has_room(void)
{
    if (kept >= MOST_KEPT)
        return false;
    kept++;
    return true;
}

static void forget(pid_t maker)
{
    pthread_mutex_lock(&lock);
    check_owner();
    if (maker == owner)
        kept--;
    pthread_mutex_unlock(&lock);
}

struct net *nets_take(void)
{
    bool room = false;
    struct net *net;

    pthread_mutex_lock(&lock);
    check_owner();
    net = idle;
    if (net)
        idle = net->next;
    else
        room = has_room();
    pthread_mutex_unlock(&lock);
    if (net || !room)
        return net;
    net = make();
    if (!net)
        forget(getpid());
    return net;
}

/* Whether the table has its heading alone. */
static bool is_empty(const struct net *net)
{
    char text[256];
    ssize_t n = pread(net->table, text, sizeof(text), 0);
    const char *line = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;

    return line && line == text + n - 1;
}

void nets_give_back(struct net *net)
{
    bool own = false;

    if (!net)
        return;
    if (is_empty(net)) {
        pthread_mutex_lock(&lock);
        check_owner();
        own = net->maker == owner;
        if (own) {
            net->next = idle;
            idle = net;
        }
        pthread_mutex_unlock(&lock);
    }
    if (!own)
        nets_drop(net);
}

void nets_drop(struct net *net)
{
    if (!net)
        return;
    forget(net->maker);
    drop(net);
}

int nets_enter(const struct net *net)
{
    int home = open_own("/proc/thread-self/ns/net");

    if (home >= 0 && (setns(home, CLONE_NEWNET) < 0 || setns(net->space, CLONE_NEWNET) < 0)) {
        int r = -errno;

        fd_close(&home);
        return r;
    }
    return home;
}

/* To go on in a network that is not its own would let this program do what it never meant to. */
void nets_leave(int home)
{
    const struct timespec moment = {.tv_nsec = 1000 * 1000};

    while (setns(home, CLONE_NEWNET) < 0)
        nanosleep(&moment, NULL);
    fd_close(&home);
}
