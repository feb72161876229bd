import Host
import PluginAPI
import Testing

@Suite("API keys")
struct APIKeyTests {
    private func isValid(_ check: APIKeyStore.Check) -> Bool {
        if case .valid = check { true } else { false }
    }

    @Test("a key is shown once, stored as a hash, found and listed")
    func create() async throws {
        try await withKeys { store, database, clock in
            let issued = try await store.create(
                NewAPIKey(name: "ci", scopes: ["jobs:read", "jobs:write"], rateLimit: 60))
            let text = issued.text.exposed
            #expect(text.hasPrefix("ck_\(issued.key.id)_"))
            #expect(issued.key.prefix == "ck_\(issued.key.id)")
            try await #expect(store.list() == [issued.key])
            try await #expect(store.find(id: issued.key.id) == issued.key)
            try await #expect(store.find(id: "nobody") == nil)
            try await #expect(store.check(text) == .valid(issued.key))
            #expect(issued.key.createdAt == clock.wallClock)
            var principal = Principal(
                kind: .apiKey, id: issued.key.id, name: "ci", scopes: ["jobs:read", "jobs:write"])
            principal.rateLimit = 60
            #expect(issued.key.principal == principal)
            let stored = try await database.read { connection in
                try connection.first("SELECT id || name || prefix || hash || scopes AS v FROM comfyd_api_keys") {
                    try $0.get("v", as: String.self)
                }
            }
            #expect(stored?.contains(text.dropFirst(issued.key.prefix.count + 1)) == false)
        }
    }

    @Test("other texts are no keys, or wrong ones")
    func wrongTexts() async throws {
        try await withKeys { store, _, _ in
            let issued = try await store.create(NewAPIKey(name: "a"))
            let text = issued.text.exposed
            for other in ["", "ck_", "ck_x", "ck__y", "ck_x_", "hello", "CK_\(text.dropFirst(3))"] {
                try await #expect(store.check(other) == .notAKey)
            }
            let flipped = text.dropLast() + (text.hasSuffix("A") ? "Q" : "A")
            for other in ["ck_unknown_secret", text + "x", String(text.dropLast()), String(flipped)] {
                try await #expect(store.check(other) == .invalid)
            }
        }
    }

    @Test("an expired key is refused from its moment on, also while it is remembered")
    func expiry() async throws {
        try await withKeys { store, _, clock in
            let issued = try await store.create(NewAPIKey(name: "a", lifetime: .seconds(2)))
            #expect(issued.key.expiresAt?.milliseconds == clock.wallClock.milliseconds + 2000)
            let text = issued.text.exposed
            try await #expect(isValid(store.check(text)))
            clock.move(by: .milliseconds(1999))
            try await #expect(isValid(store.check(text)))
            clock.move(by: .milliseconds(1))
            try await #expect(store.check(text) == .invalid)
        }
    }

    @Test("a revoked key is refused at once, and only the first revocation counts")
    func revocation() async throws {
        try await withKeys { store, _, clock in
            let issued = try await store.create(NewAPIKey(name: "a"))
            try await #expect(isValid(store.check(issued.text.exposed)))
            try await #expect(store.revoke(id: issued.key.id))
            try await #expect(store.check(issued.text.exposed) == .invalid)
            try await #expect(!store.revoke(id: issued.key.id))
            try await #expect(!store.revoke(id: "nobody"))
            try await #expect(store.find(id: issued.key.id)?.revokedAt == clock.wallClock)
        }
    }

    @Test("a key that another process revoked is refused within a second; until then no read is needed")
    func cacheTime() async throws {
        try await withKeys { store, database, clock in
            let issued = try await store.create(NewAPIKey(name: "a"))
            try await #expect(isValid(store.check(issued.text.exposed)))
            let reads = database.statistics.reads
            try await #expect(APIKeyStore(database: database, time: clock).revoke(id: issued.key.id))
            clock.move(by: .milliseconds(900))
            try await #expect(isValid(store.check(issued.text.exposed)))
            #expect(database.statistics.reads == reads)
            clock.move(by: .milliseconds(100))
            try await #expect(store.check(issued.text.exposed) == .invalid)
        }
    }

    @Test("the time of use is written later, at most once a minute")
    func usage() async throws {
        try await withKeys { store, database, clock in
            let issued = try await store.create(NewAPIKey(name: "a"))
            let unused = try await store.create(NewAPIKey(name: "b"))
            let lastUse = { try await store.find(id: issued.key.id)?.lastUsedAt }
            let writes = database.statistics.writes
            _ = try await store.check(issued.text.exposed)
            let first = clock.wallClock
            #expect(database.statistics.writes == writes)
            try await store.flushUsage()
            try await #expect(lastUse() == first)
            clock.move(by: .seconds(30))
            _ = try await store.check(issued.text.exposed)
            try await store.flushUsage()
            try await #expect(lastUse() == first)
            clock.move(by: .seconds(30))
            try await store.flushUsage()
            try await #expect(lastUse()?.milliseconds == first.milliseconds + 30_000)
            _ = try await store.check(issued.text.exposed)
            try await store.flushUsage(isLast: true)
            try await #expect(lastUse() == clock.wallClock)
            #expect(database.statistics.writes == writes + 3)
            try await #expect(store.find(id: unused.key.id)?.lastUsedAt == nil)
        }
    }

