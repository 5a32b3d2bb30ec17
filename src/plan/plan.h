/* SPDX-License-Identifier: Apache-2.0
 *
 * What the runtime works on: a flat list of int8 steps with weights, places in one arena and scales. It is the file
 * format NAME.bin (docs/plan-format.md). Nothing here knows ONNX, a graph, or a float weight.
 *
 * A plan that came out of plan_read has been checked (plan_check): every index, size, place and number is within the
 * limits stated here, so that executing it cannot touch memory outside the arena, divide by zero or overflow.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "tensor/dtype.h"
#include "tensor/fixed.h"

#define PLAN_VERSION 3
#define PLAN_MAX_MODELS 64
#define PLAN_MAX_TENSORS 65536
#define PLAN_MAX_STEPS 65536
#define PLAN_MAX_IO 256
#define PLAN_MAX_DIM 65536 /* h, w, c */
#define PLAN_MAX_ARENA ((uint64_t)1 << 32)
#define PLAN_MAX_CLASSES 65536
#define PLAN_MAX_KERNEL 255                  /* kernel, stride, dilation */
#define PLAN_MAX_PAD 65535                   /* each of pad[4] */
#define PLAN_MAX_WEIGHTS ((uint64_t)1 << 31) /* of one step, less than */
#define PLAN_MAX_WRITERS 1024       /* tensors of one buffer that a step or the caller writes */
#define PLAN_MAX_REG 64             /* bins of a box distribution */
#define PLAN_MAX_COEFS 256          /* mask coefficients */
#define PLAN_MAX_REACH 32768        /* of an s16 tensor */
#define PLAN_MAX_WIDE_SUM (1 << 29) /* of a convolution's products with an s16 input, less than */
#define PLAN_ALIGN 64               /* of every blob in the file, every buffer in the arena */
#define PLAN_TAIL 64 /* readable bytes after the arena and after each blob of the file */

enum step_kind {
#define STEP(id, name, n_inputs) id,
#include "plan/steps.def"
#undef STEP
    STEP_KIND_COUNT
};
const char *step_kind_name(enum step_kind kind);

/* A piece of the arena: one grid of pixels. Its tensors are ranges of the grid's channels: they have the same h, w,
 * pixel and element size, and offset + c elements <= pixel. A concatenation is read as one tensor and written as
 * slices. Every element is written once, by one step or (inputs) by the caller, before a step reads it.
 * A buffer is alive from the step that first writes to it to the last that reads it, inputs from the start, outputs
 * to the end. Buffers that are alive during the same step never overlap; others may. */
struct plan_buffer {
    uint64_t offset, size; /* bytes, multiples of PLAN_ALIGN; offset + size <= arena_size */
};

/* A tensor [1, h, w, c] in a buffer; a slice of a concatenated one has pixel > c.
 * real = (stored - zero_point[i]) * scale[i], i = channel, or 0 when n_quant is 1. */
struct plan_tensor {
    const char *name; /* of the graph's value */
    enum dtype dtype; /* DTYPE_S8, DTYPE_S16, DTYPE_S32 */
    int h, w, c;
    int pixel; /* elements from one pixel to the next, >= c */
    uint32_t buffer;
    uint64_t offset; /* bytes from the start of the buffer, a multiple of the element's size */
    /* s16: [1, PLAN_MAX_REACH], no stored number is larger in magnitude: what steps write there keeps to it, and a tensor
     * that is read has at least the reach of what was written into it. s8, s32: 0 */
    int reach;
    int n_quant;               /* 1 or c */
    const float *scale;        /* finite, > 0 */
    const int32_t *zero_point; /* s8: [-128, 127]; s16, s32: 0 */
};

/* One step. Arrays point into the file (or the compiler's arena); `out_c` is c of the output tensor. Only what the
 * kind uses is set, all else is zero. */
struct plan_step {
    enum step_kind kind;
    const char *name; /* of the graph's node */
    int n_in; /* of the kind; CONV and DWCONV: one more with a residual (out is S8 or S16 then) */
    uint32_t in[3]; /* tensors */
    uint32_t out;

