/* Variadic functions and macros of libmicrohttpd in a form that Swift can call. */
#pragma once
#include "../CLinux/shim.h"
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

/* What one daemon is started with. */
struct comfyd_mhd_start {
    int listen_socket;
    unsigned connection_limit;
    unsigned timeout_seconds;
    size_t connection_memory;
    const char *certificate; /* PEM text, or NULL for plain HTTP */
    const char *key;
    void *context; /* given to all callbacks */
    char *problem; /* COMFYD_MHD_PROBLEM bytes that outlive the daemon: the last message of the library */
    MHD_AcceptPolicyCallback accept;
    MHD_AccessHandlerCallback handle;
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connection;
    void *(*target)(void *context, const char *target, struct MHD_Connection *connection);
};

enum { COMFYD_MHD_PROBLEM = 256 };

static inline void comfyd_mhd_log(void *problem, const char *format, va_list arguments) {
    vsnprintf((char *)problem, COMFYD_MHD_PROBLEM, format, arguments);
}

/* Leaves percent escapes in the path as they are: the router decodes. */
static inline size_t comfyd_mhd_keep_escapes(void *context, struct MHD_Connection *connection, char *text) {
    size_t length = 0;
    (void)context;
    (void)connection;
    while (text[length] != 0) length++;
    return length;
}

static inline struct MHD_Daemon *comfyd_mhd_start(const struct comfyd_mhd_start *with) {
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)with->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)with->key},
        {MHD_OPTION_END, 0, NULL},
    };
    if (with->certificate) flags |= MHD_USE_TLS;
    return MHD_start_daemon(
        flags, 0, with->accept, with->context, with->handle, with->context,
        MHD_OPTION_EXTERNAL_LOGGER, comfyd_mhd_log, (void *)with->problem,
        MHD_OPTION_LISTEN_SOCKET, with->listen_socket,
        MHD_OPTION_CONNECTION_LIMIT, with->connection_limit,
        MHD_OPTION_CONNECTION_TIMEOUT, with->timeout_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, with->connection_memory,
        MHD_OPTION_NOTIFY_COMPLETED, with->completed, with->context,
        MHD_OPTION_NOTIFY_CONNECTION, with->connection, with->context,
        MHD_OPTION_URI_LOG_CALLBACK, with->target, with->context,
        MHD_OPTION_UNESCAPE_CALLBACK, comfyd_mhd_keep_escapes, (void *)NULL,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_ARRAY, with->certificate ? tls : none,
        MHD_OPTION_END);
}

static inline int comfyd_mhd_epoll(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info ? info->epoll_fd : -1;
}

static inline unsigned comfyd_mhd_connections(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info ? info->num_connections : 0;
}

static inline int comfyd_mhd_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static inline const struct sockaddr *comfyd_mhd_address(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

static inline void *comfyd_mhd_socket_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static inline size_t comfyd_mhd_header_size(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

static inline void comfyd_mhd_upgrade_close(struct MHD_UpgradeResponseHandle *handle) {
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

static const ssize_t comfyd_mhd_end_of_stream = MHD_CONTENT_READER_END_OF_STREAM;
static const ssize_t comfyd_mhd_end_with_error = MHD_CONTENT_READER_END_WITH_ERROR;
static const uint64_t comfyd_mhd_size_unknown = MHD_SIZE_UNKNOWN;

/* Whether the header of a request ended with an empty line. Releases up to 0.9.75 also take a line that starts with a
   colon for the end, so that what follows would be read as the next request; later ones refuse it themselves.
   They have overwritten the colons after names and all CR and LF with zeros, in place. */
static inline int comfyd_mhd_header_ends_well(const char *method, size_t size, int last_value_is_empty) {
#if MHD_VERSION >= 0x00097600
    (void)method;
    (void)size;
    (void)last_value_is_empty;
    return 1;
#else
    size_t zeros = 0;
    while (zeros < size && method[size - 1 - zeros] == 0) zeros++;
    return zeros == (last_value_is_empty ? 5u : 4u) || (last_value_is_empty && zeros == 4);
#endif
}
