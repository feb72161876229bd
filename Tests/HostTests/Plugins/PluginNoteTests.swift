import Glibc
import Host
import PluginTestKit
import Testing

@Suite("notes of plugin files", .timeLimit(.minutes(1)))
struct PluginNoteTests {
    @Test("a pipe and a folder with a plugin's name are refused at once, and left out of what is available")
    func notRegular() throws {
        let directory = try TestDirectory()
        try #require(mkfifo(directory.path + "/libpipe.so", 0o600) == 0)
        try #require(mkdir(directory.path + "/libfolder.so", 0o700) == 0)
        for name in ["libpipe.so", "libfolder.so"] {
            let error = #expect(throws: PluginLoadError.self) {
                try PluginNote.read(path: directory.path + "/" + name)
            }
            #expect(error?.description.hasSuffix("not a plugin (no regular file)") == true)
        }
        #expect(PluginLoader(directories: [directory.path]).available().isEmpty)
    }
}
