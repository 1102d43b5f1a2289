#include <algorithm>
#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include <dlfcn.h>
#include <unistd.h>

#include <fmt/format.h>

#include "checks.hpp"
#include "surroundings.hpp"

namespace garage::conformance {
namespace {

void is_deterministic(const Subject& subject) {
  subject.each([&](const std::string& name, const Model& known) {
    const RawModel first(known), second(known);
    if (subject.detect(first.view) != subject.detect(second.view))
      throw Failed(fmt::format("answers otherwise the second time, of {}", name));
    if (subject.decompose(first.view) != subject.decompose(second.view))
      throw Failed(fmt::format("decomposes {} otherwise the second time", name));
  });
}

void ignores_the_order(const Subject& subject) {
  subject.each([&](const std::string& name, const Model& known) {
    const RawModel sorted(known);
    const auto detected = subject.detect(sorted.view), decomposed = subject.decompose(sorted.view);
    std::mt19937 random(7);
    RawModel shuffled(known);
    std::shuffle(shuffled.rows.begin(), shuffled.rows.end(), random);
    shuffled.point_at_rows();
    if (subject.detect(shuffled.view) != detected ||
        (decomposed.status == 0 && subject.decompose(shuffled.view) != decomposed))
      throw Failed(fmt::format("answers otherwise when the tensors of {} come in another order", name));
  });
}

void serves_many_threads(const Subject& subject) {
  struct Question {
    std::unique_ptr<RawModel> model;
    Answer detected, decomposed;
  };
  std::vector<Question> questions;
  subject.each([&](const std::string&, const Model& known) {
    auto model = std::make_unique<RawModel>(known);
    auto detected = subject.detect(model->view), decomposed = subject.decompose(model->view);
    questions.push_back({std::move(model), std::move(detected), std::move(decomposed)});
  });
  std::atomic<bool> same = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i)
        for (const auto& question : questions)
          if (subject.detect(question.model->view) != question.detected ||
              subject.decompose(question.model->view) != question.decomposed)
            same = false;
    });
  for (auto& thread : threads) thread.join();
  if (!same) throw Failed("answers otherwise when eight threads ask at once");
}

void leaves_all_as_it_was(const Subject& subject) {
  const Surroundings before;
  subject.each([&](const std::string&, const Model& known) {
    const RawModel model(known);
    subject.detect(model.view);
    subject.decompose(model.view);
  });
  if (const auto change = Surroundings().change_since(before)) throw Failed(*change);
}

long resident_kib() {
  std::ifstream status("/proc/self/statm");
  long total = 0, resident = 0;
  status >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE) / 1024;
}

void keeps_its_memory(const Subject& subject) {
  for (const auto* sanitizer : {"__asan_init", "__tsan_init"})
    if (::dlsym(RTLD_DEFAULT, sanitizer)) throw Skipped("a sanitizer keeps memory that was freed");
  std::vector<std::unique_ptr<RawModel>> models;
  subject.each([&](const std::string&, const Model& known) { models.push_back(std::make_unique<RawModel>(known)); });
  const auto ask = [&](int times) {
    for (int i = 0; i < times; ++i) {
      const auto& model = *models[static_cast<std::size_t>(i) % models.size()];
      subject.detect(model.view);
      subject.decompose(model.view);
    }
  };
  ask(100);  // what is made once is made by now
  const auto before = resident_kib();
  ask(1000);
  if (const auto grown = resident_kib() - before; grown > 8 * 1024)
    throw Failed(fmt::format("takes {} KiB more memory over 1,000 calls: it keeps what it makes", grown));
}

}  // namespace

std::vector<Check> conduct_checks() {
  return {{"is-deterministic", "The same model gives the same answer", is_deterministic},
          {"ignores-the-order", "The order of the tensors changes nothing", ignores_the_order},
          {"serves-many-threads", "Eight threads at once get the answers that one gets", serves_many_threads},
          {"leaves-all-as-it-was",
           "Folder, locale, environment, umask, signals, descriptors, threads, limits and rounding stay",
           leaves_all_as_it_was},
          {"keeps-its-memory", "A thousand calls take no more memory than a hundred", keeps_its_memory}};
}

}  // namespace garage::conformance
