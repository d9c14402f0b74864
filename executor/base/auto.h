/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cleanup at the end of the scope, and the taking of what outlives it.
 *
 * Runs in: any process.
 */
#ifndef BASE_AUTO_H
#define BASE_AUTO_H

#include <stdlib.h>

#include "base/fd.h"

#define AUTO(function) __attribute__((cleanup(function)))
#define AUTO_FD        AUTO(fd_close)
#define AUTO_FREE      AUTO(auto_free)

static inline void auto_free(void *p)
{
    free(*(void **)p);
}

/* The value of *p for a new owner, leaving NULL behind. */
#define TAKE_PTR(p)                                                                                \
    ({                                                                                             \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })

#endif
