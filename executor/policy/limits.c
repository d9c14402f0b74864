/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/limits.h"

#include <string.h>

#define NO_START "0 would end every task before it starts: leave it out for no limit"
#define NO_BYTE  "0 would end the task with the first byte that it writes: leave it out for no limit"
#define NO_LIMIT "the kernel reads 0 as no limit: leave it out, or ask for more"

static const struct limit_row rows[] = {
#define ROW(field, zero)                                                                           \
    {                                                                                              \
#field, "limits." #field, offsetof(Crib__Limits, has_##field),                             \
            offsetof(Crib__Limits, field), zero                                                    \
    }
    ROW(memory, NO_START),
    ROW(swap, NULL),
    ROW(pids, NO_START),
    ROW(cpus, "0 would let nothing run: leave it out for no limit"),
    ROW(io_weight, "a weight is 1 to 10000"),
    ROW(wall_time, NO_START),
    ROW(cpu_time, NO_START),
    ROW(output, NO_BYTE),
    ROW(output_total, NO_BYTE),
    ROW(file_size, NULL),
    ROW(open_files, NULL),
    ROW(stack, NULL),
    ROW(address_space, NULL),
    ROW(locked_memory, NULL),
    ROW(tmpfs_size, NO_LIMIT),
    ROW(tmpfs_inodes, NO_LIMIT),
#undef ROW
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

const struct limit_row *limit_next(const struct limit_row *row)
{
    row = row ? row + 1 : rows;
    return row < rows + ROWS ? row : NULL;
}

bool limit_is_set(const Crib__Limits *limits, const struct limit_row *row)
{
    return *(const protobuf_c_boolean *)((const char *)limits + row->has);
}

/* The only one of 32 bits. */
static bool is_weight(const struct limit_row *row)
{
    return row->at == offsetof(Crib__Limits, io_weight);
}

static uint64_t unset(const Crib__Limits *limits, const struct limit_row *row)
{
    if (is_weight(row))
        return LIMIT_WEIGHT_UNSET;
    if (row->at == offsetof(Crib__Limits, swap) && limits->has_memory &&
        limits->memory != UINT64_MAX)
        return 0;
    return UINT64_MAX;
}

uint64_t limit_value(const Crib__Limits *limits, const struct limit_row *row)
{
    if (!limit_is_set(limits, row))
        return unset(limits, row);
    return is_weight(row) ? limits->io_weight : *(const uint64_t *)((const char *)limits + row->at);
}

bool limit_asks(const Crib__Limits *limits, const struct limit_row *row)
{
    return is_weight(row) ? limit_is_set(limits, row) : limit_value(limits, row) != UINT64_MAX;
}

void limit_set(Crib__Limits *limits, const struct limit_row *row, uint64_t value)
{
    *(protobuf_c_boolean *)((char *)limits + row->has) = true;
    if (is_weight(row))
        limits->io_weight = value < LIMIT_WEIGHT_MOST ? (uint32_t)value : LIMIT_WEIGHT_MOST;
    else
        *(uint64_t *)((char *)limits + row->at) = value;
}

bool limit_is_preferred(const Crib__Limits *limits, const char *name)
{
    for (size_t i = 0; i < limits->n_preferred; i++)
        if (strcmp(limits->preferred[i], name) == 0)
            return true;
    return false;
}
