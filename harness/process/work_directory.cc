#include "harness/process/work_directory.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

namespace holdfast::process {

namespace fs = std::filesystem;

absl::StatusOr<std::unique_ptr<WorkDirectory>> WorkDirectory::Create(const std::string& parent) {
  std::error_code error;
  const fs::path base = parent.empty() ? fs::temp_directory_path(error) : fs::absolute(parent, error);
  if (error) return absl::UnavailableError(absl::StrCat("the directory for temporary files: ", error.message()));
  std::string path = (base / "holdfast-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) {
    return absl::UnavailableError(absl::StrCat(base.string(), ": ", std::strerror(errno)));
  }
  return std::unique_ptr<WorkDirectory>(new WorkDirectory(std::move(path)));
}

WorkDirectory::~WorkDirectory() {
  if (keep_) return;
  std::error_code error;
  fs::remove_all(path_, error);
  if (error) std::fprintf(stderr, "holdfast: %s can't be removed: %s\n", path_.c_str(), error.message().c_str());
}

}  // namespace holdfast::process
