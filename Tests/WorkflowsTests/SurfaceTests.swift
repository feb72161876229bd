import PluginAPI
import Testing

@testable import Workflows

/// The codes of seed 004 for errors of the host and of backends (`spec/errors.md` §4).
struct SurfaceTests {
    @Test(arguments: [
        (HTTPError(.serviceUnavailable, "gateway.no_worker", ""), "CONNECTION_ERROR"),
        (HTTPError(.badGateway, "comfyui.bad_answer", ""), "CONNECTION_ERROR"),
        (HTTPError(.badRequest, "comfyui.prompt_no_outputs", ""), "WORKFLOW_VALIDATION_ERROR"),
        (HTTPError(.internalServerError, "http.internal", ""), "INTERNAL_ERROR"),
        (HTTPError(.unauthorized, "auth.invalid_token", ""), "INVALID_TOKEN"),
        (HTTPError(.notFound, .imageNotFound, ""), "IMAGE_NOT_FOUND"),
        (HTTPError(.notFound, "gateway.unknown_prompt", ""), "WORKFLOW_NOT_FOUND"),
        (HTTPError(.notFound, "comfyui.unknown_prompt", ""), "WORKFLOW_NOT_FOUND"),
    ])
    func codes(_ error: HTTPError, _ code: String) {
        #expect(V1Code.of(error) == code)
    }
}
