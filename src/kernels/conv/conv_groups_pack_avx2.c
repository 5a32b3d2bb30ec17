/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing for conv_groups_avx2.c: finds the groups (conv_groups.h).
 *
 * Each item has eight sums, for both channels and both pairs of weights those above and below zero, as the bytes of a
 * word; two items fit when no byte of the sum of their words has its highest bit set. An item takes the newest that it
 * fits of those that are left alone, or stays alone itself. Of two quads next to each other that fit, the second is never
 * left alone together with the first, which bounds the number of groups before they are made.
 */
#include <immintrin.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/conv/conv_groups.h"
#include "kernels/conv/conv_rows.h"
#include "kernels/simd_tile.h"

#define TOO_LARGE UINT64_C(0x8080808080808080)

enum { CHUNK = 8 /* quads */, CHUNK_WEIGHTS = CHUNK * GROUPS_QUAD, MAX_ALONE = 32, LIMIT = 127 };

struct item {
    uint64_t sums;
    uint32_t at, w[2];
};

struct chunk {
    uint64_t sums[CHUNK];
    uint32_t w[2][CHUNK];
    int n; /* quads */
};

/* Bytes of both tables before the groups. */
static size_t tables_size(const struct conv_shape *s)
{
    const size_t n = (size_t)groups_phases(s) * (size_t)groups_pairs(s);
    return size_align((n + 1) * sizeof(uint32_t) + 2 * n * sizeof(int32_t), 64);
}

struct conv_groups groups_in(const struct conv_shape *s, const void *packed)
{
    const size_t n = (size_t)groups_phases(s) * (size_t)groups_pairs(s);
    const uint32_t *const begin = packed;
    return (struct conv_groups){
        .begin = begin,
        .sums = (const int32_t *)(begin + n + 1),
        .group =
            (const struct conv_group *)(const void *)((const uint8_t *)packed + tables_size(s)),
    };
}

/* [P0, N0, P1, N1] for each of eight quads: sums of the weights above zero and below, first two and last two. */
SIMD_INLINE __m256i sums_of(__m256i w)
{
    const __m256i ones = _mm256_set1_epi8(1), zero = _mm256_setzero_si256();
    const __m256i above = _mm256_maddubs_epi16(_mm256_max_epi8(w, zero), ones);
    const __m256i below =
        _mm256_maddubs_epi16(_mm256_max_epi8(_mm256_sub_epi8(zero, w), zero), ones);
    return _mm256_or_si256(above, _mm256_slli_epi16(below, 8));
}

/* n weights of two channels; the others of the last quad are zero. b: NULL when there is no second channel. */
SIMD_INLINE void load_chunk(struct chunk *c, const int8_t *a, const int8_t *b, int n)
{
    int8_t part[2][CHUNK_WEIGHTS] = {{0}};
    if (n < CHUNK_WEIGHTS || b == NULL) {
        memcpy(part[0], a, (size_t)n);
        if (b != NULL) memcpy(part[1], b, (size_t)n);
        a = part[0];
        b = part[1];
    }
    const __m256i wa = _mm256_loadu_si256((const __m256i *)a);
    const __m256i wb = _mm256_loadu_si256((const __m256i *)b);
    const __m256i sa = sums_of(wa), sb = sums_of(wb);
    const __m256i lo = _mm256_unpacklo_epi32(sa, sb), hi = _mm256_unpackhi_epi32(sa, sb);
    _mm256_storeu_si256((__m256i *)c->sums, _mm256_permute2x128_si256(lo, hi, 0x20));
    _mm256_storeu_si256((__m256i *)(c->sums + 4), _mm256_permute2x128_si256(lo, hi, 0x31));
    _mm256_storeu_si256((__m256i *)c->w[0], wa);
    _mm256_storeu_si256((__m256i *)c->w[1], wb);
    c->n = (n + GROUPS_QUAD - 1) / GROUPS_QUAD;
}

