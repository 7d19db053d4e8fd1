// Lines from a terminal, with editing and a history that is kept in a file: GNU readline behind a small interface.
//
// readline has state of its own for the whole process, so there is one terminal at a time. Thread rule:
// single-threaded.

#ifndef SUT_TOOLS_SUT_CQLSH_TERMINAL_H_
#define SUT_TOOLS_SUT_CQLSH_TERMINAL_H_

#include <string>

namespace sut {

class Terminal {
 public:
  // The history is read from the file, if it is not empty, and written there at the end.
  explicit Terminal(std::string history_file);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  enum class Input { kLine, kInterrupted, kEnd };  // Return, Ctrl-C, Ctrl-D
  Input Read(const std::string& prompt, std::string* line);

 private:
  const std::string history_file_;
};

}  // namespace sut

#endif  // SUT_TOOLS_SUT_CQLSH_TERMINAL_H_
