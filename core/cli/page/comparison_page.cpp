#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include <garage/name_ranges.hpp>

#include "../level.hpp"
#include "../output.hpp"
#include "drawing.hpp"
#include "kind_section.hpp"
#include "markup.hpp"
#include "pages.hpp"

namespace garage::cli {
namespace {

constexpr double kStack = 320, kBetween = 220;

const char* meaning(SwapLevel level) {
  switch (level) {
    case SwapLevel::identical:
      return "the same blueprint but for tensor names: it computes the same function of the same weights";
    case SwapLevel::weights: return "every tensor has the same shape: weights can be copied, averaged, merged";
    case SwapLevel::drop_in: return "the same dimensions: it can stand where the other stood";
    case SwapLevel::none: break;
  }
  return "its input or its output has another dimension";
}

std::string heading(const Comparison& comparison) {
  auto text = fmt::format(
      "<header>\n<h1>{} <small>and</small> {}</h1>\n<table id=\"models\">\n<tr><td></td><th scope=\"col\">{}"
      "</th><th scope=\"col\">{}</th></tr>\n",
      escaped(comparison.models[0]), escaped(comparison.models[1]), escaped(comparison.models[0]),
      escaped(comparison.models[1]));
  const auto add = [&](const char* field, const std::string& a, const std::string& b) {
    text +=
        fmt::format("<tr><th scope=\"row\">{}</th><td data-field=\"{}\">{}</td><td data-field=\"{}\">{}</td></tr>\n",
                    field, field, escaped(a), field, escaped(b));
  };
  add("families", comparison.families[0], comparison.families[1]);
  const auto numbers = [&](const char* field, const std::vector<std::int64_t>& values) {
    add(field, grouped(values[0]), grouped(values[1]));
  };
  numbers("hidden_dims", comparison.hidden_dims);
  numbers("num_layers", comparison.num_layers);
  numbers("num_heads", comparison.num_heads);
  numbers("vocab_sizes", comparison.vocab_sizes);
  text += "</table>\n<ul class=\"legend\">\n";
  for (const auto level : {SwapLevel::identical, SwapLevel::weights, SwapLevel::drop_in})
    text += fmt::format("<li class=\"l-{}\"><b>{}</b> {}</li>\n", level_name(level), level_name(level), meaning(level));
  return text + "</ul>\n</header>\n";
}

std::string swap_section(const Swap& swap, std::size_t index) {
  auto text = fmt::format(
      "<section id=\"swap-{}\" class=\"swap l-{}\" data-level=\"{}\">\n<h2>{} \u2194 {}</h2>\n<p><b>{}</b>: "
      "{}</p>\n",
      index, level_name(swap.level), level_name(swap.level), escaped(swap.a), escaped(swap.b), level_name(swap.level),
      meaning(swap.level));
  if (!swap.reasons.empty()) {
    text += "<h3>Not higher because</h3>\n<table class=\"reasons\">\n";
    for (const auto& reason : swap.reasons)
      text += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n", escaped(reason.field),
                          escaped(reason.a), escaped(reason.b));
    text += "</table>\n";
  }
  return text + "</section>\n";
}

// One of the two, with the names by which the comparison calls its kinds.
struct Side {
  Side(const ModelSpec& given, double x, const char* given_prefix)
      : spec(given),
        prefix(given_prefix),
        kinds(part_kinds(given)),
        drawing(draw(blocks_of(given, kinds), kinds, given.parameters, x, kStack, given_prefix)) {
    for (std::size_t i = 0; i < kinds.size(); ++i) kind_of.emplace(name_ranges(kinds[i].members), i);
  }

