/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames of a film: several tasks are in flight, so that all processors have work while the program makes the next frame
 * and looks at results. One set of memory for each task in flight; frames come back in the order they were sent.
 * usage: many_frames MODEL.bin PICTURE.ppm FRAMES
 * Build: cc many_frames.c $(pkg-config --cflags --libs dnn) -lm
 */
#include <stdlib.h>

#include "frame.h"

enum { IN_FLIGHT = 4 }; /* at most 32 */

struct slot {
    hbDNNTensor input, outputs[16];
    hbDNNTaskHandle_t task; /* NULL: free */
    int frame;
};

static void slot_create(struct slot *s, hbDNNHandle_t model, int32_t n_outputs)
{
    TRY(hbDNNGetInputTensorProperties(&s->input.properties, model, 0));
    s->input.properties.alignedShape = s->input.properties.validShape; /* rows of w bytes */
    TRY(hbSysAllocCachedMem(&s->input.sysMem[0], (uint32_t)s->input.properties.alignedByteSize));
    for (int32_t i = 0; i < n_outputs; i++) {
        hbDNNTensorProperties *p = &s->outputs[i].properties;
        TRY(hbDNNGetOutputTensorProperties(p, model, i));
        TRY(hbSysAllocCachedMem(&s->outputs[i].sysMem[0], (uint32_t)p->alignedByteSize));
    }
    s->task = NULL;
}

/* Waits for the frame and says what it shows. */
static void slot_finish(struct slot *s)
{
    if (s->task == NULL) return;
    TRY(hbDNNWaitTaskDone(s->task, 0));
    TRY(hbDNNReleaseTask(s->task));
    s->task = NULL;
    TRY(hbSysFlushMem(&s->outputs[0].sysMem[0], HB_SYS_MEM_CACHE_INVALIDATE));
    const struct best b = find_best(&s->outputs[0].properties, s->outputs[0].sysMem[0].virAddr);
    printf("frame %d: class %d, score %.3f, cell (%d, %d)\n", s->frame, b.class_id, (double)b.score,
           b.x, b.y);
}

/* The picture, moved by some rows from frame to frame; a program would take it from a camera. */
static void draw(const struct ppm *picture, int frame, struct slot *s)
{
    struct ppm moved = *picture;
    const int rows = frame * 8 % (picture->h / 2);
    moved.rgb = picture->rgb + (size_t)rows * (size_t)picture->w * 3;
    moved.h = picture->h - rows;
    const int32_t *const size = s->input.properties.validShape.dimensionSize;
    ppm_to_nv12(&moved, size[3], size[2], s->input.sysMem[0].virAddr);
    TRY(hbSysFlushMem(&s->input.sysMem[0], HB_SYS_MEM_CACHE_CLEAN));
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: many_frames MODEL.bin PICTURE.ppm FRAMES\n");
        return 2;
    }
    const char *path = argv[1], **names;
    const int n_frames = (int)strtol(argv[3], NULL, 10);
    int32_t n_names, n_outputs;
    hbPackedDNNHandle_t packed;
    hbDNNHandle_t model;
    TRY(hbDNNInitializeFromFiles(&packed, &path, 1));
    TRY(hbDNNGetModelNameList(&names, &n_names, packed));
    TRY(hbDNNGetModelHandle(&model, packed, names[0]));
    TRY(hbDNNGetOutputCount(&n_outputs, model));
    if (n_outputs > 16) return 1;
    static struct slot slots[IN_FLIGHT];
    for (int i = 0; i < IN_FLIGHT; i++) slot_create(&slots[i], model, n_outputs);
    if (slots[0].input.properties.tensorType != HB_DNN_IMG_TYPE_NV12 ||
        slots[0].outputs[0].properties.tensorType != HB_DNN_TENSOR_TYPE_F32) {
        fprintf(stderr, "%s: does not take NV12, or its first output is not floats\n", path);
        return 1;
    }
    struct ppm picture = ppm_read(argv[2]);

    for (int frame = 0; frame < n_frames; frame++) {
        struct slot *const s = &slots[frame % IN_FLIGHT];
        hbDNNTensor *outputs = s->outputs;
        hbDNNInferCtrlParam how;
        slot_finish(s); /* the frame that was sent IN_FLIGHT frames ago */
        draw(&picture, frame, s);
        HB_DNN_INITIALIZE_INFER_CTRL_PARAM(&how);
        how.customId = frame; /* older frames first */
        TRY(hbDNNInfer(&s->task, &outputs, &s->input, model, &how));
        s->frame = frame;
    }
    for (int i = 0; i < IN_FLIGHT; i++) slot_finish(&slots[(n_frames + i) % IN_FLIGHT]);

    free(picture.rgb);
    for (int i = 0; i < IN_FLIGHT; i++) {
        TRY(hbSysFreeMem(&slots[i].input.sysMem[0]));
        for (int32_t k = 0; k < n_outputs; k++) TRY(hbSysFreeMem(&slots[i].outputs[k].sysMem[0]));
    }
    TRY(hbDNNRelease(packed));
    return 0;
}
