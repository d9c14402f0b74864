/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/calls.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "text/text.h"

#define U16(name)                                                                                  \
    {                                                                                              \
#name, 16, 0, NULL                                                                         \
    }
#define U32(name)                                                                                  \
    {                                                                                              \
#name, 32, 0, NULL                                                                         \
    }
#define U64(name)                                                                                  \
    {                                                                                              \
#name, 64, 0, NULL                                                                         \
    }
#define PTR(name)                                                                                  \
    {                                                                                              \
#name, 64, 1, NULL                                                                         \
    }
#define U16_OF(name, family)                                                                       \
    {                                                                                              \
#name, 16, 0, #family                                                                      \
    }
#define U32_OF(name, family)                                                                       \
    {                                                                                              \
#name, 32, 0, #family                                                                      \
    }
#define U64_OF(name, family)                                                                       \
    {                                                                                              \
#name, 64, 0, #family                                                                      \
    }
#define COUNT(...)              (sizeof((struct call_arg[]){__VA_ARGS__}) / sizeof(struct call_arg))
#define CALL(number, name, ...) {number, #name, COUNT(__VA_ARGS__), {__VA_ARGS__}},

static const struct call calls[] = {
#include "policy/calls.def"
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* The same by name, sorted at first use; the last is NULL. */
static const struct call *sorted[CALLS];
static const char *names[CALLS + 1];
static pthread_once_t sorted_once = PTHREAD_ONCE_INIT;

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct call *const *)a)->name, (*(const struct call *const *)b)->name);
}

static void sort(void)
{
    for (size_t i = 0; i < CALLS; i++)
        sorted[i] = &calls[i];
    qsort(sorted, CALLS, sizeof(sorted[0]), compare_names);
    for (size_t i = 0; i < CALLS; i++)
        names[i] = sorted[i]->name;
}

const struct call *call_by_name(const char *name)
{
    struct call key = {.name = name};
    const struct call *wanted = &key, *const * found;

    pthread_once(&sorted_once, sort);
    found = bsearch(&wanted, sorted, CALLS, sizeof(sorted[0]), compare_names);
    return found ? *found : NULL;
}

static int compare_numbers(const void *key, const void *entry)
{
    int a = *(const int *)key, b = ((const struct call *)entry)->number;

    return (a > b) - (a < b);
}

const struct call *call_by_number(int number)
{
    return bsearch(&number, calls, CALLS, sizeof(calls[0]), compare_numbers);
}

const struct call *call_next(const struct call *call)
{
    if (!call)
        return calls;
    return call + 1 < calls + CALLS ? call + 1 : NULL;
}

const char *call_did_you_mean(const char *name, char text[CALLS_DID_YOU])
{
    pthread_once(&sorted_once, sort);
    return text_did_you_mean(text, CALLS_DID_YOU, name, names);
}
