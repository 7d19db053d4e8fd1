// The flag that the test program's main hands to the datadriven tests.

#ifndef SUT_RAFT_RAFT_DATADRIVEN_H_
#define SUT_RAFT_RAFT_DATADRIVEN_H_

namespace sut::raft {

// Whether goldens are written instead of compared; false until main sets it.
inline bool& RewriteGoldens() {
  static bool rewrite = false;
  return rewrite;
}

}  // namespace sut::raft

#endif  // SUT_RAFT_RAFT_DATADRIVEN_H_
