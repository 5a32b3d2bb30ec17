/* SPDX-License-Identifier: Apache-2.0 */
#include "base/printable.h"

#include <string.h>

#include "base/compiler.h"
#include "base/utf8.h"

/* First and last of Unicode's categories Cc (control), Cf (format), Zl and Zp (ends of lines and paragraphs), without
 * Cf's marks that are seen (U+0600 and their like). */
static const uint32_t hidden[][2] = {
    {0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},   {0x061c, 0x061c},
    {0x180e, 0x180e},   {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
    {0xfeff, 0xfeff},   {0xfff9, 0xfffb},   {0x13430, 0x1343f}, {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0xe007f},
};

uint32_t printable_code(const char *p, size_t len)
{
    const uint8_t *const c = (const uint8_t *)p;
    if (len == 1) return c[0] < 0x80 ? c[0] : UINT32_MAX;
    uint32_t code = c[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) code = code << 6 | (c[i] & 0x3f);
    return code;
}

bool printable_at(const char *p, size_t n, size_t *len)
{
    const size_t found = utf8_length(p, n);
    *len = found != 0 ? found : 1;
    if (found == 0) return false;
    const uint32_t code = printable_code(p, found);
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
        if (code <= hidden[i][1]) return code < hidden[i][0];
    return true;
}

static void make(char *text, bool keeps_lines)
{
    char *to = text;
    for (const char *p = text; *p != '\0';) {
        size_t len;
        if (printable_at(p, 4, &len) || (keeps_lines && *p == '\n')) {
            memmove(to, p, len);
            to += len;
        } else {
            *to++ = '?';
        }
        p += len;
    }
    *to = '\0';
}

void printable_make(char *text)
{
    make(text, false);
}

void printable_make_lines(char *text)
{
    make(text, true);
}
