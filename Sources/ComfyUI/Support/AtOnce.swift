extension Collection where Element: Sendable {
    /// Runs a body for each element, so many at a time, and gives the results in the order of the elements.
    @discardableResult
    public func concurrentMap<T: Sendable>(
        atOnce width: Int, _ body: @escaping @Sendable (Element) async -> T
    ) async -> [T] {
        await withTaskGroup(of: (Int, T).self) { group in
            var waiting = enumerated().makeIterator()
            func begin() {
                guard let (index, element) = waiting.next() else { return }
                group.addTask { (index, await body(element)) }
            }
            for _ in 0..<Swift.min(width, count) { begin() }
            var results: [(index: Int, result: T)] = []
            while let (index, result) = await group.next() {
                results.append((index, result))
                begin()
            }
            return results.sorted { $0.index < $1.index }.map(\.result)
        }
    }
}

extension AsyncStream where Element: Sendable {
    /// Runs a body for each element as it comes, so many at a time; returns after the last of them has ended.
    public func forEach(atOnce width: Int, _ body: @escaping @Sendable (Element) async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            for await element in self {
                if running >= width {
                    await group.next()
                    running -= 1
                }
                running += 1
                group.addTask { await body(element) }
            }
        }
    }
}
