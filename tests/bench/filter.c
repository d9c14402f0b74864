/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter of crib's default policy in the words of others, so that all have the same:
 *
 *     bench_filter program    the classic BPF program that needs no listener, as bubblewrap reads
 * it bench_filter names      the names of the calls it allows, a line each (conditions left out)
 *     bench_filter compile    what a new set of rules costs: milliseconds in the middle of 21
 * rounds
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "compiler/compiler.h"
#include "host/host.h"
#include "plan/plan.h"
#include "plan/proof.h"
#include "policy/load.h"

static Crib__Plan *make_plan(struct arena *arena, struct crib_error *err)
{
    static uint8_t file[] = "/bin/true";
    Crib__Task *task = ARENA_NEW(arena, crib__task, Crib__Task);
    const char *const *paths;
    struct host_fds fds = {0};
    Crib__Host *host = NULL;
    Crib__Plan *plan = NULL;
    size_t count;

    if (!task || policy_load("default", NULL, arena, &task->policy, NULL, err) < 0)
        return NULL;
    task->has_file = 1;
    task->file.data = file;
    task->file.len = strlen((const char *)file);
    if (host_look(arena, &host) < 0 || plan_paths(task, host, arena, &paths, &count, err) < 0 ||
        host_paths(paths, count, arena, host, &fds) < 0)
        return NULL;
    if (plan_build(task, host, arena, &plan, err) < 0 || plan_compile(plan, arena, err) < 0)
        plan = NULL;
    host_fds_done(&fds);
    return plan;
}

static void print_names(const Crib__SyscallsPlan *calls)
{
    const char *last = "";
    size_t last_len = 0;

    for (size_t i = 0; i < calls->n_allow; i++) {
        size_t len = strcspn(calls->allow[i], "(");

        if (len == last_len && strncmp(last, calls->allow[i], len) == 0)
            continue;
        last = calls->allow[i];
        last_len = len;
        printf("%.*s\n", (int)len, last);
    }
}

#define ROUNDS 21

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* A question with no section: what the process costs alone. */
static int ask_nothing(struct arena *arena, struct crib_error *err)
{
    Crib__Compilation nothing = CRIB__COMPILATION__INIT;
    Crib__Compiled *told;

    return compiler_ask(&nothing, arena, &told, err);
}

static int measure(struct arena *arena, struct crib_error *err)
{
    uint64_t process[ROUNDS], whole[ROUNDS];
    struct proof_told told;
    Crib__Policy *policy;
    int r = policy_load("default", NULL, arena, &policy, NULL, err);

    for (int i = 0; r == 0 && i < ROUNDS; i++) {
        uint64_t start = clock_us();

        r = ask_nothing(arena, err);
        process[i] = clock_us() - start;
        if (r == 0)
            r = plan_prove(policy, arena, &told, err);
        whole[i] = told.compile_us;
    }
    if (r < 0)
        return r;
    qsort(process, ROUNDS, sizeof(process[0]), by_value);
    qsort(whole, ROUNDS, sizeof(whole[0]), by_value);
    printf("compile and prove %.2f ms, of this the process alone %.2f ms\n",
           (double)whole[ROUNDS / 2] / 1000, (double)process[ROUNDS / 2] / 1000);
    return 0;
}

int main(int argc, char **argv)
{
    struct crib_error err = {0};
    struct arena arena;
    Crib__Plan *plan;
    char text[512];

    arena_init(&arena, 0);
    plan = make_plan(&arena, &err);
    if (!plan || argc != 2) {
        fprintf(stderr, "bench_filter: %s\n", crib_error_text(&err, text, sizeof(text)));
        return EXIT_FAILURE;
    }
    if (strcmp(argv[1], "names") == 0)
        print_names(plan->syscalls);
    else if (strcmp(argv[1], "compile") == 0)
        measure(&arena, &err);
    else
        fwrite(plan->syscalls->fallback.data, 1, plan->syscalls->fallback.len, stdout);
    arena_done(&arena);
    return ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
