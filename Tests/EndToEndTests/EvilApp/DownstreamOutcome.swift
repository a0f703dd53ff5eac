import TestPeers

/// What a client had in the end: a whole answer, or something that it must notice to be none.
enum DownstreamOutcome: Equatable, CustomStringConvertible {
  /// The status is known over HTTP/1.1 only: over HTTP/2 it is compressed.
  case whole(status: Int?, content: String)
  case cut

  var description: String {
    switch self {
    case .whole(let status, let content): "\(status.map { String($0) } ?? "") \(content.prefix(200))"
    case .cut: "cut"
    }
  }

  enum Version: String, Sendable, CaseIterable { case http1, http2 }

  /// One authorized GET on a connection of its own.
  static func get(_ path: String, of sidecar: SidecarUnderTest, by version: Version, method: String = "GET") throws -> DownstreamOutcome {
    switch version {
    case .http1:
      let connection = try sidecar.connection()
      try connection.send("\(method) \(path) HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\(sidecar.authorization)\r\n")
      do {
        let answer = try connection.readResponse(toHead: method == "HEAD")
        // A message whose end nobody marks ends with its connection; one with an end has nothing behind it.
        let (rest, end) = connection.readToEnd()
        guard end == .closed else { return .cut }
        let isDelimited = !answer.values("content-length").isEmpty || answer.values("transfer-encoding") == ["chunked"]
          || method == "HEAD" || answer.status == 204 || answer.status == 304
        let content = answer.text + String(decoding: rest, as: UTF8.self)
        let isTwofold = !answer.values("content-length").isEmpty && !answer.values("transfer-encoding").isEmpty
        let remark = isTwofold ? "two framings: " : isDelimited ? "" : "no framing: "
        return .whole(status: answer.status, content: remark + content)
      } catch RawConnection.Failure.timedOut {
        throw RawConnection.Failure.timedOut
      } catch { return .cut }
    case .http2:
      let client = try RawHTTP2(port: sidecar.port, path: path)
      let token = String(try sidecar.authorization.dropFirst("Authorization: ".count).dropLast(1))
      client.send(client.headers(1, method, [("authorization", token)]))
      do { return .whole(status: nil, content: try client.content(1)) } catch RawConnection.Failure.timedOut {
        throw RawConnection.Failure.timedOut
      } catch { return .cut }
    }
  }
}
