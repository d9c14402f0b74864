/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child's output read to its end: a crib stream, against a bare pipe; in turn in each round.
 *
 *     bench_stream ROUNDS MEBIBYTES CHILD
 */
#include <stdio.h>
#include <stdlib.h>

#include "output.h"
#include "samples.h"

int main(int argc, char **argv)
{
    struct samples rows[2] = {{.name = "bare pipe"}, {.name = "crib, spawn"}};
    int rounds = argc == 4 ? atoi(argv[1]) : 0;
    struct output output;
    char bytes[32];
    uv_loop_t loop;
    crib *ex;

    if (rounds <= 0 || atoi(argv[2]) <= 0) {
        fprintf(stderr, "usage: bench_stream ROUNDS MEBIBYTES CHILD\n");
        return EXIT_FAILURE;
    }
    snprintf(bytes, sizeof(bytes), "%llu", strtoull(argv[2], NULL, 10) << 20);
    output = (struct output){.child = argv[3], .bytes = bytes};
    uv_loop_init(&loop);
    if (crib_open(&ex, &loop, NULL, NULL) < 0)
        return EXIT_FAILURE;
    for (int round = 0; round < rounds; round++) {
        samples_add(&rows[0], output_bare(&output));
        samples_add(&rows[1], output_crib(&output, ex, &loop));
    }
    samples_table("Output streamed to the parent", "MiB a second", rows, 2);
    samples_done(&rows[0]);
    samples_done(&rows[1]);
    crib_close(ex, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) < 0;
}
