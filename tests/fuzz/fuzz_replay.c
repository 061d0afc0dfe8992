/*
 * fuzz_replay.c - a capture file through the whole sensor: file formats, link layers, tunnels,
 * fragments, streams, hellos, the judge with all rules, EVE lines, the terminal's report.
 *
 * Input: a capture file, of any format that the sensor reads. It stands in a file in memory, opened
 * by name as any other. The pipeline is made once and judges each input as a file of its own, which
 * is what a run over many files does; its tables are small, so that their bounds are reached. Every
 * EVE line must be one whole JSON object, and harmless on a terminal.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pipeline.h"
#include "publish.h"

enum { PATH_SIZE = 32, MAX_DEPTH = 16, LINES_SIZE = 1 << 20 };

/* A file in memory and the name to open it by. */
struct memory_file {
    int descriptor;
    char path[PATH_SIZE];
};

struct sensor {
    struct pipeline *pipeline;
    struct terminal *terminal;
    struct eve *eve; /* one for each input: its file begins anew */
    struct sink to_eve;
    struct memory_file capture;
    struct memory_file lines;
    char text[LINES_SIZE];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sensor sensor;

static struct memory_file memory_file_new(const char *name) {
    struct memory_file file = {.descriptor = memfd_create(name, MFD_CLOEXEC)};
    if (file.descriptor < 0)
        abort();
    snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.descriptor);
    return file;
}

static void take_verdict(void *context, const struct verdict *verdict) {
    struct eve **eve = context;
    const struct sink *sink = eve_sink(*eve);
    sink->handshake(sink->context, verdict);
}

static void take_alert(void *context, const struct alert *alert) {
    struct eve **eve = context;
    const struct sink *sink = eve_sink(*eve);
    sink->alert(sink->context, alert);
}

static void take_end(void *context, const struct source *source, const struct run_stats *stats) {
    struct eve **eve = context;
    const struct sink *sink = eve_sink(*eve);
    sink->source_end(sink->context, source, stats);
}

static struct pipeline_config small_config(void) {
    struct pipeline_config config;
    pipeline_default_config(&config);
    config.flow.flows = 16;
    config.flow.handshakes = 8;
    config.flow.small_buffers = 16;
    config.flow.medium_buffers = 4;
    config.flow.large_buffers = 2;
    config.flow.windows = 32;
    config.judge.attempts = 16;
    config.judge.servers = 16;
    config.judge.folds = 16;
    config.judge.rules_on = (1U << rules_count) - 1;
    config.fragments = 4;
    config.usage_buckets = 16;
    return config;
}

static void sensor_start(void) {
    struct pipeline_config config = small_config();
    const struct terminal_config terminal = {.out = fopen("/dev/null", "w"), .max_domains = 20};
    sensor.to_eve = (struct sink){.context = &sensor.eve,
                                  .tells_applications = true,
                                  .handshake = take_verdict,
                                  .alert = take_alert,
                                  .source_end = take_end};
    sensor.terminal = terminal.out ? terminal_new(&terminal) : NULL;
    if (sensor.terminal == NULL)
        abort();
    const struct sink *const sinks[] = {&sensor.to_eve, terminal_sink(sensor.terminal)};
    sensor.pipeline = pipeline_new(&config, sinks, 2);
    if (sensor.pipeline == NULL)
        abort();
    sensor.capture = memory_file_new("capture");
    sensor.lines = memory_file_new("lines");
}

/* Eats one JSON object of the reader, with its newline: brackets in pairs, nothing in it that is
 * not printable but the bytes of UTF-8, strings closed. */
static void check_line(struct reader *reader) {
    char open[MAX_DEPTH];
    size_t depth = 0;
    bool in_string = false;
    do {
        uint8_t byte = reader_u8(reader);
        assert(byte >= ' ' && byte != 0x7f);
        if (in_string && byte == '\\')
            assert(reader_u8(reader) >= ' ');
        else if (byte == '"')
            in_string = !in_string;
        else if (!in_string && (byte == '{' || byte == '[')) {
            assert(depth < MAX_DEPTH);
            open[depth++] = byte == '{' ? '}' : ']';
        } else if (!in_string && (byte == '}' || byte == ']')) {
            assert(depth > 0 && open[depth - 1] == (char)byte);
            depth--;
        }
        assert(reader_ok(reader));
    } while (depth > 0);
    assert(reader_u8(reader) == '\n');
}

static void check_lines(void) {
    ssize_t size = pread(sensor.lines.descriptor, sensor.text, sizeof sensor.text, 0);
    assert(size >= 0);
    if ((size_t)size == sizeof sensor.text)
        return; /* more than a small capture gives: the last line may be cut */
    struct reader reader = reader_of(span_of(sensor.text, (size_t)size));
    while (reader_left(&reader) > 0)
        check_line(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct run_stats stats;
    char error[CAPTURE_ERROR_SIZE] = "";
    if (sensor.pipeline == NULL)
        sensor_start();
    if (ftruncate(sensor.capture.descriptor, 0) != 0 ||
        pwrite(sensor.capture.descriptor, data, size, 0) != (ssize_t)size)
        abort();
    sensor.eve = eve_new(sensor.lines.path);
    if (sensor.eve == NULL)
        abort();
    int status = pipeline_replay(sensor.pipeline, sensor.capture.path, &stats, error);
    assert(status == 0 || error[0] != '\0');
    assert(stats.first_us <= stats.last_us);
    terminal_table(sensor.terminal, pipeline_usage_total(sensor.pipeline), &stats);
    assert(eve_finish(sensor.eve) == 0);
    check_lines();
    return 0;
}
