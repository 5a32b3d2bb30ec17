/* SPDX-License-Identifier: Apache-2.0
 *
 * Small files may ask for work and memory without end, or have very many parts: what exceeds a limit is refused before it is
 * begun, and time grows with a plan's size and no faster.
 */
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/mem.h"
#include "intarsia/intarsia.h"
#include "plan_build.h"
#include "runtime/runtime.h"

#define CORPUS GOLDEN_DIR "/../fuzz/corpus/plan/"

/* conv 3x3 of [8, 8, 4] to [8, 8, 8] -> max 5x5 with a stride of 2 -> times 3. */
static void build_three(struct build *b)
{
    build_init(b, "three", 5);
    const uint32_t in = build_tensor(b, "in", DTYPE_S8, 8, 8, 4);
    const uint32_t conv = build_tensor(b, "conv", DTYPE_S8, 8, 8, 8);
    const uint32_t max = build_tensor(b, "max", DTYPE_S8, 4, 4, 8);
    const uint32_t large = build_tensor(b, "large", DTYPE_S8, 12, 12, 8);
    struct plan_step *s = build_step(b, STEP_CONV, "/conv", 1, &in, conv);
    build_window(s, 3, 1, 1);
    build_conv_arrays(b, s, ACT_SILU);
    s = build_step(b, STEP_MAXPOOL, "/max", 1, &conv, max);
    build_window(s, 5, 2, 2);
    s = build_step(b, STEP_UPSAMPLE, "/large", 1, &max, large);
    s->stride[0] = s->stride[1] = 3;
    build_input(b, in, PLAN_INPUT_TENSOR);
    build_output(b, large);
}

static void test_limits__work(void)
{
    struct build b;
    build_three(&b);
    REQUIRE(plan_check(&b.plan, NULL) == ITX_OK);
    /* products, elements, elements under the windows */
    CHECK(plan_step_work(&b.plan, &b.steps[0]) == 8 * 8 * 8 * 9 * 4 + 8 * 8 * 8 + 10 * 10 * 4);
    /* reads of windows, elements, elements under the windows: 3 strides and 5 */
    CHECK(plan_step_work(&b.plan, &b.steps[1]) == 4 * 4 * 8 * 25 + 4 * 4 * 8 + 11 * 11 * 8);
    CHECK(plan_step_work(&b.plan, &b.steps[2]) == 12 * 12 * 8);
    build_release(&b);
}

static itx_status create(const struct plan *plan, struct runtime_limits limits,
                         struct runtime_memory *memory, struct itx_error *err)
{
    struct runtime *r = NULL;
    const struct runtime_options o = {.cpu = CPU_ALL, .n_threads = 2, .limits = limits};
    const itx_status rc = runtime_create(&r, plan, &o, err);
    CHECK((rc == ITX_OK) == (r != NULL));
    if (rc == ITX_OK && memory != NULL) *memory = runtime_memory(r);
    runtime_destroy(&r);
    return rc;
}

/* Each limit lets pass what is exactly as large, and not one more. */
static void test_limits__edges(void)
{
    struct build b;
    struct itx_error err;
    struct runtime_memory memory = {0};
    uint64_t work = 0;
    build_three(&b);
    for (int i = 0; i < b.plan.n_steps; i++) work += plan_step_work(&b.plan, &b.steps[i]);
    CHECK(create(&b.plan, (struct runtime_limits){.work = work}, &memory, NULL) == ITX_OK);
    CHECK(create(&b.plan, (struct runtime_limits){.work = work - 1}, NULL, &err) == ITX_E_RANGE);
    CHECK(strstr(err.text, "model 'three' takes 2.4") != NULL);
    CHECK(strstr(err.text, "(--max-work, max_work)") != NULL);
    const uint64_t all = memory.arena + memory.weights + memory.scratch;
    CHECK(create(&b.plan, (struct runtime_limits){.memory = all}, NULL, NULL) == ITX_OK);
    CHECK(create(&b.plan, (struct runtime_limits){.memory = memory.arena}, NULL, &err) ==
          ITX_E_RANGE);
    CHECK(strstr(err.text, "(--max-memory, max_memory)") != NULL);
    if (memory.scratch > 0) {
        const struct runtime_limits enough = {.scratch = memory.scratch}, little = {.scratch = 1};
        CHECK(create(&b.plan, enough, NULL, NULL) == ITX_OK);
        CHECK(create(&b.plan, little, NULL, &err) == ITX_E_RANGE);
        CHECK(strstr(err.text, "(--max-scratch, max_scratch)") != NULL);
    }
    build_release(&b);
}

static long peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

