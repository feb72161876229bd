internal import Glibc
import PluginAPI

/// What the system said against a call on the folder of the workflows.
struct FolderProblem: HTTPErrorConvertible, CustomStringConvertible {
    /// What was tried, such as `read`.
    let action: String
    /// The file or folder.
    let path: String
    /// The system's `errno`.
    let number: Int32

    init(_ action: String, _ path: String, _ number: Int32) {
        self.action = action
        self.path = path
        self.number = number
    }

    /// Such as `cannot make /etc/comfyd/workflows: Permission denied`; for the operator.
    var description: String { "cannot \(action) \(path): \(reason)" }

    private var reason: String {
        String(cString: strerror(number))
    }

    /// 507 when the disk is full, else 500; without the path.
    var httpError: HTTPError {
        switch number {
        case ENOSPC, EDQUOT:
            HTTPError(
                .insufficientStorage, "workflow.disk_full", "The disk is full; nothing was changed.", cause: self)
        case EROFS:
            HTTPError(
                .internalServerError, "workflow.read_only",
                "The folder of the workflows is read-only; nothing was changed.", cause: self)
        case EFBIG:
            HTTPError(
                .internalServerError, "workflow.too_large",
                "The file of the workflow is larger than \(WorkflowFolder.fileLimit) bytes.", cause: self)
        default:
            HTTPError(
                .internalServerError, "workflow.folder", "Cannot \(action) in the folder of the workflows: \(reason).",
                cause: self)
        }
    }
}
