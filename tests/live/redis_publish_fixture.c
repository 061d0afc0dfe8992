/*
 * redis_publish_fixture.c - publishes a made-up capture through the real sink, and can be made to
 * die, or to kill the server, in the middle. check_redis.py drives it.
 *
 * usage: redis_publish_fixture URL STATE_DIR SENSOR CAPTURE_ID [OPTION=NUMBER...]
 *
 *   domains=N     handshakes of N domains over three days, some of them legacy (default 6)
 *   alerts=N      so many alerts (default 3)
 *   hostile=1     one more alert whose domain holds what breaks terminals, CSV and protocols
 *   die_write=N   _exit(99) before the Nth write to the socket
 *   die_read=N    _exit(99) before the Nth read from it (the server has the command by then)
 *   kill=PID kill_write=N   kill -9 PID before the Nth write
 *   flush_write=N   has the server forget its scripts before the Nth write
 *   ids=N         alert ids count from N (default 0)
 *   begin=SECONDS time of the first packet (default 2026-11-23 12:00 UTC)
 *   timeout=MS    default 3000
 *   patience=MS   default 1000
 *   journal=MIB   default 16
 *   flush=MS      default 1000
 *   live=N        no capture but an interface: N items, handshakes and now and then an alert, which
 *                 go on where a killed process stopped (STATE_DIR/items says where); `domains` of
 *                 them
 *   unshared=N    of what is shared with other sensors N found no room
 *   pause=US      between two of these, default 100
 *   step=US       of packet time between them, default 20000
 *
 * The linker puts the two functions below between the sink and hiredis (--wrap). Exit status: 0
 * published, 1 publisher_stop() failed, 2 publisher_new() did, 99 died as asked; the errno of a
 * failed publish is on stdout, and behind it the milliseconds of CPU that the judge's side took.
 */
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "publisher_state.h"
#include "shared_history.h"
#include "verdict_scene.h"

/* NOLINTBEGIN(readability-identifier-naming): ld's --wrap makes these names */
int __real_redisBufferWrite(redisContext *context, int *done);
int __real_redisBufferRead(redisContext *context);
int __wrap_redisBufferWrite(redisContext *context, int *done);
int __wrap_redisBufferRead(redisContext *context);
/* NOLINTEND(readability-identifier-naming) */

struct plan {
    unsigned long domains;
    unsigned long alerts;
    unsigned long hostile;
    unsigned long die_write;
    unsigned long die_read;
    unsigned long kill;
    unsigned long kill_write;
    unsigned long flush_write;
    unsigned long ids;
    unsigned long unshared;
    unsigned long begin;
    unsigned long timeout;
    unsigned long patience;
    unsigned long journal;
    unsigned long flush;
    unsigned long live;
    unsigned long pause;
    unsigned long step;
};

static struct plan plan = {.domains = 6,
                           .alerts = 3,
                           .timeout = 3000,
                           .patience = 1000,
                           .journal = 16,
                           .flush = 1000,
                           .pause = 100,
                           .step = 20000,
                           .begin = SCENE_HELLO_US / 1000000};
static unsigned long writes;
static unsigned long reads;

/* hiredis's own calls inside its library are not wrapped. */
static void forget_scripts(const char *path) {
    redisContext *context = redisConnectUnix(path);
    if (context == NULL || context->err != 0)
        _exit(3);
    freeReplyObject(redisCommand(context, "SCRIPT FLUSH"));
    redisFree(context);
}

int __wrap_redisBufferWrite(redisContext *context, int *done) {
    writes++;
    if (writes == plan.flush_write)
        forget_scripts(context->unix_sock.path);
    if (writes == plan.die_write)
        _exit(99);
    if (writes == plan.kill_write)
        (void)kill((pid_t)plan.kill, SIGKILL);
    return __real_redisBufferWrite(context, done);
}

int __wrap_redisBufferRead(redisContext *context) {
    reads++;
    if (reads == plan.die_read)
        _exit(99);
    return __real_redisBufferRead(context);
}

