/* SPDX-License-Identifier: Apache-2.0
 *
 * Plan files: whatever is accepted is written to a file that reads the same, and runs without fault and with the same
 * outputs by the kernels of every level that the CPU has. The input is tried as it is, and as it would be with a right size and
 * checksum, since no change gets past those by chance.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/cpu.h"
#include "base/mem.h"
#include "fuzz.h"
#include "plan/format.h"
#include "runtime/runtime.h"

#define MAX_ARENA ((uint64_t)256 * 1024)
#define MAX_WORK ((uint64_t)4000000)
#define MAX_SCRATCH ((uint64_t)16 * 1024 * 1024)

static uint64_t work_of(const struct plan *plan)
{
    uint64_t work = 0;
    for (int i = 0; i < plan->n_steps && work <= MAX_WORK; i++)
        work += plan_step_work(plan, &plan->steps[i]);
    return work;
}

static void fill_inputs(const struct plan *plan, struct runtime *r)
{
    uint8_t v = 1;
    for (int i = 0; i < plan->n_inputs; i++) {
        const struct plan_tensor *const t = &plan->tensors[plan->inputs[i].tensor];
        uint8_t *const data = runtime_tensor(r, plan->inputs[i].tensor);
        const size_t size = (size_t)dtype_size(t->dtype), bytes = (size_t)t->c * size;
        for (size_t p = 0; p < (size_t)t->h * (size_t)t->w; p++)
            for (size_t k = 0; k < bytes; k++)
                data[p * (size_t)t->pixel * size + k] = v = (uint8_t)(v * 5 + 3);
    }
}

/* NULL: takes too much scratch. */
static struct runtime *run(const struct plan *plan, uint32_t cpu, bool keep_tensors)
{
    struct runtime *r = NULL;
    const struct runtime_options options = {.cpu = cpu,
                                            .n_threads = 1,
                                            .keep_tensors = keep_tensors,
                                            .limits = {.scratch = MAX_SCRATCH}};
    const itx_status rc = runtime_create(&r, plan, &options, NULL);
    FUZZ_REQUIRE(rc == ITX_OK || rc == ITX_E_RANGE);
    if (rc != ITX_OK) return NULL;
    fill_inputs(plan, r);
    runtime_run(r);
    return r;
}

static void compare(const struct plan *plan, const struct runtime *a, const struct runtime *b)
{
    for (int i = 0; i < plan->n_outputs; i++) {
        const uint32_t id = plan->outputs[i].tensor;
        const struct plan_tensor *const t = &plan->tensors[id];
        const size_t size = (size_t)dtype_size(t->dtype);
        const uint8_t *const x = runtime_tensor(a, id), *const y = runtime_tensor(b, id);
        for (size_t p = 0; p < (size_t)t->h * (size_t)t->w; p++)
            FUZZ_REQUIRE(memcmp(x + p * (size_t)t->pixel * size, y + p * (size_t)t->pixel * size,
                                (size_t)t->c * size) == 0);
    }
}

static void check_run(const struct plan *plan)
{
    if (plan->arena_size > MAX_ARENA || work_of(plan) > MAX_WORK) return;
    uint64_t kept = 0;
    for (int i = 0; i < plan->n_buffers; i++) kept += plan->buffers[i].size;
    struct runtime *plain = run(plan, CPU_SCALAR, false);
    for (int i = 1; i < n_cpu_levels; i++) {
        if ((cpu_levels[i].mask & ~cpu_detect()) != 0) continue;
        struct runtime *other = run(plan, cpu_levels[i].mask, kept <= 16 * MAX_ARENA);
        if (plain != NULL && other != NULL) compare(plan, plain, other);
        runtime_destroy(&other);
    }
    runtime_destroy(&plain);
}

static void check_write(const struct plan_file *file)
{
    const struct plan *models[PLAN_MAX_MODELS];
    for (int i = 0; i < file->n_models; i++) models[i] = &file->models[i];
    void *data = NULL, *again = NULL;
    size_t size = 0, size_again = 0;
    FUZZ_REQUIRE(plan_write(models, file->n_models, &data, &size, NULL) == ITX_OK);
    struct plan_file copy;
    FUZZ_REQUIRE(plan_read(&copy, data, size, NULL) == ITX_OK);
    for (int i = 0; i < copy.n_models; i++) models[i] = &copy.models[i];
    FUZZ_REQUIRE(plan_write(models, copy.n_models, &again, &size_again, NULL) == ITX_OK);
    FUZZ_REQUIRE(size == size_again && memcmp(data, again, size) == 0);
    plan_file_release(&copy);
    mem_free(data);
    mem_free(again);
}

static void try_file(const uint8_t *data, size_t size)
{
    struct plan_file file;
    struct itx_error err = {.text = ""};
    if (plan_read(&file, data, size, &err) != ITX_OK) {
        FUZZ_REQUIRE(err.text[0] != '\0' && strchr(err.text, '\n') == NULL);
        return;
    }
    check_write(&file);
    for (int i = 0; i < file.n_models; i++) check_run(&file.models[i]);
    plan_file_release(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* a copy, since plans are aligned in memory */
    uint8_t *const copy = mem_alloc(size);
    FUZZ_REQUIRE(copy != NULL);
    if (size != 0) memcpy(copy, data, size);
    try_file(copy, size);
    if (size >= FORMAT_HEADER_SIZE && size % PLAN_ALIGN == 0) {
        memcpy(copy, FORMAT_MAGIC, FORMAT_MAGIC_SIZE);
        store_le32(copy + 8, PLAN_VERSION);
        store_le32(copy + 12, 0);
        store_le64(copy + 16, size);
        store_le64(copy + 24,
                   format_checksum(copy + FORMAT_CHECKED_FROM, size - FORMAT_CHECKED_FROM));
        try_file(copy, size);
    }
    mem_free(copy);
    return 0;
}
