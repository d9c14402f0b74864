/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal of the task's own. The master goes to the parent at once, and is ours no more; the
 * slave takes the place of what was sent for the fds that are to be the terminal.
 * Source: pts(4), ioctl_tty(2) (TIOCGPTPEER, TIOCSCTTY)
 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"

/* Through the file system itself: whatever the mounts have made of its path is of no account. */
int open_master(struct init *init, int devpts)
{
    int fd = openat(devpts, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd < 0)
        return failed(init, STEP_terminal, -errno, -1);
    init->master = fd;
    return 0;
}

/* In a mount namespace of its own, since in the host's we may make no file system. It ends here,
 * but the devpts lives as long as its pty is open. */
static int make_unseen(void *data)
{
    struct init *init = data;
    int devpts = unshare(CLONE_NEWNS) < 0 ? -errno : make_devpts(init, 0600);

    if (devpts < 0)
        failed(init, STEP_terminal, devpts, -1);
    else
        open_master(init, devpts);
    fd_close(&devpts);
    _exit(0);
}

/* Where the mounts are the host's, nothing was mounted to open a pty of. */
static int open_unseen(struct init *init)
{
    static char stack[64 * 1024] __attribute__((aligned(16)));
    pid_t pid = clone(make_unseen, stack + sizeof(stack),
                      CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, init);

    if (pid < 0)
        return failed(init, STEP_terminal, -errno, -1);
    waitpid(pid, NULL, 0);
    return init->failed ? init->code : 0;
}

/* Return: the slave; negative errno. */
static int open_slave(int master, const Crib__Terminal *plan)
{
    struct winsize size = {.ws_row = (unsigned short)plan->rows,
                           .ws_col = (unsigned short)plan->columns};
    int locked = 0, slave;

    if (ioctl(master, TIOCSPTLCK, &locked) < 0 || ioctl(master, TIOCSWINSZ, &size) < 0)
        return -errno;
    slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return slave < 0 ? -errno : slave;
}

/* Above the task's own numbers, as all that place_stdio() places. Takes @slave. */
static int put_in_place(struct init *init, int slave)
{
    const Crib__Program *program = init->plan->program;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < program->n_stdio; i++) {
        if (program->stdio[i]->kind != CRIB__STDIO__KIND__pty)
            continue;
        fd_close(&init->stdio[i]);
        r = init->stdio[i] = fd_copy(slave, init->lowest);
    }
    fd_close(&slave);
    return r < 0 ? r : 0;
}

int open_terminal(struct init *init)
{
    const Crib__Terminal *plan = init->plan->program->terminal;
    int slave, r = 0;

    if (!plan)
        return 0;
    if (init->master < 0)
        r = open_unseen(init);
    if (r < 0)
        return r;
    slave = open_slave(init->master, plan);
    r = slave < 0 ? slave : put_in_place(init, slave);
    if (r == 0)
        r = report_terminal(init);
    fd_close(&init->master);
    return r < 0 ? failed(init, STEP_terminal, r, -1) : 0;
}

int take_terminal(struct init *init)
{
    const Crib__Program *program = init->plan->program;

    for (size_t i = 0; i < program->n_stdio; i++) {
        if (program->stdio[i]->kind != CRIB__STDIO__KIND__pty)
            continue;
        if (ioctl((int)program->stdio[i]->fd, TIOCSCTTY, 0) < 0)
            return failed(init, STEP_controlling, -errno, -1);
        return 0;
    }
    return 0;
}
