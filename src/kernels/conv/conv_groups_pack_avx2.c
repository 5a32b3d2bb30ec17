/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing for conv_groups_avx2.c: finds the groups (conv_groups.h).
 *
 * Each item has eight sums, for both channels and both pairs of weights those above and below zero, as the bytes of a
 * word; two items fit when no byte of the sum of their words has its highest bit set. Items with large sums come first;
 * each goes into the first group that it fits of the few that are open, or opens one.
 *
 * How many groups there are at most is known before: items whose sums are all below 64 fit each other. So while the last
 * group that such an item opened is alone in it, no other one opens a group.
 */
#include <immintrin.h>
#include <string.h>

#include "base/mem.h"
#include "kernels/conv/conv_groups.h"
#include "kernels/conv/conv_rows.h"
#include "kernels/simd_tile.h"

enum {
    LIMIT = 127, /* of a sum */
    CHUNK = 8,   /* quads */
    CHUNK_WEIGHTS = CHUNK * GROUPS_QUAD,
    OPEN = 8, /* groups */
    BUCKETS = 5,
};

struct item {
    uint64_t sums;
    uint32_t at, w[2];
};

struct chunk {
    uint64_t sums[CHUNK];
    uint64_t largest[CHUNK]; /* of the sums */
    uint32_t w[2][CHUNK];
    int n; /* quads */
};

/* The bucket of items with this largest sum. */
static int bucket_of(uint64_t largest)
{
    return (largest < 96) + (largest < 64) + (largest < 43) + (largest < 22);
}

/* Bytes of both tables before the groups. */
static size_t tables_size(const struct conv_shape *s)
{
    const size_t n = (size_t)groups_phases(s) * (size_t)groups_pairs(s);
    const size_t n_parts = (size_t)groups_parts(s);
    return size_align((n * n_parts + 1) * sizeof(uint32_t) + 2 * n * sizeof(int32_t), 64);
}

