// tokenizer.model: a protobuf message of sentencepiece (sentencepiece_model.proto, ModelProto), of which is read:
//
//   1: pieces, repeated message   1: piece, its text (bytes). The n-th piece has id n
//   2: trainer_spec, message      3: model_type: 1 unigram, 2 bpe, 3 word, 4 char
//
// On the wire a field is a varint, its number * 8 + its kind (0: varint; 1: 8 bytes; 2: a varint's number of bytes;
// 5: 4 bytes), and its value.
#include <fmt/format.h>

#include <garage/error.hpp>

#include "../../bytes/read_file.hpp"
#include "../../text/utf8.hpp"
#include "own_tokens.hpp"

namespace garage {
namespace {

class Fields {
 public:
  Fields(std::string_view bytes, std::string_view subject, std::size_t begin)
      : bytes_(bytes), subject_(subject), begin_(begin) {}

  struct Field {
    std::uint64_t number;
    std::uint64_t value;     // of a varint
    std::string_view bytes;  // of a field of bytes
    std::size_t offset;      // in the file
  };

  std::optional<Field> next() {
    if (at_ == bytes_.size()) return std::nullopt;
    const auto tag = varint();
    Field field{tag >> 3, 0, {}, 0};
    switch (tag & 7) {
      case 0: field.value = varint(); break;
      case 1: take(8); break;
      case 2: {
        const auto size = varint();
        field.offset = begin_ + at_;
        field.bytes = take(size);
        break;
      }
      case 5: take(4); break;
      default: wrong(fmt::format("a field of kind {}", tag & 7));
    }
    if (field.number == 0) wrong("a field of number 0");
    return field;
  }

 private:
  [[noreturn]] void wrong(std::string_view what) const {
    throw Error(Errc::kCorrupt,
                fmt::format("{}: is no model of sentencepiece: {} ends at byte {}", subject_, what, begin_ + at_));
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(take(1)[0]);
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    wrong("a number of more than 64 bits");
  }

  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size() - at_)
      throw Error(Errc::kCorrupt,
                  fmt::format("{}: is no model of sentencepiece: {} bytes are due at byte {}, {} are left", subject_,
                              count, begin_ + at_, bytes_.size() - at_));
    const auto taken = bytes_.substr(at_, count);
    at_ += count;
    return taken;
  }

  std::string_view bytes_, subject_;
  std::size_t begin_, at_ = 0;
};

std::string_view piece_of(const Fields::Field& message, std::string_view subject) {
  std::string_view piece;
  for (Fields fields(message.bytes, subject, message.offset); const auto field = fields.next();)
    if (field->number == 1) piece = field->bytes;
  return piece;
}

std::string model_type_of(const Fields::Field& message, std::string_view subject) {
  std::uint64_t type = 1;  // the format's own default
  for (Fields fields(message.bytes, subject, message.offset); const auto field = fields.next();)
    if (field->number == 3) type = field->value;
  return type == 1 ? "Unigram" : type == 2 ? "BPE" : "";
}

}  // namespace

OwnTokens read_sentencepiece(const std::filesystem::path& file) {
  const auto subject = file.string();
  const auto bytes = read_text_file(file, kMostTokenizerBytes);
  OwnTokens out;
  out.vocabulary.file = file;
  out.vocabulary.spelling = "metaspace";
  auto& tokens = out.vocabulary.tokens;
  for (Fields fields(bytes, subject, 0); const auto field = fields.next();) {
    if (field->number == 2) out.vocabulary.model_type = model_type_of(*field, subject);
    if (field->number != 1) continue;
    const auto piece = piece_of(*field, subject);
    const auto id = static_cast<std::int64_t>(tokens.size());
    if (!is_utf8(piece))
      throw Error(Errc::kCorrupt, fmt::format("{}: piece {}, {}, is not UTF-8", subject, id, in_quotes(piece)));
    tokens.push_back({checked_id(id, piece, subject), std::string(piece)});
  }
  if (tokens.empty()) throw Error(Errc::kCorrupt, subject + ": is no model of sentencepiece: it has no pieces");
  return out;
}

}  // namespace garage
