/* SPDX-License-Identifier: Apache-2.0
 *
 * What a network is for: the YOLO head that find_head recognised, in terms of the canonical graph's
 * outputs.
 */
#ifndef PASSES_HEAD_H
#define PASSES_HEAD_H

#define HEAD_MAX_LEVELS 8

/* Metadata by which a file whose outputs are maps says what they are, in their order: "class,box,coefficients,...,
 * prototypes"; or "raw": they are no head. */
#define HEAD_META_OUTPUTS "intarsia_outputs"

enum head_task { HEAD_RAW, HEAD_DETECT, HEAD_SEGMENT };

/* Numbers of outputs of the graph: class logits [1, n_classes, h, w], box distributions [1, 4
 * reg_max, h, w], mask coefficients [1, n_coefs, h, w] (HEAD_SEGMENT only, else -1); h = input_h /
 * stride. */
struct head_level {
    int stride;
    int cls, box, coef;
};

/* HEAD_RAW: everything but input_h, input_w and why is zero (proto is -1), and the outputs are as the
 * file has them. */
struct head_info {
    enum head_task task;
    int n_classes, reg_max, n_coefs, n_levels;
    struct head_level level[HEAD_MAX_LEVELS]; /* by rising stride */
    int proto;                /* output [1, n_coefs, ph, pw], HEAD_SEGMENT only, else -1 */
    const char *const *names; /* [n_classes], in the graph's arena */
    int input_h, input_w;     /* of input 0, 0 when it is no picture */
    const char *
        why; /* HEAD_RAW: what head it is instead and what is supported, or "" when it is none that is known */
};

#endif
