/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check_state.h"

/* Bytes of noise before the data; those behind reach up to the guard page. */
#define MARGIN 256

static uint32_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 16);
}

uint32_t check_random(struct check *c)
{
    return next_random(&c->random);
}

int check_pick(struct check *c, int lo, int hi)
{
    return (int)(lo + (int64_t)(check_random(c) % ((uint64_t)((int64_t)hi - lo) + 1)));
}

int check_pick_size(struct check *c, int tile, int max)
{
    int size;
    if (check_pick(c, 0, 1) == 0)
        size = tile * check_pick(c, 1, 3) + check_pick(c, -1, 1);
    else
        size = (1 << check_pick(c, 0, 10)) + check_pick(c, -1, 1);
    if (size > max) size = check_pick(c, 1, max);
    return size < 1 ? 1 : size;
}

enum check_fill check_pick_fill(struct check *c)
{
    return (check_random(c) & 1) != 0 ? CHECK_UNIFORM
                                      : (enum check_fill)check_pick(c, 0, CHECK_FILL_COUNT - 1);
}

static int32_t fill_value(struct check *c, size_t i, enum check_fill fill, int32_t lo, int32_t hi)
{
    switch (fill) {
    case CHECK_UNIFORM:
        return check_pick(c, lo, hi);
    case CHECK_MIN:
        return lo;
    case CHECK_MAX:
        return hi;
    case CHECK_ALTERNATE:
        return i % 2 == 0 ? lo : hi;
    case CHECK_EXTREMES:
        return (check_random(c) & 1) != 0 ? lo : hi;
    case CHECK_RAMP:
        return (int32_t)(lo + (int64_t)(i % ((uint64_t)((int64_t)hi - lo) + 1)));
    case CHECK_FILL_COUNT:
        break;
    }
    ITX_BUG();
}

void check_fill_s8(struct check *c, void *data, size_t n, enum check_fill fill, int lo, int hi)
{
    uint8_t *const bytes = data;
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)fill_value(c, i, fill, lo, hi);
}

void check_fill_s16(struct check *c, int16_t *data, size_t n, enum check_fill fill, int lo, int hi)
{
    for (size_t i = 0; i < n; i++) data[i] = (int16_t)fill_value(c, i, fill, lo, hi);
}

void check_fill_s32(struct check *c, int32_t *data, size_t n, enum check_fill fill, int32_t lo,
                    int32_t hi)
{
    for (size_t i = 0; i < n; i++) data[i] = fill_value(c, i, fill, lo, hi);
}

void check_fill_float(struct check *c, float *data, size_t n, float lo, float hi)
{
    for (size_t i = 0; i < n; i++)
        data[i] = lo + (hi - lo) * ((float)(check_random(c) >> 8) / 16777216);
}

void check_fail(struct check *c, const char *format, ...)
{
    if (c->has_failed) return;
    c->has_failed = true;
    va_list args;
    va_start(args, format);
    printf("FAILED %s, %s: ", c->row_name, c->description);
    vprintf(format, args);
    printf("\n  again: check --row %s --seed %llu\n", c->row_name, (unsigned long long)c->seed);
    va_end(args);
}

bool check_has_failed(const struct check *c)
{
    return c->has_failed;
}

void check_case(struct check *c, const char *format, ...)
{
    check_release_buffers(c);
    va_list args;
    va_start(args, format);
    vsnprintf(c->description, sizeof c->description, format, args);
    va_end(args);
}

/* ---- memory ---- */

static void noise(uint8_t *p, const uint8_t *end, uint64_t seed)
{
    for (; p < end; p++) *p = (uint8_t)next_random(&seed);
}

static void *add_buffer(struct check *c, size_t size, size_t tail, size_t align)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t room = ((MARGIN + size + tail + align + page - 1) & ~(page - 1)) + page;
    if (c->n_buffers == CHECK_MAX_BUFFERS) ITX_BUG();
    struct check_buffer *const b = &c->buffers[c->n_buffers];
    b->map = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b->map == MAP_FAILED || mprotect(b->map + room - page, page, PROT_NONE) != 0) {
        perror("check: out of memory");
        exit(1);
    }
    b->map_size = room;
    b->data = b->map + ((room - page - tail - size) & ~(align - 1));
    b->size = size;
    b->seed = size * 0x9e3779b97f4a7c15u + c->seed + 1;
    noise(b->map, b->map + room - page, b->seed);
    c->n_buffers++;
    return b->data;
}

