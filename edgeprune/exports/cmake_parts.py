"""Declarations and definitions of generated C++ that only some models need."""

from collections.abc import Collection, Mapping, Sequence

from edgeprune.exports import cpp_code, steps
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
    CodePart.LETTERBOX: """// Where a picture stands in the model's input, between bars: as fractions of that.
struct PictureArea {
  double ymin, xmin, ymax, xmax;

  // A place in the model's input, 0 to 1, as one in the picture.
  float y(float value) const;
  float x(float value) const;
};

// Of a picture of this size.
PictureArea picture_area(std::size_t height, std::size_t width);

""",
    CodePart.AUDIO: (
        "// The mean of channels that lie side by side, at another rate: a recording as the model takes it.\n"
        "std::vector<std::int16_t> mono(const std::vector<std::int16_t>& interleaved, std::size_t channels,\n"
        "                               int from_hz, int to_hz);\n\n"
    ),
    CodePart.BOXES: (
        "// One object; `number` is its class, and its box is in fractions of the picture.\n"
        "struct Detection {\n  std::string label;\n  std::size_t number;\n"
        "  float score, ymin, xmin, ymax, xmax;\n};\n\n"
    ),
}
_DEFINED = {
    CodePart.PICTURES:
        "\nPicture Picture::upright(int orientation) const { return detail::upright(*this, orientation); }\n",
    CodePart.LETTERBOX: (
        "\nfloat PictureArea::y(float value) const { return detail::inside(value, ymin, ymax); }\n"
        "float PictureArea::x(float value) const { return detail::inside(value, xmin, xmax); }\n"
    ),
    CodePart.AUDIO: (
        "\nstd::vector<std::int16_t> mono(const std::vector<std::int16_t>& interleaved,\n"
        "                               std::size_t channels, int from_hz, int to_hz) {\n"
        "  return detail::mono(interleaved, channels, from_hz, to_hz);\n}\n"
    ),
}
_DETECTIONS = "std::vector<Detection> detections(const Output& output{})"
_SIZE = ", std::size_t height, std::size_t width"
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


def picture_area(bars: steps.Letterbox | None) -> str:
    """The function that tells where a picture stands in the model's input; empty where it fills that."""
    if bars is None:
        return ""
    return (
        "\nPictureArea picture_area(std::size_t height, std::size_t width) {\n"
        f"  return detail::area_of(height, width, {bars.height}, {bars.width});\n}}\n"
    )


def types(parts: Collection[CodePart]) -> str:
    """What inputs are made of."""
    return _texts(_DECLARED, parts)


def declarations(parts: Collection[CodePart]) -> str:
    """Functions beside the model's own class."""
    text = _texts(_FUNCTIONS, parts)
    if CodePart.BOXES not in parts:
        return text
    barred = CodePart.LETTERBOX in parts
    of = "; of a picture of this size" if barred else ""
    head = f"// Objects without those that others suppress, the most certain first{of}.\n"
    return f"{text}{head}{_DETECTIONS.format(_SIZE if barred else '')};\n\n"


def detections(one: OutputPlan, bars: steps.Letterbox | None, *, labelled: bool) -> str:
    """The function that finds objects in raw heads, in fractions of the picture without its `bars`."""
    rows, columns = one.tensor.shape[1:3]
    label = "one.number < labels.size() ? std::string(labels[one.number]) : " if labelled else ""
    sides = [f"static_cast<float>(one.box[{side}])" for side in range(4)]
    area = ""
    if bars is not None:
        sides = [f"area.{'yxyx'[side]}({value})" for side, value in enumerate(sides)]
        area = "  const PictureArea area = picture_area(height, width);\n"
    gap = ",\n                      "
    return (
        f"\n{_DETECTIONS.format('' if bars is None else _SIZE)} {{\n  std::vector<Detection> result;\n{area}"
        f"  for (const auto& one : detail::boxes(output.{one.name}, {rows}, {columns}))\n"
        f"    result.push_back({{{label}std::to_string(one.number), one.number, one.score{gap}"
        f"{gap.join(sides)}}});\n  return result;\n}}\n"
    )


def definitions(parts: Collection[CodePart]) -> str:
    """Of those functions whose code depends on no model."""
    return _texts(_DEFINED, parts)


def _texts(table: Mapping[CodePart, str], parts: Collection[CodePart]) -> str:
    return "".join(table[part] for part in sorted(parts) if part in table)
