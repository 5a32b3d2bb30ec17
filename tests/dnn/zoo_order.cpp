/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls libdnn in the order of the Model Zoo's C++ segmentation programs, and checks what they check. C++11, compiled as
 * they are, the shared library linked.
 * usage: zoo_order MODEL.bin FRAME.nv12 [modified]
 *   modified: dequantise nodes were removed but for the classes', and the program multiplies itself, as the older one does
 */
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

#include "dnn/hb_dnn.h"
#include "dnn/hb_dnn_ext.h"
#include "dnn/plugin/hb_dnn_layer.h"
#include "dnn/plugin/hb_dnn_plugin.h"
#include "dnn/hb_sys.h"
#include "zoo_find.h"

#define CHECK_SUCCESS(call)                                                                        \
    do {                                                                                           \
        const int32_t code = (call);                                                               \
        if (code != 0) {                                                                           \
            std::cerr << #call << ": " << code << std::endl;                                       \
            std::exit(1);                                                                          \
        }                                                                                          \
    } while (0)

static void must(bool ok, const char *what)
{
    if (ok) return;
    std::cerr << "not so: " << what << std::endl;
    std::exit(1);
}

/* As the older program's table of wanted shapes: which output is which. */
static std::vector<int> find_order(const std::vector<hbDNNTensor> &outputs, int h, int w)
{
    const int n_classes = outputs[0].properties.validShape.dimensionSize[3];
    std::vector<int> order;
    for (int i = 0; i < ZOO_OUTPUTS; i++) {
        const int stride = i == ZOO_OUTPUTS - 1 ? 4 : 8 << (i / 3);
        const int channels = i == ZOO_OUTPUTS - 1 ? ZOO_COEFS
                             : i % 3 == 0         ? n_classes
                             : i % 3 == 1         ? 4 * ZOO_BINS
                                                  : ZOO_COEFS;
        for (int k = 0; k < ZOO_OUTPUTS; k++) {
            const int32_t *const s = outputs[k].properties.validShape.dimensionSize;
            if (s[1] == h / stride && s[2] == w / stride && s[3] == channels) order.push_back(k);
        }
    }
    must(order.size() == ZOO_OUTPUTS, "every output is found once by its shape");
    return order;
}

/* Real numbers of an output, as the older program makes them. */
static void make_floats(const hbDNNTensor &t, int i, std::vector<float> &to)
{
    const hbDNNTensorProperties &p = t.properties;
    const int32_t *const s = p.validShape.dimensionSize;
    const size_t n = (size_t)s[1] * (size_t)s[2], c = (size_t)s[3];
    to.resize(n * c);
    if (i % 3 == 0 && i != ZOO_OUTPUTS - 1) {
        must(p.quantiType == NONE, "classes are floats");
        std::memcpy(to.data(), t.sysMem[0].virAddr, n * c * sizeof(float));
        return;
    }
    must(p.quantiType == SCALE, "the others have scales");
    if (i == ZOO_OUTPUTS - 1) {
        must(p.tensorType == HB_DNN_TENSOR_TYPE_S16, "prototypes have 16 bits");
        const int16_t *const from = static_cast<const int16_t *>(t.sysMem[0].virAddr);
        for (size_t k = 0; k < n * c; k++)
            to[k] = static_cast<float>(from[k]) * p.scale.scaleData[0];
        return;
    }
    must(p.tensorType == HB_DNN_TENSOR_TYPE_S32, "boxes and coefficients have 32 bits");
    must(p.quantizeAxis == 3 && p.scale.scaleLen == s[3], "with a scale for each channel");
    const int32_t *const from = static_cast<const int32_t *>(t.sysMem[0].virAddr);
    for (size_t k = 0; k < n * c; k++)
        to[k] = static_cast<float>(from[k]) * p.scale.scaleData[k % c];
}

