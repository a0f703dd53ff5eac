import Foundation
import Synchronization
import TestPeers
import Testing

/// Many users at once on connections that they share, as behind a proxy: nobody gets anything of anybody else's.
@Suite struct IsolationTests {
  static let users = (0..<24).map { "user-\($0)" }
  static let connectionCount = 4
  static let roundCount = 4

  @Test func `each login on shared connections ends in the user's own token, each request in the user's own fields`() throws {
    let town = try LoginReplicas()
    let replica = try town.start(workers: 2)
    let data = try Self.users.map { try town.passkeyData($0, through: replica) }
    let half = Self.users.count / 2

    // All are under way before the first is answered.
    let logins =
      try http2Answers(replica, "/auth/completeLogin", contents: data[..<half].map { #"{"signedPasskeyData":"\#($0)"}"# })
      + http1Answers(replica, "/auth/completeLogin", contents: data[half...].map { #"{"signedPasskeyData":"\#($0)"}"# })
    let passkeyTokens = try logins.map { try #require((json($0))["accessToken"] as? String, "\($0)") }

    // Odd ones come with a conventional token: the cache of verified tokens holds both kinds.
    let tokens = try Self.users.enumerated().map { try $0 % 2 == 0 ? passkeyTokens[$0] : town.token($1) }
    for (token, user) in zip(passkeyTokens, Self.users) {
      #expect(seen(try replica.ask("GET", "/", token: token).text) == [user, "\(user)@example.com"])
    }
    let wrong = Mutex<[String]>([])
    DispatchQueue.concurrentPerform(iterations: Self.connectionCount * 2) { number in
      for round in 0..<Self.roundCount {
        // Each connection begins with another user.
        let order = tokens.indices.map { ($0 + number * 5 + round) % tokens.count }
        let found = mistakes(replica, order, tokens, isHTTP2: number % 2 == 0)
        wrong.withLock { $0 += found }
      }
    }
    #expect(wrong.withLock { $0 } == [])
    #expect(town.app.received("/x").count == Self.connectionCount * 2 * Self.roundCount * tokens.count)
  }

  /// What was answered otherwise than to the user who asked; they ask in that order.
  private func mistakes(
    _ replica: LoginReplicas.Replica, _ order: [Int], _ tokens: [String], isHTTP2: Bool
  ) -> [String] {
    let bearers = order.map { tokens[$0] }
    let answers: [String]
    do {
      answers = try isHTTP2 ? http2Answers(replica, "/x", bearers: bearers) : http1Answers(replica, "/x", bearers: bearers)
    } catch { return ["\(error)"] }
    return zip(order, answers).compactMap { user, answer in
      let told = seen(answer)
      return told == [Self.users[user], "\(Self.users[user])@example.com"] ? nil : "\(Self.users[user]): \(told)"
    }
  }

  private func json(_ text: String) -> [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
  }

  /// What the app was told of the user: it answers with the head that it got.
  private func seen(_ head: String) -> [String] {
    ["x-user-id: ", "x-user-email: "].map { name in
      head.split(separator: "\r\n").filter { $0.lowercased().hasPrefix(name) }.map { String($0.dropFirst(name.count)) }
        .joined(separator: ",")
    }
  }

  /// All requests in a row on one connection, then all answers.
  private func http1Answers(
    _ replica: LoginReplicas.Replica, _ path: String, contents: [String]? = nil, bearers: [String]? = nil
  ) throws -> [String] {
    let connection = try RawConnection(port: replica.port)
    for index in 0..<(contents ?? bearers ?? []).count {
      let content = contents?[index] ?? ""
      let fields = contents == nil ? "Authorization: Bearer \(bearers?[index] ?? "")\r\n" : "Content-Type: application/json\r\n"
      try connection.send(
        "\(contents == nil ? "GET" : "POST") \(path) HTTP/1.1\r\nHost: app.test\r\n\(fields)"
          + "Content-Length: \(content.utf8.count)\r\n\r\n\(content)")
    }
    return try (contents ?? bearers ?? []).map { _ in try connection.readResponse().text }
  }

  /// All requests at once on one connection, each a stream; the answers in the order of the requests.
  private func http2Answers(
    _ replica: LoginReplicas.Replica, _ path: String, contents: [String]? = nil, bearers: [String]? = nil
  ) throws -> [String] {
    let client = try RawHTTP2(port: replica.port, path: path)
    client.send(.windowUpdate(0, 1 << 20))
    let count = (contents ?? bearers ?? []).count
    for index in 0..<count {
      let stream = UInt32(index * 2 + 1)
      if let contents {
        client.send(client.headers(stream, "POST", [("content-type", "application/json")], .endHeaders), .data(stream, contents[index]))
      } else if let bearers {
        client.send(client.headers(stream, "GET", [("authorization", "Bearer \(bearers[index])")]))
      }
    }
    var answers = [[UInt8]](repeating: [], count: count)
    var open = count
    while open > 0 {
      let frame = try client.read()
      guard frame.stream % 2 == 1 else { continue }
      guard frame.kind != RawFrame.Kind.rstStream else { throw RawConnection.Failure.reset }
      if frame.kind == RawFrame.Kind.data { answers[Int(frame.stream / 2)] += frame.payload }
      if frame.kind <= RawFrame.Kind.headers, frame.flags.contains(.endStream) { open -= 1 }
    }
    return answers.map { String(decoding: $0, as: UTF8.self) }
  }
}
