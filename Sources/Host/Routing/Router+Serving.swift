import PluginAPI

extension Router {
    /// Runs a matched route.
    func serve(_ route: BoundRoute, _ original: Request, _ parameters: [String], _ started: Instant) async
        -> ServerReply
    {
        guard route.gate.enter() else {
            let response = ErrorRendering.response(draining, route.surface, original)
            return .response(finish(response, original, route, started, cors: route.cors))
        }
        var request = original
        if !parameters.isEmpty { request.pathParameters = parameters }
        if request.method == .head { request.method = .get }
        var allowance: RateAllowance?
        do {
            if !passesUnasked(request, route) {
                let badToken = try await authenticate(&request, route)
                allowance = request.principal.flatMap(rateLimiter.take)
                if let refusal = allowance?.refusal { throw refusal }
                if let refusal = mayPass(request.principal, request, route) { throw badToken ?? refusal }
            }
            switch route.action {
            case .respond(let handler):
                return .response(leave(try await handler(request), original, route, started, allowance))
            case .upgrade(let action):
                switch try await action.decide(request) {
                case .answered(let response):
                    return .response(leave(response, original, route, started, allowance))
                case .accepted(var acceptance, let request):
                    allowance?.apply(to: &acceptance.headers)
                    acceptance.headers["X-Request-Id"] = original.id
                    record(101, original, route, started)
                    return .upgrade(acceptance, run: Self.socket(action, request, GatePass(route.gate)))
                }
            }
        } catch {
            route.gate.leave()
            let response = failure(error, original, route)
            return .response(finish(response, original, route, started, cors: route.cors, allowance: allowance))
        }
    }

    /// Ends the work on a request, unless its body is still to be written.
    private func leave(
        _ response: Response, _ request: Request, _ route: BoundRoute, _ started: Instant, _ allowance: RateAllowance?
    ) -> Response {
        guard case .stream(let length, let write) = response.body else {
            route.gate.leave()
            return finish(response, request, route, started, cors: route.cors, allowance: allowance)
        }
        let pass = GatePass(route.gate)
        let isEvents = response.headers["Content-Type"]?.hasPrefix("text/event-stream") ?? false
        var response = response
        response.body = .stream(length: length) { writer in
            // Held until the stream ends, or is dropped unwritten.
            defer { withExtendedLifetime(pass) {} }
            let end = ShutdownLatch()
            pass.ends(isEvents ? .events : .stream) { end.begin() }
            let isWhole: Void? = try await end.cancelling { try await write(writer) }
            // Events end well at any place; anything else would look whole.
            if isWhole == nil, !isEvents { throw CancellationError() }
        }
        return finish(response, request, route, started, cors: route.cors, allowance: allowance)
    }

    /// Whether nobody has to be asked who makes a request; most requests on open routes pass so, without a suspension.
    ///
    /// On a route for everybody the token is not looked at: it may be meant for the handler, such as an agent's, and would
    /// count as a wrong one of its address.
    private func passesUnasked(_ request: Request, _ route: BoundRoute) -> Bool {
        if route.isOpen { return true }
        guard route.mayBeOpen, !request.headers.contains("Authorization"), !request.headers.contains("X-API-Key") else {
            return false
        }
        return mayPass(nil, request, route) == nil
    }

    /// Finds out who asks; returns what is wrong with the token.
    ///
    /// A token that is bad does no harm on a route that is open at the time: clients of open surfaces send what they
    /// like, such as credentials meant for a proxy before us.
    private func authenticate(_ request: inout Request, _ route: BoundRoute) async throws -> (any Error)? {
        let needsToken = !route.mayBeOpen || mayPass(nil, request, route) != nil
        do {
            request.principal = try await (needsToken ? authenticator : openAuthenticator).principal(for: request)
            return nil
        } catch {
            guard route.mayBeOpen, !(error is CancellationError) else { throw error }
            return error
        }
    }

    private func mayPass(_ principal: Principal?, _ request: Request, _ route: BoundRoute) -> HTTPError? {
        do throws(HTTPError) {
            try access.check(route.access, principal, request)
            return nil
        } catch {
            return error
        }
    }

    private func failure(_ error: any Error, _ request: Request, _ route: BoundRoute) -> Response {
        guard let httpError = ErrorRendering.httpError(error) else {
            return Response(status: ErrorRendering.clientGone)
        }
        ErrorRendering.log(httpError, request, route: route.template)
        return ErrorRendering.response(httpError, route.surface, request)
    }

    private var draining: HTTPError {
        HTTPError(
            .serviceUnavailable, "plugin.draining", "This part of the service is being restarted; try again.",
            headers: ["Retry-After": String(options.drainRetryAfter)])
    }

    private static func socket(
        _ action: UpgradeAction, _ request: Request, _ pass: GatePass
    ) -> @Sendable (any WebSocket) async -> Void {
        { socket in
            defer { withExtendedLifetime(pass) {} }
            pass.ends(.webSocket) { Task { await socket.close(code: 1001, reason: "going away") } }
            do {
                try await action.run(request, socket)
            } catch is CancellationError {
                return
            } catch {
                request.logger.warning("a WebSocket failed", ["error": "\(error)"])
                await socket.close(code: 1011, reason: "internal error")
            }
        }
    }
}

// MARK: - OPTIONS

extension Router {
    /// Answers `OPTIONS` on a path that declares none of its own.
    func options(_ request: Request, _ allowed: [HTTPMethod], _ bound: BoundTable) -> Response {
        let methods = allowed.map(\.rawValue).joined(separator: ", ")
        var response = Response(status: .noContent, headers: ["Allow": methods])
        guard let origin = request.headers["Origin"], let wanted = request.headers["Access-Control-Request-Method"]
        else { return response }
        // The rule of the route that the page is about to call.
        var cors = openCORS
        if case .route(let index, _) = bound.table?.match(HTTPMethod(rawValue: wanted), request.target) {
            cors = bound.routes[index].cors
        }
        cors.apply(to: &response.headers, for: request)
        if cors.allows(origin) { cors.applyPreflight(to: &response.headers, allowed: methods) }
        return response
    }
}
