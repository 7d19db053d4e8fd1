#include "sut/tools/sut_cqlsh_terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>
// readline's headers need <cstdio> before them.
#include <readline/history.h>
#include <readline/readline.h>

namespace sut {
namespace {

constexpr int kHistoryMax = 1000;

volatile std::sig_atomic_t interrupted = 0;
void OnInterrupt(int) { interrupted = 1; }

// What readline's callback, which is given no context, leaves for Read.
struct Typed {
  bool done = false;
  std::optional<std::string> line;  // none: the end of the input
};
Typed* typed = nullptr;

void OnLine(char* line) {
  typed->done = true;
  if (line != nullptr) typed->line = line;
  std::free(line);
  // Before anything is printed, so that the terminal is as the program needs it.
  rl_callback_handler_remove();
}

}  // namespace

Terminal::Terminal(std::string history_file) : history_file_(std::move(history_file)) {
  rl_readline_name = "sut-cqlsh";
  // Tabs are pasted as they are; there is nothing to complete.
  rl_bind_key('\t', rl_insert);
  rl_variable_bind("enable-bracketed-paste", "off");
  using_history();
  stifle_history(kHistoryMax);
  if (!history_file_.empty()) read_history(history_file_.c_str());
  // Without SA_RESTART, so that waiting for a key ends.
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  sigaction(SIGINT, &action, nullptr);
}

Terminal::~Terminal() {
  if (history_file_.empty()) return;
  // Statements may hold data: the file is for its owner alone, before anything is written to it.
  const int fd = open(history_file_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  close(fd);
  write_history(history_file_.c_str());
}

Terminal::Input Terminal::Read(const std::string& prompt, std::string* line) {
  Typed input;
  typed = &input;
  interrupted = 0;
  rl_callback_handler_install(prompt.c_str(), OnLine);
  while (!input.done && interrupted == 0) {
    pollfd key = {STDIN_FILENO, POLLIN, 0};
    const int ready = poll(&key, 1, -1);
    if (ready > 0) rl_callback_read_char();
    if (ready < 0 && errno != EINTR) break;
  }
  if (interrupted != 0) {
    if (!input.done) {
      rl_free_line_state();
      rl_callback_handler_remove();
    }
    std::puts("^C");
    return Input::kInterrupted;
  }
  if (!input.line) {
    std::puts("");
    return Input::kEnd;
  }
  *line = *std::move(input.line);
  if (!line->empty()) add_history(line->c_str());
  return Input::kLine;
}

}  // namespace sut