/* Where the weights of two channels are: rows of in_c, one for each tap. */
struct rows {
    const int8_t *a, *b; /* b: NULL when there is no second channel */
    int n_taps, in_c;
};

static struct rows rows_of(const struct conv_shape *s, const int8_t *w, int phase, int pair)
{
    const size_t channel = (size_t)s->in_c * (size_t)s->kernel_h * (size_t)s->kernel_w;
    const int8_t *const a = w + 2 * (size_t)pair * channel + (size_t)phase * (size_t)s->in_c;
    return (struct rows){.a = a,
                         .b = 2 * pair + 1 < s->out_c ? a + channel : NULL,
                         .n_taps = s->upscale > 1 ? 1 : s->kernel_h * s->kernel_w,
                         .in_c = s->in_c};
}

/* The rows' weights from input channel i of a tap on. */
SIMD_INLINE void load_row(struct chunk *c, const struct rows *r, int tap, int i)
{
    const size_t at = (size_t)tap * (size_t)r->in_c + (size_t)i;
    const int left = r->in_c - i;
    load_chunk(c, r->a + at, r->b != NULL ? r->b + at : NULL,
               left < CHUNK_WEIGHTS ? left : CHUNK_WEIGHTS);
}

/* Groups that the rows' items take at most. */
static size_t count_groups(const struct rows *r)
{
    size_t n = 0;
    for (int tap = 0; tap < r->n_taps; tap++) {
        for (int i = 0; i < r->in_c; i += CHUNK_WEIGHTS) {
            struct chunk c;
            load_row(&c, r, tap, i);
            for (int q = 0; q < c.n; q += 2) {
                const uint64_t first = c.sums[q], second = q + 1 < c.n ? c.sums[q + 1] : 0;
                const bool fit = ((first | second | (first + second)) & TOO_LARGE) == 0;
                n += fit ? 1 : 2;
                n += ((first & TOO_LARGE) != 0) + ((second & TOO_LARGE) != 0);
            }
        }
    }
    return n;
}

size_t conv_s8_packed_size_32x2__avx2(const struct conv_shape *s, const int8_t *w)
{
    size_t n = 0;
    for (int phase = 0; phase < groups_phases(s); phase++) {
        for (int pair = 0; pair < groups_pairs(s); pair++) {
            const struct rows r = rows_of(s, w, phase, pair);
            n += count_groups(&r);
        }
    }
    return tables_size(s) + n * sizeof(struct conv_group);
}

/* Items of a pair of channels on their way into groups. */
struct packer {
    struct conv_group *next;
    struct item alone[MAX_ALONE];
    int n_alone;
};

static void put_group(struct packer *p, const struct item *a, const struct item *b)
{
    *p->next++ = (struct conv_group){{a->at, b->at}, {{a->w[0], b->w[0]}, {a->w[1], b->w[1]}}};
}

/* Without a second item; the weights of the missing one are zero, wherever its activations are. */
static void put_alone(struct packer *p, const struct item *a)
{
    put_group(p, a, &(struct item){.at = a->at});
}

static void add_item(struct packer *p, const struct item *item)
{
    if (item->sums == 0) return;
    for (int i = p->n_alone - 1; i >= 0; i--) {
        if (((p->alone[i].sums + item->sums) & TOO_LARGE) != 0) continue;
        put_group(p, &p->alone[i], item);
        p->n_alone--;
        for (; i < p->n_alone; i++) p->alone[i] = p->alone[i + 1];
        return;
    }
    if (p->n_alone == MAX_ALONE) {
        put_alone(p, &p->alone[0]);
        p->n_alone--;
        memmove(p->alone, p->alone + 1, sizeof p->alone[0] * (size_t)p->n_alone);
    }
    p->alone[p->n_alone++] = *item;
}

