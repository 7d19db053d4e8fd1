#include "sut/storage/table_check.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "rocksdb/file_system.h"
#include "sut/storage/crc32c.h"
#include "sut/storage/directory.h"
#include "sut/storage/rocksdb_options.h"

namespace sut {
namespace {

constexpr size_t kFooterBytes = 53;
constexpr size_t kVersionAt = 41;
constexpr char kFormatVersion = 5;
constexpr std::string_view kMagic = "\xf7\xcf\xf4\x85\xb7\x41\xe2\x88";  // 0x88e241b785f4cff7, little-endian
constexpr size_t kTrailerBytes = 5;                                      // of a block: kind of compression, checksum
constexpr std::string_view kPropertiesName = "rocksdb.properties";
// The properties and the metaindex are the last blocks of a table, and nothing in them grows with its rows.
constexpr uint64_t kEndBytes = 16 << 10;

struct BlockHandle {
  uint64_t offset = 0;
  uint64_t size = 0;
};

uint32_t ReadFixed32(std::string_view bytes) {
  static_assert(std::endian::native == std::endian::little);
  uint32_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::optional<uint64_t> TakeVarint(std::string_view* bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes->size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>((*bytes)[i]);
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) != 0) continue;
    bytes->remove_prefix(i + 1);
    return value;
  }
  return std::nullopt;
}

std::optional<BlockHandle> TakeHandle(std::string_view* bytes) {
  const std::optional<uint64_t> offset = TakeVarint(bytes);
  const std::optional<uint64_t> size = TakeVarint(bytes);
  if (!offset || !size) return std::nullopt;
  return BlockHandle{*offset, *size};
}

// What of a block's checksum is stored (rocksdb, util/crc32c.h).
uint32_t Masked(uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8u; }

// The contents of a block, if its checksum fits.
std::optional<std::string_view> BlockAt(const TableEnd& end, const BlockHandle& handle) {
  const uint64_t end_of_file = end.offset + end.bytes.size();
  if (handle.offset < end.offset || handle.offset > end_of_file) return std::nullopt;
  const std::string_view rest = end.bytes.substr(handle.offset - end.offset);
  if (rest.size() < kTrailerBytes || handle.size > rest.size() - kTrailerBytes) return std::nullopt;
  const uint32_t stored = ReadFixed32(rest.substr(handle.size + 1));
  if (stored != Masked(Crc32c(rest.substr(0, handle.size + 1)))) return std::nullopt;
  return rest.substr(0, handle.size);
}

// Where the metaindex says that the properties are (rocksdb, table/block_based/block_builder.cc: entries of what they
// share with the one before, what not, the length of the value; then the restart points and how many there are).
std::optional<BlockHandle> FindProperties(std::string_view metaindex) {
  constexpr size_t kWord = sizeof(uint32_t);
  if (metaindex.size() < kWord) return std::nullopt;
  const uint64_t restarts = ReadFixed32(metaindex.substr(metaindex.size() - kWord));
  if ((restarts + 1) * kWord > metaindex.size()) return std::nullopt;
  std::string_view entries = metaindex.substr(0, metaindex.size() - (restarts + 1) * kWord);
  std::string key;
  while (!entries.empty()) {
    const std::optional<uint64_t> shared = TakeVarint(&entries);
    const std::optional<uint64_t> unshared = TakeVarint(&entries);
    const std::optional<uint64_t> value = TakeVarint(&entries);
    if (!shared || !unshared || !value || *shared > key.size() || *unshared > entries.size()) return std::nullopt;
    key.resize(*shared);
    key.append(entries.substr(0, *unshared));
    entries.remove_prefix(*unshared);
    if (*value > entries.size()) return std::nullopt;
    std::string_view found = entries.substr(0, *value);
    if (key == kPropertiesName) return TakeHandle(&found);
    entries.remove_prefix(*value);
  }
  return std::nullopt;
}

class CheckedFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;

  const char* Name() const override { return "CheckedFileSystem"; }
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext* debug) override {
    const rocksdb::IOStatus status = target()->NewRandomAccessFile(name, options, result, debug);
    return status.ok() && IsTableFile(name) ? Check(name, **result, debug) : status;
  }

 private:
  rocksdb::IOStatus Check(const std::string& name, const rocksdb::FSRandomAccessFile& file,
                          rocksdb::IODebugContext* debug) {
    const rocksdb::IOOptions options;
    uint64_t size = 0;
    rocksdb::IOStatus status = target()->GetFileSize(name, options, &size, debug);
    const uint64_t wanted = std::min(size, kEndBytes);
    std::string scratch(wanted, '\0');
    rocksdb::Slice end;
    if (status.ok()) status = file.Read(size - wanted, wanted, options, &end, scratch.data(), debug);
    if (!status.ok()) return status;
    const bool is_damaged = end.size() == wanted && IsDamaged({end.ToStringView(), size - wanted});
    return is_damaged ? rocksdb::IOStatus::Corruption("damaged table file", name) : status;
  }
};

class CheckedEnv final : public rocksdb::EnvWrapper {
 public:
  explicit CheckedEnv(rocksdb::Env* env) : EnvWrapper(env) {
    file_system_ = std::make_shared<CheckedFileSystem>(env->GetFileSystem());
    system_clock_ = env->GetSystemClock();
  }
  const char* Name() const override { return "CheckedEnv"; }
};

}  // namespace

bool IsDamaged(const TableEnd& end) {
  if (end.bytes.size() < kFooterBytes) return false;
  std::string_view footer = end.bytes.substr(end.bytes.size() - kFooterBytes);
  if (footer[kVersionAt] != kFormatVersion || !footer.ends_with(kMagic)) return false;
  if (footer[0] != static_cast<char>(kTableChecksum)) return true;
  footer.remove_prefix(1);
  const std::optional<BlockHandle> metaindex_at = TakeHandle(&footer);
  const auto metaindex = metaindex_at ? BlockAt(end, *metaindex_at) : std::nullopt;
  const auto properties_at = metaindex ? FindProperties(*metaindex) : std::nullopt;
  return !properties_at || !BlockAt(end, *properties_at);
}

std::unique_ptr<rocksdb::Env> WithTableCheck(rocksdb::Env* env) { return std::make_unique<CheckedEnv>(env); }

}  // namespace sut
