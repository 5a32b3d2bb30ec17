/* SPDX-License-Identifier: Apache-2.0
 *
 * What HB_DNN_PROFILER_LOG_PATH and HB_DNN_DUMP_PATH make libdnn write: the very bytes that went in and came out, and as
 * many frames and layers as there were. Without them, and where nothing can be written, runs are what they always are.
 */
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "network.h"

/* ---- a folder of this test's own ---- */

static char folder[64];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/intarsia-dnn-XXXXXX");
    if (mkdtemp(folder) == NULL) abort();
}

static const char *path_of(const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int for_each_file(bool removes)
{
    DIR *const dir = opendir(folder);
    int n = 0;
    if (dir == NULL) return -1;
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (e->d_name[0] == '.') continue;
        if (removes) unlink(path_of(e->d_name));
        n++;
    }
    closedir(dir);
    return n;
}

static void remove_folder(void)
{
    for_each_file(true);
    rmdir(folder);
}

/* The text of a file; freed with mem_free. */
static char *read_all(const char *name, size_t *size)
{
    FILE *const f = fopen(path_of(name), "rb");
    *size = 0;
    if (f == NULL) return NULL;
    char *const data = mem_calloc(1 << 20, 1);
    if (data != NULL) *size = fread(data, 1, (1 << 20) - 1, f);
    fclose(f);
    return data;
}

static bool holds(const char *name, const void *data, size_t size)
{
    size_t n;
    char *const got = read_all(name, &n);
    const bool same = got != NULL && n == size && memcmp(got, data, n) == 0;
    mem_free(got);
    return same;
}

static int count(const char *text, const char *part)
{
    int n = 0;
    for (const char *p = strstr(text, part); p != NULL; p = strstr(p + 1, part)) n++;
    return n;
}

static void set(const char *dump, const char *profile)
{
    setenv("HB_DNN_DUMP_PATH", dump, 1);
    setenv("HB_DNN_PROFILER_LOG_PATH", profile, 1);
}

/* ---- dumps ---- */

static bool holds_outputs(const struct net_run *r, const char *model, int run, int result)
{
    bool ok = true;
    for (int32_t i = 0; i < r->n_outputs; i++) {
        const char *name = NULL;
        char file[200];
        if (hbDNNGetOutputName(&name, r->model, i) != 0) return false;
        snprintf(file, sizeof file, "%s_%06d_output_%d_%s.bin", model, run, (int)i, name);
        const size_t size = (size_t)r->outputs[i].properties.alignedByteSize;
        ok = ok &&
             holds(file, (uint8_t *)r->outputs[i].sysMem[0].virAddr + (size_t)result * size, size);
    }
    return ok;
}

static void test_dump__what_goes_in_and_comes_out(void)
{
    make_folder();
    set(folder, "");
    const hbPackedDNNHandle_t packed = net_load();
    set("", "");
    struct net_run cam = net_run_of(net_model(packed, "cam"), 1, 1);
    CHECK(net_infer(&cam) == 0 && net_infer(&cam) == 0);
    CHECK(holds("cam_000001_input_0_images.bin", cam.inputs[0].sysMem[0].virAddr, CAM_BYTES));
    CHECK(holds_outputs(&cam, "cam", 1, 0) && holds_outputs(&cam, "cam", 2, 0));
    CHECK(for_each_file(false) == 2 * (1 + N_OUT));
    /* rows with a gap are written without it */
    struct net_run odd = net_run_of(net_model(packed, "odd"), 1, 2);
    CHECK(net_infer(&odd) == 0);
    uint8_t dense[20 * 12 * 3 / 2];
    for (int y = 0; y < 18; y++)
        memcpy(dense + y * 20, (uint8_t *)odd.inputs[0].sysMem[0].virAddr + y * 32, 20);
    CHECK(holds("odd_000001_input_0_images.bin", dense, sizeof dense));
    struct net_run raw = net_run_of(net_model(packed, "raw"), 1, 3);
    CHECK(net_infer(&raw) == 0);
    for (int i = 0; i < 2; i++) {
        const char *const files[] = {"raw_000001_input_0_images.bin",
                                     "raw_000001_input_1_images.bin"};
        CHECK(holds(files[i], raw.inputs[i].sysMem[0].virAddr, raw.inputs[i].sysMem[0].memSize));
    }
    CHECK(holds_outputs(&raw, "raw", 1, 0));
    net_run_release(&cam);
    net_run_release(&odd);
    net_run_release(&raw);
    CHECK(hbDNNRelease(packed) == 0);
    CHECK(access(path_of("profiler.log"), F_OK) != 0);
    remove_folder();
}

/* Each part is a run; the whole of a picture in its own size is what goes in. */
static void test_dump__parts(void)
{
    make_folder();
    set(folder, "");
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 2, 4);
    hbDNNTensor pictures[2] = {r.inputs[0], r.inputs[0]}, *outputs = r.outputs;
    hbDNNRoi rois[2] = {{0, 0, CAM_W - 1, CAM_H - 1}, {8, 8, 39, 23}};
    hbDNNInferCtrlParam how = net_param();
    hbDNNTaskHandle_t task = NULL;
    CHECK(hbDNNRoiInfer(&task, &outputs, pictures, rois, 2, r.model, &how) == 0);
    CHECK(hbDNNWaitTaskDone(task, 0) == 0 && hbDNNReleaseTask(task) == 0);
    CHECK(holds("cam_000001_input_0_images.bin", r.inputs[0].sysMem[0].virAddr, CAM_BYTES));
    CHECK(holds_outputs(&r, "cam", 1, 0) && holds_outputs(&r, "cam", 2, 1));
    CHECK(for_each_file(false) == 2 * (1 + N_OUT));
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == 0);
    remove_folder();
}

