/* SPDX-License-Identifier: Apache-2.0
 *
 * Does every kernel row equal the scalar row? To add a family: write check_NAME.c with a `const struct check_family
 * check_NAME`, name it in families.def and in meson.build. Its `check` runs many cases; one is
 *
 *     check_case(c, "h %d w %d", h, w);                     describes the case, forgets the buffers of the last one
 *     int8_t *in = check_input(c, size, CHECK_TAIL);        ends at a guard page
 *     check_fill_s8(c, in, n, check_pick_fill(c), -128, 127);
 *     int8_t *want = check_output(c, size), *got = check_output(c, size);
 *     reference->run(..., want, 0, h);
 *     for (check_split(c, h); check_next_part(c, &begin, &end);) row->run(..., got, begin, end);
 *     if (!check_same(c, want, got, &(struct check_layout){...})) return;
 *
 * A crash, an illegal instruction, a byte changed outside an output or a difference fails the row and ends its cases.
 */
#ifndef TESTS_CHECK_CHECK_H
#define TESTS_CHECK_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

/* Bytes that kernels may read past their inputs. */
#define CHECK_TAIL 64

struct check; /* the state of the program */

struct check_row {
    const char *name;
    uint32_t cpu;
    const void *row; /* struct NAME_row */
};

struct check_family {
    const char *name;
    /* Row i, false past the end; the last one is the scalar row. */
    bool (*row)(int i, struct check_row *row);
    /* Compares; `reference` is the scalar row (`row` itself for the scalar row: then this tests the division of work
     * and the memory). */
    void (*check)(struct check *c, const void *row, const void *reference);
    /* Calls check_time for a few cases of real networks. */
    void (*bench)(struct check *c, const void *row, const void *reference);
};

/* Defines NAME_check_row out of NAME_rows. */
#define CHECK_ROWS(family)                                                                         \
    static bool family##_check_row(int i, struct check_row *row)                                   \
    {                                                                                              \
        int n;                                                                                     \
        const struct family##_row *const rows = family##_rows(&n);                                 \
        if (i >= n) return false;                                                                  \
        *row = (struct check_row){rows[i].name, rows[i].cpu, &rows[i]};                            \
        return true;                                                                               \
    }

/* ---- cases ---- */

void check_case(struct check *c, const char *format, ...) ITX_PRINTF(2, 3);
/* True once the row has failed. */
bool check_has_failed(const struct check *c);

/* xorshift from the seed of the row. */
uint32_t check_random(struct check *c);
/* In [lo, hi]. */
int check_pick(struct check *c, int lo, int hi);
/* A size in [1, max] near an edge: a multiple of `tile` or a power of two, or one less or more. */
int check_pick_size(struct check *c, int tile, int max);

enum check_fill {
    CHECK_UNIFORM,
    CHECK_MIN,
    CHECK_MAX,
    CHECK_ALTERNATE, /* min, max, min, ... */
    CHECK_EXTREMES,  /* min or max, by chance */
    CHECK_RAMP,
    CHECK_FILL_COUNT
};
/* CHECK_UNIFORM half of the time. */
enum check_fill check_pick_fill(struct check *c);
void check_fill_s8(struct check *c, void *data, size_t n, enum check_fill fill, int lo, int hi);
void check_fill_s16(struct check *c, int16_t *data, size_t n, enum check_fill fill, int lo, int hi);
void check_fill_s32(struct check *c, int32_t *data, size_t n, enum check_fill fill, int32_t lo,
                    int32_t hi);
void check_fill_float(struct check *c, float *data, size_t n, float lo, float hi);

/* ---- memory: freed at the next case; filled with noise, the same for every output of one size ---- */

/* `size` bytes that kernels must not change; `tail` more bytes can be read, what follows them faults. The start is
 * aligned to `align` at least (a power of two, at most 64). */
void *check_input_aligned(struct check *c, size_t size, size_t tail, size_t align);
void *check_input(struct check *c, size_t size, size_t tail); /* aligned to 1 */
/* `size` bytes to be written, with canaries around them and a guard page behind. */
void *check_output_aligned(struct check *c, size_t size, size_t align);
void *check_output(struct check *c, size_t size); /* aligned to 1 */
/* Scratch, packed weights: aligned to 64. */
void *check_scratch(struct check *c, size_t size);

/* ---- division of work ---- */

/* Divides [0, n) into a few parts by chance, in grains of one; check_next_part gives them one by one. */
void check_split(struct check *c, int n);
bool check_next_part(struct check *c, int *begin, int *end);

/* ---- comparison ---- */

/* What an output holds: [h, w, c] elements of `element` bytes (signed integers; 1 also for bytes), `pixel` elements
 * from one pixel to the next and `row` from one row to the next (0: w * pixel). Elements between must not change. */
struct check_layout {
    int h, w, c;
    size_t pixel, row, element;
};
size_t
check_extent(const struct check_layout *layout); /* bytes up to the end of the last element */
/* Compares two outputs of one size with all that lies between and around their elements, and looks at the canaries
 * of all buffers of the case. Reports the first difference; false when there is one. */
bool check_same(struct check *c, const void *want, const void *got,
                const struct check_layout *layout);
/* Compares the elements only; the buffers may differ in size. For results in the place of an input. */
bool check_same_values(struct check *c, const void *want, const void *got,
                       const struct check_layout *layout);
/* Fails the row for a reason of the family's own. */
void check_fail(struct check *c, const char *format, ...) ITX_PRINTF(2, 3);

/* ---- timing ---- */

typedef void check_work(void *ctx);
/* Prints median and spread of work(ctx), and the ratio to work(reference_ctx). `amount` > 0 adds a column: that many
 * `unit`s are done per call ("MAC", "byte"). */
struct check_bench {
    const char *label;
    check_work *work;
    void *ctx, *reference_ctx;
    double amount;
    const char *unit;
};
double check_time(struct check *c, const struct check_bench *bench); /* the median, ns */

#endif
