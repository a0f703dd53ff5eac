import Testing
import Transport

@Suite struct SlabTests {
  @Test func `a handle that outlived its element finds nothing, also when the place is taken again`() {
    var slab = Slab<Int>(kind: 3)
    let first = slab.insert(1) ?? .none
    let taken = slab.remove(first)
    #expect(taken == 1)
    let second = slab.insert(2) ?? .none
    #expect(second.index == first.index)
    let isStaleFound = slab.contains(first)
    let stale = slab.remove(first)
    let value = slab[second]
    #expect(!isStaleFound)
    #expect(stale == nil)
    #expect(value == 2)
  }

  @Test func `a handle of another kind finds nothing`() {
    var some = Slab<Int>(kind: 1)
    var others = Slab<Int>(kind: 2)
    let handle = some.insert(1) ?? .none
    _ = others.insert(1)
    let isFound = others.contains(handle)
    #expect(!isFound)
  }

  @Test func `no handle is none`() {
    var slab = Slab<Int>(kind: 0)
    for number in 0..<3 {
      let handle = slab.insert(number)
      #expect(handle?.isNone == false)
    }
    let isFound = slab.contains(.none)
    #expect(!isFound)
  }

  @Test func `elements keep their values while others come and go`() {
    var slab = Slab<Int>(kind: 1)
    var kept: [Handle: Int] = [:]
    for number in 0..<1_000 {
      let handle = slab.insert(number) ?? .none
      if number % 3 == 0 {
        let removed = slab.remove(handle)
        #expect(removed == number)
      } else {
        kept[handle] = number
      }
    }
    let handles = slab.handles()
    #expect(handles.count == kept.count)
    #expect(Set(handles) == Set(kept.keys))
    for (handle, number) in kept {
      let value = slab[handle]
      #expect(value == number)
    }
  }

  final class Witness: Sendable {}

  @Test func `an element ends with its removal or with the slab`() {
    weak var removed: Witness?
    weak var left: Witness?
    do {
      var slab = Slab<Witness>(kind: 1)
      let one = Witness()
      let two = Witness()
      removed = one
      left = two
      let handle = slab.insert(one) ?? .none
      _ = slab.insert(two)
      _ = slab.remove(handle)
    }
    #expect(removed == nil)
    #expect(left == nil)
  }
}
