/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/interpreter.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"

#define HEADERS 64 /* of a program; more are not looked at */

/* The text up to a blank or a newline. Return: as interpreter_of(). */
static int of_script(const char *line, size_t len, struct arena *arena, const char **ret)
{
    size_t start = 0, end;

    while (start < len && (line[start] == ' ' || line[start] == '\t'))
        start++;
    end = start;
    while (end < len && line[end] && !strchr(" \t\n", line[end]))
        end++;
    if (start == end || line[start] != '/')
        return 0;
    *ret = arena_copy(arena, line + start, end - start);
    return *ret ? 1 : -ENOMEM;
}

static int of_program(int fd, const Elf64_Ehdr *elf, struct arena *arena, const char **ret)
{
    char path[PATH_MAX];
    Elf64_Phdr header;

    for (unsigned i = 0; i < elf->e_phnum && i < HEADERS; i++) {
        off_t at = (off_t)(elf->e_phoff + i * sizeof(header));
        ssize_t n;

        if (pread(fd, &header, sizeof(header), at) != sizeof(header))
            return 0;
        if (header.p_type != PT_INTERP)
            continue;
        if (header.p_filesz < 2 || header.p_filesz > sizeof(path))
            return 0;
        n = pread(fd, path, header.p_filesz, (off_t)header.p_offset);
        if (n != (ssize_t)header.p_filesz || path[n - 1] || path[0] != '/')
            return 0;
        *ret = arena_text(arena, path);
        return *ret ? 1 : -ENOMEM;
    }
    return 0;
}

int interpreter_of(const char *path, struct arena *arena, const char **ret)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    char start[256] = {0};
    Elf64_Ehdr elf;
    struct stat stat;
    ssize_t n;

    if (fd < 0 || fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode))
        return 0;
    n = pread(fd, start, sizeof(start), 0);
    if (n > 2 && memcmp(start, "#!", 2) == 0)
        return of_script(start + 2, (size_t)n - 2, arena, ret);
    if (n < (ssize_t)sizeof(elf) || memcmp(start, ELFMAG, SELFMAG) != 0 ||
        start[EI_CLASS] != ELFCLASS64)
        return 0;
    memcpy(&elf, start, sizeof(elf));
    return elf.e_phentsize == sizeof(Elf64_Phdr) ? of_program(fd, &elf, arena, ret) : 0;
}
