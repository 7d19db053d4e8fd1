#include "harness/process/ledger_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"
#include "sut/storage/crc32c.h"

namespace holdfast::process {
namespace {

constexpr size_t kHeaderBytes = 8;
constexpr size_t kReadBytes = 64 << 10;

void PutFixed32(uint32_t value, std::string* to) {
  for (int shift = 0; shift < 32; shift += 8) to->push_back(static_cast<char>(value >> shift & 0xFF));
}

uint32_t GetFixed32(const char* from) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value |= static_cast<uint32_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  return value;
}

absl::Status Failed(const std::string& file) {
  return absl::UnavailableError(absl::StrCat(file, ": ", std::strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LedgerWriter>> LedgerWriter::Open(const std::string& file) {
  const int fd = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return Failed(file);
  return std::unique_ptr<LedgerWriter>(new LedgerWriter(fd));
}

LedgerWriter::~LedgerWriter() { close(fd_); }

void LedgerWriter::Append(const LedgerRecord& record) {
  const std::string payload = record.SerializeAsString();
  std::string frame;
  frame.reserve(kHeaderBytes + payload.size());
  PutFixed32(static_cast<uint32_t>(payload.size()), &frame);
  PutFixed32(sut::Crc32c(payload), &frame);
  frame += payload;
  const std::lock_guard lock(mutex_);
  size_t written = 0;
  while (written < frame.size()) {
    const ssize_t count = write(fd_, frame.data() + written, frame.size() - written);
    if (count < 0 && errno == EINTR) continue;
    SUT_CHECK(count > 0, "the apply ledger can be written");
    written += static_cast<size_t>(count);
  }
}

LedgerReader::LedgerReader(std::string file) : file_(std::move(file)) {}

LedgerReader::~LedgerReader() {
  if (fd_ >= 0) close(fd_);
}

absl::Status LedgerReader::ReadNew(const std::function<void(const LedgerRecord&)>& take) {
  if (fd_ < 0) fd_ = open(file_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) return errno == ENOENT ? absl::OkStatus() : Failed(file_);
  std::array<char, kReadBytes> buffer;
  while (true) {
    const ssize_t count = read(fd_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed(file_);
    if (count == 0) break;
    pending_.append(buffer.data(), static_cast<size_t>(count));
  }
  size_t at = 0;
  absl::Status problem;
  while (problem.ok() && pending_.size() - at >= kHeaderBytes) {
    const size_t size = GetFixed32(pending_.data() + at);
    if (size <= kLedgerRecordBytesMax && pending_.size() - at - kHeaderBytes < size) break;
    LedgerRecord record;
    const bool sound = size <= kLedgerRecordBytesMax &&
                       sut::Crc32c(std::string_view(pending_).substr(at + kHeaderBytes, size)) ==
                           GetFixed32(pending_.data() + at + 4) &&
                       record.ParseFromArray(pending_.data() + at + kHeaderBytes, static_cast<int>(size));
    if (!sound) {
      problem = absl::DataLossError(absl::StrCat(file_, ": a damaged record"));
      break;
    }
    at += kHeaderBytes + size;
    take(record);
  }
  pending_.erase(0, at);
  return problem;
}

}  // namespace holdfast::process
