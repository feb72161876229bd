/// Work on many things, some of them at the same time.
public enum Parallel {
    /// Does something with each element as it comes; returns when all is done.
    public static func forEach<Elements: AsyncSequence>(
        in elements: Elements, atMost limit: Int, _ body: @escaping @Sendable (Elements.Element) async -> Void
    ) async where Elements.Element: Sendable, Elements.Failure == Never {
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            for await element in elements {
                if running >= limit {
                    await group.next()
                    running -= 1
                }
                running += 1
                group.addTask { await body(element) }
            }
        }
    }

    /// Makes something of each element.
    ///
    /// - Returns: what was made, as it became ready.
    @discardableResult
    public static func map<Element: Sendable, Value: Sendable>(
        _ elements: some Sequence<Element>, atMost limit: Int, _ body: @escaping @Sendable (Element) async -> Value
    ) async -> [Value] {
        await withTaskGroup(of: Value.self) { group in
            var values: [Value] = []
            for (index, element) in elements.enumerated() {
                if index >= limit, let value = await group.next() { values.append(value) }
                group.addTask { await body(element) }
            }
            for await value in group { values.append(value) }
            return values
        }
    }
}
