/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to go through cribd, beside the same without it, in turn in each round.
 *
 *     bench_daemon ROUNDS MEBIBYTES SLEEPERS CRIBD TRUE CHILD
 *
 * A round trip against an echo over a bare socket pair; a task from its request to its known end,
 * embedded and through the daemon; a task's output by Attach and by fds handed over, against a bare
 * pipe; what the daemon holds for each sleeping task; a client's round trips while 32 others hammer
 * and one reads nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attach.h"
#include "client/rpc.h"
#include "output.h"
#include "samples.h"

#define HAMMERS   32
#define ECHO_SIZE 64 /* bytes of an echo: about what an Info is */

struct bench {
    const char *program;
    char socket[128], address[160], bytes[32];
    struct output output;
    pid_t daemon;
    struct rpc *rpc;
    uv_loop_t loop;
    crib *here, *there;
};

static void must(bool well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "bench_daemon: %s\n", what);
    exit(EXIT_FAILURE);
}

static const void *call(struct rpc *rpc, enum rpc_method method, const ProtobufCMessage *request,
                        struct arena *arena)
{
    struct crib_error error = {0};
    ProtobufCMessage *answer;
    char text[512];

    must(rpc_wait(rpc, method, request, 60000, arena, &answer, &error) == 0,
         crib_error_text(&error, text, sizeof(text)));
    return answer;
}

static void start_daemon(struct bench *bench, const char *program)
{
    char *argv[] = {(char *)program, (char *)"--socket", bench->socket, NULL};

    snprintf(bench->socket, sizeof(bench->socket), "/tmp/crib-bench-%d", getpid());
    snprintf(bench->address, sizeof(bench->address), "unix:%s", bench->socket);
    bench->daemon = fork();
    if (bench->daemon == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(open("/dev/null", O_WRONLY), 2);
        execv(program, argv);
        _exit(127);
    }
    for (int i = 0; i < 5000 && rpc_open(NULL, bench->socket, NULL, NULL, &bench->rpc, NULL) < 0;
         i++)
        usleep(2000);
    must(bench->rpc != NULL, "cribd does not listen");
}

static void stop_daemon(struct bench *bench)
{
    int status = -1;

    rpc_close(bench->rpc, NULL, NULL);
    kill(bench->daemon, SIGTERM);
    waitpid(bench->daemon, &status, 0);
    must(status == 0, "cribd ended badly");
}

/* Round trips. */

static int start_echo(pid_t *ret_pid)
{
    char data[ECHO_SIZE];
    int pair[2];

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    *ret_pid = fork();
    if (*ret_pid == 0) {
        close(pair[0]);
        while (recv(pair[1], data, sizeof(data), MSG_WAITALL) == sizeof(data))
            if (send(pair[1], data, sizeof(data), MSG_NOSIGNAL) < 0)
                break;
        _exit(0);
    }
    close(pair[1]);
    return pair[0];
}

static double time_echo(int sock)
{
    char data[ECHO_SIZE] = {0};
    double start = samples_clock();

    must(send(sock, data, sizeof(data), MSG_NOSIGNAL) == sizeof(data) &&
             recv(sock, data, sizeof(data), MSG_WAITALL) == sizeof(data),
         "echo");
    return samples_clock() - start;
}

static double time_info(struct rpc *rpc)
{
    Crib__InfoRequest request = CRIB__INFO_REQUEST__INIT;
    struct arena arena;
    double start = samples_clock();

    arena_init(&arena, 0);
    call(rpc, RPC_INFO, &request.base, &arena);
    arena_done(&arena);
    return samples_clock() - start;
}

static void round_trips(struct bench *bench, int rounds)
{
    struct samples rows[2] = {{.name = "bare socket pair, echo"}, {.name = "cribd, Info"}};
    pid_t pid;
    int sock = start_echo(&pid);

    for (int i = 0; i < rounds * 20; i++) {
        samples_add(&rows[0], time_echo(sock));
        samples_add(&rows[1], time_info(bench->rpc));
    }
    close(sock);
    waitpid(pid, NULL, 0);
    samples_table("A unary call", "us", rows, 2);
    samples_done(&rows[0]);
    samples_done(&rows[1]);
}

