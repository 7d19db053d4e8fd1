#include "harness/process/node_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "sut/base/check.h"

// Newer C libraries have it.
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace holdfast::process {
namespace {

absl::Status Failed(const std::string& what) {
  return absl::UnavailableError(absl::StrCat(what, ": ", std::strerror(errno)));
}

// What the child needs, made ready before the fork: other threads of this process may hold any lock then, so that the
// child may do no more than system calls.
struct Launch {
  const char* binary;
  const char* log_file;
  std::vector<char*> argv;
  pid_t parent;
  int error_pipe;
};

[[noreturn]] void BecomeServer(const Launch& launch) {
  // The parent may have died before the first line took effect.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != launch.parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = open("/dev/null", O_RDWR);
  const int log = open(launch.log_file, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (null >= 0 && log >= 0 && dup2(null, 0) >= 0 && dup2(log, 1) >= 0 && dup2(log, 2) >= 0 &&
      close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
    execv(launch.binary, launch.argv.data());
  }
  const int error = errno;
  // If this fails too, the parent takes the closed pipe for a start, and sees the end soon.
  [[maybe_unused]] const ssize_t written = write(launch.error_pipe, &error, sizeof error);
  _exit(127);
}

}  // namespace

std::string NodeProcess::End::Text() const {
  return signal != 0 ? absl::StrCat("killed by signal ", signal, " (", strsignal(signal), ")")
                     : absl::StrCat("ended with exit code ", exit_code);
}

absl::StatusOr<std::unique_ptr<NodeProcess>> NodeProcess::Start(const Options& options) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) return Failed("pipe");
  Launch launch{options.binary.c_str(), options.log_file.c_str(), {}, getpid(), pipe_ends[1]};
  launch.argv.push_back(const_cast<char*>(options.binary.c_str()));
  for (const std::string& argument : options.arguments) launch.argv.push_back(const_cast<char*>(argument.c_str()));
  launch.argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid == 0) BecomeServer(launch);
  const absl::Status forked = pid < 0 ? Failed("fork") : absl::OkStatus();
  close(pipe_ends[1]);
  int error = 0;
  const bool refused = pid > 0 && read(pipe_ends[0], &error, sizeof error) == sizeof error;
  close(pipe_ends[0]);
  if (!forked.ok()) return forked;
  // Not reaped yet, so the pid is the child's still.
  const int pidfd = refused ? -1 : static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd >= 0) return std::unique_ptr<NodeProcess>(new NodeProcess(pid, pidfd));
  const absl::Status status =
      refused ? absl::UnavailableError(absl::StrCat(options.binary, ": ", std::strerror(error))) : Failed("pidfd_open");
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  return status;
}

NodeProcess::~NodeProcess() {
  Kill();
  close(pidfd_);
}

const std::optional<NodeProcess::End>& NodeProcess::Poll() {
  WaitForEnd(0);
  return end_;
}

NodeProcess::End NodeProcess::Kill() {
  Signal(SIGKILL);
  WaitForEnd(-1);
  return *end_;
}

void NodeProcess::AskToStop() {
  if (!std::exchange(asked_to_stop_, true)) Signal(SIGTERM);
}

NodeProcess::End NodeProcess::Terminate(int64_t patience_ms) {
  AskToStop();
  if (!WaitForEnd(patience_ms)) return Kill();
  return *end_;
}

void NodeProcess::Stop() {
  if (end_) return;
  Signal(SIGSTOP);
  siginfo_t info{};
  // An end is left for Poll to reap.
  while (waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_), &info, WSTOPPED | WEXITED | WNOWAIT) != 0) {
    SUT_CHECK(errno == EINTR, "a child can be waited for");
  }
}

void NodeProcess::Continue() { Signal(SIGCONT); }

void NodeProcess::Signal(int signal) {
  if (end_) return;
  // It may have ended without having been reaped: that is no error.
  syscall(SYS_pidfd_send_signal, pidfd_, signal, nullptr, 0);
}

bool NodeProcess::WaitForEnd(int64_t timeout_ms) {
  if (end_) return true;
  pollfd ready{pidfd_, POLLIN, 0};
  int polled = 0;
  do {
    polled = poll(&ready, 1, static_cast<int>(timeout_ms));
  } while (polled < 0 && errno == EINTR);
  if (polled <= 0) return false;
  siginfo_t info{};
  const int waited = waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_), &info, WEXITED);
  SUT_CHECK(waited == 0, "a child that has ended can be reaped");
  end_.emplace();
  if (info.si_code == CLD_EXITED) {
    end_->exit_code = info.si_status;
  } else {
    end_->signal = info.si_status;
  }
  return true;
}

}  // namespace holdfast::process
