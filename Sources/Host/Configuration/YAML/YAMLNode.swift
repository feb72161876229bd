package import PluginAPI

/// A value of a YAML document and where it stands.
package struct YAMLNode: Sendable {
    /// The shape, for walking; the values are in ``json``.
    package enum Content: Sendable {
        /// A single value.
        case scalar
        /// A list.
        case sequence([YAMLNode])
        /// Members in the order of the file.
        case mapping([YAMLMember])
    }

    /// How the value is written.
    package enum Style: Sendable, Equatable {
        /// Without quotes, or by indentation.
        case plain
        /// In quotes, or in brackets and braces.
        case flow
        /// As a reference to an anchor.
        case alias
    }

    /// The value with all that is below it.
    package let json: JSON
    /// The nodes below.
    package let content: Content
    /// How it is written here.
    package var style: Style
    /// Where it starts.
    package var start: YAMLMark
    /// Where it ends; inexact for collections written by indentation.
    package var end: YAMLMark
    /// This node and all below, aliases expanded.
    let size: Int
    /// Levels of collections, 0 for a scalar.
    let height: Int

    /// The members of a mapping, else none.
    package var members: [YAMLMember] {
        guard case .mapping(let members) = content else { return [] }
        return members
    }

    /// The member of that name.
    package func member(_ key: String) -> YAMLMember? {
        members.first { $0.key == key }
    }
}

/// A key and its value.
package struct YAMLMember: Sendable {
    /// The text of the key.
    package let key: String
    /// Where the key starts.
    package let mark: YAMLMark
    /// The value.
    package let value: YAMLNode
}

// MARK: - Places

extension YAMLNode {
    /// The place of every key and item by its path, such as `plugins.gateway.workers[2].url`.
    package func marks() -> [String: YAMLMark] {
        var marks: [String: YAMLMark] = [:]
        collect(path: "", into: &marks)
        return marks
    }

    private func collect(path: String, into marks: inout [String: YAMLMark]) {
        switch content {
        case .scalar:
            break
        case .sequence(let items):
            for (index, item) in items.enumerated() {
                let place = "\(path)[\(index + 1)]"
                marks[place] = item.start
                item.collect(path: place, into: &marks)
            }
        case .mapping(let members):
            for member in members {
                let place = path.isEmpty ? member.key : "\(path).\(member.key)"
                marks[place] = member.mark
                member.value.collect(path: place, into: &marks)
            }
        }
    }
}
