/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest program for the board: one picture through a network that takes NV12, and the strongest class of each of its
 * class outputs (every third one of a YOLO network with dequantise nodes).
 * usage: one_picture MODEL.bin PICTURE.ppm
 * Build: cc one_picture.c $(pkg-config --cflags --libs dnn) -lm
 */
#include "frame.h"

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: one_picture MODEL.bin PICTURE.ppm\n");
        return 2;
    }
    const char *path = argv[1], **names;
    int32_t n_names, n_outputs;
    hbPackedDNNHandle_t packed;
    hbDNNHandle_t model;
    TRY(hbDNNInitializeFromFiles(&packed, &path, 1));
    TRY(hbDNNGetModelNameList(&names, &n_names, packed));
    TRY(hbDNNGetModelHandle(&model, packed, names[0]));

    hbDNNTensor input, outputs[16], *list = outputs;
    TRY(hbDNNGetInputTensorProperties(&input.properties, model, 0));
    if (input.properties.tensorType != HB_DNN_IMG_TYPE_NV12) {
        fprintf(stderr, "%s: does not take NV12\n", path);
        return 1;
    }
    const int32_t h = input.properties.validShape.dimensionSize[2];
    const int32_t w = input.properties.validShape.dimensionSize[3];
    input.properties.alignedShape = input.properties.validShape; /* rows of w bytes */
    TRY(hbSysAllocCachedMem(&input.sysMem[0], (uint32_t)(w * h * 3 / 2)));
    struct ppm picture = ppm_read(argv[2]);
    ppm_to_nv12(&picture, w, h, input.sysMem[0].virAddr);
    free(picture.rgb);
    TRY(hbSysFlushMem(&input.sysMem[0], HB_SYS_MEM_CACHE_CLEAN));

    TRY(hbDNNGetOutputCount(&n_outputs, model));
    if (n_outputs > 16) return 1;
    for (int32_t i = 0; i < n_outputs; i++) {
        hbDNNTensorProperties *p = &outputs[i].properties;
        TRY(hbDNNGetOutputTensorProperties(p, model, i));
        TRY(hbSysAllocCachedMem(&outputs[i].sysMem[0], (uint32_t)p->alignedByteSize));
    }

    hbDNNTaskHandle_t task = NULL;
    hbDNNInferCtrlParam how;
    HB_DNN_INITIALIZE_INFER_CTRL_PARAM(&how);
    TRY(hbDNNInfer(&task, &list, &input, model, &how));
    TRY(hbDNNWaitTaskDone(task, 0));
    TRY(hbDNNReleaseTask(task));

    for (int32_t i = 0; i + 1 < n_outputs; i += 3) {
        TRY(hbSysFlushMem(&outputs[i].sysMem[0], HB_SYS_MEM_CACHE_INVALIDATE));
        if (outputs[i].properties.tensorType != HB_DNN_TENSOR_TYPE_F32) continue;
        const struct best b = find_best(&outputs[i].properties, outputs[i].sysMem[0].virAddr);
        printf("output %d: class %d, score %.3f, cell (%d, %d)\n", (int)i, b.class_id,
               (double)b.score, b.x, b.y);
    }

    for (int32_t i = 0; i < n_outputs; i++) TRY(hbSysFreeMem(&outputs[i].sysMem[0]));
    TRY(hbSysFreeMem(&input.sysMem[0]));
    TRY(hbDNNRelease(packed));
    return 0;
}
