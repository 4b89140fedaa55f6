/* The I/O thread under load, with an application in C: clients pipeline, post,
 * read slowly, talk over WebSockets and vanish while a file is saved over and
 * over. Checks what the clients get; under ThreadSanitizer, checks the two
 * threads as well.
 *
 * The clients are a process of their own: a request from the server's process
 * that waits long at the fence is refused. Nothing here has a deadline, so that
 * a loaded machine cannot fail it; ctest ends what hangs.
 *
 *     io_stress [ROUNDS]
 */

#include "io.h"
#include "pathset.h"
#include "watchlist.h"
#include "websocket_handshake.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CLIENTS = 64,
    DEFAULT_ROUNDS = 15,
    PIPELINED = 8,
    POST_SIZE = 300000,   /* over the high water: reading pauses and resumes */
    ANSWER_SIZE = 400000, /* more than a socket takes at once */
    PIECE = 40000,
    MESSAGES = 8,          /* in a row, before the first answer is read */
    PING_EVERY = 50,       /* milliseconds, so that a timer runs as well */
    NO_DEADLINE = 1 << 30, /* milliseconds */
};

/* Always on, unlike assert. */
#define CHECK(condition) \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

static struct sockaddr_in address;
static int rounds = DEFAULT_ROUNDS;
static atomic_int clients_left = CLIENTS;
static char folder[] = "/tmp/io_stress.XXXXXX";
static char watched[64];
static char polled[64];


static void
check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not true: %s\n", file, line, condition);
    _exit(1);
}


/* The application. One struct per request, from its start to its answer. */

struct answer {
    size_t received;
    size_t rest; /* still to be sent */
    bool started;
};


static void
app_echo(struct io *io, struct request *request, const struct chunk *chunk);


static void
app_receive(struct io *io, struct request *request, struct answer *answer)
{
    struct letter *letter = mailbox_take(&request->body);
    while (letter != NULL) {
        struct chunk *chunk = CONTAINER_OF(letter, struct chunk, letter);
        letter = letter->next;
        answer->received += chunk->size;
        if (request->offer != NULL) {
            app_echo(io, request, chunk);
        }
        size_t before = atomic_fetch_sub(&request->body_unread, chunk->cost);
        if (before - chunk->cost <= BODY_LOW_WATER
            && atomic_load(&request->body_paused)
            && atomic_exchange(&request->body_paused, false)) {
            CHECK(io_resume(io, request) == 0);
        }
        free(chunk);
    }
}


static void
app_send(struct io *io, struct request *request, const char *data, size_t size,
         unsigned flags)
{
    struct output *output = output_new(request, size);
    CHECK(output != NULL);
    memcpy(output->data, data, size);
    output->size = size;
    output->flags = flags;
    io_send(io, output);
    io_nudge(io);
}


/* A message of a WebSocket goes back; so does what closes it. */
static void
app_echo(struct io *io, struct request *request, const struct chunk *chunk)
{
    static const unsigned KINDS[] = {
        [LETTER_TEXT] = OUTPUT_TEXT,
        [LETTER_BINARY] = OUTPUT_BINARY,
        [LETTER_FAIL] = OUTPUT_CLOSE_FRAME,
    };
    if (chunk->letter.kind == LETTER_CLOSE) {
        return;
    }
    bool refer = chunk->letter.kind == LETTER_BINARY; /* as large ones are */
    size_t space = FRAME_ROOM + (refer ? 0 : chunk->size);
    struct output *output = output_new(request, space);
    CHECK(output != NULL);
    char *payload = output->data + FRAME_ROOM;
    if (refer) {
        payload = malloc(chunk->size + 1);
        CHECK(payload != NULL);
        output->tail = payload;
        output->tail_size = chunk->size;
        output->tail_owner = payload;
        output->tail_release = free;
    }
    memcpy(payload, chunk->data, chunk->size);
    output->size = space;
    output->flags = KINDS[chunk->letter.kind];
    io_send(io, output);
    io_nudge(io);
}


static void
app_accept(struct io *io, struct request *request)
{
    static const char head[] =
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
        "connection: upgrade\r\n\r\n";
    app_send(io, request, head, sizeof(head) - 1, OUTPUT_UPGRADE);
}


static void
app_send_head(struct io *io, struct request *request, struct answer *answer)
{
    char head[128];
    bool large = request->target_size > 1 && request->text[1] == 'l';
    answer->rest = large ? ANSWER_SIZE : 0;
    size_t size;
    if (large) {
        size = (size_t)snprintf(head, sizeof(head),
                                "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n",
                                ANSWER_SIZE);
    }
    else {
        char body[32];
        int length = snprintf(body, sizeof(body), "%zu", answer->received);
        size = (size_t)snprintf(
            head, sizeof(head),
            "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s", length, body);
    }
    answer->started = true;
    app_send(io, request, head, size, large ? 0 : OUTPUT_END);
}