struct conv_groups groups_in(const struct conv_shape *s, const void *packed)
{
    const size_t n = (size_t)groups_phases(s) * (size_t)groups_parts(s) * (size_t)groups_pairs(s);
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

/* Of the eight bytes of each word. */
SIMD_INLINE __m256i largest_of(__m256i sums)
{
    sums = _mm256_max_epu8(sums, _mm256_srli_epi64(sums, 32));
    sums = _mm256_max_epu8(sums, _mm256_srli_epi64(sums, 16));
    sums = _mm256_max_epu8(sums, _mm256_srli_epi64(sums, 8));
    return _mm256_and_si256(sums, _mm256_set1_epi64x(0xff));
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
    const __m256i first = _mm256_permute2x128_si256(lo, hi, 0x20);
    const __m256i second = _mm256_permute2x128_si256(lo, hi, 0x31);
    _mm256_storeu_si256((__m256i *)c->sums, first);
    _mm256_storeu_si256((__m256i *)(c->sums + 4), second);
    _mm256_storeu_si256((__m256i *)c->largest, largest_of(first));
    _mm256_storeu_si256((__m256i *)(c->largest + 4), largest_of(second));
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
static size_t most_groups(const struct rows *r, int n_parts)
{
    size_t n_large = 0, n_small = 0;
    for (int tap = 0; tap < r->n_taps; tap++) {
        for (int i = 0; i < r->in_c; i += CHUNK_WEIGHTS) {
            struct chunk c;
            load_row(&c, r, tap, i);
            for (int q = 0; q < c.n; q++) {
                n_large += (c.largest[q] >= 64) + (c.largest[q] > LIMIT);
                n_small += c.largest[q] < 64;
            }
        }
    }
    return n_large + n_small / 2 + (size_t)n_parts;
}

size_t conv_s8_packed_size_32x2__avx2(const struct conv_shape *s, const int8_t *w)
{
    size_t n = 0;
    for (int phase = 0; phase < groups_phases(s); phase++) {
        for (int pair = 0; pair < groups_pairs(s); pair++) {
            const struct rows r = rows_of(s, w, phase, pair);
            n += most_groups(&r, groups_parts(s));
        }
    }
    return tables_size(s) + n * sizeof(struct conv_group);
}

/* Items of a part of a pair of channels, and their groups. */
struct packer {
    struct conv_group *next;
    struct conv_group *open[OPEN];
    struct item items[BUCKETS][2 * GROUPS_PART];
    int n[BUCKETS];
};

static void begin_part(struct packer *p)
{
    for (int i = 0; i < BUCKETS; i++) p->n[i] = 0;
}

static void open_group(struct packer *p, int place, const struct item *item)
{
    p->open[place] = p->next++;
    /* without a second item its weights are zero, wherever its activations are */
    *p->open[place] = (struct conv_group){{item->at, item->at}, {{item->w[0], 0}, {item->w[1], 0}}};
}

static void fill_group(struct conv_group *g, const struct item *item)
{
    g->at[1] = item->at;
    g->w[0][1] = item->w[0];
    g->w[1][1] = item->w[1];
}

/* All items into groups. The sums of the open ones stay in registers: as memory they would be written by words and read by
 * vectors, which waits. */
static void end_part(struct packer *p)
{
    const __m256i no_group = _mm256_set1_epi8(0x7f), zero = _mm256_setzero_si256();
    const __m256i too_large = _mm256_set1_epi8(-128);
    const __m256i lane_0 = _mm256_setr_epi64x(0, 1, 2, 3), lane_4 = _mm256_setr_epi64x(4, 5, 6, 7);
    __m256i open_0 = no_group, open_4 = no_group;
    unsigned places = (1u << OPEN) - 1; /* without a group */
    int oldest = 0;
    for (int b = 0; b < BUCKETS; b++) {
        for (const struct item *item = p->items[b]; item < p->items[b] + p->n[b]; item++) {
            const __m256i sums = _mm256_set1_epi64x((int64_t)item->sums);
            const __m256i all_0 = _mm256_and_si256(_mm256_add_epi8(open_0, sums), too_large);
            const __m256i all_4 = _mm256_and_si256(_mm256_add_epi8(open_4, sums), too_large);
            const __m256d fit_0 = _mm256_castsi256_pd(_mm256_cmpeq_epi64(all_0, zero));
            const __m256d fit_4 = _mm256_castsi256_pd(_mm256_cmpeq_epi64(all_4, zero));
            const int fit = _mm256_movemask_pd(fit_0) | _mm256_movemask_pd(fit_4) << 4;
            __m256i left = no_group;
            int place;
            if (fit != 0) {
                place = __builtin_ctz((unsigned)fit);
                fill_group(p->open[place], item);
                places |= 1u << place;
            } else {
                place = places != 0 ? __builtin_ctz(places) : oldest++ % OPEN;
                open_group(p, place, item);
                places &= ~(1u << place);
                left = sums;
            }
            const __m256i at = _mm256_set1_epi64x(place);
            open_0 = _mm256_blendv_epi8(open_0, left, _mm256_cmpeq_epi64(at, lane_0));
            open_4 = _mm256_blendv_epi8(open_4, left, _mm256_cmpeq_epi64(at, lane_4));
        }
    }
}

static void add_item(struct packer *p, const struct item *item, int bucket)
{
    p->items[bucket][p->n[bucket]++] = *item;
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
    add_item(p, &rest, 0);
    add_item(p, &other, 0);
}

/* Quads [begin, end) of a window. */
static void pack_part(struct packer *p, const struct rows *r, int begin, int end)
{
    const int of_tap = (r->in_c + GROUPS_QUAD - 1) / GROUPS_QUAD;
    begin_part(p);
    for (int quad = begin; quad < end;) {
        struct chunk c;
        load_row(&c, r, quad / of_tap, quad % of_tap * GROUPS_QUAD);
        for (int q = 0; q < c.n && quad < end; q++, quad++) {
            const struct item item = {
                c.sums[q], (uint32_t)quad * GROUPS_QUAD_SIZE, {c.w[0][q], c.w[1][q]}};
            if (c.largest[q] > LIMIT)
                add_both(p, &item);
            else if (item.sums != 0)
                add_item(p, &item, bucket_of(c.largest[q]));
        }
    }
    end_part(p);
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
    const int n_parts = groups_parts(s), n_pairs = groups_pairs(s), n_quads = groups_quads(s);
    uint32_t *begin = packed;
    int32_t *sums = (int32_t *)(begin + groups_phases(s) * n_parts * n_pairs + 1);
    struct conv_group *const group =
        (struct conv_group *)(void *)((uint8_t *)packed + tables_size(s));
    struct packer p = {.next = group};
    for (int phase = 0; phase < groups_phases(s); phase++) {
        for (int i = 0; i < n_parts * n_pairs; i++) {
            const int part = i / n_pairs;
            const struct rows r = rows_of(s, w, phase, i % n_pairs);
            *begin++ = (uint32_t)(p.next - group);
            pack_part(&p, &r, part * n_quads / n_parts, (part + 1) * n_quads / n_parts);
        }
        for (int pair = 0; pair < n_pairs; pair++) {
            const struct rows r = rows_of(s, w, phase, pair);
            const size_t n = (size_t)r.n_taps * (size_t)r.in_c;
            *sums++ = offset_of(r.a, n);
            *sums++ = offset_of(r.b, n);
        }
    }
    *begin = (uint32_t)(p.next - group);
}
