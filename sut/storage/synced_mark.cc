#include "sut/storage/synced_mark.h"

#include <algorithm>
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
constexpr size_t kNumberBytes = 8;
constexpr size_t kRecordBytes = 2 * kNumberBytes + 4;

void AppendLittleEndian(uint64_t value, size_t bytes, std::string* out) {
  for (size_t i = 0; i < bytes; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t LittleEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = kNumberBytes; i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

struct Slot {
  uint64_t sequence = 0;
  uint64_t newest_table = 0;

  // Neither ever goes back, and each write advances one of them.
  friend auto operator<=>(const Slot&, const Slot&) = default;
};

std::string EncodeSlot(const Slot& slot) {
  std::string bytes;
  AppendLittleEndian(slot.sequence, kNumberBytes, &bytes);
  AppendLittleEndian(slot.newest_table, kNumberBytes, &bytes);
  AppendLittleEndian(Crc32c(bytes), kRecordBytes - 2 * kNumberBytes, &bytes);
  return bytes;
}

std::optional<Slot> DecodeSlot(std::string_view bytes) {
  if (bytes.size() < kRecordBytes) return std::nullopt;
  const Slot slot{LittleEndian(bytes), LittleEndian(bytes.substr(kNumberBytes))};
  if (EncodeSlot(slot) != bytes.substr(0, kRecordBytes)) return std::nullopt;
  return slot;
}

}  // namespace

absl::Status SyncedMark::Create(const StorageSeam& seam, const std::string& path) {
  const rocksdb::Status present = seam.env->FileExists(path);
  if (present.ok()) return absl::OkStatus();
  if (!present.IsNotFound()) return FromRocksdb(present, absl::StrCat("look for ", path));
  std::string contents;
  for (uint64_t slot = 0; slot < kSlots; ++slot) {
    contents.resize(slot * kSlotBytes);
    contents.append(EncodeSlot({}));
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
  std::optional<Slot> best;
  uint64_t best_slot = 0;
  for (uint64_t slot = 0; slot < kSlots && slot * kSlotBytes < contents->size(); ++slot) {
    const auto found = DecodeSlot(std::string_view(*contents).substr(slot * kSlotBytes));
    if (!found || (best && *best >= *found)) continue;
    best = found;
    best_slot = slot;
  }
  if (!best) return absl::DataLossError(absl::StrCat("no valid mark in ", path));
  std::unique_ptr<rocksdb::RandomRWFile> file;
  const rocksdb::Status opened = seam.env->NewRandomRWFile(path, &file, PlainFileOptions());
  if (!opened.ok()) return FromRocksdb(opened, absl::StrCat("open ", path));
  std::unique_ptr<SyncedMark> mark(new SyncedMark(std::move(file), path));
  mark->sequence_ = best->sequence;
  mark->newest_table_ = best->newest_table;
  mark->next_slot_ = (best_slot + 1) % kSlots;
  return mark;
}

uint64_t SyncedMark::sequence() const {
  std::lock_guard lock(mutex_);
  return sequence_;
}

uint64_t SyncedMark::newest_table() const {
  std::lock_guard lock(mutex_);
  return newest_table_;
}

absl::Status SyncedMark::Advance(uint64_t sequence) {
  std::lock_guard lock(mutex_);
  return Write(std::max(sequence, sequence_), newest_table_);
}

absl::Status SyncedMark::NoteTable(uint64_t newest_table) {
  std::lock_guard lock(mutex_);
  return Write(sequence_, std::max(newest_table, newest_table_));
}

absl::Status SyncedMark::Write(uint64_t sequence, uint64_t newest_table) {
  if (sequence == sequence_ && newest_table == newest_table_) return absl::OkStatus();
  rocksdb::Status status = file_->Write(next_slot_ * kSlotBytes, EncodeSlot({sequence, newest_table}));
  if (status.ok()) status = file_->Sync();
  if (!status.ok()) return FromRocksdb(status, absl::StrCat("mark in ", path_));
  sequence_ = sequence;
  newest_table_ = newest_table;
  next_slot_ = (next_slot_ + 1) % kSlots;
  return absl::OkStatus();
}

}  // namespace sut