    /* CONV, DWCONV, DECONV (one number for kernel and stride, pad 0), MAXPOOL; dilation is 1 for the last two. UPSAMPLE
     * has its factors in stride and nothing else. */
    int kernel[2], stride[2], pad[4] /* top, left, bottom, right */, dilation[2]; /* h, w */

    /* CONV: [out_c, kh, kw, in_c]; DECONV: [out_c, kh, kw, in_c]; DWCONV: [kh, kw, c]; in [-127, 127] */
    const int8_t *weights;
    const int32_t *bias; /* [out_c]; DECONV: [out_c, kh, kw]; zero points of the input folded in */
    const float *scale;  /* [out_c] stage A; absent when out is S32 */
    /* Stage C, S8 outputs and S16 outputs with shift > 0: CONV, DWCONV, DECONV (an S16 output with shift 0 is stage B's v
     * itself). ADD: y = sat((a mul + b res_mul + offset) >> shift). No sum leaves 32 bits. */
    const int16_t *mul;     /* [out_c], [0, 32767] */
    const int16_t *res_mul; /* [out_c], [0, 32767]; NULL without residual */
    const int32_t *offset;  /* [out_c], |offset| < 2^29 */
    enum act act;
    int range_log2; /* [0, 12] */
    int shift; /* [8, 15], S16 outputs [1, 15], ADD [0, 15]; without a residual 15, and offset = (zero point << 15) + 2^14 */

    /* LUT: [256], y = table[(uint8_t)x]: entry 0 is for x = 0, entry 255 for x = -1 */
    const int8_t *table;

    /* ATTENTION (kernels/attention/attention.h); its tensors have one scale each */
    int heads;
    float logit_scale; /* log2(e) * softmax scale * scale of q * scale of k, >= 0 */
    float out_scale;   /* scale of v / scale of the output */
};

enum plan_input_kind {
    PLAN_INPUT_TENSOR, /* float values, quantised with the tensor's scale */
    PLAN_INPUT_RGB, /* pictures: bytes 0..255, stored = byte - 128; the tensor's channels are R, G, B, or as below. The kind */
    PLAN_INPUT_BGR, /* says what the caller is expected to give; others are converted. */
    PLAN_INPUT_NV12,
    PLAN_INPUT_GRAY, /* the tensor has one channel */
    PLAN_INPUT_YUV444,
    PLAN_INPUT_KIND_COUNT
};

struct plan_input {
    const char *name;
    uint32_t tensor;
    enum plan_input_kind kind;
    int video_range; /* NV12, YUV444: 1 when luma is 16..235 */
    int is_yuv;      /* likewise: 1 when the tensor's channels are Y, U, V of full range */
    /* TENSOR: 1 when RDK programs give the stored integers: the quantise node before it was removed */
    int is_stored;
};

struct plan_output {
    const char *name;
    uint32_t tensor;
    const char *
        dequantize; /* name of the dequantise node behind it, which the RDK tools can remove; "" when removed */
};

enum plan_task { PLAN_RAW, PLAN_DETECT, PLAN_SEGMENT, PLAN_TASK_COUNT };

#define PLAN_MAX_LEVELS 8

/* A YOLO head with anchor-free decoding: for each level the outputs that hold class logits [h, w, n_classes],
 * box distributions [h, w, 4 reg_max] and mask coefficients [h, w, n_coefs]; prototypes [ph, pw, n_coefs]. */
struct plan_head {
    enum plan_task task; /* PLAN_RAW: all else is zero */
    int n_classes, reg_max, n_coefs, n_levels;
    struct {
        int stride;
        uint32_t cls, box, coef; /* indices of outputs; coef is unused for PLAN_DETECT */
    } level[PLAN_MAX_LEVELS];
    uint32_t proto;           /* index of an output; PLAN_SEGMENT only */
    const char *const *names; /* [n_classes], UTF-8 */
};

struct plan {
    const char *name;
    const char
        *meta; /* JSON object: producer, build options, calibration summary, per-layer report */
    int n_buffers, n_tensors, n_steps, n_inputs, n_outputs;
    struct plan_buffer *buffers;
    struct plan_tensor *tensors;
    struct plan_step *steps;
    struct plan_input *inputs;
    struct plan_output *outputs;
    struct plan_head head;
    uint64_t arena_size; /* bytes, a multiple of PLAN_ALIGN; PLAN_TAIL more are allocated */
};

