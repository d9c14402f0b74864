/* SPDX-License-Identifier: Apache-2.0 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

/*
 * Marks the task's first exec by a fourth argument, which execve has not and the kernel does not
 * read: where every exec of a task is traced, this one must not wait for us, who are suspended.
 */
#define FIRST_EXEC 0x63726962

/* What exec wants of the plan. */
static char **argv, **envp;

/* Where in envp its pid goes, which nobody knows before; NULL: nowhere. */
static char *pid_text;
static size_t pid_room; /* bytes, without the NUL behind them */

static char **strings(struct init *init, const ProtobufCBinaryData *list, size_t count)
{
    static char empty[] = "";
    char **ret = arena_alloc(&init->arena, (count + 1) * sizeof(*ret));

    for (size_t i = 0; ret && i < count; i++)
        ret[i] = list[i].len ? (char *)list[i].data : empty;
    return ret;
}

static void find_pid(const Crib__Program *program)
{
    static const char name[] = "LISTEN_PID=";
    const size_t len = sizeof(name) - 1;

    for (size_t i = 0; program->listen_fds && i < program->n_env; i++) {
        if (program->env[i].len < len || memcmp(program->env[i].data, name, len) != 0)
            continue;
        pid_text = (char *)program->env[i].data + len;
        pid_room = program->env[i].len - len;
    }
}

int prepare_exec(struct init *init)
{
    const Crib__Program *program = init->plan->program;

    argv = strings(init, program->argv, program->n_argv);
    envp = strings(init, program->env, program->n_env);
    find_pid(program);
    return argv && envp ? 0 : failed(init, STEP_spawn, -ENOMEM, -1);
}

/* Before the filter, which need not allow the call. */
int tell_pid(struct init *init)
{
    (void)init;
    if (pid_text)
        snprintf(pid_text, pid_room + 1, "%d", (int)getpid());
    return 0;
}

/* Through no magic link: /proc/self/fd/N could lead to where the task should not be. */
int enter_cwd(struct init *init)
{
    struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_NO_MAGICLINKS,
    };
    const char *cwd = (char *)init->plan->program->cwd.data;
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, cwd, &how, sizeof(how));

    if (fd < 0 || fchdir(fd) < 0)
        return failed(init, STEP_cwd, -errno, -1);
    close(fd);
    return 0;
}

static void first_exec(const char *path)
{
    syscall(SYS_execve, path, argv, envp, FIRST_EXEC);
}

/* As execvp(3) searches: the first that can be executed; EACCES is told only when none was. */
static int search(const Crib__Program *program)
{
    const char *dir = (char *)program->search.data, *end;
    char path[PATH_MAX];
    int r = -ENOENT;

    for (; dir; dir = *end ? end + 1 : NULL) {
        size_t len;

        end = strchrnul(dir, ':');
        len = (size_t)(end - dir);
        if (len == 0 || len + 1 + program->file.len >= sizeof(path))
            continue;
        memcpy(path, dir, len);
        path[len] = '/';
        memcpy(path + len + 1, program->file.data, program->file.len + 1);
        first_exec(path);
        if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
            return -errno;
        if (errno == EACCES)
            r = -EACCES;
    }
    return r;
}

int exec_program(struct init *init)
{
    const Crib__Program *program = init->plan->program;

    init->started = clock_us(); /* no system call */
    init->ready = true;
    if (!strchr((char *)program->file.data, '/'))
        return failed(init, STEP_exec, search(program), -1);
    first_exec((char *)program->file.data);
    return failed(init, STEP_exec, -errno, -1);
}

void explain_exec(struct init *init)
{
    const char *file = (char *)init->plan->program->file.data;

    if (init->failed == STEP_exec && init->code == -ENOENT && strchr(file, '/') &&
        faccessat(AT_FDCWD, file, F_OK, 0) == 0)
        init->failed = STEP_interpreter;
}
