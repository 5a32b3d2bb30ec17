/* SPDX-License-Identifier: Apache-2.0
 *
 * Parts of a picture: the four quarters of a large one, each scaled to the network's input by the library, in one call.
 * usage: parts MODEL.bin PICTURE.ppm
 * Build: cc parts.c $(pkg-config --cflags --libs dnn) -lm
 */
#include "frame.h"

enum { N_PARTS = 4 };

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: parts MODEL.bin PICTURE.ppm\n");
        return 2;
    }
    const char *path = argv[1], **names;
    int32_t n_names, n_outputs;
    hbPackedDNNHandle_t packed;
    hbDNNHandle_t model;
    TRY(hbDNNInitializeFromFiles(&packed, &path, 1));
    TRY(hbDNNGetModelNameList(&names, &n_names, packed));
    TRY(hbDNNGetModelHandle(&model, packed, names[0]));

    /* one picture of its own size; an input for each part, all in the same memory */
    struct ppm picture = ppm_read(argv[2]);
    const int w = picture.w & ~1, h = picture.h & ~1;
    hbDNNTensor inputs[N_PARTS], outputs[16], *list = outputs;
    hbSysMem frame;
    TRY(hbSysAllocCachedMem(&frame, (uint32_t)(w * h * 3 / 2)));
    ppm_to_nv12(&picture, w, h, frame.virAddr);
    free(picture.rgb);
    TRY(hbSysFlushMem(&frame, HB_SYS_MEM_CACHE_CLEAN));
    const hbDNNTensorShape shape = {{1, 3, h, w}, 4};
    hbDNNRoi parts[N_PARTS];
    for (int i = 0; i < N_PARTS; i++) {
        TRY(hbDNNGetInputTensorProperties(&inputs[i].properties, model, 0));
        inputs[i].properties.validShape = inputs[i].properties.alignedShape = shape;
        inputs[i].sysMem[0] = frame;
        const int left = i % 2 * w / 2, top = i / 2 * h / 2;
        const hbDNNRoi part = {left, top, left + w / 2 - 1, top + h / 2 - 1};
        parts[i] = part;
    }

    /* results of all parts lie one after another in each output's memory */
    TRY(hbDNNGetOutputCount(&n_outputs, model));
    if (n_outputs > 16) return 1;
    for (int32_t i = 0; i < n_outputs; i++) {
        hbDNNTensorProperties *p = &outputs[i].properties;
        TRY(hbDNNGetOutputTensorProperties(p, model, i));
        TRY(hbSysAllocCachedMem(&outputs[i].sysMem[0], (uint32_t)(p->alignedByteSize * N_PARTS)));
    }

    hbDNNTaskHandle_t task = NULL;
    hbDNNInferCtrlParam how;
    HB_DNN_INITIALIZE_INFER_CTRL_PARAM(&how);
    TRY(hbDNNRoiInfer(&task, &list, inputs, parts, N_PARTS, model, &how));
    TRY(hbDNNWaitTaskDone(task, 0));
    TRY(hbDNNReleaseTask(task));

    const hbDNNTensorProperties *classes = &outputs[0].properties;
    TRY(hbSysFlushMem(&outputs[0].sysMem[0], HB_SYS_MEM_CACHE_INVALIDATE));
    for (int i = 0; i < N_PARTS && classes->tensorType == HB_DNN_TENSOR_TYPE_F32; i++) {
        const uint8_t *result = outputs[0].sysMem[0].virAddr;
        const struct best b = find_best(classes, result + i * classes->alignedByteSize);
        printf("part (%d, %d) to (%d, %d): class %d, score %.3f, cell (%d, %d)\n",
               (int)parts[i].left, (int)parts[i].top, (int)parts[i].right, (int)parts[i].bottom,
               b.class_id, (double)b.score, b.x, b.y);
    }

    for (int32_t i = 0; i < n_outputs; i++) TRY(hbSysFreeMem(&outputs[i].sysMem[0]));
    TRY(hbSysFreeMem(&frame));
    TRY(hbDNNRelease(packed));
    return 0;
}
