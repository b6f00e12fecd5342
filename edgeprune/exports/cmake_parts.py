"""Declarations and definitions of generated C++ that only some models need."""

from collections.abc import Collection, Mapping, Sequence

from edgeprune.exports import cpp_code
from edgeprune.exports.outputs import OutputPlan
from edgeprune.exports.plan import CodePart

_DECLARED = {
    CodePart.PICTURES: (
        "// Bytes of a picture, row by row, the channels of a pixel side by side: RGB, or grey alone.\n"
        "struct Picture {\n  std::vector<std::uint8_t> pixels;\n  std::size_t height, width, channels;\n\n"
        "  // As it is to be seen, where its file states the EXIF orientation 2 to 8.\n"
        "  Picture upright(int orientation) const;\n};\n\n"
    ),
}
_FUNCTIONS = {
    CodePart.AUDIO: (
        "// The mean of channels that lie side by side, at another rate: a recording as the model takes it.\n"
        "std::vector<std::int16_t> mono(const std::vector<std::int16_t>& interleaved, std::size_t channels,\n"
        "                               int from_hz, int to_hz);\n\n"
    ),
    CodePart.BOXES: (
        "// One object; `number` is its class, and its box is in fractions of the picture.\n"
        "struct Detection {\n  std::string label;\n  std::size_t number;\n"
        "  float score, ymin, xmin, ymax, xmax;\n};\n\n"
        "// Objects without those that others suppress, the most certain first.\n"
        "std::vector<Detection> detections(const Output& output);\n\n"
    ),
}
_DEFINED = {
    CodePart.PICTURES:
        "\nPicture Picture::upright(int orientation) const { return detail::upright(*this, orientation); }\n",
    CodePart.AUDIO: (
        "\nstd::vector<std::int16_t> mono(const std::vector<std::int16_t>& interleaved,\n"
        "                               std::size_t channels, int from_hz, int to_hz) {\n"
        "  return detail::mono(interleaved, channels, from_hz, to_hz);\n}\n"
    ),
}
PICTURE_FILL = """[[maybe_unused]] static void fill(model::Picture& picture, const std::string& bytes) {
  std::istringstream stream(bytes);
  std::string magic;
  int height = 0, width = 0, most = 0;
  if (!(stream >> magic >> width >> height >> most) || (magic != "P5" && magic != "P6") || most != 255)
    throw std::runtime_error("a binary PPM or PGM with 8 bits a channel was expected");
  stream.get();
  picture = {{std::istreambuf_iterator<char>(stream), {}}, static_cast<std::size_t>(height),
             static_cast<std::size_t>(width), magic == "P6" ? 3u : 1u};
}

"""


RANKED = """
// Labels with their scores, the best one first.
std::vector<Prediction> ranked(const {}& output);
"""


def output_struct(outputs: Sequence[OutputPlan]) -> str:
    """What comes out of a model."""
    fields = (f"  std::array<{cpp_code.value_type(one)}, {one.size}> {one.name};\n" for one in outputs)
    return f"struct Output {{\n{''.join(fields)}}};\n"


def ranked(one: OutputPlan | None, kind: str) -> str:
    """The function that ranks the labels by an output, a part of a `kind`; empty where there is none."""
    if one is None:
        return ""
    values = f"output.{one.name}"
    score = f"i ? {values}[0] : 1.0f - {values}[0]" if one.binary else f"{values}[i]"
    return (
        f"\nstd::vector<Prediction> ranked(const {kind}& output) {{\n  std::vector<Prediction> result;\n"
        f"  for (std::size_t i = 0; i < labels.size(); i++) result.push_back({{labels[i], {score}}});\n"
        "  std::stable_sort(result.begin(), result.end(),\n"
        "                   [](const Prediction& a, const Prediction& b) { return a.score > b.score; });\n"
        "  return result;\n}\n"
    )


def types(parts: Collection[CodePart]) -> str:
    """What inputs are made of."""
    return _texts(_DECLARED, parts)


def declarations(parts: Collection[CodePart]) -> str:
    """Functions beside the model's own class."""
    return _texts(_FUNCTIONS, parts)


def definitions(parts: Collection[CodePart]) -> str:
    """Of those functions whose code depends on no model."""
    return _texts(_DEFINED, parts)


def _texts(table: Mapping[CodePart, str], parts: Collection[CodePart]) -> str:
    return "".join(table[part] for part in sorted(parts) if part in table)
