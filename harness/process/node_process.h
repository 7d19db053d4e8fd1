// One life of a server: a child process of this one, from its start to its end.
//
// It can't outlive this process, however that ends: the kernel kills it with the thread that started it, so that thread
// must live as long as the node shall. Signals go through a pidfd that was opened while the child was not yet reaped,
// so that none ever reaches a process that was not started here.
//
// Thread rule: one thread, which outlives the object.

#ifndef HARNESS_PROCESS_NODE_PROCESS_H_
#define HARNESS_PROCESS_NODE_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace holdfast::process {

class NodeProcess {
 public:
  struct Options {
    std::string binary;
    std::vector<std::string> arguments;  // without the program's name
    std::string log_file;                // takes stdout and stderr, appended
  };
  // Unavailable if the program can't be started.
  static absl::StatusOr<std::unique_ptr<NodeProcess>> Start(const Options& options);
  ~NodeProcess();  // SIGKILL, and waits for its end
  NodeProcess(const NodeProcess&) = delete;
  NodeProcess& operator=(const NodeProcess&) = delete;

  struct End {
    int exit_code = 0;
    int signal = 0;  // 0: it exited
    std::string Text() const;
  };
  // How it ended, if it has. From then on nothing is signalled any more.
  const std::optional<End>& Poll();

  // SIGKILL; gives the end, which may be an earlier one.
  End Kill();
  // SIGTERM, once: a server that is ending has put its handler away.
  void AskToStop();
  // The same, and SIGKILL if it is still there after `patience_ms`.
  End Terminate(int64_t patience_ms);
  // SIGSTOP; returns when all its threads stand still, or when it has ended.
  void Stop();
  // SIGCONT.
  void Continue();

  pid_t pid() const { return pid_; }

 private:
  NodeProcess(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}
  void Signal(int signal);
  // Waits for its end, for at most so long; a negative time has no limit.
  bool WaitForEnd(int64_t timeout_ms);

  const pid_t pid_;
  const int pidfd_;
  bool asked_to_stop_ = false;
  std::optional<End> end_;
};

}  // namespace holdfast::process

#endif  // HARNESS_PROCESS_NODE_PROCESS_H_
