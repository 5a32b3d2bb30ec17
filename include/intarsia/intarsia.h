/* SPDX-License-Identifier: Apache-2.0
 *
 * Intarsia's runtime: opens a NAME.bin, runs it on frames, gives masks. The smallest complete program
 * (examples/photo_to_masks.c is the same with its errors checked):
 *
 *     itx_model *model = NULL;
 *     itx_session *session = NULL;
 *     struct itx_error err;
 *     itx_model_open(&model, "parts.bin", NULL, &err);
 *     itx_session_create(&session, model, NULL, &err);
 *     const struct itx_image frame = {.format = ITX_IMAGE_RGB, .width = w, .height = h,
 *                                     .plane = {pixels}, .stride = {3 * w}};
 *     const struct itx_instance *found;
 *     int n_found;
 *     itx_session_segment(session, &frame, &found, &n_found, &err);
 *     for (int i = 0; i < n_found; i++)
 *         printf("%s %.2f\n", itx_model_class_name(model, found[i].class_id), found[i].score);
 *     itx_session_destroy(&session);
 *     itx_model_close(&model);
 *
 * A model is immutable: any number of threads may use it, each with sessions of its own. A session is for one
 * thread at a time. The same model and frame give the same bytes on every CPU and with any number of threads.
 *
 * Every fallible function returns a status (0 or negative) and takes an optional error record, filled only on
 * failure. Outputs are written only on success. NULL handles and arguments give ITX_E_INVAL.
 */
#ifndef INTARSIA_INTARSIA_H
#define INTARSIA_INTARSIA_H

#include <stddef.h>
#include <stdint.h>

#include "intarsia/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ITX_VERSION_MAJOR 0
#define ITX_VERSION_MINOR 1
#define ITX_VERSION_PATCH 0

/* "0.1.0"; static. */
ITX_API const char *itx_version(void);

/* ---- models ---- */

typedef struct itx_model itx_model;

/* Opens a file and takes the model called `name` from it, or the first when name is NULL. The file is read once, into
 * memory: what happens to it afterwards does not matter. */
ITX_API itx_status itx_model_open(itx_model **model, const char *path, const char *name,
                                  struct itx_error *err);
/* Same from memory, which is copied. */
ITX_API itx_status itx_model_open_memory(itx_model **model, const void *data, size_t size,
                                         const char *name, struct itx_error *err);
/* Leaves NULL; accepts NULL content. Sessions keep their model alive. */
ITX_API void itx_model_close(itx_model **model);

enum itx_image_format {
    ITX_IMAGE_NONE, /* a model whose input is no picture */
    ITX_IMAGE_RGB,  /* 3 bytes a pixel */
    ITX_IMAGE_BGR,
    ITX_IMAGE_NV12, /* plane 0: Y [height, width]; plane 1: U, V interleaved [(height + 1) / 2, (width + 1) / 2, 2] */
    ITX_IMAGE_GRAY,  /* 1 byte a pixel */
    ITX_IMAGE_RGBA,  /* 4 bytes a pixel, alpha is ignored */
    ITX_IMAGE_YUV444 /* 3 bytes a pixel: Y, U, V; BT.601 */
};

enum itx_range { ITX_RANGE_FULL, ITX_RANGE_VIDEO }; /* of NV12, BT.601: luma 0..255 or 16..235 */
enum itx_task { ITX_TASK_RAW, ITX_TASK_DETECT, ITX_TASK_SEGMENT };

/* Everything here is valid while the model is open. */
struct itx_model_info {
    const char *name;
    const char *meta; /* JSON object: how it was built, calibration, per-layer report */
    enum itx_task task;
    enum itx_image_format input_format; /* of the frames it expects; others are converted */
    enum itx_range input_range;
    int input_width, input_height, input_channels;
    int n_inputs, n_outputs, n_steps, n_tensors, n_classes;
    uint64_t weight_bytes, arena_bytes, multiply_adds; /* for one frame */
};
ITX_API itx_status itx_model_get_info(const itx_model *model, struct itx_model_info *info,
                                      struct itx_error *err);