/* Send until the high water or the end. */
static void
app_send_rest(struct io *io, struct request *request, struct answer *answer)
{
    static const char piece[PIECE];
    while (answer->rest > 0) {
        if (atomic_load(&request->unwritten) > OUTPUT_HIGH_WATER) {
            atomic_store(&request->wants_drain, true);
            if (atomic_load(&request->unwritten) > OUTPUT_LOW_WATER
                || !atomic_exchange(&request->wants_drain, false)) {
                return; /* EVENT_DRAINED comes, or came */
            }
        }
        size_t size = answer->rest < PIECE ? answer->rest : PIECE;
        answer->rest -= size;
        app_send(io, request, piece, size, answer->rest ? 0 : OUTPUT_END);
    }
}


static void
app_on_request(struct io *io, struct request *request)
{
    unsigned events = request_events(request);
    struct answer *answer = request->owner;
    if (events & EVENT_START) {
        CHECK(answer == NULL);
        request->owner = answer = calloc(1, sizeof(*answer));
        CHECK(answer != NULL);
    }
    if (answer != NULL) {
        bool socket = request->offer != NULL;
        bool complete = atomic_load(&request->body_complete) && !socket;
        if (socket && (events & EVENT_START)) {
            app_accept(io, request);
        }
        app_receive(io, request, answer);
        if (complete && !answer->started) {
            app_send_head(io, request, answer);
        }
        if (answer->started && !(events & EVENT_DISCONNECT)) {
            app_send_rest(io, request, answer);
        }
        if ((events & EVENT_DISCONNECT)
            || (answer->started && answer->rest == 0)) {
            request->owner = NULL;
            free(answer);
            request_unref(request); /* the application's */
        }
    }
    request_unref(request); /* the letter's */
}


/* Returns whether the thread goes on. */
static bool
app_on_letter(struct io *io, struct letter *letter)
{
    switch (letter->kind) {
    case LETTER_REQUEST:
        app_on_request(io, CONTAINER_OF(letter, struct request, letter));
        return true;
    case LETTER_CHANGE: {
        struct change *change = CONTAINER_OF(letter, struct change, letter);
        CHECK(io_release(io, change->serial) == 0);
        pathset_free(change->paths);
        free(change);
        return true;
    }
    case LETTER_SPENT:
        output_release(CONTAINER_OF(letter, struct output, letter));
        return true;
    case LETTER_STOPPED:
        return false;
    default:
        CHECK(!"a letter that nobody should write");
        return false;
    }
}


/* Until the clients' process has closed its end of the pipe. */
static void
app_run(struct io *io, int clients)
{
    struct pollfd wait[] = {
        {.fd = io_fd(io), .events = POLLIN},
        {.fd = clients, .events = POLLIN},
    };
    bool running = true;
    while (running) {
        (void)poll(wait, 2, -1);
        io_awake(io);
        do {
            struct letter *letter = io_take(io);
            while (letter != NULL) {
                struct letter *next = letter->next;
                running = app_on_letter(io, letter) && running;
                letter = next;
            }
        } while (io_sleep(io));
        if (wait[1].fd >= 0 && wait[1].revents != 0) {
            wait[1].fd = -1;
            CHECK(io_stop(io, 1001, false) == 0);
        }
    }
}


/* The clients. */

static int
client_connect(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}


static void
client_send(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        CHECK(sent > 0);
        data += sent;
        size -= (size_t)sent;
    }
}


static void
client_send_text(int fd, const char *text)
{
    client_send(fd, text, strlen(text));
}


/* Read answers until `wanted` bytes came; returns the first of them. */
static char *
client_read(int fd, size_t wanted)
{
    char *data = malloc(wanted + 1);
    CHECK(data != NULL);
    size_t size = 0;
    while (size < wanted) {
        ssize_t got = recv(fd, data + size, wanted - size, 0);
        CHECK(got > 0);
        size += (size_t)got;
    }
    data[size] = '\0';
    return data;
}


static void
client_pipeline(int fd)
{
    static const char answer[] =
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n0";
    for (int i = 0; i < PIPELINED; i++) {
        client_send_text(fd, "GET /small HTTP/1.1\r\nhost: x\r\n\r\n");
    }
    char *data = client_read(fd, PIPELINED * (sizeof(answer) - 1));
    for (int i = 0; i < PIPELINED; i++) {
        size_t size = sizeof(answer) - 1;
        CHECK(memcmp(data + (size_t)i * size, answer, size) == 0);
    }
    free(data);
}


