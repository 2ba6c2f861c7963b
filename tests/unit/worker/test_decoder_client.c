/* SPDX-License-Identifier: Apache-2.0 */

/* The decoder with its real processes: this program is its own decoder parent. */

#include <dirent.h>
#include <event2/event.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "tests/unit/worker/media_fixture.h"
#include "worker/decoder_client.h"
#include "worker/decoder_parent.h"

#define TEST_SECONDS_MAX 60

struct bench {
    struct event_base *base;
    struct decoder_client *client;
    struct recording wav; /* 20 s, 44.1 kHz, stereo */
    size_t running;       /* jobs that the loop waits for */
};

/* One job and what its callbacks were told. */
struct job_log {
    struct bench *bench;
    struct decoder_job *job;
    int starts;
    int dones;
    struct decoded pcm;
    struct media_report report;
    struct decoder_outcome outcome;
    size_t pause_after; /* samples; 0: never */
    bool is_paused;
    bool cancels; /* at the first samples */
    void (*on_first_pcm)(struct job_log *log);
    pid_t decoder; /* as note_decoder() found it */
};

static void leave_loop(struct bench *bench)
{
    if (--bench->running == 0) {
        (void)event_base_loopbreak(bench->base);
    }
}

static void on_start(void *context, const struct media_report *report)
{
    struct job_log *log = context;
    log->starts++;
    log->report = *report;
}

static void on_pcm(void *context, const int16_t *samples, size_t count)
{
    struct job_log *log = context;
    assert_false(log->is_paused);
    bool is_first = log->pcm.count == 0;
    (void)on_decoded_pcm(&log->pcm, samples, count);
    if (is_first && log->on_first_pcm != NULL) {
        log->on_first_pcm(log);
    }
    if (log->pause_after != 0 && log->pcm.count >= log->pause_after) {
        decoder_job_pause(log->job);
        log->is_paused = true;
        (void)event_base_loopbreak(log->bench->base);
    }
    if (log->cancels) {
        decoder_job_cancel(log->job);
        leave_loop(log->bench);
    }
}

static void on_done(void *context, const struct decoder_outcome *outcome)
{
    struct job_log *log = context;
    log->dones++;
    log->outcome = *outcome;
    leave_loop(log->bench);
}

static const struct decoder_callbacks CALLBACKS = {
    .on_start = on_start, .on_pcm = on_pcm, .on_done = on_done};

static void on_too_late(evutil_socket_t none UNUSED, short what UNUSED, void *context UNUSED)
{
    fail_msg("the jobs did not end");
}

static void run_loop(struct bench *bench)
{
    struct event *watchdog = event_new(bench->base, -1, 0, on_too_late, NULL);
    const struct timeval limit = {.tv_sec = TEST_SECONDS_MAX};
    (void)event_add(watchdog, &limit);
    (void)event_base_dispatch(bench->base);
    event_free(watchdog);
}

static void begin_request(struct bench *bench, struct job_log *log,
                          const struct decoder_request *request)
{
    struct err err;
    log->bench = bench;
    log->job = decoder_client_decode(bench->client, request, &CALLBACKS, log, &err);
    assert_non_null(log->job);
    bench->running++;
}

static struct decoder_request request_for(const struct recording *recording,
                                          struct media_extent *extent)
{
    *extent = extent_of(recording, 0, recording->size);
    return (struct decoder_request){.total_size = recording->size,
                                    .range = {0, recording->size, .resync_from = -1},
                                    .extents = extent,
                                    .extent_count = 1,
                                    .limits = DECODER_LIMITS_DEFAULT};
}

static void begin(struct bench *bench, struct job_log *log, const struct recording *recording)
{
    struct media_extent extent;
    struct decoder_request request = request_for(recording, &extent);
    begin_request(bench, log, &request);
}