/* The file that a model was read from lies where links lead that are called like dumps and profiles. */
static void test_dump__never_replaces_a_model(void)
{
    make_folder();
    size_t size = 0;
    char model[500];
    void *const data = net_file(&size);
    snprintf(model, sizeof model, "%s", path_of("model.bin"));
    const char *const file = model;
    FILE *const f = fopen(model, "wb");
    REQUIRE(f != NULL && fwrite(data, 1, size, f) == size && fclose(f) == 0);
    CHECK(symlink("model.bin", path_of("cam_000001_input_0_images.bin")) == 0);
    CHECK(link(model, path_of("profiler.log")) == 0);
    set(folder, folder);
    hbPackedDNNHandle_t packed = NULL;
    REQUIRE(hbDNNInitializeFromFiles(&packed, (const char **)(uintptr_t)&file, 1) == 0);
    set("", "");
    struct net_run cam = net_run_of(net_model(packed, "cam"), 1, 1);
    CHECK(net_infer(&cam) == 0);
    CHECK(holds("cam_000001_input_0_images_2.bin", cam.inputs[0].sysMem[0].virAddr, CAM_BYTES));
    net_run_release(&cam);
    CHECK(hbDNNRelease(packed) == 0);
    CHECK(access(path_of("profiler_2.log"), F_OK) == 0);
    CHECK(holds("model.bin", data, size) && holds("profiler.log", data, size));
    mem_free(data);
    remove_folder();
}

/* ---- profiles ---- */

static int count_steps(const char *model)
{
    struct net_truth truth = net_truth_of(model);
    struct itx_model_info info = {0};
    CHECK(itx_model_get_info(truth.model, &info, NULL) == ITX_OK);
    net_truth_release(&truth);
    return info.n_steps;
}

static void test_profile__of_two_models(void)
{
    enum { N = 5, BATCH = 3 };
    size_t size;
    make_folder();
    char deep[100];
    snprintf(deep, sizeof deep, "%s/a", folder);
    set("", deep);
    const hbPackedDNNHandle_t packed = net_load();
    set("", "");
    struct net_run cam = net_run_of(net_model(packed, "cam"), 1, 1);
    struct net_run raw = net_run_of(net_model(packed, "raw"), 1, 2);
    for (int i = 0; i < N; i++) CHECK(net_infer(&raw) == 0);
    hbDNNTaskHandle_t task = NULL;
    for (int i = 0; i < BATCH; i++) {
        hbDNNInferCtrlParam how = net_param();
        how.more = i < BATCH - 1;
        CHECK(net_submit(&cam, &task, &how) == 0);
    }
    CHECK(hbDNNWaitTaskDone(task, 0) == 0 && hbDNNReleaseTask(task) == 0);
    CHECK(access(deep, F_OK) != 0); /* not yet */
    CHECK(hbDNNRelease(packed) == 0);
    char *const log = read_all("a/profiler.log", &size), *const csv =
                                                             read_all("a/profiler.csv", &size);
    REQUIRE(log != NULL && csv != NULL);
    CHECK(count(log, "\n***\n") == 3 && count(log, "\"FPS\"") == 2);
    const char *const second = strstr(log, "\"model_name\": \"raw\"");
    REQUIRE(second != NULL && strstr(log, "\"model_name\": \"cam\"") < second);
    CHECK(count(log, "\"frame_count\": 3,") == 1 && count(log, "\"frame_count\": 5,") == 1);
    CHECK(count(log, "\"core_id\": 0,") == 2 && count(log, "\"thread_num\": ") == 2);
    /* of cam one output is dequantised, of raw both are */
    CHECK(count(log, "\"Dequantize_") == 3);
    CHECK(count(log, "\"Preprocess\"") == 2 && count(log, "\"BPU_main_graph_subgraph_0\"") == 2);
    CHECK(count(log, "\"TaskPendingTime\"") == 2 && count(log, "\"avg_time\": ") == 15);
    CHECK(count(csv, "\n") == 1 + count_steps("cam") + count_steps("raw"));
    mem_free(log);
    mem_free(csv);
    unlink(path_of("a/profiler.log"));
    unlink(path_of("a/profiler.csv"));
    rmdir(deep);
    net_run_release(&cam);
    net_run_release(&raw);
    remove_folder();
}

/* Nothing ran, or the place cannot be made: no files, and nothing fails. */
static void test_record__nothing_to_write(void)
{
    make_folder();
    set(folder, folder);
    CHECK(hbDNNRelease(net_load()) == 0);
    CHECK(for_each_file(false) == 0);
    char below[100];
    snprintf(below, sizeof below, "%s/file/below", folder);
    FILE *const f = fopen(path_of("file"), "wb");
    REQUIRE(f != NULL);
    fclose(f);
    set(below, below);
    const hbPackedDNNHandle_t packed = net_load();
    struct net_run r = net_run_of(net_model(packed, "cam"), 1, 1);
    struct net_truth truth = net_truth_of("cam");
    const uint8_t *const nv12 = r.inputs[0].sysMem[0].virAddr;
    CHECK(net_infer(&r) == 0);
    net_truth_run(&truth, nv12, nv12 + CAM_W * CAM_H, CAM_W, CAM_W, CAM_H);
    net_check(&truth, &r, 0);
    net_truth_release(&truth);
    net_run_release(&r);
    CHECK(hbDNNRelease(packed) == 0);
    CHECK(for_each_file(false) == 1);
    set("", "");
    remove_folder();
}

TEST_MAIN(TEST(test_dump__what_goes_in_and_comes_out), TEST(test_dump__parts),
          TEST(test_dump__never_replaces_a_model), TEST(test_profile__of_two_models),
          TEST(test_record__nothing_to_write))
