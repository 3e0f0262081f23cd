/* A plain epoll echo server, level-triggered, one thread: what an echo costs when nothing is added.

       floor HOST:PORT | unix:PATH

   Prints where it listens and serves until killed. Bytes that the peer does not take at once are kept and
   reading stops until they are gone, as a loop with flow control has to do. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024, EVENTS = 1024 };

struct connection {
    int fd;
    char *kept; /* not yet taken by the peer; NULL when all is sent */
    size_t length, sent;
};

static int poller, is_unix;
static char chunk[CHUNK];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int listen_on(const char *address) {
    int fd;
    if (strncmp(address, "unix:", 5) == 0) {
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        is_unix = 1;
        if (strlen(address + 5) >= sizeof name.sun_path) {
            fprintf(stderr, "floor: path too long: %s\n", address + 5);
            exit(2);
        }
        strcpy(name.sun_path, address + 5);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) < 0) fail("bind");
        if (listen(fd, 1024) < 0) fail("listen");
        printf("listening on %s\n", address);
    } else {
        char host[64] = "";
        int port = 0, yes = 1;
        struct sockaddr_in name = {.sin_family = AF_INET};
        socklen_t length = sizeof name;
        if (sscanf(address, "%63[^:]:%d", host, &port) != 2 || inet_pton(AF_INET, host, &name.sin_addr) != 1) {
            fprintf(stderr, "usage: floor HOST:PORT | unix:PATH\n");
            exit(2);
        }
        name.sin_port = htons(port);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0) fail("socket");
        if (bind(fd, (struct sockaddr *)&name, sizeof name) < 0) fail("bind");
        if (listen(fd, 1024) < 0) fail("listen");
        getsockname(fd, (struct sockaddr *)&name, &length);
        printf("listening on %s:%d\n", host, ntohs(name.sin_port));
    }
    fflush(stdout);
    return fd;
}

static void accept_one(int listener) {
    int yes = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    struct connection *connection;
    struct epoll_event event = {.events = EPOLLIN};
    if (fd < 0) return;
    if (!is_unix) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    connection = calloc(1, sizeof *connection);
    if (!connection) fail("calloc");
    connection->fd = fd;
    event.data.ptr = connection;
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
}

static void hang_up(struct connection *connection) {
    close(connection->fd);
    free(connection->kept);
    free(connection);
}

static void watch(struct connection *connection, unsigned events) {
    struct epoll_event event = {.events = events, .data.ptr = connection};
    if (epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event) < 0) fail("epoll_ctl");
}

/* How many bytes the peer took, or -1 when it is gone. */
static ssize_t send_some(int fd, const char *bytes, size_t length) {
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static void readable(struct connection *connection) {
    ssize_t received = recv(connection->fd, chunk, CHUNK, 0), sent;
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (received <= 0 || (sent = send_some(connection->fd, chunk, received)) < 0) {
        hang_up(connection);
        return;
    }
    if (sent < received) {
        connection->length = received - sent;
        connection->sent = 0;
        connection->kept = malloc(connection->length);
        if (!connection->kept) fail("malloc");
        memcpy(connection->kept, chunk + sent, connection->length);
        watch(connection, EPOLLOUT);
    }
}

static void writable(struct connection *connection) {
    ssize_t sent = send_some(connection->fd, connection->kept + connection->sent, connection->length - connection->sent);
    if (sent < 0) {
        hang_up(connection);
        return;
    }
    connection->sent += sent;
    if (connection->sent == connection->length) {
        free(connection->kept);
        connection->kept = NULL;
        watch(connection, EPOLLIN);
    }
}

int main(int count, char **words) {
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.ptr = NULL};
    struct rlimit files;
    int listener = listen_on(count == 2 ? words[1] : "");
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poller = epoll_create1(0);
    if (poller < 0 || epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event) < 0) fail("epoll");
    for (;;) {
        int ready = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!connection) accept_one(listener);
            else if (connection->kept) writable(connection);
            else readable(connection);
        }
    }
}
