import ComfyUI
import PluginAPI

extension WorkflowsPlugin {
    private var finder: ImageFinder {
        ImageFinder(
            backends: backends, inputs: InputFolder(directory: context.daemon.inputDirectory),
            blocking: context.blocking)
    }

    private var uploads: UploadController {
        UploadController(
            backends: backends, staging: context.dataDirectory + "/uploads", blocking: context.blocking,
            limit: min(configuration.uploadLimit.bytes, context.daemon.uploadLimit))
    }

    /// The files of seed 004.
    func declareImages(_ routes: inout RouteGroup) {
        uploads.declare(&routes)
        ImageController(finder: finder, daemon: context.daemon, imageURLs: configuration.imageURLs).declare(&routes)
    }

    /// `GET /api/view`, unless the gateway has it.
    func declareView(_ setup: inout PluginSetup) {
        setup.rootRoutes(
            claiming: ["/api/view"], surface: .named, access: .usingJobs, ownership: .yielding
        ) { routes in
            routes.group("", middleware: [UpstreamErrors()]) { routes in
                ViewController(finder: finder).declare(&routes)
            }
        }
    }

    /// Removes what an earlier process left of uploads.
    func prepareUploads() async throws {
        try await uploads.removeLeftovers()
    }
}