static void expect_wav(struct bench *bench, struct job_log *log)
{
    assert_int_equal(log->dones, 1);
    assert_int_equal(log->outcome.result, DECODER_DONE);
    assert_int_equal(log->starts, 1);
    assert_int_equal(log->report.samples, 20 * 44100);
    assert_int_equal(log->pcm.count, 20 * 16000);
    assert_int_equal(log->outcome.pcm_samples, 20 * 16000);
    struct media_extent extent = extent_of(&bench->wav, 0, bench->wav.size);
    struct decoded expected = decode_extents(
        &bench->wav, &extent, 1,
        (struct media_decode_options){.range = {0, bench->wav.size, .resync_from = -1},
                                      .pcm_rate = MEDIA_PCM_RATE});
    assert_memory_equal(log->pcm.pcm, expected.pcm, expected.count * sizeof(int16_t));
    decoded_done(&expected);
    decoded_done(&log->pcm);
}

static void expect_failure(struct job_log *log, enum err_kind kind, const char *part)
{
    assert_int_equal(log->dones, 1);
    assert_int_equal(log->outcome.result, DECODER_FAILED);
    if (strstr(log->outcome.err.message, part) == NULL) {
        fail_msg("the message is: %s", log->outcome.err.message);
    }
    assert_int_equal(log->outcome.err.kind, kind);
    decoded_done(&log->pcm);
}

/* A WAV of 8 kHz as long as it likes, of zeros that take no memory. */
static struct recording endless_wav(int64_t size)
{
    static const uint8_t HEADER[44] = "RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0"
                                      "\x40\x1f\0\0\1\0\x8\0data\xff\xff\xff\xff";
    struct recording recording = recording_from_bytes("endless.wav", HEADER, sizeof(HEADER));
    recording.size = size;
    assert_int_equal(ftruncate(recording.fd, size), 0);
    return recording;
}

/* The processes whose parent is `of`; writes up to `most` of them. */
static size_t child_processes(pid_t of, pid_t *ret_pids, size_t most)
{
    size_t count = 0;
    DIR *directory = opendir("/proc");
    assert_non_null(directory);
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL && count < most) {
        char path[300];
        char line[512] = "";
        (void)snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
        FILE *file = fopen(path, "re");
        if (file == NULL) {
            continue;
        }
        bool is_read = fgets(line, sizeof(line), file) != NULL;
        (void)fclose(file);
        if (!is_read) {
            continue;
        }
        const char *behind_name = strrchr(line, ')');
        int parent = 0;
        char state = 0;
        if (behind_name != NULL && sscanf(behind_name + 1, " %c %d", &state, &parent) == 2 &&
            parent == of && state != 'Z') {
            ret_pids[count++] = atoi(entry->d_name);
        }
    }
    (void)closedir(directory);
    return count;
}

static pid_t parent_process(void)
{
    pid_t pid = 0;
    assert_int_equal(child_processes(getpid(), &pid, 1), 1);
    return pid;
}

static int set_up(void **state)
{
    struct bench *bench = mem_new(sizeof(*bench));
    bench->base = event_base_new();
    bench->client = decoder_client_new(bench->base, NULL);
    bench->wav = recording_make("bench.wav", 20, "-ar 44100 -c:a pcm_s16le");
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    recording_done(&bench->wav);
    decoder_client_free(bench->client);
    event_base_free(bench->base);
    free(bench);
    return 0;
}

static void test_decoder_client__streams_a_chunk(void **state)
{
    struct bench *bench = *state;
    struct job_log log = {0};
    begin(bench, &log, &bench->wav);
    assert_int_equal(log.starts, 0);
    assert_int_equal(decoder_client_running(bench->client), 1);
    run_loop(bench);
    expect_wav(bench, &log);
    assert_int_equal(decoder_client_running(bench->client), 0);
}

