import Foundation
import Synchronization
import TestPeers
import Testing

/// An app that answers wrongly over HTTP/2, frame by frame.
@Suite(.serialized) struct EvilHTTP2Tests {
  typealias Script = @Sendable (RawHTTP2, UInt32) throws -> Void

  enum Expected: Sendable {
    /// 502, or a head and then a reset: in no case an answer.
    case notWhole
    case refused
    case whole(String)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let expected: Expected
    let script: Script

    init(_ name: String, _ expected: Expected, _ script: @escaping Script) {
      (testDescription, self.expected, self.script) = (name, expected, script)
    }

    /// An answer of these fields and this content.
    init(_ name: String, _ fields: [(String, String)], _ content: String, _ expected: Expected) {
      self.init(name, expected) { app, stream in
        app.send(app.headers(stream, block: RawHPACK.block(fields), .endHeaders), .data(stream, content))
      }
    }
  }

  /// Answers the next request as told, all others with their own number.
  final class App: Sendable {
    private final class State: Sendable { let next = Mutex<Script?>(nil) }

    private let state = State()
    private let server: LoopbackServer
    let sidecar: SidecarUnderTest

    init() throws {
      let state = state
      server = try LoopbackServer { connection in
        guard let app = try? RawHTTP2(serving: connection) else { return }
        while let frame = try? app.read() {
          switch frame.kind {
          case RawFrame.Kind.settings where !frame.flags.contains(.ack): app.send(.settingsAck)
          case RawFrame.Kind.ping where !frame.flags.contains(.ack): app.send(RawFrame(RawFrame.Kind.ping, .ack, frame.payload))
          case RawFrame.Kind.headers:
            let script = state.next.withLock { next in
              defer { next = nil }
              return next
            }
            if let script {
              guard (try? script(app, frame.stream)) != nil else { return }
            } else {
              app.send(app.headers(frame.stream, block: RawHPACK.block([(":status", "200")]), .endHeaders), .data(frame.stream, "next"))
            }
          default: break
          }
        }
      }
      sidecar = try SidecarUnderTest(app: server.port, upstream: "protocol: http2")
    }

    func answerNext(_ script: @escaping Script) { state.next.withLock { $0 = script } }

    static let shared = Result { try App() }
  }

  private static let ok = [(":status", "200")]

  static let fields: [Case] = [
    Case("a line break in a value", ok + [("x", "a\r\nset-cookie: b")], "poison", .refused),
    Case("LF in a value", ok + [("x", "a\nb")], "poison", .refused),
    Case("CR in a value", ok + [("x", "a\rb")], "poison", .refused), Case("NUL in a value", ok + [("x", "a\0b")], "poison", .refused),
    Case("a line break in a name", ok + [("x\r\ny", "a")], "poison", .refused),
    Case("capitals in a name", ok + [("X", "a")], "poison", .refused),
    Case("a colon in a name", ok + [("x:y", "a")], "poison", .refused), Case("a space in a name", ok + [("x y", "a")], "poison", .refused),
    Case("an empty name", ok + [("", "a")], "poison", .refused),
    Case("connection", ok + [("connection", "close")], "poison", .refused),
    Case("transfer-encoding", ok + [("transfer-encoding", "chunked")], "0\r\n\r\n", .refused),
    Case("keep-alive", ok + [("keep-alive", "5")], "poison", .refused), Case("upgrade", ok + [("upgrade", "x")], "poison", .refused),
    Case("proxy-connection", ok + [("proxy-connection", "x")], "poison", .refused),
    Case("no status", [("x", "a")], "poison", .refused), Case("two statuses", ok + ok, "poison", .refused),
    Case("status 20", [(":status", "20")], "poison", .refused),
    Case("status abc", [(":status", "abc")], "poison", .refused),
    Case("status 600", [(":status", "600")], "poison", .refused),
    Case("status 099", [(":status", "099")], "poison", .refused),
    Case("status 101", [(":status", "101")], "poison", .refused), Case("a status behind a field", [("x", "a")] + ok, "poison", .refused),
    Case("a field of requests", ok + [(":path", "/")], "poison", .refused),
    Case("an unknown pseudo-field", ok + [(":x", "a")], "poison", .refused),
    Case("many fields", ok + (0..<300).map { ("x\($0)", "a") }, "poison", .refused),
    Case("length: short of it", ok + [("content-length", "100")], "short", .notWhole),
    Case("length: beyond it", ok + [("content-length", "2")], "beyond", .notWhole),
    Case("length: two", ok + [("content-length", "1"), ("content-length", "6")], "poison", .refused),
    Case("length: a letter", ok + [("content-length", "a")], "poison", .refused),
    Case("length: a list", ok + [("content-length", "6, 6")], "poison", .refused),
    Case("length: a sign", ok + [("content-length", "+6")], "poison", .refused),
    Case("length: zeros before", ok + [("content-length", "00000000000000000000004")], "good", .whole("good")),
    Case("length: twenty digits", ok + [("content-length", "99999999999999999999")], "poison", .refused),
    Case("204 with length 0", [(":status", "204"), ("content-length", "0")], "", .whole("")),
    Case("204 with content", [(":status", "204")], "poison", .notWhole),
    Case("304 with content", [(":status", "304")], "poison", .notWhole),
  ]