static void
client_post(int fd)
{
    static const char body[POST_SIZE];
    char text[128];
    snprintf(text, sizeof(text),
             "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n",
             POST_SIZE);
    client_send_text(fd, text);
    client_send(fd, body, sizeof(body));
    snprintf(text, sizeof(text),
             "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n%d", POST_SIZE);
    char *data = client_read(fd, strlen(text));
    CHECK(strcmp(data, text) == 0);
    free(data);
}


static void
client_download(int fd)
{
    client_send_text(fd, "GET /large HTTP/1.1\r\nhost: x\r\n\r\n");
    char *data = client_read(
        fd, strlen("HTTP/1.1 200 OK\r\ncontent-length: 400000\r\n\r\n")
                + ANSWER_SIZE);
    free(data);
}


/* A frame of `size` times 'x', masked with nothing. */
static size_t
frame_write(char *at, unsigned char first, size_t size)
{
    size_t n = 0;
    at[n++] = (char)first;
    if (size < 126) {
        at[n++] = (char)(0x80 | size);
    }
    else if (size < 65536) {
        at[n++] = (char)(0x80 | 126);
        at[n++] = (char)(size >> 8);
        at[n++] = (char)size;
    }
    else {
        at[n++] = (char)(0x80 | 127);
        for (int shift = 56; shift >= 0; shift -= 8) {
            at[n++] = (char)((uint64_t)size >> shift);
        }
    }
    memset(at + n, 0, 4);
    memset(at + n + 4, 'x', size);
    return n + 4 + size;
}


#define ANY_SIZE ((size_t)-1)

/* Read a frame that is no ping; its first byte. If it is a plain message,
 * `size` times 'x'. */
static unsigned char
frame_read(int fd, size_t plain)
{
    unsigned char first;
    do {
        char *head = client_read(fd, 2);
        first = (unsigned char)head[0];
        size_t size = (unsigned char)head[1];
        free(head);
        if (size >= 126) {
            size_t more = size == 126 ? 2 : 8;
            char *length = client_read(fd, more);
            size = 0;
            for (size_t i = 0; i < more; i++) {
                size = size << 8 | (unsigned char)length[i];
            }
            free(length);
        }
        char *payload = client_read(fd, size);
        if (!(first & 0x40) && (first & 15) < 8) {
            CHECK(plain == ANY_SIZE || size == plain);
            for (size_t i = 0; i < size; i++) {
                CHECK(payload[i] == 'x');
            }
        }
        free(payload);
    } while ((first & 15) == 9);
    return first;
}


/* Messages of every size and pings, until `end`: 8, a close, or something that
 * may not come. */
static void
client_socket(const char *extensions, unsigned char end, bool vanish)
{
    static const size_t SIZES[] = {0, 10, 200, 5000, 100000};
    int fd = client_connect();
    char head[512];
    snprintf(head, sizeof(head),
             "GET /ws HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n"
             "connection: upgrade\r\nsec-websocket-version: 13\r\n"
             "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
             extensions);
    client_send_text(fd, head);
    free(client_read(fd, strlen("HTTP/1.1 101 Switching Protocols\r\n"
                                "upgrade: websocket\r\n"
                                "connection: upgrade\r\n\r\n")));
    char *frames = malloc(MESSAGES * (SIZES[4] + 32));
    CHECK(frames != NULL);
    for (size_t i = 0; i < sizeof(SIZES) / sizeof(*SIZES); i++) {
        size_t size = 0;
        for (int n = 0; n < MESSAGES; n++) {
            size += frame_write(frames + size, n % 2 ? 0x81 : 0x82, SIZES[i]);
        }
        size += frame_write(frames + size, 0x89, 4);
        client_send(fd, frames, size);
        for (int n = vanish ? MESSAGES : 0; n < MESSAGES + 1; n++) {
            (void)frame_read(fd, vanish ? ANY_SIZE : SIZES[i]);
        }
    }
    if (!vanish) {
        client_send(fd, frames, frame_write(frames, end, 0));
        CHECK((frame_read(fd, 0) & 15) == 8);
        char rest;
        CHECK(recv(fd, &rest, 1, 0) == 0);
    }
    free(frames);
    close(fd);
}


static void
client_sockets(void)
{
    static const char deflate[] =
        "sec-websocket-extensions: permessage-deflate\r\n";
    client_socket("", 0x88, false);
    client_socket(deflate, 0x88, false);
    client_socket("", 0x8f, false);
    client_socket(deflate, 0x88, true);
}


