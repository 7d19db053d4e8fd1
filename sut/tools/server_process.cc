#include "sut/tools/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sut {
namespace {

// Fields of /proc/<pid>/stat, counted from the one after the command's closing bracket.
constexpr size_t kStateField = 0;
constexpr size_t kStartTimeField = 19;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status Failed(const std::string& what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
}

// Start time of a process that runs; none if there is none of that pid, or only its remains.
std::optional<uint64_t> StartTicks(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::string stat;
  std::getline(file, stat);
  const size_t bracket = stat.rfind(')');  // the command may hold anything
  if (bracket == std::string::npos || bracket + 2 > stat.size()) return std::nullopt;
  const std::vector<std::string> fields = absl::StrSplit(stat.substr(bracket + 2), ' ');
  uint64_t ticks = 0;
  if (fields.size() <= kStartTimeField || fields[kStateField] == "Z" || fields[kStateField] == "X" ||
      !absl::SimpleAtoi(fields[kStartTimeField], &ticks)) {
    return std::nullopt;
  }
  return ticks;
}

std::string Executable(pid_t pid) {
  std::error_code error;
  std::string path = std::filesystem::read_symlink(absl::StrCat("/proc/", pid, "/exe"), error).string();
  constexpr char kDeleted[] = " (deleted)";  // rebuilt since
  if (absl::EndsWith(path, kDeleted)) path.resize(path.size() - std::strlen(kDeleted));
  return path;
}

// A handle on the very process of the record; none if it is gone.
std::optional<int> OpenProcess(const ServerProcess& process) {
  if (process.pid <= 1) return std::nullopt;
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, process.pid, 0));
  if (fd < 0) return std::nullopt;
  // From here on the handle names one process, whatever becomes of its pid.
  if (StartTicks(process.pid) == process.start_ticks && Executable(process.pid) == process.executable) return fd;
  close(fd);
  return std::nullopt;
}

[[noreturn]] void BecomeServer(const SpawnOptions& options, int error_pipe) {
  setsid();
  const int null = open("/dev/null", O_RDWR);
  const int log = open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (null >= 0 && log >= 0) {
    dup2(null, 0);
    dup2(log, 1);
    dup2(log, 2);
    // The pipe closes itself when the program starts.
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    std::vector<char*> argv;
    argv.push_back(const_cast<char*>(options.binary.c_str()));
    for (const std::string& argument : options.arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execv(options.binary.c_str(), argv.data());
  }
  const int error = errno;
  // Nothing can be done if this fails too: the parent then takes the closed pipe for a start, and sees the end soon.
  [[maybe_unused]] const ssize_t written = write(error_pipe, &error, sizeof error);
  _exit(127);
}

}  // namespace

absl::StatusOr<ServerProcess> SpawnServer(const SpawnOptions& options) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return Failed("pipe");
  const pid_t pid = fork();
  if (pid == 0) BecomeServer(options, pipe_ends[1]);
  close(pipe_ends[1]);
  const Descriptor errors(pipe_ends[0]);
  if (pid < 0) return Failed("fork");
  int error = 0;
  if (read(errors.get(), &error, sizeof error) == sizeof error) {
    waitpid(pid, nullptr, 0);
    errno = error;
    return Failed(absl::StrCat("start of ", options.binary));
  }
  const auto start_ticks = StartTicks(pid);
  std::string executable = Executable(pid);
  if (!start_ticks || executable.empty()) return absl::UnavailableError(absl::StrCat(options.binary, " ended at once"));
  return ServerProcess{pid, *start_ticks, std::move(executable)};
}

bool IsRunning(const ServerProcess& process) {
  const auto fd = OpenProcess(process);
  if (fd) close(*fd);
  return fd.has_value();
}

absl::Status SignalServer(const ServerProcess& process, int signal) {
  const auto fd = OpenProcess(process);
  if (!fd) return absl::NotFoundError("the process is not running");
  const Descriptor handle(*fd);
  if (syscall(SYS_pidfd_send_signal, handle.get(), signal, nullptr, 0) != 0) return Failed("signal");
  return absl::OkStatus();
}

absl::Status WaitUntilGone(const ServerProcess& process, int64_t timeout_ms) {
  const auto fd = OpenProcess(process);
  if (!fd) return absl::OkStatus();
  const Descriptor handle(*fd);
  pollfd ready{handle.get(), POLLIN, 0};
  if (poll(&ready, 1, static_cast<int>(timeout_ms)) == 0)
    return absl::DeadlineExceededError("the process does not end");
  // A child of this very process leaves its remains to it.
  waitpid(process.pid, nullptr, WNOHANG);
  return absl::OkStatus();
}

absl::Status WriteRecord(const std::string& file, const ServerProcess& process) {
  const std::string draft = file + ".tmp";
  std::ofstream out(draft, std::ios::trunc);
  out << process.pid << ' ' << process.start_ticks << ' ' << process.executable << '\n';
  out.close();
  if (!out) return absl::UnavailableError(absl::StrCat("can't write ", draft));
  std::error_code error;
  std::filesystem::rename(draft, file, error);
  if (error) return absl::UnavailableError(absl::StrCat("can't write ", file, ": ", error.message()));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<ServerProcess>> ReadRecord(const std::string& file) {
  std::ifstream in(file);
  if (!in) return std::optional<ServerProcess>();
  ServerProcess process;
  in >> process.pid >> process.start_ticks;
  in.get();
  std::getline(in, process.executable);
  if (!in || process.executable.empty()) return absl::DataLossError(absl::StrCat(file, " is not a process record"));
  return std::optional<ServerProcess>(std::move(process));
}

}  // namespace sut
