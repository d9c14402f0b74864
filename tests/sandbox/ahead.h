/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time that a test moves ahead: what a program waits for is over at once, and nothing else depends
 * on how long things take. With deadlines of a minute, which no slow machine comes to, that is how
 * to see what comes of them.
 *
 * To be included by one file of a program only: this is its clock_gettime().
 *
 * Runs in: tests.
 */
#ifndef SANDBOX_AHEAD_H
#define SANDBOX_AHEAD_H

#include <dlfcn.h>
#include <stdint.h>
#include <time.h>

static uint64_t ahead_ms;

/* libuv's clock, and ours. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *ret)
{
    static int (*real)(clockid_t id, struct timespec * ret);
    int r;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    r = real(id, ret);
    if (r == 0 && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE)) {
        uint64_t ns = (uint64_t)ret->tv_nsec + ahead_ms % 1000 * 1000000;

        ret->tv_sec += (time_t)(ahead_ms / 1000 + ns / 1000000000);
        ret->tv_nsec = (long)(ns % 1000000000);
    }
    return r;
}

#endif
