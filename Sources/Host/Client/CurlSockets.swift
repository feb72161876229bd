import CCurl
import CLinux
import Glibc

/// A socket of libcurl as its loop sees it.
struct CurlSocket {
    /// Opened and closed through our callbacks, so that we know for how long the descriptor is the same socket.
    var isOurs = false
    /// What libcurl waits for; nothing while the connection is idle.
    var wanted: UInt32 = 0
    /// What the loop is asked for; `nil` when it does not watch.
    var watched: UInt32?
}

extension CurlEngine {
    /// Follows what libcurl wants to know of a socket.
    ///
    /// An idle pooled connection stays watched: the next request on it then costs no `epoll_ctl`.
    func socketChanged(_ descriptor: Int32, _ what: Int32) {
        var socket = sockets[descriptor] ?? CurlSocket()
        if what == CURL_POLL_REMOVE {
            guard socket.isOurs else {
                forget(descriptor)
                return
            }
            socket.wanted = 0
        } else {
            socket.wanted =
                (what & CURL_POLL_IN != 0 ? EPOLLIN.rawValue : 0) | (what & CURL_POLL_OUT != 0 ? EPOLLOUT.rawValue : 0)
            if socket.watched == nil {
                loop.watch(descriptor, events: socket.wanted) { [unowned self] events in
                    self.watchFired(descriptor, events)
                }
            } else if socket.watched != socket.wanted {
                loop.setEvents(socket.wanted, of: descriptor)
            }
            socket.watched = socket.wanted
        }
        sockets[descriptor] = socket
    }

    /// Stops watching a socket whose events are no longer libcurl's business, or that is about to be closed.
    func forget(_ descriptor: Int32) {
        guard let socket = sockets.removeValue(forKey: descriptor) else { return }
        if socket.watched != nil { loop.unwatch(descriptor) }
    }

    private func watchFired(_ descriptor: Int32, _ events: UInt32) {
        guard let socket = sockets[descriptor], socket.wanted == 0 else {
            socketReady(descriptor, events)
            return
        }
        // The peer closed an idle connection, or talks unasked: libcurl sees it before it would reuse the connection.
        loop.unwatch(descriptor)
        sockets[descriptor]?.watched = nil
    }

    func socketOpened(_ descriptor: Int32) {
        sockets[descriptor] = CurlSocket(isOurs: true)
    }
}

func curlSocketChanged(
    _: UnsafeMutableRawPointer?, descriptor: curl_socket_t, what: Int32, context: UnsafeMutableRawPointer?,
    _: UnsafeMutableRawPointer?
) -> Int32 {
    guard let context else { return 0 }
    engine(context).socketChanged(descriptor, what)
    return 0
}

func curlTimerChanged(_: UnsafeMutableRawPointer?, milliseconds: Int, context: UnsafeMutableRawPointer?) -> Int32 {
    guard let context else { return 0 }
    engine(context).setTimer(milliseconds: milliseconds)
    return 0
}

func curlOpenSocket(
    context: UnsafeMutableRawPointer?, _: curlsocktype, address: UnsafeMutablePointer<curl_sockaddr>?
) -> curl_socket_t {
    guard let context, let address else { return -1 }
    // Only attached operations open connections, and the engine holds those.
    let operation = Unmanaged<CurlOperation>.fromOpaque(context).takeUnretainedValue()
    guard operation.mayOpenSocket, operation.addresses?.mayConnect(to: address) ?? true else { return -1 }
    let type = address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(address.pointee.family, type, address.pointee.protocol)
    if descriptor >= 0 { operation.engine.socketOpened(descriptor) }
    return descriptor
}

func curlCloseSocket(context: UnsafeMutableRawPointer?, descriptor: curl_socket_t) -> Int32 {
    if let context { engine(context).forget(descriptor) }
    close(descriptor)
    return 0
}

/// The engine behind a callback's context; it outlives its multi handle and all of its connections.
private func engine(_ context: UnsafeMutableRawPointer) -> CurlEngine {
    Unmanaged<CurlEngine>.fromOpaque(context).takeUnretainedValue()
}
