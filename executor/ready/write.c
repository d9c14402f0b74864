/* SPDX-License-Identifier: Apache-2.0 */
#include "ready/write.h"

#include <ctype.h>
#include <stdlib.h>

#define A_LINE 16 /* values */

void write_bytes(FILE *out, const char *name, size_t number, const void *data, size_t len)
{
    const uint8_t *bytes = data;

    fprintf(out, "static const uint8_t %s_%zu[] = {", name, number);
    for (size_t i = 0; i < len; i++)
        fprintf(out, "%s%u,", i % A_LINE ? "" : "\n", bytes[i]);
    fprintf(out, "%s};\n", len ? "\n" : "0");
}

void write_message(FILE *out, const char *name, size_t number, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *data = malloc(len + 1);

    if (!data)
        abort();
    protobuf_c_message_pack(message, data);
    write_bytes(out, name, number, data, len);
    free(data);
}

void write_code(FILE *out, const char *name, size_t number, const struct sock_filter *code,
                size_t len)
{
    fprintf(out, "static const struct sock_filter %s_%zu[] = {", name, number);
    for (size_t i = 0; i < len; i++)
        fprintf(out, "%s{%u,%u,%u,%uu},", i % 4 ? "" : "\n", code[i].code, code[i].jt, code[i].jf,
                code[i].k);
    fprintf(out, "\n};\n");
}

void write_text(FILE *out, const char *text)
{
    if (!text) {
        fprintf(out, "NULL");
        return;
    }
    fputc('"', out);
    for (; *text; text++)
        if (isprint((unsigned char)*text) && *text != '"' && *text != '\\' && *text != '?')
            fputc(*text, out);
        else
            fprintf(out, "\\%03o", (unsigned char)*text);
    fputc('"', out);
}
