// Identifiers as distinct types, so that a table can't be passed where a tablet is meant.
//
// Uuid-based ids are 128 bits, printed as 32 lower-case hex digits, and travel as 16 raw bytes. Small ids count from 1.
// All of them are plain values: comparable, hashable, ordered by their bytes.

#ifndef SUT_BASE_IDS_H_
#define SUT_BASE_IDS_H_

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sut {

// A 128-bit identifier of one kind of object; Tag keeps the kinds apart.
template <typename Tag>
struct Uuid {
  uint64_t hi = 0;
  uint64_t lo = 0;

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const Uuid& id) {
    return H::combine(std::move(state), id.hi, id.lo);
  }

  bool is_nil() const { return hi == 0 && lo == 0; }
};

// A small counting identifier of one kind of object; 0 is none.
template <typename Tag, typename Rep>
struct NumberId {
  Rep value = 0;

  friend auto operator<=>(const NumberId&, const NumberId&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const NumberId& id) {
    return H::combine(std::move(state), id.value);
  }

  bool is_none() const { return value == 0; }
};

using KeyspaceId = Uuid<struct KeyspaceTag>;
using TableId = Uuid<struct TableTag>;
using TabletId = Uuid<struct TabletTag>;  // also names the Raft group; the master's group is kMasterTablet
using SnapshotId = Uuid<struct SnapshotTag>;
using RestorationId = Uuid<struct RestorationTag>;
using ClientId = Uuid<struct ClientTag>;  // one client session

// A process with a disk of its own, or a client: whatever messages are addressed to.
using NodeId = NumberId<struct NodeTag, uint32_t>;
// A Raft peer. Invariant: a replica that lost its disk never comes back under the same id, since its votes are gone.
using ReplicaId = NumberId<struct ReplicaTag, uint64_t>;
using Term = NumberId<struct TermTag, uint64_t>;
using Index = NumberId<struct IndexTag, uint64_t>;  // position in a Raft log; the first entry has index 1

inline constexpr TabletId kMasterTablet{0, 1};

// Where a log entry stands: the pair names it for ever (Raft paper, section 5.3, log matching).
struct OpId {
  Term term;
  Index index;

  friend auto operator<=>(const OpId&, const OpId&) = default;
};

// A client's request: the same id on every attempt, which is what makes a retry safe.
struct RequestId {
  ClientId client;
  uint64_t sequence = 0;  // counts from 1 within the session; 0 is no request

  friend auto operator<=>(const RequestId&, const RequestId&) = default;
};

inline Index Next(Index index) { return Index{index.value + 1}; }
inline Index Previous(Index index) { return Index{index.value - 1}; }
inline Term Next(Term term) { return Term{term.value + 1}; }

// The 16 bytes, most significant first, so that byte order is id order.
std::string UuidBytes(uint64_t hi, uint64_t lo);
// 32 lower-case hex digits.
std::string UuidHex(uint64_t hi, uint64_t lo);
absl::StatusOr<std::pair<uint64_t, uint64_t>> ParseUuidBytes(std::string_view bytes);
absl::StatusOr<std::pair<uint64_t, uint64_t>> ParseUuidHex(std::string_view hex);

template <typename Tag>
std::string Bytes(const Uuid<Tag>& id) {
  return UuidBytes(id.hi, id.lo);
}
template <typename Tag>
std::string Hex(const Uuid<Tag>& id) {
  return UuidHex(id.hi, id.lo);
}

// An id from its 16 bytes; InvalidArgument for any other length.
template <typename Id>
absl::StatusOr<Id> IdFromBytes(std::string_view bytes) {
  auto parts = ParseUuidBytes(bytes);
  if (!parts.ok()) return parts.status();
  return Id{parts->first, parts->second};
}
// An id from exactly 32 hex digits; InvalidArgument for anything else, so that no path can hide in an id.
template <typename Id>
absl::StatusOr<Id> IdFromHex(std::string_view hex) {
  auto parts = ParseUuidHex(hex);
  if (!parts.ok()) return parts.status();
  return Id{parts->first, parts->second};
}

std::string ToString(const OpId& op);

}  // namespace sut

#endif  // SUT_BASE_IDS_H_