/* Files of some kilobytes, one of which computes for hours and one of which takes gigabytes for a step. */
static void test_limits__small_files(void)
{
    static const struct {
        const char *file, *text;
    } cases[] = {
        {CORPUS "forever_maxpool.bin", "the limit is 4e+12 (--max-work, max_work)"},
        {CORPUS "scratch_8GB.bin", "the limit is 1024 MiB (--max-scratch, max_scratch)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const long before = peak_mib();
        const double start = cpu_seconds();
        itx_model *model = NULL;
        itx_session *session = NULL;
        struct itx_error err;
        struct itx_session_options o = ITX_SESSION_OPTIONS_INIT;
        o.n_threads = 1;
        o.cpu = "avx2";
        CHECK(o.max_work == 4000000000000 && o.max_scratch == 1 << 30);
        REQUIRE(itx_model_open(&model, cases[i].file, NULL, &err) == ITX_OK);
        const itx_status rc = itx_session_create(&session, model, &o, &err);
        if (i == 0 || (cpu_detect() & CPU_AVX2) != 0) {
            CHECK(rc == ITX_E_RANGE && session == NULL);
            CHECK_MSG(strstr(err.text, cases[i].text) != NULL, "%s", err.text);
        }
        CHECK(cpu_seconds() - start < 1 && peak_mib() - before < 300);
        itx_session_destroy(&session);
        o.max_work = 0;
        if (i == 0) CHECK(itx_session_create(&session, model, &o, NULL) == ITX_OK);
        itx_session_destroy(&session);
        itx_model_close(&model);
    }
}

/* ---- many parts ---- */

enum { MANY = 65000 };

struct many {
    struct plan plan;
    struct plan_input input;
    struct plan_output output;
    float scale;
    int32_t zero_point;
};

static void add_tensor(struct many *m, uint32_t buffer, int w)
{
    m->plan.tensors[m->plan.n_tensors++] = (struct plan_tensor){.name = "t",
                                                                .dtype = DTYPE_S8,
                                                                .h = 1,
                                                                .w = w,
                                                                .c = 1,
                                                                .pixel = 1,
                                                                .buffer = buffer,
                                                                .n_quant = 1,
                                                                .scale = &m->scale,
                                                                .zero_point = &m->zero_point};
}

static void many_init(struct many *m)
{
    *m = (struct many){.scale = 1};
    m->plan = (struct plan){.name = "many", .meta = "{}", .n_inputs = 1, .n_outputs = 1};
    m->plan.buffers = calloc(MANY + 1, sizeof *m->plan.buffers);
    m->plan.tensors = calloc(MANY + 1, sizeof *m->plan.tensors);
    m->plan.steps = calloc(MANY, sizeof *m->plan.steps);
    m->plan.n_buffers = MANY + 1;
    m->plan.arena_size = (uint64_t)64 * (MANY + 1);
    for (uint32_t i = 0; i <= MANY; i++) /* in an order that is not that of the steps */
        m->plan.buffers[i] = (struct plan_buffer){64 * ((uint64_t)i * 7919 % (MANY + 1)), 64};
    m->input = (struct plan_input){.name = "in"};
    m->output = (struct plan_output){.name = "out", .tensor = 1, .dequantize = ""};
    m->plan.inputs = &m->input;
    m->plan.outputs = &m->output;
    add_tensor(m, 0, 1);
}

static void many_release(struct many *m)
{
    free(m->plan.buffers);
    free(m->plan.tensors);
    free(m->plan.steps);
}

static void check_quick(const struct many *m, const char *what)
{
    const double start = cpu_seconds();
    struct itx_error err = {.text = ""};
    const itx_status rc = plan_check(&m->plan, &err);
    CHECK_MSG(rc == ITX_OK, "%s: %s", what, err.text);
    struct runtime *r = NULL;
    const struct runtime_options o = {.cpu = CPU_ALL, .n_threads = 1, .demand = true};
    REQUIRE(runtime_create(&r, &m->plan, &o, &err) == ITX_OK);
    runtime_destroy(&r);
    const double taken = cpu_seconds() - start; /* a tenth of a second; quadratic: half a minute */
    CHECK_MSG(taken < 5, "%s: %.1f s", what, taken);
}

/* Enlargements of one tensor, each of which might be split with the convolution that reads it. */
static void test_limits__many_upsamples(void)
{
    struct many m;
    many_init(&m);
    for (int i = 0; i < MANY; i++) {
        add_tensor(&m, (uint32_t)i + 1, 2);
        m.plan.steps[m.plan.n_steps++] = (struct plan_step){.kind = STEP_UPSAMPLE,
                                                            .name = "s",
                                                            .n_in = 1,
                                                            .in = {0},
                                                            .out = (uint32_t)i + 1,
                                                            .stride = {1, 2}};
    }
    check_quick(&m, "upsamples");
    many_release(&m);
}

/* Half of the steps write buffers that the other half reads, so that half of all are alive together. */
static void test_limits__many_buffers_alive(void)
{
    struct many m;
    many_init(&m);
    for (int i = 0; i < MANY; i++) {
        add_tensor(&m, (uint32_t)i + 1, 1);
        const uint32_t in = i < MANY / 2 ? 0 : (uint32_t)(i - MANY / 2) + 1;
        m.plan.steps[m.plan.n_steps++] = (struct plan_step){
            .kind = STEP_COPY, .name = "s", .n_in = 1, .in = {in}, .out = (uint32_t)i + 1};
    }
    check_quick(&m, "buffers");
    many_release(&m);
}

TEST_MAIN(TEST(test_limits__work), TEST(test_limits__edges), TEST(test_limits__small_files),
          TEST(test_limits__many_upsamples), TEST(test_limits__many_buffers_alive))
