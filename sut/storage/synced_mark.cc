#include "sut/storage/synced_mark.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/storage/crc32c.h"
#include "sut/storage/directory.h"
#include "sut/storage/rocksdb_calls.h"
#include "sut/storage/rocksdb_options.h"

namespace sut {
namespace {

constexpr uint64_t kSlots = 2;
constexpr uint64_t kSlotBytes = 512;  // a sector: writing one slot can't tear the other
constexpr size_t kSequenceBytes = 8;
constexpr size_t kRecordBytes = kSequenceBytes + 4;

void AppendLittleEndian(uint64_t value, size_t bytes, std::string* out) {
  for (size_t i = 0; i < bytes; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

std::string EncodeSlot(uint64_t sequence) {
  std::string slot;
  AppendLittleEndian(sequence, kSequenceBytes, &slot);
  AppendLittleEndian(Crc32c(slot), kRecordBytes - kSequenceBytes, &slot);
  return slot;
}

std::optional<uint64_t> DecodeSlot(std::string_view slot) {
  if (slot.size() < kRecordBytes) return std::nullopt;
  uint64_t sequence = 0;
  for (size_t i = kSequenceBytes; i-- > 0;) sequence = sequence << 8 | static_cast<uint8_t>(slot[i]);
  if (EncodeSlot(sequence) != slot.substr(0, kRecordBytes)) return std::nullopt;
  return sequence;
}

}  // namespace

absl::Status SyncedMark::Create(const StorageSeam& seam, const std::string& path) {
  const rocksdb::Status present = seam.env->FileExists(path);
  if (present.ok()) return absl::OkStatus();
  if (!present.IsNotFound()) return FromRocksdb(present, absl::StrCat("look for ", path));
  std::string contents;
  for (uint64_t slot = 0; slot < kSlots; ++slot) {
    contents.resize(slot * kSlotBytes);
    contents.append(EncodeSlot(0));
  }
  const std::string tmp = absl::StrCat(path, ".tmp");
  if (absl::Status status = WriteFile(seam, tmp, contents); !status.ok()) return status;
  if (absl::Status status = SyncFile(seam, tmp); !status.ok()) return status;
  if (absl::Status status = FromRocksdb(seam.env->RenameFile(tmp, path), absl::StrCat("rename to ", path));
      !status.ok()) {
    return status;
  }
  return SyncDirectory(seam, ParentDirectory(path));
}

absl::StatusOr<std::unique_ptr<SyncedMark>> SyncedMark::Open(const StorageSeam& seam, const std::string& path) {
  absl::StatusOr<std::string> contents = ReadFile(seam, path);
  if (absl::IsNotFound(contents.status())) return absl::DataLossError(absl::StrCat("no mark at ", path));
  if (!contents.ok()) return contents.status();
  std::optional<uint64_t> best;
  uint64_t best_slot = 0;
  for (uint64_t slot = 0; slot < kSlots && slot * kSlotBytes < contents->size(); ++slot) {
    const auto sequence = DecodeSlot(std::string_view(*contents).substr(slot * kSlotBytes));
    if (!sequence || (best && *best >= *sequence)) continue;
    best = sequence;
    best_slot = slot;
  }
  if (!best) return absl::DataLossError(absl::StrCat("no valid mark in ", path));
  std::unique_ptr<rocksdb::RandomRWFile> file;
  const rocksdb::Status opened = seam.env->NewRandomRWFile(path, &file, PlainFileOptions());
  if (!opened.ok()) return FromRocksdb(opened, absl::StrCat("open ", path));
  std::unique_ptr<SyncedMark> mark(new SyncedMark(std::move(file), path));
  mark->sequence_ = *best;
  mark->next_slot_ = (best_slot + 1) % kSlots;
  return mark;
}

uint64_t SyncedMark::sequence() const {
  std::lock_guard lock(mutex_);
  return sequence_;
}

absl::Status SyncedMark::Advance(uint64_t sequence) {
  std::lock_guard lock(mutex_);
  if (sequence <= sequence_) return absl::OkStatus();
  rocksdb::Status status = file_->Write(next_slot_ * kSlotBytes, EncodeSlot(sequence));
  if (status.ok()) status = file_->Sync();
  if (!status.ok()) return FromRocksdb(status, absl::StrCat("mark in ", path_));
  sequence_ = sequence;
  next_slot_ = (next_slot_ + 1) % kSlots;
  return absl::OkStatus();
}

}  // namespace sut
