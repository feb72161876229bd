import Glibc
import Host

exit(Program.main(arguments: Array(CommandLine.arguments.dropFirst()), builtIn: StaticPlugins.all))
