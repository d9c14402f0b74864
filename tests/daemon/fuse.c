/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include "base/fd.h"
#include "fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FILE_NODE 2

bool fuse_possible(void)
{
    int fd = geteuid() == 0 ? open("/dev/fuse", O_RDWR | O_CLOEXEC) : -1;

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void reply(int fd, const struct fuse_in_header *in, int code, const void *data, size_t len)
{
    char out[512];
    struct fuse_out_header head = {
        .len = (uint32_t)(sizeof(head) + len), .error = code, .unique = in->unique};

    memcpy(out, &head, sizeof(head));
    if (len)
        memcpy(out + sizeof(head), data, len);
    if (write(fd, out, head.len) < 0)
        return; /* interrupted meanwhile */
}

static struct fuse_attr attr_of(uint64_t node)
{
    return (struct fuse_attr){
        .ino = node, .mode = node == FILE_NODE ? S_IFREG | 0666 : S_IFDIR | 0777, .nlink = 1};
}

static void on_lookup(int fd, const struct fuse_in_header *in)
{
    struct fuse_entry_out entry = {.nodeid = FILE_NODE, .attr = attr_of(FILE_NODE)};

    if (strcmp((const char *)(in + 1), "file") == 0)
        reply(fd, in, 0, &entry, sizeof(entry));
    else
        reply(fd, in, -ENOENT, NULL, 0);
}

static void answer(int fd, const struct fuse_in_header *in)
{
    struct fuse_init_out init = {
        .major = FUSE_KERNEL_VERSION, .minor = FUSE_KERNEL_MINOR_VERSION, .max_write = 4096};
    struct fuse_attr_out attr = {.attr = attr_of(in->nodeid)};
    struct fuse_open_out opened = {0};

    switch (in->opcode) {
    case FUSE_INIT:
        reply(fd, in, 0, &init, sizeof(init));
        break;
    case FUSE_LOOKUP:
        on_lookup(fd, in);
        break;
    case FUSE_GETATTR:
        reply(fd, in, 0, &attr, sizeof(attr));
        break;
    case FUSE_OPEN:
    case FUSE_OPENDIR:
        reply(fd, in, 0, &opened, sizeof(opened));
        break;
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
        reply(fd, in, 0, NULL, 0);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break;
    default:
        reply(fd, in, -ENOSYS, NULL, 0);
    }
}

/* Also when it hangs it reads: a request that was taken up cannot be given up by who waits for it.
 */
static void serve(int fd, int quiet)
{
    static char buffer[256 * 1024];
    bool hangs = false;

    for (;;) {
        struct pollfd ready[2] = {{.fd = fd, .events = POLLIN},
                                  {.fd = hangs ? -1 : quiet, .events = POLLIN}};

        poll(ready, 2, -1);
        if (ready[1].revents) {
            hangs = true;
            if (write(quiet, "", 1) != 1)
                return;
        }
        if (!ready[0].revents)
            continue;
        if (read(fd, buffer, sizeof(buffer)) < 0) {
            if (errno == EINTR || errno == EAGAIN || errno == ENOENT)
                continue;
            return; /* unmounted */
        }
        if (!hangs)
            answer(fd, (const struct fuse_in_header *)buffer);
    }
}

void fuse_start(struct fuse *fuse, const char *dir)
{
    char options[128];

    memset(fuse, 0, sizeof(*fuse));
    snprintf(fuse->dir, sizeof(fuse->dir), "%s", dir);
    snprintf(fuse->file, sizeof(fuse->file), "%s/file", dir);
    fuse->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    assert_true(fuse->fd >= 0);
    snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u,allow_other",
             fuse->fd, geteuid(), getegid());
    assert_int_equal(mount("crib-test", dir, "fuse", MS_NOSUID | MS_NODEV, options), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fuse->quiet), 0);
    fuse->pid = fork();
    if (fuse->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(fuse->fd, fuse->quiet[1]);
        _exit(0);
    }
    assert_true(fuse->pid > 0);
    fd_close(&fuse->fd); /* with the process goes the last one, and then nobody waits any more */
}

void fuse_hang(struct fuse *fuse)
{
    char byte;

    assert_int_equal(write(fuse->quiet[0], "", 1), 1);
    assert_int_equal(read(fuse->quiet[0], &byte, 1), 1);
}

void fuse_stop(struct fuse *fuse)
{
    kill(fuse->pid, SIGKILL);
    waitpid(fuse->pid, NULL, 0);
    umount2(fuse->dir, MNT_DETACH);
    close(fuse->quiet[0]);
    close(fuse->quiet[1]);
}
