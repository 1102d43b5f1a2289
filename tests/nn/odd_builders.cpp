// An nn library whose builders make what no builder should.
#include <garage/nn/nn_library.hpp>

#include <functional>
#include <stdexcept>

namespace {

using namespace garage::nn;

using Compute = std::function<torch::Tensor(const torch::Tensor&)>;

class Odd : public PartModule {
 public:
  Odd(const std::string& name, Compute compute) : PartModule(name), compute_(std::move(compute)) {}

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass&) override { return compute_(input); }

 private:
  Compute compute_;
};

template <class Body>
PartBuilder gives(Body) {
  return [](const CustomPart& part) -> std::shared_ptr<PartModule> { return std::make_shared<Odd>(part.name, Body()); };
}

std::shared_ptr<PartModule> nothing(const CustomPart&) { return nullptr; }
std::shared_ptr<PartModule> throws(const CustomPart&) { throw std::runtime_error("a headache"); }
std::shared_ptr<PartModule> throws_number(const CustomPart&) { throw 7; }
std::shared_ptr<PartModule> fails(const CustomPart&) {
  torch::ones({2, 3}).mm(torch::ones({2, 3}));
  return nullptr;
}

std::shared_ptr<PartModule> asks_for_more(const CustomPart& part) { return part.part("norm_same"); }

// Twice what the part in it gives.
class Doubling : public PartModule {
 public:
  Doubling(const std::string& name, std::shared_ptr<PartModule> inner)
      : PartModule(name), inner_(register_module("inner", std::move(inner))) {}

 protected:
  torch::Tensor compute(const torch::Tensor& input, Pass& pass) override { return 2 * inner_->forward(input, pass); }

 private:
  std::shared_ptr<PartModule> inner_;
};

std::shared_ptr<PartModule> of_parts(const CustomPart& part) {
  return std::make_shared<Doubling>(part.name, part.part("inner"));
}

}  // namespace

GARAGE_NN_LIBRARY({{"same", gives([](const torch::Tensor& x) { return x; })},
                   {"nothing", &nothing},
                   {"throws", &throws},
                   {"throws_number", &throws_number},
                   {"fails", &fails},
                   {"gives_nothing", gives([](const torch::Tensor&) { return torch::Tensor(); })},
                   {"asks_for_more", &asks_for_more},
                   {"of_parts", &of_parts},
                   {"gives_one", gives([](const torch::Tensor&) { return torch::ones({1}); })}});
