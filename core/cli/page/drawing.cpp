#include "drawing.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "../output.hpp"
#include "markup.hpp"

namespace garage::cli {
namespace {

constexpr double kLine = 22, kTallest = 300, kGap = 3, kIndent = 14;
constexpr double kCharacter = 7.2;  // about as wide as one is

// Part names are ASCII, but for what a plugin invents: no sequence of UTF-8 is cut.
std::string shortened(const std::string& text, std::size_t most) {
  if (text.size() <= most) return text;
  auto cut = most - 1;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return text.substr(0, cut) + "\u2026";
}

class Pencil {
 public:
  Pencil(const std::vector<PartKind>& kinds, std::int64_t parameters, const std::string& prefix)
      : kinds_(kinds), parameters_(static_cast<double>(std::max<std::int64_t>(parameters, 1))), prefix_(prefix) {}

  void draw(const Block& block, double x, double width) {
    const auto top = drawing_.height;
    const bool is_frame = !block.children.empty();
    const auto own = is_frame ? kLine : kLine + kTallest * static_cast<double>(block.parameters) / parameters_;
    drawing_.anchors[block.kind].push_back({x, top + own / 2});
    add(block, x, top, width, own);
    drawing_.height = top + own + kGap;
    for (const auto& child : block.children) draw(child, x + kIndent, width - kIndent);
    if (is_frame) {
      drawing_.svg += fmt::format(R"(<path class="frame" d="M{:.0f} {:.1f} V{:.1f}"/>)"
                                  "\n",
                                  x + kIndent / 2, top + own, drawing_.height - kGap);
      drawing_.height += kGap;
    }
  }

  Drawing take() { return std::move(drawing_); }

 private:
  void add(const Block& block, double x, double top, double width, double height) {
    const auto& kind = kinds_[block.kind];
    const auto times = block.count > 1 ? fmt::format(" \u00d7{}", block.count) : "";
    const auto number = grouped(block.parameters);
    const auto room =
        static_cast<std::size_t>(std::max(3.0, (width - 24) / kCharacter - static_cast<double>(number.size())));
    const auto label = shortened(block.names, room - std::min(room - 1, times.size()));
    drawing_.svg += fmt::format(
        R"(<a href="#{}{}" class="block t-{}" aria-label="{}{}, {} parameters"><title>{}{}: {}, {} to {}, {} parameters</title>)"
        R"(<rect x="{:.0f}" y="{:.1f}" width="{:.0f}" height="{:.1f}" rx="3"/>)"
        R"(<text x="{:.0f}" y="{:.1f}">{}{}</text><text class="number" x="{:.0f}" y="{:.1f}">{}</text></a>)"
        "\n",
        prefix_, block.kind, escaped(kind.part_type), escaped(block.names), times, number, escaped(block.names), times,
        escaped(kind.part_type), kind.input_dim, kind.output_dim, number, x, top, width, height, x + 8,
        top + height / 2 + 4, escaped(label), times, x + width - 8, top + height / 2 + 4, number);
  }

  const std::vector<PartKind>& kinds_;
  double parameters_;
  const std::string& prefix_;
  Drawing drawing_;
};

}  // namespace

Drawing draw(const std::vector<Block>& blocks, const std::vector<PartKind>& kinds, std::int64_t parameters, double x,
             double width, const std::string& prefix) {
  Pencil pencil(kinds, parameters, prefix);
  for (const auto& block : blocks) pencil.draw(block, x, width);
  return pencil.take();
}

}  // namespace garage::cli
