/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib: run programs in sandboxes, the way Node's child_process runs children.
 *
 * Runs in: the user's program, on the thread that runs its libuv loop. No function here may be
 * called from another thread; several executors on several loops are fine.
 * Owns: an executor owns its tasks; a task owns its streams. A task lives until its `close`
 * callback has returned; until then its pointer is good.
 * See: docs/architecture.md for the order of events.
 *
 * Theory of operation
 *
 * Two sentences hold for every function that starts something: if it returns an error, none of the
 * callbacks will ever come. After success exactly one `close` comes, as the last; before it comes
 * either `error` (the program never ran) or one `exit`.
 *
 *     spawn ─▶ message, denied, stream data ─▶ exit ─▶ disconnect, rest of the data ─▶ close
 *     error ─▶ close                    (set-up failed: nothing of the program ever ran)
 *
 * What the program itself sent before its end comes as `message` before `exit`. `disconnect` comes
 * once where there is a channel, before or after `exit`, when the channel has ended. `error` may
 * also come while a task runs, when something about it failed that does not end it (a frame over
 * the cap, an abort); `spawn` tells the two apart. A task that is killed before its program ran
 * ends with `exit`. A detached task that still runs when its executor is closed gets only `close`,
 * with verdict 0.
 *
 * Callbacks come from the loop, never out of a call; crib_task_abort() and its `error` are the
 * exception. Every function here may be called from a callback.
 */
#ifndef CRIB_CRIB_H
#define CRIB_CRIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "crib/error.h"
#include "crib/policy.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct crib crib;           /* an executor */
typedef struct crib_task crib_task; /* one child and its sandbox */
typedef struct crib_stream
    crib_stream; /* one of a task's piped fds or of its terminal, the parent's end */

#define CRIB_MAX_BUFFER  (1024 * 1024)      /* bytes; default of max_buffer, as Node's */
#define CRIB_MAX_MESSAGE (64 * 1024 * 1024) /* bytes; cap on a message's payload */
#define CRIB_MAX_FDS     64                 /* file descriptors with one message */

/* What a task's fd is connected to. */
enum crib_stdio_kind {
    CRIB_NULL = 0, /* /dev/null */
    CRIB_PIPE,     /* a crib_stream of the parent: it writes to fd 0 and reads all others */
    CRIB_INHERIT,  /* the parent's fd of the same number */
    CRIB_FD,       /* the parent's fd `from`; borrowed for the call */
    CRIB_STREAM,   /* another task's piped fd, joined in the kernel: `stream`, taken */
    CRIB_CHANNEL,  /* the message channel; at most one (crib_fork adds it by itself) */
    CRIB_PTY,      /* the task's own terminal; fds 0, 1 and 2 only. See crib_task_stream() */
};

struct crib_stdio {
    enum crib_stdio_kind kind;
    int from;            /* CRIB_FD */
    crib_stream *stream; /* CRIB_STREAM: not yet read from or written to; gone afterwards */
};

enum crib_channel_kind {
    CRIB_CHANNEL_CRIB = 0, /* typed messages, crib/child.h at the other end */
    CRIB_CHANNEL_NODE,     /* Node's own: messages are JSON texts of type `json`, with at most one
                            * fd, a socket or a pipe */
    CRIB_CHANNEL_NODE_ADVANCED, /* the same with Node's serialization `advanced`: messages are what
                                 * v8.serialize() makes, of type `v8`, without fds */
};

/* A file or directory of the host that the task sees too. */
struct crib_bind {
    const char *source; /* on the host; relative to the parent's cwd */
    const char *target; /* absolute, inside; NULL: same as source */
    bool write;
};

/* What becomes of the changes in an overlay when the task has ended. */
enum crib_keep {
    CRIB_KEEP_DISCARD = 0,
    CRIB_KEEP_LIST,   /* they are in the result, then dropped */
    CRIB_KEEP_COMMIT, /* they are in the result, and made on the host where the task exited with 0 */
};

/* A directory of the host that the task sees as well, and changes in memory only. */
struct crib_overlay {
    const char *source; /* on the host; relative to the parent's cwd */
    const char *target; /* absolute, inside; NULL: same as source */
    uint64_t size;      /* bytes that the changes may take; 0: 64 MiB */
    enum crib_keep keep;
};

