/* SPDX-License-Identifier: Apache-2.0
 *
 * What is UTF-8 and what is not (RFC 3629, section 4): no overlong forms, surrogates or values above U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length of the sequence at p, of which n bytes are there; 0 when it is none. For terminated texts n may be 4: their zero
 * ends every sequence, and nothing behind it is read. */
static inline size_t utf8_length(const void *p, size_t n)
{
    const uint8_t *const c = p;
    const size_t len = c[0] < 0x80   ? 1
                       : c[0] < 0xc2 ? 0
                       : c[0] < 0xe0 ? 2
                       : c[0] < 0xf0 ? 3
                       : c[0] < 0xf5 ? 4
                                     : 0;
    if (len > n) return 0;
    for (size_t i = 1; i < len; i++)
        if ((c[i] & 0xc0) != 0x80) return 0;
    if (len < 3) return len;
    const int is_overlong = (c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xf0 && c[1] < 0x90);
    const int is_outside = (c[0] == 0xed && c[1] >= 0xa0) || (c[0] == 0xf4 && c[1] >= 0x90);
    return is_overlong || is_outside ? 0 : len;
}

#endif
