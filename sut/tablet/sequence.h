// A sequence of steps on the Worker, one event each, so that a crash, a message or a read can fall between any two.
//
// Loop rule: Run is called, and `done` runs, on the node's loop; the steps run on the Worker, one after the other. The
// first step that fails ends the sequence.

#ifndef SUT_TABLET_SEQUENCE_H_
#define SUT_TABLET_SEQUENCE_H_

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "sut/base/prng.h"
#include "sut/runtime/seams.h"

namespace sut {

using Step = std::function<absl::Status()>;

// Runs `steps`, then `done` with the first error or OK. `identity` names the sequence; each step's draws follow from
// it.
inline void RunSequence(Worker* worker, LogicalIdentity identity, std::vector<Step> steps,
                        std::function<void(absl::Status)> done) {
  struct State {
    Worker* worker;
    LogicalIdentity identity;
    std::vector<Step> steps;
    std::function<void(absl::Status)> done;
    size_t next = 0;
    absl::Status status;

    static void Continue(const std::shared_ptr<State>& state) {
      if (!state->status.ok() || state->next == state->steps.size()) return state->done(state->status);
      const size_t step = state->next++;
      state->worker->Run(
          LogicalIdentity{Mix({state->identity.hash, step})}, [state, step] { state->status = state->steps[step](); },
          [state] { Continue(state); });
    }
  };
  State::Continue(std::make_shared<State>(State{worker, identity, std::move(steps), std::move(done), 0, {}}));
}

}  // namespace sut

#endif  // SUT_TABLET_SEQUENCE_H_
