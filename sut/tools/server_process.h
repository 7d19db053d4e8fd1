// A server process that outlives the tool that started it, and is found again by a record on disk.
//
// A pid alone may have been given to somebody else meanwhile: a record also holds the process's start time and its
// executable, and a signal goes through a pidfd that was opened before both were compared. So no process that was not
// spawned here is ever signalled. Thread rule: single-threaded.

#ifndef SUT_TOOLS_SERVER_PROCESS_H_
#define SUT_TOOLS_SERVER_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace sut {

struct ServerProcess {
  pid_t pid = 0;
  uint64_t start_ticks = 0;  // since boot, /proc/<pid>/stat
  std::string executable;
};

struct SpawnOptions {
  std::string binary;
  std::vector<std::string> arguments;  // without the program's name
  std::string log_file;                // takes stdout and stderr, appended
};
// In a session of its own, with nothing inherited but the log.
absl::StatusOr<ServerProcess> SpawnServer(const SpawnOptions& options);

bool IsRunning(const ServerProcess& process);
// NotFound if it is not running any more.
absl::Status SignalServer(const ServerProcess& process, int signal);
// DeadlineExceeded if it is still there then.
absl::Status WaitUntilGone(const ServerProcess& process, int64_t timeout_ms);

// The record as a file. Reading: none if there is no file, DataLoss if it is no record.
absl::Status WriteRecord(const std::string& file, const ServerProcess& process);
absl::StatusOr<std::optional<ServerProcess>> ReadRecord(const std::string& file);

}  // namespace sut

#endif  // SUT_TOOLS_SERVER_PROCESS_H_
