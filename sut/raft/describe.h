// Raft's values as text, for goldens, traces and failure reports. An op id prints as term.index.

#ifndef SUT_RAFT_DESCRIBE_H_
#define SUT_RAFT_DESCRIBE_H_

#include <string>

#include "sut/raft/raft.h"

namespace sut::raft {

const char* RoleName(Role role);
// "replica 3".
std::string Describe(ReplicaId replica);
// "voters 1 2 3, learner 4".
std::string Describe(const Config& config);
// "2.7 command x".
std::string Describe(const Entry& entry);
// "1->2 append term 3, after 2.6, commit 6, entries 3.7 noop".
std::string Describe(const Message& message);
// One line for each field that is set, each one indented.
std::string Describe(const Ready& ready);
// "leader in term 2, vote 1, leader 1, commit 5, persisted 5, log 0.0 to 2.5, voters 1 2 3".
std::string Describe(const Status& status);

}  // namespace sut::raft

#endif  // SUT_RAFT_DESCRIBE_H_
