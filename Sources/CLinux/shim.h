#pragma once
// Headers that the Glibc module lacks, and prototypes that it hides behind _GNU_SOURCE (which must not be set here: it
// would give the shared types a second, differing definition). No logic.
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>

extern int accept4(int socket, struct sockaddr *address, socklen_t *length, int flags);
extern int pthread_setname_np(pthread_t thread, const char *name);
