import Glibc

/// Random numbers that can be had again: SplitMix64 (Steele, Lea, Flood, 2014).
package struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    /// Numbers that follow from a seed.
    package init(seed: UInt64) {
        state = seed
    }

    /// The next number.
    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// The seed of the environment variable `COMFYD_TEST_SEED`, else a new one.
    package static var chosenSeed: UInt64 {
        if let text = getenv("COMFYD_TEST_SEED"), let seed = UInt64(String(cString: text)) { return seed }
        return UInt64.random(in: 1...UInt64(UInt32.max))
    }
}
