/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program that uses so much and no more, for bench_limits. It says how far it is in numbers of
 * eight bytes on stdout.
 *
 *     bench_use burn THREADS    processor time for ever; tells how much, every millisecond of it
 *     bench_use wait            sleeps for ever; tells how long, every millisecond
 *     bench_use touch MIB       writes to every page of so many MiB, and ends
 *     bench_use tree N          N processes that wait for ever; tells N when they are there
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096

static uint64_t now_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void tell(uint64_t value)
{
    if (write(STDOUT_FILENO, &value, sizeof(value)) != sizeof(value))
        _exit(EXIT_FAILURE);
}

static void *spin(void *unused)
{
    (void)unused;
    for (;;)
        (void)now_us(CLOCK_MONOTONIC);
    return NULL;
}

static _Noreturn void burn(long threads)
{
    uint64_t told = 0;

    for (long i = 1; i < threads; i++) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, spin, NULL))
            _exit(EXIT_FAILURE);
    }
    for (;;) {
        uint64_t used = now_us(CLOCK_PROCESS_CPUTIME_ID);

        if (used < told + 1000)
            continue;
        tell(used);
        told = used;
    }
}

static _Noreturn void wait_for_ever(void)
{
    uint64_t start = now_us(CLOCK_MONOTONIC);

    for (;;) {
        usleep(1000);
        tell(now_us(CLOCK_MONOTONIC) - start);
    }
}

static int touch(size_t mib)
{
    size_t size = mib << 20;
    char *memory;

    if (size == 0)
        return EXIT_SUCCESS;
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return EXIT_FAILURE;
    for (size_t at = 0; at < size; at += PAGE)
        ((volatile char *)memory)[at] = 1;
    return EXIT_SUCCESS;
}

static int tree(long count)
{
    for (long i = 1; i < count; i++) {
        pid_t pid = fork();

        if (pid < 0)
            return EXIT_FAILURE;
        if (pid == 0)
            for (;;)
                pause();
    }
    tell((uint64_t)count);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    long number = argc > 2 ? atol(argv[2]) : 0;

    if (strcmp(verb, "burn") == 0)
        burn(number);
    if (strcmp(verb, "wait") == 0)
        wait_for_ever();
    if (strcmp(verb, "touch") == 0)
        return touch((size_t)number);
    return strcmp(verb, "tree") == 0 ? tree(number) : EXIT_FAILURE;
}