/* An empty directory in memory, writable by the task, gone with it. */
struct crib_tmpfs {
    const char *target; /* absolute, inside */
    uint64_t size;      /* bytes; 0: 64 MiB */
};

enum crib_copy_kind {
    CRIB_COPY_CONTENT = 0, /* bytes: here to be copied in, in crib_task_copied() when copied out */
    CRIB_COPY_PATH,        /* a file of the host, opened or made with the parent's rights */
    CRIB_COPY_FD,          /* the parent's fd, of a regular file or a memfd; borrowed for the call */
};

/* A file that the task finds when it starts: a copy of its own, in one of the policy's file systems
 * in memory. docs/files.md has the rules. */
struct crib_copy_in {
    const char *path; /* absolute, inside, through no symlink; nothing may be there */
    enum crib_copy_kind kind;
    const void *data; /* CRIB_COPY_CONTENT, with len */
    size_t len;
    const char *source; /* CRIB_COPY_PATH: a regular file and no symlink; relative to the cwd */
    int fd;             /* CRIB_COPY_FD: read from its beginning; its offset stays */
    unsigned mode;      /* at most 0777; 0: 0644, and executable where `source` is */
    uint64_t max;       /* bytes; 0: 64 MiB */
};

/* A regular file that the task leaves behind, in one of those file systems, copied when everything
 * of the task has ended. */
struct crib_copy_out {
    const char *path; /* absolute, inside; through no symlink */
    enum crib_copy_kind kind;
    const char *target; /* CRIB_COPY_PATH: made before the start; nothing may be there */
    int fd;             /* CRIB_COPY_FD: written to at its offset */
    uint64_t max;       /* bytes; 0: 64 MiB, content 1 MiB, which is also the most for that */
    bool optional;      /* that it is missing is no error */
};

/* What came of a struct crib_copy_out. Borrowed from the task. */
struct crib_copied {
    bool there;              /* it is copied; else `error`, or it was optional */
    uint64_t size;           /* bytes */
    struct crib_error error; /* code 0: none */
    const void *data;        /* CRIB_COPY_CONTENT; else NULL */
};

enum crib_verdict {
    CRIB_EXITED = 1,   /* status */
    CRIB_SIGNALED,     /* signal */
    CRIB_WALL_TIMEOUT, /* timeout reached */
    CRIB_OUTPUT,       /* max_buffer or a limit on output reached */
    CRIB_FILTER,       /* killed by a kill rule of the policy; call */
    CRIB_SETUP_FAILED, /* the program never ran; error */
    CRIB_KILLED,       /* by crib_task_kill, crib_task_abort or crib_close */
    CRIB_CPU_TIMEOUT,  /* limits.cpu_time reached */
    CRIB_MEMORY,       /* a process of it was killed for want of memory */
    CRIB_PIDS,         /* limits.pids reached */
};

/* How a task ended. Borrowed from the task. */
struct crib_result {
    enum crib_verdict verdict;
    int status;                           /* exit status; -1 when there is none */
    int signal;                           /* the signal that ended it; 0 when none did */
    struct crib_error error;              /* code 0: none */
    uint64_t wall_us, user_us, system_us; /* microseconds */
    uint64_t peak_memory; /* bytes, of the whole tree; without cgroups of the largest process */
    uint64_t denials;     /* how many calls were denied in all */
    const char *limit;  /* which one was reached: `cpu_time`; `timeout`, `max_buffer`: the caller's
                           own; `host`: it had no memory; "" none. Static, but of crib_sync */
    const char *call;   /* that a kill rule was for; "" none */
    uint64_t peak_pids; /* processes and threads at once; 0: not known */
    uint64_t switches, preempted;       /* context switches, and those it had not asked for */
    uint64_t read_bytes, written_bytes; /* from and to disks */
};

enum crib_denied_by {
    CRIB_BY_FILTER,
    CRIB_BY_FILES, /* mounts, permissions or Landlock; only where `trace` asks */
    CRIB_BY_LIMIT,
};

/* What was refused, and why. Borrowed for the callback. What comes from the task's memory (program,
 * object) is for people to read: it may be forged. */
