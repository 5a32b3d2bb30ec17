/* SPDX-License-Identifier: Apache-2.0
 *
 * Steps with windows of random geometry, far outside what networks use: the best kernels on several threads give the
 * bytes of the scalar ones on one. Whether those are right is test_runtime's question.
 */
#include "runtime/runtime.h"

#include "plan_build.h"
#include "test.h"

#define MAX_WORK 2000000
#define MAX_WIDE_DEPTH 125 /* 125 * 127 * 32768 < 2^29 */

/* Small numbers mostly. */
static int skewed(struct build *b, int high)
{
    return build_random(b, 1, build_random(b, 1, high));
}

/* The window that networks are made of, or one number goes to its limit. */
static void random_window(struct build *b, struct plan_step *s)
{
    const int extreme = build_random(b, 0, 5);
    if (extreme > 3 && s->kind != STEP_DECONV) {
        build_window(s, 3, 1, build_random(b, 0, 3));
        return;
    }
    for (int i = 0; i < 2; i++) {
        s->kernel[i] = build_random(b, 1, extreme == 0 ? PLAN_MAX_KERNEL : 5);
        s->stride[i] = build_random(b, 1, extreme == 1 ? PLAN_MAX_KERNEL : 3);
        s->dilation[i] = build_random(b, 1, extreme == 2 ? PLAN_MAX_KERNEL : 3);
        if (s->kind == STEP_MAXPOOL) s->dilation[i] = 1;
        const int extent = (s->kernel[i] - 1) * s->dilation[i] + 1;
        const int most = extreme == 3 ? 40 : extent / 2;
        s->pad[i] = build_random(b, 0, most);
        s->pad[i + 2] = build_random(b, 0, most);
    }
    if (s->kind == STEP_DECONV) build_window(s, s->kernel[0] % 12 + 1, s->kernel[0] % 12 + 1, 0);
}

static int out_size(const struct plan_step *s, int axis, int in)
{
    if (s->kind == STEP_DECONV) return in * s->kernel[axis];
    const int room =
        in + s->pad[axis] + s->pad[axis + 2] - ((s->kernel[axis] - 1) * s->dilation[axis] + 1);
    return room < 0 ? 0 : room / s->stride[axis] + 1;
}

static bool has_full_windows(const struct plan_step *s)
{
    for (int i = 0; i < 4; i++)
        if (s->pad[i] >= s->kernel[i % 2]) return false;
    return true;
}

/* A tensor somewhere in pixels that are wider than it. */
static uint32_t random_slice(struct build *b, const char *name, enum dtype dtype, const int size[3])
{
    const int pixel = size[2] + build_random(b, 0, 5);
    const uint32_t buffer = build_buffer(b, size[0], size[1], pixel, dtype);
    return build_slice(b, name, dtype, size, buffer, pixel, build_random(b, 0, pixel - size[2]));
}

/* One step on random tensors; false when the geometry came out empty or too large. */
static bool random_plan(struct build *b)
{
    static const enum step_kind kinds[] = {STEP_CONV, STEP_DWCONV, STEP_DECONV, STEP_MAXPOOL};
    static const enum dtype dtypes[] = {DTYPE_S8, DTYPE_S8, DTYPE_S16, DTYPE_S16, DTYPE_S32};
    struct plan_step window = {.kind = kinds[build_random(b, 0, 3)]};
    random_window(b, &window);
    const int in[3] = {skewed(b, 20), skewed(b, 20), skewed(b, 240)};
    const bool has_own_channels = window.kind == STEP_CONV || window.kind == STEP_DECONV;
    const int out[3] = {out_size(&window, 0, in[0]), out_size(&window, 1, in[1]),
                        has_own_channels ? skewed(b, 100) : in[2]};
    const int64_t depth = has_own_channels ? in[2] : 1;
    const int64_t area = window.kind == STEP_DECONV ? 1 : window.kernel[0] * window.kernel[1];
    const int64_t values = (int64_t)out[0] * out[1] * out[2];
    if (values == 0 || values * area * depth > MAX_WORK) return false;

    /* sums of an input that reaches 2^15 stay below 2^29 */
    const bool may_be_wide =
        window.kind == STEP_MAXPOOL ? has_full_windows(&window) : depth * area <= MAX_WIDE_DEPTH;
    const enum dtype in_type = may_be_wide && build_random(b, 0, 1) == 1 ? DTYPE_S16 : DTYPE_S8;
    const enum dtype dtype = window.kind == STEP_MAXPOOL ? in_type : dtypes[build_random(b, 0, 4)];
    const bool may_add =
        dtype != DTYPE_S32 && (window.kind == STEP_CONV || window.kind == STEP_DWCONV);
    const bool has_residual = may_add && build_random(b, 0, 1) == 1;
    uint32_t inputs[2] = {random_slice(b, "in", in_type, in)};
    build_input(b, inputs[0], PLAN_INPUT_TENSOR);
    if (has_residual) {
        inputs[1] = random_slice(b, "residual", dtypes[build_random(b, 0, 3)], out);
        build_input(b, inputs[1], PLAN_INPUT_TENSOR);
    }
    const uint32_t result = random_slice(b, "out", dtype, out);
    struct plan_step *const s =
        build_step(b, window.kind, "step", has_residual ? 2 : 1, inputs, result);
    for (int i = 0; i < 2; i++) {
        s->kernel[i] = window.kernel[i];
        s->stride[i] = window.stride[i];
        s->dilation[i] = window.dilation[i];
    }
    for (int i = 0; i < 4; i++) s->pad[i] = window.pad[i];
    const bool has_stage_c = has_residual || build_random(b, 0, 1) == 1;
    if (dtype == DTYPE_S16 && window.kind != STEP_MAXPOOL && has_stage_c)
        s->shift = has_residual ? build_random(b, 1, 15) : 15;
    if (window.kind != STEP_MAXPOOL) build_conv_arrays(b, s, (enum act)build_random(b, 0, 3));
    build_output(b, result);
    return true;
}

