#include "harness/run/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace holdfast::run {
namespace {

constexpr size_t kHeaderBytes = sizeof(uint64_t);
// The first lines of a sanitizer's report say most, and the last lines of anything else.
constexpr size_t kErrorHeadBytesMax = 8 << 10;
constexpr size_t kErrorTailBytesMax = 8 << 10;
// A child that closed its side is about to end.
constexpr int kReapPollsMax = 2'000;

// False at the end of the stream, or on any error.
bool SendAll(int fd, const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

bool ReceiveAll(int fd, char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t received = recv(fd, bytes, size, 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) return false;
    bytes += received;
    size -= static_cast<size_t>(received);
  }
  return true;
}

[[noreturn]] void ServeRequests(int socket, const ChildProcess::Serve& serve) {
  uint64_t request = 0;
  while (ReceiveAll(socket, reinterpret_cast<char*>(&request), sizeof request)) {
    const std::string reply = serve(request);
    const uint64_t size = reply.size();
    if (!SendAll(socket, reinterpret_cast<const char*>(&size), sizeof size)) break;
    if (!SendAll(socket, reply.data(), reply.size())) break;
  }
  _exit(0);
}

[[noreturn]] void BecomeChild(pid_t parent, int socket, int errors, const ChildProcess::Serve& serve) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);  // it died before the line above
  setpgid(0, 0);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  dup2(errors, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  setvbuf(stdout, nullptr, _IONBF, 0);
  ServeRequests(socket, serve);
}

void CloseAll(std::initializer_list<int> fds) {
  for (const int fd : fds) close(fd);
}

std::string HowEnded(int status) {
  if (WIFSIGNALED(status)) {
    return absl::StrCat("killed by signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)), ")");
  }
  return absl::StrCat("ended by itself with exit status ", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Fork(const Serve& serve) {
  int sockets[2];
  int errors[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
    return absl::ErrnoToStatus(errno, "socketpair for a child");
  }
  if (pipe2(errors, O_CLOEXEC) != 0) {
    const absl::Status status = absl::ErrnoToStatus(errno, "pipe for a child");
    CloseAll({sockets[0], sockets[1]});
    return status;
  }
  std::fflush(nullptr);  // or the child would print it again
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    const absl::Status status = absl::ErrnoToStatus(errno, "fork");
    CloseAll({sockets[0], sockets[1], errors[0], errors[1]});
    return status;
  }
  if (pid == 0) {
    CloseAll({sockets[0], errors[0]});
    BecomeChild(parent, sockets[1], errors[1], serve);
  }
  CloseAll({sockets[1], errors[1]});
  fcntl(errors[0], F_SETFL, O_NONBLOCK);
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, sockets[0], errors[0]));
}

ChildProcess::~ChildProcess() {
  Reap();
  close(socket_);
  if (errors_ >= 0) close(errors_);
}

void ChildProcess::Ask(uint64_t request) {
  error_head_.clear();
  error_tail_.clear();
  if (!SendAll(socket_, reinterpret_cast<const char*>(&request), sizeof request)) gone_ = true;
}

void ChildProcess::Read() {
  ReadErrors();
  char buffer[64 << 10];
  while (!gone_) {
    const ssize_t received = recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (received > 0) {
      received_.append(buffer, static_cast<size_t>(received));
    } else if (received < 0 && errno == EINTR) {
      continue;
    } else if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      return;
    } else {
      gone_ = true;
    }
  }
}

std::optional<std::string> ChildProcess::TakeReply() {
  if (received_.size() < kHeaderBytes) return std::nullopt;
  uint64_t size = 0;
  memcpy(&size, received_.data(), kHeaderBytes);
  if (received_.size() < kHeaderBytes + size) return std::nullopt;
  std::string reply = received_.substr(kHeaderBytes);
  received_.clear();
  return reply;
}

ChildProcess::End ChildProcess::Reap() {
  if (pid_ == 0) return {};
  int status = 0;
  pid_t reaped = 0;
  for (int polls = 0; gone_ && reaped == 0 && polls < kReapPollsMax; ++polls) {
    reaped = waitpid(pid_, &status, WNOHANG);
    if (reaped == 0) poll(nullptr, 0, 1);
  }
  if (reaped == 0) {
    kill(pid_, SIGKILL);
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  pid_ = 0;
  gone_ = true;
  ReadErrors();
  End end{HowEnded(status), {}};
  const std::string gap = error_tail_.size() == kErrorTailBytesMax ? "\n[...]\n" : "";
  for (const absl::string_view line :
       absl::StrSplit(absl::StrCat(error_head_, gap, error_tail_), '\n', absl::SkipEmpty())) {
    end.lines.emplace_back(line);
  }
  return end;
}

void ChildProcess::ReadErrors() {
  char buffer[4 << 10];
  while (errors_ >= 0) {
    const ssize_t count = read(errors_, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      close(errors_);
      errors_ = -1;
      return;
    }
    const size_t to_head = std::min(static_cast<size_t>(count), kErrorHeadBytesMax - error_head_.size());
    error_head_.append(buffer, to_head);
    error_tail_.append(buffer + to_head, static_cast<size_t>(count) - to_head);
    if (error_tail_.size() > kErrorTailBytesMax) error_tail_.erase(0, error_tail_.size() - kErrorTailBytesMax);
  }
}

}  // namespace holdfast::run