struct crib_denial {
    uint32_t pid;       /* inside the sandbox; 0: none in particular */
    const char *call;   /* `socket`; of a limit its name */
    const char *text;   /* `socket(domain=AF_INET, type=SOCK_STREAM, protocol=IPPROTO_IP)` */
    const char *answer; /* `EPERM`, `killed`, `let through` */
    uint64_t count;     /* so many since it was last told */
    enum crib_denied_by by;
    const char *program; /* what the process runs, as the kernel names it; "" not known */
    const char *object;  /* the path or address that the call names; "" none */
    const char *rule;    /* `work.yaml:7:5`, with the group on the way; "" no entry names it */
    const char *edit;    /* what would allow it; "" nothing would */
    uint32_t number;     /* of the call */
    uint64_t args[6];    /* of the call */
};

enum crib_trace {
    CRIB_TRACE_OFF,
    CRIB_TRACE_FILES, /* tells of calls on files that will fail, and why: `crib run --why` */
    CRIB_TRACE_ALL,   /* tells of every call that differs from those before: `crib policy learn` */
};

/* A message from a child. Borrowed for the callback, fds excepted. */
struct crib_message {
    const char *type;
    const void *data;
    size_t len;
    int *fds; /* keep one by storing -1 in its place; the rest is closed after the callback */
    size_t nfds;
};

/* All may be NULL. The task pointer may be used in each, in `close` for the last time. */
struct crib_events {
    void (*spawn)(crib_task *task, void *data); /* the program runs */
    void (*message)(crib_task *task, struct crib_message *message, void *data);
    void (*drain)(crib_task *task, void *data); /* sends are below the high-water mark again */
    void (*disconnect)(crib_task *task, void *data);
    void (*denied)(crib_task *task, const struct crib_denial *denial, void *data);
    void (*error)(crib_task *task, const struct crib_error *error, void *data);
    void (*exit)(crib_task *task, const struct crib_result *result, void *data);
    void (*close)(crib_task *task, const struct crib_result *result, void *data);
};

/* Every option; a zeroed struct with its size set means the defaults (crib_options_init). */
struct crib_options {
    size_t size; /* sizeof(struct crib_options) */

    const char *policy;                /* a name or a file; NULL: "default" */
    const crib_policy *policy_message; /* borrowed; beats `policy` */
    const char *cwd;                   /* inside; NULL: the policy's view decides (/tmp) */
    const char *const *env; /* the whole environment, ended by NULL; NULL: what the policy passes */
    const char *const *env_add; /* added to it, ended by NULL; may be NULL */
    const char *argv0;          /* NULL: the file as given */
    const char *shell;       /* crib_exec: NULL is /bin/sh; others: run `file args…` through it */
    const char *const *vars; /* `NAME=VALUE` for the policy's `${NAME}`; ended by NULL, or NULL */
    enum crib_trace trace;   /* both cost time at every call that they look at */
    bool timing; /* the result tells where the start's time went: crib_task_result_json() */
    const struct crib_stdio *stdio; /* entry i is fd i; NULL: see each function */
    size_t stdio_count;             /* at most 64 */
    unsigned listen_fds; /* so many of `stdio`, from fd 3 on, CRIB_FD or CRIB_INHERIT, are sockets
                          * that listen: told as systemd does, by LISTEN_FDS and LISTEN_PID */
    const struct crib_bind *binds;
    size_t bind_count;
    const struct crib_tmpfs *tmpfs; /* after the binds */
    size_t tmpfs_count;
    const struct crib_overlay *overlays; /* after these */
    size_t overlay_count;
    int64_t uid, gid;      /* host ids, the same inside; 0: what the policy gives */
    bool set_uid, set_gid; /* 0 is meant, and refused: for ids that come from elsewhere */
    bool detached;         /* outlives the parent; no pipe, terminal, channel or timeout */
    uint64_t timeout_ms;   /* wall time; 0: the policy's, or none */
    int kill_signal;       /* for timeout and abort; 0: SIGTERM; SIGKILL follows 1 s later */
    size_t max_buffer;     /* bytes kept of stdout, and of stderr; 0: CRIB_MAX_BUFFER */
    size_t max_message;    /* bytes of a message's payload; 0: CRIB_MAX_MESSAGE */
    enum crib_channel_kind channel;
    uint16_t rows, columns; /* of the terminal at the start; 0: 24 and 80 */
    const struct crib_copy_in *copy_in;
    size_t copy_in_count; /* at most 64 */
    const struct crib_copy_out *copy_out;
    size_t copy_out_count; /* at most 64 */