static struct runtime *run(struct build *b, uint32_t cpu, int n_threads)
{
    struct itx_error err = {0};
    struct runtime *r = NULL;
    const struct runtime_options options = {.cpu = cpu, .n_threads = n_threads};
    CHECK_MSG(runtime_create(&r, &b->plan, &options, &err) == ITX_OK, "%s", err.text);
    if (r == NULL) return NULL;
    uint64_t seed = 5;
    for (int i = 0; i < b->plan.n_inputs; i++) {
        const struct plan_tensor *const t = &b->tensors[b->inputs[i].tensor];
        int8_t *const data = runtime_tensor(r, b->inputs[i].tensor);
        const int size = dtype_size(t->dtype);
        for (int p = 0; p < t->h * t->w; p++)
            for (int k = 0; k < t->c * size; k++)
                data[p * t->pixel * size + k] = (int8_t)test_random(&seed);
    }
    runtime_run(r);
    return r;
}

static void check_case(struct build *b, int number)
{
    struct itx_error err = {0};
    CHECK_MSG(plan_check(&b->plan, &err) == ITX_OK, "%s", err.text);
    struct runtime *scalar = run(b, CPU_SCALAR, 1), *avx2 = run(b, CPU_AVX2 & BUILD_CPU, 2);
    struct runtime *best = run(b, BUILD_CPU, 3);
    REQUIRE(scalar != NULL && avx2 != NULL && best != NULL);
    const uint32_t id = b->outputs[0].tensor;
    const struct plan_tensor *const t = &b->tensors[id];
    const size_t size = (size_t)dtype_size(t->dtype), step = (size_t)t->pixel * size;
    const uint8_t *const x = runtime_tensor(scalar, id);
    const uint8_t *const y = runtime_tensor(avx2, id), *const z = runtime_tensor(best, id);
    int n_wrong = 0;
    for (size_t p = 0; p < (size_t)(t->h * t->w); p++)
        n_wrong += memcmp(x + p * step, y + p * step, (size_t)t->c * size) != 0 ||
                   memcmp(x + p * step, z + p * step, (size_t)t->c * size) != 0;
    CHECK_MSG(n_wrong == 0, "case %d: %d pixels of %s or %s differ", number, n_wrong,
              runtime_step_kernel(avx2, 0), runtime_step_kernel(best, 0));
    runtime_destroy(&scalar);
    runtime_destroy(&avx2);
    runtime_destroy(&best);
}

static void test_runtime_random__windows(void)
{
    int n_cases = 0;
    for (int i = 0; i < 500; i++) {
        struct build b;
        build_init(&b, "random", 1000003 * (uint64_t)(i + 1));
        if (random_plan(&b)) {
            check_case(&b, i);
            n_cases++;
        }
        build_release(&b);
    }
    CHECK_MSG(n_cases > 200, "%d cases", n_cases);
}

TEST_MAIN(TEST(test_runtime_random__windows))
