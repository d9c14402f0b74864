/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: a hostile caller can put the memory that a call names behind userfaultfd or
 * a file of a FUSE mount, and a path below one, so that whoever reads it waits for as long as the
 * caller likes. So a thread does the looking, and init, which must see its parent go, waits for it
 * until a deadline; a thread that is late is not asked again until it is back, and what it was to
 * find is not told. The thread is in a killable wait then: measured with userfaultfd on 6.18, a
 * SIGKILL from outside ends init with it at once, and so does init's own exit. It is a thread and
 * no process because the task, which may have the same id, can neither stop nor kill a part of
 * pid 1. It has its own credentials and, where need be, mount namespace, as threads do in Linux.
 *
 * One call is in `asked`, what was found in `found`; two eventfds hand them over. No lock: who
 * is to write next is known at any time.
 *
 * Rights: init keeps all capabilities in its user namespace, so CAP_SYS_PTRACE over the task,
 * whose id may be another. A program that its own user may not read makes its memory belong to the
 * namespace that owns the file: init cannot read that, and there is no object.
 * Source: process_vm_readv(2), seccomp_unotify(2), ptrace(2) ("access mode checking")
 */
#include "init/look.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "init/init.h"

#define PATIENCE_US   2000000
#define BRIEFLY_US    200000 /* for a caller that is to be killed */
#define STACK         (256 * 1024)
#define PATH_BYTES    4096
#define ADDRESS_BYTES 128 /* of the longest struct sockaddr_… */
#define PAGE          4096

