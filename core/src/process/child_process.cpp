#include <garage/child_process.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <garage/error.hpp>

extern char** environ;

namespace garage {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kReportDescriptor = 3;
constexpr std::size_t kMaxReport = 16 << 20, kMaxPrinted = 4096;
constexpr char kEndMark = '\x04';  // the report's last byte: whoever calls exit does not write it

struct Pipe {
  int read = -1, write = -1;

  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw Error(Errc::kIo, fmt::format("no pipe can be made: {}", std::strerror(errno)));
    read = ends[0];
    write = ends[1];
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(read);
    close_write();
  }
  void close_write() {
    if (write >= 0) ::close(write);
    write = -1;
  }
};

void write_all(int descriptor, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const auto wrote = ::write(descriptor, text.data() + done, text.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return;
    done += static_cast<std::size_t>(wrote);
  }
}

// Reads what is there; false at the end.
bool drain(int descriptor, std::string& into, std::size_t most) {
  std::array<char, 65536> buffer;
  const auto got = ::read(descriptor, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (into.size() < most)
    into.append(buffer.data(), std::min<std::size_t>(static_cast<std::size_t>(got), most - into.size()));
  return got > 0;
}

ChildOutcome wait_for(pid_t child, const Pipe& report, const Pipe& printed, std::chrono::milliseconds limit) {
  ChildOutcome outcome;
  outcome.limit = limit;
  const auto deadline = Clock::now() + limit;
  pollfd ends[] = {{report.read, POLLIN, 0}, {printed.read, POLLIN, 0}};
  int status = 0;
  bool over = false;
  while (!over) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) {
      ::kill(-child, SIGKILL);
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      outcome.end = ChildOutcome::End::timed_out;
      return outcome;
    }
    // A descendant may hold the pipes after the child is gone, so that their end alone does not decide.
    if (ends[0].fd < 0 && ends[1].fd < 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    else ::poll(ends, 2, static_cast<int>(std::min<long long>(left, 20)));
    if (ends[0].revents && !drain(report.read, outcome.report, kMaxReport)) ends[0].fd = -1;
    if (ends[1].revents && !drain(printed.read, outcome.printed, kMaxPrinted)) ends[1].fd = -1;
    over = ::waitpid(child, &status, WNOHANG) == child;
  }
  // What it wrote last.
  for (auto& end : ends)
    if (end.fd >= 0) ::fcntl(end.fd, F_SETFL, O_NONBLOCK);
  const auto rest = [&](pollfd& end, std::string& into, std::size_t most) {
    for (auto before = into.size(); end.fd >= 0 && drain(end.fd, into, most) && into.size() > before;)
      before = into.size();
  };
  rest(ends[0], outcome.report, kMaxReport);
  rest(ends[1], outcome.printed, kMaxPrinted);
  ::kill(-child, SIGKILL);  // whatever it left running
  outcome.end = WIFSIGNALED(status) ? ChildOutcome::End::signalled : ChildOutcome::End::exited;
  outcome.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  if (!outcome.report.empty() && outcome.report.back() == kEndMark && outcome.end == ChildOutcome::End::exited) {
    outcome.report.pop_back();
    outcome.ended = true;
  }
  return outcome;
}

}  // namespace

std::string ChildOutcome::trouble() const {
  if (end == End::timed_out)
    return fmt::format("did not come back within {} s", static_cast<double>(limit.count()) / 1000);
  if (end == End::signalled) return fmt::format("crashed: {}", ::strsignal(code));
  if (!ended) return fmt::format("ended the process with exit code {}", code);
  return {};
}

void die_of_signals() {
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) std::signal(signal, SIG_DFL);
}

ChildOutcome run_in_child(const std::vector<std::string>& program, std::chrono::milliseconds limit, int given) {
  Pipe report, printed;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, printed.write, 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, report.write, kReportDescriptor);
  // Above what the program gets: as 3 it would be the report's by now.
  const int above = given < 0 ? -1 : ::fcntl(given, F_DUPFD_CLOEXEC, kChildFile + 1);
  if (above >= 0) posix_spawn_file_actions_adddup2(&actions, above, kChildFile);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::vector<char*> arguments;
  for (const auto& argument : program) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int code = ::posix_spawn(&child, program.front().c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (above >= 0) ::close(above);
  if (code != 0) throw Error(Errc::kIo, fmt::format("{}: cannot be started: {}", program.front(), std::strerror(code)));
  report.close_write();
  printed.close_write();
  return wait_for(child, report, printed, limit);
}

ChildOutcome run_in_child(const std::function<std::string()>& body, std::chrono::milliseconds limit) {
  Pipe report, printed;
  // What is buffered would be printed by both.
  std::cout.flush();
  std::fflush(nullptr);
  const auto child = ::fork();
  if (child < 0) throw Error(Errc::kIo, fmt::format("no process can be made: {}", std::strerror(errno)));
  if (child == 0) {
    ::setpgid(0, 0);
    die_of_signals();
    const int nowhere = ::open("/dev/null", O_RDWR);
    ::dup2(nowhere, 0);
    ::dup2(printed.write, 1);
    ::dup2(nowhere, 2);
    try {
      auto text = body();
      std::fflush(stdout);
      write_all(report.write, text.append(1, kEndMark));
    } catch (const std::exception& error) {
      write_all(report.write, error.what());
      ::_exit(1);
    } catch (...) { ::_exit(1); }
    ::_exit(0);
  }
  report.close_write();
  printed.close_write();
  return wait_for(child, report, printed, limit);
}

void write_report(const std::string& report) { write_all(kReportDescriptor, report + kEndMark); }

}  // namespace garage
