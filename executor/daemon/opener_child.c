/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/opener_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "daemon/opener_file.h"
#include "host/host.h"
#include "opener.pb-c.h"
#include "wire/packet.h"
#include "wire/rights.h"

#define SOCK 3 /* where the socket is put */
#define FACT_MOST                                                                                  \
    13312 /* bytes that one path may take: three texts of PATH_MAX, and the numbers                \
           */
#define ARENA_MOST (16u << 20)

_Static_assert(FACT_MOST * 4 < PACKET_MAX_BYTES, "an answer holds some paths, however long");

/* An answer as it grows. */
struct answer {
    Crib__OpenerTold told;
    Crib__Host host;
    struct arena arena;
    int fds[OPENER_FDS];
    size_t nfds;
    size_t bytes; /* of the facts, packed */
};

/* Nothing stays open but the socket; 0 to 2 are taken, so that no file of a client gets there. */
static void leave_fds(int sock)
{
    if (sock != SOCK)
        dup3(sock, SOCK, O_CLOEXEC);
    close_range(0, SOCK - 1, 0);
    close_range(SOCK + 1, ~0u, 0);
    for (int i = 0; i < SOCK; i++)
        (void)open("/dev/null", O_RDWR | O_CLOEXEC);
}

/* By the system call: the C library keeps two signals to itself, which may have come ignored. */
static void leave_signals(void)
{
    static const struct {
        void (*handler)(int);
        unsigned long flags;
        void (*restorer)(void);
        unsigned long mask;
    } plain;
    sigset_t none;

    for (int sig = 1; sig <= 64; sig++)
        syscall(SYS_rt_sigaction, sig, &plain, NULL, sizeof(plain.mask));
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What a file could be opened with or left behind by, the ids aside. */
static int leave_surroundings(void)
{
    struct rlimit cores = {0}, files;

    setsid(); /* /dev/tty is not to be the daemon's */
    umask(022);
    setrlimit(RLIMIT_CORE, &cores);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max; /* also bounds the fds that may be on their way */
        setrlimit(RLIMIT_NOFILE, &files);
    }
    return chdir("/") < 0 ? -errno : 0;
}

static int drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    return syscall(SYS_capset, &head, none) < 0 ? -errno : 0;
}

/* Changing ids makes a process dumpable where fs.suid_dumpable says so; until that is undone, the
 * capabilities that it still has keep the client from looking into it. */
static int take_ids(const struct peer *peer)
{
    if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setgroups(peer->n_groups, peer->groups) < 0 ||
        setresgid(peer->gid, peer->gid, peer->gid) < 0 ||
        setresuid(peer->uid, peer->uid, peer->uid) < 0)
        return -errno;
    return geteuid() == peer->uid && getegid() == peer->gid ? 0 : -EPERM;
}

static int become(const struct opener_start *start)
{
    int r = leave_surroundings();

    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        return -errno;
    if (r == 0 && start->change)
        r = take_ids(start->peer);
    if (prctl(PR_SET_DUMPABLE, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    if (r == 0 && start->peer->uid != 0)
        r = drop_capabilities();
    /* Behind the ids, whose change clears it; the socket's end says the same, but not to a process
     * that waits for a file system. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -errno;
    if (getppid() != start->parent)
        _exit(0);
    return r;
}

/* Looks at one path. Return: 1 it is in the answer; 0 it does not fit; negative errno. */
static int look_at(struct answer *answer, const ProtobufCBinaryData *path)
{
    const char *text = arena_copy(&answer->arena, path->data, path->len);
    Crib__Host *host = &answer->host;
    struct host_fds fds = {0};
    protobuf_c_boolean has;
    int r;

    if (answer->bytes + FACT_MOST > PACKET_MAX_BYTES || answer->nfds == OPENER_FDS)
        return 0;
    if (!text)
        return -ENOMEM;
    r = host_paths(&text, 1, &answer->arena, host, &fds);
    if (r < 0)
        return r;
    has = fds.fd[0] >= 0;
    answer->bytes += crib__host_path__get_packed_size(host->paths[host->n_paths - 1]) + 8;
    if (has)
        answer->fds[answer->nfds++] = fd_take(&fds.fd[0]);
    host_fds_done(&fds);
    r = arena_push_value(&answer->arena, &answer->told.opened, &answer->told.n_opened, &has,
                         sizeof(has));
    return r < 0 ? r : 1;
}

static int open_files(struct answer *answer, const Crib__OpenerAsk *ask)
{
    if (ask->n_files == 0 || answer->nfds + ask->n_files > OPENER_FDS)
        return 0;
    for (size_t i = 0; i < ask->n_files; i++) {
        const ProtobufCBinaryData *path = &ask->files[i]->path;
        const char *text = arena_copy(&answer->arena, path->data, path->len);
        int fd = text ? opener_file_open(text, ask->files[i]->flags) : -ENOMEM;

        if (fd < 0) {
            answer->told.has_failed_file = 1;
            answer->told.failed_file = (uint32_t)i;
            return fd;
        }
        answer->fds[answer->nfds++] = fd;
    }
    answer->told.has_files_done = answer->told.files_done = 1;
    return 0;
}

static int fill(struct answer *answer, const Crib__OpenerAsk *ask)
{
    int r = 1;

    for (size_t i = 0; r > 0 && i < ask->n_paths; i++)
        r = look_at(answer, &ask->paths[i]);
    return r > 0 ? open_files(answer, ask) : r;
}

/* Without what was found, when something went wrong on the way. */
static int send_answer(struct answer *answer, int code)
{
    uint8_t packet[PACKET_MAX_BYTES];
    size_t len;

    if (code < 0) {
        rights_close(answer->fds, answer->nfds);
        answer->nfds = 0;
        answer->host.n_paths = answer->told.n_opened = 0;
        answer->told.has_code = 1;
        answer->told.code = code;
    }
    answer->told.host = &answer->host;
    len = crib__opener_told__get_packed_size(&answer->told);
    if (len == 0 || len > sizeof(packet))
        return -EMSGSIZE;
    crib__opener_told__pack(&answer->told, packet);
    return packet_send(SOCK, packet, len, answer->fds, answer->nfds);
}

/* @refused: why this process is nobody who could open anything; 0. Return: 0; negative errno. */
static int serve_one(const uint8_t *packet, size_t len, int refused)
{
    struct answer answer = {.told = CRIB__OPENER_TOLD__INIT, .host = CRIB__HOST__INIT};
    const Crib__OpenerAsk *ask;
    int r;

    arena_init(&answer.arena, ARENA_MOST);
    ask = crib__opener_ask__unpack(&answer.arena.pb, len, packet);
    r = refused ? refused : ask ? fill(&answer, ask) : -ENOMEM;
    r = send_answer(&answer, r);
    /* More of this user's fds are on their way than may be: no fds, then. */
    if (r < 0 && answer.nfds > 0)
        r = send_answer(&answer, r);
    rights_close(answer.fds, answer.nfds);
    arena_done(&answer.arena);
    return r;
}

void opener_child(const struct opener_start *start)
{
    uint8_t packet[PACKET_MAX_BYTES];
    int refused;
    long n;

    leave_fds(start->sock);
    refused = become(start);
    leave_signals();
    do {
        size_t nfds = 0;

        n = packet_receive(SOCK, packet, sizeof(packet), NULL, &nfds);
    } while (n > 0 && serve_one(packet, (size_t)n, refused) == 0);
    _exit(0);
}
