/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor/facts.h"

#define KIND(name) CRIB__SURVEY__PLACE__KIND__##name

/* What engines call themselves, in `container=` and where systemd keeps that. */
static const struct engine {
    const char *word;
    Crib__Survey__Place__Kind kind;
} engines[] = {
    {"docker", KIND(docker)}, {"podman", KIND(podman)},   {"oci", KIND(container)},
    {"lxc", KIND(lxc)},       {"lxc-libvirt", KIND(lxc)}, {"systemd-nspawn", KIND(nspawn)},
    {"wsl", KIND(wsl)},
};

/* Files that are there, or whose first line is a word, or that have one in them. */
static const struct sign {
    const char *file, *line, *part;
    Crib__Survey__Place__Kind kind;
} signs[] = {
    {"proc/1/cmdline", "crib-init", NULL, KIND(crib)},
    {"var/run/secrets/kubernetes.io", NULL, NULL, KIND(kubernetes)},
    {"proc/self/cgroup", NULL, "kubepods", KIND(kubernetes)},
    {".dockerenv", NULL, NULL, KIND(docker)},
    {"proc/self/cgroup", NULL, "/docker/", KIND(docker)},
    {"run/.containerenv", NULL, NULL, KIND(podman)},
    {"proc/self/cgroup", NULL, "/libpod-", KIND(podman)},
    {"proc/self/cgroup", NULL, "/lxc.payload", KIND(lxc)},
    {"dev/lxd", NULL, NULL, KIND(lxc)},
    {"dev/.lxc", NULL, NULL, KIND(lxc)},
    {"run/host/container-manager", "systemd-nspawn", NULL, KIND(nspawn)},
    {"proc/sys/fs/binfmt_misc/WSLInterop", NULL, NULL, KIND(wsl)},
    {"proc/sys/kernel/osrelease", NULL, "icrosoft", KIND(wsl)},
};

static int add(Crib__Survey__Place__Kind kind, const char *sign, struct arena *arena,
               Crib__Survey *survey)
{
    Crib__Survey__Place *place;

    for (size_t i = 0; i < survey->n_places; i++)
        if (survey->places[i]->kind == kind)
            return 0;
    place = ARENA_NEW(arena, crib__survey__place, Crib__Survey__Place);
    if (!place || !(place->sign = arena_text(arena, sign)))
        return -ENOMEM;
    place->has_kind = true;
    place->kind = kind;
    return arena_push(arena, &survey->places, &survey->n_places, place);
}

static bool shows(const char *root, const struct sign *sign, struct arena *arena)
{
    char path[512];
    const char *text;

    if (!sign->line && !sign->part)
        return snprintf(path, sizeof(path), "%s/%s", root, sign->file) < (int)sizeof(path) &&
               access(path, F_OK) == 0;
    text = facts_text(root, sign->file, 65536, arena);
    if (!text)
        return false;
    if (sign->part)
        return strstr(text, sign->part) != NULL;
    return strcspn(text, "\n") == strlen(sign->line) &&
           strncmp(text, sign->line, strlen(sign->line)) == 0;
}

static int look_at_signs(const char *root, struct arena *arena, Crib__Survey *survey)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(signs) / sizeof(signs[0]); i++)
        if (shows(root, &signs[i], arena)) {
            const char *sign = arena_printf(arena, "/%s", signs[i].file);

            r = sign ? add(signs[i].kind, sign, arena, survey) : -ENOMEM;
        }
    return r;
}

static int name_engine(const char *word, const char *sign, struct arena *arena,
                       Crib__Survey *survey)
{
    size_t len = strcspn(word, " \n");

    if (len == 0)
        return 0;
    for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
        if (strlen(engines[i].word) == len && strncmp(engines[i].word, word, len) == 0)
            return add(engines[i].kind, sign, arena, survey);
    return survey->n_places ? 0 : add(KIND(container), sign, arena, survey);
}

static const char *variable(char *const *env, const char *name)
{
    size_t len = strlen(name);

    for (; env && *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
            return *env + len + 1;
    return NULL;
}

/* A chroot's own root is no mount, unless somebody made it one. */
static bool is_chroot(const char *root, struct arena *arena)
{
    char *text = facts_text(root, "proc/self/mountinfo", 1u << 20, arena), *rest;

    if (!text)
        return false;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        for (int i = 0; i < 5 && line; i++, line = line ? strchr(line, ' ') : NULL, line += !!line)
            if (i == 4 && strncmp(line, "/ ", 2) == 0)
                return false;
    return true;
}

int facts_places(const char *root, char *const *env, struct arena *arena, Crib__Survey *survey)
{
    static const char systemd[] = "run/systemd/container";
    const char *said = variable(env, "container"), *kept = facts_text(root, systemd, 64, arena);
    int r = look_at_signs(root, arena, survey);

    if (r == 0 && variable(env, "KUBERNETES_SERVICE_HOST"))
        r = add(KIND(kubernetes), "KUBERNETES_SERVICE_HOST", arena, survey);
    if (r == 0 && said)
        r = name_engine(said, "container=", arena, survey);
    if (r == 0 && kept)
        r = name_engine(kept, "/run/systemd/container", arena, survey);
    if (r == 0 && is_chroot(root, arena))
        r = add(KIND(chroot), "/ is no mount", arena, survey);
    return r;
}
