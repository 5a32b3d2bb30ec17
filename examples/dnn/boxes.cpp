/* SPDX-License-Identifier: Apache-2.0
 *
 * With OpenCV: a photo in, the boxes of a YOLO network (segmentation or detection, with its dequantise nodes) drawn into
 * it. The model was compiled for NV12 with --range video, since that is what cv::COLOR_BGR2YUV_I420 gives.
 * usage: boxes MODEL.bin PHOTO.jpg RESULT.jpg
 * Build: c++ boxes.cpp $(pkg-config --cflags --libs dnn opencv4)
 */
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/dnn.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include <dnn/hb_dnn.h>

static void check(int32_t code, const char *call)
{
    if (code == 0) return;
    std::cerr << call << ": " << code << std::endl;
    std::exit(1);
}
#define TRY(call) check((call), #call)

/* The photo in the middle of a grey picture of the network's size, and where it lies there. Its sides are whole pixels, so
 * each direction has its own scale. */
static cv::Mat letterbox(const cv::Mat &photo, cv::Size size, cv::Rect &place)
{
    const double scale = std::min(size.width / static_cast<double>(photo.cols),
                                  size.height / static_cast<double>(photo.rows));
    place.width = std::max(1, static_cast<int>(std::lrint(photo.cols * scale)));
    place.height = std::max(1, static_cast<int>(std::lrint(photo.rows * scale)));
    place.x = (size.width - place.width) / 2;
    place.y = (size.height - place.height) / 2;
    cv::Mat scaled, whole(size, CV_8UC3, cv::Scalar(127, 127, 127));
    cv::resize(photo, scaled, place.size());
    scaled.copyTo(whole(place));
    return whole;
}

/* A box in the network's input, in the photo. */
static cv::Rect2d in_photo(const cv::Rect2d &box, const cv::Rect &place, cv::Size photo)
{
    const double x = static_cast<double>(place.width) / photo.width;
    const double y = static_cast<double>(place.height) / photo.height;
    return cv::Rect2d((box.x - place.x) / x, (box.y - place.y) / y, box.width / x, box.height / y);
}

/* w * h * 3 / 2 bytes. */
static void write_nv12(const cv::Mat &bgr, uint8_t *nv12)
{
    cv::Mat i420;
    cv::cvtColor(bgr, i420, cv::COLOR_BGR2YUV_I420);
    const size_t luma = bgr.total(), chroma = luma / 4;
    const uint8_t *u = i420.ptr<uint8_t>() + luma, *v = u + chroma;
    std::memcpy(nv12, i420.ptr<uint8_t>(), luma);
    for (size_t i = 0; i < chroma; i++) {
        nv12[luma + 2 * i] = u[i];
        nv12[luma + 2 * i + 1] = v[i];
    }
}

struct Found {
    std::vector<cv::Rect2d> boxes;
    std::vector<float> scores;
    std::vector<int> classes;
};

/* Expected distance to a side from the logits of its 16 bins. */
static float distance(const float *bins)
{
    float sum = 0, weighted = 0;
    const float most = *std::max_element(bins, bins + 16);
    for (int i = 0; i < 16; i++) {
        const float e = std::exp(bins[i] - most);
        sum += e;
        weighted += e * i;
    }
    return weighted / sum;
}

