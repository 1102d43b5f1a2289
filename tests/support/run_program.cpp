#include "run_program.hpp"

#include <chrono>
#include <stdexcept>

#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sanitizer.hpp"
#include "temporary_folder.hpp"

extern char** environ;

namespace garage::test {
namespace {

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> lines;
  for (char** at = environ; *at; ++at) {
    const std::string line = *at;
    if (!changes.contains(line.substr(0, line.find('=')))) lines.push_back(line);
  }
  for (const auto& [name, value] : changes) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> pointers(std::vector<std::string>& lines) {
  std::vector<char*> list;
  for (auto& line : lines) list.push_back(line.data());
  list.push_back(nullptr);
  return list;
}

// util-linux's prlimit, which every Debian has: posix_spawn has no words for limits.
std::vector<std::string> limit_words(ProgramLimits limits) {
  std::vector<std::string> words;
  if (limits.seconds) words.push_back("--cpu=" + std::to_string(limits.seconds));
  if (limits.bytes && !has_sanitizer()) words.push_back("--as=" + std::to_string(limits.bytes));
  if (!words.empty()) words.insert(words.begin(), "/usr/bin/prlimit");
  return words;
}

}  // namespace

ProgramResult run_program(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                          const std::map<std::string, std::string>& environment, ProgramLimits limits) {
  const TemporaryFolder folder;
  const auto out = folder / "out", err = folder / "err";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT, 0600);

  auto words = limit_words(limits);
  words.push_back(program.string());
  words.insert(words.end(), arguments.begin(), arguments.end());
  const auto file = words.front();
  auto lines = merged_environment(environment);
  const auto begin = std::chrono::steady_clock::now();
  pid_t child = 0;
  const int spawned =
      ::posix_spawn(&child, file.c_str(), &actions, nullptr, pointers(words).data(), pointers(lines).data());
  posix_spawn_file_actions_destroy(&actions);
  if (spawned != 0) throw std::runtime_error("cannot run " + program.string());

  int status = 0;
  struct rusage usage {};
  ::wait4(child, &status, 0, &usage);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_text(out), read_text(err),
          took.count(), usage.ru_maxrss};
}

}  // namespace garage::test