static void read_option(const char *text) {
    const struct {
        const char *name;
        unsigned long *value;
    } known[] = {{"domains=", &plan.domains},       {"alerts=", &plan.alerts},
                 {"hostile=", &plan.hostile},       {"die_write=", &plan.die_write},
                 {"die_read=", &plan.die_read},     {"kill=", &plan.kill},
                 {"kill_write=", &plan.kill_write}, {"ids=", &plan.ids},
                 {"unshared=", &plan.unshared},     {"flush_write=", &plan.flush_write},
                 {"begin=", &plan.begin},           {"timeout=", &plan.timeout},
                 {"patience=", &plan.patience},     {"journal=", &plan.journal},
                 {"flush=", &plan.flush},           {"live=", &plan.live},
                 {"pause=", &plan.pause},           {"step=", &plan.step}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t size = strlen(known[i].name);
        if (strncmp(text, known[i].name, size) != 0)
            continue;
        *known[i].value = strtoul(text + size, NULL, 10);
        return;
    }
    (void)fprintf(stderr, "unknown option %s\n", text);
    exit(3);
}

static void set_time(struct verdict_scene *scene, uint64_t time_us) {
    struct handshake *handshake = &scene->scene.handshake;
    handshake->started_us = time_us;
    handshake->ended_us = time_us + 50000;
    handshake->side[SIDE_CLIENT].hello_us = time_us + 10000;
    handshake->side[SIDE_SERVER].hello_us = time_us + 20000;
}

/* Domain i: i + 2 handshakes, spread over three days, one in three each of TLS 1.3, 1.2 and 1.0. */
static void add_handshakes(const struct sink *sink) {
    static const uint16_t chosen[] = {TLS_VERSION_1_3, TLS_VERSION_1_2, TLS_VERSION_1_0};
    static struct verdict_scene scene;
    const uint64_t step_us = 17ULL * 3600 * 1000000;
    for (unsigned long domain = 0; domain < plan.domains; domain++) {
        char name[64];
        (void)snprintf(name, sizeof name, "host%lu.example", domain);
        for (unsigned long i = 0; i < domain % 8 + 2; i++) {
            uint16_t version = chosen[i % 3];
            verdict_scene_versions(&scene, name, i % 2 ? version : TLS_VERSION_1_3, version);
            scene.scene.handshake.client.address.bytes[2] = (uint8_t)(domain % 200);
            scene.scene.handshake.client.address.bytes[3] = (uint8_t)i;
            set_time(&scene, plan.begin * 1000000 + (i % 4) * step_us);
            sink->handshake(sink->context, &scene.verdict);
        }
    }
}

static void add_alerts(const struct sink *sink) {
    static struct verdict_scene scene;
    for (unsigned long i = 0; i < plan.alerts; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "host%lu.example", i % 6);
        verdict_scene_init(&scene, name);
        set_time(&scene, plan.begin * 1000000 + i * 1000000);
        (void)snprintf(scene.alert.id, ALERT_ID_SIZE, "%032lx", plan.ids + i);
        sink->alert(sink->context, &scene.alert);
    }
    if (plan.hostile == 0)
        return;
    verdict_scene_init(&scene, "=cmd|'x',\"y\"\033[31m\r\n*3 \xff{}\\");
    (void)snprintf(scene.alert.id, ALERT_ID_SIZE, "%032lx", 0xffffUL);
    sink->alert(sink->context, &scene.alert);
}

/* The made-up capture, from its begin to its end. */
static void replay(struct publisher *publisher, const char *sensor, const char *capture_id) {
    const struct sink *sink = publisher_sink(publisher);
    const struct source source = {.sensor = sensor, .name = "made-up.pcap", .is_file = true};
    const struct run_stats stats = {.packets = 1000,
                                    .bytes = 100000,
                                    .handshakes = 40,
                                    .flows_evicted = 2,
                                    .packets_malformed = 3,
                                    .first_us = plan.begin * 1000000,
                                    .last_us = plan.begin * 1000000 + 60ULL * 3600 * 1000000};
    publisher_begin(publisher, source.name, capture_id);
    add_handshakes(sink);
    add_alerts(sink);
    sink->source_end(sink->context, &source, &stats);
}

/*
 * Where the live source is, in a mapped file. Of the two places the one with the higher number
 * holds: `head`, the journal's before the item, is written first. So the next process knows whether
 * the item that was begun is in the journal, wherever this one was killed.
 */
struct place {
    volatile uint64_t head;
    volatile uint64_t number; /* of the item, from 1; 0: none */
};