/* A file holds one model or several. */
struct plan_file {
    struct arena arena; /* owns the structs and everything read that is not used in place */
    int n_models;
    struct plan *models;
};

/* Verifies everything the comments above promise, for a plan from anywhere. Among it: tensors lie in their buffers;
 * steps' shapes fit each other; for every output channel of a convolution sum |w| * reach of the input + |bias| < 2^31 and
 * that bound times `scale` < 2^31, and for s16 inputs sum |w| * reach < PLAN_MAX_WIDE_SUM; stage C's sums fit 32 bits; attention's sums fit (tensor/attention_limits.h). Messages name the model and the step. */
itx_status plan_check(const struct plan *plan, struct itx_error *err);

/* Whether a file may begin with these bytes: of the first PLAN_HEADER_SIZE, those that there are. */
#define PLAN_HEADER_SIZE 64
bool plan_is_header(const void *data, size_t size);
/* Reads and checks. The arrays of the result point into `data`, which must outlive it and be aligned to 8. The file's
 * checksum is verified. A file of a newer version is refused with ITX_E_VERSION. */
itx_status plan_read(struct plan_file *file, const void *data, size_t size, struct itx_error *err);
void plan_file_release(struct plan_file *file);

/* Checks, then writes the bytes of a file into *data (mem_free). The same plans give the same bytes. */
itx_status plan_write(const struct plan *const *models, int n_models, void **data, size_t *size,
                      struct itx_error *err);

/* A caller who wants instances needs class logits everywhere, then boxes where they are high, then coefficients and
 * prototypes where boxes are left. */
enum plan_stage {
    PLAN_STAGE_CLASSES, /* also everything that serves several stages, and outputs outside the head */
    PLAN_STAGE_BOXES,
    PLAN_STAGE_MASKS,
    PLAN_STAGE_COUNT
};
/* When the decoder reads an output: from its first role in the head to its last, which differ where it has several. Without
 * one it counts among the classes'. */
struct plan_output_stages {
    enum plan_stage first, last;
    bool has_role;
};
struct plan_output_stages plan_output_stages(const struct plan_head *head, uint32_t output);
/* stage[i] [n_steps]: the first stage for which step i is needed. Whatever a step reads is of its stage or an earlier
 * one. */
itx_status plan_stages(const struct plan *plan, uint8_t *stage, struct itx_error *err);

/* A convolution of every pixel by itself. */
static inline bool plan_step_is_pointwise(const struct plan_step *p)
{
    return p->kind == STEP_CONV && p->kernel[0] == 1 && p->kernel[1] == 1 && p->stride[0] == 1 &&
           p->stride[1] == 1 && p->pad[0] == 0 && p->pad[1] == 0;
}

/* Bytes from the tensor's first element to the end of its last. */
uint64_t plan_tensor_extent(const struct plan_tensor *t);
/* How many elements the arrays of a step have; 0: it has none. Within 64 bits for steps whose numbers are within the
 * limits above. */
struct plan_arrays {
    uint64_t weights, bias, scale, mul, res_mul, offset, table;
};
struct plan_arrays plan_step_arrays(const struct plan *plan, const struct plan_step *step);
/* No number stored in the tensor is larger in magnitude; 0: s32, unknown. */
int plan_tensor_reach(const struct plan_tensor *t);
/* No number that a checked step writes to its s16 output is larger in magnitude, given the reach of its inputs. */
int plan_step_reach(const struct plan *plan, const struct plan_step *step);
/* Multiply-adds of one run: of convolutions and attention; 0 for the other kinds. */
uint64_t plan_step_multiply_adds(const struct plan *plan, const struct plan_step *step);
/* What its time grows with, of every kind: multiply-adds, reads of windows, elements written, and elements that its windows
 * lie over, padding included. */
uint64_t plan_step_work(const struct plan *plan, const struct plan_step *step);

#endif
