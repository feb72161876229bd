import ComfyUI
import PluginAPI

/// Reads the tags of a repository by GitHub's REST API (`GET /repos/{owner}/{repo}/tags`).
struct TagReader: Sendable {
    /// The base of the API.
    let apiBase: String
    /// The token for it, if any.
    let token: Secret?
    /// Reaches it.
    let http: any HTTPClient
    /// Counts the time.
    let clock: any TimeSource

    /// The most tags of a page that GitHub gives.
    static let largestPage = 100
    /// The time for one page, redirects included.
    static let pageTimeout = Duration.seconds(15)
    /// The largest page in bytes; a hundred tags are about 50 KB.
    static let pageLimit = 4 << 20
    /// How many redirects a page may take; a renamed repository takes one.
    static let mostRedirects = 5

    /// The newest tags, in GitHub's order, as it lists them.
    ///
    /// - Throws: ``HTTPError`` 502 `COMFYUI_VERSION_SYNC_FAILED`; `CancellationError`.
    func tags(of repository: VersionRepository, limit: Int) async throws -> [JSON] {
        let pageSize = min(Self.largestPage, limit)
        var tags: [JSON] = []
        var number = 1
        // Each page but the last is full, so this ends.
        while tags.count < limit {
            let page = try await page(number, of: repository, size: pageSize)
            tags += page.prefix(limit - tags.count)
            guard page.count >= pageSize else { break }
            number += 1
        }
        return tags
    }

    private func page(_ number: Int, of repository: VersionRepository, size: Int) async throws -> [JSON] {
        var base = apiBase
        while base.hasSuffix("/") { base.removeLast() }
        let path = "/repos/\(repository.owner)/\(repository.name)/tags?per_page=\(size)&page=\(number)"
        guard let address = WebAddress(base + path) else { throw TagFailure.badAddress.httpError(clock) }
        do {
            let bytes = try await Deadline.run(Self.pageTimeout, clock: clock) { try await read(address) }
            guard let list = try? JSON(parsing: bytes).arrayValue else { throw TagFailure.noList }
            return list
        } catch let failure as TagFailure {
            throw failure.httpError(clock)
        } catch let error as HTTPClientError {
            throw TagFailure.unreachable(error).httpError(clock)
        }
    }

    /// Reads an address; the daemon's client leaves redirects to its caller.
    private func read(_ start: WebAddress) async throws -> [UInt8] {
        var address = start
        for _ in 0...Self.mostRedirects {
            let answer = try await http.send(request(address, isTrusted: address.authority == start.authority))
            switch answer.status.code {
            case 200: return try await collect(answer.body)
            case 301, 302, 303, 307, 308:
                guard let next = answer.headers["Location"].flatMap(address.following) else {
                    throw TagFailure.badRedirect
                }
                // Whoever can change a plain answer must not get to read what was meant to be sealed.
                guard next.isSecure || !address.isSecure else { throw TagFailure.badRedirect }
                address = next
            default: throw TagFailure.refused(answer.status, answer.headers, hasToken: token != nil)
            }
        }
        throw TagFailure.badRedirect
    }

    private func collect(_ body: HTTPBody) async throws -> [UInt8] {
        do {
            return try await body.collect(upTo: Self.pageLimit)
        } catch let error as HTTPError where error.status == .contentTooLarge {
            throw TagFailure.tooLarge
        }
    }

    /// - Parameter isTrusted: Whether the address is the configured host's, which alone gets the token.
    private func request(_ address: WebAddress, isTrusted: Bool) -> ClientRequest {
        var headers: HTTPFields = ["Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"]
        if isTrusted, let token { headers["Authorization"] = token.withExposed { "Bearer \($0)" } }
        return ClientRequest(
            .get, address.text, headers: headers, timeout: Self.pageTimeout, idleTimeout: Self.pageTimeout)
    }
}
