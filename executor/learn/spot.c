/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/spot.h"

#include <stddef.h>
#include <string.h>

static const struct row {
    const char *dir;
    enum spot spot;
} rows[] = {
    {"/usr", SPOT_WHOLE},
    {"/bin", SPOT_WHOLE},
    {"/sbin", SPOT_WHOLE},
    {"/lib", SPOT_WHOLE},
    {"/lib32", SPOT_WHOLE},
    {"/lib64", SPOT_WHOLE},
    {"/libx32", SPOT_WHOLE},
    {"/proc", SPOT_PROC},
    {"/tmp", SPOT_MEMORY},
    {"/var/tmp", SPOT_MEMORY},
    {"/dev/shm", SPOT_MEMORY},
    {"/dev/null", SPOT_HARMLESS_DEVICE},
    {"/dev/zero", SPOT_HARMLESS_DEVICE},
    {"/dev/full", SPOT_HARMLESS_DEVICE},
    {"/dev/random", SPOT_HARMLESS_DEVICE},
    {"/dev/urandom", SPOT_HARMLESS_DEVICE},
    {"/dev/tty", SPOT_HARMLESS_DEVICE},
    {"/boot", SPOT_SYSTEM},
    {"/dev", SPOT_SYSTEM},
    {"/etc", SPOT_SYSTEM},
    {"/run", SPOT_SYSTEM},
    {"/sys", SPOT_SYSTEM},
    {"/var", SPOT_SYSTEM},
};

static const struct row *find(const char *path)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (spot_is_below(path, rows[i].dir))
            return &rows[i];
    return NULL;
}

enum spot spot_of(const char *path)
{
    const struct row *row = find(path);

    return row ? row->spot : SPOT_OTHER;
}

int spot_top(const char *path)
{
    const struct row *row = find(path);

    return (int)strlen(row ? row->dir : path);
}

bool spot_is_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    if (len == 1)
        return true; /* of / */
    return strncmp(path, dir, len) == 0 && (!path[len] || path[len] == '/');
}

/* Return: how many names the path has. */
static int depth(const char *path)
{
    int names = 0;

    for (; *path; path++)
        names += *path == '/' && path[1];
    return names;
}

bool spot_is_wide(const char *dir, const char *home)
{
    if (depth(dir) < 2 || (home && spot_is_below(home, dir)))
        return true;
    return spot_is_below(dir, "/home") && depth(dir) == 2;
}
