#include "sut/storage/table_footers.h"

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "rocksdb/table.h"
#include "sut/storage/directory.h"
#include "sut/storage/rocksdb_calls.h"
#include "sut/storage/rocksdb_options.h"

namespace sut {
namespace {

constexpr size_t kFooterBytes = 53;
constexpr size_t kVersionAt = 41;
constexpr char kFormatVersion = 5;
constexpr std::string_view kMagic = "\xf7\xcf\xf4\x85\xb7\x41\xe2\x88";  // 0x88e241b785f4cff7, little-endian

absl::StatusOr<bool> IsDamaged(const StorageSeam& seam, const std::string& file) {
  uint64_t size = 0;
  rocksdb::Status status = seam.env->GetFileSize(file, &size);
  if (status.ok() && size < kFooterBytes) return false;
  std::unique_ptr<rocksdb::RandomAccessFile> opened;
  if (status.ok()) status = seam.env->NewRandomAccessFile(file, &opened, PlainFileOptions());
  char scratch[kFooterBytes];
  rocksdb::Slice footer;
  if (status.ok()) status = opened->Read(size - kFooterBytes, kFooterBytes, &footer, scratch);
  if (!status.ok()) return FromRocksdb(status, absl::StrCat("read ", file));
  return SaysNoChecksums(footer.ToStringView());
}

}  // namespace

bool SaysNoChecksums(std::string_view footer) {
  const bool is_footer =
      footer.size() == kFooterBytes && footer[kVersionAt] == kFormatVersion && footer.ends_with(kMagic);
  return is_footer && footer[0] != static_cast<char>(rocksdb::kXXH3);
}

absl::Status SetDamagedTablesAside(const StorageSeam& seam, const std::string& directory) {
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(seam, directory);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (!name.ends_with(".sst")) continue;
    const std::string file = absl::StrCat(directory, "/", name);
    const absl::StatusOr<bool> damaged = IsDamaged(seam, file);
    if (!damaged.ok()) return damaged.status();
    if (!*damaged) continue;
    const rocksdb::Status renamed = seam.env->RenameFile(file, file + ".damaged");
    if (!renamed.ok()) return FromRocksdb(renamed, absl::StrCat("rename ", file));
  }
  return absl::OkStatus();
}

}  // namespace sut
