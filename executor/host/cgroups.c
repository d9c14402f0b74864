/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cgroups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What a line of mountinfo says of a mounted hierarchy. */
struct mount {
    unsigned version;
    char *root, *at, *options;
};

bool cgroups_has(const char *list, const char *name)
{
    size_t len = strlen(name);

    while (*list) {
        size_t n = strcspn(list, ",");

        if (n == len && memcmp(list, name, len) == 0)
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

/* Spaces and the like are written `\040`. In place. */
static char *unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && strspn(from + 1, "01234567") >= 3) {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
    return text;
}

/* Return: whether a line, which is taken apart, is of a hierarchy. */
static bool read_mount(char *line, struct mount *ret)
{
    char *dash = strstr(line, " - "), *field[5], *rest = line, *more;
    const char *type;

    if (!dash)
        return false;
    *dash = '\0';
    for (int i = 0; i < 5; i++)
        if (!(field[i] = strtok_r(i ? NULL : line, " ", &rest)))
            return false;
    type = strtok_r(dash + 3, " ", &more);
    if (!type || strncmp(type, "cgroup", 6) != 0 || !strtok_r(NULL, " ", &more))
        return false;
    ret->version = strcmp(type, "cgroup2") == 0 ? 2 : 1;
    ret->options = strtok_r(NULL, " ", &more);
    ret->root = unescape(field[3]);
    ret->at = unescape(field[4]);
    return ret->options != NULL;
}

/* Whether a line of /proc/PID/cgroup, split, is of that mount. */
static bool is_of(const struct mount *mount, unsigned version, const char *controllers)
{
    if (version != mount->version)
        return false;
    while (version == 1 && *controllers) {
        char name[64];
        size_t n = strcspn(controllers, ",");

        if (n >= sizeof(name))
            return false;
        memcpy(name, controllers, n);
        name[n] = '\0';
        if (!cgroups_has(mount->options, name))
            return false;
        controllers += n + (controllers[n] == ',');
    }
    return true;
}

/* Return: the group's directory; NULL: it is not beneath what is mounted, or no memory. */
static const char *find_dir(const struct mount *mount, const char *path, struct arena *arena)
{
    size_t len = strcmp(mount->root, "/") == 0 ? 0 : strlen(mount->root);

    if (strncmp(path, "/..", 3) == 0 || strncmp(path, mount->root, len) != 0)
        return NULL;
    path += len;
    if (*path && *path != '/')
        return NULL;
    return arena_printf(arena, "%s%s", mount->at, strcmp(path, "/") == 0 ? "" : path);
}

static int add(const struct mount *mount, const char *controllers, const char *path,
               struct arena *arena, struct hierarchy **list, size_t *count)
{
    struct hierarchy found = {.version = mount->version,
                              .controllers = arena_text(arena, controllers),
                              .mount = arena_text(arena, mount->at),
                              .dir = find_dir(mount, path, arena)};

    if (!found.controllers || !found.mount)
        return -ENOMEM;
    found.top = found.dir && strcmp(found.dir, found.mount) == 0;
    return arena_push_value(arena, list, count, &found, sizeof(found));
}

/* The group of @mount, by /proc/PID/cgroup: `4:memory:/user.slice`, of version 2 `0::/`. */
static int find_group(const struct mount *mount, const char *own, struct arena *arena,
                      struct hierarchy **list, size_t *count)
{
    char *text = arena_text(arena, own), *rest;

    if (!text)
        return -ENOMEM;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;

        if (!path || path[1] != '/' || strncmp(controllers + 1, "name=", 5) == 0)
            continue;
        *path++ = '\0';
        if (is_of(mount, controllers[1] ? 1 : 2, controllers + 1))
            return add(mount, controllers + 1, path, arena, list, count);
    }
    return 0;
}

long cgroups_read(const char *own, const char *mounts, struct arena *arena, struct hierarchy **ret)
{
    char *text = arena_text(arena, mounts), *rest;
    size_t count = 0;
    int r = text ? 0 : -ENOMEM;

    *ret = NULL;
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line && r == 0;
         line = strtok_r(NULL, "\n", &rest)) {
        struct mount mount;

        if (read_mount(line, &mount))
            r = find_group(&mount, own, arena, ret, &count);
    }
    return r < 0 ? r : (long)count;
}
