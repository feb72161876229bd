import Testing

@Suite("x") struct EmptyTests { @Test("y") func y() async throws { print(Places.binaries) } }