/* Ask for a lot, or send half of it, and be gone. */
static void
client_vanish(void)
{
    int fd = client_connect();
    client_send_text(fd, "GET /large HTTP/1.1\r\nhost: x\r\n\r\n");
    free(client_read(fd, 10));
    close(fd);
    fd = client_connect();
    client_send_text(
        fd, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 90\r\n\r\nhalf");
    close(fd);
    fd = client_connect();
    client_send_text(fd, "nonsense\r\n\r\n");
    char *data = client_read(fd, 12);
    CHECK(strcmp(data, "HTTP/1.1 400") == 0);
    free(data);
    close(fd);
}


static void *
client_run(void *unused)
{
    (void)unused;
    for (int i = 0; i < rounds; i++) {
        int fd = client_connect();
        client_pipeline(fd);
        client_post(fd);
        client_download(fd);
        client_pipeline(fd);
        close(fd);
        client_vanish();
        if (i % 3 == 0) {
            client_sockets();
        }
    }
    atomic_fetch_sub(&clients_left, 1);
    return NULL;
}


static void
save(const char *path)
{
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    CHECK(fputs("x = 1\n", file) >= 0);
    CHECK(fclose(file) == 0);
}


/* Saves, all the time. */
static void *
editor_run(void *unused)
{
    (void)unused;
    while (atomic_load(&clients_left) > 0) {
        save(watched);
        save(polled);
        usleep(2000); /* the pace of the load, nothing waits for it */
    }
    return NULL;
}


/* All clients and the editor; the process that runs them. It holds the other
 * end of *alive until all are done, and not the listener: a client of a server
 * that is gone would wait for ever. */
static pid_t
clients_start(int *alive, int listener)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t process = fork();
    CHECK(process >= 0);
    *alive = ends[0];
    if (process > 0) {
        close(ends[1]);
        return process;
    }
    close(listener);
    pthread_t threads[CLIENTS + 1];
    for (int i = 0; i < CLIENTS; i++) {
        CHECK(pthread_create(&threads[i], NULL, client_run, NULL) == 0);
    }
    CHECK(pthread_create(&threads[CLIENTS], NULL, editor_run, NULL) == 0);
    for (int i = 0; i < CLIENTS + 1; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    exit(0); /* not _exit: a sanitizer has its say */
}


static int
listener_new(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t size = sizeof(address);
    CHECK(bind(fd, (struct sockaddr *)&address, size) == 0);
    CHECK(listen(fd, 128) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    return fd;
}


static void
watch_folder(struct io *io)
{
    struct watchlist *list = watchlist_new();
    CHECK(list != NULL);
    CHECK(watchlist_add(list, watched, strlen(watched), PATH_FILE, false) == 0);
    CHECK(watchlist_add(list, polled, strlen(polled), PATH_FILE, true) == 0);
    CHECK(io_watch(io, list) == 0);
}


int
main(int argc, char **argv)
{
    rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : DEFAULT_ROUNDS;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(watched, sizeof(watched), "%s/module.py", folder);
    snprintf(polled, sizeof(polled), "%s/polled.py", folder);
    int listener = listener_new();
    int alive, error, status;
    pid_t clients = clients_start(&alive, listener);
    struct io_options options = {
        .listeners = &listener,
        .n_listeners = 1,
        .keep_alive = NO_DEADLINE,
        .websocket = {.enabled = true,
                      .deflate = true,
                      .max_size = 1 << 20,
                      .message_cost = 2048,
                      .ping_interval = PING_EVERY},
        .head_time = NO_DEADLINE,
    };
    struct io *io = io_new(&options, &error);
    CHECK(io != NULL);
    CHECK(io_start(io) == 0);
    watch_folder(io);
    app_run(io, alive);
    io_join(io);
    CHECK(waitpid(clients, &status, 0) == clients);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    printf("requests %llu, fenced %llu, changes %llu\n",
           (unsigned long long)io_counter_get(io, IO_REQUESTS),
           (unsigned long long)io_counter_get(io, IO_FENCED),
           (unsigned long long)io_counter_get(io, IO_CHANGES));
    CHECK(io_counter_get(io, IO_CONNECTIONS) == 0);
    CHECK(io_counter_get(io, IO_CHANGES) > 0);
    io_free(io);
    close(listener);
    CHECK(unlink(watched) == 0);
    CHECK(unlink(polled) == 0);
    CHECK(rmdir(folder) == 0);
    return 0;
}
