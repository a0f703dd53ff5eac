import Testing

@testable import HTTP

@Suite struct H2KnownStreamsTests {
  @Test func `a stream that is new may be opened, one that was skipped may not`() {
    var streams = H2KnownStreams()
    for id in [1, 5, 7] as [Int32] { #expect(streams.fault(ofHeadersFor: id) == nil) }
    #expect(streams.fault(ofHeadersFor: 3) == H2ErrorCode.protocolError)
  }

  @Test func `after its end by the peer nothing may come for a stream, before it is only late`() {
    var streams = H2KnownStreams()
    for id in [1, 3] as [Int32] { _ = streams.fault(ofHeadersFor: id) }
    streams.endedByPeer(1)
    #expect(streams.fault(ofHeadersFor: 1) == H2ErrorCode.streamClosed)
    #expect(streams.fault(ofHeadersFor: 3) == nil)
  }

  @Test func `of streams that were opened long ago nothing is said`() {
    var streams = H2KnownStreams()
    let ids = (0...Int32(H2KnownStreams.count)).map { 5 + 2 * $0 }
    for id in ids {
      _ = streams.fault(ofHeadersFor: id)
      streams.endedByPeer(id)
    }
    #expect(streams.fault(ofHeadersFor: 3) == nil)
    #expect(streams.fault(ofHeadersFor: 5) == nil)
    #expect(streams.fault(ofHeadersFor: 7) == H2ErrorCode.streamClosed)
  }
}
