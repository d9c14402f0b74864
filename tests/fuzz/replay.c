/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main of a fuzzer where there is no libFuzzer: every file of the folders given is fed to it
 * once. A folder without a file is a failure, since nothing would have been tried.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of exactly its size, so that a sanitizer sees a read beyond the end. */
static int replay(const char *path)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *data;
    long size;
    int ok;

    if (!file || fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0) {
        perror(path);
        return -1;
    }
    rewind(file);
    data = malloc(size ? (size_t)size : 1);
    ok = data && fread(data, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    if (ok) {
        fprintf(stderr, "%s\n", path);
        LLVMFuzzerTestOneInput(data, (size_t)size);
    }
    free(data);
    return ok ? 0 : -1;
}

/* Return: how many files were fed; -1 one could not be read, or there is none. */
static int replay_folder(const char *folder)
{
    struct dirent **names;
    int count = scandir(folder, &names, NULL, alphasort), fed = 0, failed = count < 0;

    for (int i = 0; i < count; i++) {
        char path[4096];

        snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.') {
            failed |= replay(path) < 0;
            fed++;
        }
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    return failed || fed == 0 ? -1 : fed;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    for (int i = 1; i < argc; i++) {
        int fed = replay_folder(argv[i]);

        if (fed < 0) {
            fprintf(stderr, "%s: not one file, or one that cannot be read\n", argv[i]);
            return 1;
        }
        printf("%s: %d inputs\n", argv[i], fed);
    }
    return 0;
}
