#include "sut/storage/directory.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "sut/storage/crc32c.h"
#include "sut/storage/rocksdb_calls.h"
#include "sut/storage/rocksdb_options.h"

namespace sut {
namespace {

constexpr size_t kReadBytes = 64 << 10;
// Nothing below a replica's directory nests deeper; a link cycle would.
constexpr int kTreeDepthMax = 8;

bool IsRoot(const std::string& path) { return path == "/" || path == "."; }

std::string Join(const std::string& directory, const std::string& name) { return absl::StrCat(directory, "/", name); }

absl::Status RemoveTreeBelow(const StorageSeam& seam, const std::string& path, int depth) {
  if (depth > kTreeDepthMax) return absl::FailedPreconditionError(absl::StrCat(path, ": nested too deep to be ours"));
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(seam, path);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const std::string child = Join(path, name);
    bool is_directory = false;
    rocksdb::Status status = seam.env->IsDirectory(child, &is_directory);
    if (!status.ok()) return FromRocksdb(status, absl::StrCat("look at ", child));
    absl::Status removed = is_directory ? RemoveTreeBelow(seam, child, depth + 1) : RemoveFile(seam, child);
    if (!removed.ok()) return removed;
  }
  return FromRocksdb(seam.env->DeleteDir(path), absl::StrCat("remove ", path));
}

// Calls `take` for each piece of the file, in order, until the end or until `bytes_max` bytes are taken.
absl::Status ForEachPiece(const StorageSeam& seam, const std::string& file, uint64_t bytes_max,
                          const std::function<absl::Status(std::string_view)>& take) {
  std::unique_ptr<rocksdb::SequentialFile> source;
  rocksdb::Status status = seam.env->NewSequentialFile(file, &source, PlainFileOptions());
  if (!status.ok()) return FromRocksdb(status, absl::StrCat("read ", file));
  std::string scratch(std::min<uint64_t>(kReadBytes, bytes_max), '\0');
  while (bytes_max > 0) {
    rocksdb::Slice piece;
    status = source->Read(std::min<uint64_t>(scratch.size(), bytes_max), &piece, scratch.data());
    if (!status.ok()) return FromRocksdb(status, absl::StrCat("read ", file));
    if (piece.empty()) return absl::OkStatus();
    if (absl::Status taken = take(piece.ToStringView()); !taken.ok()) return taken;
    bytes_max -= piece.size();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<rocksdb::WritableFile>> CreateFile(const StorageSeam& seam, const std::string& file) {
  std::unique_ptr<rocksdb::WritableFile> created;
  const rocksdb::Status status = seam.env->NewWritableFile(file, &created, PlainFileOptions());
  if (!status.ok()) return FromRocksdb(status, absl::StrCat("create ", file));
  return created;
}

absl::StatusOr<proto::FileInfo> DescribeFile(const StorageSeam& seam, const std::string& directory,
                                             const std::string& name) {
  uint64_t size = 0;
  uint32_t crc = 0;
  absl::Status status = ForEachPiece(seam, Join(directory, name), UINT64_MAX, [&](std::string_view piece) {
    size += piece.size();
    crc = ExtendCrc32c(crc, piece);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  proto::FileInfo info;
  info.set_name(name);
  info.set_size(size);
  info.set_crc32c(crc);
  return info;
}

}  // namespace

std::string ParentDirectory(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool IsPlainFileName(std::string_view name) {
  constexpr std::string_view kSeparators("/\0", 2);
  return !name.empty() && name != "." && name != ".." && name.find_first_of(kSeparators) == std::string_view::npos;
}

bool IsTableFile(std::string_view name) { return name.ends_with(".sst"); }

absl::Status CreateDirectoryChain(const StorageSeam& seam, const std::string& path) {
  std::vector<std::string> missing;
  std::string existing = path;
  while (!IsRoot(existing)) {
    const rocksdb::Status status = seam.env->FileExists(existing);
    if (status.ok()) break;
    if (!status.IsNotFound()) return FromRocksdb(status, absl::StrCat("look for ", existing));
    missing.push_back(existing);
    existing = ParentDirectory(existing);
  }
  if (!IsRoot(existing)) {
    if (absl::Status status = SyncDirectory(seam, ParentDirectory(existing)); !status.ok()) return status;
  }
  for (auto next = missing.rbegin(); next != missing.rend(); ++next) {
    const rocksdb::Status status = seam.env->CreateDir(*next);
    if (!status.ok()) return FromRocksdb(status, absl::StrCat("create ", *next));
    if (absl::Status synced = SyncDirectory(seam, ParentDirectory(*next)); !synced.ok()) return synced;
  }
  return absl::OkStatus();
}

absl::Status CreateUnsyncedDirectory(const StorageSeam& seam, const std::string& path) {
  if (absl::Status status = CreateDirectoryChain(seam, ParentDirectory(path)); !status.ok()) return status;
  return FromRocksdb(seam.env->CreateDir(path), absl::StrCat("create ", path));
}

absl::Status RemoveTree(const StorageSeam& seam, const std::string& path) {
  absl::StatusOr<bool> exists = DirectoryExists(seam, path);
  if (!exists.ok()) return exists.status();
  if (*exists) {
    if (absl::Status status = RemoveTreeBelow(seam, path, 0); !status.ok()) return status;
  }
  // Also when there was nothing to remove: it may be a crash before this very sync that removed it.
  const std::string parent = ParentDirectory(path);
  absl::StatusOr<bool> parent_exists = DirectoryExists(seam, parent);
  if (!parent_exists.ok()) return parent_exists.status();
  return *parent_exists ? SyncDirectory(seam, parent) : absl::OkStatus();
}

absl::Status RemoveFile(const StorageSeam& seam, const std::string& file) {
  return FromRocksdb(seam.env->DeleteFile(file), absl::StrCat("remove ", file));
}

absl::Status SyncDirectory(const StorageSeam& seam, const std::string& path) {
  std::unique_ptr<rocksdb::Directory> directory;
  rocksdb::Status status = seam.env->NewDirectory(path, &directory);
  if (status.ok()) status = directory->Fsync();
  return FromRocksdb(status, absl::StrCat("sync ", path));
}

absl::StatusOr<std::vector<std::string>> ListDirectory(const StorageSeam& seam, const std::string& path) {
  std::vector<std::string> names;
  const rocksdb::Status status = seam.env->GetChildren(path, &names);
  if (status.IsNotFound() || status.IsPathNotFound()) return std::vector<std::string>();
  if (!status.ok()) return FromRocksdb(status, absl::StrCat("list ", path));
  std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<bool> DirectoryExists(const StorageSeam& seam, const std::string& path) {
  rocksdb::Status status = seam.env->FileExists(path);
  if (status.IsNotFound()) return false;
  bool is_directory = false;
  if (status.ok()) status = seam.env->IsDirectory(path, &is_directory);
  if (!status.ok()) return FromRocksdb(status, absl::StrCat("look for ", path));
  return is_directory;
}

absl::Status SyncFile(const StorageSeam& seam, const std::string& file) {
  std::unique_ptr<rocksdb::WritableFile> opened;
  rocksdb::Status status = seam.env->ReopenWritableFile(file, &opened, PlainFileOptions());
  if (status.ok()) status = opened->Fsync();
  if (status.ok()) status = opened->Close();
  return FromRocksdb(status, absl::StrCat("sync ", file));
}

absl::Status SyncFiles(const StorageSeam& seam, const std::string& directory) {
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(seam, directory);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (absl::Status status = SyncFile(seam, Join(directory, name)); !status.ok()) return status;
  }
  return SyncDirectory(seam, directory);
}

absl::StatusOr<std::vector<proto::FileInfo>> DescribeFiles(const StorageSeam& seam, const std::string& directory) {
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(seam, directory);
  if (!names.ok()) return names.status();
  std::vector<proto::FileInfo> files;
  for (const std::string& name : *names) {
    absl::StatusOr<proto::FileInfo> info = DescribeFile(seam, directory, name);
    if (!info.ok()) return info.status();
    files.push_back(*std::move(info));
  }
  return files;
}

absl::Status VerifyFile(const StorageSeam& seam, const std::string& directory, const proto::FileInfo& file) {
  absl::StatusOr<proto::FileInfo> found = DescribeFile(seam, directory, file.name());
  if (!found.ok()) return found.status();
  if (found->size() == file.size() && found->crc32c() == file.crc32c()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(directory, "/", file.name(), ": size or checksum mismatch"));
}

absl::Status VerifyFiles(const StorageSeam& seam, const std::string& directory,
                         const std::vector<proto::FileInfo>& files) {
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(seam, directory);
  if (!names.ok()) return names.status();
  std::vector<std::string> expected;
  for (const proto::FileInfo& file : files) expected.push_back(file.name());
  std::sort(expected.begin(), expected.end());
  if (*names != expected) return absl::DataLossError(absl::StrCat(directory, ": not the files that should be there"));
  for (const proto::FileInfo& file : files) {
    if (absl::Status status = VerifyFile(seam, directory, file); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status LinkDirectory(const StorageSeam& seam, const std::string& from, const std::string& to) {
  absl::StatusOr<bool> exists = DirectoryExists(seam, from);
  if (!exists.ok()) return exists.status();
  if (!*exists) return absl::NotFoundError(absl::StrCat("no directory ", from));
  absl::StatusOr<std::vector<std::string>> names = ListDirectory(seam, from);
  if (!names.ok()) return names.status();
  if (absl::Status status = CreateUnsyncedDirectory(seam, to); !status.ok()) return status;
  for (const std::string& name : *names) {
    if (absl::Status status = LinkFile(seam, {.from = Join(from, name), .to = Join(to, name)}); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadFile(const StorageSeam& seam, const std::string& file) {
  std::string contents;
  absl::Status status = ForEachPiece(seam, file, UINT64_MAX, [&](std::string_view piece) {
    contents.append(piece);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return contents;
}

absl::Status WriteFile(const StorageSeam& seam, const std::string& file, std::string_view contents) {
  absl::StatusOr<std::unique_ptr<rocksdb::WritableFile>> target = CreateFile(seam, file);
  if (!target.ok()) return target.status();
  rocksdb::Status status = (*target)->Append(contents);
  if (status.ok()) status = (*target)->Close();
  return FromRocksdb(status, absl::StrCat("write ", file));
}

absl::Status CopyFile(const StorageSeam& seam, const FileCopy& copy) {
  absl::StatusOr<std::unique_ptr<rocksdb::WritableFile>> target = CreateFile(seam, copy.to);
  if (!target.ok()) return target.status();
  absl::Status status = ForEachPiece(seam, copy.from, copy.bytes_max, [&](std::string_view piece) {
    return FromRocksdb((*target)->Append(piece), absl::StrCat("write ", copy.to));
  });
  if (!status.ok()) return status;
  return FromRocksdb((*target)->Close(), absl::StrCat("write ", copy.to));
}

absl::Status LinkFile(const StorageSeam& seam, const FileLink& link) {
  return FromRocksdb(seam.env->LinkFile(link.from, link.to), absl::StrCat("link ", link.to));
}

absl::StatusOr<std::string> ReadChunk(const StorageSeam& seam, const std::string& file, uint64_t offset,
                                      uint64_t bytes_max) {
  std::unique_ptr<rocksdb::RandomAccessFile> source;
  rocksdb::Status status = seam.env->NewRandomAccessFile(file, &source, PlainFileOptions());
  uint64_t size = 0;
  if (status.ok()) status = seam.env->GetFileSize(file, &size);
  if (!status.ok()) return FromRocksdb(status, absl::StrCat("read ", file));
  if (offset >= size) return std::string();
  std::string scratch(std::min(bytes_max, size - offset), '\0');
  rocksdb::Slice chunk;
  status = source->Read(offset, scratch.size(), &chunk, scratch.data());
  if (!status.ok()) return FromRocksdb(status, absl::StrCat("read ", file));
  return chunk.ToString();
}

absl::Status WriteChunk(const StorageSeam& seam, const std::string& file, uint64_t offset, const std::string& data) {
  if (offset == 0) return WriteFile(seam, file, data);
  uint64_t size = 0;
  rocksdb::Status status = seam.env->GetFileSize(file, &size);
  if (status.ok() && size != offset) return absl::FailedPreconditionError(absl::StrCat("chunk out of order: ", file));
  std::unique_ptr<rocksdb::WritableFile> target;
  if (status.ok()) status = seam.env->ReopenWritableFile(file, &target, PlainFileOptions());
  if (status.ok()) status = target->Append(data);
  if (status.ok()) status = target->Close();
  return FromRocksdb(status, absl::StrCat("write ", file));
}

}  // namespace sut
