/// An HTTP status code (RFC 9110 §15), an open set.
public struct Status: Sendable, Hashable, ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// The three-digit code.
    public let code: Int

    /// Takes a code; values outside 100…999 become 500.
    public init(_ code: Int) {
        self.code = (100...999).contains(code) ? code : 500
    }

    /// Lets a route write `.json(value, status: 201)`.
    public init(integerLiteral value: Int) {
        self.init(value)
    }

    /// 200.
    public static let ok: Status = 200
    /// 201.
    public static let created: Status = 201
    /// 202.
    public static let accepted: Status = 202
    /// 204.
    public static let noContent: Status = 204
    /// 206.
    public static let partialContent: Status = 206
    /// 304.
    public static let notModified: Status = 304
    /// 400.
    public static let badRequest: Status = 400
    /// 401.
    public static let unauthorized: Status = 401
    /// 403.
    public static let forbidden: Status = 403
    /// 404.
    public static let notFound: Status = 404
    /// 405.
    public static let methodNotAllowed: Status = 405
    /// 408.
    public static let requestTimeout: Status = 408
    /// 409.
    public static let conflict: Status = 409
    /// 413.
    public static let contentTooLarge: Status = 413
    /// 415.
    public static let unsupportedMediaType: Status = 415
    /// 416.
    public static let rangeNotSatisfiable: Status = 416
    /// 422.
    public static let unprocessableContent: Status = 422
    /// 429.
    public static let tooManyRequests: Status = 429
    /// 431.
    public static let requestHeaderFieldsTooLarge: Status = 431
    /// 500.
    public static let internalServerError: Status = 500
    /// 501.
    public static let notImplemented: Status = 501
    /// 502.
    public static let badGateway: Status = 502
    /// 503.
    public static let serviceUnavailable: Status = 503
    /// 504.
    public static let gatewayTimeout: Status = 504
    /// 507.
    public static let insufficientStorage: Status = 507

    /// Whether the code is 200…299.
    public var isSuccess: Bool { (200..<300).contains(code) }

    /// The code in decimal.
    public var description: String { String(code) }
}
