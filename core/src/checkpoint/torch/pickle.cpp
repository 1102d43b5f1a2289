// A pickle is a program for a machine with a stack and a memo (Python's pickletools.py says what each opcode does).
// These are the opcodes of protocol 2 that PyTorch's writers use, and those of their kin; integers are little-endian:
//
//   0x80 n  protocol        . stop             ( mark            0 pop
//   N none  0x88 true       0x89 false         J int32  K uint8  M uint16  0x8a n bytes: integer   G double, big-endian
//   X n32 text              0x8c n8 text       U n8 bytes        T n32 bytes
//   ) () tuple  0x85 0x86 0x87 tuples of 1, 2, 3   t tuple from the mark
//   ] list  a append  e append from the mark       } dict  s one item  u items from the mark
//   c "module\n" "name\n" class   0x93 class from two texts
//   R call  0x81 new  b state    Q persistent id
//   q n8, r n32 memoize under n   h n8, j n32 get from the memo   0x94 memoize next   0x95 n64 frame
#include "pickle.hpp"

#include <bit>
#include <unordered_map>

#include <fmt/format.h>

#include <garage/error.hpp>

namespace garage {
namespace {

constexpr std::size_t kMaxValues = 1 << 23;  // of a tensor there are some twenty

class Machine {
 public:
  Machine(std::string_view bytes, const std::string& subject) : bytes_(bytes), subject_(subject) {}

  Pickle run() {
    for (;;) {
      const auto code = static_cast<unsigned char>(take(1)[0]);
      if (code == '.') {
        pickle_.root = pop();
        pickle_.size = at_;
        return std::move(pickle_);
      }
      step(code);
    }
  }

 private:
  [[noreturn]] void fail(const std::string& fault) const {
    throw Error(Errc::kCorrupt, fmt::format("{}: {}, at byte {} of the pickle", subject_, fault, at_));
  }

  // --- the program

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_) fail("is cut off");
    const auto taken = bytes_.substr(at_, count);
    at_ += count;
    return taken;
  }
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    const auto raw = take(size);
    for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(raw[i]);
    return value;
  }
  std::string line() {
    const auto end = bytes_.find('\n', at_);
    if (end == bytes_.npos) fail("is cut off");
    std::string text(take(end - at_));
    take(1);
    return text;
  }
  std::int64_t long_number() {
    const auto size = number(1);
    if (size > 8) fail("has an integer of more than 64 bits");
    if (size == 0) return 0;
    const auto shift = 64 - 8 * size;
    return static_cast<std::int64_t>(number(size) << shift) >> shift;
  }
  double float_number() {
    std::uint64_t bits = 0;
    for (const auto byte : take(8)) bits = bits << 8 | static_cast<unsigned char>(byte);
    return std::bit_cast<double>(bits);
  }

  // --- the stack

  template <class T>
  void push(T value) {
    if (pickle_.values.size() == kMaxValues) fail(fmt::format("has more than {} values", kMaxValues));
    stack_.push_back(&pickle_.values.emplace_back(Pickled{std::move(value)}));
  }
  PickledPtr pop() {
    if (stack_.size() <= floor()) fail("takes from an empty stack");
    auto* top = stack_.back();
    stack_.pop_back();
    return top;
  }
  PickledPtr top() {
    if (stack_.size() <= floor()) fail("looks at an empty stack");
    return stack_.back();
  }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  std::vector<PickledPtr> from_mark() {
    if (marks_.empty()) fail("has no mark");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickledPtr> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }
  void push_tuple(std::size_t count) {
    std::vector<PickledPtr> items(count);
    for (auto i = count; i-- > 0;) items[i] = pop();
    push(Pickled::Sequence{std::move(items)});
  }
  template <class T>
  T& top_as(const char* what) {
    auto* value = std::get_if<T>(&top()->value);
    if (!value) fail(fmt::format("adds to what is no {}", what));
    return *value;
  }
  void set_items(const std::vector<PickledPtr>& items) {
    if (items.size() % 2 != 0) fail("sets a key without a value");
    auto* object = std::get_if<Pickled::Object>(&top()->value);  // an OrderedDict is made by a call
    auto& dict = object ? object->items : top_as<Pickled::Dict>("dict");
    for (std::size_t i = 0; i < items.size(); i += 2) dict.items.emplace_back(items[i], items[i + 1]);
  }
  std::string text(const Pickled* value) const {
    const auto* found = std::get_if<std::string>(&value->value);
    if (!found) fail("names a class by what is no text");
    return *found;
  }
  void call() {
    auto* arguments = pop();
    auto* of = pop();
    push(Pickled::Object{of, arguments, nullptr});
  }
  void set_state() {
    auto* state = pop();
    top_as<Pickled::Object>("object").state = state;
  }
  void recall(std::uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) fail(fmt::format("recalls {}, which it never kept", key));
    stack_.push_back(found->second);
  }

  void step(unsigned char code) {
    switch (code) {
      case 0x80: take(1); return;
      case 0x95: take(8); return;
      case '(': marks_.push_back(stack_.size()); return;
      case '0': pop(); return;
      case 'N': return push(Pickled::None{});
      case 0x88: return push(true);
      case 0x89: return push(false);
      case 'J': return push(static_cast<std::int64_t>(static_cast<std::int32_t>(number(4))));
      case 'K': return push(static_cast<std::int64_t>(number(1)));
      case 'M': return push(static_cast<std::int64_t>(number(2)));
      case 0x8a: return push(long_number());
      case 'G': return push(float_number());
      case 'X':
      case 'T': return push(std::string(take(number(4))));
      case 0x8c:
      case 'U': return push(std::string(take(number(1))));
      case ')': return push(Pickled::Sequence{});
      case 0x85: return push_tuple(1);
      case 0x86: return push_tuple(2);
      case 0x87: return push_tuple(3);
      case 't': return push(Pickled::Sequence{from_mark()});
      case ']': return push(Pickled::Sequence{});
      case 'a': {
        auto* item = pop();
        top_as<Pickled::Sequence>("list").items.push_back(item);
        return;
      }
      case 'e': {
        auto items = from_mark();
        auto& list = top_as<Pickled::Sequence>("list").items;
        list.insert(list.end(), items.begin(), items.end());
        return;
      }
      case '}': return push(Pickled::Dict{});
      case 's': {
        auto* value = pop();
        auto* key = pop();
        return set_items({key, value});
      }
      case 'u': return set_items(from_mark());
      case 'c': {
        auto module = line();
        return push(Pickled::Class{module + "." + line()});
      }
      case 0x93: {
        auto name = text(pop());
        return push(Pickled::Class{text(pop()) + "." + name});
      }
      case 'R':
      case 0x81: return call();
      case 'b': return set_state();
      case 'Q': return push(Pickled::Persistent{pop()});
      case 'q': memo_[number(1)] = top(); return;
      case 'r': memo_[number(4)] = top(); return;
      case 0x94: {
        const auto next = memo_.size();
        memo_[next] = top();
        return;
      }
      case 'h': return recall(number(1));
      case 'j': return recall(number(4));
      default: fail(fmt::format("has opcode 0x{:02x}, which this reader does not know", code));
    }
  }

  std::string_view bytes_;
  const std::string& subject_;
  std::size_t at_ = 0;
  Pickle pickle_;
  std::vector<PickledPtr> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, PickledPtr> memo_;
};

}  // namespace

Pickle read_pickle(std::string_view bytes, const std::string& subject) { return Machine(bytes, subject).run(); }

}  // namespace garage