  static let frames: [Case] = [
    Case("content before the head", .refused) { $0.send(.data($1, "poison")) },
    Case("an end before the head", .refused) { $0.send(.data($1, "")) },
    Case("a reset", .refused) { $0.send(.rstStream($1, 0x2)) },
    Case("a reset without error", .refused) { $0.send(.rstStream($1, 0x0)) },
    Case("a reset in the content", .notWhole) {
      $0.send($0.headers($1, block: RawHPACK.block(ok), .endHeaders), .data($1, "begun", []), .rstStream($1, 0x0))
    },
    Case("an end of the connection in the content", .notWhole) {
      $0.send($0.headers($1, block: RawHPACK.block(ok), .endHeaders), .data($1, "begun", []))
      throw RawConnection.Failure.closed
    },
    Case("GOAWAY and an end in the content", .notWhole) {
      $0.send($0.headers($1, block: RawHPACK.block(ok), .endHeaders), .data($1, "begun", []), .goAway(0, last: $1))
      throw RawConnection.Failure.closed
    },
    Case("a second head", .notWhole) {
      $0.send($0.headers($1, block: RawHPACK.block(ok), .endHeaders), $0.headers($1, block: RawHPACK.block(ok), .endHeaders), .data($1, "poison"))
    },
    Case("a flood of 103", .refused) { app, stream in
      app.send((0..<1000).map { _ in app.headers(stream, block: RawHPACK.block([(":status", "103")]), .endHeaders) })
    },
    Case("103 that ends", .refused) { $0.send($0.headers($1, block: RawHPACK.block([(":status", "103")]))) },
    Case("a push", .refused) {
      $0.send(RawFrame(RawFrame.Kind.pushPromise, .endHeaders, stream: $1, [0, 0, 0, 2] + $0.block()))
    },
    Case("a request", .refused) { app, _ in app.send(app.headers(2)) },
    Case("a frame beyond the limit", .refused) { $0.send(RawFrame(RawFrame.Kind.data, stream: $1, [UInt8](repeating: 120, count: 20_000))) },
    Case("a head that cannot be decoded", .refused) { $0.send($0.headers($1, block: [0x80])) },
    Case("a head without end", .refused) { app, stream in
      app.send(app.headers(stream, block: RawHPACK.block(ok), []))
      app.send((0..<40).map { _ in .continuation(stream, RawHPACK.block([("x", String(repeating: "y", count: 8000))]), []) })
    },
    Case("an answer on another stream", .refused) { $0.send($0.headers($1 + 2, block: RawHPACK.block(ok))) },
    Case("trailers with pseudo-fields", .notWhole) {
      $0.send($0.headers($1, block: RawHPACK.block(ok), .endHeaders), .data($1, "begun", []), $0.headers($1, block: RawHPACK.block(ok)))
    },
    Case("trailers that frame", .notWhole) {
      let trailers = RawHPACK.block([("content-length", "9"), ("host", "b"), ("x-sum", "1")])
      $0.send($0.headers($1, block: RawHPACK.block(ok), .endHeaders), .data($1, "good", []), $0.headers($1, block: trailers))
    },
    Case("trailers with a line break", .notWhole) {
      let trailers = RawHPACK.block([("grpc-status", "0"), ("x", "a\r\nb")])
      $0.send($0.headers($1, block: RawHPACK.block(ok), .endHeaders), .data($1, "good", []), $0.headers($1, block: trailers))
    },
    Case("trailers beyond the limit", .notWhole) {
      let trailers = RawHPACK.block((0..<300).map { ("x\($0)", "a") })
      $0.send($0.headers($1, block: RawHPACK.block(ok), .endHeaders), .data($1, "good", []), $0.headers($1, block: trailers))
    },
    Case("content in crumbs", .whole("good")) {
      $0.send($0.headers($1, block: RawHPACK.block(ok), .endHeaders))
      for letter in "good" { $0.send(.data($1, String(letter), []), .data($1, "", [])) }
      $0.send(.data($1, ""))
    },
  ]

  @Test(arguments: fields + frames, DownstreamOutcome.Version.allCases)
  func `whatever frames an app sends, a client never takes what is no message for one, nor what is another's for its own`(
    _ test: Case, version: DownstreamOutcome.Version
  ) throws {
    let app = try App.shared.get()
    app.answerNext(test.script)
    let outcome = try DownstreamOutcome.get("/evil", of: app.sidecar, by: version)
    switch test.expected {
    case .whole(let content):
      guard case .whole(_, content) = outcome else {
        Issue.record("\(outcome)")
        break
      }
    case .refused, .notWhole:
      let status = version == .http1 ? 502 : nil
      let refusals = ["upstream_protocol_error", "upstream_reset"].map {
        DownstreamOutcome.whole(status: status, content: #"{"error":"\#($0)"}"#)
      }
      var isCut = false
      if case .notWhole = test.expected { isCut = outcome == .cut }
      #expect(isCut || refusals.contains(outcome), "\(outcome)")
    }
    for _ in 0..<2 {
      #expect(try DownstreamOutcome.get("/next", of: app.sidecar, by: version) == .whole(status: version == .http1 ? 200 : nil, content: "next"))
    }
  }
}
