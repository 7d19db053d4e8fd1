// Assertions on the program's own logic, on in every build.
//
// SUT_CHECK is for what only a programmer's error can make false. What the environment can cause (a failed write, a
// torn file, a malformed message) is an absl::Status instead. A failed check prints one line and aborts the process.

#ifndef SUT_BASE_CHECK_H_
#define SUT_BASE_CHECK_H_

#include <string_view>

namespace sut {

// Prints "file:line: check failed: condition: message" to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition, std::string_view message);

}  // namespace sut

#define SUT_CHECK(condition, message)                                \
  do {                                                               \
    if (!(condition)) [[unlikely]] {                                 \
      ::sut::CheckFailed(__FILE__, __LINE__, #condition, (message)); \
    }                                                                \
  } while (false)

#endif  // SUT_BASE_CHECK_H_
