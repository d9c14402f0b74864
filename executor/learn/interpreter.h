/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which other file the kernel opens to execute a file: the loader of a program, the interpreter of
 * a script. No call of the task names it.
 *
 * Runs in: crib.
 * Owns: nothing.
 * Source: elf(5), execve(2)
 */
#ifndef LEARN_INTERPRETER_H
#define LEARN_INTERPRETER_H

#include "base/arena.h"

/**
 * interpreter_of() - Look into a file
 * @path: opened with the caller's rights; hostile
 * @ret:  an absolute path in @arena
 *
 * Return: 1; 0 there is none, or the file cannot be read; -ENOMEM
 */
int interpreter_of(const char *path, struct arena *arena, const char **ret);

#endif
