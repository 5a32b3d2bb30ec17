/* SPDX-License-Identifier: Apache-2.0
 *
 * Intarsia's compiler: from an ONNX file and calibration pictures to NAME.bin, and the float network for comparison.
 */
#ifndef INTARSIA_COMPILER_H
#define INTARSIA_COMPILER_H

#include "intarsia/intarsia.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- build ---- */

/* Which part of the observed values the 256 steps cover: all of it; all but a share of outliers; what changes the
 * distribution of the values least (relative entropy, "KL"); what makes the sum of squared rounding errors least; or, beginning there,
 * what moves the network's outputs least (not with effort 0). The default follows from the effort. */
enum itx_method {
    ITX_METHOD_DEFAULT,
    ITX_METHOD_MINMAX,
    ITX_METHOD_PERCENTILE,
    ITX_METHOD_KL,
    ITX_METHOD_LEAST_SQUARES,
    ITX_METHOD_MEASURED
};

/* stage: "import", "calibrate", ... static text; done out of total (0: unknown). Called from one thread. Non-zero
 * return cancels the build. */
typedef int itx_progress_fn(void *ctx, const char *stage, int done, int total);
/* One line about something the user should know; static or valid only during the call. */
typedef void itx_warn_fn(void *ctx, const char *text);

/* Elements of calibration data in raw files; little-endian. */
enum itx_tensor_type {
    ITX_TENSOR_F32,
    ITX_TENSOR_U8,
    ITX_TENSOR_S8,
    ITX_TENSOR_S16,
    ITX_TENSOR_S32
};

struct itx_build_options {
    size_t size;               /* sizeof(struct itx_build_options) */
    const char *const *images; /* calibration pictures: paths of JPEG or PNG files */
    int n_images;
    /* What the program will be fed: RGB (default), BGR, NV12, YUV444; GRAY for networks of one channel, which RGB without a
     * train_format means there too; NONE for anything that is no picture ("featuremap"): floats, which it quantises. */
    enum itx_image_format input_format;
    enum itx_range input_range;
    int effort; /* 0 (seconds) to 3 (minutes); 1 with ITX_BUILD_OPTIONS_INIT. docs/accuracy.md says what each does */
    enum itx_method method;
    float percentile; /* for ITX_METHOD_PERCENTILE; 0: 99.99 */
    /* Nodes of the network, by name, whose results are kept in 16 bits, beside those that the effort chooses. */
    const char *const *int16_nodes;
    int n_int16_nodes;
    /* Percent of the agreement with the float network (mean of box and mask) that may be lost on calibration pictures: as
     * many values get 16 bits as that takes, whatever the time; a warning says when all are not enough. 0: none. */
    float target_loss;
    int n_threads;             /* 0: one for each processor; the result is the same */
    const char *save_temps;    /* folder for the graph after every pass; NULL: none */
    const char *name;          /* of the model inside the file; NULL: from the output path */
    itx_progress_fn *progress; /* NULL: none */
    itx_warn_fn *warn;
    void *ctx; /* given to both */
    int histograms; /* 1: the returned report, not the one in the file, says how each layer's values are distributed */
    /* Also writes PREFIX_original_float_model.onnx, PREFIX_optimized_float_model.onnx, PREFIX_calibrated_model.onnx and
     * PREFIX_quantized_model.onnx (docs/quantised-onnx.md); NULL: none. */
    const char *onnx_prefix;

    /* What the float network was trained with: RGB, BGR, YUV444 (Y, U, V of full-range BT.601) or GRAY; NONE (default): RGB
     * for networks of 3 channels, GRAY for 1. Meaningless with input_format NONE. */
    enum itx_image_format train_format;
    /* Network input = (pixel value 0..255 - mean[c]) * scale[c], c in the order of train_format; 0 of them, 1 or as many as
     * channels. Only means: scales of 1. Only scales: means of 0. Neither: pixel value / 255, or what a file that scales its own
     * input takes: pixel values, where constants are above 1 as 255 or 123.7 are, or pixel values / 255, where they are
     * within [0, 1] as 0.485 and 0.229 are; ITX_E_UNSUPPORTED when they do not tell. Scales are above 0. */
    const float *mean, *scale;
    int n_mean, n_scale;
    /* Calibration data instead of pictures: .npy files (their header says the type), and raw files of tensors_type of exactly
     * the input's size, in the layout of the network's input: [c, h, w], or [h, w, c] where it is [1, h, w, c]. Of
     * pictures: pixel values 0..255 in the order of train_format, before mean and scale. With input_format NONE: what the
     * network is fed; a network with several inputs takes one file for each input in turn. */
    const char *const *tensors;
    int n_tensors;
    enum itx_tensor_type tensors_type;
    /* Instead of pictures and tensors, so many made-up inputs, always the same. The result is of no use but to measure
     * speed. */
    int random;
    /* Nodes of the network as it is in the file, by name: their outputs become the outputs, in this order. */
    const char *const *output_nodes;
    int n_output_nodes;
    /* Calibration pictures of more pixels are not read; at most 2^30. 0: 256 million. */
    int64_t max_pixels;
    /* Bytes of constants that are computed from others of the network; at most 2^40. 0: 2^30. */
    int64_t max_constants;
};
#define ITX_BUILD_OPTIONS_INIT                                                                     \
    {                                                                                              \
        sizeof(struct itx_build_options), NULL, 0, ITX_IMAGE_RGB, ITX_RANGE_FULL, 1,               \
            ITX_METHOD_DEFAULT, 0, NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, 0, NULL,           \
            ITX_IMAGE_NONE, NULL, NULL, 0, 0, NULL, 0, ITX_TENSOR_F32, 0, NULL, 0, 0, 0            \
    }

