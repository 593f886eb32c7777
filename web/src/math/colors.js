// Colors as 0xBBGGRR integers: what a canvas' pixels are on every machine that browsers run on.

// the report's colors of points (drawing/palette.py POINTS): told apart with every kind of color vision, on light and dark
const POINTS = ["#3c00ff", "#ffa500", "#00d2b4", "#d24b00", "#782d96", "#a5c378", "#e13cff", "#696978", "#873c2d", "#e1a5ff"];
// the first, the fifth and the ninth are lighter on dark paper
const POINTS_ON_DARK = ["#7d74ff", "#ffa500", "#00d2b4", "#e8632a", "#a95cc4", "#a5c378", "#e95cff", "#8e8e9e", "#b5624f", "#e1a5ff"];
const VIRIDIS = ["#440154", "#482878", "#3e4a89", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
export const SHADES = 64;

export const packed = (hex) => {
  const value = parseInt(hex.slice(1), 16);
  return ((value & 255) << 16) | (value & 0xff00) | (value >> 16);
};

const GOLDEN = 137.508; // degrees: each next hue is far from all those before it

/** Colors of `num` classes: the searched ten, or hues in three lightnesses, those of neighbors far apart. */
export function classColors(num, isDark) {
  const base = isDark ? POINTS_ON_DARK : POINTS;
  if (num <= base.length) return base.slice(0, Math.max(num, 0));
  return Array.from({ length: num }, (_, n) => {
    const hue = (n * GOLDEN) % 360;
    const lightness = [isDark ? 0.78 : 0.5, isDark ? 0.62 : 0.68, isDark ? 0.88 : 0.38][n % 3];
    return fromOklch(lightness, 0.15, hue);
  });
}

export const viridis = Array.from({ length: SHADES }, (_, n) => {
  const at = (n / (SHADES - 1)) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  return mix(VIRIDIS[low], VIRIDIS[low + 1], at - low);
});

/** For numbers on a circle: the last color is next to the first. */
export const cyclic = Array.from({ length: SHADES }, (_, n) => fromOklch(0.68, 0.15, (n * 360) / SHADES));
export const cyclicGradient = `linear-gradient(to right, ${[...cyclic.filter((_, n) => n % 4 === 0), cyclic[0]].join(", ")})`;

export const viridisGradient = `linear-gradient(to right, ${VIRIDIS.join(", ")})`;

function mix(a, b, share) {
  const channel = (hex, at) => parseInt(hex.slice(at, at + 2), 16);
  return "#" + [1, 3, 5].map((at) => hexOf(channel(a, at) * (1 - share) + channel(b, at) * share)).join("");
}

function hexOf(value) {
  return Math.round(Math.min(255, Math.max(0, value))).toString(16).padStart(2, "0");
}

// https://bottosson.github.io/posts/oklab/
function fromOklch(lightness, chroma, hue) {
  const a = chroma * Math.cos((hue * Math.PI) / 180), b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  const gamma = (value) => (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055);
  return "#" + linear.map((value) => hexOf(255 * gamma(Math.max(value, 0)))).join("");
}