    struct crib_events on;
    void *data; /* handed to every callback */
};

CRIB_API void crib_options_init(struct crib_options *options);

/**
 * crib_open() - Open an executor on a loop
 * @ret:     set on success
 * @loop:    keeps; must outlive the executor
 * @address: NULL: tasks run under this process; "unix:PATH": under the daemon that listens there
 * @err:     may be NULL, here and everywhere
 *
 * Under a daemon everything is as here, with the same streams and messages, which do not pass it.
 * What its site file does not let this user do is -EACCES, what is over a quota -EDQUOT. A function
 * that starts something waits for the daemon's answer, 30 s at most. When the daemon goes, a task
 * that runs gets `error` with -ECONNRESET, then `exit` as if it was killed; the next start connects
 * anew. A detached task goes on under the daemon, which also keeps its time.
 *
 * Return: 0; -EINVAL no such address; -ENOENT, -ECONNREFUSED no daemon is there; -EACCES this user
 *         may not connect; other negative errno
 */
CRIB_API int crib_open(crib **ret, uv_loop_t *loop, const char *address, struct crib_error *err);

/**
 * crib_close() - Kill what still runs (detached tasks excepted) and free the executor
 *
 * What is being read is read to its end; streams that are not are dropped. The loop must go on
 * running until @closed. Accepts NULL.
 *
 * @closed: called when every task's `close` has been; may be NULL
 */
CRIB_API void crib_close(crib *ex, void (*closed)(void *data), void *data);

/**
 * crib_spawn() - Start a program
 * @file:    borrows; a path with a slash (relative to the parent's cwd), or a name searched in PATH
 * inside
 * @args:    borrows; without argv[0], ended by NULL; NULL: none
 * @options: borrows; NULL: the defaults. stdio NULL: three pipes
 * @ret:     set on success; may be NULL
 *
 * Return: 0; negative errno: bad options, an unknown policy, a host that cannot, or clone itself
 * Source: child_process.spawn of Node
 */
CRIB_API int crib_spawn(crib *ex, const char *file, const char *const *args,
                        const struct crib_options *options, crib_task **ret,
                        struct crib_error *err);

/**
 * crib_exec_cb - What crib_exec and crib_exec_file call once, after `close`
 * @error: NULL when the program exited with 0; else code is -ECANCELED (abort), -ETIMEDOUT,
 *         -ENOBUFS (max_buffer), the set-up's error, or -ECHILD: status and signal are in the
 * result
 * @out, @err: what was collected; NUL-terminated; borrowed for the call
 */
typedef void (*crib_exec_cb)(crib_task *task, const struct crib_error *error, const char *out,
                             size_t out_len, const char *err, size_t err_len, void *data);

/**
 * crib_exec() - Run a command line through the shell inside the sandbox, collecting its output
 * @options: stdio must be NULL; fd 0 is a pipe
 * @done:    may be NULL
 * @ret:     set on success, with its pid known; may be NULL
 */
CRIB_API int crib_exec(crib *ex, const char *line, const struct crib_options *options,
                       crib_exec_cb done, crib_task **ret, struct crib_error *err);

/* The same without a shell. */
CRIB_API int crib_exec_file(crib *ex, const char *file, const char *const *args,
                            const struct crib_options *options, crib_exec_cb done, crib_task **ret,
                            struct crib_error *err);

/**
 * crib_fork() - Start a module with a message channel
 * @module:  a program that uses crib/child.h; found as in crib_spawn. Or a script of Node's, by its
 *           path: NAME.js, .cjs or .mjs; then `node` runs it, the channel is Node's, the policy is
 *           `node` unless another is named, and it can read the directory that the script is in
 * @options: stdio NULL: fds 0 to 2 are inherited; the channel is put at the first fd behind them
 *
 * The child finds the number in CRIB_CHANNEL_FD.
 */
CRIB_API int crib_fork(crib *ex, const char *module, const char *const *args,
                       const struct crib_options *options, crib_task **ret, struct crib_error *err);

/* What a blocking form returns. Free with crib_sync_done(). */
struct crib_sync {
    pid_t pid;
    struct crib_result result;
    struct crib_error error; /* as crib_exec_cb has it; code 0: none */
    char *out, *err;         /* NUL-terminated; never NULL after success */
    size_t out_len, err_len;
    struct crib_copied *copied; /* as options.copy_out; NULL: there was none */
    size_t copied_count;
};

