/* SPDX-License-Identifier: Apache-2.0 */
#include "base/md5.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

enum { BLOCK = 64, N_STEPS = 64 };

struct md5 {
    uint32_t state[4];
    uint32_t sine[N_STEPS]; /* the whole part of 2^32 |sin(i + 1)| */
};

static uint32_t rotate(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static void add_block(struct md5 *m, const uint8_t *block)
{
    static const uint8_t shifts[4][4] = {
        {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t a = m->state[0], b = m->state[1], c = m->state[2], d = m->state[3];
    for (int i = 0; i < N_STEPS; i++) {
        const int round = i / 16;
        const uint32_t f = round == 0   ? (b & c) | (~b & d)
                           : round == 1 ? (b & d) | (c & ~d)
                           : round == 2 ? b ^ c ^ d
                                        : c ^ (b | ~d);
        const int word = (round == 0   ? i
                          : round == 1 ? 5 * i + 1
                          : round == 2 ? 3 * i + 5
                                       : 7 * i) %
                         16;
        const uint32_t sum = a + f + load_le32(block + 4 * word) + m->sine[i];
        a = d;
        d = c;
        c = b;
        b += rotate(sum, shifts[round][i % 4]);
    }
    m->state[0] += a;
    m->state[1] += b;
    m->state[2] += c;
    m->state[3] += d;
}

void md5_text(const void *data, size_t size, char text[MD5_TEXT_SIZE])
{
    struct md5 m = {.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
    for (int i = 0; i < N_STEPS; i++) m.sine[i] = (uint32_t)(4294967296.0 * fabs(sin(i + 1)));
    const uint8_t *const bytes = data;
    const size_t rest = size % BLOCK;
    for (size_t i = 0; i + BLOCK <= size; i += BLOCK) add_block(&m, bytes + i);
    uint8_t last[2 * BLOCK] = {0};
    if (rest > 0) memcpy(last, bytes + (size - rest), rest);
    last[rest] = 0x80;
    const size_t n = rest + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
    store_le64(last + n - 8, (uint64_t)size * 8);
    for (size_t i = 0; i < n; i += BLOCK) add_block(&m, last + i);
    for (int i = 0; i < 16; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned)(m.state[i / 4] >> (8 * (i % 4)) & 255));
}
