import Foundation
import HTTPClient
import OpenSSL
import StateStore
import Synchronization
import TestPeers
import Testing

@testable import Login

/// Signed passkey data opens the door once, whoever holds copies of it, whatever dies in between.
@Suite struct SingleUseTests {
  private func linked(
    store: ((any StateStore) -> any StateStore)? = nil,
    onCall: @escaping @Sendable (CorbadoFake.Call) async -> Void = { _ in }
  ) async throws -> LoginFixture {
    let fixture = try LoginFixture(store: store, onCall: onCall)
    #expect(await fixture.connectToken(for: try .conventional()).status == 200)
    return fixture
  }

  @Test func `of two hundred at once exactly one signs in`() async throws {
    let fixture = try await linked()
    // A Corbado that forgot its own check: this guard stands alone.
    fixture.corbado.script(.answer(status: 200, content: #"{"verificationResult":"success"}"#))
    let data = try fixture.signedData()
    let answers = await withTaskGroup(of: EndpointAnswer.self) { group in
      for _ in 0..<200 { group.addTask { await fixture.completeLogin(data) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.count { $0.status == 200 } == 1)
    #expect(answers.count { $0.text.contains("accessToken") } == 1)
    #expect(answers.filter { $0.status != 200 }.allSatisfy { $0.reason == .passkeyDataReplayed || $0.reason == .rateLimited })
  }

  @Test func `of two processes with the same data exactly one signs in`() async throws {
    let fixture = try await linked()
    let other = try fixture.restarted()
    fixture.corbado.script(.answer(status: 200, content: #"{"verificationResult":"success"}"#))
    let content = fixture.content(try fixture.signedData())
    let answers = await withTaskGroup(of: EndpointAnswer.self) { group in
      for number in 0..<40 {
        let login = number.isMultiple(of: 2) ? fixture.login : other
        group.addTask { await login.completeLogin(content: content) }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(answers.count { $0.status == 200 } == 1)
  }

  @Test func `a second one while the first is under way is refused without asking Corbado`() async throws {
    let meanwhile = Meanwhile()
    let fixture = try await linked(onCall: meanwhile.run)
    let data = try fixture.signedData()
    let first = await meanwhile.doing { await fixture.completeLogin(data) } during: { await fixture.completeLogin(data) }
    let second = try #require(meanwhile.answer)
    #expect(second.status == 401)
    #expect(second.reason == .passkeyDataReplayed)
    #expect(second.text == #"{"success":false,"error":"Invalid signedPasskeyData"}"#)
    #expect(first.status == 200)
    #expect(fixture.corbado.calls(to: "/verifySignedData").count == 1)
  }

  @Test func `after a restart a used one is refused without asking Corbado`() async throws {
    let fixture = try await linked()
    let data = try fixture.signedData()
    #expect(await fixture.completeLogin(data).status == 200)
    let answer = await (try fixture.restarted()).completeLogin(content: fixture.content(data))
    #expect(answer.reason == .passkeyDataReplayed)
    #expect(fixture.corbado.calls(to: "/verifySignedData").count == 1)
  }

  @Test func `a use is remembered for as long as the data are good`() async throws {
    let fixture = try await linked()
    fixture.corbado.script(.answer(status: 200, content: #"{"verificationResult":"success"}"#))
    let data = try fixture.signedData()
    #expect(await fixture.completeLogin(data).status == 200)
    for _ in 0..<34 {
      fixture.clock.advance(10)
      // Whoever signs in makes the store forget what has expired.
      #expect(await fixture.completeLogin(try fixture.signedData()).status == 200)
      let answer = await fixture.completeLogin(data)
      #expect(answer.reason == .passkeyDataReplayed || answer.reason == .passkeyDataMalformed)
    }
  }

  @Test func `forged data with the same token ID do not use up the genuine`() async throws {
    let fixture = try await linked()
    let forger = try TokenFactory(
      issuer: CorbadoFake.projectID, keyID: "pki-1", algorithm: .rs256, privateKey: .generate(.rsa2048))
    let forged = try fixture.signedData(challenge: "was-1", jti: "same", signer: forger)
    #expect(await fixture.completeLogin(forged).reason == .passkeyDataRefused)
    #expect(await fixture.completeLogin(try fixture.signedData(challenge: "was-1", jti: "same")).status == 200)
  }

  @Test func `forged data do not stand in the way of the genuine meanwhile`() async throws {
    let meanwhile = Meanwhile()
    let fixture = try await linked(onCall: meanwhile.run)
    let forger = try TokenFactory(
      issuer: CorbadoFake.projectID, keyID: "pki-1", algorithm: .rs256, privateKey: .generate(.rsa2048))
    let forged = try fixture.signedData(jti: "same", signer: forger)
    let genuine = try fixture.signedData(jti: "same")
    let first = await meanwhile.doing { await fixture.completeLogin(genuine) } during: { await fixture.completeLogin(forged) }
    #expect(first.reason == .passkeyDataRefused)
    #expect(meanwhile.answer?.status == 200)
  }

  @Test func `a call to Corbado that failed leaves the data to be tried again`() async throws {
    let fixture = try await linked()
    let data = try fixture.signedData()
    fixture.corbado.script(.failure(OutboundFailure(.connectFailed, requestMayHaveLeft: false)))
    #expect(await fixture.completeLogin(data).reason == .corbadoUnreachable)
    fixture.corbado.script(nil)
    #expect(await fixture.completeLogin(data).status == 200)
  }

  @Test func `the use is stored after the verdict and before there is a token`() async throws {
    let fixture = try await linked(store: { StateStoreDouble($0) })
    let double = try #require(fixture.store as? StateStoreDouble)
    #expect(await fixture.completeLogin(try fixture.signedData()).status == 200)
    #expect(double.asked == ["claimLink", "signingKeys", "storeSigningKey", "isUsed", "link", "markUsed"])
    let failing = try await linked(store: { StateStoreDouble($0, failing: ["markUsed"]) })
    let answer = await failing.completeLogin(try failing.signedData())
    #expect(answer.status == 503)
    #expect(!answer.text.contains("accessToken"))
  }

  @Test func `a refused verdict uses nothing up`() async throws {
    let fixture = try await linked(store: { StateStoreDouble($0) })
    fixture.corbado.script(.answer(status: 200, content: #"{"verificationResult":"generic_error"}"#))
    _ = await fixture.completeLogin(try fixture.signedData())
    #expect((fixture.store as? StateStoreDouble)?.asked.contains("markUsed") == false)
  }
}

/// One request inside of another: it runs, once, while the other waits for Corbado.
private final class Meanwhile: Sendable {
  private let request = Mutex<(@Sendable () async -> EndpointAnswer)?>(nil)
  private let kept = Mutex<EndpointAnswer?>(nil)

  var answer: EndpointAnswer? { kept.withLock { $0 } }

  @Sendable func run(_: CorbadoFake.Call) async {
    guard let inner = request.withLock({ $0.take() }) else { return }
    let answer = await inner()
    kept.withLock { $0 = answer }
  }

  func doing(
    _ inner: @escaping @Sendable () async -> EndpointAnswer, during outer: () async -> EndpointAnswer
  ) async -> EndpointAnswer {
    request.withLock { $0 = inner }
    return await outer()
  }
}