static const struct look_row rows[] = {
#define FOLLOW LOOK_FOLLOW
#define STAY   LOOK_STAY
#define LOOK(call, kind, arg, second, want, last)                                                  \
    {__NR_##call, LOOK_##kind, arg, second, LOOK_##want, last},
#include "init/looks.def"
#undef LOOK
#undef FOLLOW
#undef STAY
};

struct look {
    struct looker looker;
    pthread_t thread;
    bool started, failed;
    bool late;         /* the thread has not come back from what it was asked */
    int ask, answer;   /* eventfds: asked is for the thread, found is for init */
    atomic_bool leave; /* the thread is to end */
    struct {
        struct seccomp_notif request;
        const struct look_row *row;
        unsigned how;
    } asked;
    struct {
        struct sighting sighting;
        bool bad;
    } found;
    char path[PATH_BYTES + 1];
};

const struct look_row *look_rows(int number, size_t *ret_count)
{
    size_t first = 0, count = 0, all = sizeof(rows) / sizeof(rows[0]);

    while (first < all && rows[first].number != number)
        first++;
    while (first + count < all && rows[first + count].number == number)
        count++;
    *ret_count = count;
    return count ? &rows[first] : NULL;
}

/* By pages: a read ends at the first that is not there. */
size_t look_read(uint32_t pid, uint64_t address, void *data, size_t size)
{
    size_t done = 0;

    while (done < size) {
        size_t part = PAGE - (address + done) % PAGE;
        struct iovec here = {.iov_base = (char *)data + done};
        struct iovec there = {.iov_base = (void *)(uintptr_t)(address + done)};
        ssize_t n;

        here.iov_len = there.iov_len = part < size - done ? part : size - done;
        n = process_vm_readv((pid_t)pid, &here, 1, &there, 1, 0);
        if (n <= 0)
            break;
        done += (size_t)n;
        if ((size_t)n < here.iov_len || memchr((char *)data + done - n, '\0', (size_t)n))
            break;
    }
    return done;
}

static int make_proc(void)
{
    int context = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC), mount;

    if (context < 0)
        return -errno;
    mount = syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0
                ? -1
                : (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
    mount = mount < 0 ? -errno : mount;
    fd_close(&context);
    return mount;
}

/*
 * Our own, since the task's need not be there or be what it seems. Where the mounts are the host's
 * we have no right to make one but in a copy of them. Needs a /proc that nothing is mounted over.
 */
static void open_proc(struct looker *looker)
{
    looker->tried = true;
    looker->proc = make_proc();
    if (looker->proc == -EPERM && unshare(CLONE_NEWNS) == 0)
        looker->proc = make_proc();
}

static void find_program(const struct looker *looker, const struct seccomp_notif *request,
                         struct sighting *out)
{
    char path[32];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "%u/comm", request->pid);
    fd = looker->proc < 0 ? -1 : openat(looker->proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    n = read(fd, out->program, sizeof(out->program));
    close(fd);
    if (n > 0 && out->program[n - 1] == '\n')
        n--;
    out->program_len = n > 0 ? (size_t)n : 0;
}

static size_t find_address(const struct seccomp_notif *request, const struct look_row *row,
                           char *data)
{
    uint64_t len = request->data.args[row->second] & 0xffffffff;
    struct iovec here = {data, len < ADDRESS_BYTES ? (size_t)len : ADDRESS_BYTES};
    struct iovec there = {(void *)(uintptr_t)request->data.args[row->arg], here.iov_len};
    ssize_t n = process_vm_readv((pid_t)request->pid, &here, 1, &there, 1, 0);

    return n > 0 ? (size_t)n : 0;
}

/* A path without an end is too long where it fills the room, and else no path. */
static size_t find_path(const struct seccomp_notif *request, const struct look_row *row, char *path)
{
    size_t len = look_read(request->pid, request->data.args[row->arg], path, PATH_BYTES);

    if (len < PATH_BYTES && !memchr(path, '\0', len))
        len = 0;
    path[len] = '\0';
    return strlen(path);
}

static void find_object(struct look *look, const struct seccomp_notif *request,
                        const struct look_row *row, struct sighting *out)
{
    size_t len = row->kind == LOOK_ADDRESS ? find_address(request, row, look->path)
                                           : find_path(request, row, look->path);

    out->kind = len ? (int)row->kind : 0;
    out->arg = (unsigned)row->arg;
    out->object_len = len < SIGHTING_TEXT ? len : SIGHTING_TEXT;
    memcpy(out->object, look->path, out->object_len);
}

/* A caller that was killed may have left its number to another process, and what we read is its. */
static bool still_waits(const struct look *look, const struct seccomp_notif *request)
{
    uint64_t id = request->id;

    return ioctl(look->looker.init->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static void look_now(struct look *look)
{
    const struct seccomp_notif *request = &look->asked.request;
    const struct look_row *row = look->asked.row;
    struct sighting *out = &look->found.sighting;

    look->found.bad = false;
    out->program_len = out->object_len = 0;
    out->kind = 0;
    out->file.known = false;
    find_program(&look->looker, request, out);
    if (row)
        find_object(look, request, row, out);
    if (out->kind == LOOK_PATH && look->asked.how & LOOK_RESOLVE)
        look->found.bad = look_resolve(&look->looker, request, row, look->path, &out->file);
    if (still_waits(look, request))
        return;
    look->found.bad = false;
    out->program_len = out->object_len = 0;
    out->kind = 0;
    out->file.known = false;
}

static void *look_main(void *data)
{
    struct look *look = data;
    eventfd_t ignored;

    /* Nothing is opened before there is a question: until its exec the task has our table, and there
     * its fds take places which an open of ours would hold. */
    while (eventfd_read(look->ask, &ignored) == 0 && !look->leave) {
        if (!look->looker.tried)
            open_proc(&look->looker);
        look_now(look);
        eventfd_write(look->answer, 1);
    }
    fd_close(&look->looker.proc);
    return NULL;
}

struct look *look_new(const struct init *init)
{
    struct look *look = calloc(1, sizeof(*look));

    if (look) {
        look->looker = (struct looker){.init = init, .proc = -1};
        look->ask = look->answer = -1;
    }
    return look;
}

/* Above the task's numbers. Return: negative errno. */
static int make_eventfd(const struct init *init)
{
    int fd = eventfd(0, EFD_CLOEXEC), high = fd < 0 ? -errno : fd_copy(fd, init->lowest);

    fd_close(&fd);
    return high;
}

int look_start(struct look *look)
{
    pthread_attr_t attr;
    int r;

    look->ask = make_eventfd(look->looker.init);
    look->answer = make_eventfd(look->looker.init);
    if (look->ask < 0 || look->answer < 0)
        return look->ask < 0 ? look->ask : look->answer;
    r = -pthread_attr_init(&attr);
    if (r < 0)
        return r;
    pthread_attr_setstacksize(&attr, STACK);
    r = -pthread_create(&look->thread, &attr, look_main, look);
    pthread_attr_destroy(&attr);
    look->started = r == 0;
    return r;
}

/* Return: whether the thread has answered; false: it is late, or the parent is gone. */
static bool wait_answer(struct look *look, uint64_t patience)
{
    const struct init *init = look->looker.init;
    bool watched = !init->plan->life || !init->plan->life->detached;
    struct pollfd polls[] = {{.fd = look->answer, .events = POLLIN},
                             {.fd = watched ? init->parent : -1, .events = POLLIN}};
    uint64_t end = clock_us() + patience, now = clock_us();
    eventfd_t ignored;

    do {
        if (poll(polls, 2, now < end ? (int)((end - now) / 1000) + 1 : 0) > 0)
            break;
        now = clock_us();
    } while (now < end);
    look->late = !(polls[0].revents & POLLIN);
    if (!look->late)
        eventfd_read(look->answer, &ignored);
    return !look->late;
}

void look_free(struct look *look)
{
    if (!look)
        return;
    look->leave = true;
    if (look->started && look->late && !wait_answer(look, 0))
        return;
    if (look->started && eventfd_write(look->ask, 1) == 0)
        pthread_join(look->thread, NULL);
    fd_close(&look->ask);
    fd_close(&look->answer);
    free(look);
}

/* Return: whether the thread can be asked. */
static bool is_ready(struct look *look)
{
    if (!look->started && !look->failed)
        look->failed = look_start(look) < 0;
    return look->started && (!look->late || wait_answer(look, 0));
}

bool look_at(struct look *look, const struct seccomp_notif *request, const struct look_row *row,
             unsigned how, struct sighting *out)
{
    const struct sighting *found = &look->found.sighting;

    out->program_len = out->object_len = 0;
    out->kind = 0;
    out->arg = row ? (unsigned)row->arg : 0;
    out->file.known = false;
    if (!is_ready(look))
        return false;
    look->asked.request = *request;
    look->asked.row = row;
    look->asked.how = how;
    if (eventfd_write(look->ask, 1) < 0 ||
        !wait_answer(look, how & LOOK_BRIEFLY ? BRIEFLY_US : PATIENCE_US))
        return false;
    memcpy(out->program, found->program, found->program_len);
    out->program_len = found->program_len;
    out->kind = found->kind;
    out->object_len = found->object_len;
    memcpy(out->object, found->object, found->object_len);
    memcpy(&out->file, &found->file, sizeof(out->file));
    return look->found.bad;
}