/* Names of the models in the file that `model` came from; NULL past the end. */
ITX_API const char *itx_model_name_in_file(const itx_model *model, int i);
/* UTF-8; NULL out of range. */
ITX_API const char *itx_model_class_name(const itx_model *model, int class_id);

enum itx_dtype { ITX_S8, ITX_S16, ITX_S32, ITX_F32 };

/* One of a model's inputs: a picture of `format`, or with ITX_IMAGE_NONE numbers, [channels, height, width]. */
struct itx_input_info {
    const char *name;
    enum itx_image_format format;
    enum itx_range range; /* NV12 and YUV444 */
    int height, width, channels;
    /* Of numbers: what they are stored as, ITX_S8 or ITX_S16, see itx_tensor_info. */
    enum itx_dtype dtype;
    int n_quant;
    const float *scale;
    const int32_t *zero_point;
    /* 1: programs for the RDK give these integers, not floats, since the quantise node in front was removed; else 0 */
    int is_stored;
};
ITX_API itx_status itx_model_get_input(const itx_model *model, int i, struct itx_input_info *info,
                                       struct itx_error *err);

/* A tensor [1, h, w, c], element (y, x, k) at data[y row + x pixel + k].
 * real number = (stored - zero_point[k]) * scale[k]; index 0 for every k when n_quant is 1. */
struct itx_tensor_info {
    const char *name;
    enum itx_dtype dtype;
    int height, width, channels;
    size_t pixel, row; /* distances in elements */
    int n_quant;
    const float *scale;
    const int32_t *zero_point;
    /* Of an output: the name of the dequantise node behind it, whose floats a program for the RDK gets; "" once it was
     * removed, and of other tensors. */
    const char *dequantize;
    int step; /* that writes it; -1: none, or several */
};
ITX_API itx_status itx_model_get_output(const itx_model *model, int i, struct itx_tensor_info *info,
                                        struct itx_error *err);
/* Any tensor between steps, [0, n_tensors). */
ITX_API itx_status itx_model_get_tensor(const itx_model *model, int i, struct itx_tensor_info *info,
                                        struct itx_error *err);

struct itx_step_info {
    const char *name, *kind; /* "Conv", ... */
    int output_tensor;
    int height, width, channels;                                /* of its output */
    int input_channels, kernel_h, kernel_w, stride_h, stride_w; /* 0 where meaningless */
    const char *activation;
    uint64_t multiply_adds, weight_bytes;
    uint64_t input_bytes, output_bytes; /* of the tensors that it reads and writes */
};
ITX_API itx_status itx_model_get_step(const itx_model *model, int i, struct itx_step_info *info,
                                      struct itx_error *err);

/* ---- sessions ---- */

typedef struct itx_session itx_session;

struct itx_session_options {
    size_t size;   /* sizeof(struct itx_session_options); set by ITX_SESSION_OPTIONS_INIT */
    int n_threads; /* 1 to 256; 0: one for each processor that the process may use */
    const char *
        cpu; /* use instruction sets up to this one only: "scalar", "avx2", "avx512vnni", ...; NULL: all */
    float conf; /* instances below this score are dropped; default 0.25 */
    float
        iou; /* overlap above which the weaker of two boxes of one class is dropped; default 0.7 */
    int max_det;     /* instances kept for a frame; default 300 */
    int multi_label; /* 1: every class of an anchor above conf; 0: only the best */
    int profile;     /* 1: times of steps are taken (itx_session_step_ns) */
    /* ITX_IMAGE_NV12: a letterboxed frame, unless it came as NV12 of the input's size, is turned into NV12 and back first,
     * as a camera would have given it; ITX_IMAGE_NONE (default): it is used as it is */
    enum itx_image_format via;
    enum itx_range via_range;
    int keep_tensors; /* 1: intermediate tensors do not share memory, so that each can be read after a run */
    int dense; /* 1: itx_session_segment computes all outputs (implied by keep_tensors); 0: what the instances need */
    /* A small file can describe work or memory without end: what exceeds these is refused with ITX_E_RANGE. 0: no limit. */
    uint64_t max_work; /* multiplications and reads of windows for a frame; default 4e12 */
    uint64_t
        max_scratch; /* bytes that a step may take while it runs, for all threads; default 1 GiB */
    uint64_t max_memory; /* bytes of the session, the model's file apart; default 2 GiB */
};
#define ITX_MAX_WORK UINT64_C(4000000000000)
#define ITX_MAX_SCRATCH (UINT64_C(1) << 30)
#define ITX_MAX_MEMORY (UINT64_C(2) << 30)
#define ITX_SESSION_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(struct itx_session_options), 0, NULL, 0.25f, 0.7f, 300, 0, 0, ITX_IMAGE_NONE,       \
            ITX_RANGE_FULL, 0, 0, ITX_MAX_WORK, ITX_MAX_SCRATCH, ITX_MAX_MEMORY                    \
    }