    @Test("a use that could not be written is written later")
    func usageRetry() async throws {
        try await withKeys { store, database, clock in
            let issued = try await store.create(NewAPIKey(name: "a"))
            _ = try await store.check(issued.text.exposed)
            _ = try await database.write { try $0.execute("ALTER TABLE comfyd_api_keys RENAME TO comfyd_gone") }
            await #expect(throws: DatabaseError.self) { try await store.flushUsage() }
            _ = try await database.write { try $0.execute("ALTER TABLE comfyd_gone RENAME TO comfyd_api_keys") }
            try await store.flushUsage(isLast: true)
            try await #expect(store.find(id: issued.key.id)?.lastUsedAt == clock.wallClock)
        }
    }

    @Test("a key gets the scope of jobs unless others are named, none included")
    func defaultScopes() async throws {
        try await withKeys { store, _, _ in
            try await #expect(store.create(NewAPIKey(name: "a")).key.scopes == ["jobs"])
            try await #expect(store.create(NewAPIKey(name: "b", scopes: [])).key.scopes.isEmpty)
            try await #expect(Set(store.list().map(\.scopes)) == [["jobs"], []])
        }
    }

    @Test(
        "values that make no sense are refused, and those at the bounds are taken",
        arguments: [
            (NewAPIKey(name: ""), ["name"]), (NewAPIKey(name: String(repeating: "ä", count: 201)), ["name"]),
            (NewAPIKey(name: "a\nb"), ["name"]), (NewAPIKey(name: String(repeating: "ä", count: 200)), []),
            (NewAPIKey(name: "a", scopes: ["two words"]), ["scopes"]), (NewAPIKey(name: "a", scopes: [""]), ["scopes"]),
            (NewAPIKey(name: "a", scopes: ["Jobs", "jobs/x"]), ["scopes", "scopes"]),
            (NewAPIKey(name: "a", scopes: ["jobs:all", "a.b_c-d9", "*"]), []),
            (NewAPIKey(name: "a", scopes: [String(repeating: "x", count: 64)]), []),
            (NewAPIKey(name: "a", scopes: [String(repeating: "x", count: 65)]), ["scopes"]),
            (NewAPIKey(name: "a", scopes: Array(repeating: "x", count: 65)), ["scopes"]),
            (NewAPIKey(name: "a", rateLimit: 0), ["rateLimit"]), (NewAPIKey(name: "a", rateLimit: -1), ["rateLimit"]),
            (NewAPIKey(name: "a", rateLimit: 1_000_001), ["rateLimit"]), (NewAPIKey(name: "a", rateLimit: 1), []),
            (NewAPIKey(name: "a", rateLimit: 1_000_000), []),
            (NewAPIKey(name: "a", lifetime: .milliseconds(999)), ["lifetime"]),
            (NewAPIKey(name: "a", lifetime: .seconds(3_155_760_001)), ["lifetime"]),
            (NewAPIKey(name: "a", lifetime: .seconds(3_155_760_000)), []),
            (
                NewAPIKey(name: "", scopes: ["?"], lifetime: .zero, rateLimit: 0),
                [
                    "name", "scopes", "lifetime", "rateLimit",
                ]
            ),
        ] as [(NewAPIKey, [String])])
    func validation(new: NewAPIKey, expected: [String]) async throws {
        try await withKeys { store, _, _ in
            var problems: APIKeyProblems?
            do { _ = try await store.create(new) } catch let error as APIKeyProblems { problems = error }
            #expect((problems?.problems ?? []).map { "\($0.field)" } == expected)
            try await #expect(store.list().count == (expected.isEmpty ? 1 : 0))
        }
    }

    @Test("scopes that no route asks for are named, those below one that is asked for are not")
    func unknownScopes() {
        let declared: Set = ["workers", "jobs"]
        #expect(UnknownScopes.warnings(["jobs", "jobs:all", "workers"], declared: declared).isEmpty)
        #expect(
            UnknownScopes.warnings(["job", "*"], declared: declared) == [
                "no route of the enabled plugins asks for the scope \"job\"; known are: jobs, workers",
                "no route of the enabled plugins asks for the scope \"*\"; known are: jobs, workers",
            ])
        #expect(UnknownScopes.warnings(["jobs", "jobs:all"], declared: ["workers"]).isEmpty, "the default is known")
        #expect(UnknownScopes.warnings(["job"], declared: []).isEmpty)
    }

    @Test("storage that fails is no wrong key")
    func storageFailure() async throws {
        try await withKeys { store, database, _ in
            let text = try await store.create(NewAPIKey(name: "a")).text.exposed
            await database.close()
            let authenticator = TokenAuthenticator(verifiers: [APIKeyVerifier(store)])
            await #expect(throws: DatabaseError.self) {
                try await authenticator.principal(for: authRequest(["X-API-Key": text]))
            }
        }
    }
}
