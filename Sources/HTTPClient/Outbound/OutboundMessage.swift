import HTTP

/// An outbound request as the codecs want it.
struct OutboundMessage {
  var head: RequestHead
  var authority: [UInt8]

  /// Nil for what would not be one well-formed request: an unnamed method, a field that is none.
  init?(_ request: OutboundRequest) {
    guard let method = Self.name(request.method) else { return nil }
    authority = Array(request.url.authority.utf8)
    head = RequestHead()
    head.method = request.method
    head.methodName = head.fields.store(method)
    head.path = head.fields.store(request.url.target)
    for (name, value) in request.fields {
      let name = Array(name.utf8)
      let value = Array(value.utf8)
      guard FieldSyntax.isLowerCaseToken(name.span), FieldSyntax.isValue(value.span) else { return nil }
      let known = KnownField(name.span)
      if known == .host || known == .contentLength || known.isConnectionSpecific { continue }
      head.fields.append(name: name.span, value: value.span)
    }
    let mayHaveContent = request.method == .post || request.method == .put || request.method == .patch
    if !request.content.isEmpty || mayHaveContent {
      head.fields.append("content-length", String(request.content.count))
    }
  }

  private static func name(_ method: Method) -> StaticString? {
    switch method {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .patch: "PATCH"
    case .connect, .trace, .other: nil
    }
  }
}

extension OutboundFailure {
  init(_ failure: CallFailure, isNameUnknown: Bool) {
    let kind: Kind
    switch failure.kind {
    case .unreachable: kind = isNameUnknown ? .nameNotResolved : .connectFailed
    case .tlsFailed: kind = .tlsFailed
    case .timedOut, .saturated: kind = .timedOut
    case .protocolError, .tunnelUnsupported: kind = .protocolError
    case .reset, .refused, .closedBeforeAnswer: kind = .connectionClosed
    }
    self.init(kind, requestMayHaveLeft: failure.mayHaveLeft, detail: failure.detail)
  }
}
