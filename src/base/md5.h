/* SPDX-License-Identifier: Apache-2.0
 *
 * MD5 (RFC 1321), to tell files apart: it is no protection against somebody who means to deceive.
 */
#ifndef BASE_MD5_H
#define BASE_MD5_H

#include <stddef.h>

enum { MD5_TEXT_SIZE = 33 };

/* 32 hexadecimal digits and a zero. */
void md5_text(const void *data, size_t size, char text[MD5_TEXT_SIZE]);

#endif
