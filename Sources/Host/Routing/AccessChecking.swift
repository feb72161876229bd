package import PluginAPI

/// Decides who may use a route.
package protocol AccessChecking: Sendable {
    /// Lets a caller pass; `principal` is `nil` for callers without a valid token.
    ///
    /// - Throws: ``HTTPError`` 401 when a token would help, 403 when this caller may not.
    func check(_ access: Access, _ principal: Principal?, _ request: Request) throws(HTTPError)
}