void check_release_buffers(struct check *c)
{
    for (int i = 0; i < c->n_buffers; i++) munmap(c->buffers[i].map, c->buffers[i].map_size);
    c->n_buffers = 0;
}

void *check_input_aligned(struct check *c, size_t size, size_t tail, size_t align)
{
    return add_buffer(c, size, tail, align);
}

void *check_input(struct check *c, size_t size, size_t tail)
{
    return add_buffer(c, size, tail, 1);
}

void *check_output_aligned(struct check *c, size_t size, size_t align)
{
    return add_buffer(c, size, 0, align);
}

void *check_output(struct check *c, size_t size)
{
    return add_buffer(c, size, 0, 1);
}

void *check_scratch(struct check *c, size_t size)
{
    return add_buffer(c, size, 0, 64);
}

static const struct check_buffer *find_buffer(const struct check *c, const void *data)
{
    for (int i = 0; i < c->n_buffers; i++)
        if (c->buffers[i].data == data) return &c->buffers[i];
    ITX_BUG();
}

/* The noise before and behind every buffer is what it was. */
static void check_canaries(struct check *c)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < c->n_buffers; i++) {
        const struct check_buffer *const b = &c->buffers[i];
        uint64_t seed = b->seed;
        for (const uint8_t *p = b->map; p < b->map + b->map_size - page; p++) {
            const uint8_t expected = (uint8_t)next_random(&seed);
            if ((p >= b->data && p < b->data + b->size) || *p == expected) continue;
            check_fail(c, "buffer %d of %zu bytes was written outside, at byte %lld", i, b->size,
                       (long long)(p - b->data));
            return;
        }
    }
}

/* ---- division of work ---- */

void check_split(struct check *c, int n)
{
    c->part_begin = 0;
    c->part_n = n;
}

bool check_next_part(struct check *c, int *begin, int *end)
{
    if (c->part_begin >= c->part_n) return false;
    const int left = c->part_n - c->part_begin;
    *begin = c->part_begin;
    *end = *begin + (check_pick(c, 0, 1) == 0 ? left : check_pick(c, 1, left));
    c->part_begin = *end;
    return true;
}

/* ---- comparison ---- */

static size_t row_elements(const struct check_layout *l)
{
    return l->row != 0 ? l->row : (size_t)l->w * l->pixel;
}

size_t check_extent(const struct check_layout *l)
{
    return ((size_t)(l->h - 1) * row_elements(l) + (size_t)(l->w - 1) * l->pixel + (size_t)l->c) *
           l->element;
}

static int32_t load(const uint8_t *p, size_t element)
{
    int16_t s16;
    int32_t s32;
    switch (element) {
    case 1:
        return (int8_t)*p;
    case 2:
        memcpy(&s16, p, 2);
        return s16;
    case 4:
        memcpy(&s32, p, 4);
        return s32;
    default:
        ITX_BUG();
    }
}

static void report(struct check *c, const uint8_t *want, const uint8_t *got, size_t byte,
                   const struct check_layout *l)
{
    const size_t index = byte / l->element, row = row_elements(l), at = index * l->element;
    const size_t y = index / row, x = index % row / l->pixel, k = index % row % l->pixel;
    check_fail(c, "[%zu, %zu, %zu]%s: expected %d, got %d", y, x, k,
               k < (size_t)l->c ? "" : " (between pixels)", load(want + at, l->element),
               load(got + at, l->element));
}

bool check_same(struct check *c, const void *want, const void *got,
                const struct check_layout *layout)
{
    const struct check_buffer *const w = find_buffer(c, want), *const g = find_buffer(c, got);
    if (w->size != g->size || w->size != check_extent(layout)) ITX_BUG();
    check_canaries(c);
    for (size_t i = 0; i < w->size && !c->has_failed; i++)
        if (w->data[i] != g->data[i]) report(c, w->data, g->data, i, layout);
    return !c->has_failed;
}

bool check_same_values(struct check *c, const void *want, const void *got,
                       const struct check_layout *layout)
{
    const struct check_buffer *const w = find_buffer(c, want), *const g = find_buffer(c, got);
    const size_t size = check_extent(layout), pixel = layout->pixel * layout->element;
    const size_t row = row_elements(layout) * layout->element;
    if (w->size < size || g->size < size) ITX_BUG();
    check_canaries(c);
    for (size_t i = 0; i < size && !c->has_failed; i++)
        if (i % row % pixel < (size_t)layout->c * layout->element && w->data[i] != g->data[i])
            report(c, w->data, g->data, i, layout);
    return !c->has_failed;
}