/* Reads onnx_path, calibrates, quantises, compiles, writes out_path (or nothing, on failure). A picture that cannot be
 * read is warned about and left out; none left is an error. The report is in the model's meta as JSON
 * (docs/plan-format.md, "Metadata"); *report, when not NULL, gets a copy to be freed with itx_text_free. */
ITX_API itx_status itx_build(const char *onnx_path, const char *out_path,
                             const struct itx_build_options *options, char **report,
                             struct itx_error *err);

/* Says for every node how it will run, or why it cannot, as JSON: {"ok": bool, "model": ..., "nodes": [{"name", "type",
 * "runs": "int8"|"folded"|"fused"|"decoding"|"no"|"open", "as": step kind or "", "reason"}]}, and, when all nodes can be read, what the
 * file says of itself: "opset", "ir_version", "model_version", numbers, "producer", "producer_version", "domain", texts; "whole" and
 * "folded": {"nodes", "parameters"}, how many there are before and after constants are computed; "inputs" and "outputs":
 * [{"name", "shape"}]. "open": how it would run shows when the nodes that cannot be read are gone. Nodes that run also have "part_of": the node that computes them, by the
 * name that int16_nodes takes ("" without), "not_int16": why its result cannot have 16 bits, or "", and "reads": names of the
 * nodes that make its inputs ("" for an input of the network). ITX_OK also when some node cannot run; an error when the whole file is refused for one reason: it cannot be read, its shapes are not fixed. Freed with itx_text_free. */
ITX_API itx_status itx_check(const char *onnx_path, char **report, struct itx_error *err);
/* The same; of the options (NULL: none) size and max_constants are used. */
ITX_API itx_status itx_check_with(const char *onnx_path, const struct itx_build_options *options,
                                  char **report, struct itx_error *err);
ITX_API void itx_text_free(char *text);

/* ---- cut ---- */

enum itx_cut_softmax {
    ITX_CUT_SOFTMAX_KEEP,
    ITX_CUT_SOFTMAX_DECOMPOSED /* max, sub, exp, sum, div */
};

/* Reads a YOLO network for detection or segmentation and writes it (opset 11) without its decoding: for each level class
 * logits, box distributions and mask coefficients, then the prototypes, as [1, h, w, c]. Nodes keep their names.
 * *report, when not NULL: {"softmax": how many were decomposed, "outputs": [{"name", "shape": [1, h, w, c]}]} as JSON,
 * freed with itx_text_free. ITX_E_UNSUPPORTED for a network without such a head. */
ITX_API itx_status itx_cut(const char *onnx_path, const char *out_path,
                           enum itx_cut_softmax softmax, char **report, struct itx_error *err);
/* The same; of the options (NULL: none) size and max_constants are used. */
ITX_API itx_status itx_cut_with(const char *onnx_path, const char *out_path,
                                enum itx_cut_softmax softmax,
                                const struct itx_build_options *options, char **report,
                                struct itx_error *err);

/* ---- the float network ---- */

typedef struct itx_float itx_float;

/* Imports an ONNX file and prepares it for float32 execution. */
ITX_API itx_status itx_float_open(itx_float **net, const char *onnx_path, int n_threads,
                                  struct itx_error *err);
/* The same, fed as the options say: of these, size, input_format (not NONE), train_format, mean, scale, output_nodes,
 * max_constants, warn and ctx are used. */
ITX_API itx_status itx_float_open_with(itx_float **net, const char *onnx_path, int n_threads,
                                       const struct itx_build_options *options,
                                       struct itx_error *err);
ITX_API void itx_float_close(itx_float **net);
/* input_format, sizes, classes and task as a compiled model's; step and byte counts are 0. */
ITX_API itx_status itx_float_get_info(const itx_float *net, struct itx_model_info *info,
                                      struct itx_error *err);
/* For a network of task raw: which head it has instead of one that can be decoded, and what is supported; "" when that is
 * not known, and for other tasks. */
ITX_API const char *itx_float_head_reason(const itx_float *net);
ITX_API const char *itx_float_class_name(const itx_float *net, int class_id);
/* As itx_session_segment and itx_session_mask_box; of `options` (NULL: the defaults) conf, iou, max_det, multi_label and
 * via are used. */
ITX_API itx_status itx_float_segment(itx_float *net, const struct itx_image *frame,
                                     const struct itx_session_options *options,
                                     const struct itx_instance **instances, int *n_instances,
                                     struct itx_error *err);
/* As itx_session_decode. */
ITX_API itx_status itx_float_decode(itx_float *net, const struct itx_session_options *options,
                                    const struct itx_instance **instances, int *n_instances,
                                    struct itx_error *err);
ITX_API itx_status itx_float_mask_box(itx_float *net, int i, int *x, int *y, int *w, int *h,
                                      const uint8_t **mask, struct itx_error *err);
/* Output i has the name and, when it is four-dimensional (else ITX_E_UNSUPPORTED), the size of the compiled model's,
 * but lies in planes: element (y, x, k) at data[k height width + y row + x pixel], as it is (n_quant 0). */
ITX_API itx_status itx_float_get_output(const itx_float *net, int i, struct itx_tensor_info *info,
                                        struct itx_error *err);
/* Its values of the last run, valid until the next one; NULL before, and out of range. */
ITX_API const float *itx_float_output(const itx_float *net, int i);
ITX_API itx_status itx_float_timing(const itx_float *net, struct itx_timing *timing,
                                    struct itx_error *err);

#ifdef __cplusplus
}
#endif
#endif