static void test_decoder_client__takes_as_many_pieces_as_there_may_be(void **state)
{
    struct bench *bench = *state;
    struct job_log log = {.starts = 0};
    struct media_extent extents[MEDIA_EXTENTS_MAX];
    struct decoder_request request = request_for(&bench->wav, extents);
    for (int64_t i = 0; i < MEDIA_EXTENTS_MAX; i++) {
        extents[i] = extent_of(&bench->wav, bench->wav.size * i / MEDIA_EXTENTS_MAX,
                               bench->wav.size * (i + 1) / MEDIA_EXTENTS_MAX);
    }
    request.extent_count = MEDIA_EXTENTS_MAX;
    begin_request(bench, &log, &request);
    run_loop(bench);
    expect_wav(bench, &log);
}

static void test_decoder_client__runs_many_at_once(void **state)
{
    struct bench *bench = *state;
    struct job_log logs[24] = {0};
    for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
        begin(bench, &logs[i], &bench->wav);
    }
    run_loop(bench);
    for (size_t i = 0; i < ARRAY_LEN(logs); i++) {
        expect_wav(bench, &logs[i]);
    }
}

static void test_decoder_client__decodes_mp3_in_the_sandbox(void **state)
{
    struct bench *bench = *state;
    struct recording mp3 = recording_make("bench.mp3", 20, "-ar 44100 -q:a 4");
    struct job_log log = {0};
    begin(bench, &log, &mp3);
    run_loop(bench);
    assert_int_equal(log.outcome.result, DECODER_DONE);
    assert_string_equal(log.outcome.report.codec, "mp3");
    assert_int_equal(log.outcome.undecodable_units, 0);
    assert_int_equal(log.pcm.count, (log.report.samples * 16000 + 44099) / 44100);
    decoded_done(&log.pcm);
    recording_done(&mp3);
}

static void test_decoder_client__says_what_is_missing_or_wrong(void **state)
{
    struct bench *bench = *state;
    struct media_extent extent;
    struct decoder_request request = request_for(&bench->wav, &extent);
    extent = extent_of(&bench->wav, 100000, 200000);
    request.range = (struct media_range){100000, 200000, .resync_from = -1};
    struct job_log missing = {0};
    begin_request(bench, &missing, &request);

    static const uint8_t CAF[64] = "caff";
    struct recording caf = recording_from_bytes("x.caf", CAF, sizeof(CAF));
    struct job_log refused = {0};
    begin(bench, &refused, &caf);
    run_loop(bench);

    assert_int_equal(missing.outcome.result, DECODER_NEED);
    assert_int_equal(missing.outcome.need.start, 0);
    assert_int_equal(missing.starts, 0);
    expect_failure(&refused, ERR_REJECT, "CAF is not supported");
    recording_done(&caf);
}

static void test_decoder_client__limits_length_and_time(void **state)
{
    struct bench *bench = *state;
    struct recording endless = endless_wav(INT64_C(1) << 30);
    struct media_extent extent;
    struct decoder_request request = request_for(&endless, &extent);
    struct job_log too_long = {0};
    begin_request(bench, &too_long, &request);

    request.limits.max_seconds = 1 << 20;
    request.limits.wall_ms = 200;
    struct job_log too_slow = {0};
    begin_request(bench, &too_slow, &request);

    request.limits.wall_ms = 60000;
    request.limits.cpu_seconds = 1;
    struct job_log too_busy = {0};
    begin_request(bench, &too_busy, &request);
    run_loop(bench);

    expect_failure(&too_long, ERR_REJECT, "more than the limit of 14400 s");
    expect_failure(&too_slow, ERR_RETRY, "more than 200 ms");
    expect_failure(&too_busy, ERR_REJECT, "more than 1 s of CPU time");
    recording_done(&endless);
}

static void test_decoder_client__a_paused_job_waits(void **state)
{
    struct bench *bench = *state;
    struct job_log log = {.pause_after = 100000};
    begin(bench, &log, &bench->wav);
    run_loop(bench);
    assert_true(log.is_paused);
    size_t heard = log.pcm.count;

    /* Another job passes it; the paused one's child is blocked by its full pipe. */
    struct job_log other = {0};
    begin(bench, &other, &bench->wav);
    bench->running--;
    run_loop(bench);
    expect_wav(bench, &other);
    assert_int_equal(log.pcm.count, heard);
    assert_int_equal(log.dones, 0);

    log.pause_after = 0;
    log.is_paused = false;
    bench->running = 1;
    decoder_job_resume(log.job);
    run_loop(bench);
    expect_wav(bench, &log);
}

