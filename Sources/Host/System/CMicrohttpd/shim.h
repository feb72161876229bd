/* Variadic functions and macros of libmicrohttpd in a form that Swift can call. */
#pragma once
#include "../CLinux/shim.h"
#include <microhttpd.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
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

/* TLS of an upgraded connection. The library's own forwarding has its buffers in what is left of the connection's
   memory, which is nothing after an answer's header: it moves four bytes at a time. So the session is used directly,
   and the library, which still watches the socket, never finds anything to read. */
struct comfyd_tls {
    gnutls_session_t session;
    int socket;
    int may_read;
    int has_pending;
};

static inline ssize_t comfyd_tls_pull(gnutls_transport_ptr_t link, void *buffer, size_t size) {
    struct comfyd_tls *tls = (struct comfyd_tls *)link;
    if (!tls->may_read) {
        errno = EAGAIN;
        return -1;
    }
    return recv(tls->socket, buffer, size, 0);
}

static inline ssize_t comfyd_tls_push(gnutls_transport_ptr_t link, const void *bytes, size_t size) {
    return send(((struct comfyd_tls *)link)->socket, bytes, size, MSG_NOSIGNAL);
}

/* Takes the session's transport over; freed after the library has closed the connection. NULL without TLS. */
static inline struct comfyd_tls *comfyd_tls_take(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    struct comfyd_tls *tls;
    if (!info || !info->tls_session) return NULL;
    tls = (struct comfyd_tls *)calloc(1, sizeof *tls);
    if (!tls) return NULL;
    tls->session = (gnutls_session_t)info->tls_session;
    tls->socket = comfyd_mhd_socket(connection);
    gnutls_transport_set_ptr(tls->session, tls);
    gnutls_transport_set_pull_function(tls->session, comfyd_tls_pull);
    gnutls_transport_set_push_function(tls->session, comfyd_tls_push);
    return tls;
}

/* Bytes, 0 for nothing now, -1 for the end. Buffers of 16 KiB and more leave no part of a record behind. */
static inline ssize_t comfyd_tls_read(struct comfyd_tls *tls, void *buffer, size_t size) {
    ssize_t count;
    tls->may_read = 1;
    count = gnutls_record_recv(tls->session, buffer, size);
    tls->may_read = 0;
    if (count > 0) return count;
    return count == GNUTLS_E_AGAIN || count == GNUTLS_E_INTERRUPTED || count == GNUTLS_E_WARNING_ALERT_RECEIVED ? 0 : -1;
}

/* As above. After 0 the next call finishes what was begun, and its bytes must begin with the same. */
static inline ssize_t comfyd_tls_write(struct comfyd_tls *tls, const void *bytes, size_t size) {
    ssize_t count = tls->has_pending ? gnutls_record_send(tls->session, NULL, 0)
                                     : gnutls_record_send(tls->session, bytes, size);
    tls->has_pending = count == GNUTLS_E_AGAIN || count == GNUTLS_E_INTERRUPTED;
    if (count > 0) return count;
    return tls->has_pending ? 0 : -1;
}

/* Decrypted bytes that the session holds. The library must not find them, it would take them. */
static inline size_t comfyd_tls_held(struct comfyd_tls *tls) { return gnutls_record_check_pending(tls->session); }