/* options NULL: the defaults. Packs weights for this CPU, starts threads and allocates everything a run needs. */
ITX_API itx_status itx_session_create(itx_session **session, const itx_model *model,
                                      const struct itx_session_options *options,
                                      struct itx_error *err);
ITX_API void itx_session_destroy(itx_session **session);

/* A picture that somebody else owns. Rows are `stride` bytes apart. Sizes from 1 to 65535. */
struct itx_image {
    enum itx_image_format format;
    enum itx_range range; /* NV12 and YUV444 */
    int width, height;
    const uint8_t *plane[2];
    size_t stride[2];
};

/* Runs the network on one frame. A frame of another size than the input is letterboxed: scaled bilinearly to fit,
 * centred, the border filled with 114. Allocates nothing, locks nothing of its own, logs nothing (as all run functions below). */
ITX_API itx_status itx_session_run(itx_session *session, const struct itx_image *frame,
                                   struct itx_error *err);
/* Runs a network on numbers: float values [channels, height, width] for each input, in order. */
ITX_API itx_status itx_session_run_float(itx_session *session, const float *const *inputs,
                                         int n_inputs, struct itx_error *err);

struct itx_numbers {
    enum itx_dtype dtype;
    const void *data; /* [channels, height, width] */
};
/* As itx_session_run_float, with inputs that are floats (ITX_F32) or the stored integers (the input's own dtype): q gives what
 * the float (q - zero_point) * scale gives. */
ITX_API itx_status itx_session_run_numbers(itx_session *session, const struct itx_numbers *inputs,
                                           int n_inputs, struct itx_error *err);
/* Output i of the last run; valid until the next run. Layout: itx_model_get_output. NULL after an
 * itx_session_segment that did not compute all outputs. */
ITX_API const void *itx_session_output(const itx_session *session, int i);
/* The real numbers that output i of the last run stands for, to the caller's [height, width, channels]:
 * (value - zero_point) * scale, made by the session's threads. ITX_E_INVAL when there is no output. */
ITX_API itx_status itx_session_read_output(itx_session *session, int i, float *to,
                                           struct itx_error *err);
/* From the next run on, output i is written to `data`, the caller's, aligned to 64 bytes: height * row elements (layout:
 * itx_model_get_output). It must stay until the session is destroyed or another place is bound; NULL: the session's own
 * memory again. What was found before is forgotten. ITX_E_UNSUPPORTED for an output that shares memory with something
 * else of the network, and has to be copied from itx_session_output. */
ITX_API itx_status itx_session_bind_output(itx_session *session, int i, void *data,
                                           struct itx_error *err);
/* Tensor i of the last run; NULL unless keep_tensors was set. */
ITX_API const void *itx_session_tensor(const itx_session *session, int i);

/* One found object; coordinates in pixels of the frame that was given, inside it, x1 < x2, y1 < y2. Its box holds at least
 * one pixel (x1 <= x < x2, y alike); its mask may be all zeros. */
struct itx_instance {
    float x1, y1, x2, y2;
    float score; /* (0, 1] */
    int class_id;
};