static void decode(const hbDNNTensor &cls, const hbDNNTensor &box, int stride, Found &found)
{
    const int32_t *size = cls.properties.validShape.dimensionSize;
    const int w = size[2], n_classes = size[3];
    const float *logits = static_cast<const float *>(cls.sysMem[0].virAddr);
    const float *sides = static_cast<const float *>(box.sysMem[0].virAddr);
    for (int i = 0; i < size[1] * w; i++, logits += n_classes, sides += 64) {
        const int best = static_cast<int>(std::max_element(logits, logits + n_classes) - logits);
        const float score = 1 / (1 + std::exp(-logits[best]));
        if (score < 0.25f) continue;
        const float x = i % w + 0.5f, y = i / w + 0.5f;
        const float x1 = x - distance(sides), y1 = y - distance(sides + 16);
        const float x2 = x + distance(sides + 32), y2 = y + distance(sides + 48);
        found.boxes.emplace_back(x1 * stride, y1 * stride, (x2 - x1) * stride, (y2 - y1) * stride);
        found.scores.push_back(score);
        found.classes.push_back(best);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        std::cerr << "usage: boxes MODEL.bin PHOTO.jpg RESULT.jpg" << std::endl;
        return 2;
    }
    const char *path = argv[1], **names;
    int32_t n_names = 0, n_outputs = 0;
    hbPackedDNNHandle_t packed;
    hbDNNHandle_t model;
    TRY(hbDNNInitializeFromFiles(&packed, &path, 1));
    TRY(hbDNNGetModelNameList(&names, &n_names, packed));
    TRY(hbDNNGetModelHandle(&model, packed, names[0]));
    TRY(hbDNNGetOutputCount(&n_outputs, model));

    hbDNNTensor input;
    TRY(hbDNNGetInputTensorProperties(&input.properties, model, 0));
    std::vector<hbDNNTensor> outputs(static_cast<size_t>(n_outputs));
    for (int32_t i = 0; i < n_outputs; i++) {
        hbDNNTensor &out = outputs[static_cast<size_t>(i)];
        TRY(hbDNNGetOutputTensorProperties(&out.properties, model, i));
        TRY(hbSysAllocCachedMem(&out.sysMem[0],
                                static_cast<uint32_t>(out.properties.alignedByteSize)));
    }
    const size_t per_level = n_outputs == 10 ? 3 : 2; /* segmentation has mask coefficients */
    if (input.properties.tensorType != HB_DNN_IMG_TYPE_NV12 || n_outputs < 6 ||
        outputs[0].properties.tensorType != HB_DNN_TENSOR_TYPE_F32 ||
        outputs[1].properties.validShape.dimensionSize[3] != 64) {
        std::cerr << path << ": is no YOLO network for NV12 with float outputs" << std::endl;
        return 1;
    }

    cv::Mat photo = cv::imread(argv[2]);
    if (photo.empty()) {
        std::cerr << argv[2] << ": cannot be read" << std::endl;
        return 1;
    }
    const int32_t *shape = input.properties.validShape.dimensionSize;
    const cv::Size size(shape[3], shape[2]);
    cv::Rect place;
    input.properties.alignedShape = input.properties.validShape; /* rows of w bytes */
    TRY(hbSysAllocCachedMem(&input.sysMem[0], static_cast<uint32_t>(size.area() * 3 / 2)));
    write_nv12(letterbox(photo, size, place), static_cast<uint8_t *>(input.sysMem[0].virAddr));
    TRY(hbSysFlushMem(&input.sysMem[0], HB_SYS_MEM_CACHE_CLEAN));

    hbDNNTensor *list = outputs.data();
    hbDNNTaskHandle_t task = nullptr;
    hbDNNInferCtrlParam how;
    HB_DNN_INITIALIZE_INFER_CTRL_PARAM(&how);
    TRY(hbDNNInfer(&task, &list, &input, model, &how));
    TRY(hbDNNWaitTaskDone(task, 0));
    TRY(hbDNNReleaseTask(task));
    for (hbDNNTensor &out : outputs)
        TRY(hbSysFlushMem(&out.sysMem[0], HB_SYS_MEM_CACHE_INVALIDATE));

    Found found;
    for (size_t level = 0; level < 3; level++)
        decode(outputs[per_level * level], outputs[per_level * level + 1], 8 << level, found);
    std::vector<int> kept;
    cv::dnn::NMSBoxes(found.boxes, found.scores, 0.25f, 0.45f, kept);
    for (int i : kept) {
        const size_t k = static_cast<size_t>(i);
        const cv::Rect2d box = in_photo(found.boxes[k], place, photo.size());
        cv::rectangle(photo, box, cv::Scalar(56, 56, 255), 2);
        std::cout << "class " << found.classes[k] << ", score " << found.scores[k] << ", box "
                  << box << std::endl;
    }
    if (!cv::imwrite(argv[3], photo)) return 1;

    for (hbDNNTensor &out : outputs) TRY(hbSysFreeMem(&out.sysMem[0]));
    TRY(hbSysFreeMem(&input.sysMem[0]));
    TRY(hbDNNRelease(packed));
    return 0;
}
