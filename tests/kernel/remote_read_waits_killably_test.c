/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a process that reads memory of another which is behind userfaultfd waits for as long as
 * the other likes; but SIGKILL ends it, and so does the end of its own process, also when a thread
 * is what waits. Where userfaultfd is given for user mode only, the read fails with EFAULT.
 * Source: process_vm_readv(2), userfaultfd(2)
 * crib: a thread of init's reads what refused calls name; a hostile task can make that thread wait,
 * but neither init, which waits for it no longer than a deadline, nor who ends init.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "apart.h"

#define SIZE 4096

struct place {
    pid_t owner;
    void *memory;
    int fault; /* the userfaultfd */
    int leave; /* end of a pipe; a byte: the reader's first thread is to exit */
};

static int read_it(const struct place *place)
{
    char data[16];
    struct iovec here = {data, sizeof(data)}, there = {place->memory, sizeof(data)};

    return process_vm_readv(place->owner, &here, 1, &there, 1, 0) < 0 ? errno : 0;
}

static void *read_in_thread(void *arg)
{
    read_it(arg);
    return NULL;
}

/* The first thread ends the process when it is told to; the other waits for the memory. */
static int reader_main(void *arg)
{
    struct place *place = arg;
    pthread_t thread;
    char byte;

    CHECK(pthread_create(&thread, NULL, read_in_thread, place) == 0);
    return read(place->leave, &byte, 1) == 1 ? 7 : 1;
}

/* Return: 1: without limits; 0: for user mode only; -1: there is none. */
static int make_fault(struct place *place)
{
    struct uffdio_api api = {.api = UFFD_API};
    struct uffdio_register area = {.mode = UFFDIO_REGISTER_MODE_MISSING};
    int all = 1;

    place->owner = getpid();
    place->fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
    if (place->fault < 0) {
        all = 0;
        place->fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    }
    place->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    area.range.start = (uintptr_t)place->memory;
    area.range.len = SIZE;
    if (place->fault < 0 || place->memory == MAP_FAILED ||
        ioctl(place->fault, UFFDIO_API, &api) < 0 ||
        ioctl(place->fault, UFFDIO_REGISTER, &area) < 0)
        return -1;
    return all;
}

/* Starts a reader and returns when its read waits. */
static pid_t start_reader(struct place *place, int *ret_leave)
{
    struct pollfd waits = {.fd = place->fault, .events = POLLIN};
    struct uffd_msg message;
    int leave[2];
    pid_t pid;

    if (pipe2(leave, O_CLOEXEC) < 0)
        return -1;
    place->leave = leave[0];
    pid = apart_start(reader_main, place);
    if (poll(&waits, 1, 20000) != 1 || read(place->fault, &message, sizeof(message)) < 0)
        return -1;
    *ret_leave = leave[1];
    return pid;
}

static int body(void *arg)
{
    struct place place;
    int all = make_fault(&place), leave, status;
    pid_t pid;

    (void)arg;
    if (all < 0)
        return 0; /* a kernel without it: nothing waits */
    if (all == 0) {
        CHECK(read_it(&place) == EFAULT);
        return 0;
    }
    pid = start_reader(&place, &leave);
    CHECK(pid > 0 && kill(pid, SIGKILL) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    pid = start_reader(&place, &leave);
    CHECK(pid > 0 && write(leave, "x", 1) == 1);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    return 0;
}

static void test_the_wait_can_be_ended(void **state)
{
    (void)state;
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_wait_can_be_ended),
    };

    return test_run(tests);
}
