/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "doctor/facts.h"

#define MAX_MOUNTS (16u << 20) /* bytes of mountinfo */

/* A line of mountinfo, its fields ended by NUL. */
struct mount {
    char *root, *point, *type, *options;
};

/* `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`. Return: whether it is one. */
static bool read_mount(char *line, struct mount *ret)
{
    char *rest, *word, *field[5] = {NULL};

    for (int i = 0; i < 5; i++)
        if (!(field[i] = strtok_r(i ? NULL : line, " ", &rest)))
            return false;
    while ((word = strtok_r(NULL, " ", &rest)) && strcmp(word, "-") != 0)
        ;
    *ret = (struct mount){field[3], field[4], strtok_r(NULL, " ", &rest), NULL};
    (void)strtok_r(NULL, " ", &rest); /* the source */
    ret->options = strtok_r(NULL, " ", &rest);
    return ret->type != NULL;
}

static int digit(char c)
{
    return c >= '0' && c <= '7' ? c - '0' : -1;
}

/* The kernel writes a blank as \040. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *at = text; *at; to++) {
        if (at[0] == '\\' && digit(at[1]) >= 0 && digit(at[2]) >= 0 && digit(at[3]) >= 0) {
            *to = (char)(digit(at[1]) * 64 + digit(at[2]) * 8 + digit(at[3]));
            at += 4;
        } else {
            *to = *at++;
        }
    }
    *to = '\0';
}

static bool always_empty(const char *point)
{
    static const char *const empty[] = {"/proc/sys/fs/binfmt_misc", "/proc/fs/nfsd",
                                        "/proc/openprom"};

    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
        if (strcmp(point, empty[i]) == 0)
            return true;
    return false;
}

/* Of a proc as ProcSubset=pid of systemd has it the rest is not there. */
static bool is_whole(const struct mount *mount)
{
    return strcmp(mount->type, "proc") == 0 && strcmp(mount->root, "/") == 0 &&
           !(mount->options && strstr(mount->options, "subset="));
}

/* The last mount at /proc itself counts: it hides those before it. */
static int note(struct mount *mount, struct arena *arena, Crib__Survey *survey)
{
    ProtobufCBinaryData point;

    unescape(mount->point);
    if (strcmp(mount->point, "/proc") == 0) {
        survey->proc = is_whole(mount);
        return 0;
    }
    if (strncmp(mount->point, "/proc/", 6) != 0 || always_empty(mount->point))
        return 0;
    for (size_t i = 0; i < survey->n_covers; i++)
        if (survey->covers[i].len == strlen(mount->point) &&
            memcmp(survey->covers[i].data, mount->point, survey->covers[i].len) == 0)
            return 0;
    point = arena_bytes(arena, mount->point, strlen(mount->point));
    return point.data
               ? arena_push_value(arena, &survey->covers, &survey->n_covers, &point, sizeof(point))
               : -ENOMEM;
}

int facts_covers(const char *root, struct arena *arena, Crib__Survey *survey)
{
    char *text = facts_text(root, "proc/self/mountinfo", MAX_MOUNTS, arena), *rest;
    int r = 0;

    survey->has_proc = true;
    survey->proc = false;
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; r == 0 && line;
         line = strtok_r(NULL, "\n", &rest)) {
        struct mount mount;

        if (read_mount(line, &mount))
            r = note(&mount, arena, survey);
    }
    return r;
}