static void test_decoder_client__a_cancelled_job_is_silent_and_its_child_ends(void **state)
{
    struct bench *bench = *state;
    struct job_log inside = {.cancels = true};
    begin(bench, &inside, &bench->wav);
    run_loop(bench);
    struct job_log outside = {0};
    begin(bench, &outside, &bench->wav);
    decoder_job_cancel(outside.job);
    bench->running = 0;
    assert_int_equal(decoder_client_running(bench->client), 0);

    /* Orders are served one after the other: when this one is done, the kills are too. */
    struct job_log last = {0};
    begin(bench, &last, &bench->wav);
    run_loop(bench);
    expect_wav(bench, &last);
    assert_int_equal(inside.dones + outside.dones, 0);
    pid_t pids[8];
    pid_t parent = parent_process();
    while (child_processes(parent, pids, ARRAY_LEN(pids)) > 1) {
        (void)sched_yield(); /* until they are reaped; the test's own time limit ends it */
    }
    decoded_done(&inside.pcm);
}

static void kill_decoder(struct job_log *log UNUSED)
{
    pid_t pids[8];
    size_t count = child_processes(parent_process(), pids, ARRAY_LEN(pids));
    assert_int_equal(count, 1);
    assert_int_equal(kill(pids[0], SIGABRT), 0);
}

static void test_decoder_client__a_crashed_child_disturbs_no_other(void **state)
{
    struct bench *bench = *state;
    struct recording endless = endless_wav(INT64_C(1) << 26);
    struct job_log victim = {.on_first_pcm = kill_decoder};
    begin(bench, &victim, &endless);
    run_loop(bench);
    expect_failure(&victim, ERR_REJECT, "crashed on this audio (signal 6");

    struct job_log next = {0};
    begin(bench, &next, &bench->wav);
    run_loop(bench);
    expect_wav(bench, &next);
    recording_done(&endless);
}

/* The child that waits for the next order; the test's own time limit ends the wait for it. */
static pid_t spare_process(void)
{
    pid_t pids[2];
    while (child_processes(parent_process(), pids, ARRAY_LEN(pids)) != 1) {
        (void)sched_yield();
    }
    return pids[0];
}

static void wait_reaped(pid_t pid)
{
    while (kill(pid, 0) == 0) {
        (void)sched_yield();
    }
}

static void note_decoder(struct job_log *log)
{
    log->decoder = spare_process();
}

static void test_decoder_client__a_child_is_ready_before_its_order(void **state)
{
    struct bench *bench = *state;
    struct recording endless = endless_wav(INT64_C(1) << 26);
    struct err err;
    assert_true(decoder_client_start(bench->client, &err));
    for (int round = 0; round < 2; round++) {
        pid_t spare = spare_process();
        struct job_log log = {.on_first_pcm = note_decoder, .cancels = true};
        begin(bench, &log, &endless);
        run_loop(bench);
        assert_int_equal(log.decoder, spare);
        decoded_done(&log.pcm);
        wait_reaped(spare);
    }
    recording_done(&endless);
}

static void test_decoder_client__a_child_that_died_waiting_is_replaced(void **state)
{
    struct bench *bench = *state;
    struct err err;
    assert_true(decoder_client_start(bench->client, &err));
    for (int round = 0; round < 2; round++) {
        pid_t spare = spare_process();
        assert_int_equal(kill(spare, SIGKILL), 0);
        wait_reaped(spare);
        struct job_log log = {0};
        begin(bench, &log, &bench->wav);
        run_loop(bench);
        expect_wav(bench, &log);
    }
}

static void kill_parent(struct job_log *log UNUSED)
{
    assert_int_equal(kill(parent_process(), SIGKILL), 0);
}

