// sut-cqlsh: CQL statements on a cluster of servers, at a prompt, from a file or from the command line, with the output
// of cqlsh. Exit codes: 0 done, 1 no connection or no such file, 2 wrong arguments, or a statement of a script failed.

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "sut/cql/executor.h"
#include "sut/tools/sut_cqlsh_shell.h"
#include "sut/tools/sut_cqlsh_store.h"
#include "sut/tools/sut_cqlsh_terminal.h"

namespace {

constexpr int kNotDone = 1;
constexpr int kFailed = 2;
constexpr size_t kScriptBytesMax = 64 << 20;

struct Options {
  std::string host = "127.0.0.1";
  int port = 9100;
  std::string keyspace;
  std::string execute;
  std::string file;
  int connect_timeout_s = 5;
  int request_timeout_s = 10;
};

struct Script {
  std::string name;  // for errors
  std::string text;
};

absl::StatusOr<Script> ReadScript(const std::string& name, std::istream& in) {
  Script script{name, {}};
  std::string chunk(1 << 16, '\0');
  while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || in.gcount() > 0) {
    script.text.append(chunk, 0, static_cast<size_t>(in.gcount()));
    if (script.text.size() > kScriptBytesMax) return absl::InvalidArgumentError(absl::StrCat(name, " is too large"));
  }
  if (in.bad()) return absl::UnavailableError(absl::StrCat("Can't read ", name));
  return script;
}

// None at a prompt.
absl::StatusOr<std::optional<Script>> FindScript(const Options& options, bool execute) {
  if (execute) return Script{"<stdin>", options.execute};
  if (!options.file.empty()) {
    std::ifstream in(options.file, std::ios::binary);
    if (!in) return absl::NotFoundError(absl::StrCat("Can't open '", options.file, "'"));
    return ReadScript(options.file, in);
  }
  if (isatty(STDIN_FILENO) == 0) return ReadScript("<stdin>", std::cin);
  return std::nullopt;
}

void TalkAtAPrompt(sut::CqlShell* shell) {
  const char* home = std::getenv("HOME");
  sut::Terminal terminal(home != nullptr ? absl::StrCat(home, "/.sut-cqlsh-history") : "");
  std::string line;
  while (!shell->is_over()) {
    switch (terminal.Read(shell->Prompt(), &line)) {
      case sut::Terminal::Input::kLine:
        shell->AddLine(line);
        break;
      case sut::Terminal::Input::kInterrupted:
        shell->Cancel();
        break;
      case sut::Terminal::Input::kEnd:
        return;
    }
  }
}

int Fail(const std::string& line) {
  std::cerr << line << "\n";
  return kNotDone;
}

int Run(const Options& options, bool execute) {
  const auto script = FindScript(options, execute);
  if (!script.ok()) return Fail(std::string(script.status().message()));
  const std::string address = absl::StrCat(options.host, ":", options.port);
  const auto client = sut::RemoteClient::Connect({address}, options.connect_timeout_s * int64_t{1'000'000});
  if (!client.ok()) {
    return Fail(absl::StrCat("Connection error: ('Unable to connect to any servers', {'", address, "': '",
                             client.status().message(), "'})"));
  }
  sut::CqlRemoteStore store(client->get(), {.timeout_us = options.request_timeout_s * int64_t{1'000'000}});
  sut::cql::Executor executor(&store);
  sut::CqlShell shell(&executor, {std::cout, std::cerr});
  if (!options.keyspace.empty()) {
    const auto used = executor.Execute(sut::cql::Use{options.keyspace});
    if (!used.ok()) return Fail(std::string(used.status().message()));
  }
  if (script->has_value()) return shell.RunScript((*script)->name, (*script)->text) ? 0 : kFailed;
  std::cout << "Connected to " << (*client)->addresses().size() << " node(s) at " << address << ".\n"
            << "[sut-cqlsh 0.1.0]\nUse HELP for help.\n"
            << std::flush;
  TalkAtAPrompt(&shell);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("CQL statements on a cluster of servers.", "sut-cqlsh");
  app.add_option("HOST,--host", options.host, "a node of the cluster")->capture_default_str();
  app.add_option("PORT,--port", options.port, "its port")->check(CLI::Range(1, 65535))->capture_default_str();
  app.add_option("-k,--keyspace", options.keyspace, "USE this keyspace first");
  auto* execute = app.add_option("-e,--execute", options.execute, "run these statements and exit");
  app.add_option("-f,--file", options.file, "run the statements of this file and exit")->excludes(execute);
  app.add_option("--connect-timeout", options.connect_timeout_s, "in seconds")->check(CLI::Range(1, 3600));
  app.add_option("--request-timeout", options.request_timeout_s, "in seconds")->check(CLI::Range(1, 3600));
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::cerr << "sut-cqlsh: " << error.what() << "\n";
    return kFailed;
  }
  return Run(options, execute->count() > 0);
}