/**
 * crib_exec_sync() - The blocking forms: run to the end on a loop of their own
 * @ex:      its tasks and its loop stand still meanwhile
 * @input:   written to stdin, which is then closed; NULL: stdin is /dev/null
 * @options: callbacks are not called; stdio NULL: stdout and stderr are collected. Fd 0 cannot be a
 *           terminal, since nobody types; what is written to one counts as stdout
 *
 * Return: 0 once it has run, however it ended (see ret->error); negative errno as crib_spawn
 */
CRIB_API int crib_exec_sync(crib *ex, const char *line, const void *input, size_t input_len,
                            const struct crib_options *options, struct crib_sync *ret,
                            struct crib_error *err);
CRIB_API int crib_exec_file_sync(crib *ex, const char *file, const char *const *args,
                                 const void *input, size_t input_len,
                                 const struct crib_options *options, struct crib_sync *ret,
                                 struct crib_error *err);
CRIB_API int crib_spawn_sync(crib *ex, const char *file, const char *const *args, const void *input,
                             size_t input_len, const struct crib_options *options,
                             struct crib_sync *ret, struct crib_error *err);
CRIB_API void crib_sync_done(struct crib_sync *sync);

/* Return: init's pid in the caller's pid namespace; known from the start, good until `exit`. */
CRIB_API pid_t crib_task_pid(const crib_task *task);

/* Return: the executor's user data of this task. */
CRIB_API void *crib_task_data(const crib_task *task);

/* Return: the result so far; verdict 0 before `exit`. */
CRIB_API const struct crib_result *crib_task_result(const crib_task *task);

/* The whole result with receipt and denials as one line of JSON (task.proto, Result). The caller
 * frees *ret_text. Return: 0; -EBUSY before the end; -ENOMEM. */
CRIB_API int crib_task_result_json(const crib_task *task, char **ret_text);

/**
 * crib_task_copied() - What came of options.copy_out[index]
 *
 * That a file could not be copied out does not change the task's result. A task ended by
 * crib_task_kill() with SIGKILL leaves nothing: -ECHILD. One that runs into a limit does.
 *
 * Return: 0; -EBUSY before `close`; -ENOENT no such index
 */
CRIB_API int crib_task_copied(const crib_task *task, size_t index, struct crib_copied *ret);

/**
 * crib_task_kill() - Send a signal to the task's program
 * @signo: SIGKILL ends the whole tree at once; others are the program's to handle; 0 only asks
 *
 * Before the program runs, a signal waits until it does. After its end SIGKILL gives up what it
 * wrote to an fd of yours under a limit on output, and nobody takes from there.
 *
 * Return: 0; -ESRCH it has ended; -EINVAL
 */
CRIB_API int crib_task_kill(crib_task *task, int signo);

/* `error` with -ECANCELED, from within the call, then kill_signal, then SIGKILL.
 * Return: as crib_task_kill(). */
CRIB_API int crib_task_abort(crib_task *task);

/**
 * crib_task_stream() - The parent's end of a CRIB_PIPE fd, or of the task's terminal
 *
 * All CRIB_PTY fds of a task are one terminal, of a devpts that nobody else has, and its program's
 * controlling terminal. It has two streams: 0 writes to it, as if typed, and 1 reads what is
 * written to it and what it echoes. A CRIB_PIPE keeps its number: with one at fd 0 the terminal
 * cannot be written to, with one at fd 1 it is read as 2.
 *
 * To end the program's input write VEOF, "\4"; to interrupt what is in its foreground VINTR, "\3".
 * Closing stream 0 sends nothing. When both are closed the terminal hangs up: the program gets
 * SIGHUP. The reading stream ends when nobody inside has the terminal open any more.
 *
 * Return: the stream; NULL where there is none, or no more
 */
CRIB_API crib_stream *crib_task_stream(crib_task *task, int fd);

/**
 * crib_task_resize() - Set the size of the task's terminal, in characters
 *
 * Its foreground processes get SIGWINCH when the size is another.
 *
 * Return: 0; -ENOTTY it has no terminal, or no more; -EINVAL not 1 to 65535
 */
CRIB_API int crib_task_resize(crib_task *task, unsigned rows, unsigned columns);

