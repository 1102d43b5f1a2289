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

}  // namespace

GARAGE_NN_LIBRARY({{"same", gives([](const torch::Tensor& x) { return x; })},
                   {"nothing", &nothing},
                   {"throws", &throws},
                   {"throws_number", &throws_number},
                   {"fails", &fails},
                   {"gives_nothing", gives([](const torch::Tensor&) { return torch::Tensor(); })},
                   {"gives_one", gives([](const torch::Tensor&) { return torch::ones({1}); })}});