  const ModelSpec& spec;
  std::string prefix;
  std::vector<PartKind> kinds;
  Drawing drawing;
  std::unordered_map<std::string, std::size_t> kind_of;
};

// A line for every kind of a to those of b that come nearest to it.
std::string joins(const Comparison& comparison, const Side& a, const Side& b) {
  std::unordered_map<std::string, SwapLevel> best;
  for (const auto& swap : comparison.swaps) best[swap.a] = std::max(best[swap.a], swap.level);
  std::string text;
  for (std::size_t i = 0; i < comparison.swaps.size(); ++i) {
    const auto& swap = comparison.swaps[i];
    if (swap.level == SwapLevel::none || swap.level < best[swap.a]) continue;
    const auto from = a.drawing.anchors.find(a.kind_of.at(swap.a)), to = b.drawing.anchors.find(b.kind_of.at(swap.b));
    if (from == a.drawing.anchors.end() || to == b.drawing.anchors.end()) continue;
    const auto& starts = from->second;
    const auto& ends = to->second;
    for (std::size_t k = 0; k < std::max(starts.size(), ends.size()); ++k) {
      const auto& end = ends[std::min(k, ends.size() - 1)];
      const auto bend = kStack + kBetween / 2, y1 = starts[std::min(k, starts.size() - 1)].middle, y2 = end.middle;
      text += fmt::format(
          "<a href=\"#swap-{0}\" class=\"join l-{1}\" aria-label=\"{2} and {3}: {1}\"><title>{2} \u2194 {3}: {1}</title>"
          "<path d=\"M{4:.0f} {5:.1f} C{6:.0f} {5:.1f} {6:.0f} {7:.1f} {8:.0f} {7:.1f}\"/></a>\n",
          i, level_name(swap.level), escaped(swap.a), escaped(swap.b), kStack, y1, bend, y2, end.left);
    }
  }
  return text;
}

std::string sections(const Side& side, const Comparison& comparison, const std::string Swap::*name) {
  std::string text;
  for (std::size_t i = 0; i < side.kinds.size(); ++i) {
    std::string links;
    for (std::size_t k = 0; k < comparison.swaps.size(); ++k) {
      const auto& swap = comparison.swaps[k];
      if (side.kind_of.at(swap.*name) == i)
        links += fmt::format("<li class=\"l-{}\"><a href=\"#swap-{}\">{}: {} \u2194 {}</a></li>\n",
                             level_name(swap.level), k, level_name(swap.level), escaped(swap.a), escaped(swap.b));
    }
    text += kind_section(side.spec, side.kinds[i], fmt::format("{}{}", side.prefix, i), side.spec.model_id,
                         links.empty() ? "" : "<h3>Could be swapped</h3>\n<ul class=\"swaps\">\n" + links + "</ul>\n");
  }
  return text;
}

}  // namespace

std::string comparison_page(const ModelSpec& first, const ModelSpec& second) {
  const auto comparison = compare(first, second);
  const Side a(first, 0, "a-"), b(second, kStack + kBetween, "b-");
  const auto width = 2 * kStack + kBetween;
  auto body =
      heading(comparison) +
      fmt::format(
          "<main class=\"wide\">\n<figure>\n<svg viewBox=\"-1 -1 {:.0f} {:.0f}\" width=\"{:.0f}\" role=\"group\" "
          "aria-label=\"Both models from input to output, and lines between parts that could be swapped\">\n"
          "{}{}{}</svg>\n<figcaption>A block is as tall as its share of its model's parameters. Lines join "
          "each part of the first with those of the second that come nearest to it.</figcaption>\n</figure>\n"
          "<div id=\"details\">\n",
          width + 2, std::max(a.drawing.height, b.drawing.height) + 2, width + 2, a.drawing.svg,
          joins(comparison, a, b), b.drawing.svg);
  for (std::size_t i = 0; i < comparison.swaps.size(); ++i) body += swap_section(comparison.swaps[i], i);
  body += sections(a, comparison, &Swap::a) + sections(b, comparison, &Swap::b);
  return page(first.model_id + " and " + second.model_id, body + "</div>\n</main>\n");
}

}  // namespace garage::cli
