// A directory of its own for a run, that goes with the object.

#ifndef HARNESS_PROCESS_WORK_DIRECTORY_H_
#define HARNESS_PROCESS_WORK_DIRECTORY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace holdfast::process {

class WorkDirectory {
 public:
  // A new one in `parent`; empty: in the system's directory for temporary files (TMPDIR). Nobody else may read it.
  static absl::StatusOr<std::unique_ptr<WorkDirectory>> Create(const std::string& parent);
  // Removes it with everything in it, unless Keep was called.
  ~WorkDirectory();
  WorkDirectory(const WorkDirectory&) = delete;
  WorkDirectory& operator=(const WorkDirectory&) = delete;

  void Keep() { keep_ = true; }
  const std::string& path() const { return path_; }

 private:
  explicit WorkDirectory(std::string path) : path_(std::move(path)) {}
  const std::string path_;
  bool keep_ = false;
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_WORK_DIRECTORY_H_