int main(int argc, char **argv)
{
    must(argc == 3 || argc == 4, "usage: zoo_order MODEL.bin FRAME.nv12 [modified]");
    const bool modified = argc == 4;
    const char *model_file_name = argv[1];
    hbPackedDNNHandle_t packed_dnn_handle;
    CHECK_SUCCESS(hbDNNInitializeFromFiles(&packed_dnn_handle, &model_file_name, 1));
    const char **model_name_list;
    int model_count = 0;
    CHECK_SUCCESS(hbDNNGetModelNameList(&model_name_list, &model_count, packed_dnn_handle));
    hbDNNHandle_t dnn_handle;
    CHECK_SUCCESS(hbDNNGetModelHandle(&dnn_handle, packed_dnn_handle, model_name_list[0]));

    int32_t input_count = 0;
    CHECK_SUCCESS(hbDNNGetInputCount(&input_count, dnn_handle));
    must(input_count == 1, "there is one input");
    hbDNNTensorProperties input_properties;
    CHECK_SUCCESS(hbDNNGetInputTensorProperties(&input_properties, dnn_handle, 0));
    must(input_properties.tensorType == HB_DNN_IMG_TYPE_NV12, "it is NV12");
    must(input_properties.tensorLayout == HB_DNN_LAYOUT_NCHW, "it is NCHW");
    must(input_properties.validShape.numDimensions == 4, "it has four dimensions");
    const int32_t input_h = input_properties.validShape.dimensionSize[2];
    const int32_t input_w = input_properties.validShape.dimensionSize[3];
    int32_t output_count = 0;
    CHECK_SUCCESS(hbDNNGetOutputCount(&output_count, dnn_handle));
    must(output_count == ZOO_OUTPUTS, "there are ten outputs");

    std::ifstream file(argv[2], std::ios::binary);
    const std::vector<char> frame((std::istreambuf_iterator<char>(file)),
                                  std::istreambuf_iterator<char>());
    const size_t input_size = (size_t)input_h * (size_t)input_w * 3 / 2;
    must(frame.size() == input_size, "the frame has the input's size");
    hbDNNTensor input; /* what is not used stays as it is */
    input.properties = input_properties;
    CHECK_SUCCESS(hbSysAllocCachedMem(&input.sysMem[0], (uint32_t)input_size));
    std::memcpy(input.sysMem[0].virAddr, frame.data(), input_size);
    CHECK_SUCCESS(hbSysFlushMem(&input.sysMem[0], HB_SYS_MEM_CACHE_CLEAN));

    std::vector<hbDNNTensor> outputs((size_t)output_count);
    for (int i = 0; i < output_count; i++) {
        hbDNNTensorProperties &output_properties = outputs[i].properties;
        CHECK_SUCCESS(hbDNNGetOutputTensorProperties(&output_properties, dnn_handle, i));
        CHECK_SUCCESS(hbSysAllocCachedMem(&outputs[i].sysMem[0],
                                          (uint32_t)output_properties.alignedByteSize));
    }

    hbDNNTensor *output = outputs.data();
    hbDNNTaskHandle_t task_handle = nullptr;
    hbDNNInferCtrlParam infer_ctrl_param;
    HB_DNN_INITIALIZE_INFER_CTRL_PARAM(&infer_ctrl_param);
    CHECK_SUCCESS(hbDNNInfer(&task_handle, &output, &input, dnn_handle, &infer_ctrl_param));
    CHECK_SUCCESS(hbDNNWaitTaskDone(task_handle, 0));

    const std::vector<int> order = find_order(outputs, input_h, input_w);
    std::vector<std::vector<float>> floats(ZOO_OUTPUTS);
    struct zoo_output found[ZOO_OUTPUTS];
    for (int i = 0; i < ZOO_OUTPUTS; i++) {
        hbDNNTensor &t = outputs[order[i]];
        CHECK_SUCCESS(hbSysFlushMem(&t.sysMem[0], HB_SYS_MEM_CACHE_INVALIDATE));
        const int32_t *const s = t.properties.validShape.dimensionSize;
        must(modified || t.properties.quantiType == NONE, "outputs are floats");
        if (modified) make_floats(t, i, floats[i]);
        const float *const data =
            modified ? floats[i].data() : static_cast<const float *>(t.sysMem[0].virAddr);
        found[i] = zoo_output{s[1], s[2], s[3], data};
    }
    zoo_print(found);

    CHECK_SUCCESS(hbDNNReleaseTask(task_handle));
    CHECK_SUCCESS(hbSysFreeMem(&input.sysMem[0]));
    for (int i = 0; i < output_count; i++) CHECK_SUCCESS(hbSysFreeMem(&outputs[i].sysMem[0]));
    CHECK_SUCCESS(hbDNNRelease(packed_dnn_handle));
    return 0;
}