/**
 * crib_stream_data_cb - A piece of what the task wrote
 * @data: borrowed for the call; NULL at the end of the stream
 * @len:  bytes; at the end 0, or a negative errno
 */
typedef void (*crib_stream_data_cb)(crib_stream *stream, const char *data, ssize_t len, void *user);

/* Start reading. Nothing is read before, and nothing after crib_stream_read_stop(): the pipe fills
 * up and the task waits. Streams never read from are drained and dropped after `exit`. */
CRIB_API int crib_stream_read_start(crib_stream *stream, crib_stream_data_cb on_data, void *user);
CRIB_API int crib_stream_read_stop(crib_stream *stream);

/**
 * crib_stream_write() - Write to the task
 * @data: borrows; copied
 * @done: may be NULL; status 0 or negative errno
 *
 * Return: 0; 1 accepted, but the high-water mark (64 KiB) is passed: wait for @done; negative errno
 */
CRIB_API int crib_stream_write(crib_stream *stream, const void *data, size_t len,
                               void (*done)(crib_stream *stream, int status, void *user),
                               void *user);

/* Close the parent's end after what was written: the task sees the end of its input, or a reader
 * that is gone. Accepts NULL. */
CRIB_API void crib_stream_close(crib_stream *stream);

/**
 * crib_task_send() - Send a message to a forked child
 * @type: borrows; the payload's type name, at most 255 bytes
 * @data: borrows; copied
 * @fds:  borrows; duplicated at once
 *
 * Return: 0; 1 accepted, but the high-water mark (64 KiB) is passed: wait for `drain`; -ENOTCONN;
 *         -EMSGSIZE; -EMFILE; -EINVAL
 */
CRIB_API int crib_task_send(crib_task *task, const char *type, const void *data, size_t len,
                            const int *fds, size_t nfds);

/* End the channel after what was sent; the child may then leave by itself. Return: 0; -ENOTCONN. */
CRIB_API int crib_task_disconnect(crib_task *task);

/* Return: whether messages can be sent. */
CRIB_API bool crib_task_connected(const crib_task *task);

/**
 * crib_set_prepared() - Keep sandboxes ready, so that a start only has to put its program in
 * @most:    how many may wait, 256 at most; 0: none, and those that wait are ended
 * @idle_ms: milliseconds after which those that no start has asked for are ended; 0: never
 *
 * What was asked for once is made again ahead: tasks that differ in program, arguments, environment,
 * descriptors and binds of their own are alike. A sandbox is used once. They are made by a thread of
 * their own; a start that finds none makes its own and does not wait. The receipt's line `start`
 * says which it was. Tasks with overlays, masks, an id of their own, and detached ones, are never
 * prepared.
 *
 * A sandbox that waits is a process and two or three descriptors of this one. It has the umask and
 * the cgroups that this process had when it was made; what else a process inherits (limits,
 * priority, processors, ids, capabilities, the root) is compared at each start, and all are ended
 * when something is mounted or unmounted where this process is.
 *
 * Return: 0; -EINVAL over 256; -EOPNOTSUPP the executor is a daemon's, whose site file says it;
 *         -ENOMEM
 */
CRIB_API int crib_set_prepared(crib *ex, unsigned most, unsigned idle_ms, struct crib_error *err);

/**
 * crib_prepare() - Have sandboxes made before the first start asks for them
 * @file, @args, @options: as crib_spawn(), of a task like those to come
 *
 * Nothing waits for them. Return: 0; as crib_spawn(); -EINVAL without crib_set_prepared();
 *         -EOPNOTSUPP such a task is never prepared
 */
CRIB_API int crib_prepare(crib *ex, const char *file, const char *const *args,
                          const struct crib_options *options, struct crib_error *err);

/* Return: how many sandboxes wait. */
CRIB_API unsigned crib_prepared(const crib *ex);

/**
 * crib_plan_text() - What crib_spawn would do, as YAML (plan.proto); nothing is run
 * @ret_text: the caller frees it
 */
CRIB_API int crib_plan_text(crib *ex, const char *file, const char *const *args,
                            const struct crib_options *options, char **ret_text,
                            struct crib_error *err);

/* Return: "0.1.0"; static. */
CRIB_API const char *crib_version(void);

#ifdef __cplusplus
}
#endif
#endif