/* Tasks. */

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    (void)task;
    (void)data;
    must(result->verdict == CRIB_EXITED && result->status == 0, "the task failed");
}

static double time_task(struct bench *bench, crib *ex)
{
    static const struct crib_stdio stdio[3] = {{.kind = CRIB_NULL}};
    struct crib_error error = {0};
    struct crib_options options;
    double start = samples_clock();
    crib_task *task;
    char text[512];

    crib_options_init(&options);
    options.stdio = stdio;
    options.stdio_count = 3;
    options.on.close = on_close;
    must(crib_spawn(ex, bench->program, NULL, &options, &task, &error) == 0,
         crib_error_text(&error, text, sizeof(text)));
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    return samples_clock() - start;
}

static void tasks(struct bench *bench, int rounds)
{
    struct samples rows[2] = {{.name = "crib, embedded"}, {.name = "crib, through cribd"}};

    time_task(bench, bench->here);
    time_task(bench, bench->there);
    for (int i = 0; i < rounds; i++) {
        samples_add(&rows[0], time_task(bench, bench->here));
        samples_add(&rows[1], time_task(bench, bench->there));
    }
    samples_table("A task, default policy, request to known end", "us", rows, 2);
    samples_done(&rows[0]);
    samples_done(&rows[1]);
}

/* Output. */

static uint64_t spawn(struct bench *bench, const char *file, const char *way, const char *value,
                      Crib__Stdio__Kind out)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    Crib__Stdio stdio[3] = {CRIB__STDIO__INIT, CRIB__STDIO__INIT, CRIB__STDIO__INIT};
    Crib__Stdio *list[3] = {&stdio[0], &stdio[1], &stdio[2]};
    Crib__Task task = CRIB__TASK__INIT;
    ProtobufCBinaryData args[2] = {{strlen(way), (uint8_t *)way},
                                   {strlen(value), (uint8_t *)value}};
    struct arena arena;
    uint64_t id;

    request.task = &task;
    task.has_file = true;
    task.file = (ProtobufCBinaryData){strlen(file), (uint8_t *)file};
    task.args = args;
    task.n_args = 2;
    task.stdio = list;
    task.n_stdio = 3;
    for (uint32_t i = 0; i < 3; i++) {
        stdio[i].has_fd = stdio[i].has_kind = true;
        stdio[i].fd = i;
        stdio[i].kind = i == 1 ? out : CRIB__STDIO__KIND__null;
    }
    arena_init(&arena, 0);
    id = ((const Crib__SpawnResponse *)call(bench->rpc, RPC_SPAWN, &request.base, &arena))->task;
    arena_done(&arena);
    return id;
}

static double attached(struct bench *bench)
{
    struct output *output = &bench->output;
    uint64_t task = spawn(bench, output->child, "write", output->bytes, CRIB__STDIO__KIND__pipe);

    output->got = attach_read(bench->socket, task, &output->first);
    return output_speed(output);
}

static void outputs(struct bench *bench, int rounds)
{
    struct samples rows[3] = {
        {.name = "bare pipe"}, {.name = "cribd, Attach"}, {.name = "cribd, passed fds"}};

    for (int i = 0; i < rounds; i++) {
        samples_add(&rows[0], output_bare(&bench->output));
        samples_add(&rows[1], attached(bench));
        samples_add(&rows[2], output_crib(&bench->output, bench->there, &bench->loop));
    }
    samples_table("A task's output", "MiB a second", rows, 3);
    for (int i = 0; i < 3; i++)
        samples_done(&rows[i]);
}

/* Many. */

static double resident_kib(pid_t pid)
{
    char path[64], line[256];
    double kib = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    file = fopen(path, "re");
    must(file != NULL, path);
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "VmRSS: %lf", &kib) == 1)
            break;
    fclose(file);
    return kib;
}

static void wait_for(struct bench *bench, uint64_t task, Crib__TaskState state)
{
    Crib__WaitRequest request = CRIB__WAIT_REQUEST__INIT;
    struct arena arena;

    request.task = task;
    request.until = state;
    request.wait = 60000;
    arena_init(&arena, 0);
    call(bench->rpc, RPC_WAIT, &request.base, &arena);
    arena_done(&arena);
}

