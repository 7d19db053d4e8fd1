// A forked child that answers numbered requests, one at a time, and whose death is a result like any other.
//
// The child dies with its parent, and is killed and reaped by the destructor: none survives. It is a process group of
// its own, so that Ctrl-C reaches the parent alone. Fork before this process opens a store or starts a thread: a child
// has the forking thread only.
//
// Thread rule: all calls from one thread.

#ifndef HARNESS_RUN_CHILD_PROCESS_H_
#define HARNESS_RUN_CHILD_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace holdfast::run {

class ChildProcess {
 public:
  // Runs in the child, for each request; gives the reply.
  using Serve = std::function<std::string(uint64_t request)>;

  static absl::StatusOr<std::unique_ptr<ChildProcess>> Fork(const Serve& serve);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // REQUIRES: the last request was answered. If the child is gone, the next Read says so.
  void Ask(uint64_t request);
  // Takes in what the child has sent so far; never blocks.
  void Read();
  // The reply, once it is whole.
  std::optional<std::string> TakeReply();
  // The child ended, or closed its side.
  bool gone() const { return gone_; }

  struct End {
    std::string how;                 // "killed by signal 6 (Aborted)"
    std::vector<std::string> lines;  // what it wrote to stderr since the last request
  };
  // Waits for a child that is gone, kills one that is not.
  End Reap();

  // To poll for what Read will take in.
  int reply_fd() const { return socket_; }
  int error_fd() const { return errors_; }

 private:
  ChildProcess(pid_t pid, int socket, int errors) : pid_(pid), socket_(socket), errors_(errors) {}
  void ReadErrors();

  pid_t pid_;  // 0: reaped
  int socket_;
  int errors_;  // -1: at its end
  bool gone_ = false;
  std::string received_;
  std::string error_head_;  // the first bytes of stderr, and the last
  std::string error_tail_;
};

}  // namespace holdfast::run

#endif  // HARNESS_RUN_CHILD_PROCESS_H_