static struct place *map_places(const char *state_dir) {
    char path[512];
    (void)snprintf(path, sizeof path, "%s/items", state_dir);
    int file = open(path, O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, 2 * sizeof(struct place)) != 0)
        exit(3);
    void *mapped =
        mmap(NULL, 2 * sizeof(struct place), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped == MAP_FAILED)
        exit(3);
    (void)close(file);
    return mapped;
}

static unsigned long next_item(const struct place places[2], uint64_t head) {
    const struct place *last = &places[places[1].number > places[0].number ? 1 : 0];
    if (last->number == 0)
        return 1;
    return (unsigned long)(head > last->head ? last->number + 1 : last->number);
}

/* Item n: a handshake of domain n % domains; each 50th is an alert. */
static void emit_item(const struct sink *sink, unsigned long n) {
    static struct verdict_scene scene;
    static const uint16_t chosen[] = {TLS_VERSION_1_3, TLS_VERSION_1_2, TLS_VERSION_1_0};
    char name[64];
    (void)snprintf(name, sizeof name, "host%lu.example", n % plan.domains);
    if (n % 50 == 0) {
        verdict_scene_init(&scene, name);
        set_time(&scene, plan.begin * 1000000 + n * plan.step);
        (void)snprintf(scene.alert.id, ALERT_ID_SIZE, "%032lx", plan.ids + n);
        sink->alert(sink->context, &scene.alert);
        return;
    }
    uint16_t version = chosen[n * 2654435761U % 65521 % 3];
    verdict_scene_versions(&scene, name, n % 2 ? version : TLS_VERSION_1_3, version);
    scene.scene.handshake.client.address.bytes[2] = (uint8_t)(n / 7 % 50);
    scene.scene.handshake.client.address.bytes[3] = (uint8_t)(n % 200);
    set_time(&scene, plan.begin * 1000000 + n * plan.step);
    sink->handshake(sink->context, &scene.verdict);
}

static void sniff(struct publisher *publisher, struct journal *journal, const char *state_dir) {
    struct place *places = map_places(state_dir);
    unsigned long n = next_item(places, journal_head(journal));
    publisher_begin(publisher, "made-up0", NULL);
    for (; n <= plan.live; n++) {
        places[n % 2].head = journal_head(journal);
        atomic_signal_fence(memory_order_seq_cst);
        places[n % 2].number = n;
        emit_item(publisher_sink(publisher), n);
        if (plan.pause > 0)
            (void)usleep((useconds_t)plan.pause);
    }
}

/* With room for one, which is taken. */
static struct shared_history *lose_shared(unsigned long count) {
    const struct shared_hello hello = {0};
    struct shared_history *shared = shared_history_new(1);
    if (shared == NULL)
        exit(3);
    while (shared_history_lost(shared, SHARED_OUT) < count)
        (void)shared_history_put_hello(shared, SHARED_OUT, &hello);
    return shared;
}

int main(int argc, char **argv) {
    if (argc < 5)
        return 3;
    for (int i = 5; i < argc; i++)
        read_option(argv[i]);
    char *error = NULL;
    struct publisher_config config;
    publisher_default_config(&config);
    config.url = argv[1];
    config.state_dir = argv[2];
    config.sensor = argv[3];
    config.timeout_ms = (uint32_t)plan.timeout;
    config.patience_ms = (uint32_t)plan.patience;
    config.journal_bytes = plan.journal << 20U;
    config.is_live = plan.live > 0;
    config.flush_ms = (uint32_t)plan.flush;
    struct shared_history *shared = lose_shared(plan.unshared);
    config.shared = shared;
    struct publisher *publisher = publisher_new(&config, &error);
    if (publisher == NULL) {
        (void)fprintf(stderr, "%s\n", error != NULL ? error : "out of memory");
        free(error);
        return 2;
    }
    if (publisher_start(publisher) != 0)
        return 3;
    if (plan.live > 0)
        sniff(publisher, publisher->journal, argv[2]);
    else
        replay(publisher, argv[3], argv[4]);
    struct timespec cpu;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    int status = publisher_stop(publisher, 0);
    shared_history_delete(shared);
    (void)printf("%d %ld\n", -status, (long)(cpu.tv_sec * 1000 + cpu.tv_nsec / 1000000));
    return status == 0 ? 0 : 1;
}