static void sleepers(struct bench *bench, int count)
{
    uint64_t *ids = calloc((size_t)count, sizeof(*ids));
    double before = resident_kib(bench->daemon), held, start = samples_clock();

    must(ids != NULL, "memory");
    for (int i = 0; i < count; i++)
        ids[i] = spawn(bench, "/bin/sleep", "1000", "1000", CRIB__STDIO__KIND__pipe);
    for (int i = 0; i < count; i++)
        wait_for(bench, ids[i], CRIB__TASK_STATE__RUNNING);
    held = resident_kib(bench->daemon) - before;
    printf("\n%d sleeping tasks: started in %.1f s, the daemon holds %.1f KiB for each\n", count,
           (samples_clock() - start) / 1e6, held / count);
    start = samples_clock();
    for (int i = 0; i < count; i++) {
        Crib__KillRequest request = CRIB__KILL_REQUEST__INIT;
        struct arena arena;

        arena_init(&arena, 0);
        request.task = ids[i];
        request.signal = SIGKILL;
        call(bench->rpc, RPC_KILL, &request.base, &arena);
        arena_done(&arena);
    }
    for (int i = 0; i < count; i++)
        wait_for(bench, ids[i], CRIB__TASK_STATE__ENDED);
    printf("all killed and reaped in %.1f s\n", (samples_clock() - start) / 1e6);
    free(ids);
}

static void hammer(const char *socket)
{
    struct rpc *rpc = NULL;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    must(rpc_open(NULL, socket, NULL, NULL, &rpc, NULL) == 0, "connect");
    for (;;)
        time_info(rpc);
}

/* A task that writes without end, and a client that attaches and never reads. */
static int slow_reader(struct bench *bench)
{
    uint64_t task =
        spawn(bench, bench->output.child, "write", "1000000000000", CRIB__STDIO__KIND__pipe);

    return attach_open(bench->socket, task);
}

static void crowd(struct bench *bench, int rounds)
{
    struct samples rows[2] = {{.name = "alone"}, {.name = "beside 32 hammers, one slow reader"}};
    pid_t pids[HAMMERS];
    int slow;

    for (int i = 0; i < rounds * 10; i++)
        samples_add(&rows[0], time_info(bench->rpc));
    slow = slow_reader(bench);
    for (int i = 0; i < HAMMERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            hammer(bench->socket);
    }
    for (int i = 0; i < rounds * 10; i++)
        samples_add(&rows[1], time_info(bench->rpc));
    for (int i = 0; i < HAMMERS; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    close(slow);
    samples_table("A unary call in a crowd", "us", rows, 2);
    samples_done(&rows[0]);
    samples_done(&rows[1]);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    int rounds = argc == 7 ? atoi(argv[1]) : 0;

    if (rounds <= 0) {
        fprintf(stderr, "usage: bench_daemon ROUNDS MEBIBYTES SLEEPERS CRIBD TRUE CHILD\n");
        return EXIT_FAILURE;
    }
    snprintf(bench.bytes, sizeof(bench.bytes), "%llu", strtoull(argv[2], NULL, 10) << 20);
    bench.program = argv[5];
    bench.output = (struct output){.child = argv[6], .bytes = bench.bytes};
    start_daemon(&bench, argv[4]);
    uv_loop_init(&bench.loop);
    must(crib_open(&bench.here, &bench.loop, NULL, NULL) == 0, "open");
    must(crib_open(&bench.there, &bench.loop, bench.address, NULL) == 0, "open the daemon");
    round_trips(&bench, rounds);
    tasks(&bench, rounds);
    outputs(&bench, rounds > 5 ? 5 : rounds);
    sleepers(&bench, atoi(argv[3]));
    crowd(&bench, rounds);
    crib_close(bench.here, NULL, NULL);
    crib_close(bench.there, NULL, NULL);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    stop_daemon(&bench);
    return uv_loop_close(&bench.loop) < 0;
}
