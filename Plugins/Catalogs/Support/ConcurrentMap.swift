extension Array where Element: Sendable {
    /// Runs a body for each element, so many at a time, and gives the results in the order of the elements.
    func concurrentMap<T: Sendable>(
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