/* Runs, decodes, suppresses overlaps. *instances is owned by the session, ordered by falling score, valid until the
 * next run. Models whose task is RAW give ITX_E_UNSUPPORTED. Unless the session is `dense`, the parts of the network that
 * make boxes and masks run only where there is something to find; instances and masks are the same, bit for bit. */
ITX_API itx_status itx_session_segment(itx_session *session, const struct itx_image *frame,
                                       const struct itx_instance **instances, int *n_instances,
                                       struct itx_error *err);

/* For the frames that follow: conf, iou, max_det (at most what the session was created with) and multi_label of
 * `options`; the rest of it is not looked at. */
ITX_API itx_status itx_session_set_thresholds(itx_session *session,
                                              const struct itx_session_options *options,
                                              struct itx_error *err);

/* Decodes the outputs of the last itx_session_run, or _segment of a `dense` session, again, with the conf, iou, max_det (at most the session's)
 * and multi_label of `options`; what it finds takes the place of what was found before. */
ITX_API itx_status itx_session_decode(itx_session *session,
                                      const struct itx_session_options *options,
                                      const struct itx_instance **instances, int *n_instances,
                                      struct itx_error *err);

/* The mask of instance i at the frame's size: 1 inside, 0 outside; [frame height, stride] bytes, the caller's.
 * Detection models give the box. A segmentation model may set no pixel of it: then all are 0. */
ITX_API itx_status itx_session_mask(itx_session *session, int i, uint8_t *mask, size_t stride,
                                    struct itx_error *err);
/* The same only inside the box: *x, *y, *w, *h (w and h at least 1) say where it lies in the frame; *mask [h, w] is owned by
 * the session and valid until the next call of any function on it. */
ITX_API itx_status itx_session_mask_box(itx_session *session, int i, int *x, int *y, int *w, int *h,
                                        const uint8_t **mask, struct itx_error *err);

/* Of the last frame. */
struct itx_timing {
    uint64_t prepare_ns, network_ns,
        decode_ns; /* conversion and letterbox, the network, decoding with suppression */
    uint64_t
        multiply_adds; /* computed for it: all of the model's, or fewer (itx_session_segment) */
};
ITX_API itx_status itx_session_timing(const itx_session *session, struct itx_timing *timing,
                                      struct itx_error *err);
/* Bytes that a session has taken for itself; the model's file comes on top and is shared. */
struct itx_memory {
    uint64_t tensors; /* between the steps */
    uint64_t weights; /* packed for this CPU, with what belongs to the steps */
    uint64_t scratch; /* of all threads */
};
ITX_API itx_status itx_session_memory(const itx_session *session, struct itx_memory *memory,
                                      struct itx_error *err);
/* Time of step i in the last run, with `profile` set; else 0. */
ITX_API uint64_t itx_session_step_ns(const itx_session *session, int i);
/* Name of the kernel that runs step i on this CPU; NULL out of range. */
ITX_API const char *itx_session_step_kernel(const itx_session *session, int i);
/* Multiplications that this kernel executes for a frame, of operands of *bits (8 or 16) bits; fewer than the step's
 * multiply_adds where an exact Winograd transform saves some. 0 where they are not counted. */
ITX_API uint64_t itx_session_step_products(const itx_session *session, int i, int *bits);
/* Products a second of operands of 8 or 16 bits that one thread reaches with the best instruction the session may use,
 * measured here for some milliseconds by a loop of that instruction alone. 0 when there is none. */
ITX_API double itx_session_peak(const itx_session *session, int bits);
/* "avx512vnni", "avx2", "scalar": the highest instruction set the session uses. */
ITX_API const char *itx_session_cpu(const itx_session *session);
ITX_API int itx_session_n_threads(const itx_session *session);

/* ---- kernels ---- */

struct itx_kernel_info {
    const char *family, *name;
    const char *needs; /* instruction set, "scalar" when none */
    int available;     /* on this CPU */
};
/* Every kernel row compiled in; ITX_E_RANGE past the end. */
ITX_API itx_status itx_kernel_get(int i, struct itx_kernel_info *info);

#ifdef __cplusplus
}
#endif
#endif
