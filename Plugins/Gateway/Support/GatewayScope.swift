import PluginAPI

extension Access {
    /// Changing workers and settings: needs the scope `workers` where the surface is closed.
    static let managingWorkers = Access.surfaceScope("workers")
}

extension OperationDocs {
    /// What a key without the scope `jobs:all` is told about the jobs of others.
    static let notYours = (status: 403, reason: "It is somebody else's, and the key lacks the scope jobs:all.")
}

extension JobCaller {
    /// Lets a principal see and change a job.
    ///
    /// - Throws: ``HTTPError`` 403 `gateway.not_your_job`.
    static func check(_ job: Job, _ principal: Principal?) throws(HTTPError) {
        try check(job.caller, principal)
    }
}