static void test_decoder_client__a_dead_parent_is_replaced(void **state)
{
    struct bench *bench = *state;
    struct recording endless = endless_wav(INT64_C(1) << 26);
    struct job_log lost[3] = {{.on_first_pcm = kill_parent}};
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        begin(bench, &lost[i], &endless);
    }
    run_loop(bench);
    for (size_t i = 0; i < ARRAY_LEN(lost); i++) {
        expect_failure(&lost[i], ERR_RETRY, "the decoder process ended");
    }

    struct job_log next = {0};
    begin(bench, &next, &bench->wav);
    run_loop(bench);
    expect_wav(bench, &next);
    recording_done(&endless);
}

static void test_decoder_client__leaves_nothing_open(void **state)
{
    struct bench *bench = *state;
    for (int round = 0; round < 2; round++) {
        struct job_log log = {0};
        begin(bench, &log, &bench->wav);
        run_loop(bench);
        expect_wav(bench, &log);
    }
    pid_t parent = parent_process();
    char path[64];
    (void)snprintf(path, sizeof(path), "/proc/%d/environ", parent);
    FILE *environment = fopen(path, "re");
    assert_non_null(environment);
    assert_int_equal(fgetc(environment), EOF);
    (void)fclose(environment);

    decoder_client_free(bench->client);
    bench->client = NULL;
    pid_t pid;
    assert_int_equal(child_processes(getpid(), &pid, 1), 0);
}

static void report_and_die(struct job_log *log UNUSED)
{
    pid_t pids[2] = {parent_process(), 0};
    assert_int_equal(child_processes(pids[0], &pids[1], 1), 1);
    assert_int_equal(write(STDOUT_FILENO, pids, sizeof(pids)), sizeof(pids));
    (void)raise(SIGKILL);
}

/* A process of its own plays the worker; what it leaves behind falls to this one. */
static void test_decoder_client__nothing_outlives_a_killed_worker(void **state)
{
    struct bench *bench = *state;
    struct recording endless = endless_wav(INT64_C(1) << 26);
    int pipes[2];
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    pid_t worker = fork();
    assert_true(worker >= 0);
    if (worker == 0) {
        struct job_log log = {.on_first_pcm = report_and_die};
        (void)dup2(pipes[1], STDOUT_FILENO);
        (void)event_reinit(bench->base);
        begin(bench, &log, &endless);
        (void)event_base_dispatch(bench->base);
        _exit(1);
    }
    pid_t pids[2];
    assert_int_equal(read(pipes[0], pids, sizeof(pids)), sizeof(pids));
    int status = 0;
    assert_int_equal(waitpid(worker, &status, 0), worker);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(waitpid(pids[0], &status, 0), pids[0]); /* the decoder parent, politely */
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(kill(pids[1], 0), -1); /* its child, which it has waited for */
    (void)prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    recording_done(&endless);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv)
{
    if (decoder_parent_is_wanted(argc, argv)) {
        return decoder_parent_run();
    }
    (void)setenv("SECRET_OF_THE_WORKER", "x", 1);
    const struct CMUnitTest tests[] = {
        TEST(test_decoder_client__streams_a_chunk),
        TEST(test_decoder_client__takes_as_many_pieces_as_there_may_be),
        TEST(test_decoder_client__runs_many_at_once),
        TEST(test_decoder_client__decodes_mp3_in_the_sandbox),
        TEST(test_decoder_client__says_what_is_missing_or_wrong),
        TEST(test_decoder_client__limits_length_and_time),
        TEST(test_decoder_client__a_paused_job_waits),
        TEST(test_decoder_client__a_cancelled_job_is_silent_and_its_child_ends),
        TEST(test_decoder_client__a_crashed_child_disturbs_no_other),
        TEST(test_decoder_client__a_child_is_ready_before_its_order),
        TEST(test_decoder_client__a_child_that_died_waiting_is_replaced),
        TEST(test_decoder_client__a_dead_parent_is_replaced),
        TEST(test_decoder_client__leaves_nothing_open),
        TEST(test_decoder_client__nothing_outlives_a_killed_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
