#include "harness/cluster/read_books.h"

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "harness/cluster/ledger_entry.h"
#include "sut/base/ids.h"
#include "sut/proto/tablet.pb.h"
#include "sut/storage/tablet_store.h"

namespace holdfast {
namespace {

using check::Books;

constexpr size_t kIdBytes = 16;
constexpr size_t kSequenceBytes = 8;  // big endian

bool Parse(const std::string& value, google::protobuf::MessageLite* record) { return record->ParseFromString(value); }

uint64_t BigEndian(std::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

// 's' a snapshot, 'r' a restoration, 'c' the closing of the tablet; then the id.
bool TakeMarker(std::string_view rest, const std::string& value, const PlanIds& ids, Books* books) {
  if (rest.size() != 1 + kIdBytes) return false;
  const std::string id(rest.substr(1));
  switch (rest.front()) {
    case 's': {
      sut::proto::SnapshotMarker marker;
      if (!Parse(value, &marker)) return false;
      const auto snapshot = sut::IdFromBytes<sut::SnapshotId>(id);
      books->MarkSnapshot(ids.SnapshotNumber(*snapshot).value_or(kUnknownNumber),
                          marker.state() == sut::proto::SnapshotMarker::CREATED);
      return true;
    }
    case 'r': {
      const auto restoration = sut::IdFromBytes<sut::RestorationId>(id);
      books->MarkRestoration(ids.RestorationNumber(*restoration).value_or(kUnknownNumber));
      return true;
    }
    case 'c':
      books->Close();
      return true;
    default:
      return false;
  }
}

bool TakeFact(const std::string& key, const std::string& value, const PlanIds& ids, Books* books) {
  const std::string_view rest = std::string_view(key).substr(1);
  switch (static_cast<sut::KeySpace>(key.front())) {
    case sut::KeySpace::kSession: {
      sut::proto::SessionRecord record;
      if (rest.size() != kIdBytes || !Parse(value, &record)) return false;
      const uint32_t client = LedgerClientOf(std::string(rest), ids);
      books->SetLowerBound(client, record.first_incomplete());
      if (record.closed()) books->Fence(client);
      return true;
    }
    case sut::KeySpace::kRequest:
      if (rest.size() != kIdBytes + kSequenceBytes) return false;
      books->Remember(LedgerClientOf(std::string(rest.substr(0, kIdBytes)), ids), BigEndian(rest.substr(kIdBytes)));
      return true;
    case sut::KeySpace::kMarker:
      return TakeMarker(rest, value, ids, books);
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<Books> ReadBooks(const check::Rows& metadata, const PlanIds& ids) {
  Books books;
  for (const auto& [key, value] : metadata) {
    if (key.empty() || !TakeFact(key, value, ids, &books)) {
      return absl::DataLossError("a remembered request, a session or a marker does not parse");
    }
  }
  return books;
}

}  // namespace holdfast
