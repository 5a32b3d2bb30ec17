/* SPDX-License-Identifier: Apache-2.0
 *
 * Shared by the files that turn a plan into a graph: the state, and a builder in which one operation is one call.
 */
#ifndef EXPORT_PROGRAM_H
#define EXPORT_PROGRAM_H

#include <stdbool.h>

#include "export/export.h"

/* Channels [channel, channel + c) of a buffer, as they were written. */
struct written {
    uint32_t buffer;
    int channel, c;
    value_id value; /* [1, c, h, w] */
};

/* Numbers of the plan appear in two forms: as stored (s8; whole numbers in f32 where the plan has s16; s32), and as whole
 * numbers in f32 from which the zero point has been taken off. */
struct program {
    const struct plan *plan;
    const struct plan_step *step;
    const char *base; /* what is made is called after it: the step's name or the tensor's */
    struct graph *g;
    VEC(struct written) written;
    value_id *stored, *centred;    /* [n_tensors], 0: not asked for yet */
    value_id table[ACT_COUNT][16]; /* stage B, by range */
    value_id one, zero, low, high; /* 1, 0 (s8), -32768, 32767 */
    itx_status rc;                 /* the first failure; then all calls do nothing and give 0 */
    struct itx_error *err;
};

/* --- build.c --- */

/* Sets p->rc where it is still ITX_OK. */
void program_check(struct program *p, itx_status rc);
/* "BASE/PART", or "BASE" when part is NULL, in the arena of the graph; NULL after a failure. */
const char *program_name(struct program *p, const char *part);
/* A constant named "BASE/PART". */
value_id constant(struct program *p, const char *part, enum dtype dtype, const struct shape *shape,
                  const void *data);
value_id constant_ints(struct program *p, const char *part, int n, const int64_t *v);
value_id constant_float(struct program *p, const char *part, float v);
/* One number for each channel, to be broadcast over [1, c, h, w]; one in all when they are equal. f32, f64 or s32. */
value_id constant_channels(struct program *p, const char *part, enum dtype dtype, int c,
                           const double *v);

/* A node "BASE/PART" with one result of the same name; trailing inputs that are 0 are left out. */
value_id emit(struct program *p, enum op op, const char *part, int n, const value_id *inputs);
value_id emit1(struct program *p, enum op op, const char *part, value_id x);
value_id emit2(struct program *p, enum op op, const char *part, value_id a, value_id b);
value_id emit_cast(struct program *p, const char *part, value_id x, enum dtype to);
value_id emit_clip(struct program *p, const char *part, value_id x, value_id low, value_id high);
value_id emit_transpose(struct program *p, const char *part, value_id x, const int64_t *perm);
value_id emit_reshape(struct program *p, const char *part, value_id x, const int64_t *dims);
/* Attributes of the node made last. */
void set_int(struct program *p, enum attr_id id, int64_t v);
void set_ints(struct program *p, enum attr_id id, int n, const int64_t *v);
void set_text(struct program *p, enum attr_id id, const char *text);
/* Shape and type of its result, once its attributes are set. */
void infer_last(struct program *p);
/* Renames a result: as it says, or "NAME_quantized" where that is taken. */
void set_name(struct program *p, value_id v, const char *name);

/* --- program.c --- */

value_id program_stored(struct program *p, uint32_t tensor);
value_id program_centred(struct program *p, uint32_t tensor);
/* From now on the tensor holds this, as stored. */
void program_write(struct program *p, uint32_t tensor, value_id v);
int32_t tensor_zero(const struct plan_tensor *t, int channel);
/* To s8 with the tensor's zero points: x in steps of its scale, rounded to even, saturated. */
value_id quantize(struct program *p, value_id x, const struct plan_tensor *t);

/* Sums of products of whole numbers are exact in f32 while none can pass 2^24. x, |x| <= reach, is divided into digits so
 * that this holds when the other operand's magnitudes add up to at most `sum`: x = digit[0] + digit[1] base + ... */
#define MAX_DIGITS 5
struct digits {
    int n;
    int64_t base;
    value_id digit[MAX_DIGITS];
};
struct digits program_digits(struct program *p, value_id x, double reach, double sum);
/* products[0] + products[1] base + ..., in this type. */
value_id program_sum_digits(struct program *p, const struct digits *d, const value_id *products,
                            enum dtype dtype);

/* --- conv.c, stages.c, attention.c: the result as stored in the step's output --- */

value_id program_conv(struct program *p);
value_id program_attention(struct program *p);
/* Stages A to C on an accumulator [1, c, h, w] of s32. */
value_id program_epilogue(struct program *p, value_id acc);
value_id program_add(struct program *p);

#endif