/* The sums of a channel's four weights, as sums_of gives them. */
static uint32_t sums_of_quad(uint32_t w)
{
    uint32_t sums = 0;
    for (int i = 0; i < GROUPS_QUAD; i++) {
        const int v = (int8_t)(w >> (8 * i));
        sums += (uint32_t)(v < 0 ? -v : v) << (16 * (i / 2) + (v < 0 ? 8 : 0));
    }
    return sums;
}

/* Takes from the larger weight of each pair what is too much; returns that. */
static uint32_t take_excess(uint32_t *w)
{
    uint32_t taken = 0;
    for (int i = 0; i < GROUPS_QUAD; i += 2) {
        const int x = (int8_t)(*w >> (8 * i)), y = (int8_t)(*w >> (8 * i + 8));
        const int sum = x + y; /* of weights with the same sign, when it is too large */
        const int excess = sum > LIMIT ? sum - LIMIT : sum < -LIMIT ? sum + LIMIT : 0;
        if (excess == 0) continue;
        const bool is_first = excess > 0 ? x > y : x < y;
        const int shift = is_first ? 8 * i : 8 * i + 8;
        const uint32_t byte = (uint32_t)0xff << shift;
        *w = (*w & ~byte) | ((uint32_t)(uint8_t)((is_first ? x : y) - excess) << shift);
        taken |= (uint32_t)(uint8_t)excess << shift;
    }
    return taken;
}

static void add_both(struct packer *p, const struct item *item)
{
    struct item rest = *item, other = {.at = item->at};
    for (int c = 0; c < 2; c++) other.w[c] = take_excess(&rest.w[c]);
    rest.sums = sums_of_quad(rest.w[0]) | (uint64_t)sums_of_quad(rest.w[1]) << 32;
    other.sums = sums_of_quad(other.w[0]) | (uint64_t)sums_of_quad(other.w[1]) << 32;
    add_item(p, &rest);
    add_item(p, &other);
}

static void add_rows(struct packer *p, const struct rows *r)
{
    uint32_t quad = 0;
    for (int tap = 0; tap < r->n_taps; tap++) {
        for (int i = 0; i < r->in_c; i += CHUNK_WEIGHTS) {
            struct chunk c;
            load_row(&c, r, tap, i);
            for (int q = 0; q < c.n; q++, quad++) {
                const struct item item = {
                    c.sums[q], quad * GROUPS_QUAD_SIZE, {c.w[0][q], c.w[1][q]}};
                if ((item.sums & TOO_LARGE) == 0)
                    add_item(p, &item);
                else
                    add_both(p, &item);
            }
        }
    }
    for (int i = 0; i < p->n_alone; i++) put_alone(p, &p->alone[i]);
    p->n_alone = 0;
}

static int32_t offset_of(const int8_t *w, size_t n)
{
    int32_t sum = 0;
    if (w == NULL) return 0;
    for (size_t i = 0; i < n; i++) sum += w[i];
    return -128 * sum;
}

void conv_s8_pack_32x2__avx2(const struct conv_shape *s, const int8_t *w, void *packed)
{
    const size_t n_pairs = (size_t)groups_phases(s) * (size_t)groups_pairs(s);
    uint32_t *begin = packed;
    int32_t *sums = (int32_t *)(begin + n_pairs + 1);
    struct conv_group *const group =
        (struct conv_group *)(void *)((uint8_t *)packed + tables_size(s));
    struct packer p = {.next = group};
    for (int phase = 0; phase < groups_phases(s); phase++) {
        for (int pair = 0; pair < groups_pairs(s); pair++) {
            const struct rows r = rows_of(s, w, phase, pair);
            const size_t n = (size_t)r.n_taps * (size_t)r.in_c;
            *begin++ = (uint32_t)(p.next - group);
            *sums++ = offset_of(r.a, n);
            *sums++ = offset_of(r.b, n);
            add_rows(&p, &r);
        }
    }
    *begin = (uint32_t)(p.next - group);
}
