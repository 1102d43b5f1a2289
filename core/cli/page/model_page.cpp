#include <fmt/format.h>

#include "../output.hpp"
#include "drawing.hpp"
#include "kind_section.hpp"
#include "markup.hpp"
#include "pages.hpp"

namespace garage::cli {
namespace {

constexpr double kWidth = 420;

std::string heading(const ModelSpec& spec) {
  std::string text = fmt::format("<header>\n<h1>{}</h1>\n<p>{}{}</p>\n<dl id=\"model\">\n", escaped(spec.model_id),
                                 escaped(spec.family),
                                 spec.architecture.empty() ? "" : fmt::format(" ({})", escaped(spec.architecture)));
  const auto add = [&](const char* field, std::int64_t number) {
    text += fmt::format("<div><dt>{}</dt><dd data-field=\"{}\">{}</dd></div>\n", field, field, grouped(number));
  };
  add("parameters", spec.parameters);
  add("hidden_dim", spec.hidden_dim);
  add("num_layers", spec.num_layers);
  add("num_heads", spec.num_heads);
  add("vocab_size", spec.vocab_size);
  add("max_seq_len", spec.max_seq_len);
  return text + "</dl>\n</header>\n";
}

std::string left_out(const ModelSpec& spec) {
  std::string text;
  for (const auto& row : spec.ignored)
    text += fmt::format("<li>{} tensors <code>{}</code>: {}</li>\n", row.count, escaped(row.tensors), escaped(row.why));
  return text.empty() ? text : "<h2>Left out</h2>\n<ul>\n" + text + "</ul>\n";
}

}  // namespace

std::string model_page(const ModelSpec& spec) {
  const auto kinds = part_kinds(spec);
  const auto drawing = draw(blocks_of(spec, kinds), kinds, spec.parameters, 0, kWidth, "kind-");
  auto body =
      heading(spec) + fmt::format(
                          "<main>\n<figure>\n<svg viewBox=\"-1 -1 {:.0f} {:.0f}\" width=\"{:.0f}\" role=\"group\" "
                          "aria-label=\"The parts of {}, from input to output\">\n{}</svg>\n<figcaption>Each block is as "
                          "tall as its share of the parameters.</figcaption>\n</figure>\n<div id=\"details\">\n",
                          kWidth + 2, drawing.height + 2, kWidth + 2, escaped(spec.model_id), drawing.svg);
  for (std::size_t i = 0; i < kinds.size(); ++i) body += kind_section(spec, kinds[i], fmt::format("kind-{}", i));
  return page(spec.model_id, body + left_out(spec) + "</div>\n</main>\n");
}

}  // namespace garage::cli
